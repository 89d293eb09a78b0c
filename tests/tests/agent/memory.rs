//! Invariant 8: the agent's memory holds no delivered value; and what else makes the process hard to rob.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::process::Command;

use e2e::agent::{Agent, Place};
use e2e::planted::Planted;
use e2e::process::{traces, words};
use e2e::programs::{finish, program};
use e2e::servers::free_port;
use e2e::servers::vault::{Brand, Vault};
use serde_json::json;

use crate::{MAY_READ, approle_store, role, token_store};

pub(crate) fn ask(port: u16, path: &str) -> String {
    let mut answer = String::new();
    if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
        let _ = write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let _ = stream.read_to_string(&mut answer);
    }
    answer
}

/// Looks for secrets in everything that the agent shows and holds.
fn assert_clean(agent: &Agent, port: u16, secrets: &[&Planted]) {
    let process = agent.process();
    let memory = process.memory().unwrap();
    for secret in secrets {
        assert_eq!(traces(&memory, secret), [""; 0]);
        for shown in [agent.out(), agent.err(), ask(port, "/metrics"), ask(port, "/readyz"), ask(port, "/healthz")] {
            assert_eq!(secret.trace_in(shown.as_bytes()), None, "{shown}");
        }
        for file in ["cmdline", "environ"] {
            assert_eq!(secret.trace_in(&process.file(file)), None, "{file}");
        }
    }
}

