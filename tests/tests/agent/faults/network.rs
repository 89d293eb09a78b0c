//! Connections that break, hang or lead to somebody else.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use e2e::agent::{Agent, Place};
use e2e::programs::program;
use e2e::servers::faults::{Fault, Faults};
use e2e::servers::vault::Vault;
use e2e::servers::{Authority, free_port};
use serde_json::json;

use super::{Row, listening, through, told};
use crate::{approle_store, role, store_at};

const SECRETS: &str = "secrets: { db: { from: \"vault:secret/db\", refresh: 1s } }\nfiles: { db: \"db#word\" }\n";
const FOREVER: &str = "20990101000000Z";

#[test]
fn a_reset_connection_is_made_again() {
    let mut row = Row::new("reset");
    row.strikes(Fault::Reset, "the connection broke", "unreachable");
    row.passes();
}

#[test]
fn a_connection_that_stays_open_is_used_again_and_its_end_is_not_noticed() {
    let mut row = Row::new("open");
    let looks = |row: &Row| row.faults.calls().iter().filter(|call| call.path.contains("/metadata/open")).count();
    while looks(&row) < 2 {
        sleep(Duration::from_millis(50));
    }
    let (before, seen) = (row.faults.connections(), looks(&row));
    while looks(&row) < seen + 3 {
        sleep(Duration::from_millis(50));
    }
    assert_eq!(row.faults.connections(), before, "all of the looks share one");
    // The server ends it, as one does that is told to stop, or a balancer that thinks it idle.
    row.faults.set(Fault::Close);
    let seen = looks(&row);
    while looks(&row) < seen + 4 {
        sleep(Duration::from_millis(50));
    }
    assert!(row.faults.connections() >= before + 3);
    row.vault.put("open", &json!({"word": "second"}));
    row.agent.until("the new value", |_| row.place.read("db").as_deref() == Some("second"));
    assert!(!row.agent.err().contains(" warn "), "{}", row.agent.err());
}

#[test]
fn a_host_that_nobody_knows_any_more_keeps_the_last_good_file() {
    let (vault, place, port) = (Vault::start().unwrap(), Place::new(), free_port().unwrap());
    vault.put("db", &json!({"word": "first"}));
    // The agent has a table of hosts of its own, which knows a name that nobody else does (RFC 6761, 6.4).
    let known = "127.0.0.1 localhost vault.invalid\n";
    let hosts = place.file("hosts", known);
    let rest = approle_store(&vault, &place, &role(&vault)).replace("127.0.0.1", "vault.invalid");
    let rest = rest.replace("auth:", "allow_plain_http: true, auth:") + &listening(port) + SECRETS;
    let mut command = Command::new("unshare");
    let script = "mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"";
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(&hosts).arg(program("oakum-agent").unwrap());
    let mut agent = place.start_by(command, "run", &rest, &[]);
    agent.until("the file", |_| place.read("db").as_deref() == Some("first"));

    fs::write(&hosts, "127.0.0.1 localhost\n").unwrap();
    vault.put("db", &json!({"word": "second"}));
    agent.until_said("secret=db class=unreachable", 2);
    assert!(agent.err().contains("cannot reach http://vault.invalid:"), "{}", agent.err());
    assert_eq!((place.read("db").as_deref(), told(port, "/readyz").status), (Some("first"), 200));

    fs::write(&hosts, known).unwrap();
    agent.until("the new value", |_| place.read("db").as_deref() == Some("second"));
    assert_eq!(agent.stop().code, 0);
}

#[test]
fn a_refused_connection_is_made_again() {
    let mut row = Row::new("refused");
    row.strikes(Fault::Refuse, "connection refused", "unreachable");
    row.passes();
}

#[test]
fn an_answer_that_does_not_come_or_does_not_end_is_given_up_after_15_s() {
    scope(|scope| {
        for (name, fault) in [("hang", Fault::Hang), ("trickle", Fault::Trickle(Duration::from_millis(500)))] {
            scope.spawn(move || {
                let mut row = Row::new(name);
                row.faults.set(fault);
                row.suffers("db", "no whole answer within 15 s", "unreachable", 1);
                row.keeps("first", "unreachable");
                row.passes();
            });
        }
    });
}

