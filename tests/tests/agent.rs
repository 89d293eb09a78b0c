//! The agent against a real Vault, on a real file system in memory.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use e2e::agents::{Agent, Memory, command, run, wait};
use e2e::planted::Planted;
use e2e::programs::finish;
use e2e::servers::free_port;
use e2e::servers::vault::Vault;
use serde_json::{Value, json};

const POLICY: &str = r#"
path "secret/data/web" { capabilities = ["read"] }
path "secret/metadata/web" { capabilities = ["read"] }
path "old/web" { capabilities = ["read"] }
"#;

/// A Vault with a secret, a role that may read it, and a volume.
struct Place {
    vault: Vault,
    volume: Memory,
    role_id: String,
    secret_id: Given,
}

/// A credential that Vault made.
struct Given(String);

impl Place {
    fn new(fields: &Value) -> Self {
        Self::with(Vault::start().unwrap(), fields)
    }

    fn with(vault: Vault, fields: &Value) -> Self {
        vault.put("web", fields);
        let role = vault.approle("web", POLICY);
        fs::write(vault.folder().join("secret-id"), format!("{}\n", role.secret_id)).unwrap();
        let volume = Memory::mount().unwrap();
        Self { vault, volume, role_id: role.role_id, secret_id: Given(role.secret_id) }
    }

    fn folder(&self) -> &Path {
        self.vault.folder()
    }

    fn approle(&self) -> Value {
        json!({ "approle": { "role_id": self.role_id, "secret_id_file": self.folder().join("secret-id") } })
    }

    /// A configuration: JSON is YAML too.
    fn config(&self, auth: &Value, more: &Value) -> PathBuf {
        let mut store = json!({ "address": self.vault.address(), "auth": auth });
        if let Some(ca) = self.vault.ca() {
            store["ca"] = json!(ca);
        }
        let mut config = json!({
            "apiVersion": "oakum.dev/v1", "kind": "Injection",
            "stores": { "vault": { "vault": store } },
            "volume": { "path": self.volume.path().join("out"), "grace": "1s" },
            "secrets": { "app": { "from": "vault:secret/web", "refresh": "1s" } },
            "files": { "password": "app#password" },
        });
        for (key, value) in more.as_object().unwrap() {
            config[key] = value.clone();
        }
        let path = self.folder().join("agent.yaml");
        fs::write(&path, config.to_string()).unwrap();
        path
    }

    fn read(&self, name: &str) -> String {
        self.volume.read(&format!("out/{name}"))
    }

    fn wait_for(&self, name: &str, text: &str) {
        self.volume.wait_for(&format!("out/{name}"), |found| found == text).unwrap();
    }
}

fn password(secret: &Planted) -> Value {
    json!({ "password": secret.text() })
}

#[test]
fn once_writes_every_format_and_leaves_it_there() {
    let (user, secret) = ("web user", Planted::password());
    let place =
        Place::with(Vault::start_tls().unwrap(), &json!({ "username": user, "password": secret.text(), "n": 7 }));
    let config = place.config(
        &place.approle(),
        &json!({ "files": {
        "password": { "value": "app#password", "mode": "0400" },
        "conf/app.json": { "format": "json", "secret": "app" },
        "db.env": { "format": "dotenv", "values": { "DB_USER": "app#username", "DB_PASSWORD": "app#password" } },
    } }),
    );
    let ran = run(&["once"], &config);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(place.read("password"), secret.text());
    let json: Value = serde_json::from_str(&place.read("conf/app.json")).unwrap();
    assert_eq!(json["password"], secret.text());
    assert_eq!(json["username"], user);
    // A shell reads the lines as they were meant.
    let script = format!(". {}/out/db.env && printf %s \"$DB_USER|$DB_PASSWORD\"", place.volume.path().display());
    let shell = finish(std::process::Command::new("sh").args(["-c", &script]), b"");
    assert_eq!(shell.out, format!("{user}|{}", secret.text()));
    let mode = |name: &str| fs::metadata(place.volume.path().join("out").join(name)).unwrap().mode() & 0o777;
    assert_eq!((mode("password"), mode("db.env")), (0o400, 0o440));
    assert_eq!(secret.trace_in((ran.out + &ran.err).as_bytes()), None);
    // It is there for the app, and the token that fetched it is gone.
    assert_eq!(place.vault.tokens(), 1);
    let again = run(&["check", "--published"], &config);
    assert_eq!(again.code, 0, "{}", again.err);
}

