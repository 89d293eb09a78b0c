//! A configuration that is written anew while the agent runs.

use std::fs;
use std::path::PathBuf;

use e2e::agent::{Agent, Place};
use e2e::servers::Authority;
use e2e::servers::vault::Vault;
use serde_json::json;

use crate::{approle_store, role, store_at, token_store};

const LOGGED_IN: &str = " logged in ";

/// Replaces a file as careful people and ConfigMaps do it: at once.
fn replace(place: &Place, name: &str, text: &str) {
    let new = place.file("new", text);
    fs::rename(new, place.path(name)).unwrap();
}

fn write_anew(place: &Place, rest: &str) {
    let old = fs::read_to_string(place.path("config.yaml")).unwrap();
    let head = old.split_once("stores:").unwrap().0;
    replace(place, "config.yaml", &format!("{head}{rest}"));
}

fn until_file(agent: &mut Agent, place: &Place, name: &str, text: &str) {
    agent.until(name, |_| place.read(name).as_deref() == Some(text));
}

#[test]
fn files_change_without_another_login() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"user": "u", "password": "p"}));
    vault.put("web", &json!({"key": "k"}));
    let stores = approle_store(&vault, &place, &role(&vault));
    let secrets = "secrets: { db: { from: 'vault:secret/db' } }\n";
    let config = format!("{stores}{secrets}files: {{ user: db#user, password: db#password, same: db#user }}\n");
    let mut agent = place.start("run", &config, &[]);
    until_file(&mut agent, &place, "password", "p");
    let sessions = vault.sessions();
    assert_eq!(sessions.len(), 1);

    // One file is gone, one is another, one is new with a secret of its own, and one stays.
    let secrets = "secrets: { db: { from: 'vault:secret/db' }, web: { from: 'vault:secret/web', refresh: 1s } }\n";
    let files = "files: { password: { template: '<{{ .db.password }}>' }, key: web#key, same: db#user }\n";
    write_anew(&place, &format!("{stores}{secrets}{files}"));
    agent.process().signal("HUP");
    until_file(&mut agent, &place, "key", "k");
    until_file(&mut agent, &place, "password", "<p>");
    agent.until("its end", |_| place.read("user").is_none());
    assert_eq!(place.read("same").as_deref(), Some("u"));
    assert_eq!(vault.sessions(), sessions, "the same session, and no other");
    assert_eq!(agent.err().matches(LOGGED_IN).count(), 1, "{}", agent.err());

    // What is new is kept fresh like anything else, and asking again changes nothing.
    vault.put("web", &json!({"key": "other"}));
    until_file(&mut agent, &place, "key", "other");
    agent.process().signal("HUP");
    agent.until_said("the configuration is as it was", 1);
    let ran = agent.stop();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(vault.sessions().len(), 0);
}

#[test]
fn a_file_that_changes_needs_no_signal() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"user": "u", "password": "p"}));
    let role = role(&vault);
    let (id, secret) = (place.file("role-id", &role.role_id), place.file("secret-id", &role.secret_id));
    let text =
        |field: &str| format!("{{{{ with secret \"secret/data/db\" }}}}{{{{ .Data.data.{field} }}}}{{{{ end }}}}");
    let source = place.file("word.tpl", &text("user"));
    let config = json!({
        "vault": {"address": vault.address()},
        "auto_auth": {"method": [{"type": "approle", "config": {
            "role_id_file_path": id, "secret_id_file_path": secret, "remove_secret_id_file_after_reading": false,
        }}]},
        "template": [{"source": source, "destination": place.volume().join("word")}],
    });
    place.file("config.yaml", &config.to_string());
    let mut agent = place.start_as_it_is("run");
    until_file(&mut agent, &place, "word", "u");
    replace(&place, "word.tpl", &text("password"));
    until_file(&mut agent, &place, "word", "p");
    let ran = agent.stop();
    assert_eq!((ran.code, ran.err.matches(LOGGED_IN).count()), (0, 1), "{}", ran.err);
}

