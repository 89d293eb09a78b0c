//! From Vault to files: formats, modes, changes, and the end.

use std::fs;
use std::io::{Read as _, Seek as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use e2e::agent::Place;
use e2e::planted::Planted;
use e2e::programs::tool;
use e2e::servers::vault::Vault;
use serde_json::{Value, json};

use crate::{MAY_READ, Until, again_and_again, approle_store, role, token_store};

#[test]
fn once_brings_a_secret_into_every_format_and_leaves_no_session() {
    let (vault, place, password) = (Vault::start().unwrap(), Place::new(), Planted::password());
    vault.put("team/db", &json!({"user": "app", "password": password.text(), "port": 5432}));
    let rest = approle_store(&vault, &place, &role(&vault))
        + "secrets: { db: { from: \"vault:secret/team/db\" } }
files:
  password: \"db#password\"
  db.json: { format: json, secret: db }
  conf/db.env: { format: dotenv, values: { DB_USER: \"db#user\", DB_PASSWORD: \"db#password\", DB_PORT: \"db#port\" }, mode: \"0400\" }
";
    let ran = place.run("once", &rest, &[]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);

    assert_eq!(place.read("password").as_deref(), Some(password.text()));
    let json: Value = serde_json::from_str(&place.read("db.json").unwrap()).unwrap();
    assert_eq!(json, json!({"user": "app", "password": password.text(), "port": 5432}));
    let sourced = tool(
        Command::new("sh")
            .args(["-c", ". ./conf/db.env; printf %s \"$DB_USER $DB_PASSWORD $DB_PORT\""])
            .current_dir(place.volume()),
    );
    assert_eq!(sourced, format!("app {} 5432", password.text()));

    let mode = |name: &str| fs::metadata(place.volume().join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("password"), mode("db.json"), mode("conf/db.env")), (0o440, 0o440, 0o400));
    assert_eq!(place.generations().len(), 1);
    // The token that it logged in with has been given back.
    assert_eq!(vault.sessions().len(), 0, "{}", ran.err);
    assert!(password.trace_in(ran.err.as_bytes()).is_none());
}

#[test]
fn a_token_file_and_version_1_work_and_the_token_stays_its_owners() {
    let (vault, place, password) = (Vault::start().unwrap(), Place::new(), Planted::password());
    vault.put_old("db", &json!({"password": password.text()}));
    let token = vault.token("reader", MAY_READ);
    let file = place.file("token", &format!("{token}\n"));
    let rest = token_store(&vault, &file)
        + "secrets: { db: { from: \"vault:old/db#password\", refresh: 1s } }\nfiles: { password: db }\n";
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the file", |_| place.read("password").as_deref() == Some(password.text()));

    let next = Planted::password();
    vault.put_old("db", &json!({"password": next.text()}));
    agent.until("the new value", |_| place.read("password").as_deref() == Some(next.text()));

    let ran = agent.stop();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(place.names(), [""; 0]);
    assert!(vault.lookup(&token).is_some(), "the token is not ours to revoke");
}

#[test]
fn once_replaces_what_was_there_and_wipes_it_also_when_it_is_stopped() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "first"}));
    let rest = approle_store(&vault, &place, &role(&vault))
        + "secrets: { db: { from: \"vault:secret/db\", refresh: 1s } }\nfiles: { db: \"db#word\" }\n";
    assert_eq!(place.run("once", &rest, &[]).code, 0);
    // Nothing new is nothing to do.
    assert_eq!(place.run("once", &rest, &[]).code, 0);
    let mut reader = fs::File::open(place.volume().join("db")).unwrap();
    vault.put("db", &json!({"word": "second"}));
    // A grace that no test waits for: the stop ends it.
    let config = place.config(&rest);
    fs::write(&config, fs::read_to_string(&config).unwrap().replace("grace: 1s", "grace: 1h")).unwrap();
    let mut agent = place.start_as_it_is("once");
    agent.until("the new value", |_| place.read("db").as_deref() == Some("second"));
    assert_eq!(place.generations().len(), 2);
    let ran = agent.stop();
    assert_eq!((ran.code, place.generations().len()), (0, 1), "{}", ran.err);
    let mut content = Vec::new();
    reader.read_to_end(&mut content).unwrap();
    assert_eq!(content, [0; 5], "the old pages are cleared");
    assert_eq!(place.read("db").as_deref(), Some("second"));
    assert_eq!(vault.sessions().len(), 0);
}

#[test]
fn a_pinned_version_stays_and_a_field_may_be_the_whole_secret() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    for value in ["one", "two", "three"] {
        vault.put("db", &json!({"word": value, "other": "x"}));
    }
    let rest = approle_store(&vault, &place, &role(&vault))
        + "secrets: { old: { from: \"vault:secret/db?version=2#word\" }, new: { from: \"vault:secret/db#word\" } }\nfiles: { old: old, new: new }\n";
    let ran = place.run("once", &rest, &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!((place.read("old").as_deref(), place.read("new").as_deref()), (Some("two"), Some("three")));
}

