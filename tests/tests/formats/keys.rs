//! Bundles and key stores, made of keys that OpenSSL has just made.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::programs::tool;
use serde_json::json;
use tempfile::TempDir;

use crate::{at, bytes, java, python, written};

/// A certificate of a new key, signed by a new authority.
struct Made {
    folder: TempDir,
}

impl Made {
    fn new(algorithm: &[&str]) -> Self {
        let made = Self { folder: tempfile::tempdir().unwrap() };
        let authority = ["-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem"];
        made.openssl(
            &[&["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"], &authority[..]]
                .concat(),
        );
        made.openssl(&[&["genpkey", "-out", "key.pem", "-algorithm"], algorithm].concat());
        made.openssl(&["req", "-new", "-key", "key.pem", "-subj", "/CN=web.example.com", "-out", "web.csr"]);
        made.openssl(&[
            "x509",
            "-req",
            "-in",
            "web.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-out",
            "web.pem",
        ]);
        made.canonical("key.pem", "PEM", "key.der");
        for name in ["web", "ca"] {
            made.openssl(&["x509", "-in", &format!("{name}.pem"), "-outform", "DER", "-out", &format!("{name}.der")]);
        }
        made
    }

    fn openssl(&self, args: &[&str]) -> String {
        tool(Command::new("openssl").args(args).current_dir(self.folder.path()))
    }

    /// Writes a key as PKCS#8 in DER, as OpenSSL has it: in what is optional, others differ.
    fn canonical(&self, from: &str, form: &str, to: &str) {
        self.openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", from, "-inform", form, "-outform", "DER", "-out", to]);
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    fn der(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(name)).unwrap()
    }

    /// The fields of a secret as Vault's PKI names them.
    fn fields(&self, key: String) -> BTreeMap<String, String> {
        let all = [
            ("private_key", key),
            ("certificate", self.text("web.pem")),
            ("issuing_ca", self.text("ca.pem")),
            ("serial_number", "1".to_owned()),
            ("password", "correct horse \\\"$".to_owned()),
        ];
        all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

#[test]
fn a_bundle_is_one_file_that_tls_libraries_load() {
    let made = Made::new(&["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let (key, web, ca) = (made.text("key.pem"), made.text("web.pem"), made.text("ca.pem"));
    let mut fields = made.fields(key.replace('\n', "\r\n"));
    fields.insert("certificate".to_owned(), format!("\n{}\n\n\n", web.trim_end()));
    let files = "  all.pem: { format: pem, secret: a }\n  chain.pem: { format: pem, values: { cert: \"a#certificate\", chain: \"a#issuing_ca\" } }\n";
    let place = written(&[("a", &fields)], files);
    assert_eq!(place.read("all.pem").unwrap(), format!("{key}{web}{ca}"));
    assert_eq!(place.read("chain.pem").unwrap(), format!("{web}{ca}"));
    assert_eq!(python(&["pem", &at(&place, "all.pem")]), json!({"loaded": true}));
    let path = at(&place, "all.pem");
    assert_eq!(made.openssl(&["pkey", "-in", &path]), made.openssl(&["pkey", "-in", "key.pem"]));
    made.openssl(&["verify", "-CAfile", "ca.pem", &path]);
}

#[test]
fn key_stores_are_opened_by_openssl_python_and_java() {
    for algorithm in [
        &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"][..],
        &["EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-pkeyopt", "ec_param_enc:named_curve"],
        &["ED25519"],
    ] {
        let made = Made::new(algorithm);
        let mut keys = vec![made.text("key.pem")];
        if algorithm[0] != "ED25519" {
            // The forms that Vault's PKI gives: PKCS#1 and SEC 1.
            keys.push(made.openssl(&["pkey", "-in", "key.pem", "-traditional"]));
        }
        for key in keys {
            opened(&made, &made.fields(key));
        }
    }
}

fn opened(made: &Made, fields: &BTreeMap<String, String>) {
    let files = "  with.p12: { format: pkcs12, secret: a, with: { alias: \"web é\" } }
  without.p12: { format: pkcs12, values: { key: \"a#private_key\", cert: \"a#certificate\" } }
  fixed.p12: { format: pkcs12, values: { key: \"a#private_key\", cert: \"a#certificate\", chain: \"a#issuing_ca\" }, with: { password: changeit } }\n";
    let (place, again) = (written(&[("a", fields)], files), written(&[("a", fields)], files));
    for (name, password, chain, alias) in [
        ("with.p12", fields["password"].as_str(), true, Some("web é")),
        ("without.p12", "", false, None),
        ("fixed.p12", "changeit", true, None),
    ] {
        let path = at(&place, name);
        let store = fs::read(&path).unwrap();
        assert_eq!(store, fs::read(at(&again, name)).unwrap(), "the same input makes the same bytes");
        let (key, mut certificates) = (made.der("key.der"), vec![made.der("web.der")]);
        if chain {
            certificates.push(made.der("ca.der"));
        }

        let shown = made.openssl(&[
            "pkcs12",
            "-in",
            &path,
            "-passin",
            &format!("pass:{password}"),
            "-nodes",
            "-out",
            "out.pem",
        ]);
        assert_eq!(shown, "");
        made.canonical("out.pem", "PEM", "out.der");
        assert_eq!(made.der("out.der"), key, "{name}");
        // The alias comes out in ISO 8859-1.
        let shown = String::from_utf8_lossy(&made.der("out.pem")).into_owned();
        assert_eq!(shown.matches("BEGIN CERTIFICATE").count(), certificates.len(), "{name}");
        refused(&path);

        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let expected: Vec<String> = certificates.iter().map(|one| hex(one)).collect();
        let read = python(&["pkcs12", &path, password]);
        assert_eq!(read, json!({"key": hex(&key), "certificates": expected, "alias": alias}), "{name}");

        // Java makes names lower case, and gives a key without one the name 1.
        let alias = alias.unwrap_or("1");
        let read = java(&["pkcs12", &path, password]);
        fs::write(made.folder.path().join("java.der"), bytes(&read[&format!("{alias} key")])).unwrap();
        made.canonical("java.der", "DER", "out.der");
        assert_eq!(made.der("out.der"), key, "{name}");
        for (at, certificate) in certificates.iter().enumerate() {
            assert_eq!(&bytes(&read[&format!("{alias} certificate {at}")]), certificate, "{name}");
        }
    }
}

/// A wrong password opens nothing.
fn refused(path: &str) {
    let mut openssl = Command::new("openssl");
    openssl.args(["pkcs12", "-in", path, "-passin", "pass:wrong", "-nodes"]).current_dir(Path::new("/"));
    assert!(!openssl.output().unwrap().status.success());
}