#[test]
fn a_token_file_and_the_old_kv_do_as_well() {
    let secret = Planted::password();
    let place = Place::new(&json!({ "password": "unused" }));
    place.vault.put_old("web", password(&secret));
    let token = place.folder().join("token");
    let made = place.vault.call("POST", "auth/token/create", Some(json!({ "policies": ["web"], "ttl": "5m" })));
    fs::write(&token, made["auth"]["client_token"].as_str().unwrap()).unwrap();
    let secrets = json!({ "app": { "from": "vault:old/web", "refresh": "1s" } });
    let config = place.config(&json!({ "token_file": token }), &json!({ "secrets": secrets }));
    let mut agent = Agent::start(command(&["run"], &config), place.folder()).unwrap();
    place.wait_for("password", secret.text());
    // Version 1 has no versions: a change is seen all the same.
    let changed = Planted::password();
    place.vault.put_old("web", password(&changed));
    place.wait_for("password", changed.text());
    agent.signal("TERM");
    assert_eq!(agent.ended().unwrap().code(), Some(0), "{}", agent.said());
    // A token that was given to it is not its own to revoke.
    let token = fs::read_to_string(&token).unwrap();
    assert_eq!(place.vault.ask_as(&token, "GET", "auth/token/lookup-self", None).status, 200);
}

#[test]
fn a_change_is_followed_and_a_stop_leaves_nothing() {
    let secrets = [Planted::password(), Planted::password()];
    let place = Place::new(&password(&secrets[0]));
    let config = place.config(
        &place.approle(),
        &json!({ "files": {
        "password": "app#password", "app.json": { "format": "json", "secret": "app" },
    } }),
    );
    let mut agent = Agent::start(command(&["run"], &config), place.folder()).unwrap();
    place.wait_for("password", secrets[0].text());
    assert_eq!(place.vault.tokens(), 2);

    // A reader sees one generation, whole, all the time: both files hold the same.
    let (over, looked) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let out = place.volume.path().join("out");
            while !over.load(Ordering::Relaxed) {
                // Through the link once: what an app does that wants one generation.
                let generation = fs::canonicalize(out.join("..data")).unwrap();
                let raw = fs::read_to_string(generation.join("password")).unwrap();
                let json: Value =
                    serde_json::from_str(&fs::read_to_string(generation.join("app.json")).unwrap()).unwrap();
                assert_eq!(json["password"], raw);
                looked.fetch_add(1, Ordering::Relaxed);
            }
        });
        place.vault.put("web", &password(&secrets[1]));
        place.wait_for("password", secrets[1].text());
        over.store(true, Ordering::Relaxed);
    });
    assert!(looked.load(Ordering::Relaxed) > 10);
    // The first generation is wiped after its grace.
    wait("the old generation is gone", || {
        let out = place.volume.path().join("out");
        fs::read_dir(out)
            .unwrap()
            .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with("..oakum-"))
            .count()
            == 1
    })
    .unwrap();

    agent.signal("TERM");
    assert_eq!(agent.ended().unwrap().code(), Some(0), "{}", agent.said());
    assert_eq!(place.volume.names().unwrap(), Vec::<String>::new(), "the volume is as it was found");
    assert_eq!(place.vault.tokens(), 1, "the token is revoked: {}", agent.said());
}