/// Reads both files of one generation, as an app does that opens the directory once.
fn pair(place: &Place) -> Option<(String, String)> {
    let generation = fs::read_link(place.volume().join("..data")).ok()?;
    let read = |name: &str| fs::read_to_string(place.volume().join(&generation).join(name)).ok();
    Some((read("user")?, read("password")?))
}

#[test]
fn all_files_follow_a_change_at_once_and_are_wiped_at_the_end() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"user": "v0", "password": "v0"}));
    let rest = approle_store(&vault, &place, &role(&vault))
        + "secrets: { db: { from: \"vault:secret/db\", refresh: 1s } }
files: { user: \"db#user\", password: \"db#password\", both.json: { format: json, secret: db } }
";
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the files", |_| pair(&place).is_some());
    // A reader that opened a file of the first generation and keeps it.
    let mut kept = fs::File::open(place.volume().join("password")).unwrap();

    let (done, place_of_reader) = (AtomicBool::new(false), &place);
    let seen = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = Vec::new();
            again_and_again(&done, || {
                // None while a generation that we looked up was swept; the grace is short here.
                let Some((user, password)) = pair(place_of_reader) else { return };
                assert_eq!(user, password, "two files of one generation");
                let whole: Value = serde_json::from_str(&place_of_reader.read("both.json").unwrap()).unwrap();
                assert_eq!(whole["user"], whole["password"]);
                if seen.last() != Some(&user) {
                    seen.push(user);
                }
            });
            seen
        });
        let until = Until(&done);
        for version in 1..=4 {
            let value = format!("v{version}");
            vault.put("db", &json!({"user": value, "password": value}));
            agent.until("the new value", |_| place.read("password").as_ref() == Some(&value));
        }
        drop(until);
        reader.join().unwrap()
    });
    assert_eq!(seen, ["v0", "v1", "v2", "v3", "v4"]);

    // The generation before goes after the grace, and what it held is overwritten.
    agent.until("one generation", |_| place.generations().len() == 1);
    let mut content = Vec::new();
    kept.read_to_end(&mut content).unwrap();
    assert_eq!(content, [0, 0], "the old pages are cleared");
    let mut last = fs::File::open(place.volume().join("password")).unwrap();

    assert_eq!(vault.sessions().len(), 1);
    let ran = agent.stop();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(place.names(), [""; 0], "nothing is left in the volume");
    content.clear();
    last.rewind().unwrap();
    last.read_to_end(&mut content).unwrap();
    assert_eq!(content, [0, 0]);
    assert_eq!(vault.sessions().len(), 0, "the token is revoked");
}

#[test]
fn an_unchanged_file_is_the_same_file_after_a_change_of_another() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("a", &json!({"word": "a1"}));
    vault.put("b", &json!({"word": "b1"}));
    let rest = approle_store(&vault, &place, &role(&vault))
        + "secrets: { a: { from: \"vault:secret/a\", refresh: 1s }, b: { from: \"vault:secret/b\", refresh: 1s } }
files: { a: \"a#word\", b: \"b#word\" }
";
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the files", |_| place.read("b").is_some());
    let number = |name: &str| fs::metadata(place.volume().join(name)).unwrap().ino();
    let (a, b) = (number("a"), number("b"));
    vault.put("b", &json!({"word": "b2"}));
    agent.until("the new value", |_| place.read("b").as_deref() == Some("b2"));
    assert_eq!(number("a"), a);
    assert_ne!(number("b"), b);
    agent.until("the sweep", |_| place.generations().len() == 1);
    assert_eq!(place.read("a").as_deref(), Some("a1"), "a shared file is not overwritten with its old name");
}

