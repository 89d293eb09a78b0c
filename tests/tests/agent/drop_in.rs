//! A configuration of Vault Agent, handed to the real one and to ours as it is: the same files, the same child.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::agent::Place;

use e2e::programs::{self, finish};
use e2e::servers::program;
use e2e::servers::vault::Vault;
use serde_json::{Value, json};

use crate::logins::{Issuer, trust};
use crate::role;

/// The blocks that every configuration here has, with a login by AppRole.
fn head(vault: &Vault, place: &Place) -> String {
    let role = role(vault);
    let (id, secret) = (place.file("role-id", &role.role_id), place.file("secret-id", &role.secret_id));
    format!(
        r#"
        vault {{ address = "{}" }}
        auto_auth {{
          method "approle" {{
            mount_path = "auth/approle"
            config = {{
              role_id_file_path = "{}"
              secret_id_file_path = "{}"
              remove_secret_id_file_after_reading = false
            }}
          }}
        }}
        "#,
        vault.address(),
        id.display(),
        secret.display()
    )
}

/// Runs the real Vault Agent to its end, and gives what its child wrote.
fn theirs(place: &Place, config: &str) -> String {
    let config = place.file("theirs.hcl", config);
    let ran = finish(Command::new(program("OAKUM_VAULT").unwrap()).args(["agent", "-config"]).arg(config), b"");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    ran.out
}

/// The file's bytes and the nine bits of its mode.
fn seen(path: &Path) -> (String, u32) {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (text, fs::metadata(path).unwrap().permissions().mode() & 0o777)
}

/// Runs the real agent and ours with one configuration, which ours takes without a warning. Gives the folder of the real
/// one's files; ours are in the volume.
fn both(place: &Place, config: &str) -> PathBuf {
    let other = place.path("theirs");
    theirs(place, &config.replace("FOLDER", &other.display().to_string()));
    place.file("config.yaml", &config.replace("FOLDER", &place.volume().display().to_string()));
    let ran = place.start_as_it_is("run").end();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.err.contains("config.no_counterpart"), "{}", ran.err);
    other
}

#[test]
fn the_same_file_gives_the_same_files() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("web", &json!({"user": "web", "password": "p\"a'ss <&>", "port": 5432}));
    let source =
        place.file("env.tpl", "[[ with secret \"secret/data/web\" ]]export USER=[[ .Data.data.user ]]\n[[ end ]]");
    let config = head(&vault, &place)
        + &format!(
            r#"
        exit_after_auth = true
        template_config {{ static_secret_render_interval = "10s" }}
        template {{
          contents    = "{{{{ with secret \"secret/data/web\" }}}}{{{{ .Data.data | toJSON }}}}{{{{ end }}}}"
          destination = "FOLDER/web.json"
          perms       = "0600"
        }}
        template {{
          source          = "{}"
          destination     = "FOLDER/conf/env.sh"
          left_delimiter  = "[["
          right_delimiter = "]]"
        }}
        template {{
          contents    = <<EOT
port={{{{ with secret "secret/data/web" }}}}{{{{ .Data.data.port }}}} {{{{ .Data.data.nothing }}}}{{{{ end }}}}
EOT
          destination = "FOLDER/conf/port"
        }}
        "#,
            source.display()
        );
    let other = both(&place, &config);
    for name in ["web.json", "conf/env.sh", "conf/port"] {
        assert_eq!(seen(&place.volume().join(name)), seen(&other.join(name)), "{name}");
    }
    assert!(place.read("conf/port").unwrap().contains("5432 <no value>"));
    assert_eq!(vault.sessions().len(), 1, "theirs leaves its token, and ours does not");
}

#[test]
fn templates_that_read_no_secret_are_rendered_all_the_same() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    let beside = place.file("beside.txt", "of a file");
    let config = head(&vault, &place)
        + &format!(
            r#"
        exit_after_auth = true
        template {{
          contents    = "nothing but text\n"
          destination = "FOLDER/text"
        }}
        template {{
          contents    = "{{{{ env \"HOME\" }}}} {{{{ file \"{}\" }}}} {{{{ timestamp \"2006\" }}}}"
          destination = "FOLDER/around"
        }}
        "#,
            beside.display()
        );
    let other = both(&place, &config);
    for name in ["text", "around"] {
        assert_eq!(seen(&place.volume().join(name)), seen(&other.join(name)), "{name}");
    }
    assert!(place.read("around").unwrap().contains(" of a file 20"));
}

