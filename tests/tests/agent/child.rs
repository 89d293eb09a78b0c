//! `exec`: a child with an environment, our signals, and its own exit code.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use e2e::agent::{Agent, Place};
use e2e::planted::Planted;
use e2e::programs::program;
use e2e::servers::vault::Vault;
use serde_json::json;

use crate::{approle_store, role};

fn config(vault: &Vault, place: &Place) -> String {
    approle_store(vault, place, &role(vault))
        + "secrets: { db: { from: \"vault:secret/db\", refresh: 1s } }
files: { password: \"db#password\" }
env: { DB_PASSWORD: \"db#password\", DB_PORT: \"db#port\", DSN: { template: \"pg://u:{{ .db.password }}@h:{{ .db.port }}\" } }
"
}

#[test]
fn the_child_has_its_environment_and_its_code_is_ours() {
    let (vault, place, password) = (Vault::start().unwrap(), Place::new(), Planted::password());
    vault.put("db", &json!({"password": password.text(), "port": 5432}));
    let rest = config(&vault, &place);
    let exec = |script: &str| place.run("exec", &rest, &["--", "sh", "-c", script]);

    let volume = place.volume();
    let ran = exec(&format!(
        "printf '%s %s %s ' \"$DB_PASSWORD\" \"$DB_PORT\" \"$DSN\"; cat {}/password; exit 7",
        volume.display()
    ));
    assert_eq!(ran.code, 7, "{}", ran.err);
    assert_eq!(ran.out, format!("{0} 5432 pg://u:{0}@h:5432 {0}", password.text()));
    assert_eq!(password.trace_in(ran.err.as_bytes()), None);
    assert_eq!(place.names(), [""; 0], "wiped at the end of the child");
    assert_eq!(vault.sessions().len(), 0);

    assert_eq!(exec("exit 0").code, 0);
    for (signal, code) in [("KILL", 137), ("TERM", 143), ("SEGV", 139)] {
        assert_eq!(exec(&format!("kill -{signal} $$")).code, code);
    }
    // What it leaves running is not waited for, and what it leaves as an orphan does not stay a zombie of ours.
    assert_eq!(exec("(sleep 0.1 &) ; sleep 0.3; exit 3").code, 3);
}

#[test]
fn a_command_takes_the_agents_place_with_files_and_environment() {
    let (vault, place, password) = (Vault::start().unwrap(), Place::new(), Planted::password());
    vault.put("db", &json!({"password": password.text(), "port": 5432}));
    let rest = config(&vault, &place);
    let script = format!("echo $$; echo \"$DB_PASSWORD\"; cat {}/password; exec sleep 60", place.volume().display());
    for _ in 0..2 {
        let mut agent = place.start("exec", &rest, &["--hand-over", "--", "sh", "-c", &script]);
        agent.until("the app", |agent| agent.out().matches(password.text()).count() == 2);
        let pid = agent.process().0;
        assert!(agent.out().starts_with(&format!("{pid}\n")), "it has the agent's number: {}", agent.out());
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        assert!(!name.starts_with("oakum"), "{name}");
        assert_eq!(vault.sessions().len(), 0, "nobody is left to give the token back later");
        assert_eq!(place.generations().len(), 1);
        assert_eq!(agent.stop().code, -1, "the signal has ended it, and nobody makes a code of that");
    }

    let ran = place.run("exec", &rest, &["--hand-over", "--", "/nonexistent/app"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("cannot start /nonexistent/app: no such file"), "{}", ran.err);
}

fn is_ready(agent: &Agent) -> bool {
    agent.out().contains("ready\n")
}

#[test]
fn signals_are_handed_on_and_the_child_says_when_it_ends() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"password": "x", "port": 1}));
    let rest = config(&vault, &place);
    let script = "trap 'echo hup' HUP; trap 'echo usr1' USR1; trap 'echo term; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    let mut agent = place.start("exec", &rest, &["--", "sh", "-c", script]);
    agent.until("the child", is_ready);
    for signal in ["HUP", "USR1"] {
        agent.process().signal(signal);
        agent.until(signal, |agent| agent.out().contains(&signal.to_lowercase()));
    }
    let ran = agent.stop();
    assert_eq!(ran.code, 9, "{}", ran.err);
    assert!(ran.out.ends_with("term\n"), "{}", ran.out);
    assert_eq!(place.names(), [""; 0]);
    assert_eq!(vault.sessions().len(), 0);
}

#[test]
fn files_beside_a_child_follow_their_values() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"password": "x", "port": 1}));
    let mut agent = place.start("exec", &config(&vault, &place), &["--", "sh", "-c", "echo ready; exec sleep 1000"]);
    agent.until("the child", is_ready);
    vault.put("db", &json!({"password": "y", "port": 1}));
    agent.until("the new value", |_| place.read("password").as_deref() == Some("y"));
    assert_eq!(agent.stop().code, 143);
}

#[test]
fn a_command_that_is_not_there_is_said_before_anything_stays() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"password": "x", "port": 1}));
    let ran = place.run("exec", &config(&vault, &place), &["--", "/no/such/program"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("error: cannot start /no/such/program: no such file or directory\nhint: "), "{}", ran.err);
    assert_eq!(place.names(), [""; 0]);
    assert_eq!(vault.sessions().len(), 0);
}

#[test]
fn a_command_without_a_path_is_not_looked_for_in_the_variable() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"password": "x", "port": 1}));
    std::fs::create_dir(place.path("bin")).unwrap();
    for name in ["bin/sh", "bin/app"] {
        let script = place.file(name, "#!/bin/sh\necho another\n");
        std::fs::set_permissions(script, Permissions::from_mode(0o755)).unwrap();
    }
    let rest = config(&vault, &place);
    for more in [&[][..], &["--hand-over"]] {
        let exec = |command: &[&str]| {
            let mut agent = Command::new(program("oakum-agent").unwrap());
            agent.env("PATH", place.path("bin"));
            place.start_by(agent, "exec", &rest, &[more, &["--"], command].concat()).end()
        };
        let ran = exec(&["sh", "-c", "echo the one of $0"]);
        assert_eq!((ran.code, ran.out.as_str()), (0, "the one of sh\n"), "{}", ran.err);
        let ran = exec(&["app"]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
        assert!(ran.err.contains("error: cannot start app: it is in none of /usr/local/sbin, "), "{}", ran.err);
        assert!(ran.err.contains("hint: give the command's whole path"), "{}", ran.err);
        let path = place.path("bin/app");
        assert_eq!(exec(&[path.to_str().unwrap()]).out, "another\n");
    }
}

#[test]
fn no_child_starts_with_half_of_its_environment() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"password": "x"}));
    let ran = place.run("exec", &config(&vault, &place), &["--", "sh", "-c", "echo started"]);
    assert_eq!((ran.code, ran.out.as_str()), (4, ""), "{}", ran.err);
    assert!(
        ran.err.contains("error: the secret `db` has no field `port`\nhint: its fields are password"),
        "{}",
        ran.err
    );
    assert_eq!(place.names(), [""; 0]);
}
