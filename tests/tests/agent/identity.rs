//! The way of a pod: its annotations become a configuration, its service account's token becomes a session. With a real
//! API server that issues and reviews the tokens.

use std::fs;
use std::process::Command;

use e2e::agent::Place;
use e2e::planted::Planted;
use e2e::programs::{Ran, finish, program};
use e2e::servers::kubernetes::Kubernetes;
use e2e::servers::vault::Vault;
use serde_json::{Value, json};

use crate::{MAY_READ, store};

/// A cluster with the service account `web` in `shop`, where pods must be restricted.
fn cluster() -> Kubernetes {
    let cluster = Kubernetes::start().unwrap();
    let labels = json!({ "pod-security.kubernetes.io/enforce": "restricted" });
    let namespace = json!({ "metadata": { "name": "shop", "labels": labels } });
    cluster.call("POST", "/api/v1/namespaces", Some(namespace));
    for name in ["web", "vault"] {
        let account = json!({ "metadata": { "name": name } });
        cluster.call("POST", "/api/v1/namespaces/shop/serviceaccounts", Some(account));
    }
    cluster
}

/// A token of a service account, as the kubelet gets it for a pod.
fn token(cluster: &Kubernetes, account: &str, audiences: &[&str]) -> String {
    let request = json!({ "spec": { "audiences": audiences, "expirationSeconds": 600 } });
    let path = format!("/api/v1/namespaces/shop/serviceaccounts/{account}/token");
    cluster.call("POST", &path, Some(request))["status"]["token"].as_str().unwrap().to_owned()
}

/// Lets Vault ask the cluster who a token belongs to, and the account `web` log in.
fn trust(vault: &Vault, cluster: &Kubernetes) {
    let binding = json!({
        "metadata": { "name": "vault" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator" },
        "subjects": [{ "kind": "ServiceAccount", "name": "vault", "namespace": "shop" }],
    });
    cluster.call("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", Some(binding));
    vault.write("sys/auth/kubernetes", &json!({ "type": "kubernetes" }));
    let config = json!({
        "kubernetes_host": cluster.address(),
        "kubernetes_ca_cert": fs::read_to_string(cluster.ca()).unwrap(),
        "token_reviewer_jwt": token(cluster, "vault", &["https://kubernetes.default.svc"]),
        "disable_local_ca_jwt": true,
    });
    vault.write("auth/kubernetes/config", &config);
    vault.policy("web", MAY_READ);
    let role = json!({
        "bound_service_account_names": "web", "bound_service_account_namespaces": "shop", "audience": "vault",
        "token_policies": "web", "token_ttl": "1h",
    });
    vault.write("auth/kubernetes/role/web", &role);
}

#[test]
fn a_service_account_logs_in_and_its_token_is_read_anew_each_time() {
    let (vault, cluster, place) = (Vault::start().unwrap(), cluster(), Place::new());
    trust(&vault, &cluster);
    vault.put("db", &json!({ "word": "first" }));
    let file = place.path("token");
    let rest = store(&vault, &format!("{{ kubernetes: {{ role: web, token: {} }} }}", file.display()))
        + "secrets: { db: { from: \"vault:secret/db\", refresh: 1s } }\nfiles: { db: \"db#word\" }\n";

    // A token for the API server, or of another account, is not for Vault.
    for wrong in [token(&cluster, "web", &["https://kubernetes.default.svc"]), token(&cluster, "vault", &["vault"])] {
        fs::write(&file, &wrong).unwrap();
        let ran = place.run("once", &rest, &[]);
        assert_eq!(ran.code, 4, "{}", ran.err);
        assert!(ran.err.contains("error: cannot log in: "), "{}", ran.err);
        assert!(ran.err.ends_with("hint: check the role and the credential at auth/kubernetes\n"), "{}", ran.err);
        assert_eq!(Planted::of(&wrong).trace_in(ran.err.as_bytes()), None);
    }

    let first = token(&cluster, "web", &["vault"]);
    fs::write(&file, &first).unwrap();
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the file", |_| place.read("db").as_deref() == Some("first"));
    // The kubelet has put a fresh one there by the time that another login is needed.
    let second = token(&cluster, "web", &["vault"]);
    fs::write(&file, "not a token\n").unwrap();
    vault.sessions().iter().for_each(|accessor| vault.revoke(accessor));
    agent.until_said("cannot log in: ", 1);
    fs::write(&file, &second).unwrap();
    vault.put("db", &json!({ "word": "second" }));
    agent.until("the new value", |_| place.read("db").as_deref() == Some("second"));
    // Neither stays in the agent, which needs them for a moment only.
    let memory = agent.process().memory().unwrap();
    for token in [&first, &second] {
        assert_eq!(e2e::process::traces(&memory, &Planted::of(token)), [""; 0]);
    }
    assert_eq!(agent.stop().code, 0);
    assert_eq!(vault.sessions().len(), 0);
}

fn patch(pod: &std::path::Path) -> Ran {
    finish(Command::new(program("oakum-webhook").unwrap()).args(["patch", "-f"]).arg(pod), b"")
}

/// Carries out the one operation that our patches are made of: `add` (RFC 6902, 4.1).
fn add(pod: &mut Value, operation: &Value) {
    assert_eq!(operation["op"], "add");
    let path = operation["path"].as_str().unwrap();
    let (parent, last) = path.rsplit_once('/').unwrap();
    match pod.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {parent}")) {
        Value::Array(list) if last == "-" => list.push(operation["value"].clone()),
        Value::Array(list) => list.insert(last.parse().unwrap(), operation["value"].clone()),
        object => object[last.replace("~1", "/").replace("~0", "~")] = operation["value"].clone(),
    }
}

