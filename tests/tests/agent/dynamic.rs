//! Secrets that Vault makes for us: users of a real database, certificates, passwords that rotate. A value is in its file
//! for as long as it works, and a new one is there before the old one ends.

use std::thread::sleep;
use std::time::{Duration, Instant};

use e2e::agent::Place;
use e2e::servers::redis::Redis;
use e2e::servers::vault::Vault;
use serde_json::{Value, json};

use crate::{approle_store, token_store};

const MAY: &str = r#"
path "database/*" { capabilities = ["read"] }
path "pki/issue/*" { capabilities = ["update"] }
path "secret/*" { capabilities = ["read"] }
"#;

/// A database that Vault makes users in, who hold for some seconds, and at most for some more.
fn database(vault: &Vault, ttl: u32, max_ttl: u32) -> Redis {
    let redis = Redis::start().unwrap();
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
        &json!({
            "db_name": "redis", "creation_statements": "[\"+@all\", \"~*\"]", "default_ttl": format!("{ttl}s"),
            "max_ttl": format!("{max_ttl}s")
        }),
    );
    redis
}

const FILE: &str = "secrets: { db: 'vault:database/creds/web' }\nfiles: { db: { format: json, secret: db } }\n";

/// The user and the password that an app reads.
fn credentials(place: &Place) -> Option<(String, String)> {
    let value: Value = serde_json::from_str(&place.read("db")?).unwrap();
    let field = |name: &str| value[name].as_str().unwrap().to_owned();
    Some((field("username"), field("password")))
}

#[test]
fn a_lease_is_renewed_and_replaced_before_its_greatest_age_and_what_is_read_always_works() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    let redis = database(&vault, 4, 12);
    let role = vault.approle("web", MAY, &json!({"token_ttl": "1h"}));
    let mut agent = place.start("run", &(approle_store(&vault, &place, &role) + FILE), &[]);
    agent.until("credentials", |_| place.read("db").is_some());
    let (began, first) = (Instant::now(), credentials(&place).unwrap());
    let mut changes = 0;
    let mut last = first.clone();
    while began.elapsed() < Duration::from_secs(26) {
        let (user, password) = credentials(&place).unwrap();
        assert!(redis.accepts(&user, &password), "{user} does not work after {:?}\n{}", began.elapsed(), agent.err());
        if last.0 != user {
            changes += 1;
            last = (user, password);
        }
        sleep(Duration::from_millis(100));
    }
    assert!(agent.err().contains("lease renewed"), "{}", agent.err());
    assert!((2..=5).contains(&changes), "{changes} new users in 26 s\n{}", agent.err());
    assert!(!redis.users().contains(&first.0), "the first user has ended");
    // At the end everything is given back.
    let ran = agent.stop();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(redis.users(), Vec::<String>::new(), "{}", ran.err);
}

#[test]
fn a_new_login_makes_nothing_anew_until_the_old_session_nears_its_end() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    let redis = database(&vault, 3600, 7200);
    // The token can be renewed up to 12 s only; the lease would hold for an hour, but for that.
    let role = vault.approle("web", MAY, &json!({"token_ttl": "6s", "token_max_ttl": "12s"}));
    let mut agent = place.start("run", &(approle_store(&vault, &place, &role) + FILE), &[]);
    agent.until("credentials", |_| place.read("db").is_some());
    let began = Instant::now();
    while agent.err().matches("logged in").count() < 3 {
        assert!(began.elapsed() < Duration::from_secs(40), "{}", agent.err());
        let (user, password) = credentials(&place).unwrap();
        assert!(redis.accepts(&user, &password), "{user} does not work after {:?}\n{}", began.elapsed(), agent.err());
        sleep(Duration::from_millis(100));
    }
    // One user a session, and no more.
    let fetched = agent.err().matches("fetched secret=db").count();
    assert!((2..=3).contains(&fetched), "{fetched} users were made\n{}", agent.err());
    let ran = agent.stop();
    assert_eq!((ran.code, redis.users().len()), (0, 0), "{}", ran.err);
}

#[test]
fn a_lease_that_was_revoked_is_replaced_at_its_next_renewal() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    let redis = database(&vault, 6, 3600);
    let role = vault.approle("web", MAY, &json!({"token_ttl": "1h"}));
    let mut agent = place.start("run", &(approle_store(&vault, &place, &role) + FILE), &[]);
    agent.until("credentials", |_| place.read("db").is_some());
    let first = credentials(&place).unwrap();
    vault.write("sys/leases/revoke-prefix/database/creds/web", &json!({}));
    agent.until("other credentials", |_| credentials(&place).is_some_and(|now| now != first));
    let (user, password) = credentials(&place).unwrap();
    assert!(redis.accepts(&user, &password));
    assert!(agent.err().contains("cannot renew the lease"), "{}", agent.err());
}