#[test]
fn a_configuration_of_ours_may_be_of_templates_alone() {
    let place = Place::new();
    let beside = place.file("beside.txt", "1");
    let files =
        format!("files: {{ a: {{ template: '{{{{ file \"{}\" }}}}' }}, b: {{ template: 'b' }} }}\n", beside.display());
    let ran = place.run("once", &files, &[]);
    assert_eq!(
        (ran.code, place.read("a").as_deref(), place.read("b").as_deref()),
        (0, Some("1"), Some("b")),
        "{}",
        ran.err
    );
    let mut agent = place.start("run", &files, &[]);
    agent.until_said("files=2", 1);
    assert_eq!(place.run("check", &files, &["--published"]).code, 0);
    assert_eq!(agent.stop().code, 0);
    assert_eq!(place.read("a"), None);
    let ran = place.run("exec", "env: { A: { template: 'x{{ \"y\" }}' } }\n", &["--", "/usr/bin/env"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.lines().any(|line| line == "A=xy"), "{}", ran.out);
}

#[test]
fn what_a_list_gains_and_loses_is_followed() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    let head = head(&vault, &place);
    vault.policy("web", "path \"secret/*\" { capabilities = [\"read\", \"list\"] }");
    vault.put("app/a", &json!({"word": "1"}));
    vault.put("app/b", &json!({"word": "2"}));
    let config = head
        + &format!(
            r#"
        template_config {{ static_secret_render_interval = "1s" }}
        template {{
          contents    = <<EOT
{{{{ range secrets "secret/app/" }}}}{{{{ . }}}}={{{{ with secret (printf "secret/data/app/%s" .) }}}}{{{{ .Data.data.word }}}}{{{{ end }}}};{{{{ end }}}}
EOT
          destination = "{}"
        }}
        "#,
            place.volume().join("all").display()
        );
    place.file("config.yaml", &config);
    let mut agent = place.start_as_it_is("run");
    let is = |words: &'static str| {
        let place = &place;
        move |_: &e2e::agent::Agent| place.read("all").as_deref() == Some(words)
    };
    agent.until("the first files", is("a=1;b=2;\n"));
    vault.put("app/c", &json!({"word": "3"}));
    agent.until("one more", is("a=1;b=2;c=3;\n"));
    vault.put("app/b", &json!({"word": "4"}));
    agent.until("another value", is("a=1;b=4;c=3;\n"));
    vault.call("DELETE", "secret/metadata/app/a", None);
    agent.until("one less", is("b=4;c=3;\n"));
    let ran = agent.stop();
    assert_eq!(ran.code, 0, "{}", ran.err);
    // What is gone is not asked for any more, and its last refusal was all.
    assert!(ran.err.matches(" warn ").count() <= 3, "{}", ran.err);
}

#[test]
fn a_certificate_and_the_key_that_its_template_writes_beside_it_are_of_one_answer() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.write("sys/mounts/pki", &json!({"type": "pki"}));
    vault.write("pki/root/generate/internal", &json!({"common_name": "example.com", "ttl": "24h"}));
    vault.write("pki/roles/web", &json!({"allow_any_name": true, "ttl": "1h"}));
    let may = "path \"pki/issue/web\" { capabilities = [\"update\"] }";
    let head = head(&vault, &place);
    vault.policy("web", may);
    let config = head
        + r#"
        exit_after_auth = true
        template {
          contents    = <<EOT
{{ with pkiCert "pki/issue/web" "common_name=web.example.com" }}{{ .Data.Cert }}
{{ .CA }}{{ .Key | writeToFile "FOLDER/tls/key.pem" "" "" "0400" "newline" }}{{ end }}
EOT
          destination = "FOLDER/cert.pem"
        }
        "#;
    // What differs from one answer to the next is left out.
    let shape = |folder: &Path| {
        ["cert.pem", "tls/key.pem"].map(|name| {
            let (text, mode) = seen(&folder.join(name));
            let (lines, ends) = (text.lines(), text.ends_with("\n\n"));
            (lines.filter(|line| line.starts_with("---")).map(str::to_owned).collect::<Vec<_>>(), ends, mode)
        })
    };
    let other = both(&place, &config);
    assert_eq!(shape(&place.volume()), shape(&other));
    let public = |file: &str, args: &[&str]| {
        let file = place.volume().join(file);
        let ran = finish(Command::new("openssl").args(args).arg("-in").arg(file), b"");
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out
    };
    assert_eq!(public("cert.pem", &["x509", "-noout", "-pubkey"]), public("tls/key.pem", &["pkey", "-pubout"]));
}

