//! What is seen of the agent from outside: its audit lines, and its last words.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use e2e::agent::Place;
use e2e::planted::Planted;
use e2e::servers::vault::Vault;
use serde_json::{Value, json};

use crate::{approle_store, role};

const REST: &str =
    "secrets: { db: { from: 'vault:secret/app/db', refresh: 1s } }\nfiles: { word: db#word }\nlog: json\n";

/// The lines of an event.
fn events(log: &str, event: &str) -> Vec<Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event.action"] == event).collect()
}

#[test]
fn every_access_leaves_a_line_if_it_is_asked_for() {
    let (vault, place, word) = (Vault::start().unwrap(), Place::new(), Planted::password());
    vault.put("app/db", &json!({"word": word.text()}));
    let store = approle_store(&vault, &place, &role(&vault));

    let ran = place.run("once", &format!("{store}{REST}"), &[]);
    assert_eq!((ran.code, events(&ran.err, "secret.access").len()), (0, 0), "{}", ran.err);

    let mut agent = place.start("run", &format!("{store}{REST}audit: plain\n"), &[]);
    agent.until("a second look", |agent| events(&agent.err(), "secret.access").len() >= 2);
    vault.call("DELETE", "secret/metadata/app/db", None);
    agent.until("a refusal", |agent| {
        events(&agent.err(), "secret.access").iter().any(|line| line["event.outcome"] == "failure")
    });
    let log = agent.stop().err;
    let lines = events(&log, "secret.access");
    assert_eq!(
        (&lines[0]["oakum.secret"], &lines[0]["oakum.store"], &lines[0]["oakum.path"], &lines[0]["oakum.found"]),
        (&json!("db"), &json!("vault"), &json!("secret/app/db"), &json!("read"))
    );
    assert_eq!((&lines[1]["oakum.found"], &lines[1]["event.outcome"]), (&json!("unchanged"), &json!("success")));
    assert_eq!(lines.last().unwrap()["oakum.found"], "missing");
    for key in ["@timestamp", "log.level", "message", "ecs.version", "service.name"] {
        assert!(lines[0][key].is_string(), "{key}: {}", lines[0]);
    }
    assert_eq!(word.trace_in(log.as_bytes()), None);

    vault.put("app/db", &json!({"word": word.text()}));
    let ran = place.run("once", &format!("{store}{REST}audit: hashed\n"), &[]);
    let lines = events(&ran.err, "secret.access");
    assert_eq!(lines[0]["oakum.path_sha256"].as_str().unwrap().len(), 64);
    assert!(!ran.err.contains("app/db"), "{}", ran.err);
}

#[test]
fn its_last_words_say_what_a_developer_has_to_know() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    let store = approle_store(&vault, &place, &role(&vault));
    let log = place.file("termination-log", "");
    let option = format!("--termination-log={}", log.display());
    let words = || fs::read_to_string(&log).unwrap();
    let config = format!("{store}{}", REST.replace("secret/app/db", "secret2/app/db"));

    let ran = place.run("once", &config, &[&option, "--timeout", "2s"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(words().starts_with("cannot read secret2/app/db: 403: role web may not read it: "), "{}", words());

    // One that is stopped before it was ready says why it was not.
    let mut agent = place.start("run", &config, &[&option]);
    agent.until("a refusal", |agent| !events(&agent.err(), "secret.fetch_failed").is_empty());
    assert_eq!(agent.stop().code, 0);
    assert!(words().starts_with("db: ") && words().contains("secret2/app/db"), "{}", words());

    // One that was has nothing to say.
    vault.put("app/db", &json!({"word": "w"}));
    assert_eq!(place.run("once", &format!("{store}{REST}"), &[&option]).code, 0);
    assert_eq!(words(), "");

    let ran = place.run("once", &format!("{store}{REST}"), &["--termination-log", "/nonexistent/log"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("hint: the file must be there already"), "{}", ran.err);
}

/// The texts in quotes of a folder's sources that look like names of events.
fn named_in(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            named_in(&path, names);
            continue;
        }
        // Tests stand at the end of a file, or in one of their own.
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let is_name = |text: &&str| {
            let parts = text.split_once('.').filter(|(_, event)| !event.contains('.'));
            parts.is_some_and(|(about, event)| ABOUT.contains(&about) && !event.is_empty())
                && text.bytes().all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte))
        };
        names.extend(code.split('"').filter(is_name).map(str::to_owned));
    }
}

/// What events are about.
const ABOUT: &[&str] =
    &["agent", "child", "config", "file", "harden", "hook", "notify", "secret", "store", "vault", "volume"];

#[test]
fn every_event_that_it_logs_is_in_the_table_of_events_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../injector");
    let mut logged = BTreeSet::new();
    named_in(&root.join("agent/src"), &mut logged);
    // The kinds of alarms have names of their own, which stand behind `vault.`.
    let alarms = fs::read_to_string(root.join("core/src/provider.rs")).unwrap();
    logged
        .extend(alarms.split('"').filter(|text| text.starts_with("wrapping_token_")).map(|one| format!("vault.{one}")));
    let table = fs::read_to_string(root.join("agent/EVENTS.md")).unwrap();
    let row = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    let told: BTreeSet<String> = table.lines().filter_map(row).filter(|name| name != "event.action").collect();
    assert!(told.len() > 30, "{told:?}");
    assert_eq!(logged, told);
}
