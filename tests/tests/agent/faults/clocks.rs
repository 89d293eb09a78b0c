//! Clocks that jump, and time that passes while the agent or the whole machine stands still. The agent reads clocks that
//! the test sets; Vault's go on, and what would have ended by then is taken away by the test.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use e2e::agent::Place;
use e2e::clocks::Clocks;
use e2e::programs::dynamic;
use e2e::servers::faults::{Call, Faults};
use e2e::servers::free_port;
use e2e::servers::vault::Vault;
use serde_json::json;

use super::{Row, listening, through};

const HOUR: Duration = Duration::from_secs(3600);

const MAY: &str = r#"
path "secret/*" { capabilities = ["read"] }
path "lent/*" { capabilities = ["read"] }
path "certs/issue/*" { capabilities = ["update"] }
"#;

/// A Vault that lends a word for a time, and makes certificates of `web.example.com`.
fn vault(ttl: &str) -> Vault {
    // OpenBao 2.7.2 breaks off when such a lease is renewed: "field path not in the schema".
    let vault = Vault::start_of_hashicorp().unwrap();
    let leased = json!({"version": "1", "leased_passthrough": "true"});
    vault.write("sys/mounts/lent", &json!({"type": "kv", "options": leased}));
    vault.write("lent/web", &json!({"word": "first", "ttl": ttl}));
    vault.write("sys/mounts/certs", &json!({"type": "pki"}));
    vault.write("certs/root/generate/internal", &json!({"common_name": "test", "ttl": "1h"}));
    vault.write("certs/roles/web", &json!({"allow_any_name": true, "key_type": "ec", "key_bits": 256}));
    vault
}

/// An agent with clocks of its own, once all its files are there.
fn with_clocks(name: &'static str, vault: Vault, token_ttl: &str, secrets: &str) -> (Row, Clocks) {
    let (vault, place) = (Arc::new(vault), Place::new());
    vault.put(name, &json!({"word": "first"}));
    let role = vault.approle(name, MAY, &json!({"token_ttl": token_ttl}));
    let faults = Faults::before(vault.address()).unwrap();
    let port = free_port().unwrap();
    let mut agent = Command::new(dynamic("oakum-agent").unwrap());
    let clocks = Clocks::of(&mut agent, place.path("").as_path());
    let agent = place.start_by(agent, "run", &(through(&faults, &place, &role) + &listening(port) + secrets), &[]);
    let mut row = Row { name, vault, faults, place, agent, port };
    row.agent.until_said("published", 1);
    assert!(clocks.are_taken(), "the agent reads everybody's clocks: {}", row.agent.err());
    assert_eq!(row.place.read("db").as_deref(), Some("first"), "{}", row.agent.err());
    (row, clocks)
}

/// No request was made twice within a second. Whether a token is known is asked for by each secret that finds out.
fn were_few(calls: &[Call]) {
    let mut last = BTreeMap::new();
    for call in calls.iter().filter(|call| !call.path.ends_with("/lookup-self")) {
        if let Some(before) = last.insert(&call.path, call.at) {
            // Other tests run beside, and may keep a request from being noted at once.
            assert!(call.at - before >= Duration::from_millis(900), "{} after {:?}", call.path, call.at - before);
        }
    }
}

