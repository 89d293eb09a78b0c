//! The store that a server and a login become.

use super::*;
use crate::config::{
    AwsCredentials, ClientCert, Injection, Literal, Mode, Removal, Store, TokenFile, VaultAuth, VaultStore, Wrapping,
};

/// Makes the store of a method, with `vault` before it if there is anything to say of the server.
fn stored(vault: &str, method: &str) -> Result<(VaultStore, Vec<String>), ConfigError> {
    let text = format!("vault {{ {vault} }}\nauto_auth {{ method {method} }}\n");
    let around = |name: &str| environment(name).filter(|_| !vault.contains("address"));
    let translation = hcl(&text).unwrap().translate(around).unwrap();
    let stored = translation.store("agent.hcl")?;
    // What comes out is what somebody could have written.
    let Store::Vault(store) = &stored.store else { panic!("a store of Vault") };
    let whole = serde_json::json!({
        "apiVersion": "oakum.dev/v1", "kind": "Injection", "stores": { "vault": crate::config::encode::store(&stored.store) },
        "secrets": { "web": "vault:secret/web" }, "files": { "web": "web" },
    });
    let read = Injection::parse(&whole.to_string(), "c.json").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read.stores["vault"], stored.store);
    Ok((store.clone(), stored.warnings.into_iter().map(|warning| warning.what).collect()))
}

/// The login of a method that loses nothing.
fn login(method: &str) -> VaultAuth {
    let (store, warnings) = stored("", method).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(warnings, [""; 0], "{method}");
    store.auth
}