#[test]
fn what_the_webhook_makes_of_a_pod_is_taken_by_the_cluster_and_by_the_agent() {
    let (vault, cluster, place) = (Vault::start().unwrap(), cluster(), Place::new());
    trust(&vault, &cluster);
    let (password, private) = (Planted::password(), tempfile::tempdir_in("/dev/shm").unwrap());
    vault.put("db", &json!({ "password": password.text() }));
    let identity = place.file("token", &token(&cluster, "web", &["vault"]));
    let restricted = json!({
        "allowPrivilegeEscalation": false, "runAsNonRoot": true, "runAsUser": 10001,
        "capabilities": { "drop": ["ALL"] }, "seccompProfile": { "type": "RuntimeDefault" },
    });
    let store = json!({ "vault": {
        "address": vault.address(), "auth": { "kubernetes": { "role": "web", "token": identity } },
        "keep_token": private.path().join("token"),
    } });
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "web", "annotations": {
            "oakum.dev/inject": "true",
            "oakum.dev/store.vault": store.to_string(),
            "oakum.dev/secret.db": "vault:secret/db",
            "oakum.dev/file.db.env": json!({ "format": "dotenv", "values": { "DB_PASSWORD": "db#password" } }).to_string(),
            "oakum.dev/volume": json!({ "path": place.volume() }).to_string(),
        } },
        "spec": {
            "serviceAccountName": "web", "automountServiceAccountToken": false,
            "containers": [{ "name": "web", "image": "registry.example.com/web:1.0.0", "securityContext": restricted }],
        },
    });
    let file = place.file("pod.json", &pod.to_string());
    let ran = patch(&file);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(patch(&file).out, ran.out, "the same pod gives the same bytes");
    ran.json().as_array().unwrap().iter().for_each(|operation| add(&mut pod, operation));

    // Twice changes nothing.
    let ran = patch(&place.file("patched.json", &pod.to_string()));
    assert_eq!((ran.code, ran.json()), (0, json!([])), "{}", ran.err);
    // The cluster takes it, under its strictest rules.
    let made = cluster.call("POST", "/api/v1/namespaces/shop/pods?fieldValidation=Strict", Some(pod.clone()));
    assert_eq!(made["spec"]["initContainers"][0]["restartPolicy"], "Always");

    // What stands in the annotation is what the sidecar reads as a file.
    let injection = pod["metadata"]["annotations"]["oakum.dev/injection"].as_str().unwrap();
    let config = place.file("injection.yaml", injection);
    let agent = |args: &[&str]| {
        finish(Command::new(program("oakum-agent").unwrap()).args(args).arg("--config").arg(&config), b"")
    };
    let probe = made["spec"]["initContainers"][0]["startupProbe"]["exec"]["command"].as_array().unwrap();
    assert_eq!(probe[1..3], [json!("check"), json!("--published")]);
    assert_eq!(agent(&["check", "--published"]).code, 5);
    let ran = agent(&["once"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(place.read("db.env"), Some(format!("DB_PASSWORD='{}'\n", password.text())));
    assert_eq!(agent(&["check", "--published"]).code, 0);
}