#[test]
fn nothing_that_was_delivered_stays_in_memory_or_is_said() {
    let secrets: BTreeMap<String, Planted> = (0..20).map(|n| (format!("k{n}"), Planted::password())).collect();
    let fields: Value = secrets.iter().map(|(name, secret)| (name.clone(), json!(secret.text()))).collect();
    let place = Place::with(Vault::start_tls().unwrap(), &fields);
    let config = place.config(&place.approle(), &json!({ "log": "json", "files": {
        "app.json": { "format": "json", "secret": "app" }, "app.env": { "format": "dotenv", "secret": "app" }, "k0": "app#k0",
    } }));
    let agent = Agent::start(command(&["run"], &config), place.folder()).unwrap();
    place.wait_for("k0", secrets["k0"].text());
    // Renders and refreshes a few times more.
    place.vault.put("web", &fields);
    std::thread::sleep(Duration::from_secs(3));

    let memory = agent.memory().unwrap();
    assert!(memory.iter().map(Vec::len).sum::<usize>() > 1 << 20, "there is memory to look at");
    // The search finds what is there: the agent knows its configuration's address.
    let address = place.vault.address().as_bytes();
    assert!(memory.iter().any(|region| region.windows(address.len()).any(|w| w == address)));
    let mut places = vec![("what it said", agent.said().into_bytes())];
    for file in ["cmdline", "environ", "comm"] {
        places.push((file, fs::read(format!("/proc/{}/{file}", agent.id())).unwrap()));
    }
    places.extend(memory.into_iter().map(|region| ("its memory", region)));
    for (name, secret) in &secrets {
        for (what, bytes) in &places {
            assert_eq!(secret.trace_in(bytes), None, "{name} is in {what}");
        }
    }
    // What it logged in with is read anew when it is needed, and is not kept.
    let id = place.secret_id.0.as_bytes();
    for (what, bytes) in &places {
        assert!(!bytes.windows(id.len()).any(|w| w == id), "the secret id is in {what}");
    }
    assert_eq!(agent.status("NoNewPrivs"), "1");
    assert!(agent.status("VmLck").trim_end_matches(" kB").trim().parse::<u64>().unwrap() > 0, "memory is locked");
    let limits = fs::read_to_string(format!("/proc/{}/limits", agent.id())).unwrap();
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(cores.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{cores}");
    // Not dumpable: its files in /proc belong to root even if it did not; a debugger of the same user is refused.
    let small = agent.status("VmRSS").trim_end_matches(" kB").trim().parse::<u64>().unwrap();
    assert!(small < 64 << 10, "{small} kB");
}

#[test]
fn another_process_of_the_same_user_cannot_read_its_memory() {
    let place = Place::new(&password(&Planted::password()));
    let config = place.config(&place.approle(), &json!({}));
    for path in [place.folder(), &place.folder().join("secret-id"), &config, place.volume.path()] {
        std::os::unix::fs::chown(path, Some(65_532), Some(65_532)).unwrap();
    }
    let plain = command(&["run"], &config);
    let mut as_user = std::process::Command::new("setpriv");
    as_user.args(["--reuid=65532", "--regid=65532", "--clear-groups", "--bounding-set=-all"]);
    as_user.arg(plain.get_program()).args(plain.get_args()).env_clear();
    let agent = Agent::start(as_user, place.folder()).unwrap();
    wait("files", || !place.read("password").is_empty()).unwrap();
    let peek = format!("head -c 1 /proc/{}/environ; cat /proc/{}/maps", agent.id(), agent.id());
    let mut other = std::process::Command::new("setpriv");
    other.args(["--reuid=65532", "--regid=65532", "--clear-groups", "sh", "-c", &peek]);
    let ran = finish(&mut other, b"");
    assert!(ran.code != 0 && ran.out.is_empty() && ran.err.contains("Permission denied"), "{}{}", ran.out, ran.err);
    // And root sees that there was something to read.
    assert!(!fs::read_to_string(format!("/proc/{}/maps", agent.id())).unwrap().is_empty());
}

#[test]
fn a_volume_on_disk_is_refused() {
    let place = Place::new(&password(&Planted::password()));
    let disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let config = place.config(&place.approle(), &json!({ "volume": { "path": disk.path() } }));
    for mode in ["once", "run", "check"] {
        let ran = run(&[mode], &config);
        assert_eq!(ran.code, 6, "{mode}: {}", ran.err);
        assert!(ran.err.contains("not in memory") && ran.err.contains("hint: set `medium: Memory`"), "{}", ran.err);
    }
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
    assert_eq!(place.vault.tokens(), 1, "it did not even log in");
}

#[test]
fn a_store_that_refuses_or_is_away_is_told_apart() {
    let place = Place::new(&password(&Planted::password()));
    let fails = |auth: &Value, more: Value, code: i32, says: &[&str]| {
        let ran = run(&["once", "--timeout=2s"], &place.config(auth, &more));
        assert_eq!(ran.code, code, "{says:?}: {}", ran.err);
        for words in says {
            assert!(ran.err.contains(words), "no '{words}' in: {}", ran.err);
        }
        assert_eq!(place.volume.names().unwrap(), Vec::<String>::new(), "nothing is left behind");
    };
    let store = |address: String| json!({ "stores": { "vault": { "vault": { "address": address, "auth": place.approle() } } } });
    // A secret that the role may not read, one that is not there, a role that is not there.
    let secret = |from: &str| json!({ "secrets": { "app": { "from": from } } });
    fails(&place.approle(), secret("vault:secret/other"), 4, &["error: ", "secret/other", "permission denied"]);
    let missing = json!({ "files": { "password": "app#nope" } });
    fails(&place.approle(), missing, 4, &["error: ", "nope", "password"]);
    let nobody = json!({ "approle": { "role_id": "nobody", "secret_id_file": place.folder().join("secret-id") } });
    fails(&nobody, json!({}), 4, &["error: cannot log in", "hint: check the role"]);
    // Away.
    let away = format!("http://127.0.0.1:{}", free_port().unwrap());
    fails(&place.approle(), store(away), 5, &["error: ", "refused", "hint: "]);
    // Something that is no Vault: text, half an answer, an answer without end.
    for nonsense in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"auth\":",
        "\u{1}\u{2}\u{3}\r\n\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(nonsense.as_bytes());
            }
        });
        fails(&place.approle(), store(address), 5, &["error: "]);
    }
    // Sealed.
    place.vault.seal();
    fails(&place.approle(), json!({}), 5, &["error: ", "sealed", "hint: "]);
}

