//! The servers that other tests lean on are real: each starts, answers, refuses what it should, and stops.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::TcpStream;
use std::process::Command;

use e2e::images::Builder;
use e2e::planted::Planted;
use e2e::programs::finish;
use e2e::servers::aws::{Aws, Key};
use e2e::servers::kubernetes::Kubernetes;
use e2e::servers::registry::{Registry, USER};
use e2e::servers::vault::Vault;
use serde_json::json;

fn is_closed(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_err()
}

#[test]
fn vault_keeps_secrets_and_can_be_sealed() {
    let mut vault = Vault::start_tls().unwrap();
    let secret = Planted::password();
    vault.put("web", &json!({ "password": secret.text() }));
    assert_eq!(vault.call("GET", "secret/data/web", None)["data"]["data"]["password"], secret.text());
    assert_eq!(vault.ask_as("nobody", "GET", "secret/data/web", None).status, 403);
    vault.seal();
    assert_eq!(vault.ask_as(vault.root(), "GET", "secret/data/web", None).status, 503);
    vault.unseal().unwrap();
    assert_eq!(vault.ask_as(vault.root(), "GET", "secret/data/web", None).status, 200);
    let port = vault.address().rsplit(':').next().unwrap().parse().unwrap();
    vault.stop();
    assert!(is_closed(port));
}

#[test]
fn kubernetes_stores_objects_and_issues_tokens() {
    let mut cluster = Kubernetes::start().unwrap();
    cluster.call("POST", "/api/v1/namespaces", Some(json!({ "metadata": { "name": "shop" } })));
    let secret = json!({ "metadata": { "name": "db" }, "stringData": { "user": "web" } });
    cluster.call("POST", "/api/v1/namespaces/shop/secrets", Some(secret));
    assert_eq!(cluster.call("GET", "/api/v1/namespaces/shop/secrets/db", None)["data"]["user"], "d2Vi");
    // A service account's token, for one audience; it may read nothing unless a role says so.
    cluster.call("POST", "/api/v1/namespaces/shop/serviceaccounts", Some(json!({ "metadata": { "name": "web" } })));
    let request = json!({ "spec": { "audiences": ["vault"], "expirationSeconds": 600 } });
    let token = cluster.call("POST", "/api/v1/namespaces/shop/serviceaccounts/web/token", Some(request));
    let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": { "token": token["status"]["token"], "audiences": ["vault"] } });
    let review = cluster.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", Some(review));
    assert_eq!(review["status"]["user"]["username"], "system:serviceaccount:shop:web");
    assert_eq!(cluster.ask_as("nobody", "GET", "/api/v1/namespaces/shop/secrets/db", None).status, 401);
    let port = cluster.port();
    cluster.stop();
    assert!(is_closed(port));
}

#[test]
fn the_registry_takes_images_from_who_has_the_password() {
    let mut registry = Registry::start().unwrap();
    let builder = Builder::new().unwrap();
    builder.build("small", "FROM scratch\nCOPY busybox /busybox\n", &[]);
    builder.push("small", "oci", "small");
    let name = format!("docker://{}/team/small:1", registry.host());
    let certificates = registry.certificates().unwrap();
    let skopeo = |args: &[&str], password: &str| {
        let mut command = Command::new("skopeo");
        command.arg("--policy").arg(builder.path().join("policy.json")).args(args).current_dir(builder.path());
        let (cert, creds) =
            if args[0] == "copy" { ("--dest-cert-dir", "--dest-creds") } else { ("--cert-dir", "--creds") };
        command.arg(cert).arg(&certificates).arg(creds).arg(format!("{USER}:{password}"));
        finish(&mut command, b"")
    };
    let copy = ["copy", "--quiet", "oci:small:small:latest", &name];
    let refused = skopeo(&copy, "wrong");
    assert!(refused.code != 0 && refused.err.contains("authentication required"), "{}", refused.err);
    let pushed = skopeo(&copy, registry.password().text());
    assert_eq!(pushed.code, 0, "{}", pushed.err);
    let seen = skopeo(&["inspect", &name], registry.password().text());
    assert!(seen.json()["Digest"].as_str().unwrap().starts_with("sha256:"), "{}", seen.out);
    let port = registry.port();
    registry.stop();
    assert!(is_closed(port));
}

#[test]
fn aws_checks_signatures() {
    let mut aws = Aws::start().unwrap();
    let value = Planted::password();
    let key = aws.set_up("db", value.text()).unwrap();
    let get = json!({ "SecretId": "db" });
    assert_eq!(aws.call(&key, "secretsmanager", "GetSecretValue", &get)["body"]["SecretString"], value.text());
    let forged = Key { secret: Planted::password().text().to_owned(), ..key };
    let refused = aws.call(&forged, "secretsmanager", "GetSecretValue", &get);
    assert_eq!(refused["status"], 403, "{refused}");
    let port = aws.port();
    aws.stop();
    assert!(is_closed(port));
}