#[test]
fn several_volumes_have_each_its_own_files_mode_and_group() {
    let (vault, place, password) = (Vault::start().unwrap(), Place::new(), Planted::password());
    vault.put("db", &json!({"user": "app", "password": password.text()}));
    // The second is made by the agent, in the memory that the first is in too.
    let (first, second) = (place.volume().join("one"), place.volume().join("two"));
    let rest = approle_store(&vault, &place, &role(&vault))
        + &format!(
            "volumes: {{ tls: {{ path: {}, mode: \"0400\", group: 4000 }} }}
secrets: {{ db: {{ from: \"vault:secret/db\", refresh: 1s }} }}
files: {{ user: \"db#user\", \"tls:key\": \"db#password\", \"tls:conf/db.json\": {{ format: json, secret: db, mode: \"0440\" }} }}
",
            second.display()
        );
    let config = place.config(&rest);
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text.replace(&place.volume().display().to_string(), &first.display().to_string())
            .replace(&first.join("two").display().to_string(), &second.display().to_string()),
    )
    .unwrap();
    let mut agent = place.start_as_it_is("run");
    let read = |path: &std::path::Path| fs::read_to_string(path).ok();
    agent.until("the files", |_| second.join("conf/db.json").exists() && first.join("user").exists());
    assert_eq!(read(&first.join("user")).as_deref(), Some("app"));
    assert_eq!(read(&second.join("key")).as_deref(), Some(password.text()));
    let about = |path: &str| {
        let about = fs::metadata(second.join(path)).unwrap();
        (about.permissions().mode() & 0o7777, about.gid())
    };
    assert_eq!((about("key"), about("conf/db.json")), ((0o400, 4000), (0o440, 4000)));
    assert!(!first.join("key").exists() && !second.join("user").exists());

    let generation = |path: &std::path::Path| fs::read_link(path.join("..data")).unwrap();
    let (was_first, was_second) = (generation(&first), generation(&second));
    let next = Planted::password();
    vault.put("db", &json!({"user": "app", "password": next.text()}));
    agent.until("the new value", |_| read(&second.join("key")).as_deref() == Some(next.text()));
    assert_eq!(generation(&first), was_first, "what has not changed is not published again");
    agent.until("the sweep", |_| !second.join(&was_second).exists());

    let ran = agent.stop();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(place.names(), [""; 0], "what the agent made it takes away");
}

#[test]
fn what_is_written_about_a_secret_is_had_where_the_secret_may_not_be() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "hidden"}));
    vault.write("secret/metadata/db", &json!({"custom_metadata": {"owner": "team-web", "tier": "1"}}));
    let token = vault.token("about", "path \"secret/metadata/*\" { capabilities = [\"read\"] }");
    let rest = token_store(&vault, &place.file("token", &token))
        + "secrets: { about: { from: \"vault:secret/db\", metadata: true, refresh: 1s } }\nfiles: { owner: about#owner, all.json: { format: json, secret: about } }\n";
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the file", |_| place.read("owner").as_deref() == Some("team-web"));
    let all: Value = serde_json::from_str(&place.read("all.json").unwrap()).unwrap();
    assert_eq!(all, json!({"owner": "team-web", "tier": "1"}));
    vault.write("secret/metadata/db", &json!({"custom_metadata": {"owner": "team-db", "tier": "1"}}));
    agent.until("the new owner", |_| place.read("owner").as_deref() == Some("team-db"));
    assert_eq!(agent.stop().code, 0);
}

/// Unwraps as an app does.
fn unwrap(vault: &Vault, token: &str) -> Value {
    vault.write("sys/wrapping/unwrap", &json!({ "token": token }))
}

#[test]
fn an_app_may_get_a_token_that_unwraps_the_secret_once_and_another_before_it_ends() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("db", &json!({"word": "hidden"}));
    let rest = token_store(&vault, &place.file("token", &vault.token("reader", MAY_READ)))
        + "secrets: { db: { from: \"vault:secret/db\", wrap: 10s } }\nfiles: { wrapped: db#token }\n";
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the token", |_| place.read("wrapped").is_some());
    let first = place.read("wrapped").unwrap();
    assert_eq!(unwrap(&vault, &first)["data"]["data"]["word"], "hidden");
    agent.until("the next token", |_| place.read("wrapped").is_some_and(|token| token != first));
    assert_eq!(unwrap(&vault, &place.read("wrapped").unwrap())["data"]["data"]["word"], "hidden");
    assert_eq!(agent.stop().code, 0);
}

