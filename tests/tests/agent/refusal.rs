//! What does not pass by itself: each is said with the way out, by its own exit code, and leaves nothing behind.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use e2e::agent::Place;
use e2e::planted::Planted;
use e2e::programs::Ran;
use e2e::servers::vault::{AppRole, Vault};
use serde_json::json;

use crate::{MAY_READ, approle_store, role, store};

const ONE: &str = "secrets: { db: { from: \"vault:secret/db\" } }\nfiles: { db: \"db#word\" }\n";

pub(crate) fn assert_fails(ran: &Ran, code: i32, what: &str, hint: &str) {
    assert_eq!(ran.code, code, "{}", ran.err);
    let said = ran.err.lines().rev().take(2).collect::<Vec<_>>();
    let (error, way_out) = (said[1], said[0]);
    assert!(error.starts_with("error: ") && error.contains(what), "`{what}` is not in: {}", ran.err);
    assert!(way_out.starts_with("hint: ") && way_out.contains(hint), "`{hint}` is not in: {}", ran.err);
}

#[test]
fn what_vault_refuses_ends_with_4() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "x", "other": "y"}));
    vault.put("gone", &json!({"word": "x"}));
    vault.call("DELETE", "secret/data/gone", None);
    let role = role(&vault);
    let wrong = Planted::password();
    let once = |role: &AppRole, rest: &str| {
        let ran = place.run("once", &(approle_store(&vault, &place, role) + rest), &["--timeout", "20s"]);
        assert_eq!(place.names(), [""; 0]);
        assert_eq!(wrong.trace_in(ran.err.as_bytes()), None, "{}", ran.err);
        ran
    };
    // The login.
    let bad_secret = AppRole { secret_id: wrong.text().to_owned(), ..role.clone() };
    assert_fails(
        &once(&bad_secret, ONE),
        4,
        "cannot log in: http://127.0.0.1:",
        "check the role and the credential at auth/approle",
    );
    let bad_role = AppRole { role_id: "nobody".to_owned(), ..role.clone() };
    assert_fails(&once(&bad_role, ONE), 4, "refuses (status 400)", "check the role");
    let token = place.file("token", wrong.text());
    let ran = place.run("once", &(store(&vault, &format!("{{ token_file: {} }}", token.display())) + ONE), &[]);
    assert_fails(&ran, 4, "refuses (status 403) (", "may have expired");
    // The path.
    let poor = vault.approle("poor", "path \"secret/data/other\" { capabilities = [\"read\"] }", &json!({}));
    assert_fails(
        &once(&poor, ONE),
        4,
        "cannot read secret/data/db: 403: role poor may not read it: http://127.0.0.1:",
        "policy",
    );
    let at = |path: &str| format!("secrets: {{ db: {{ from: \"vault:{path}\" }} }}\nfiles: {{ db: \"db#word\" }}\n");
    assert_fails(&once(&role, &at("secret/nothing")), 4, "cannot read secret/nothing: ", "write");
    assert_fails(
        &once(&role, &at("secret/data/db")),
        4,
        "cannot read secret/data/db: ",
        "write the path without `data/`: secret/db",
    );
    assert_fails(&once(&role, &at("secret/gone")), 4, "version 1 was deleted", "undelete it");
    // The field.
    let ran = once(&role, "secrets: { db: { from: \"vault:secret/db\" } }\nfiles: { db: \"db#nope\" }\n");
    assert_fails(&ran, 4, "cannot make db: the secret `db` has no field `nope`", "its fields are other, word");
    // Nothing stays open after any of them.
    assert_eq!(vault.sessions().len(), 0);
}

#[test]
fn a_refused_secret_does_not_keep_others_back_in_run() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("good", &json!({"word": "x"}));
    let rest = approle_store(&vault, &place, &role(&vault))
        + "secrets: { good: { from: \"vault:secret/good\" }, bad: { from: \"vault:secret/bad\", refresh: 1s } }
files: { good: \"good#word\", bad: \"bad#word\" }
";
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the good file", |_| place.read("good").is_some());
    assert!(place.read("bad").is_none());
    // Somebody writes it, but the policy does not let us read it yet; then it does, under the same token.
    vault.policy("web", "path \"secret/data/good\" { capabilities = [\"read\"] }");
    vault.put("bad", &json!({"word": "better"}));
    agent.until_said("class=refused hint=let a policy of the role read secret/data/bad", 1);
    vault.policy("web", MAY_READ);
    agent.until("the other file", |_| place.read("bad").as_deref() == Some("better"));
    assert_eq!(agent.err().matches("logged in").count(), 1);
}

/// Answers every connection with the same bytes.
fn answering(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(bytes);
        }
    });
    port
}

