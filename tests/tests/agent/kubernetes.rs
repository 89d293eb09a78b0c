//! Secrets and ConfigMaps of a real API server: how they arrive, how fast a change does, and what a role must allow.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use e2e::agent::Place;
use e2e::planted::Planted;
use e2e::servers::kubernetes::Kubernetes;
use serde_json::{Value, json};

use crate::refusal::assert_fails;

const SECRETS: &str = "/api/v1/namespaces/shop/secrets";
const ONE: &str = "secrets: { db: { from: \"cluster:secret/db#word\", refresh: 1h } }\nfiles: { db: db }\n";

/// A cluster with the Secret `db` and the ConfigMap `web` in `shop`, and the service account `web` that may do some
/// things with them.
fn cluster(word: &str, verbs: &[&str]) -> Kubernetes {
    cluster_with(&[], word, verbs)
}

fn cluster_with(flags: &[&str], word: &str, verbs: &[&str]) -> Kubernetes {
    let cluster = Kubernetes::start_with(flags).unwrap();
    cluster.call("POST", "/api/v1/namespaces", Some(json!({ "metadata": { "name": "shop" } })));
    for name in ["web", "nobody"] {
        let account = json!({ "metadata": { "name": name } });
        cluster.call("POST", "/api/v1/namespaces/shop/serviceaccounts", Some(account));
    }
    cluster.call("POST", SECRETS, Some(json!({ "metadata": { "name": "db" }, "stringData": { "word": word } })));
    let config = json!({
        "metadata": { "name": "web" }, "data": { "colour": "green" },
        "binaryData": { "bytes": "cGxhaW4gYnl0ZXM=" },
    });
    cluster.call("POST", "/api/v1/namespaces/shop/configmaps", Some(config));
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop";
    let rule = |resource: &str, name: &str| json!({ "apiGroups": [""], "resources": [resource], "resourceNames": [name], "verbs": verbs });
    let role = json!({ "metadata": { "name": "web" }, "rules": [rule("secrets", "db"), rule("configmaps", "web")] });
    cluster.call("POST", &format!("{rbac}/roles"), Some(role));
    let binding = json!({
        "metadata": { "name": "web" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "web" },
        "subjects": [{ "kind": "ServiceAccount", "name": "web", "namespace": "shop" }],
    });
    cluster.call("POST", &format!("{rbac}/rolebindings"), Some(binding));
    cluster
}

/// The `stores` of a configuration with the token of a service account, as the kubelet lays it down.
fn store(cluster: &Kubernetes, place: &Place, account: &str) -> String {
    let path = format!("/api/v1/namespaces/shop/serviceaccounts/{account}/token");
    let answer = cluster.call("POST", &path, Some(json!({ "spec": { "expirationSeconds": 600 } })));
    let token = place.file("token", answer["status"]["token"].as_str().unwrap());
    format!(
        "stores: {{ cluster: {{ kubernetes: {{ address: \"{}\", ca: {}, token: {}, namespace: shop }} }} }}\n",
        cluster.address(),
        cluster.ca().display(),
        token.display()
    )
}

/// Writes the Secret anew.
fn put(cluster: &Kubernetes, word: &str) {
    let mut object = cluster.call("GET", &format!("{SECRETS}/db"), None);
    object["stringData"] = json!({ "word": word });
    cluster.call("PUT", &format!("{SECRETS}/db"), Some(object));
}

