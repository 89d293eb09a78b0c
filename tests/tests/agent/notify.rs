//! What systemd hears of an agent that it has started, by the socket that it gives to its services.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::time::{Duration, Instant};

use e2e::agent::{Agent, Place, SOON};
use e2e::planted::Planted;
use e2e::programs::program;
use e2e::servers::vault::Vault;
use serde_json::json;

use crate::{approle_store, role, store_at};

const REST: &str = "secrets: { db: { from: 'vault:secret/db', refresh: 1s } }\nfiles: { word: db#word }\n";

/// As systemd listens.
struct Systemd(UnixDatagram);

impl Systemd {
    fn at(address: &SocketAddr) -> Self {
        let socket = UnixDatagram::bind_addr(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        Self(socket)
    }

    fn in_a_file(place: &Place) -> Self {
        Self::at(&SocketAddr::from_pathname(place.path("notify")).unwrap())
    }

    /// All messages up to the one that holds some words.
    fn until(&self, words: &str, agent: &Agent) -> Vec<String> {
        let (began, mut heard) = (Instant::now(), Vec::new());
        let mut bytes = [0; 4096];
        loop {
            if let Ok(length) = self.0.recv(&mut bytes) {
                heard.push(String::from_utf8(bytes[..length].to_vec()).unwrap());
                if heard.last().unwrap().contains(words) {
                    return heard;
                }
            }
            assert!(began.elapsed() < SOON, "{words} was not said: {heard:?}\n{}", agent.err());
        }
    }
}

fn told_by(socket: &str) -> Command {
    let mut command = Command::new(program("oakum-agent").unwrap());
    command.env("NOTIFY_SOCKET", socket);
    command
}

#[test]
fn a_shut_in_agent_says_when_it_is_ready_reloads_and_stops() {
    let (vault, place, word) = (Vault::start().unwrap(), Place::new(), Planted::password());
    vault.put("db", &json!({"word": word.text()}));
    let systemd = Systemd::in_a_file(&place);
    let stores = approle_store(&vault, &place, &role(&vault));
    let config = format!(
        "{stores}secrets: {{ db: 'vault:secret/db', other: 'vault:secret/other' }}\nfiles: {{ word: db#word, other: other#word }}\n"
    );
    let program = told_by(place.path("notify").to_str().unwrap());
    let agent = place.start_by(program, "run", &config, &["--require-sandbox"]);

    // One secret is not there, and so it is not ready; what is there is delivered all the same.
    let heard = systemd.until("STATUS=1 of 2 secrets delivered; other: missing", &agent);
    assert!(heard.iter().all(|text| !text.contains("READY=1")), "{heard:?}");
    assert_eq!(place.read("word").as_deref(), Some(word.text()));

    // Without it, it is.
    let _ = place.config(&format!("{stores}{REST}"));
    agent.process().signal("HUP");
    let heard = systemd.until("READY=1", &agent);
    assert_eq!(heard.last().unwrap(), "READY=1\nSTATUS=1 secret delivered");
    assert!(heard.iter().all(|text| !text.contains("RELOADING=1")), "{heard:?}");

    // What is new is delivered when it is ready again.
    vault.put("more", &json!({"word": "more"}));
    let more = REST.replace("} }", "}, more: 'vault:secret/more' }").replace("db#word }", "db#word, more: more#word }");
    let _ = place.config(&format!("{stores}{more}"));
    agent.process().signal("HUP");
    let reloading = systemd.until("RELOADING=1", &agent).pop().unwrap();
    let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
    let up: f64 = std::fs::read_to_string("/proc/uptime").unwrap().split(' ').next().unwrap().parse().unwrap();
    let ago = up - time.parse::<f64>().unwrap() / 1e6;
    assert!((-1.0..30.0).contains(&ago), "{time} is {ago} s ago");
    systemd.until("READY=1", &agent);
    assert_eq!(place.read("more").as_deref(), Some("more"));

    // A configuration that is refused ends the reload too.
    let _ = place.config("stores: [");
    agent.process().signal("HUP");
    systemd.until("RELOADING=1", &agent);
    systemd.until("READY=1", &agent);

    agent.process().signal("TERM");
    let heard = systemd.until("STOPPING=1", &agent);
    let ran = agent.end();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(word.trace_in(heard.join("\n").as_bytes()), None);
}

#[test]
fn it_shows_life_by_a_socket_without_a_file_and_says_what_is_wrong() {
    let place = Place::new();
    let name = format!("oakum-test-{}", std::process::id());
    let systemd = Systemd::at(&SocketAddr::from_abstract_name(&name).unwrap());
    let token = place.file("token", "none");
    let store = store_at("http://127.0.0.1:1", None, &format!("{{ token_file: {} }}", token.display()));
    let mut program = told_by(&format!("@{name}"));
    program.env("WATCHDOG_USEC", "400000");
    let agent = place.start_by(program, "run", &format!("{store}{REST}"), &["--require-sandbox"]);
    systemd.until("STATUS=0 of 1 secret delivered; db: unreachable", &agent);
    let began = Instant::now();
    for _ in 0..5 {
        systemd.until("WATCHDOG=1", &agent);
    }
    assert!(began.elapsed() > Duration::from_millis(600), "{:?}", began.elapsed());
    assert_eq!(agent.stop().code, 0);
}

#[test]
fn a_child_is_not_taken_for_the_agent_and_an_app_that_takes_its_place_is() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "w"}));
    let config = approle_store(&vault, &place, &role(&vault)) + REST;
    let systemd = Systemd::in_a_file(&place);
    let socket = place.path("notify");
    let program = || {
        let mut program = told_by(socket.to_str().unwrap());
        program.env("WATCHDOG_USEC", "60000000");
        program
    };
    let mut agent = place.start_by(program(), "exec", &config, &["--", "sh", "-c", "env; sleep 1000"]);
    systemd.until("READY=1", &agent);
    agent.until("the child's environment", |agent| agent.out().contains("PATH="));
    assert!(!agent.out().contains("NOTIFY_SOCKET") && !agent.out().contains("WATCHDOG"), "{}", agent.out());
    agent.process().signal("TERM");
    systemd.until("STOPPING=1", &agent);
    assert_eq!(agent.end().code, 128 + 15);

    let agent = place.start_by(program(), "exec", &config, &["--hand-over", "--", "env"]);
    let ran = agent.end();
    assert!(ran.out.contains(&format!("NOTIFY_SOCKET={}\n", socket.display())), "{}{}", ran.out, ran.err);
    assert!(systemd.0.recv(&mut [0; 100]).is_err(), "the app alone speaks");
}
