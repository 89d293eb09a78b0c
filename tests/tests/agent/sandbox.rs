//! The agent shuts itself in, says how far, and goes on with its work.

use std::fs;
use std::os::unix::fs::chown;
use std::process::Command;

use e2e::agent::{Agent, Place};
use e2e::programs::program;
use e2e::servers::free_port;
use e2e::servers::vault::Vault;
use serde_json::json;

use crate::memory::ask;
use crate::{approle_store, role};

const SECRETS: &str = "secrets: { db: { from: \"vault:secret/db\", refresh: 1s } }\nfiles: { db: \"db#word\" }\n";

fn assert_shut_in(agent: &Agent) {
    let process = agent.process();
    assert_eq!((process.status("Seccomp"), process.status("NoNewPrivs")), ("2".to_owned(), "1".to_owned()));
    let limits = String::from_utf8(process.file("limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
}

/// Everything that it does after it has begun: reads anew, logs in anew, links what did not change, answers.
fn assert_works(vault: &Vault, place: &Place, agent: &mut Agent, port: u16) {
    agent.until("the file", |_| place.read("db").is_some());
    assert_shut_in(agent);
    let metrics = ask(port, "/metrics");
    for (part, level) in [("landlock", "files+net"), ("seccomp", "on")] {
        let line = format!("\noakum_agent_sandbox{{part=\"{part}\",level=\"{level}\"}} 1\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
    assert!(metrics.contains("\noakum_agent_sandbox{part=\"swap\",level=\""), "{metrics}");
    assert!(agent.err().contains("sandbox landlock=files+net seccomp=on swap="), "{}", agent.err());
    // The secret id is replaced by a rename, as what rotates is.
    let id = place.path("secret-id");
    fs::copy(&id, place.path("next-id")).unwrap();
    fs::rename(place.path("next-id"), &id).unwrap();
    vault.sessions().iter().for_each(|accessor| vault.revoke(accessor));
    vault.put("db", &json!({"word": "second"}));
    agent.until("the new value", |_| place.read("db").as_deref() == Some("second"));
    agent.until_said("logged in", 2);
}

#[test]
fn a_sandboxed_agent_renews_publishes_and_logs_in_again() {
    let (vault, place) = (Vault::start_stored().unwrap(), Place::new());
    vault.put("db", &json!({"word": "first"}));
    let port = free_port().unwrap();
    let rest = approle_store(&vault, &place, &role(&vault)) + &format!("listen: 127.0.0.1:{port}\n{SECRETS}");
    let mut agent = place.start("run", &rest, &["--require-sandbox"]);
    assert_works(&vault, &place, &mut agent, port);
    let ran = agent.stop();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.err.matches("sandbox landlock=").count(), 1, "{}", ran.err);
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn a_user_without_privileges_has_the_same_sandbox() {
    const NOBODY: u32 = 65534;
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "first"}));
    let port = free_port().unwrap();
    let rest = approle_store(&vault, &place, &role(&vault)) + &format!("listen: 127.0.0.1:{port}\n{SECRETS}");
    chown(place.volume(), Some(NOBODY), Some(NOBODY)).unwrap();
    // The built program may be where that user cannot reach it.
    let copy = place.path("agent");
    fs::copy(program("oakum-agent").unwrap(), &copy).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&copy);
    let mut agent = place.start_by(command, "run", &rest, &["--require-sandbox"]);
    assert_works(&vault, &place, &mut agent, port);
    let ran = agent.stop();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn a_session_is_renewed_inside() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "first"}));
    let role = vault.approle("web", crate::MAY_READ, &json!({"token_ttl": "4s", "token_max_ttl": "1h"}));
    let mut agent = place.start("run", &(approle_store(&vault, &place, &role) + SECRETS), &[]);
    agent.until_said("token renewed", 1);
    assert_shut_in(&agent);
}

#[test]
fn the_child_of_exec_is_free_and_its_parent_is_not() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "first"}));
    let rest = approle_store(&vault, &place, &role(&vault)) + SECRETS;
    // It does what the agent may not: starts programs, reads and writes elsewhere.
    let shown = place.path("child");
    let script = format!("cat /proc/self/status /etc/passwd > {}; exec sleep 1000", shown.display());
    let mut agent = place.start("exec", &rest, &["--require-sandbox", "--", "sh", "-c", &script]);
    agent.until("the child", |_| fs::read_to_string(&shown).is_ok_and(|text| text.contains("root:")));
    let child = fs::read_to_string(&shown).unwrap();
    assert!(child.contains("Seccomp:\t0\n") && child.contains("NoNewPrivs:\t1\n"), "{child}");
    agent.until_said("sandbox landlock=none seccomp=on", 1);
    assert_shut_in(&agent);
    assert_eq!(agent.stop().code, 128 + 15);
}

#[test]
fn check_says_how_far_it_would_go() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    let ran = place.run("check", &(approle_store(&vault, &place, &role(&vault)) + SECRETS), &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("\nsandbox: landlock files+net (none in `exec`), seccomp on"), "{}", ran.out);

    let rest = approle_store(&vault, &place, &role(&vault)) + SECRETS + "on_change: [{ command: [/bin/true] }]\n";
    let ran = place.run("check", &rest, &[]);
    assert!(ran.out.contains("\nsandbox: landlock none (commands that run on a change"), "{}{}", ran.out, ran.err);
    let ran = place.run("once", &rest, &[]);
    assert!(ran.err.contains("info sandbox landlock=none seccomp=on"), "{}", ran.err);
    let ran = place.run("once", &rest, &["--require-sandbox"]);
    assert_eq!((ran.code, place.names().len()), (2, 0), "{}", ran.err);

    // A child that may be started again would inherit the filter.
    let rest = approle_store(&vault, &place, &role(&vault)) + SECRETS + "on_change: [{ restart: true }]\n";
    let ran = place.run("exec", &rest, &["--require-sandbox", "--", "/bin/true"]);
    assert!(ran.code == 2 && ran.err.contains("seccomp filters no system calls"), "{} {}", ran.code, ran.err);
}