#[test]
fn no_delivered_value_is_in_the_agents_memory_and_its_token_is_there_once() {
    // Over TLS, so that those buffers are searched as well.
    let (vault, place) = (Vault::start_stored().unwrap(), Place::new());
    let passwords: Vec<Planted> = (0..4).map(|_| Planted::password()).collect();
    let [first, second, third, other] = passwords.as_slice() else { panic!("four") };
    vault.put("db", &json!({"password": first.text(), "filler": "x".repeat(3000)}));
    vault.put("api", &json!({"key": other.text()}));
    let role = role(&vault);
    let secret_id = Planted::of(&role.secret_id);
    let port = free_port().unwrap();
    let rest = approle_store(&vault, &place, &role)
        + &format!(
            "listen: 127.0.0.1:{port}
secrets: {{ db: {{ from: \"vault:secret/db\", refresh: 1s }}, api: {{ from: \"vault:secret/api\", refresh: 1s }} }}
files:
  password: \"db#password\"
  db.json: {{ format: json, secret: db }}
  both.env: {{ format: dotenv, values: {{ A: \"db#password\", B: \"api#key\" }} }}
"
        );
    let mut agent = place.start("run", &rest, &[]);
    agent.until("readiness", |_| ask(port, "/readyz").starts_with("HTTP/1.1 200"));
    assert_eq!(place.read("password").as_deref(), Some(first.text()));
    assert!(ask(port, "/healthz").starts_with("HTTP/1.1 200"));
    assert!(ask(port, "/metrics").contains("\noakum_secret_published{secret=\"db\"} 1\n"), "{}", ask(port, "/metrics"));

    // The search finds what is there: the token that the session needs, in one place, and it is the session's.
    let memory = agent.process().memory().unwrap();
    // OpenBao's are of one length, and their beginning is that of other words.
    let is_token = |word: &String| match Brand::tested() {
        Brand::Vault => word.len() > 20,
        Brand::OpenBao => word.len() == 26 && word[2..].bytes().all(|byte| byte.is_ascii_alphanumeric()),
    };
    let prefix = if Brand::tested() == Brand::Vault { "hvs." } else { "s." };
    let found: Vec<String> = words(&memory, prefix).into_iter().filter(is_token).collect();
    assert_eq!(found.len(), 1, "{} places", found.len());
    let known = vault.lookup(&found[0]).expect("it is a token that holds");
    assert_eq!(known["path"], "auth/approle/login");

    assert_clean(&agent, port, &[first, other, &secret_id]);

    // The same after changes: of one value alone, whose companion is read again for the file of both; then once more.
    for next in [second, third] {
        vault.put("db", &json!({"password": next.text()}));
        agent.until("the new value", |_| place.read("both.env").is_some_and(|text| text.contains(next.text())));
        agent.until("the sweep", |_| place.generations().len() == 1);
        assert_clean(&agent, port, &[first, second, third, other, &secret_id]);
    }
    let token = Planted::of(&found[0]);
    let ran = agent.stop();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(vault.lookup(&found[0]).is_none(), "the token is revoked");
    for secret in [first, second, third, other, &secret_id, &token] {
        assert_eq!(secret.trace_in(ran.err.as_bytes()), None);
    }
}

#[test]
fn a_token_from_a_file_and_a_value_of_version_1_leave_no_trace_either() {
    let (vault, place, password) = (Vault::start().unwrap(), Place::new(), Planted::password());
    vault.put_old("db", &json!({"password": password.text(), "n": 1}));
    let token = vault.token("reader", MAY_READ);
    let file = place.file("token", &token);
    let port = free_port().unwrap();
    let rest = token_store(&vault, &file)
        + &format!(
            "listen: 127.0.0.1:{port}\nsecrets: {{ db: {{ from: \"vault:old/db\" }} }}\nfiles: {{ db.json: {{ format: json, secret: db }} }}\n"
        );
    let mut agent = place.start("run", &rest, &[]);
    agent.until("readiness", |_| ask(port, "/readyz").starts_with("HTTP/1.1 200"));
    assert_eq!(words(&agent.process().memory().unwrap(), &token).len(), 1);
    assert_clean(&agent, port, &[&password]);
}

#[test]
fn the_environment_of_a_child_leaves_no_trace_in_the_agent() {
    let (vault, place, password) = (Vault::start().unwrap(), Place::new(), Planted::password());
    vault.put("db", &json!({"password": password.text()}));
    let port = free_port().unwrap();
    let rest = approle_store(&vault, &place, &role(&vault))
        + &format!(
            "listen: 127.0.0.1:{port}\nsecrets: {{ db: {{ from: \"vault:secret/db\" }} }}\nenv: {{ DB_PASSWORD: \"db#password\" }}\n"
        );
    let mut agent = place.start("exec", &rest, &["--", "sleep", "1000"]);
    agent.until("readiness", |_| ask(port, "/readyz").starts_with("HTTP/1.1 200"));
    let children = agent.process().file(&format!("task/{}/children", agent.process().0));
    let child: u32 = String::from_utf8(children).unwrap().trim().parse().unwrap();
    // The kernel shows a new program's environment a moment after its parent has gone on.
    let child = e2e::process::Process(child);
    agent.until("the child's environment", |_| password.trace_in(&child.file("environ")).is_some());
    assert_clean(&agent, port, &[&password]);
}

#[test]
fn the_process_is_hardened() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "x"}));
    let rest = approle_store(&vault, &place, &role(&vault))
        + "secrets: { db: { from: \"vault:secret/db\" } }\nfiles: { db: \"db#word\" }\n";
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the file", |_| place.read("db").is_some());
    let process = agent.process();
    assert_eq!(process.status("NoNewPrivs"), "1");
    // All of its memory is locked: nothing of it can go to a swap device.
    let kib = |name: &str| process.status(name).trim_end_matches(" kB").parse::<u64>().unwrap();
    assert!(kib("VmLck") >= kib("VmRSS") && kib("VmLck") > 0, "{} of {}", kib("VmLck"), kib("VmRSS"));
    assert_eq!(kib("VmSwap"), 0);
    // Small enough for the 64 MiB that the sidecar is given, also where it is built for tests.
    assert!(kib("VmHWM") < 32 << 10, "{} KiB", kib("VmHWM"));
    let limits = String::from_utf8(process.file("limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
    assert!(!agent.err().contains("not hardened"), "{}", agent.err());
}

#[test]
fn another_process_of_the_same_user_cannot_look_into_it() {
    const NOBODY: u32 = 65534;
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "x"}));
    let rest = approle_store(&vault, &place, &role(&vault))
        + "secrets: { db: { from: \"vault:secret/db\" } }\nfiles: { db: \"db#word\" }\n";
    chown(place.volume(), Some(NOBODY), Some(NOBODY)).unwrap();
    // The built program may be where that user cannot reach it.
    let copy = place.path("agent");
    fs::copy(program("oakum-agent").unwrap(), &copy).unwrap();
    let as_nobody = || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        command
    };
    let mut command = as_nobody();
    command.arg(&copy);
    let mut agent = place.start_by(command, "run", &rest, &[]);
    agent.until("the file", |_| place.read("db").is_some());
    let pid = agent.process().0;
    assert_eq!(agent.process().status("Uid").split_whitespace().next(), Some("65534"));
    // What belongs to root under /proc is what the kernel shows of a process that is not dumpable.
    assert_eq!(fs::metadata(format!("/proc/{pid}/environ")).unwrap().uid(), 0);
    for file in ["mem", "environ", "maps"] {
        let ran = finish(as_nobody().args(["cat", &format!("/proc/{pid}/{file}")]), b"");
        assert!(ran.code != 0 && ran.err.contains("Permission denied"), "{file}: {} {}", ran.code, ran.err);
    }
    let ran = finish(as_nobody().args(["strace", "-p", &pid.to_string()]), b"");
    assert!(ran.err.contains("Operation not permitted"), "{}", ran.err);
    // The control: of another process of that user, they can.
    let mut other = as_nobody().args(["sleep", "1000"]).spawn().unwrap();
    // Until setpriv has become sleep, it is still root's.
    let comm = format!("/proc/{}/comm", other.id());
    agent.until("the control", |_| fs::read_to_string(&comm).unwrap() == "sleep\n");
    let read = finish(as_nobody().args(["cat", &format!("/proc/{}/environ", other.id())]), b"");
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(read.code, 0, "{}", read.err);
    let ran = agent.stop();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(place.names(), [""; 0]);
}