#[test]
fn the_same_file_starts_the_same_child() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("web", &json!({"user": "web", "password": "p a$s"}));
    let config = head(&vault, &place)
        + r#"
        env_template "DSN" {
          contents             = "{{ with secret \"secret/data/web\" }}pg://{{ .Data.data.user }}:{{ .Data.data.password }}@db{{ end }}"
          error_on_missing_key = true
        }
        exec {
          command                   = ["sh", "-c", "printf '<%s>' \"$DSN\""]
          restart_on_secret_changes = "never"
        }
        "#;
    let child = theirs(&place, &config);
    assert!(child.contains("<pg://web:p a$s@db>"), "{child}");

    place.file("config.yaml", &config);
    let ran = place.start_as_it_is("run").end();
    assert_eq!((ran.code, ran.out.as_str()), (0, "<pg://web:p a$s@db>"), "{}", ran.err);
    assert_eq!(place.names(), [""; 0], "what goes into an environment alone needs no volume");
}

#[test]
fn a_child_is_started_again_with_what_is_new() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("web", &json!({"word": "first"}));
    let config = head(&vault, &place)
        + r#"
        template_config { static_secret_render_interval = "1s" }
        env_template "WORD" { contents = "{{ with secret \"secret/data/web\" }}{{ .Data.data.word }}{{ end }}" }
        exec {
          command             = ["sh", "-c", "trap 'echo interrupted; exit 0' INT; echo \"is $WORD\"; sleep 60 & wait"]
          restart_stop_signal = "SIGINT"
        }
        "#;
    place.file("config.yaml", &config);
    let mut agent = place.start_as_it_is("run");
    agent.until("the first", |agent| agent.out().contains("is first\n"));
    vault.put("web", &json!({"word": "second"}));
    agent.until("the second", |agent| agent.out().contains("is first\ninterrupted\nis second\n"));
    assert_eq!(agent.stop().code, 143, "its child was ended by the signal");
}

#[test]
fn a_command_is_run_for_its_own_file() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("web", &json!({"word": "first"}));
    let told = place.path("told");
    let script = place.file("told.sh", &format!("sleep 0.3; touch {}\n", told.display()));
    let config = head(&vault, &place)
        + &format!(
            r#"
        template_config {{ static_secret_render_interval = "1s" }}
        template {{
          contents    = "{{{{ with secret \"secret/data/web\" }}}}{{{{ .Data.data.word }}}}{{{{ end }}}}"
          destination = "{}/word"
          command     = "touch {}"
          wait {{ min = "100ms" }}
        }}
        "#,
            place.volume().display(),
            told.display()
        );
    place.file("config.yaml", &config);
    let mut agent = place.start_as_it_is("run");
    agent.until("the command", |_| told.exists());
    assert_eq!(place.read("word").as_deref(), Some("first"));
    fs::remove_file(&told).unwrap();
    vault.put("web", &json!({"word": "second"}));
    agent.until("the command", |_| told.exists());
    assert_eq!(place.read("word").as_deref(), Some("second"));
    let ran = agent.stop();
    assert!(ran.err.contains("`touch` is taken to be /usr/bin/touch"), "{}", ran.err);

    // Also where the agent ends once the file is there, as an init container does; and its end waits for that of the command.
    let config = config.replace(&format!("touch {}", told.display()), &format!("sh {}", script.display()));
    let config = config + "exit_after_auth = true\n";
    let volume = place.volume().display().to_string();
    for ours in [false, true] {
        fs::remove_file(&told).unwrap();
        if ours {
            let place = Place::new();
            place.file("config.yaml", &config.replace(&volume, &place.volume().display().to_string()));
            let ran = place.start_as_it_is("run").end();
            assert!(ran.code == 0 && !ran.err.contains("`exit_after_auth`"), "{}", ran.err);
        } else {
            theirs(&place, &config.replace(&volume, &place.path("theirs").display().to_string()));
        }
        assert!(told.exists(), "ours: {ours}");
    }
    place.file("told.sh", "exit 3\n");
    let place = Place::new();
    place.file("config.yaml", &config.replace(&volume, &place.volume().display().to_string()));
    let ran = place.start_as_it_is("run").end();
    assert!(ran.code == 5 && ran.err.contains("the command ended with code 3"), "{}", ran.err);
    assert_eq!(place.read("word").as_deref(), Some("second"));
}