#[test]
fn a_store_that_hangs_keeps_no_other_back_however_many_secrets_it_has() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    let (role, faults) = (role(&vault), Faults::before(vault.address()).unwrap());
    let other = through(&faults, &place, &role).replace("stores: { vault:", ", other:").replace(" }\n", "\n");
    let stores = approle_store(&vault, &place, &role).replace(" }\n", &other) + "}\n";
    vault.put("db", &json!({"word": "first"}));
    // More than may be asked for at once.
    let names: Vec<String> = (0..30).map(|number| format!("away{number}")).collect();
    names.iter().for_each(|name| vault.put(name, &json!({"word": "first"})));
    let secrets = names.iter().map(|name| format!("  {name}: {{ from: \"other:secret/{name}\", refresh: 1s }}\n"));
    let files = names.iter().map(|name| format!("  {name}: \"{name}#word\"\n"));
    let rest = stores
        + "secrets:\n  db: { from: \"vault:secret/db\", refresh: 1s }\n"
        + &secrets.collect::<String>()
        + "files:\n  db: \"db#word\"\n"
        + &files.collect::<String>();
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the files", |_| names.iter().chain([&"db".to_owned()]).all(|name| place.read(name).is_some()));

    faults.set(Fault::Hang);
    agent.until("a store that hangs", |_| faults.calls().iter().filter(|call| call.met).count() >= 8);
    // By now the rest of its secrets stand in line.
    sleep(Duration::from_secs(2));
    for word in ["second", "third"] {
        vault.put("db", &json!({"word": word}));
        let began = Instant::now();
        agent.until("the new value", |_| place.read("db").as_deref() == Some(word));
        assert!(began.elapsed() < Duration::from_secs(5), "{word} took {:?}", began.elapsed());
    }
    assert!(names.iter().all(|name| place.read(name).as_deref() == Some("first")));
}

#[test]
fn a_slow_answer_is_an_answer() {
    let mut row = Row::new("slow");
    row.faults.set(Fault::Trickle(Duration::from_millis(2)));
    row.vault.put("slow", &json!({"word": "second"}));
    row.agent.until("the new value", |_| row.place.read("db").as_deref() == Some("second"));
    assert!(!row.agent.err().contains(" warn "), "{}", row.agent.err());
}

/// Waits until the agent has said why it cannot log in; it has no file, and says that it is not ready.
fn cannot_begin(agent: &mut Agent, place: &Place, port: u16, what: &str) {
    agent.until_said(&format!("{what} store=vault class=unreachable"), 1);
    assert_eq!(place.names(), [""; 0]);
    let ready = told(port, "/readyz");
    assert_eq!((ready.status, ready.body.as_str()), (503, "not ready\ndb: unreachable\n"));
}

#[test]
fn a_host_that_nobody_knows_is_asked_for_again_and_the_agent_can_be_stopped() {
    let (place, port) = (Place::new(), free_port().unwrap());
    let secret_id = place.file("secret-id", "x");
    let auth = format!("{{ approle: {{ role_id: x, secret_id_file: {} }} }}", secret_id.display());
    let authority = Authority::new(&place.path("")).unwrap();
    // RFC 6761, 6.4: no name under it is ever known.
    let stores = store_at("https://vault.invalid:8200", Some(&authority.certificate()), &auth);
    let mut agent = place.start("run", &(stores + &listening(port) + SECRETS), &[]);
    agent.until_said("cannot log in: cannot reach https://vault.invalid:8200: ", 2);
    agent.until_said("store=vault class=unreachable", 2);
    assert_eq!(told(port, "/readyz").status, 503);
    assert_eq!((agent.stop().code, place.names().len()), (0, 0));
}

/// A Vault with a certificate that is no good, until it takes a good one.
fn with_a_certificate(what: &str, bad: impl FnOnce(&Vault, &Path) -> (std::path::PathBuf, std::path::PathBuf)) {
    let (vault, place, port) = (Vault::start_stored().unwrap(), Place::new(), free_port().unwrap());
    vault.put("db", &json!({"word": "first"}));
    let rest = approle_store(&vault, &place, &role(&vault)) + &listening(port) + SECRETS;
    let (certificate, key) = bad(&vault, &place.path(""));
    vault.present(&certificate, &key);
    let mut agent = place.start("run", &rest, &[]);
    cannot_begin(&mut agent, &place, port, what);
    let (certificate, key) = vault.authority().leaf_until("good", "IP:127.0.0.1", FOREVER).unwrap();
    vault.present(&certificate, &key);
    agent.until("the file", |_| place.read("db").as_deref() == Some("first"));
    assert_eq!(told(port, "/readyz").status, 200);
}

#[test]
fn an_expired_certificate_is_not_trusted_until_it_is_renewed() {
    with_a_certificate("its certificate has expired", |vault, _| {
        vault.authority().leaf_until("expired", "IP:127.0.0.1", "20200102000000Z").unwrap()
    });
}

#[test]
fn a_certificate_for_another_name_is_not_trusted_until_it_is_replaced() {
    with_a_certificate("its certificate is for another name", |vault, _| {
        vault.authority().leaf_until("other", "DNS:vault.example.com", FOREVER).unwrap()
    });
}

#[test]
fn a_certificate_by_an_unknown_authority_is_not_trusted_until_it_is_replaced() {
    with_a_certificate("its certificate comes from an authority that is not trusted", |_, folder| {
        Authority::new(folder).unwrap().leaf_until("unknown", "IP:127.0.0.1", FOREVER).unwrap()
    });
}