#[test]
fn a_policy_that_demands_wrapping_is_followed() {
    let (vault, place, password) = (Vault::start().unwrap(), Place::new(), Planted::password());
    vault.put("db", &json!({"word": password.text()}));
    let policy =
        "path \"secret/data/db\" { capabilities = [\"read\"] min_wrapping_ttl = \"1s\" max_wrapping_ttl = \"90s\" }";
    let head = token_store(&vault, &place.file("token", &vault.token("wrapped", policy)));
    let refused = place.run(
        "once",
        &(head.clone() + "secrets: { db: \"vault:secret/data/db\" }\nfiles: { word: \"db#word\" }\n"),
        &["--timeout", "5s"],
    );
    assert_ne!(refused.code, 0, "it is demanded indeed");
    let rest = head
        + "secrets: { db: { from: \"vault:secret/db\", wrap: 60s, unwrap: true, refresh: 1s } }\nfiles: { word: \"db#word\" }\n";
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the file", |_| place.read("word").as_deref() == Some(password.text()));
    let next = Planted::password();
    vault.put("db", &json!({"word": next.text()}));
    agent.until("the new value", |_| place.read("word").as_deref() == Some(next.text()));
    let ran = agent.stop();
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn what_was_unwrapped_is_not_lost_by_a_restart_where_there_is_memory_to_keep_it_in() {
    let (vault, place, password) = (Vault::start().unwrap(), Place::new(), Planted::password());
    vault.put("boot", &json!({"word": password.text()}));
    let file = place.file("wrapped", &vault.wrapped("GET", "secret/data/boot"));
    // A folder that only the agent has, in the same memory.
    let kept = place.volume().join("kept");
    fs::create_dir(&kept).unwrap();
    let store = token_store(&vault, &place.file("token", &vault.token("reader", MAY_READ)));
    let published = place.volume().join("published");
    let rest = store.replace("auth:", &format!("keep_unwrapped: {}, auth:", kept.display()))
        + &format!(
            "secrets: {{ boot: {{ from: \"vault:secret/boot\", wrapped_in: {}, refresh: 1s }} }}\nfiles: {{ word: \"boot#word\" }}\n",
            file.display()
        );
    let config = place.config(&rest);
    let text = fs::read_to_string(&config).unwrap();
    let path = format!("path: {}", place.volume().display());
    fs::write(&config, text.replacen(&path, &format!("path: {}", published.display()), 1)).unwrap();
    let word = || fs::read_to_string(published.join("word")).ok();

    let mut agent = place.start_as_it_is("run");
    agent.until("the file", |_| word().as_deref() == Some(password.text()));
    assert_eq!(e2e::process::traces(&agent.process().memory().unwrap(), &password), [""; 0]);
    agent.process().signal("KILL");
    drop(agent);
    let only = fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    assert_eq!((only.len(), fs::metadata(&only[0]).unwrap().permissions().mode() & 0o777), (1, 0o600));

    // The token is used up, and so is its file gone the next time.
    for _ in 0..2 {
        let mut agent = place.start_as_it_is("run");
        // The file of the one that was killed is still there when it begins.
        agent.until_said("fetched secret=boot", 1);
        agent.until("the file", |_| word().as_deref() == Some(password.text()));
        let ran = agent.stop();
        assert!(ran.code == 0 && !ran.err.contains("wrapping token"), "{}", ran.err);
        assert_eq!(word(), None);
        let _ = fs::remove_file(&file);
    }

    // Another token brings another value, which takes the place of the first.
    let next = Planted::password();
    vault.put("boot", &json!({"word": next.text()}));
    fs::write(&file, vault.wrapped("GET", "secret/data/boot")).unwrap();
    let mut agent = place.start_as_it_is("run");
    agent.until("the file", |_| word().as_deref() == Some(next.text()));
    assert_eq!(agent.stop().code, 0);
    assert_eq!(fs::read_dir(&kept).unwrap().count(), 1);
    assert_eq!(password.trace_in(&fs::read(&only[0]).unwrap()), None);
}

#[test]
fn a_token_that_lies_in_a_file_is_unwrapped_once_and_one_that_was_used_is_an_alarm() {
    let (vault, place, password) = (Vault::start().unwrap(), Place::new(), Planted::password());
    vault.put("boot", &json!({"word": password.text()}));
    let file = place.file("wrapped", &vault.wrapped("GET", "secret/data/boot"));
    let rest = token_store(&vault, &place.file("token", &vault.token("reader", MAY_READ)))
        + &format!(
            "secrets: {{ boot: {{ from: \"vault:secret/boot\", wrapped_in: {}, refresh: 1s }} }}\nfiles: {{ word: \"boot#word\" }}\nlog: json\n",
            file.display()
        );
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the file", |_| place.read("word").as_deref() == Some(password.text()));
    // It is not asked about again, and not kept.
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(place.read("word").as_deref(), Some(password.text()));
    assert!(!agent.err().contains("secret.fetch_failed"), "{}", agent.err());
    assert_eq!(e2e::process::traces(&agent.process().memory().unwrap(), &password), [""; 0]);
    // Another token brings another value.
    let next = Planted::password();
    vault.put("boot", &json!({"word": next.text()}));
    fs::write(&file, vault.wrapped("GET", "secret/data/boot")).unwrap();
    agent.until("the new value", |_| place.read("word").as_deref() == Some(next.text()));
    // One that somebody else has used: the last good file stays.
    let used = vault.wrapped("GET", "secret/data/boot");
    unwrap(&vault, &used);
    fs::write(&file, used).unwrap();
    agent.until("the alarm", |agent| agent.err().contains("vault.wrapping_token_used"));
    assert_eq!(place.read("word").as_deref(), Some(next.text()));
    assert_eq!(agent.stop().code, 0);
}