/// The configuration of an agent that renders one word into the volume, and more.
fn of_a_word(head: &str, place: &Place, more: &str) -> String {
    format!(
        r#"{head}
        template_config {{ static_secret_render_interval = "1s" }}
        template {{
          contents    = "{{{{ with secret \"secret/data/web\" }}}}{{{{ .Data.data.word }}}}{{{{ end }}}}"
          destination = "{}/word"
        }}
        {more}"#,
        place.volume().display()
    )
}

/// The same with a sink.
fn with_sink(head: &str, path: &Path) -> String {
    let sink = format!("auto_auth {{ sink \"file\" {{ config = {{ path = \"{}\", mode = 0600 }} }}", path.display());
    head.replace("auto_auth {", &sink)
}

#[test]
fn the_token_is_in_its_sink_for_as_long_as_it_holds() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("web", &json!({"word": "first"}));
    let sink = place.volume().join("token");
    place.file("config.yaml", &of_a_word(&with_sink(&head(&vault, &place), &sink), &place, ""));
    let mut agent = place.start_as_it_is("run");
    agent.until("the file", |_| place.read("word").is_some());
    let (first, mode) = seen(&sink);
    assert_eq!(
        (mode, vault.lookup(&first).expect("it is a token")["path"].as_str()),
        (0o600, Some("auth/approle/login"))
    );

    // Another login, another token.
    vault.sessions().iter().for_each(|accessor| vault.revoke(accessor));
    vault.put("web", &json!({"word": "second"}));
    agent.until("the second", |_| place.read("word").as_deref() == Some("second"));
    let second = seen(&sink).0;
    assert!(second != first && vault.lookup(&second).is_some());
    let ran = agent.stop();
    assert_eq!((ran.code, sink.exists(), vault.lookup(&second)), (0, false, None), "{}", ran.err);
    assert!(!ran.err.contains(&first) && !ran.err.contains(&second));
}

#[test]
fn the_token_in_a_sink_outlives_an_agent_that_ends_once_all_is_there() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("web", &json!({"word": "first"}));
    let sink = place.volume().join("token");
    place.file("config.yaml", &of_a_word(&with_sink(&head(&vault, &place), &sink), &place, "exit_after_auth = true"));
    let ran = place.start_as_it_is("run").end();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(vault.lookup(&seen(&sink).0).is_some(), "whoever reads the sink can use it");
}

#[test]
fn a_disk_is_no_place_for_a_token_and_the_rest_goes_on() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("web", &json!({"word": "first"}));
    // Not in memory on any machine.
    let sink = Path::new("/proc/token");
    place.file("config.yaml", &of_a_word(&with_sink(&head(&vault, &place), sink), &place, "exit_after_auth = true"));
    let ran = place.start_as_it_is("run").end();
    assert_eq!((ran.code, place.read("word").as_deref()), (0, Some("first")), "{}", ran.err);
    let said = "the sink `/proc/token` is not written: cannot write /proc: the volume is on proc, not in memory";
    assert!(ran.err.contains(said), "{}", ran.err);
}