#[test]
fn what_a_template_reads_with_file_is_looked_at_too() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"user": "u"}));
    let (insert, alone) = (place.file("insert", "one"), place.file("alone", "two"));
    let files = json!({
        "both": {"template": format!("{{{{ .db.user }}}}:{{{{ file \"{}\" }}}}", insert.display())},
        "alone": {"template": format!("{{{{ file \"{}\" }}}}", alone.display())},
        "other": "db#user",
    });
    let config = approle_store(&vault, &place, &role(&vault))
        + &format!("files: {files}\n")
        + "secrets: { db: { from: 'vault:secret/db' } }\n";
    let mut agent = place.start("run", &config, &[]);
    until_file(&mut agent, &place, "both", "u:one");
    until_file(&mut agent, &place, "alone", "two");
    replace(&place, "insert", "three");
    until_file(&mut agent, &place, "both", "u:three");
    replace(&place, "alone", "four");
    until_file(&mut agent, &place, "alone", "four");
    // One that is gone leaves what was made of it.
    fs::remove_file(&insert).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(6));
    assert_eq!((place.read("both").as_deref(), place.read("other").as_deref()), (Some("u:three"), Some("u")));
    let ran = agent.stop();
    assert_eq!((ran.code, ran.err.matches(LOGGED_IN).count()), (0, 1), "{}", ran.err);
    assert_eq!(ran.err.matches("a file that templates read is another").count(), 2, "{}", ran.err);
}

#[test]
fn a_bad_one_is_told_of_and_the_last_goes_on() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "first"}));
    let stores = approle_store(&vault, &place, &role(&vault));
    let rest = "secrets: { db: { from: 'vault:secret/db', refresh: 1s } }\nfiles: { word: db#word }\n";
    let mut agent = place.start("run", &format!("{stores}{rest}"), &[]);
    until_file(&mut agent, &place, "word", "first");
    let mut said = 0;
    for (new, what) in [
        (format!("{stores}{rest}nonsense: 1\n"), "has no key `nonsense`"),
        (format!("{stores}{}", rest.replace("db#word", "{ template: '{{ if' }")), "line 1 of the template"),
        (format!("{stores}{rest}listen: 127.0.0.1:8399\n"), "another `listen` needs a new start"),
        (format!("{stores}{rest}on_change: [{{ command: [/bin/true] }}]\n"), "the first command of `on_change`"),
        (
            format!("{}{rest}", store_at("http://127.0.0.1:1", None, "{ token_file: /none }")),
            "that the sandbox keeps us from needs a new start",
        ),
    ] {
        write_anew(&place, &new);
        agent.process().signal("HUP");
        said += 1;
        agent.until_said("the last configuration goes on", said);
        assert!(agent.err().contains(what), "{what}: {}", agent.err());
    }
    fs::remove_file(place.path("config.yaml")).unwrap();
    agent.process().signal("HUP");
    agent.until_said("cannot read", 1);
    vault.put("db", &json!({"word": "second"}));
    until_file(&mut agent, &place, "word", "second");
    assert_eq!(agent.stop().code, 0);
}

#[test]
fn another_role_logs_in_and_the_first_session_is_given_back() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "w"}));
    let rest = "secrets: { db: { from: 'vault:secret/db' } }\nfiles: { word: db#word }\n";
    let first = approle_store(&vault, &place, &role(&vault));
    let mut agent = place.start("run", &format!("{first}{rest}"), &[]);
    until_file(&mut agent, &place, "word", "w");
    let before = vault.sessions();
    let token: PathBuf = place.file("token", &vault.token("other", crate::MAY_READ));
    write_anew(&place, &format!("{}{rest}", token_store(&vault, &token)));
    agent.process().signal("HUP");
    agent.until_said(LOGGED_IN, 2);
    agent.until("its end", |_| before.is_disjoint(&vault.sessions()));
    assert_eq!(place.read("word").as_deref(), Some("w"));
    assert_eq!(agent.stop().code, 0);
}