#[test]
fn a_wall_clock_that_jumps_ten_minutes_either_way_changes_nothing() {
    let secrets = "secrets:\n  db: { from: 'vault:secret/jumps', refresh: 2s }\n  lent: 'vault:lent/web'\n  \
        cert: { from: 'vault:certs/issue/web', with: { common_name: web.example.com, ttl: 6s } }\n\
        files: { db: db#word, lent: lent#word, cert: cert#expiration }\n";
    let (row, clocks) = with_clocks("jumps", vault("6s"), "1h", secrets);
    for (jump, word) in [(600, "second"), (-600, "third"), (0, "fourth")] {
        clocks.set_wall(jump);
        row.vault.put("jumps", &json!({"word": word}));
        let began = Instant::now();
        let said = |row: &Row, what: &str| row.agent.err().matches(what).count();
        let (renewed, made) = (said(&row, "lease renewed"), said(&row, "fetched secret=cert"));
        // The first certificate was made under the clock before.
        while said(&row, "fetched secret=cert") < made + 2 || said(&row, "lease renewed") < renewed + 2 {
            let passed = began.elapsed();
            assert!(passed < Duration::from_secs(20), "{jump}: something waits\n{}", row.agent.err());
            let ends: u64 = row.place.read("cert").unwrap().parse().unwrap();
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            assert!(ends >= now, "{jump}: the certificate ended {} s ago\n{}", now - ends, row.agent.err());
            let late = passed > Duration::from_secs(5) && row.place.read("db").as_deref() != Some(word);
            assert!(!late, "{jump}: no new value after {passed:?}\n{}", row.agent.err());
            sleep(Duration::from_millis(50));
        }
    }
    assert_eq!(row.agent.err().matches("logged in").count(), 1, "{}", row.agent.err());
    assert_eq!(row.agent.err().matches("fetched secret=lent").count(), 1, "{}", row.agent.err());
    let calls = row.faults.calls();
    were_few(&calls);
    let made: Vec<_> = calls.iter().filter(|call| call.path.contains("/issue/")).map(|call| call.at).collect();
    // At nine tenths of two thirds of what is left of 6 s, of which Vault's words may leave out one.
    let apart = |pair: &[Instant]| pair[1] - pair[0] >= Duration::from_millis(2500);
    assert!(made.windows(2).all(apart), "{made:?}\n{}", row.agent.err());
}

/// What an hour does: Vault knows neither the token nor what was leased with it, and there are other values.
fn an_hour_passes(row: &Row) {
    row.vault.sessions().iter().for_each(|accessor| row.vault.revoke(accessor));
    row.vault.put(row.name, &json!({"word": "second"}));
    row.vault.write("lent/web", &json!({"word": "second", "ttl": "30m"}));
}

/// All is had anew soon, and without haste.
fn comes_back(row: &mut Row, before: usize, within: Duration) {
    let began = Instant::now();
    row.agent.until("the lease", |_| row.place.read("lent").as_deref() == Some("second"));
    // It is well again once it has both.
    row.recovers("second");
    assert!(began.elapsed() < within, "{:?}\n{}", began.elapsed(), row.agent.err());
    assert_eq!(row.agent.err().matches("logged in").count(), 2, "{}", row.agent.err());
    let calls = row.faults.calls().split_off(before);
    were_few(&calls);
    assert!(calls.len() <= 16, "{calls:?}");
}

#[test]
fn an_agent_suspended_for_an_hour_has_anew_what_has_ended_and_makes_up_for_nothing() {
    let secrets = "secrets: { db: { from: 'vault:secret/halted', refresh: 30s }, lent: 'vault:lent/web' }\n\
        files: { db: db#word, lent: lent#word }\n";
    let (mut row, clocks) = with_clocks("halted", vault("30m"), "45m", secrets);
    row.agent.process().signal("STOP");
    an_hour_passes(&row);
    clocks.pass(HOUR);
    let before = row.faults.calls().len();
    row.agent.process().signal("CONT");
    comes_back(&mut row, before, Duration::from_secs(15));
}

#[test]
fn an_agent_that_slept_with_its_machine_for_an_hour_sees_by_itself_what_has_ended() {
    let secrets = "secrets: { db: { from: 'vault:secret/slept', refresh: 1h }, lent: 'vault:lent/web' }\n\
        files: { db: db#word, lent: lent#word }\n";
    let (mut row, clocks) = with_clocks("slept", vault("30m"), "45m", secrets);
    an_hour_passes(&row);
    let before = row.faults.calls().len();
    clocks.sleep(HOUR);
    comes_back(&mut row, before, Duration::from_secs(20));
}