#[test]
fn an_outage_keeps_the_files_and_ends_by_itself() {
    let secrets = [Planted::password(), Planted::password()];
    let place = Place::new(&password(&secrets[0]));
    let listen = format!("127.0.0.1:{}", free_port().unwrap());
    let config = place.config(&place.approle(), &json!({ "listen": listen }));
    let mut agent = Agent::start(command(&["run"], &config), place.folder()).unwrap();
    place.wait_for("password", secrets[0].text());
    let probe = |path: &str| {
        let url = format!("http://{listen}{path}");
        e2e::servers::http::ask(&e2e::servers::http::Request {
            method: "GET",
            url,
            headers: Vec::new(),
            body: None,
            ca: None,
        })
    };
    wait("ready", || probe("/readyz").status == 200).unwrap();
    assert_eq!(probe("/healthz").status, 200);
    assert!(probe("/metrics").body.contains("# TYPE "), "{}", probe("/metrics").body);

    place.vault.seal();
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(place.read("password"), secrets[0].text(), "{}", agent.said());
    assert!(agent.said().contains("sealed"), "{}", agent.said());
    place.vault.unseal().unwrap();
    place.vault.put("web", &password(&secrets[1]));
    place.wait_for("password", secrets[1].text());
    agent.signal("TERM");
    assert_eq!(agent.ended().unwrap().code(), Some(0));
}

