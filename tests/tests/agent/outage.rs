//! What passes by itself: a store that is sealed, away, or has forgotten our token. The last good files stay meanwhile.

use e2e::agent::Place;
use e2e::servers::free_port;
use e2e::servers::vault::Vault;
use serde_json::json;

use crate::memory::ask;
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

#[test]
fn a_child_is_ended_when_a_secret_of_its_is_too_old_to_go_on() {
    let (mut vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "first"}));
    let rest = approle_store(&vault, &place, &role(&vault))
        + "secrets: { db: { from: 'vault:secret/db', refresh: 1s, max_stale: 3s, on_stale: exit } }\nfiles: { db: db#word }\n";
    let child = format!(
        "trap 'cat {}; exit 7' TERM; echo began; while :; do sleep 0.1; done",
        place.volume().join("db").display()
    );
    let mut agent = place.start("exec", &rest, &["--", "/bin/sh", "-c", &child]);
    agent.until("the child", |agent| agent.out().contains("began"));
    vault.stop();
    agent.until("its end", |agent| agent.out().contains("first"));
    let ran = agent.end();
    assert!(ran.code == 5 && ran.err.contains("the secret `db` has not been seen for 3 s"), "{} {}", ran.code, ran.err);
    assert_eq!(place.names(), [""; 0], "everything is wiped, once the child is gone");
}

/// Whether an agent says that it is ready, and whether its metrics say that the secret is stale.
fn told(port: u16) -> (bool, bool) {
    let ready = ask(port, "/readyz").starts_with("HTTP/1.1 200 ");
    (ready, ask(port, "/metrics").contains("oakum_secret_stale{secret=\"db\"} 1"))
}

#[test]
fn a_secret_that_is_older_than_it_may_be_is_kept_or_held_against_us_or_taken_away_or_the_end() {
    let mut vault = Vault::start_stored().unwrap();
    vault.put("db", &json!({"word": "first"}));
    let role = role(&vault);
    let started = ["keep", "unready", "remove", "exit"].map(|on_stale| {
        let (place, port) = (Place::new(), free_port().unwrap());
        let rest = approle_store(&vault, &place, &role)
            + &format!(
                "listen: 127.0.0.1:{port}
secrets: {{ db: {{ from: \"vault:secret/db\", refresh: 1s, max_stale: 3s, on_stale: {on_stale} }} }}
files: {{ db: \"db#word\", fixed: {{ template: \"{{{{ if .db.word }}}}x{{{{ end }}}}\" }} }}
"
            );
        let mut agent = place.start("run", &rest, &[]);
        agent.until("the file", |_| place.read("db").as_deref() == Some("first") && told(port) == (true, false));
        (place, port, agent)
    });
    vault.stop();
    let [mut keep, mut unready, mut remove, (place, _, exit)] = started;
    let ran = exit.end();
    assert!(ran.code == 5 && ran.err.contains("the secret `db` has not been seen for 3 s"), "{}", ran.err);
    assert_eq!(place.names(), [""; 0], "everything is wiped");

    remove.2.until("that it is taken away", |_| remove.0.read("db").is_none() && told(remove.1) == (false, true));
    assert_eq!(remove.0.read("fixed"), None, "it is made of the same secret");
    unready.2.until("that it is not ready", |_| told(unready.1) == (false, true));
    assert_eq!(unready.0.read("db").as_deref(), Some("first"));
    keep.2.until("that it is stale", |_| told(keep.1) == (true, true));
    assert_eq!(keep.0.read("db").as_deref(), Some("first"));

    vault.restart().unwrap();
    for (place, port, agent) in [&mut keep, &mut unready, &mut remove] {
        agent.until("that all is well", |_| {
            place.read("db").as_deref() == Some("first") && told(*port) == (true, false)
        });
    }
}
