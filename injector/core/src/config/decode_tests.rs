//! What is accepted, and what each mistake says.

use std::path::Path;

use super::*;
use proptest::prelude::*;

const GOOD: &str = "\
apiVersion: oakum.dev/v1
kind: Injection
stores:
  vault:
    vault: { address: 'https://vault.example.com:8200', namespace: team-a, ca: /etc/vault/ca.crt, auth: { approle: { role_id_file: /id, secret_id_file: /sid } } }
  local: { file: { path: /etc/local } }
volume: { path: /run/secrets/oakum, mode: '0400', group: 3000, grace: 5s }
secrets:
  db: { from: 'vault:secret/db', refresh: 1s }
  app: 'vault:secret/app?version=2#key'
  local: 'local:a/b'
files:
  db.env: { format: dotenv, values: { DB_USER: db#username, DB_PASSWORD: db#password } }
  conf/app.json: { format: json, secret: db, mode: '0444' }
  key: app
  raw: { value: local }
env: { DB_PASSWORD: db#password, DSN: { template: 'pg://{{ .db.username }}', error_on_missing_key: false } }
listen: 127.0.0.1:8300
log: json
";

/// The good one with one text in place of another.
fn with(from: &str, to: &str) -> ConfigError {
    assert!(GOOD.contains(from), "{from}");
    Injection::parse(&GOOD.replacen(from, to, 1), "c.yaml").unwrap_err()
}

#[test]
fn reads_every_key() {
    let injection = Injection::parse(GOOD, "c.yaml").unwrap();
    assert_eq!(injection.stores.len(), 2);
    assert_eq!(injection.volume.mode.bits(), 0o400);
    assert_eq!(injection.secrets["db"].refresh, Duration::from_secs(1));
    assert_eq!(injection.secrets["app"].from.version, Some(2));
    assert_eq!(injection.files.len(), 4);
    assert_eq!(injection.log, LogFormat::Json);
}

#[test]
fn what_is_written_is_read_back() {
    let injection = Injection::parse(GOOD, "c.yaml").unwrap();
    assert_eq!(Injection::parse(&injection.to_json().to_string(), "c.json").unwrap(), injection);
}

#[test]
fn an_unknown_key_says_file_line_and_what_was_meant() {
    let error = with("grace: 5s", "grce: 5s");
    assert_eq!(error.to_string(), "c.yaml:7: `volume` has no key `grce`");
    assert_eq!(error.hint.unwrap(), "did you mean `grace`?");
}

#[test]
fn what_comes_later_is_said_and_not_ignored() {
    let error = with("key: app", "key: { template: '{{ .app.x' }");
    assert_eq!(error.to_string(), "c.yaml:15: line 1 of the template: an action does not end");
    assert!(with("approle:", "gcp:").to_string().contains("not supported yet"));
}

/// What is written by the way would be lost, whatever the template's text says of it, unless the template gives it as its own.
#[test]
fn what_a_template_writes_is_a_file_of_its_own() {
    let writes = "{{ .app.x | writeToFile `/k` `` `` `0400` }}";
    for end in ["", " writtenTo", "{{/* writtenTo */}}"] {
        let error = with("key: app", &format!("key: {{ template: '{writes}{end}' }}"));
        assert!(error.to_string().contains("not under `files`"), "{error}");
    }
    let whole = GOOD.replacen("key: app", &format!("key: {{ template: '{writes}{{{{ writtenTo `/k` }}}}' }}"), 1);
    assert!(Injection::parse(&whole, "c.yaml").is_ok());
}

#[test]
fn each_mistake_has_its_line_and_its_reason() {
    for (from, to, line, part) in [
        ("oakum.dev/v1", "oakum.dev/v2", 1, "apiVersion"),
        ("kind: Injection", "kind: Pod", 2, "kind"),
        ("https://vault", "http://vault", 5, "in the clear"),
        ("vault:secret/db", "vualt:secret/db", 9, "no store `vualt`"),
        ("refresh: 1s", "refresh: 500ms", 9, "shorter than a second"),
        ("refresh: 1s", "on_stale: exit", 9, "`max_stale` is not"),
        ("refresh: 1s", "max_stale: 1h, on_stale: panic", 9, "one of"),
        ("local:a/b", "local:a/b?version=1", 11, "no versions"),
        ("db#username", "bd#username", 13, "no secret `bd`"),
        ("DB_USER", "DB-USER", 13, "variable name"),
        ("format: dotenv", "format: ini", 13, "unknown format"),
        ("conf/app.json", "../app.json", 14, "`..`"),
        ("mode: '0444'", "mode: '0044'", 14, "owner cannot read"),
        ("key: app", "key: app#other", 15, "only its field `key`"),
        ("raw: { value: local }", "key/x: { value: local }", 16, "folder of the other"),
        ("pg://{{ .db", "pg://{{ if .db", 17, "line 1 of the template"),
        ("{ template: 'pg://", "{ mode: '0400', template: 'pg://", 17, "no key `mode`"),
        ("listen: 127.0.0.1", "listen: 0.0.0.0", 18, "loopback"),
        ("log: json", "on_change: [{ signal: KILL }]", 19, "one of `HUP`"),
        ("log: json", "on_change: [{ signal: HUP, process: a, pid_file: /b }]", 19, "not both"),
        ("log: json", "on_change: [{ signal: HUP, method: GET }]", 19, "does not belong to `signal`"),
        ("log: json", "on_change: [{ command: nginx -s reload }]", 19, "must be a list"),
        ("log: json", "on_change: [{ command: [nginx] }]", 19, "whole path"),
        ("log: json", "on_change: [{ http: 'http://app.example.com/' }]", 19, "in the clear"),
        ("log: json", "on_change: [{ restart: true, files: [nothing] }]", 19, "no file `nothing`"),
        ("log: json", "on_change: [{ restart: true, at_start: true }]", 19, "for a child that runs"),
        ("log: json", "audit: maybe", 19, "plain or hashed"),
        ("log: json", "on_change: [{}]", 19, "one of `signal`"),
        ("group: 3000", "group: wheel", 7, "number of a group"),
        ("path: /run/secrets/oakum", "path: run/secrets", 7, "absolute"),
        ("path: /run/secrets/oakum", "path: /run/../secrets", 7, "`..`"),
        ("secret_id_file: /sid", "secret_id: x", 5, "lacks `secret_id_file`"),
        ("secret_id_file: /sid", "secret_id_file: /sid, secret_id: x", 5, "not supported"),
        ("  local: 'local:a/b'\n", "  local: 'local:a/b'\n  spare: 'local:c'\n", 12, "no file and no variable"),
        ("key: app", "key: [app]", 15, "must be a map, and is a list"),
        ("volume: {", "volume: {{", 8, "indentation"),
    ] {
        let error = with(from, to);
        assert_eq!(error.line, Some(line), "{to}: {error}");
        assert!(error.what.contains(part), "{to}: {error}");
    }
}

#[test]
fn a_secret_in_place_of_its_path_is_not_quoted_whole() {
    let error = with("'vault:secret/db'", &"x".repeat(200));
    assert!(error.to_string().len() < 100, "{error}");
}

proptest! {
    #[test]
    fn never_panics_on_a_damaged_configuration(at in 0usize..1200, cut in 0usize..20, put in "\\PC{0,6}") {
        let start = (0..=at.min(GOOD.len())).rev().find(|at| GOOD.is_char_boundary(*at)).unwrap();
        let end = (start + cut).min(GOOD.len());
        let _ = Injection::parse(&format!("{}{put}{}", &GOOD[..start], &GOOD[end..]), "c.yaml");
    }
}

#[test]
fn a_file_may_be_in_a_volume_of_its_own() {
    let with = |volumes: &str, files: &str| {
        let text = format!(
            "apiVersion: oakum.dev/v1\nkind: Injection\nstores: {{ s: {{ file: {{ path: /a }} }} }}\nvolume: {{ grace: 5s }}\n\
             volumes: {volumes}\nsecrets: {{ a: s:x }}\nfiles: {files}\n"
        );
        Injection::parse(&text, "c.yaml")
    };
    let two = "{ tls: { path: /run/tls, mode: '0444', group: 7 } }";
    let found = with(two, "{ x: a#x, 'tls:x': a#x, 'tls:y/z': a#y }").unwrap();
    let file = |name: &str| FileName::parse(name).unwrap();
    assert_eq!(found.path_of(&file("x")), Path::new("/run/secrets/oakum/x"));
    assert_eq!(found.path_of(&file("tls:y/z")), Path::new("/run/tls/y/z"));
    assert_eq!(found.volume_of(&file("tls:x")).grace, Duration::from_secs(5));
    assert_eq!(found.used_volumes().len(), 2);
    assert_eq!(Injection::parse(&found.to_json().to_string(), "c").unwrap(), found);
    for (volumes, files, part) in [
        (two, "{ x: a#x }", "no file is in the volume `tls`"),
        (two, "{ 'tsl:x': a#x }", "no volume `tsl`"),
        (two, "{ 'tls:x': a#x, 'tls:x/y': a#x }", "a folder of the other"),
        ("{ tls: { mode: '0444' } }", "{ 'tls:x': a#x }", "lacks `path`"),
        ("{ tls: { path: /run/tls, grace: 1s } }", "{ 'tls:x': a#x }", "`grace` of its own"),
        ("{ tls: { path: /run/secrets/oakum/tls } }", "{ 'tls:x': a#x }", "overlap"),
        ("{ a: { path: /run/a }, b: { path: /run } }", "{ 'a:x': a#x }", "overlap"),
        ("{ tls: { path: /run/tls } }", "{ ':x': a#x }", "no name of a volume"),
        ("{ tls: { path: /run/tls } }", "{ 'tls:../x': a#x }", "begins with `..`"),
    ] {
        let error = with(volumes, files).unwrap_err();
        assert!(error.what.contains(part), "{volumes} {files}: {error}");
    }
}

#[test]
fn a_template_may_do_without_secrets_and_without_stores() {
    let with = |rest: &str| Injection::parse(&format!("apiVersion: oakum.dev/v1\nkind: Injection\n{rest}"), "c.yaml");
    for rest in ["files: { a: { template: 'x' } }", "env: { A: { template: '{{ env \"B\" }}' } }"] {
        let found = with(rest).unwrap_or_else(|error| panic!("{rest}: {error}"));
        assert!(found.secrets.is_empty() && found.stores.is_empty());
        assert_eq!(Injection::parse(&found.to_json().to_string(), "c").unwrap(), found);
    }
    for (rest, part) in [
        ("volume: { path: /run/x }", "nothing is asked for"),
        ("stores: { s: { file: { path: /a } } }", "nothing is asked for"),
        ("secrets: { a: s:x }\nfiles: { a: a#x }", "no store `s`"),
        ("files: { a: { template: '{{ secret \"x\" }}' } }", "there is none"),
    ] {
        let error = with(rest).unwrap_err();
        assert!(error.what.contains(part), "{rest}: {error}");
    }
}

#[test]
fn a_secret_of_vault_may_come_wrapped_or_be_what_is_written_about_it() {
    let with = |secret: &str, rest: &str| {
        let text = format!(
            "apiVersion: oakum.dev/v1\nkind: Injection\nstores:\n  v: {{ vault: {{ address: 'https://v.example.com', auth: {{ token_file: /t }} }} }}\n  \
             f: {{ file: {{ path: /a }} }}\nsecrets: {{ a: {secret}, b: v:b }}\nfiles: {{ b: b#x }}\n{rest}"
        );
        Injection::parse(&text, "c.yaml")
    };
    let file = "env: { A: a#x }\n";
    let second = Duration::from_secs(1);
    for (secret, manner) in [
        ("{ from: v:x, metadata: true }", Manner::Metadata),
        ("{ from: v:x, metadata: false }", Manner::Fields),
        ("{ from: v:x?version=2, wrap: 60s }", Manner::Token(60 * second)),
        ("{ from: v:x, with: { a: b }, wrap: 60s, unwrap: true }", Manner::ByToken(60 * second)),
        ("{ from: v:x, wrap: 1m, unwrap: false }", Manner::Token(60 * second)),
        ("{ from: v:x, wrapped_in: /run/token }", Manner::InFile("/run/token".into())),
    ] {
        let found = with(secret, file).unwrap_or_else(|error| panic!("{secret}: {error}"));
        assert_eq!(found.secrets["a"].manner, manner);
        assert_eq!(Injection::parse(&found.to_json().to_string(), "c").unwrap(), found);
    }
    for (secret, rest, part) in [
        ("{ from: f:x, metadata: true }", file, "for secrets of Vault"),
        ("{ from: v:x?version=2, metadata: true }", file, "of all versions"),
        ("{ from: v:x, metadata: true, wrap: 60s }", file, "exclude each other"),
        ("{ from: v:x, wrap: 60s, wrapped_in: /run/token }", file, "exclude each other"),
        ("{ from: v:x, wrap: 1s }", file, "10s at least"),
        ("{ from: v:x, wrap: 10500ms }", file, "whole seconds"),
        ("{ from: v:x, unwrap: true }", file, "`wrap` is not"),
        ("{ from: v:x, wrapped_in: /run/token, unwrap: true }", file, "`wrap` is not"),
        ("{ from: v:x, wrapped_in: token }", file, "wrapped_in"),
        ("{ from: v:x, wrapped_in: /run/token, with: { a: b } }", file, "one version"),
        ("{ from: v:x, wrapped_in: /run/token }", "env: { A: a#x }\non_change: [{ restart: true }]\n", "started again"),
    ] {
        let error = with(secret, rest).unwrap_err();
        assert!(error.what.contains(part), "{secret}: {error}");
    }
    let both = "apiVersion: oakum.dev/v1\nkind: Injection\nstores: { v: { vault: { address: 'https://v.example.com', auth: { token_file: /t } } } }\n\
                secrets: { a: { from: v:x, wrapped_in: /run/token }, b: v:b }\nfiles: { c: { format: json, values: { a: a#x, b: b#x } } }\n";
    assert!(Injection::parse(both, "c").unwrap_err().what.contains("had once"));
    let alone = both.replace("b: b#x", "b: a#y").replace(", b: v:b", "");
    Injection::parse(&alone, "c").unwrap();
}