#[test]
fn once_leaves_credentials_that_work() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    let redis = database(&vault, 3600, 7200);
    let role = vault.approle("web", MAY, &json!({"token_ttl": "1h"}));
    let ran = place.run("once", &(approle_store(&vault, &place, &role) + FILE), &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let (user, password) = credentials(&place).unwrap();
    assert!(redis.accepts(&user, &password), "{}", ran.err);
}

#[test]
fn a_lease_under_a_token_that_is_not_ours_is_given_back() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    let redis = database(&vault, 3600, 7200);
    let token = vault.token("web", &format!("{MAY}\npath \"sys/leases/revoke\" {{ capabilities = [\"update\"] }}"));
    let file = place.file("token", &token);
    let mut agent = place.start("run", &(token_store(&vault, &file) + FILE), &[]);
    agent.until("credentials", |_| place.read("db").is_some());
    assert_eq!(redis.users().len(), 1);
    let ran = agent.stop();
    assert_eq!((ran.code, redis.users().len()), (0, 0), "{}", ran.err);
    assert!(vault.lookup(&token).is_some(), "the token itself stays");
}

#[test]
fn a_password_that_rotates_is_followed_without_a_lease() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    let redis = database(&vault, 3600, 7200);
    let password = redis.password().text();
    let port = redis.port().to_string();
    e2e::programs::tool(std::process::Command::new("redis-cli").env("REDISCLI_AUTH", password).args([
        "-h",
        "127.0.0.1",
        "-p",
        &port,
        "ACL",
        "SETUSER",
        "fixed",
        "on",
        ">begin",
        "+@all",
        "~*",
    ]));
    vault.write(
        "database/static-roles/fixed",
        &json!({"db_name": "redis", "username": "fixed", "rotation_period": "5s"}),
    );
    let role = vault.approle("web", MAY, &json!({"token_ttl": "1h"}));
    // It would be looked at once an hour, but for the time of its rotation.
    let rest = approle_store(&vault, &place, &role)
        + "secrets: { db: { from: 'vault:database/static-creds/fixed', refresh: 1h } }\nfiles: { db: { format: json, secret: db } }\n";
    let mut agent = place.start("run", &rest, &[]);
    agent.until("credentials", |_| place.read("db").is_some());
    let first = credentials(&place).unwrap();
    agent.until("the next password", |_| credentials(&place).is_some_and(|now| now != first));
    agent.until("one that works", |_| {
        let (user, password) = credentials(&place).unwrap();
        redis.accepts(&user, &password)
    });
}

#[test]
fn a_certificate_is_made_once_and_again_before_it_ends() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.write("sys/mounts/pki", &json!({"type": "pki"}));
    vault.write("pki/root/generate/internal", &json!({"common_name": "test", "ttl": "10h"}));
    vault.write("pki/roles/web", &json!({"allow_any_name": true, "max_ttl": "1h", "no_store": true}));
    let role = vault.approle("web", MAY, &json!({"token_ttl": "1h"}));
    let rest = approle_store(&vault, &place, &role)
        + "secrets: { crt: { from: 'vault:pki/issue/web', with: { common_name: web.example.com, ttl: 9s } } }\n\
           files: { tls.crt: crt#certificate, tls.key: crt#private_key }\n";
    let mut agent = place.start("run", &rest, &[]);
    agent.until("a certificate", |_| place.read("tls.crt").is_some());
    let first = place.read("tls.crt").unwrap();
    assert!(first.starts_with("-----BEGIN CERTIFICATE-----") && place.read("tls.key").unwrap().contains("PRIVATE KEY"));
    let began = Instant::now();
    agent.until("another certificate", |_| place.read("tls.crt").is_some_and(|now| now != first));
    assert!(began.elapsed() < Duration::from_secs(9), "before the first one ended: {:?}", began.elapsed());
    assert!(began.elapsed() > Duration::from_secs(2), "and not at once: {:?}", began.elapsed());
    // A role that it does not know is said with the path, and the way out.
    let ran = Place::new().run(
        "once",
        &(approle_store(&vault, &place, &role)
            + "secrets: { crt: { from: 'vault:pki/issue/web' } }\nfiles: { tls.crt: crt#certificate }\n"),
        &[],
    );
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.err.contains("pki/issue/web") && ran.err.contains("hint: "), "{}", ran.err);
}
