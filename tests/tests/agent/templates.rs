//! Templates as people write them for Vault Agent, rendered by the real one and by ours: byte for byte the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use e2e::agent::Place;
use e2e::servers::program;
use e2e::servers::vault::Vault;
use serde_json::json;

use crate::approle_store;

const MAY: &str = r#"
path "secret/*" { capabilities = ["read", "list"] }
path "old/*" { capabilities = ["read", "list"] }
path "auth/token/create" { capabilities = ["update"] }
"#;

/// The templates of `fixtures/templates.txt`, each behind a line `--- NAME`.
fn corpus() -> BTreeMap<String, String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/templates.txt")).unwrap();
    let parts = text.split("--- ").skip(1).map(|part| part.split_once('\n').unwrap());
    parts.map(|(name, body)| (name.trim().to_owned(), body.strip_suffix('\n').unwrap_or(body).to_owned())).collect()
}

/// Renders all of them by the real Vault Agent, once.
fn by_vault_agent(vault: &Vault, place: &Place, templates: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let out = place.path("theirs");
    fs::create_dir_all(&out).unwrap();
    let token = place.file("token", &vault.token("theirs", MAY));
    let list: Vec<_> =
        templates.iter().map(|(name, text)| json!({"contents": text, "destination": out.join(name)})).collect();
    let config = json!({
        "exit_after_auth": true,
        "vault": {"address": vault.address()},
        "auto_auth": {"method": [{"type": "token_file", "config": {"token_file_path": token}}]},
        "template_config": {"exit_on_retry_failure": true},
        "template": list,
    });
    let config = place.file("theirs.json", &config.to_string());
    let log = fs::File::create(place.path("theirs.log")).unwrap();
    let mut agent = Command::new(program("OAKUM_VAULT").unwrap())
        .args(["agent", "-config"])
        .arg(config)
        .env("OAKUM_TEST", "from outside")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let began = Instant::now();
    while agent.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_secs(60) {
            let _ = agent.kill();
            let _ = agent.wait();
            panic!("vault agent does not end: {}", fs::read_to_string(place.path("theirs.log")).unwrap());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let read = |name: &String| {
        let log = || fs::read_to_string(place.path("theirs.log")).unwrap();
        fs::read_to_string(out.join(name)).unwrap_or_else(|error| panic!("{name}: {error}\n{}", log()))
    };
    templates.keys().map(|name| (name.clone(), read(name))).collect()
}

#[test]
fn templates_come_out_as_the_real_vault_agent_has_them() {
    let templates = corpus();
    assert!(templates.len() >= 60, "there are {} templates", templates.len());
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put(
        "web",
        &json!({
            "username": "web-user", "password": "p\"a$s`s'w\\o&r<d>#: é", "url": "postgres://db.example.com:5432/app",
            "port": 5432, "ratio": 0.5, "big": 12_345_678_901_i64, "enabled": true, "nothing": null, "empty": "",
            "hosts": ["a.example.com", "b.example.com"], "numbers": [1, 2, 3], "lines": "first\nsecond\n", "b64": "aGVsbG8=",
            "nested": {"one": "1", "two": {"three": "yes", "four": [true, "x"]}}, "with-dash": "dashed",
            "json": "{\"inner\": [1, {\"a\": \"b\"}]}", "yaml": "a: 1\nb: [x, y]\n", "csv": "x,y,z", "padded": "  spaced  "
        }),
    );
    vault.put_old("web", &json!({"username": "old-user", "password": "old-word"}));
    for (name, word) in [("app/one", "first"), ("app/two", "second"), ("app/deep/three", "third")] {
        vault.put(name, &json!({"word": word}));
    }
    vault.put("pointer", &json!({"path": "secret/data/web", "next": {"name": "app/deep/three"}}));
    let theirs = by_vault_agent(&vault, &place, &templates);
    // Ours, all in one configuration, with a missing key as it is there.
    let role = vault.approle("web", MAY, &json!({"token_ttl": "1h"}));
    let files: BTreeMap<&String, _> =
        templates.iter().map(|(name, text)| (name, json!({"template": text, "error_on_missing_key": false}))).collect();
    let rest = approle_store(&vault, &place, &role) + &format!("files: {}\n", json!(files));
    let config = place.config(&rest);
    let ran = e2e::programs::finish(
        Command::new(e2e::programs::program("oakum-agent").unwrap())
            .args(["once", "--config"])
            .arg(config)
            .env("OAKUM_TEST", "from outside"),
        b"",
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    let mut wrong = Vec::new();
    for (name, expected) in &theirs {
        let ours = place.read(name).unwrap_or_else(|| panic!("{name} is not there: {}", ran.err));
        if ours != *expected {
            wrong.push(format!("{name}\n  theirs {expected:?}\n  ours   {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), theirs.len(), wrong.join("\n"));
}
