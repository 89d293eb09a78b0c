//! What passes by itself: a store that is sealed, away, or has forgotten our token. The last good files stay meanwhile.

use e2e::agent::Place;
use e2e::servers::free_port;
use e2e::servers::vault::Vault;
use serde_json::json;

use crate::{MAY_READ, approle_store, role};

const SECRETS: &str = "secrets: { db: { from: \"vault:secret/db\", refresh: 1s } }\nfiles: { db: \"db#word\" }\n";

#[test]
fn run_keeps_the_last_good_files_while_vault_is_sealed_or_away_and_follows_when_it_is_back() {
    let (mut vault, place) = (Vault::start_stored().unwrap(), Place::new());
    vault.put("db", &json!({"word": "first"}));
    let rest = approle_store(&vault, &place, &role(&vault)) + SECRETS;
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the file", |_| place.read("db").as_deref() == Some("first"));

    vault.seal();
    agent.until_said("is sealed (Vault is sealed) secret=db class=unreachable hint=unseal it", 2);
    assert_eq!(place.read("db").as_deref(), Some("first"));
    // A new agent elsewhere says what is wrong, with the way out, and gives up in time.
    let other = Place::new();
    let ran = other.run("once", &rest, &["--timeout", "2s"]);
    assert_eq!(ran.code, 5, "{}", ran.err);
    assert!(
        ran.err.contains("error: gave up after 2 s: cannot log in: ") && ran.err.contains("is sealed"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("\nhint: unseal it: `vault operator unseal`\n"), "{}", ran.err);

    vault.unseal().unwrap();
    vault.put("db", &json!({"word": "second"}));
    agent.until("the new value", |_| place.read("db").as_deref() == Some("second"));

    vault.stop();
    agent.until_said("connection refused", 2);
    assert_eq!(place.read("db").as_deref(), Some("second"));
    vault.restart().unwrap();
    vault.put("db", &json!({"word": "third"}));
    agent.until("the newest value", |_| place.read("db").as_deref() == Some("third"));

    // The end during an outage is an end all the same: nothing stays behind, and nobody waits for the store for long.
    vault.stop();
    let ran = agent.stop();
    assert_eq!((ran.code, place.names().len()), (0, 0), "{}", ran.err);
}

#[test]
fn run_begins_before_vault_is_there() {
    let (mut vault, place) = (Vault::start_stored().unwrap(), Place::new());
    vault.put("db", &json!({"word": "first"}));
    let rest = approle_store(&vault, &place, &role(&vault)) + SECRETS;
    vault.stop();
    let mut agent = place.start("run", &rest, &[]);
    agent.until_said("store.login_failed", 0);
    agent.until_said("cannot log in: cannot reach", 1);
    assert_eq!(place.names(), [""; 0]);
    vault.restart().unwrap();
    agent.until("the file", |_| place.read("db").as_deref() == Some("first"));
}

#[test]
fn a_closed_port_is_given_up_in_time() {
    let place = Place::new();
    let secret_id = place.file("secret-id", "x");
    let rest = format!(
        "stores: {{ vault: {{ vault: {{ address: \"http://127.0.0.1:{}\", auth: {{ approle: {{ role_id: x, secret_id_file: {} }} }} }} }} }}\n{SECRETS}",
        free_port().unwrap(),
        secret_id.display()
    );
    for (command, more) in [("once", vec!["--timeout", "1s"]), ("exec", vec!["--timeout", "1s", "--", "true"])] {
        let ran = place.run(command, &rest, &more);
        assert_eq!(ran.code, 5, "{}", ran.err);
        assert!(
            ran.err.contains("error: gave up after 1 s: cannot log in: cannot reach http://127.0.0.1:"),
            "{}",
            ran.err
        );
        assert!(ran.err.contains("connection refused\nhint: "), "{}", ran.err);
        assert_eq!(place.names(), [""; 0]);
    }
}

#[test]
fn a_session_that_was_taken_away_is_opened_anew() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "first"}));
    let rest = approle_store(&vault, &place, &role(&vault)) + SECRETS;
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the file", |_| place.read("db").is_some());
    let before = vault.sessions();
    assert_eq!(before.len(), 1);
    before.iter().for_each(|accessor| vault.revoke(accessor));
    vault.put("db", &json!({"word": "second"}));
    agent.until("the new value", |_| place.read("db").as_deref() == Some("second"));
    let after = vault.sessions();
    assert!(after.len() == 1 && after != before, "{after:?}");
    assert_eq!(agent.stop().code, 0);
    assert_eq!(vault.sessions().len(), 0);
}

#[test]
fn a_session_is_renewed_and_at_its_greatest_age_replaced() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "first"}));
    let role = vault.approle("web", MAY_READ, &json!({"token_ttl": "4s", "token_max_ttl": "9s"}));
    let rest = approle_store(&vault, &place, &role) + SECRETS;
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the file", |_| place.read("db").is_some());
    let first = vault.sessions();
    agent.until_said("token renewed", 2);
    agent.until_said("logged in", 2);
    agent.until("one token", |_| vault.sessions().len() == 1);
    assert_ne!(vault.sessions(), first);
    vault.put("db", &json!({"word": "second"}));
    agent.until("the new value", |_| place.read("db").as_deref() == Some("second"));
    // All of that without one failed read.
    assert!(!agent.err().contains(" warn "), "{}", agent.err());
}