#[test]
fn nonsense_is_told_as_such_and_ends_with_5() {
    let place = Place::new();
    let secret_id = place.file("secret-id", "x");
    let once = |scheme: &str, port: u16| {
        let rest = format!(
            "stores: {{ vault: {{ vault: {{ address: \"{scheme}://127.0.0.1:{port}\", auth: {{ approle: {{ role_id: x, secret_id_file: {} }} }} }} }} }}\n{ONE}",
            secret_id.display()
        );
        place.run("once", &rest, &["--timeout", "1s"])
    };
    for (bytes, what, hint) in [
        (b"SSH-2.0-OpenSSH_9.2\r\n".as_slice(), "the answer is not HTTP", "is it a TLS port?"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "the answer is not HTTP", "https://"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>", "it is a page of HTML", "is it a Vault server"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "it grants no token", "is it a Vault server"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"auth\":{", "cut off", "is it a Vault server"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "is not well (status 502)", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "larger than", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"auth\":", "broke in the middle of the answer", ""),
        (b"", "closed before an answer came", ""),
    ] {
        let ran = once("http", answering(bytes));
        assert_eq!(ran.code, 5, "{}", ran.err);
        assert!(ran.err.contains("error: gave up after 1 s: cannot log in: "), "{}", ran.err);
        assert!(ran.err.contains(what) && ran.err.contains(hint), "`{what}`, `{hint}`: {}", ran.err);
        assert_eq!(place.names(), [""; 0]);
    }
    let ran = once("https", answering(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    assert_fails(&ran, 5, "it does not speak TLS", "http://");
}

fn ca_of(vault: &Vault) -> String {
    vault.ca().unwrap().display().to_string()
}

#[test]
fn a_server_by_another_authority_is_not_trusted() {
    let (vault, other, place) = (Vault::start_stored().unwrap(), Vault::start_stored().unwrap(), Place::new());
    vault.put("db", &json!({"word": "x"}));
    let role = role(&vault);
    let rest = approle_store(&vault, &place, &role) + ONE;
    let with_ca = |ca: &Path| rest.replace(&ca_of(&vault), &ca.display().to_string());
    // Both authorities have the same name, as one has that was made anew.
    let ran = place.run("once", &with_ca(Path::new(&ca_of(&other))), &["--timeout", "1s"]);
    let what = "its certificate comes from an authority that is not trusted";
    assert_fails(&ran, 5, what, "name the authority's certificate as `ca`");
    let named = |name: &str| rest.replace("ca: ", &format!("server_name: {name}, ca: "));
    let ran = place.run("once", &named("vault.example.com"), &["--timeout", "1s"]);
    assert_fails(&ran, 5, "its certificate is for another name", "`server_name`");
    let ran = place.run("once", &named("localhost"), &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    // A file that is no certificate is our own fault, and nothing is sent.
    let ran = place.run("once", &with_ca(&place.file("no.crt", "nothing")), &[]);
    assert_fails(&ran, 2, "no.crt holds no certificate", "PEM");
}

#[test]
fn a_volume_on_a_disk_is_refused_and_nothing_is_written_there() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "x"}));
    let rest = approle_store(&vault, &place, &role(&vault)) + ONE;
    // The folder of built tests is on a disk wherever the tests run.
    let disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let volume = format!("volume: {{ path: {} }}", disk.path().display());
    let config = fs::read_to_string(place.config(&rest)).unwrap();
    let head = config.lines().find(|line| line.starts_with("volume:")).unwrap();
    for command in ["once", "run", "exec", "check"] {
        // A folder that is there, and one that would have to be made.
        for folder in ["", "/new"] {
            let path = format!("{}{folder}", disk.path().display());
            let config = place
                .file("disk.yaml", &config.replace(head, &volume.replace(&disk.path().display().to_string(), &path)));
            let mut program = std::process::Command::new(e2e::programs::program("oakum-agent").unwrap());
            program.arg(command).arg("--config").arg(config);
            if command == "exec" {
                program.args(["--", "true"]);
            }
            let ran = e2e::programs::finish(&mut program, b"");
            if command == "check" && folder == "/new" {
                continue;
            }
            assert_fails(
                &ran,
                6,
                &format!("cannot write {path}: the volume is on "),
                "set `medium: Memory` on the emptyDir",
            );
            assert!(ran.err.contains(", not in memory"), "{}", ran.err);
            assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
        }
    }
    assert_eq!(vault.sessions().len(), 0, "nobody has logged in");
}

#[test]
fn a_volume_has_one_agent_and_nothing_that_is_not_its_own() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "x"}));
    let rest = approle_store(&vault, &place, &role(&vault)) + ONE;
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the file", |_| place.read("db").is_some());
    assert_fails(&place.run("once", &rest, &[]), 6, "another agent has it", "a volume of its own");
    assert_eq!(agent.stop().code, 0);
    fs::write(place.volume().join("db"), "somebody's").unwrap();
    assert_fails(&place.run("once", &rest, &[]), 6, "`db` is there and is not ours", "a volume of its own");
    assert_eq!(place.names(), ["db"]);
    assert_eq!(place.read("db").as_deref(), Some("somebody's"));
}