#[test]
fn exec_fills_the_environment_and_ends_as_the_command_does() {
    let secret = Planted::password();
    let place = Place::new(&password(&secret));
    let config = place.config(&place.approle(), &json!({ "env": { "DB_PASSWORD": "app#password" } }));
    let script = "printf %s \"$DB_PASSWORD\"; cat \"$1/password\" >&2; exit 7";
    let out = place.volume.path().join("out");
    let ran = run(&["exec", "--", "sh", "-c", script, "sh", &out.display().to_string()], &config);
    assert_eq!(ran.code, 7, "{}", ran.err);
    assert_eq!(ran.out, secret.text());
    assert!(ran.err.contains(secret.text()), "the command read the file");
    assert_eq!(place.volume.names().unwrap(), Vec::<String>::new());
    assert_eq!(place.vault.tokens(), 1);
    // A signal that ends the command, and one that we hand on to it.
    assert_eq!(run(&["exec", "--", "sh", "-c", "kill -KILL $$"], &config).code, 128 + 9);
    let hands_on = "trap 'exit 3' TERM; touch \"$0\"; while :; do sleep 0.05; done";
    let started = place.folder().join("started");
    let mut agent = Agent::start(
        command(&["exec", "--", "sh", "-c", hands_on, &started.display().to_string()], &config),
        place.folder(),
    )
    .unwrap();
    wait("the command", || started.exists()).unwrap();
    let environ = fs::read(format!("/proc/{}/environ", agent.id())).unwrap();
    assert_eq!(secret.trace_in(&environ), None, "the agent's own environment has nothing");
    agent.signal("TERM");
    assert_eq!(agent.ended().unwrap().code(), Some(3), "{}", agent.said());
    // A command that is not there.
    let ran = run(&["exec", "--", "/no/such/program"], &config);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("/no/such/program"), "{}", ran.err);
}

#[test]
fn a_kill_at_any_moment_is_recovered_from() {
    let place = Place::new(&password(&Planted::password()));
    let config = place.config(
        &place.approle(),
        &json!({ "files": {
        "password": "app#password", "app.json": { "format": "json", "secret": "app" },
    } }),
    );
    let mut last = Planted::password();
    for round in 0..25u64 {
        last = Planted::password();
        place.vault.put("web", &password(&last));
        let mut agent = Agent::start(command(&["run"], &config), place.folder()).unwrap();
        // From before it has logged in to after it has published.
        std::thread::sleep(Duration::from_millis(round * 3));
        agent.signal("KILL");
        assert_eq!(agent.ended().unwrap().signal(), Some(9));
        // Whatever was reached, what is published is whole.
        if let Ok(generation) = fs::canonicalize(place.volume.path().join("out/..data")) {
            let raw = fs::read_to_string(generation.join("password")).unwrap();
            let json: Value = serde_json::from_str(&fs::read_to_string(generation.join("app.json")).unwrap()).unwrap();
            assert_eq!(json["password"], raw);
        }
    }
    let ran = run(&["once"], &config);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(place.read("password"), last.text());
    let names = fs::read_dir(place.volume.path().join("out")).unwrap().count();
    assert_eq!(names, 4, "one generation, its link, and two files");
}

#[test]
fn a_wrong_configuration_is_told_with_its_line() {
    let place = Place::new(&password(&Planted::password()));
    let path = place.folder().join("wrong.yaml");
    let fails = |text: &str, says: &[&str]| {
        fs::write(&path, text).unwrap();
        for mode in ["check", "once", "run"] {
            let ran = run(&[mode], &path);
            assert_eq!(ran.code, 2, "{}", ran.err);
            for words in says {
                assert!(ran.err.contains(words), "no '{words}' in: {}", ran.err);
            }
        }
    };
    let start = "apiVersion: oakum.dev/v1\nkind: Injection\n";
    let stores = "stores: { v: { file: { path: /x } } }\n";
    fails(
        &format!("{start}{stores}secrts: {{}}\n"),
        &["wrong.yaml:4", "no key `secrts`", "hint: did you mean `secrets`?"],
    );
    fails(&format!("{start}{stores}secrets: {{}}\nflies: {{}}\n"), &["wrong.yaml:5", "no key `flies`"]);
    fails("kind: Injection\n", &["wrong.yaml:1", "apiVersion"]);
    fails("a: [\n", &["wrong.yaml:"]);
    assert_eq!(run(&["once"], Path::new("/no/such.yaml")).code, 2);
    let unknown = finish(command(&["once"], &path).arg("--nope"), b"");
    assert!(unknown.code == 2 && unknown.err.contains("--nope") && unknown.err.contains("hint: "), "{}", unknown.err);
    // `check` says what would be done, and does none of it.
    let config = place.config(&place.approle(), &json!({}));
    let ran = run(&["check"], &config);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("secret app: from vault:secret/web"), "{}", ran.out);
    assert_eq!(place.volume.names().unwrap(), Vec::<String>::new());
    assert_eq!(place.vault.tokens(), 1);
}
