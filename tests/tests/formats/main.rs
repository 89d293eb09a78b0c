//! What the agent writes, read by the programs that it is for: Python's TOML, XML (expat), netrc, URL and TLS, PyYAML,
//! python-dotenv, the shell, curl, libpq (`psql`), OpenSSL, Java's properties, XML and key stores, and Python's
//! `cryptography`. Option files of MySQL are read by `my_print_defaults`, MariaDB's own reader. None of these is a stand-in.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod keys;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::agent::Place;
use e2e::programs::tool;
use serde_json::{Value, json};

/// A reader of this folder, by the Python that has its packages.
fn python(args: &[&str]) -> Value {
    let python = std::env::var_os("OAKUM_AWS_PYTHON").unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/read.py");
    serde_json::from_str(&tool(Command::new(python).arg("-B").arg(script).args(args))).unwrap()
}

/// A reader in Java; values are in base64.
fn java(args: &[&str]) -> BTreeMap<String, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/Read.java");
    let out = tool(Command::new("java").arg("-Dfile.encoding=UTF-8").arg(source).args(args));
    let pair = |line: &str| line.split_once(' ').map(|(name, value)| (plain(name), value.to_owned())).unwrap();
    out.lines().map(pair).collect()
}

/// What base64 holds.
fn plain(base64: &str) -> String {
    String::from_utf8(bytes(base64)).unwrap()
}

fn bytes(base64: &str) -> Vec<u8> {
    let digit = |byte: u8| {
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        digits.iter().position(|one| *one == byte).unwrap() as u32
    };
    let text = base64.trim_end_matches('=').as_bytes();
    let (mut out, mut held, mut bits) = (Vec::new(), 0, 0);
    for byte in text {
        (held, bits) = ((held << 6 | digit(*byte)) & 0xffff, bits + 6);
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits) as u8);
        }
    }
    out
}

/// Values that some format or other has a meaning for, and one of each kind that is long, empty or foreign.
fn values() -> BTreeMap<String, String> {
    let long = "0123456789 'abc\"".repeat(230);
    let all = [
        "",
        "plain",
        "it's",
        "say \"hi\"",
        "'\"'\"",
        "\\",
        "a\\",
        "a\\\\b\\n",
        "$HOME ${A} $(id)",
        "`id`",
        "two\nlines\n",
        "\n",
        "tab\there",
        "\t",
        "cr\rlf\r\n",
        " leading",
        "trailing ",
        "  ",
        "#hash",
        "a # b",
        "a:b=c",
        "=",
        ":",
        "50%",
        "%25 %s %(x)s",
        "%foo;",
        "]]>",
        "<a>&amp;</a>",
        "&b;",
        "<!--",
        "<?xml?>",
        "grüße",
        "日本語",
        "🔑",
        "\u{85}\u{2028}x",
        "\u{a0}x\u{a0}",
        "\u{7f}\u{9f}",
        "no",
        "null",
        "~",
        "1e3",
        "0x10",
        "010",
        "12:30:00",
        "2001-01-01",
        "- a",
        "{a: b}",
        "[x]",
        "@x",
        "!x",
        "*x",
        "|",
        ">",
        "? x",
        ";x",
        "a;b",
        "\"",
        "'",
        "!",
        "\u{feff}x",
        "\\u0041",
        "\\s",
        long.as_str(),
        // What XML has no way to write stands at the end.
        "\u{1}\u{1b}[0m",
        "bell\u{7}\u{8}\u{c}\u{b}",
    ];
    all.iter().enumerate().map(|(at, value)| (format!("V{at:02}"), (*value).to_owned())).collect()
}

/// Those of them that a format can hold.
fn without(refused: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
    values().into_iter().filter(|(_, value)| !refused(value)).collect()
}

fn controls(value: &str) -> bool {
    value.chars().any(|c| c.is_ascii_control() && !matches!(c, '\n' | '\r' | '\t' | '\x7f'))
}