#[test]
fn the_file_of_a_secret_id_is_taken_away_and_another_login_needs_it_no_more() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("web", &json!({"word": "first"}));
    // To take it away is what Vault Agent does unless told otherwise.
    let head = head(&vault, &place).replace("remove_secret_id_file_after_reading = false", "");
    place.file("config.yaml", &of_a_word(&head, &place, ""));
    let mut agent = place.start_as_it_is("run");
    agent.until("the file", |_| place.read("word").is_some());
    assert!(!place.path("secret-id").exists() && place.path("role-id").exists());

    vault.sessions().iter().for_each(|accessor| vault.revoke(accessor));
    vault.put("web", &json!({"word": "second"}));
    agent.until("the second", |_| place.read("word").as_deref() == Some("second"));
    assert_eq!(agent.stop().code, 0);
}

/// The value of a file of JSON, and its keys in their order.
fn json_of(path: &Path) -> (Value, Vec<String>) {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(text.ends_with("}\n") && text.lines().count() == 1, "{text}");
    let keys = text.split('"').skip(1).step_by(2).zip(text.split('"').skip(2).step_by(2));
    let keys = keys.filter(|(_, after)| after.starts_with(':')).map(|(key, _)| key.to_owned()).collect();
    (serde_json::from_str(&text).unwrap(), keys)
}

#[test]
fn an_agent_that_only_writes_its_token_needs_no_template_and_no_volume() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    let sink = place.volume().join("token");
    place.file("config.yaml", &with_sink(&head(&vault, &place), &sink));
    let mut agent = place.start_as_it_is("run");
    agent.until("the token", |_| sink.exists());
    let (first, mode) = seen(&sink);
    assert!(vault.lookup(&first).is_some() && mode == 0o600);
    assert_eq!(place.names(), ["token"]);
    let ran = agent.stop();
    assert_eq!((ran.code, sink.exists(), vault.lookup(&first)), (0, false, None), "{}", ran.err);

    place.file("config.yaml", &(with_sink(&head(&vault, &place), &sink) + "exit_after_auth = true"));
    let ran = place.start_as_it_is("run").end();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(vault.lookup(&seen(&sink).0).is_some(), "it ends once the token is there, and leaves it");

    // Nothing was written where nobody can log in, and it ends with what Vault said.
    fs::remove_file(&sink).unwrap();
    place.file("secret-id", "none");
    let ran = place.start_as_it_is("run").end();
    assert_eq!((ran.code, sink.exists()), (4, false), "{}", ran.err);
}

#[test]
fn a_wrapped_token_lies_in_its_sink_as_theirs_does_and_gives_the_token_out_once() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    let (ours, other) = (place.volume().join("token"), place.path("theirs-token"));
    let head = head(&vault, &place);
    let config = |sink: &Path| {
        let with = with_sink(&head, sink).replace("sink \"file\" {", "sink \"file\" { wrap_ttl = \"90s\"");
        with + "exit_after_auth = true\n"
    };
    theirs(&place, &config(&other));
    place.file("config.yaml", &config(&ours));
    let ran = place.start_as_it_is("run").end();
    assert_eq!(ran.code, 0, "{}", ran.err);

    let ((ours, our_keys), (theirs, their_keys)) = (json_of(&ours), json_of(&other));
    assert_eq!(our_keys, their_keys);
    for key in ["ttl", "creation_path", "wrapped_accessor"] {
        assert_eq!(ours[key], theirs[key], "{key}");
    }
    assert_eq!(ours["ttl"], 90);
    for wrapped in [ours, theirs] {
        let unwrap = || vault.ask_as(wrapped["token"].as_str().unwrap(), "PUT", "sys/wrapping/unwrap", None);
        let token = unwrap().json()["data"]["token"].as_str().unwrap().to_owned();
        assert_eq!(vault.lookup(&token).expect("it is a token")["path"], "auth/approle/login");
        assert!(!ran.err.contains(&token) && unwrap().status == 400);
    }
}

#[test]
fn a_sink_belongs_to_whom_it_says() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    let sink = place.volume().join("token");
    let config = with_sink(&head(&vault, &place), &sink).replace("mode = 0600", "mode = 0440, uid = 1234, gid = 2345");
    place.file("config.yaml", &config);
    let mut agent = place.start_as_it_is("run");
    agent.until("the token", |_| sink.exists());
    let about = fs::metadata(&sink).unwrap();
    assert_eq!((about.uid(), about.gid(), seen(&sink).1), (1234, 2345, 0o440));
    // It is ours to take away all the same.
    let first = seen(&sink).0;
    assert_eq!(agent.stop().code, 0);
    assert!(!sink.exists() && vault.lookup(&first).is_none());
}

