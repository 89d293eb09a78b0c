//! `on_change`: who is told that files have changed, as those who are told see it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use e2e::agent::{Place, SOON};
use e2e::servers::vault::Vault;
use serde_json::json;

use crate::{approle_store, role};

const SECRETS: &str = "secrets: { db: { from: 'vault:secret/db', refresh: 1s }, other: { from: 'vault:secret/other', refresh: 1s } }\n\
    files: { db: db#word, other: other#word }\n";

/// A server that hands on the first line of each request, and answers by turns.
fn listener(answers: Vec<&'static str>) -> (u16, mpsc::Receiver<String>) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = server.accept().unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).unwrap();
            let line = String::from_utf8_lossy(&request[..length]).lines().next().unwrap().to_owned();
            let _ = stream.write_all(format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n").as_bytes());
            let _ = send.send(line);
        }
    });
    (port, receive)
}

#[test]
fn a_process_a_program_and_a_server_are_told_and_only_when_bytes_have_changed() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "first"}));
    vault.put("other", &json!({"word": "same"}));
    let (port, asked) = listener(vec!["503 Busy", "204 No Content", "200 OK"]);
    // A process by its number, and a program that says which generation it saw.
    let hung_up = place.path("hung-up");
    let script = format!(
        "trap 'echo >> {}' USR1; echo $$ > {}; while :; do sleep 0.1; done",
        hung_up.display(),
        place.path("pid").display()
    );
    let mut app = Command::new("sh").arg("-c").arg(script).spawn().unwrap();
    let seen = place.path("seen");
    let program = place
        .file("program", &format!("#!/bin/sh\ncat {}/db \"$1\" >> {}\n", place.volume().display(), seen.display()));
    e2e::programs::tool(Command::new("chmod").arg("+x").arg(&program));
    let rest = approle_store(&vault, &place, &role(&vault))
        + SECRETS
        + &format!(
            "on_change:\n- {{ signal: USR1, pid_file: {pid}, debounce: 0s }}\n- {{ command: [{program}, {other}], files: [db], debounce: 0s }}\n- {{ http: \"http://127.0.0.1:{port}/-/reload\", files: [db], debounce: 0s }}\n",
            pid = place.path("pid").display(),
            program = program.display(),
            other = place.volume().join("other").display()
        );
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the files", |_| place.read("db").is_some() && place.path("pid").exists());
    vault.put("other", &json!({"word": "same", "more": "of no interest"}));
    vault.put("db", &json!({"word": "second"}));
    agent.until("all three", |agent| agent.err().matches("told of the change").count() >= 3);
    assert_eq!(std::fs::read_to_string(&seen).unwrap(), "secondsame", "it saw the new file, and ran once");
    // The server was busy once, and was asked again a moment later.
    assert_eq!(asked.recv_timeout(SOON).unwrap(), "POST /-/reload HTTP/1.1");
    assert_eq!(asked.recv_timeout(SOON).unwrap(), "POST /-/reload HTTP/1.1");
    agent.until("the signal", |_| std::fs::read_to_string(&hung_up).is_ok_and(|text| text == "\n"));
    // A change that is none to the bytes of `other` tells nobody.
    assert!(asked.recv_timeout(Duration::from_secs(3)).is_err(), "{}", agent.err());
    assert_eq!(std::fs::read_to_string(&hung_up).unwrap(), "\n", "{}", agent.err());
    let _ = app.kill();
    let _ = app.wait();
    // Nobody there to signal is said, and does no harm.
    vault.put("db", &json!({"word": "third"}));
    agent.until_said("hook=2", 2);
    agent.until("the new word", |_| place.read("db").as_deref() == Some("third"));
    assert!(agent.err().contains("cannot signal the process: no such process"), "{}", agent.err());
}

#[test]
fn a_signal_goes_out_of_the_whole_sandbox_by_number_and_by_name() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "first"}));
    // A program with a name of its own.
    let name = format!("app-{}", std::process::id());
    let program = place.path(&name);
    std::fs::copy("/bin/sh", &program).unwrap();
    let told = place.path("told");
    let script = format!(
        "trap 'echo number >> {told}' USR1; trap 'echo name >> {told}' USR2; echo $$ > {pid}; while :; do sleep 0.1; done",
        told = told.display(),
        pid = place.path("pid").display()
    );
    // It must not hold our output open if it is left behind.
    let mut app =
        Command::new(&program).arg("-c").arg(script).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let rest = approle_store(&vault, &place, &role(&vault))
        + "secrets: { db: { from: 'vault:secret/db', refresh: 1s } }\nfiles: { db: db#word }\n"
        + &format!(
            "on_change:\n- {{ signal: USR1, pid_file: {}, debounce: 0s }}\n- {{ signal: USR2, process: {name}, debounce: 0s }}\n",
            place.path("pid").display()
        );
    let mut agent = place.start("run", &rest, &["--require-sandbox"]);
    agent.until("the file", |_| place.read("db").is_some() && place.path("pid").exists());
    vault.put("db", &json!({"word": "second"}));
    let both = |text: &str| text.contains("number") && text.contains("name");
    agent.until("both signals", |_| std::fs::read_to_string(&told).is_ok_and(|text| both(&text)));
    let _ = app.kill();
    let _ = app.wait();
    assert!(agent.err().contains("landlock=files+net"), "{}", agent.err());
}

#[test]
fn a_program_that_takes_too_long_is_ended() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "first"}));
    vault.put("other", &json!({"word": "same"}));
    let rest = approle_store(&vault, &place, &role(&vault))
        + SECRETS
        + "on_change: [{ command: [/bin/sleep, '100'], timeout: 1s, debounce: 0s }]\n";
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the file", |_| place.read("db").is_some());
    vault.put("db", &json!({"word": "second"}));
    agent.until_said("the command takes too long, and is ended", 1);
    agent.until_said("the command ended with code 137", 1);
}

#[test]
fn exec_signals_its_child_or_starts_it_again_with_the_new_environment() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "first"}));
    let rest = |hook: &str| {
        approle_store(&vault, &place, &role(&vault))
            + "secrets: { db: { from: 'vault:secret/db', refresh: 1s } }\nfiles: { db: db#word }\nenv: { WORD: db#word }\n"
            + &format!("on_change: [{hook}]\n")
    };
    let child = "trap 'echo hup' HUP; echo word $WORD; while :; do sleep 0.1; done";
    let mut agent = place.start("exec", &rest("{ signal: HUP, debounce: 0s }"), &["--", "/bin/sh", "-c", child]);
    agent.until("the child", |agent| agent.out().contains("word first"));
    vault.put("db", &json!({"word": "second"}));
    agent.until("the signal", |agent| agent.out().contains("hup"));
    assert!(!agent.out().contains("word second"));
    assert_eq!(agent.stop().code, 143);

    let mut agent = place.start("exec", &rest("{ restart: true, debounce: 0s }"), &["--", "/bin/sh", "-c", child]);
    agent.until("the child", |agent| agent.out().contains("word second"));
    vault.put("db", &json!({"word": "third"}));
    agent.until("the child once more", |agent| agent.out().contains("word third"));
    assert_eq!(agent.err().matches("started the child").count(), 2, "{}", agent.err());
    assert_eq!(agent.stop().code, 143);
}