#[test]
fn every_method_becomes_a_login() {
    let role = || "web".to_owned();
    let kubernetes =
        login(r#""kubernetes" { mount_path = "auth/k8s/east" config = { role = "web" token_path = "/t" } }"#);
    assert_eq!(kubernetes, VaultAuth::Kubernetes { mount: "k8s/east".to_owned(), role: role(), token: "/t".into() });
    let approle = |wrapped: Option<&str>| VaultAuth::AppRole {
        mount: "approle".to_owned(),
        role_id: Literal::File("/r".into()),
        secret_id: "/s".into(),
        wrapped: wrapped.map(|path| Wrapping { creation_path: Some(path.to_owned()), keep: None }),
        remove: false,
    };
    let files = r#"role_id_file_path = "/r" secret_id_file_path = "/s" remove_secret_id_file_after_reading = false"#;
    assert_eq!(login(&format!(r#""approle" {{ config = {{ {files} }} }}"#)), approle(None));
    let path = r#"secret_id_response_wrapping_path = "auth/approle/role/web/secret-id""#;
    let expected = approle(Some("auth/approle/role/web/secret-id"));
    assert_eq!(login(&format!(r#""approle" {{ config = {{ {files} {path} }} }}"#)), expected);
    let jwt = login(r#""jwt" { config = { path = "/t" role = "web" remove_jwt_after_reading = false } }"#);
    let remove = Removal::Never;
    assert_eq!(jwt, VaultAuth::Jwt { mount: "jwt".to_owned(), role: role(), token: "/t".into(), remove });
    for (more, removed) in [("", Removal::File), ("remove_jwt_follows_symlinks = true", Removal::Target)] {
        let auth = login(&format!(r#""jwt" {{ config = {{ path = "/t" role = "web" {more} }} }}"#));
        assert!(matches!(auth, VaultAuth::Jwt { remove, .. } if remove == removed), "{more}");
    }
    let file = login(r#""token_file" { config = { token_file_path = "/t" } }"#);
    assert_eq!(file, VaultAuth::TokenFile("/t".into()));
    let aws = r#""aws" { config = { type = "iam" role = "web" region = "eu-west-1" header_value = "vault" } }"#;
    let expected = VaultAuth::Aws {
        mount: "aws".to_owned(),
        role: role(),
        credentials: AwsCredentials::Chain,
        region: Some("eu-west-1".to_owned()),
        header: Some("vault".to_owned()),
    };
    assert_eq!(login(aws), expected);
}

#[test]
fn the_file_of_a_secret_id_is_taken_away_unless_told_otherwise() {
    let files = r#"role_id_file_path = "/r" secret_id_file_path = "/s""#;
    let path = r#"secret_id_response_wrapping_path = "auth/approle/role/web/secret-id""#;
    for (more, expected) in [
        ("", true),
        ("remove_secret_id_file_after_reading = true", true),
        ("remove_secret_id_file_after_reading = false", false),
        // What unwraps it is good for nothing once it has been used.
        (path, false),
    ] {
        let auth = login(&format!(r#""approle" {{ config = {{ {files} {more} }} }}"#));
        assert!(matches!(auth, VaultAuth::AppRole { remove, .. } if remove == expected), "{more}");
    }
}

#[test]
fn a_sink_becomes_a_file_of_the_token() {
    let method = |sink: &str| format!(r#""token_file" {{ config = {{ token_file_path = "/t" }} }} {sink}"#);
    let mode = |text| Mode::parse(text).unwrap();
    let plain = || TokenFile { path: "/run/x/t".into(), mode: mode("0640"), user: None, group: None, wrap: None };
    for (sink, expected) in [
        (r#"sink "file" { config = { path = "/run/x/t" gid = 7 } }"#, TokenFile { group: Some(7), ..plain() }),
        (r#"sink "file" { config = { path = "/run/x/t" uid = 7 } }"#, TokenFile { user: Some(7), ..plain() }),
        (
            r#"sink "file" { wrap_ttl = "5m" config = { path = "/run/x/t" mode = 0600 } }"#,
            TokenFile { wrap: Some(Duration::from_secs(300)), mode: mode("0600"), ..plain() },
        ),
        (r#"sink "file" { wrap_ttl = "0s" config = { path = "/run/x/t" } }"#, plain()),
    ] {
        let (store, warnings) = stored("", &method(sink)).unwrap();
        assert_eq!((warnings, store.write_token), (vec![], vec![expected]), "{sink}");
    }
    assert!(stored("", &method(r#"sink "file" { config = { path = "t" } }"#)).unwrap_err().what.contains("absolute"));
}

#[test]
fn the_server_keeps_what_is_said_of_it() {
    let vault = r#"address = "https://vault.example.com:8300" namespace = "team-a/" ca_cert = "/ca"
        client_cert = "/c" client_key = "/k" tls_server_name = "vault""#;
    let method = r#""cert" { namespace = "team-a" config = { name = "web" ca_cert = "/ca" } }"#;
    let (store, warnings) = stored(vault, method).unwrap();
    assert_eq!(warnings, [""; 0]);
    assert_eq!(store.address.to_string(), "https://vault.example.com:8300");
    let client = Some(ClientCert { cert: "/c".into(), key: "/k".into() });
    assert_eq!((store.namespace.as_deref(), store.client), (Some("team-a"), client));
    assert_eq!((store.ca, store.server_name.as_deref()), (Some("/ca".into()), Some("vault")));
    assert_eq!(store.auth, VaultAuth::Cert { mount: "cert".to_owned(), name: Some("web".to_owned()) });
}

#[test]
fn what_is_done_otherwise_is_said() {
    let kubernetes = |more: &str| format!(r#""kubernetes" {{ {more} config = {{ role = "web" }} }}"#);
    for (method, what) in [
        (kubernetes("wrap_ttl = \"5m\""), "`wrap_ttl` of the method has no counterpart"),
        (kubernetes("min_backoff = \"5s\""), "`min_backoff` and `max_backoff` have no counterpart"),
        (kubernetes("exit_on_err = true"), "`exit_on_err` has no counterpart"),
        (
            r#""cert" { config = { client_cert = "/c" client_key = "/k" } }"#.to_owned(),
            "shown on every connection, not at the login only",
        ),
    ] {
        let (_, warnings) = stored("", &method).unwrap();
        assert!(warnings.len() == 1 && warnings[0].contains(what), "{method}: {warnings:?}");
    }
    let (store, warnings) =
        stored(r#"client_cert = "/c" client_key = "/k""#, r#""cert" { config = { ca_cert = "/ca" } }"#).unwrap();
    assert!(store.ca == Some("/ca".into()) && warnings.len() == 1, "{warnings:?}");
}

#[test]
fn what_cannot_be_done_is_an_error_with_the_way_out() {
    let plain = r#""kubernetes" { config = { role = "web" } }"#;
    let shown = r#"client_cert = "/c" client_key = "/k""#;
    for (vault, method, what) in [
        ("tls_skip_verify = true", plain, "never taken unseen"),
        ("", r#""kubernetes" { namespace = "a" config = { role = "web" } }"#, "another namespace"),
        ("", r#""kubernetes" { config = { role = "web" token_path = "token" } }"#, "`token_path` must be an absolute"),
        ("", r#""approle" { config = { role_id_file_path = "/r" } }"#, "without a secret id"),
        ("", r#""cert" { config = { name = "web" } }"#, "no certificate to log in with"),
        (&format!("{shown} ca_cert = \"/ca\""), r#""cert" { config = { ca_cert = "/other" } }"#, "another `ca_cert`"),
        (&format!("{shown} address = \"http://127.0.0.1:8200\""), r#""cert" {}"#, "needs TLS"),
        ("", r#""aws" { config = { type = "ec2" role = "web" } }"#, "`ec2`"),
        ("", r#""aws" { config = { type = "iam" role = "web" region = "EU" } }"#, "not a region"),
    ] {
        let error = stored(vault, method).unwrap_err();
        assert!(error.what.contains(what) && error.hint.is_some(), "{method}: {error:?}");
        assert_eq!(error.source_name, "agent.hcl");
    }
    let pem = |name: &str| (name == "VAULT_CACERT_BYTES").then(|| "PEM".to_owned());
    let translation = hcl("").unwrap().translate(pem).unwrap();
    assert!(translation.store("agent.hcl").unwrap_err().hint.unwrap().contains("VAULT_CACERT"));
}
