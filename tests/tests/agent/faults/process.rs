//! An agent that is stopped, suspended or killed at a bad moment.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use e2e::agent::Place;
use e2e::programs::tool;
use e2e::servers::faults::Fault;
use serde_json::json;

use super::Row;
use crate::MAY_READ;

/// How long the end may take at most: what has not been revoked by then ends by itself.
const FAREWELL: Duration = Duration::from_secs(5);

/// Stops an agent whose Vault does not answer.
fn is_stopped(row: Row) {
    let Row { agent, place, .. } = row;
    let began = Instant::now();
    let ran = agent.stop();
    assert_eq!((ran.code, place.names().len()), (0, 0), "{}", ran.err);
    assert!(began.elapsed() < FAREWELL + Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn sigterm_before_the_configuration_is_read_is_no_violent_end() {
    let place = Place::new();
    let config = place.path("config.yaml");
    // Whoever reads it waits until somebody writes.
    tool(Command::new("mkfifo").arg(&config));
    let mut agent = place.start_as_it_is("run");
    let sigterm = 1 << (15 - 1);
    agent.until("the handler", |agent| {
        let status = agent.process().status("SigCgt");
        u64::from_str_radix(&status, 16).is_ok_and(|caught| caught & sigterm != 0)
    });
    agent.process().signal("TERM");
    let volume = place.volume();
    let text = format!(
        "apiVersion: oakum.dev/v1\nkind: Injection\nvolume: {{ path: {} }}\nfiles: {{ a: {{ template: x }} }}\n",
        volume.display()
    );
    fs::write(&config, text).unwrap();
    let ran = agent.end();
    assert_eq!((ran.code, place.names().len()), (0, 0), "{}", ran.err);
}

#[test]
fn sigterm_during_the_start_ends_it_with_nothing_left() {
    let mut row = Row::start("sigterm-start", MAY_READ, &json!({}), Fault::Hang);
    row.agent.until("the login", |_| !row.faults.calls().is_empty());
    is_stopped(row);
}

#[test]
fn sigterm_while_vault_hangs_wipes_the_files_and_waits_for_the_farewell_only() {
    let row = Row::new("sigterm-hang");
    row.faults.set(Fault::Hang);
    is_stopped(row);
}

#[test]
fn a_suspended_agent_recovers_when_it_goes_on_with_its_token_ended() {
    let mut row = Row::with("suspended", MAY_READ, &json!({"token_ttl": "6s"}));
    row.agent.process().signal("STOP");
    row.vault.put("suspended", &json!({"word": "second"}));
    sleep(Duration::from_secs(10));
    assert_eq!(row.place.read("db").as_deref(), Some("first"), "the app has its file meanwhile");
    let before = row.faults.calls().len();
    row.agent.process().signal("CONT");
    row.agent.until_said("logged in", 2);
    row.recovers("second");
    // What it did not do in those ten seconds is not made good at once.
    let calls = row.faults.calls().split_off(before);
    let looks: Vec<_> = calls.iter().filter(|call| call.path.contains("/metadata/")).map(|call| call.at).collect();
    let apart = |pair: &[Instant]| pair[1] - pair[0] >= Duration::from_millis(700);
    assert!(looks.windows(2).all(apart), "{calls:?}");
}
