//! What was there and is gone: tokens, leases, policies, secrets, mounts, and all that a Vault knew.

use std::time::Duration;

use e2e::agent::Place;
use e2e::servers::faults::{Fault, Faults};
use e2e::servers::redis::Redis;
use e2e::servers::vault::{AppRole, Vault};
use serde_json::json;

use super::{Row, through};
use crate::MAY_READ;

/// A Vault of its own for what would disturb others.
fn with_a_role(role_id: &str, secret_id: &str, policy: &str) -> Vault {
    let vault = Vault::start().unwrap();
    let _ = vault.approle("web", policy, &json!({"token_ttl": "1h"}));
    vault.write("auth/approle/role/web/role-id", &json!({"role_id": role_id}));
    vault.write("auth/approle/role/web/custom-secret-id", &json!({"secret_id": secret_id}));
    vault
}

const SECRETS: &str = "secrets: { db: { from: \"vault:secret/db\", refresh: 1s } }\nfiles: { db: \"db#word\" }\n";

#[test]
fn a_secret_that_may_not_be_read_leaves_the_others_alone() {
    let policy = |other: &str| {
        format!(
            "path \"secret/*\" {{ capabilities = [\"read\"] }}\npath \"secret/data/forbidden\" {{ capabilities = [{other}] }}\n"
        )
    };
    let secrets = "secrets: { db: { from: \"vault:secret/one-of-two\", refresh: 1s }, other: { from: \"vault:secret/forbidden\", refresh: 1s } }
files: { db: \"db#word\", other: \"other#word\" }\n";
    let mut row = Row::of("one-of-two", &policy("\"deny\""), &json!({"token_ttl": "1h"}), Fault::Pass, secrets);
    row.vault.put("forbidden", &json!({"word": "other"}));
    row.agent.until_said("secret=other class=refused hint=let a policy of the role read secret/data/forbidden", 2);
    assert_eq!((row.place.read("db").as_deref(), row.place.read("other")), (Some("first"), None));
    let ready = row.tells("/readyz");
    assert_eq!((ready.status, ready.body.as_str()), (503, "not ready\nother: refused\n"));
    row.vault.put("one-of-two", &json!({"word": "second"}));
    row.agent.until("the next value of the other", |_| row.place.read("db").as_deref() == Some("second"));
    row.vault.policy("one-of-two", &policy("\"read\""));
    row.agent.until("the secret", |_| row.place.read("other").as_deref() == Some("other"));
    assert_eq!(row.tells("/readyz").status, 200);
    assert_eq!(row.agent.err().matches("logged in").count(), 1, "the token was good all the time");
}

#[test]
fn a_policy_that_is_taken_away_keeps_the_file_until_it_is_back() {
    let policy = "path \"secret/data/no-policy\" { capabilities = [\"read\"] }";
    let mut row = Row::with("no-policy", policy, &json!({"token_ttl": "1h"}));
    row.vault.call("DELETE", "sys/policies/acl/no-policy", None);
    row.agent.until_said("secret=db class=refused hint=let a policy of the role read secret/data/no-policy", 2);
    row.keeps("first", "refused");
    row.vault.policy("no-policy", policy);
    row.passes();
    assert_eq!(row.agent.err().matches("logged in").count(), 1, "the token was good all the time");
}

#[test]
fn a_secret_that_was_never_written_comes_when_it_is() {
    let secrets = "secrets: { db: { from: \"vault:secret/never\", refresh: 1s }, other: { from: \"vault:secret/not-yet\", refresh: 1s } }
files: { db: \"db#word\", other: \"other#word\" }\n";
    let mut row = Row::of("never", MAY_READ, &json!({"token_ttl": "1h"}), Fault::Pass, secrets);
    row.suffers("other", "has nothing there", "missing", 2);
    assert_eq!((row.place.read("db").as_deref(), row.place.read("other")), (Some("first"), None));
    let ready = row.tells("/readyz");
    assert_eq!((ready.status, ready.body.as_str()), (503, "not ready\nother: missing\n"));
    row.vault.put("not-yet", &json!({"word": "other"}));
    row.agent.until("the secret", |_| row.place.read("other").as_deref() == Some("other"));
    assert_eq!(row.tells("/readyz").status, 200);
}

#[test]
fn a_deleted_version_keeps_the_last_good_file_and_the_next_one_replaces_it() {
    let mut row = Row::new("deleted");
    row.vault.call("DELETE", "secret/data/deleted", None);
    // The first look still asks for both: that there is something new, and what.
    row.suffers("db", "cannot read secret/deleted: version 1 was deleted", "missing", 1);
    row.faults.set_for("deleted", Fault::Watch);
    row.suffers("db", "cannot read secret/deleted: version 1 was deleted", "missing", 3);
    row.keeps("first", "missing");
    row.passes();
}

#[test]
fn a_deleted_version_that_is_back_is_as_good_as_before() {
    let mut row = Row::new("undeleted");
    row.vault.call("DELETE", "secret/data/undeleted", None);
    row.suffers("db", "version 1 was deleted", "missing", 1);
    row.keeps("first", "missing");
    row.vault.write("secret/undelete/undeleted", &json!({"versions": [1]}));
    row.is_well();
    assert_eq!(row.place.read("db").as_deref(), Some("first"));
}

#[test]
fn a_secret_that_is_written_anew_from_version_1_is_not_taken_for_the_old_one() {
    let mut row = Row::new("rewritten");
    row.vault.call("DELETE", "secret/metadata/rewritten", None);
    row.vault.put("rewritten", &json!({"word": "second"}));
    row.recovers("second");
    // What is known is not read again.
    let (before, wait) = (row.faults.calls().len(), Duration::from_millis(2500));
    std::thread::sleep(wait);
    let calls = row.faults.calls().split_off(before);
    assert!(!calls.is_empty() && calls.iter().all(|call| call.path.contains("/metadata/")), "{calls:?}");
}

#[test]
fn a_wrong_mount_is_told_and_leaves_the_others_alone() {
    let policy = format!("{MAY_READ}path \"wrong/*\" {{ capabilities = [\"read\"] }}\n");
    let secrets = "secrets: { db: { from: \"vault:secret/right-mount\", refresh: 1s }, other: { from: \"vault:wrong/other\", refresh: 1s } }
files: { db: \"db#word\", other: \"other#word\" }\n";
    let mut row = Row::of("right-mount", &policy, &json!({"token_ttl": "1h"}), Fault::Pass, secrets);
    row.agent.until_said("secret=other class=missing", 2);
    assert_eq!((row.place.read("db").as_deref(), row.place.read("other")), (Some("first"), None));
    assert_eq!(row.tells("/readyz").body, "not ready\nother: missing\n");
    row.vault.put("right-mount", &json!({"word": "second"}));
    row.agent.until("the next value of the other", |_| row.place.read("db").as_deref() == Some("second"));
}

#[test]
fn a_mount_that_is_taken_away_keeps_the_file_until_it_is_back() {
    let policy = "path \"kv-gone/*\" { capabilities = [\"read\"] }";
    let secrets = "secrets: { db: { from: \"vault:kv-gone/db\", refresh: 1s } }\nfiles: { db: \"db#word\" }\n";
    let mount = json!({"type": "kv", "options": {"version": "2"}});
    let mut row = Row::of("mount", policy, &json!({"token_ttl": "1h"}), Fault::Pass, secrets);
    let put = |row: &Row, word: &str| {
        row.vault.write("sys/mounts/kv-gone", &mount);
        // Version 2 prepares itself in the background after it was mounted.
        let body = json!({"data": {"word": word}});
        while row.vault.ask_as(row.vault.root(), "POST", "kv-gone/data/db", Some(body.clone())).status != 200 {
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    put(&row, "first");
    row.agent.until("the file", |_| row.place.read("db").as_deref() == Some("first"));
    row.vault.call("DELETE", "sys/mounts/kv-gone", None);
    row.agent.until_said("secret=db class=missing", 2);
    row.keeps("first", "missing");
    // It counts from 1 again.
    put(&row, "second");
    row.recovers("second");
}

#[test]
fn a_revoked_token_is_replaced_by_another_login() {
    let mut row = Row::new("revoked");
    let own = |row: &Row| -> Vec<String> {
        let named = |accessor: &String| {
            let known = row.vault.write("auth/token/lookup-accessor", &json!({"accessor": accessor}));
            known["data"]["meta"]["role_name"] == "revoked"
        };
        row.vault.sessions().into_iter().filter(named).collect()
    };
    let before = own(&row);
    assert_eq!(before.len(), 1);
    // A token that was good a moment ago is not asked about.
    std::thread::sleep(Duration::from_secs(5));
    row.vault.revoke(&before[0]);
    row.vault.put("revoked", &json!({"word": "second"}));
    row.recovers("second");
    assert_ne!(own(&row), before);
    assert_eq!(row.agent.err().matches("logged in").count(), 2, "{}", row.agent.err());
}

#[test]
fn a_vault_that_has_forgotten_everything_is_logged_in_to_again() {
    let (role_id, secret_id) = ("the-role", "the-secret-of-the-role");
    let old = with_a_role(role_id, secret_id, MAY_READ);
    old.put("db", &json!({"word": "first"}));
    let (faults, place) = (Faults::before(old.address()).unwrap(), Place::new());
    let role = AppRole { role_id: role_id.to_owned(), secret_id: secret_id.to_owned() };
    let mut agent = place.start("run", &(through(&faults, &place, &role) + SECRETS), &[]);
    agent.until("the file", |_| place.read("db").as_deref() == Some("first"));
    faults.set(Fault::Refuse);
    agent.until_said("connection refused secret=db class=unreachable", 1);
    drop(old);
    // It has neither our token nor our lease nor the count of versions.
    let new = with_a_role(role_id, secret_id, MAY_READ);
    new.put("db", &json!({"word": "second"}));
    faults.lead_to(new.address()).unwrap();
    faults.set(Fault::Pass);
    agent.until("the new value", |_| place.read("db").as_deref() == Some("second"));
    assert_eq!(agent.err().matches("logged in").count(), 2, "{}", agent.err());
}

#[test]
fn a_lease_that_was_revoked_is_replaced_when_it_is_to_be_renewed() {
    let (redis, place) = (Redis::start().unwrap(), Place::new());
    let may = "path \"database/creds/web\" { capabilities = [\"read\"] }";
    let vault = with_a_role("the-role", "the-secret-of-the-role", may);
    vault.write("sys/mounts/database", &json!({"type": "database"}));
    vault.write(
        "database/config/redis",
        &json!({
            "plugin_name": "redis-database-plugin", "host": "127.0.0.1", "port": redis.port(), "username": "default",
            "password": redis.password().text(), "allowed_roles": "*"
        }),
    );
    vault.write(
        "database/roles/web",
        &json!({"db_name": "redis", "creation_statements": "[\"+@all\", \"~*\"]", "default_ttl": "6s", "max_ttl": "1h"}),
    );
    let faults = Faults::before(vault.address()).unwrap();
    let role = AppRole { role_id: "the-role".to_owned(), secret_id: "the-secret-of-the-role".to_owned() };
    let file = "secrets: { db: 'vault:database/creds/web' }\nfiles: { db: 'db#username' }\n";
    let mut agent = place.start("run", &(through(&faults, &place, &role) + file), &[]);
    agent.until("credentials", |_| place.read("db").is_some());
    let first = place.read("db").unwrap();
    vault.write("sys/leases/revoke-prefix/database/creds/web", &json!({}));
    assert_eq!(redis.users(), Vec::<String>::new());
    agent.until_said("cannot renew the lease: ", 1);
    assert!(agent.err().contains("secret=db class=refused"), "{}", agent.err());
    agent.until("other credentials", |_| place.read("db").is_some_and(|user| user != first && redis.users() == [user]));
    assert_eq!(agent.err().matches("logged in").count(), 1, "{}", agent.err());
}

/// How often something was asked for through a proxy; never twice within a second.
fn patiently(faults: &Faults, path: &str) -> usize {
    let calls = faults.calls();
    let calls: Vec<_> = calls.iter().filter(|call| call.path.contains(path)).map(|call| call.at).collect();
    for pair in calls.windows(2) {
        // Other tests run beside, and may keep a request from being noted at once.
        assert!(pair[1] - pair[0] >= Duration::from_millis(900), "{path} again after {:?}", pair[1] - pair[0]);
    }
    calls.len()
}

#[test]
fn a_renewal_of_the_token_that_fails_is_not_asked_for_in_a_loop_and_ends_in_another_login() {
    let mut row = Row::with("renewals", MAY_READ, &json!({"token_ttl": "12s"}));
    row.faults.set_for("renew-self", Fault::Answer(500, &[], r#"{"errors":["internal error"]}"#));
    row.agent.until_said("logged in", 2);
    assert!(row.agent.err().contains("cannot renew the token: "), "{}", row.agent.err());
    let asked = patiently(&row.faults, "renew-self");
    assert!((1..=5).contains(&asked), "{asked} times");
    assert_eq!((row.place.read("db").as_deref(), row.tells("/readyz").status), (Some("first"), 200));
    assert_eq!(patiently(&row.faults, "/login"), 2);
    row.passes();
}

#[test]
fn a_renewal_of_a_lease_that_fails_is_not_asked_for_in_a_loop_and_ends_in_another_value() {
    let may = "path \"leased/*\" { capabilities = [\"read\"] }";
    let (place, vault) = (Place::new(), with_a_role("the-role", "the-secret-of-the-role", may));
    let engine = json!({"type": "kv", "options": {"version": "1", "leased_passthrough": "true"}});
    vault.write("sys/mounts/leased", &engine);
    vault.write("leased/db", &json!({"word": "first", "ttl": "12s"}));
    let faults = Faults::before(vault.address()).unwrap();
    faults.set_for("leases/renew", Fault::Answer(500, &[], r#"{"errors":["internal error"]}"#));
    let role = AppRole { role_id: "the-role".to_owned(), secret_id: "the-secret-of-the-role".to_owned() };
    let file = "secrets: { db: 'vault:leased/db' }\nfiles: { db: 'db#word' }\n";
    let mut agent = place.start("run", &(through(&faults, &place, &role) + file), &[]);
    agent.until("the file", |_| place.read("db").as_deref() == Some("first"));
    vault.write("leased/db", &json!({"word": "second", "ttl": "12s"}));
    agent.until_said("cannot renew the lease: ", 1);
    assert_eq!(place.read("db").as_deref(), Some("first"));
    agent.until("another value", |_| place.read("db").as_deref() == Some("second"));
    let asked = patiently(&faults, "leases/renew");
    assert!((1..=5).contains(&asked), "{asked} times");
    assert_eq!(patiently(&faults, "/v1/leased/db"), 2);
    assert_eq!(agent.err().matches("logged in").count(), 1, "{}", agent.err());
    assert_eq!(agent.stop().code, 0);
}

#[test]
fn a_field_that_is_gone_keeps_the_file_that_it_was_in_and_no_other() {
    let secrets = "secrets: { db: { from: \"vault:secret/fields\", refresh: 1s } }
files: { db: \"db#word\", other: { format: json, secret: db } }\n";
    let mut row = Row::of("fields", MAY_READ, &json!({"token_ttl": "1h"}), Fault::Pass, secrets);
    row.agent.until("the files", |_| row.place.read("other").is_some());
    row.vault.put("fields", &json!({"renamed": "second"}));
    row.agent.until("the other file", |_| row.place.read("other").is_some_and(|text| text.contains("second")));
    row.agent.until_said("the secret `db` has no field `word`", 1);
    assert_eq!((row.place.read("db").as_deref(), row.tells("/readyz").status), (Some("first"), 200));
    row.vault.put("fields", &json!({"word": "third"}));
    row.recovers("third");
}