#[test]
fn a_new_authority_is_trusted_without_another_login() {
    let (vault, place) = (Vault::start_stored().unwrap(), Place::new());
    vault.put("db", &json!({"word": "first"}));
    let ca = place.file("ca.pem", &fs::read_to_string(vault.ca().unwrap()).unwrap());
    let role = role(&vault);
    let secret_id = place.file("secret-id", &role.secret_id);
    let auth = format!("{{ approle: {{ role_id: {}, secret_id_file: {} }} }}", role.role_id, secret_id.display());
    let stores = store_at(vault.address(), Some(&ca), &auth);
    let rest = "secrets: { db: { from: 'vault:secret/db', refresh: 1s } }\nfiles: { word: db#word }\n";
    let mut agent = place.start("run", &format!("{stores}{rest}"), &[]);
    until_file(&mut agent, &place, "word", "first");

    // The agent trusts another authority now, and the server, which it trusts no more, goes over to that one later.
    let folder = tempfile::tempdir().unwrap();
    let other = Authority::new(folder.path()).unwrap();
    replace(&place, "ca.pem", &fs::read_to_string(other.certificate()).unwrap());
    agent.until_said("from an authority that is not trusted", 1);
    vault.put("db", &json!({"word": "second"}));
    let (certificate, key) = other.leaf_until("vault", "IP:127.0.0.1", "20991231000000Z").unwrap();
    vault.present(&certificate, &key);
    until_file(&mut agent, &place, "word", "second");
    let ran = agent.stop();
    assert_eq!((ran.code, ran.err.matches(LOGGED_IN).count()), (0, 1), "{}", ran.err);
}

#[test]
fn beside_a_child_files_change_under_it_and_another_environment_starts_it_again() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"user": "u", "password": "p"}));
    let stores = approle_store(&vault, &place, &role(&vault));
    let secrets = "secrets: { db: { from: 'vault:secret/db' } }\n";
    let rest = |files: &str, env: &str| {
        format!("{stores}{secrets}files: {files}\nenv: {env}\non_change: [{{ restart: true, files: [never] }}]\n")
    };
    let never = "never: { template: 'x{{ .db.user }}' }";
    let config = rest(&format!("{{ word: db#user, {never} }}"), "{ A: db#user }");
    let script = "echo \"started $A $B\"; trap 'exit 0' TERM; while :; do sleep 0.1; done";
    let mut agent = place.start("exec", &config, &["--", "sh", "-c", script]);
    agent.until("the child", |agent| agent.out().contains("started u"));

    write_anew(&place, &rest(&format!("{{ word: db#password, {never} }}"), "{ A: db#user }"));
    until_file(&mut agent, &place, "word", "p");
    assert_eq!(agent.out().matches("started").count(), 1, "{}", agent.out());

    write_anew(&place, &rest(&format!("{{ word: db#password, {never} }}"), "{ A: db#user, B: db#password }"));
    agent.until("the new environment", |agent| agent.out().contains("started u p"));
    assert_eq!(agent.out().matches("started").count(), 2, "{}", agent.out());
    assert_eq!(agent.err().matches(LOGGED_IN).count(), 1, "{}", agent.err());
    assert_eq!(agent.stop().code, 0);
    assert_eq!(vault.sessions().len(), 0);
}

#[test]
fn a_child_that_may_not_be_started_again_keeps_its_environment_and_that_is_said() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"user": "u"}));
    let stores = approle_store(&vault, &place, &role(&vault));
    let rest = |env: &str| format!("{stores}secrets: {{ db: {{ from: 'vault:secret/db' }} }}\nenv: {env}\n");
    let mut agent =
        place.start("exec", &rest("{ A: db#user }"), &["--", "sh", "-c", "echo \"started $A\"; exec sleep 1000"]);
    agent.until("the child", |agent| agent.out().contains("started u"));
    write_anew(&place, &rest("{ A: db#user, B: db#user }"));
    agent.until_said("the child keeps the environment", 1);
    write_anew(&place, &(rest("{ A: db#user }") + "on_change: [{ restart: true }]\n"));
    agent.until_said("the first `restart` of `on_change` needs a new start", 1);
    assert_eq!(agent.out().matches("started").count(), 1);
    assert_eq!(agent.stop().code, 143);
}
