//! Files that are no text: key stores, and the macaroons of a Lightning node. What is told is the file as a whole.

use oakum_patterns::Confidence;
use oakum_patterns::check::{is_macaroon, key_store};

use super::reading::Reading;

/// Key stores with a private key in them. One of certificates alone is no credential.
pub(crate) fn key_store_file(bytes: &[u8], reading: &mut Reading<'_, '_>) {
    let Some(store) = key_store(bytes) else { return };
    let rule = if store.kind == "PKCS#12" { "private-key.pkcs12" } else { "private-key.java-store" };
    reading.whole(rule, store.confidence(), store.alias.as_deref().unwrap_or("key"));
}

/// `admin.macaroon` and its kin.
pub(crate) fn macaroon_file(bytes: &[u8], reading: &mut Reading<'_, '_>) {
    if is_macaroon(bytes) {
        let rule = if bytes.starts_with(LIGHTNING) { "macaroon.lightning" } else { "macaroon.token" };
        reading.whole(rule, Confidence::Certain, "macaroon");
    }
}

/// A macaroon of version 2 whose location is `lnd`.
const LIGHTNING: &[u8] = b"\x02\x01\x03lnd";

/// The longest macaroon that a file may be.
const LONGEST: usize = 4096;

/// Whether a file begins as a macaroon does: its version, and its location or identifier.
pub(crate) fn begins_macaroon(bytes: &[u8]) -> bool {
    bytes.len() <= LONGEST && matches!(bytes, [2, 1 | 2, ..])
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use oakum_patterns::{Engine, Rule};

    use super::*;
    use crate::structured::{self, Format};

    /// What is found in a file of bytes: rule, confidence, way.
    fn found(bytes: &[u8]) -> Vec<(String, Confidence, String)> {
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        let Some(format) = Format::of_start(bytes) else { return Vec::new() };
        structured::read(&engine, format, bytes, &[])
            .found
            .into_iter()
            .map(|one| {
                assert_eq!(one.range, 0..bytes.len());
                (one.rule.id.to_string(), one.confidence, one.key)
            })
            .collect()
    }

    #[test]
    fn a_file_is_told_as_a_macaroon() {
        let mut bytes = LIGHTNING.to_vec();
        bytes.extend([2, 3, 7, 7, 7, 0, 0, 6, 32]);
        bytes.extend([9; 32]);
        assert_eq!(found(&bytes), [("macaroon.lightning".into(), Confidence::Certain, "macaroon".into())]);
        bytes.pop();
        assert_eq!(found(&bytes), []);
    }

    /// Runs a program in a folder; false where it is not there.
    fn run(folder: &Path, program: &str, words: &str) -> bool {
        let run = Command::new(program).args(words.split(' ')).current_dir(folder).output();
        run.is_ok_and(|output| output.status.success())
    }

    #[test]
    fn stores_of_openssl_and_java_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| -> PathBuf { folder.path().join(name) };
        let read = |name: &str| found(&std::fs::read(at(name)).unwrap());
        let is = |rule: &str, confidence, key: &str| vec![(rule.to_owned(), confidence, key.to_owned())];
        let pair = "req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -subj /CN=a -days 3";
        assert!(run(folder.path(), "openssl", pair), "openssl is needed (see tests/servers/ensure)");
        let export = |words: &str| {
            let words = format!("pkcs12 -export -in c.pem -name web {words}");
            assert!(run(folder.path(), "openssl", &words), "{words}");
        };
        let p12 = |confidence| is("private-key.pkcs12", confidence, "web");
        export("-inkey k.pem -passout pass:changeit -out a.p12");
        assert_eq!(read("a.p12"), p12(Confidence::Certain));
        export("-inkey k.pem -passout pass: -macalg sha1 -out b.p12");
        assert_eq!(read("b.p12"), p12(Confidence::Certain));
        export("-inkey k.pem -passout pass:Walnut!942 -out c.p12");
        assert_eq!(read("c.p12"), p12(Confidence::Possible));
        export("-inkey k.pem -keypbe NONE -certpbe NONE -nomac -passout pass:x -out d.p12");
        assert_eq!(read("d.p12"), p12(Confidence::Certain));
        export("-nokeys -passout pass:changeit -out e.p12");
        assert_eq!(read("e.p12"), []);
        let make = |kind: &str, password: &str| {
            let words = format!(
                "-genkeypair -keyalg EC -alias release -dname CN=a -storetype {kind} -keystore {kind}-{password} -storepass {password} -keypass {password}"
            );
            run(folder.path(), "keytool", &words)
        };
        for (kind, rule) in [("JKS", "private-key.java-store"), ("PKCS12", "private-key.pkcs12")] {
            if make(kind, "changeit") && make(kind, "Walnut942") {
                assert_eq!(read(&format!("{kind}-changeit")), is(rule, Confidence::Certain, "release"));
                assert_eq!(read(&format!("{kind}-Walnut942")), is(rule, Confidence::Possible, "release"));
            }
        }
    }
}