#[test]
fn secrets_and_config_maps_become_files() {
    let password = Planted::password();
    let (cluster, place) = (cluster(password.text(), &["get"]), Place::new());
    let rest = store(&cluster, &place, "web")
        + "secrets: { db: \"cluster:secret/shop/db\", web: \"cluster:configmap/web\" }
files:
  db.json: { format: json, secret: db }
  web.json: { format: json, secret: web }
";
    let ran = place.run("once", &rest, &["--timeout", "20s"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let json = |name: &str| -> Value { serde_json::from_str(&place.read(name).unwrap()).unwrap() };
    assert_eq!(json("db.json"), json!({ "word": password.text() }));
    assert_eq!(json("web.json"), json!({ "colour": "green", "bytes": "plain bytes" }));
    assert_eq!(password.trace_in(ran.err.as_bytes()), None, "{}", ran.err);
}

#[test]
fn a_change_arrives_at_once_and_a_new_label_is_none() {
    let (mut cluster, place) = (cluster("one", &["get", "watch"]), Place::new());
    let rest = store(&cluster, &place, "web") + ONE;
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the value", |_| place.read("db").as_deref() == Some("one"));
    let within = |agent: &mut e2e::agent::Agent, value: &str| {
        let began = Instant::now();
        agent.until("the new value", |_| place.read("db").as_deref() == Some(value));
        began.elapsed()
    };
    for value in ["two", "three"] {
        put(&cluster, value);
        let took = within(&mut agent, value);
        assert!(took < Duration::from_secs(2), "{value} took {took:?}");
    }

    // The label comes first and the value after it, and only the value is published.
    let published = |agent: &e2e::agent::Agent| agent.err().matches(" info published").count();
    let before = published(&agent);
    let mut object = cluster.call("GET", &format!("{SECRETS}/db"), None);
    object["metadata"]["labels"] = json!({ "colour": "green" });
    cluster.call("PUT", &format!("{SECRETS}/db"), Some(object));
    put(&cluster, "four");
    within(&mut agent, "four");
    agent.until("its log", |agent| published(agent) > before);
    assert_eq!(published(&agent), before + 1, "{}", agent.err());

    cluster.restart().unwrap();
    put(&cluster, "five");
    within(&mut agent, "five");

    // What is deleted keeps its last files.
    cluster.call("DELETE", &format!("{SECRETS}/db"), None);
    agent.until("the fault", |agent| agent.err().contains("does not have it"));
    assert_eq!(place.read("db").as_deref(), Some("five"));
    cluster.call("POST", SECRETS, Some(json!({ "metadata": { "name": "db" }, "stringData": { "word": "six" } })));
    within(&mut agent, "six");
    assert_eq!((agent.stop().code, place.names().len()), (0, 0));
}

/// Writes another Secret, which moves the version of the cluster on and not that of `db`.
fn put_another(cluster: &Kubernetes) {
    cluster.call("POST", SECRETS, Some(json!({ "metadata": { "generateName": "other-" } })));
}

/// The version of the Secret `db`.
fn version(cluster: &Kubernetes) -> u64 {
    let object = cluster.call("GET", &format!("{SECRETS}/db"), None);
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

/// The newest version of anything in `shop`.
fn newest(cluster: &Kubernetes) -> u64 {
    let list = cluster.call("GET", SECRETS, None);
    list["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

/// The version that each watch in `shop` began with; none if it began with how things are.
fn begun_with(cluster: &Kubernetes) -> Vec<Option<u64>> {
    let version = |query: &str| query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion="))?.parse().ok();
    cluster.watches().iter().map(|query| version(query)).collect()
}

/// What the API server says to a watch that goes on from a version.
fn watch_from(cluster: &Kubernetes, version: u64) -> String {
    let path = format!("{SECRETS}?watch=1&fieldSelector=metadata.name%3Ddb&resourceVersion={version}&timeoutSeconds=1");
    cluster.ask_as(cluster.token(), "GET", &path, None).body
}

#[test]
fn a_watch_goes_on_where_it_was_and_begins_anew_where_etcd_has_forgotten_that() {
    // Without a cache in between, it is etcd that says what it still knows.
    let flags = ["--watch-cache-sizes=secrets#0", "--etcd-compaction-interval=0"];
    let (mut cluster, place) = (cluster_with(&flags, "one", &["get", "watch"]), Place::new());
    let mut agent = place.start("run", &(store(&cluster, &place, "web") + ONE), &[]);
    agent.until("the value", |_| place.read("db").as_deref() == Some("one"));
    agent.until("a watch", |_| begun_with(&cluster) == [None]);
    put_another(&cluster);

    cluster.restart().unwrap();
    agent.until("it to go on", |_| begun_with(&cluster).len() > 1);
    let from = begun_with(&cluster)[1].unwrap();
    assert!(from >= version(&cluster) && from < newest(&cluster), "{:?}", begun_with(&cluster));
    let before = begun_with(&cluster).len();

    cluster.forget();
    cluster.restart().unwrap();
    let said = watch_from(&cluster, from);
    assert!(said.contains("\"code\":410"), "{said}");
    agent.until("it to begin anew", |_| begun_with(&cluster)[before..].contains(&None));
    let since = begun_with(&cluster).split_off(before);
    // A server that has just started refuses some, until it has read its roles. It may end the one that began anew too, which
    // goes on from the version that it was told.
    let anew = since.iter().position(Option::is_none).unwrap();
    let told = Some(version(&cluster));
    assert!(since[..anew].iter().all(|version| *version == Some(from)), "{since:?}");
    assert!(since[anew + 1..].iter().all(|version| version.is_none() || *version >= told), "{since:?}, of {told:?}");
    put(&cluster, "two");
    agent.until("the new value", |_| place.read("db").as_deref() == Some("two"));
    // That it lost track is no failure of the secret.
    assert!(!agent.err().contains("410"), "{}", agent.err());
    assert_eq!(agent.stop().code, 0);
}

#[test]
fn bookmarks_take_a_quiet_watch_along() {
    let (mut cluster, place) = (cluster("one", &["get", "watch"]), Place::new());
    let mut agent = place.start("run", &(store(&cluster, &place, "web") + ONE), &[]);
    agent.until("a watch", |_| begun_with(&cluster) == [None]);
    // A watch of our own, which began after the agent's: the server ends the beginning of one with a bookmark, and sends
    // the next after a minute.
    let seen = place.path("seen");
    let mut beside = Command::new("curl");
    beside.args(["--silent", "--no-buffer", "--noproxy", "*", "--max-time", "100", "--cacert"]).arg(cluster.ca());
    beside.args(["--header", &format!("Authorization: Bearer {}", cluster.token()), "--output"]).arg(&seen);
    let query = "watch=1&fieldSelector=metadata.name%3Ddb&allowWatchBookmarks=true";
    beside.arg(format!("{}{SECRETS}?{query}", cluster.address()));
    let mut beside = beside.spawn().unwrap();
    let bookmarks = || fs::read_to_string(&seen).unwrap_or_default().matches("BOOKMARK").count();
    agent.until("the beginning", |_| bookmarks() == 1);
    put_another(&cluster);
    let last = newest(&cluster);
    while bookmarks() == 1 && beside.try_wait().unwrap().is_none() {
        sleep(Duration::from_millis(100));
    }
    assert_eq!((bookmarks(), begun_with(&cluster).len()), (2, 2), "{}", fs::read_to_string(&seen).unwrap());
    beside.kill().unwrap();
    beside.wait().unwrap();
    // The agent's own is due no later, and may still be on its way.
    sleep(Duration::from_secs(2));

    cluster.restart().unwrap();
    agent.until("it to go on", |_| begun_with(&cluster).len() > 2);
    let from = begun_with(&cluster)[2].unwrap();
    assert!(from >= last && last > version(&cluster), "{:?}, {last}", begun_with(&cluster));
    put(&cluster, "two");
    agent.until("the new value", |_| place.read("db").as_deref() == Some("two"));
    assert_eq!(agent.stop().code, 0);
}

#[test]
fn without_the_right_to_watch_it_is_polled() {
    let (cluster, place) = (cluster("one", &["get"]), Place::new());
    let rest = store(&cluster, &place, "web") + &ONE.replace("1h", "1s");
    let mut agent = place.start("run", &rest, &[]);
    agent.until_said("cannot watch secret/db: ", 1);
    put(&cluster, "two");
    agent.until("the new value", |_| place.read("db").as_deref() == Some("two"));
    assert_eq!(agent.err().matches("cannot watch secret/db").count(), 1, "{}", agent.err());
    assert_eq!(agent.stop().code, 0);
}

#[test]
fn what_a_role_lacks_ends_with_4() {
    let (cluster, place) = (cluster("one", &["get"]), Place::new());
    let ran = place.run("once", &(store(&cluster, &place, "nobody") + ONE), &["--timeout", "20s"]);
    let hint = "let a Role in the namespace `shop` allow `get` and `watch` on `secrets` with resourceNames [`db`]";
    assert_fails(&ran, 4, "cannot read secret/db: ", hint);
    let stores = store(&cluster, &place, "web");
    let wrong = Planted::password();
    place.file("token", wrong.text());
    let ran = place.run("once", &(stores + ONE), &["--timeout", "20s"]);
    assert_fails(&ran, 4, "refuses (status 401)", "check the token");
    assert_eq!(wrong.trace_in(ran.err.as_bytes()), None, "{}", ran.err);
    let absent = ONE.replace("secret/db", "configmap/web").replace("#word", "#size");
    let ran = place.run("once", &(store(&cluster, &place, "web") + &absent), &["--timeout", "20s"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert_eq!(place.names(), [""; 0]);
}