/// The stores and secrets of a configuration, with a folder of fields for each.
fn stored(place: &Place, secrets: &[(&str, &BTreeMap<String, String>)]) -> String {
    let mut rest = format!("stores: {{ s: {{ file: {{ path: {} }} }} }}\nsecrets:\n", place.path("store").display());
    for (name, fields) in secrets {
        let folder = place.path("store").join(name);
        fs::create_dir_all(&folder).unwrap();
        for (field, value) in *fields {
            fs::write(folder.join(field), value).unwrap();
        }
        rest += &format!("  {name}: \"s:{name}\"\n");
    }
    rest
}

/// Gives the agent a store of folders of fields, and has it write files.
fn written(secrets: &[(&str, &BTreeMap<String, String>)], files: &str) -> Place {
    let place = Place::new();
    let rest = stored(&place, secrets);
    let ran = place.run("once", &(rest + "files:\n" + files), &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    place
}

/// The same where some of the files cannot be written: gives their names too.
fn written_as_far_as_it_can_be(fields: &BTreeMap<String, String>, files: &str) -> (Place, BTreeSet<String>) {
    let (mut refused, mut left) = (BTreeSet::new(), files.to_owned());
    loop {
        let place = Place::new();
        let ran = place.run("once", &(stored(&place, &[("a", fields)]) + "files:\n" + &left), &[]);
        if ran.code == 0 {
            return (place, refused);
        }
        let mut named: BTreeSet<String> = ran
            .err
            .lines()
            .filter_map(|line| line.split_once("cannot make ")?.1.split_once(": the value of"))
            .map(|(name, _)| name.to_owned())
            .collect();
        assert!(!named.is_empty(), "{}", ran.err);
        left = left
            .lines()
            .filter(|line| !named.iter().any(|name| line.starts_with(&format!("  {name}: "))))
            .fold(String::new(), |all, line| all + line + "\n");
        refused.append(&mut named);
    }
}

fn at(place: &Place, name: &str) -> String {
    place.volume().join(name).display().to_string()
}

#[test]
fn yaml_toml_and_json_say_what_the_values_were() {
    let all = values();
    let files =
        "  y: { format: yaml, secret: a }\n  t: { format: toml, secret: a }\n  j: { format: json, secret: a }\n";
    let place = written(&[("a", &all)], files);
    assert_eq!(python(&["yaml", &at(&place, "y")]), json!(all));
    assert_eq!(python(&["toml", &at(&place, "t")]), json!(all));
    // JSON is YAML too, but for what Python's reader of YAML 1.1 makes of it.
    assert_eq!(serde_json::from_str::<Value>(&place.read("j").unwrap()).unwrap(), json!(all));
}

#[test]
fn numbers_truths_and_what_is_nested_keep_their_types() {
    let vault = e2e::servers::vault::Vault::start().unwrap();
    let place = Place::new();
    let nested = json!({"a": [1, "1", -2.5, true, {"k\"\n": "v: #"}, [], {}], "10": "ten"});
    let value = json!({"port": 5432, "share": 0.25, "large": 1e30, "small": 2e-7, "on": true, "text": "5432", "nested": nested});
    vault.put("types", &value);
    let rest = format!(
        "stores: {{ v: {{ vault: {{ address: \"{}\", auth: {{ token_file: {} }} }} }} }}\n\
         secrets: {{ a: \"v:secret/types\" }}\nfiles:\n  y: {{ format: yaml, secret: a }}\n  t: {{ format: toml, secret: a }}\n",
        vault.address(),
        place.file("token", vault.root()).display()
    );
    let ran = place.run("once", &rest, &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(python(&["yaml", &at(&place, "y")]), value);
    assert_eq!(python(&["toml", &at(&place, "t")]), value);
}

#[test]
fn java_reads_properties() {
    let mut all = values();
    for key in ["a b", "#c", "d:e=f", "grüße 🔑", "\\"] {
        all.insert(key.to_owned(), key.to_owned());
    }
    let place = written(&[("a", &all)], "  p: { format: properties, secret: a }\n");
    let read: BTreeMap<String, String> =
        java(&["properties", &at(&place, "p")]).into_iter().map(|(name, value)| (name, plain(&value))).collect();
    assert_eq!(read, all);
}

#[test]
fn shells_read_what_is_exported() {
    let all = values();
    let place = written(&[("a", &all)], "  e: { format: shell, secret: a }\n");
    for shell in ["sh", "bash"] {
        let print: String = all.keys().map(|name| format!("printenv {name}; printf '\\036';")).collect();
        let out = tool(Command::new(shell).args(["-c", &format!(". {}; {print}", at(&place, "e"))]));
        let read: Vec<&str> = out.split_terminator("\n\u{1e}").collect();
        assert_eq!(read, all.values().collect::<Vec<_>>(), "{shell}");
    }
}

#[test]
fn shells_and_python_read_dotenv() {
    // A file for each value, since what cannot be written is an error: the rest must be read alike by all.
    let all = values();
    let files: String = all
        .keys()
        .map(|name| format!("  {name}: {{ format: dotenv, values: {{ {name}: \"a#{name}\", AFTER: \"a#V01\" }} }}\n"))
        .collect();
    let (place, refused) = written_as_far_as_it_can_be(&all, &files);
    for (name, value) in &all {
        // What readers take differently, or expand.
        let odd =
            value.contains(['\0', '\r']) || value.contains("${A}") || value.contains("\\\\") || value.ends_with('\\');
        let both = value.contains('\'') && value.contains(['"', '\\', '$', '`', '\n', '!']);
        assert_eq!(refused.contains(name), odd || both, "{value:?}");
        if refused.contains(name) {
            continue;
        }
        let file = at(&place, name);
        let expected = format!("{value}\u{1e}plain\u{1e}");
        for shell in ["sh", "bash"] {
            let script = format!("set -a; . {file}; printenv {name}; printf '\\036'; printenv AFTER; printf '\\036'");
            assert_eq!(
                tool(Command::new(shell).args(["-c", &script])).replace("\n\u{1e}", "\u{1e}"),
                expected,
                "{shell}"
            );
        }
        assert_eq!(python(&["dotenv", &file]), json!({ name.as_str(): value, "AFTER": "plain" }), "{value:?}");
    }
    assert!(refused.len() < all.len() / 3, "{refused:?}");
}

#[test]
fn xml_documents_include_entities() {
    let all = without(controls);
    let place = written(&[("a", &all)], "  e.ent: { format: xml, secret: a }\n");
    let names = all.keys().cloned().collect::<Vec<_>>().join(",");
    let expat = python(&["xml", &at(&place, "e.ent"), &names]);
    let java = java(&["xml", &at(&place, "e.ent"), &names]);
    for (name, value) in &all {
        assert_eq!(expat[name], json!([value, value]), "{name}");
        for place in ["attribute", "content"] {
            assert_eq!(&plain(&java[&format!("{name} {place}")]), value, "{name} {place}");
        }
    }
}

#[test]
fn libpq_finds_the_password() {
    // A user's name cannot be empty; neither holds a line break.
    let all = without(|value| value.is_empty() || value.contains(['\n', '\r']));
    let files: String = all
        .keys()
        .map(|name| {
            format!(
                "  {name}: {{ format: pgpass, values: {{ user: \"a#{name}\", password: \"a#{name}\", database: \"a#V04\" }}, \
                 with: {{ host: db.example.com }} }}\n"
            )
        })
        .collect();
    let place = written(&[("a", &all)], &files);
    for (name, value) in &all {
        let read = python(&["pgpass", &at(&place, name), "db.example.com", value, &all["V04"]]);
        assert_eq!(read["password"], json!(value), "{name}: {read}");
    }
    let other = python(&["pgpass", &at(&place, "V01"), "other.example.com", "plain", &all["V04"]]);
    assert_eq!(other["password"], Value::Null, "{other}");
}

#[test]
fn mysql_reads_options() {
    let all = values();
    let options: String = all.keys().map(|name| format!(", opt-{name}: \"a#{name}\"")).collect();
    let files = format!(
        "  c: {{ format: my.cnf, values: {{ password: \"a#V01\"{options} }} }}\n  \
         d: {{ format: my.cnf, values: {{ password: \"a#V02\" }}, with: {{ section: mysqldump, host: db.example.com }} }}\n"
    );
    let place = written(&[("a", &all)], &files);
    // MySQL's own `my_print_defaults` hides passwords unless it is told `--show`; MariaDB's knows no such option.
    let read = |file: &str, section: &str| {
        tool(Command::new("my_print_defaults").arg(format!("--defaults-file={}", at(&place, file))).arg(section))
    };
    let expected: String = all.iter().map(|(name, value)| format!("--opt-{name}={value}\n")).collect();
    assert_eq!(read("c", "client"), expected + "--password=plain\n");
    assert_eq!(read("d", "mysqldump"), "--host=db.example.com\n--password=it's\n");
    assert_eq!(read("d", "client"), "");
}

#[test]
fn python_and_curl_read_netrc() {
    let refused = |value: &str| {
        value.is_empty()
            || value.starts_with(['#', '\''])
            || value.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\\'))
    };
    let all = without(refused);
    let files: String = all
        .keys()
        .map(|name| {
            format!("  {name}: {{ format: netrc, values: {{ login: \"a#V01\", password: \"a#{name}\" }}, with: {{ host: db.example.com }} }}\n")
        })
        .collect();
    let place = written(&[("a", &all)], &files);
    for (name, value) in &all {
        let read = python(&["netrc", &at(&place, name), "db.example.com"]);
        assert_eq!(read, json!({"python": ["plain", value], "curl": format!("plain:{value}")}), "{name}");
    }
    assert!(all.len() > 20, "{all:?}");
}

#[test]
fn urls_are_taken_apart() {
    let all = values();
    let files: String = all
        .keys()
        .map(|name| {
            format!(
                "  {name}: {{ format: url, values: {{ user: \"a#{name}\", password: \"a#{name}\", database: \"a#{name}\" }}, \
                 with: {{ scheme: postgres, host: db.example.com, port: 5432, query: \"sslmode=require&x=a b\" }} }}\n"
            )
        })
        .collect();
    let place = written(&[("a", &all)], &files);
    for (name, value) in &all {
        let read = python(&["url", &at(&place, name)]);
        let query = json!([["sslmode", "require"], ["x", "a b"]]);
        let expected = json!({"scheme": "postgres", "host": "db.example.com", "port": 5432, "query": query, "user": value,
                              "password": value, "path": format!("/{value}")});
        assert_eq!(read, expected, "{name}");
    }
}

#[test]
fn what_a_format_cannot_hold_is_said_by_name_and_not_by_value() {
    let place = Place::new();
    fs::create_dir_all(place.path("store/a")).unwrap();
    fs::write(place.path("store/a/password"), "correct horse").unwrap();
    let rest = format!(
        "stores: {{ s: {{ file: {{ path: {} }} }} }}\nsecrets: {{ a: \"s:a\" }}\n\
         files:\n  n: {{ format: netrc, secret: a, with: {{ host: db.example.com, user: web }} }}\n",
        place.path("store").display()
    );
    let ran = place.run("once", &rest, &[]);
    assert_ne!(ran.code, 0);
    assert!(ran.err.contains("`password` cannot be written as netrc") && !ran.err.contains("horse"), "{}", ran.err);
    let ran = place.run("check", &rest, &[]);
    assert!(ran.out.contains("n: netrc, all fields of a, host db.example.com, user web"), "{}{}", ran.out, ran.err);
}
