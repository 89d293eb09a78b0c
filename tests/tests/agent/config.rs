//! Configurations that cannot work, and `check`.

use std::fs;
use std::process::Command;

use e2e::agent::Place;
use e2e::programs::{finish, program};

const STORE: &str = "stores: { vault: { vault: { address: \"https://vault.example.com\", auth: { kubernetes: { role: web, token: /nonexistent/token } } } } }\n";
const REST: &str = "secrets: { db: { from: \"vault:secret/db\" } }\nfiles: { db: \"db#word\" }\n";

#[test]
fn a_mistake_is_said_with_its_line_and_the_way_out() {
    let place = Place::new();
    let good = format!("{STORE}{REST}");
    for (rest, line, what, hint) in [
        (format!("{good}filez: {{}}\n"), 7, "the configuration has no key `filez`", "did you mean `files`?"),
        (good.replace("role: web", "rolle: web"), 4, "`kubernetes` has no key `rolle`", "did you mean `role`?"),
        (good.replace("vault:secret", "vaultt:secret"), 5, "there is no store `vaultt`", "the stores are `vault`"),
        (good.replace("db#word", "dbb#word"), 6, "there is no secret `dbb`", "the secrets are `db`"),
        (good.replace("https://", "http://"), 4, "http", "allow_plain_http"),
        (good.replace("/nonexistent/token", "token"), 4, "`token` must be an absolute path", "begin it with `/`"),
        (format!("{STORE}{}", REST.replace("db: \"db#word\"", "\"../db\": \"db#word\"")), 6, "../db", ""),
        (format!("{good}on_change: [{{ command: reload }}]\n"), 7, "must be a list", "write it as a list"),
    ] {
        for command in ["run", "once", "check"] {
            let ran = place.run(command, &rest, &[]);
            let path = place.path("config.yaml");
            assert_eq!(ran.code, 2, "{rest}: {}", ran.err);
            assert!(ran.err.starts_with(&format!("error: {}:{line}: ", path.display())), "{line}: {}", ran.err);
            assert!(ran.err.contains(what), "`{what}` is not in: {}", ran.err);
            assert!(
                ran.err.lines().any(|line| line.starts_with("hint: ") && line.contains(hint)) || hint.is_empty(),
                "{}",
                ran.err
            );
        }
    }
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn wrong_usage_ends_with_2() {
    let place = Place::new();
    let agent = |args: &[&str]| finish(Command::new(program("oakum-agent").unwrap()).args(args), b"");
    for (args, what) in [
        (vec![], "no command"),
        (vec!["fetch"], "there is no command `fetch`"),
        (vec!["run"], "--config"),
        (vec!["run", "--config", "/nonexistent.yaml"], "cannot read /nonexistent.yaml: no such file or directory"),
    ] {
        let ran = agent(&args);
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains("error: ") && ran.err.contains(what), "{}", ran.err);
    }
    let broken = place.file("config.yaml", "a: [\n");
    assert_eq!(agent(&["run", "--config", broken.to_str().unwrap()]).code, 2);
    fs::write(&broken, [0xff, 0xfe, 0]).unwrap();
    assert_eq!(agent(&["run", "--config", broken.to_str().unwrap()]).code, 2);
    assert_eq!(agent(&["--version"]).code, 0);
    assert_eq!(agent(&["run", "--help"]).code, 0);
}

#[test]
fn check_says_what_would_be_done_and_touches_nothing() {
    let place = Place::new();
    let config = place.config(&format!("{STORE}{REST}"));
    let trace = place.path("trace");
    let before = place.names();
    let mut command = Command::new("strace");
    command.args(["-f", "-e", "trace=%network,%file", "-o"]).arg(&trace);
    command.arg(program("oakum-agent").unwrap()).args(["check", "--config"]).arg(&config);
    let ran = finish(&mut command, b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    for line in [
        "store vault: Vault at https://vault.example.com:443, logs in at auth/kubernetes as web with the token in /nonexistent/token",
        "secret db: from vault:secret/db, looked at every 30s",
        "  db: raw, db#word",
    ] {
        assert!(ran.out.lines().any(|said| said == line), "`{line}` is not in: {}", ran.out);
    }
    assert_eq!(place.names(), before);
    let calls = fs::read_to_string(trace).unwrap();
    assert!(calls.contains("config.yaml"), "the trace shows what it reads");
    for call in ["connect(", "mkdir", "symlink", "rename", "unlink", "O_CREAT", "O_WRONLY", "O_RDWR"] {
        assert!(!calls.contains(call), "{call}: {calls}");
    }
    let ran = place.run("check", &format!("{STORE}{REST}"), &["--published"]);
    assert_eq!(ran.code, 5, "{}", ran.err);
    fs::write(place.volume().join("db"), "x").unwrap();
    assert_eq!(place.run("check", &format!("{STORE}{REST}"), &["--published"]).code, 0);
}