#[test]
fn the_file_of_a_jwt_is_taken_away_and_of_a_link_what_was_asked_for() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("web", &json!({"word": "first"}));
    let issuer = Issuer::new(vault.folder());
    trust(&vault, &issuer);
    let jwt = issuer.token("web");
    fs::create_dir(place.path("jwts")).unwrap();
    for (follows, kept) in [(false, true), (true, false)] {
        let target = place.file("jwts/real", &jwt);
        let link = place.path("jwt");
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let head = format!(
            r#"
        vault {{ address = "{}" }}
        auto_auth {{
          method "jwt" {{
            config = {{ path = "{}", role = "web", remove_jwt_follows_symlinks = {follows} }}
          }}
        }}
        "#,
            vault.address(),
            link.display()
        );
        place.file("config.yaml", &of_a_word(&head, &place, ""));
        vault.put("web", &json!({"word": "first"}));
        let mut agent = place.start_as_it_is("run");
        agent.until("the file", |_| place.read("word").as_deref() == Some("first"));
        assert_eq!((link.is_symlink(), target.exists()), (!kept, kept), "{}", agent.err());
        // Another login needs the file no more.
        vault.sessions().iter().for_each(|accessor| vault.revoke(accessor));
        vault.put("web", &json!({"word": "second"}));
        agent.until("the second", |_| place.read("word").as_deref() == Some("second"));
        let ran = agent.stop();
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(!ran.err.contains("no_counterpart"), "{}", ran.err);
    }
}

#[test]
fn the_number_of_the_process_is_in_its_file() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    vault.put("web", &json!({"word": "first"}));
    let file = place.path("agent.pid");
    let more = format!("pid_file = \"{}\"", file.display());
    place.file("config.yaml", &of_a_word(&head(&vault, &place), &place, &more));
    let mut agent = place.start_as_it_is("run");
    agent.until("the file", |_| place.read("word").is_some());
    assert_eq!(fs::read_to_string(&file).unwrap(), agent.process().0.to_string());
    assert_eq!(agent.stop().code, 0);
    // Its folder has others in it, out of which the sandbox lets nothing be taken: it is left empty.
    assert_eq!(fs::read_to_string(&file).unwrap_or_default(), "");

    // In a folder without others, it goes.
    let own = place.path("own/agent.pid");
    fs::create_dir(own.parent().unwrap()).unwrap();
    let more = format!("pid_file = \"{}\"", own.display());
    place.file("config.yaml", &of_a_word(&head(&vault, &place), &place, &more));
    let mut agent = place.start_as_it_is("run");
    agent.until("the file", |_| place.read("word").is_some());
    assert_eq!(fs::read_to_string(&own).unwrap(), agent.process().0.to_string());
    assert_eq!((agent.stop().code, own.exists()), (0, false));
}

#[test]
fn json_is_read_too_and_check_says_what_is_lost() {
    let place = Place::new();
    let config = json!({
        "vault": [{"address": "https://vault.example.com:8200"}],
        "auto_auth": {
            "method": [{"kubernetes": {"min_backoff": "5s", "config": {"role": "web"}}}],
            "sink": [{"file": {"config": {"path": "/home/vault/.vault-token"}}}],
        },
        "cache": {"use_auto_auth_token": true},
        "template": [{
            "contents": "{{ with secret \"secret/data/web\" }}{{ .Data.data.word }}{{ end }}",
            "destination": place.volume().join("word"),
        }],
    });
    let config = place.file("agent.json", &config.to_string());
    let check = || {
        finish(Command::new(programs::program("oakum-agent").unwrap()).args(["check", "--config"]).arg(&config), b"")
    };
    let ran = check();
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    for part in [
        &format!("volume {}: ", place.volume().display()),
        "word: a template of secret/data/web",
        "the sink `/home/vault/.vault-token` is not written",
        "`min_backoff` and `max_backoff` have no counterpart",
        "`cache`",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }

    fs::write(&config, fs::read_to_string(&config).unwrap().replace("{{ end }}", "")).unwrap();
    let ran = check();
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("/word: line 1 of the template"), "{}", ran.err);
}
