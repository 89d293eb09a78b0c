//! Round trips through each format's reader.

use super::*;
use crate::config::Source;
use proptest::prelude::*;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn secrets(fields: &[(&str, &str)]) -> BTreeMap<Name, Fields> {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Field::Text(Secret::from((*value).to_owned()))))
        .collect();
    BTreeMap::from([(name("s"), fields)])
}

fn made(content: &Content, secrets: &BTreeMap<Name, Fields>) -> Result<String, RenderError> {
    render(content, secrets, &Nowhere).map(|file| file.expose_str().unwrap().to_owned())
}

/// All fields of the secret in a format.
fn of(format: Format) -> Content {
    Content::Fields { format, source: Source::Secret(name("s")), with: BTreeMap::new() }
}

/// Reads what we write as a POSIX shell would (2.2.2 and 2.2.3), for the few forms that we write.
fn read_as_shell(text: &str) -> Vec<(String, String)> {
    let mut rest = text;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=').unwrap();
        let quote = value.chars().next().unwrap();
        let (value, after) = value[1..].split_once(quote).unwrap();
        assert!(quote == '\'' || !value.contains(['$', '`', '\\', '"', '!']));
        all.push((name.to_owned(), value.to_owned()));
        rest = after.strip_prefix('\n').unwrap();
    }
    all
}

/// Reads as the npm package `dotenv` does: `\r\n?` become `\n` first; a single-quoted value ends at the first quote that
/// has no backslash before it; double quotes turn `\n` into a line break.
fn read_as_node(text: &str) -> Vec<(String, String)> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut rest = text.as_str();
    let mut all = Vec::new();
    while let Some((name, value)) = rest.split_once('=') {
        let quote = value.chars().next().unwrap();
        let body = &value[1..];
        let end = body.char_indices().find(|(at, c)| *c == quote && !body[..*at].ends_with('\\')).unwrap().0;
        let value = &body[..end];
        all.push((
            name.to_owned(),
            if quote == '"' { value.replace("\\n", "\n").replace("\\r", "\r") } else { value.to_owned() },
        ));
        rest = &body[end + 2..];
    }
    all
}

/// Reads as `python-dotenv` does: in single quotes `\\` and `\'` are escapes, and variables are put in.
fn read_as_python(text: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some((name, value)) = rest.split_once('=') {
        let quote = value.chars().next().unwrap();
        let (mut out, mut end, mut chars) = (String::new(), 0, value.char_indices().skip(1).peekable());
        while let Some((at, c)) = chars.next() {
            if c == quote {
                end = at + 1;
                break;
            }
            match chars.peek() {
                Some((_, next)) if c == '\\' && (*next == '\\' || *next == quote) => out.push(chars.next().unwrap().1),
                _ => out.push(c),
            }
        }
        if let Some((before, behind)) = out.split_once("${")
            && let Some((_, behind)) = behind.split_once('}')
        {
            out = format!("{before}{behind}");
        }
        all.push((name.to_owned(), out));
        rest = value[end..].strip_prefix('\n').unwrap();
    }
    all
}

#[test]
fn raw_is_the_value_and_nothing_else() {
    let content = Content::Raw(ValueRef::parse("s#b").unwrap());
    assert_eq!(made(&content, &secrets(&[("a", "1"), ("b", "2\n")])).unwrap(), "2\n");
}

#[test]
fn one_field_needs_no_name_and_several_do() {
    let content = Content::Raw(ValueRef::parse("s").unwrap());
    assert_eq!(made(&content, &secrets(&[("a", "1")])).unwrap(), "1");
    let error = made(&content, &secrets(&[("a", "1"), ("b", "2")])).unwrap_err();
    assert_eq!(error.hint().unwrap(), "its fields are a, b");
}

#[test]
fn a_missing_field_is_an_error_that_names_the_fields_and_no_value() {
    let content = Content::Raw(ValueRef::parse("s#pasword").unwrap());
    let error = made(&content, &secrets(&[("password", "xyzzy")])).unwrap_err();
    let shown = format!("{error} {:?} {error:?}", error.hint());
    assert!(shown.contains("pasword") && shown.contains("password") && !shown.contains("xyzzy"), "{shown}");
}

#[test]
fn json_keeps_what_was_not_text() {
    let fields: Fields = [
        ("n".to_owned(), Field::Json(Secret::from("1.0".to_owned()))),
        ("t".to_owned(), Field::Text(Secret::from("1.0".to_owned()))),
    ]
    .into_iter()
    .collect();
    let secrets = BTreeMap::from([(name("s"), fields)]);
    assert_eq!(made(&of(Format::Json), &secrets).unwrap(), "{\n  \"n\": 1.0,\n  \"t\": \"1.0\"\n}\n");
}

#[test]
fn dotenv_refuses_what_readers_take_differently() {
    for value in ["a\0", "a\r", "\\", "a\\\\b", "it's $5", "'\"", "'\n", "'`", "'!", "a${B}c", "${", "it's ${B}"] {
        // What does not end is no variable.
        let is_refused = value != "${";
        assert_eq!(
            is_refused,
            matches!(made(&of(Format::Dotenv), &secrets(&[("A", value)])), Err(RenderError::Inexpressible { .. })),
            "{value:?}"
        );
    }
    assert_eq!(
        made(&of(Format::Dotenv), &secrets(&[("A", "it's"), ("B", "a b#c=$d\\n\n\"")])).unwrap(),
        "A=\"it's\"\nB='a b#c=$d\\n\n\"'\n"
    );
    assert!(made(&of(Format::Dotenv), &secrets(&[("a-b", "x")])).unwrap_err().to_string().contains("name"));
}

#[test]
fn what_is_not_utf8_can_only_be_raw() {
    let fields: Fields = [("A".to_owned(), Field::Text(Secret::from(vec![0xff, 0xfe])))].into_iter().collect();
    let secrets = BTreeMap::from([(name("s"), fields)]);
    assert!(render(&of(Format::Json), &secrets, &Nowhere).is_err());
    assert!(render(&of(Format::Dotenv), &secrets, &Nowhere).is_err());
    assert_eq!(
        render(&Content::Raw(ValueRef::parse("s#A").unwrap()), &secrets, &Nowhere).unwrap().expose(),
        [0xff, 0xfe]
    );
}

proptest! {
    #[test]
    fn json_is_read_back(fields in proptest::collection::btree_map(".{0,20}", ".{0,40}", 0..6)) {
        let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let text = made(&of(Format::Json), &secrets(&pairs)).unwrap();
        let back: BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(back, fields);
    }

    #[test]
    fn dotenv_is_read_back_by_every_reader(values in proptest::collection::vec("([ -~\n]|é){0,24}", 1..5)) {
        let names: Vec<String> = (0..values.len()).map(|n| format!("V{n}")).collect();
        let pairs: Vec<(&str, &str)> = names.iter().zip(&values).map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if let Ok(text) = made(&of(Format::Dotenv), &secrets(&pairs)) {
            let expected: Vec<(String, String)> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            prop_assert_eq!(read_as_shell(&text), expected.clone());
            prop_assert_eq!(read_as_node(&text), expected.clone());
            prop_assert_eq!(read_as_python(&text), expected);
        }
    }

    #[test]
    fn most_passwords_can_be_written(value in "[ -&(-\\[\\]-~]{0,40}") {
        // All of printable ASCII but the single quote and the backslash, and what looks like a variable.
        prop_assume!(!value.contains("${"));
        prop_assert!(made(&of(Format::Dotenv), &secrets(&[("A", &value)])).is_ok());
    }
}

/// Nothing lies around.
struct Nowhere;

impl Outside for Nowhere {
    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, _: &str) -> Result<Secret, String> {
        Err("there are no files".to_owned())
    }

    fn sha256(&self, _: &[u8]) -> [u8; 32] {
        [0; 32]
    }

    fn sha1(&self, _: &[u8]) -> [u8; 20] {
        [0x1a; 20]
    }

    fn sha512(&self, _: &[u8]) -> [u8; 64] {
        [0x5b; 64]
    }

    fn hmac_sha256(&self, _: &[u8], _: &[u8]) -> [u8; 32] {
        [0; 32]
    }

    fn now(&self) -> (i64, u32) {
        (0, 0)
    }
}

#[test]
fn a_template_sees_the_secrets_that_it_names_and_the_answers_that_it_asks_for() {
    let text = "
apiVersion: oakum.dev/v1
kind: Injection
stores: { vault: { vault: { address: https://vault.example.com, auth: { token_file: /t } } } }
secrets: { db: 'vault:db', my-app: 'vault:app' }
files:
  a: { template: '{{ .db.word }} {{ (index . \"my-app\").n }} {{ with secret \"kv/data/x\" }}{{ .Data.data.k }}{{ end }}' }
  b: { template: '<< .db.no >>', delimiters: ['<<', '>>'], error_on_missing_key: false }
  c: { template: '{{ .db.no }}' }
"
    .replace("\\\"", "\"");
    let injection = crate::Injection::parse(&text, "c").unwrap();
    let file = |name: &str| &injection.files[&crate::config::FileName::parse(name).unwrap()];
    let names: Vec<&str> = file("a").secrets().iter().map(|name| name.as_str()).collect();
    let path = injection.secrets.keys().find(|name| name.as_str().starts_with("path.")).unwrap().clone();
    assert_eq!(names, ["db", "my-app", path.as_str()]);
    let spec = &injection.secrets[&path];
    assert!(spec.manner == crate::provider::Manner::Whole && spec.from.to_string() == "vault:kv/data/x");
    let field = |name: &str, json: &str| (name.to_owned(), Field::Json(Secret::from(json.to_owned())));
    let secrets: BTreeMap<Name, Fields> = [
        ("db", field("word", "\"w\"")),
        ("my-app", field("n", "1.0")),
        (path.as_str(), field("", "{\"Data\":{\"data\":{\"k\":\"v\"}}}")),
    ]
    .into_iter()
    .map(|(name, field)| (Name::parse(name).unwrap(), [field].into_iter().collect()))
    .collect();
    assert_eq!(text_of(&file("a").content, &secrets).unwrap(), "w 1.0 v");
    assert_eq!(text_of(&file("b").content, &secrets).unwrap(), "<no value>");
    let error = text_of(&file("c").content, &secrets).unwrap_err();
    assert_eq!(error.to_string(), "line 1 of the template: there is no key `no`");
    assert_eq!(error.hint().unwrap(), "the keys are word");
}

fn text_of(content: &Content, secrets: &BTreeMap<Name, Fields>) -> Result<String, RenderError> {
    render(content, secrets, &Nowhere).map(|file| file.expose_str().unwrap().to_owned())
}

#[test]
fn an_error_names_the_field_and_never_the_value() {
    for (format, fields, what) in [
        (Format::Toml, vec![("a", "null")], "`a` cannot be written as toml: TOML has no null"),
        (Format::Toml, vec![("a", "[1, {\"b\": 99999999999999999999}]")], "more than 64 bits"),
        (Format::Netrc, vec![("host", "\"h\""), ("user", "\"u\""), ("password", "\"x yzzy\"")], "white space"),
        (Format::Pgpass, vec![("host", "\"h\""), ("user", "\"u\""), ("password", "\"x\\nyzzy\"")], "line break"),
        (Format::Pgpass, vec![("host", "\"h\""), ("user", "\"u\"")], "pgpass needs `password`"),
        (Format::Pgpass, vec![("host", "[1]"), ("user", "1"), ("password", "1")], "`host` cannot"),
        (Format::Url, vec![("host", "\"a@xyzzy\""), ("scheme", "\"x\"")], "`host` cannot"),
        (Format::Url, vec![("host", "\"h\""), ("scheme", "\"x\""), ("port", "99999")], "`port` cannot"),
        (Format::Xml, vec![("a", "\"xyzzy\\u0000\"")], "control character"),
        (Format::Xml, vec![("a b", "1")], "`a b` cannot be written as xml: its name"),
        (Format::MyCnf, vec![("password", "\"p\""), ("section", "\"xyzzy]\"")], "no name of a section"),
        (Format::Pem, vec![("certificate", "\"xyzzy\"")], "not PEM"),
        (Format::Pem, vec![("certificate", "\"-----BEGIN CERTIFICATE-----\\\\nxyzzy\"")], "a backslash and an n"),
        (
            Format::Pem,
            vec![("key", "\"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\"")],
            "one private",
        ),
        (Format::Pem, vec![], "pem needs"),
        (Format::Pkcs12, vec![("key", "\"x\"")], "pkcs12 needs `certificate`"),
    ] {
        let fields: Fields = fields
            .into_iter()
            .map(|(name, json)| {
                let text = serde_json::from_str::<String>(json);
                let field = match text {
                    Ok(text) => Field::Text(Secret::from(text)),
                    Err(_) => Field::Json(Secret::from(json.to_owned())),
                };
                (name.to_owned(), field)
            })
            .collect();
        let error = made(&of(format), &BTreeMap::from([(name("s"), fields)])).unwrap_err();
        let shown = format!("{error} {:?} {error:?}", error.hint());
        assert!(shown.contains(what) && !shown.contains("yzzy"), "{shown}");
    }
}

#[test]
fn a_whole_secret_gives_a_format_the_parts_that_it_has_places_for() {
    let fields =
        secrets(&[("engine", "x"), ("username", "u"), ("user", "first"), ("password", "p"), ("host", "other")]);
    let content = |format| Content::Fields {
        format,
        source: Source::Secret(name("s")),
        with: BTreeMap::from([("host".to_owned(), "db.example.com".to_owned())]),
    };
    assert_eq!(made(&content(Format::Pgpass), &fields).unwrap(), "db.example.com:*:*:first:p\n");
    let options = "[client]\nhost = \"db.example.com\"\npassword = \"p\"\nuser = \"first\"\n";
    assert_eq!(made(&content(Format::MyCnf), &fields).unwrap(), options);
    let words = "machine db.example.com\nlogin first\npassword p\n";
    assert_eq!(made(&content(Format::Netrc), &fields).unwrap(), words);
}

#[test]
fn a_url_is_encoded_by_part() {
    for (fields, url) in [
        (vec![("user", "a/b"), ("password", "p:@?#% é")], "pg://a%2Fb:p%3A%40%3F%23%25%20%C3%A9@h"),
        (vec![("password", "p"), ("port", "6379"), ("path", "0")], "pg://:p@h:6379/0"),
        (vec![("database", "a/b?"), ("query", "x=1&y=a b")], "pg://h/a%2Fb%3F?x=1&y=a%20b"),
        (vec![("path", "/a/b c")], "pg://h/a/b%20c"),
        (vec![("host", "::1"), ("port", "1")], "pg://[::1]:1"),
        (vec![("host", "a.example.com:1,b.example.com:2")], "pg://a.example.com:1,b.example.com:2"),
    ] {
        let all: BTreeMap<&str, &str> = [("scheme", "pg"), ("host", "h")].into_iter().chain(fields).collect();
        let all: Vec<(&str, &str)> = all.into_iter().collect();
        assert_eq!(made(&of(Format::Url), &secrets(&all)).unwrap(), url);
    }
}

/// Reads as `java.util.Properties.load` says; the real one reads in `tests/tests/formats.rs`.
fn read_as_java(text: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for line in text.lines() {
        let (mut units, mut key, mut chars) = (Vec::new(), None, line.chars().peekable());
        assert!(!line.starts_with([' ', '\t', '\u{c}', '#', '!']) && line.is_ascii());
        while let Some(c) = chars.next() {
            match c {
                '\\' => match chars.next().unwrap() {
                    'n' => units.push(10),
                    'r' => units.push(13),
                    't' => units.push(9),
                    'f' => units.push(12),
                    'u' => {
                        let hex: String = chars.by_ref().take(4).collect();
                        units.push(u16::from_str_radix(&hex, 16).unwrap());
                    }
                    other => units.push(other as u16),
                },
                '=' if key.is_none() => {
                    key = Some(String::from_utf16(&std::mem::take(&mut units)).unwrap());
                    assert!(!matches!(chars.peek(), Some(' ' | '\t' | '\u{c}')));
                }
                other => units.push(other as u16),
            }
        }
        all.insert(key.unwrap(), String::from_utf16(&units).unwrap());
    }
    all
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Any text, and often what some format or other has a meaning for.
fn a_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[\\x00-\\x7f]{0,24}",
        ".{0,24}",
        "(\\PC|[\\n\\r\\t'\"\\\\$`#%&<>=:! ]|\\]\\]>){0,24}",
        " *[a-z]{0,300} *"
    ]
}

proptest! {
    #[test]
    fn properties_are_read_back(fields in proptest::collection::btree_map(a_text(), a_text(), 0..4)) {
        let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        prop_assert_eq!(read_as_java(&made(&of(Format::Properties), &secrets(&pairs)).unwrap()), fields);
    }

    #[test]
    fn shell_is_read_back(value in a_text()) {
        match made(&of(Format::Shell), &secrets(&[("A", &value)])) {
            Ok(text) => {
                let quoted = text.strip_prefix("export A='").unwrap().strip_suffix("'\n").unwrap();
                prop_assert!(!quoted.replace("'\\''", "").contains('\''));
                prop_assert_eq!(quoted.replace("'\\''", "'"), value);
            }
            Err(_) => prop_assert!(value.contains('\0')),
        }
    }

    #[test]
    fn pgpass_is_read_back(user in a_text(), password in a_text()) {
        let made = made(&of(Format::Pgpass), &secrets(&[("host", "h"), ("user", &user), ("password", &password)]));
        let Ok(text) = made else {
            let breaks = [&user, &password].iter().any(|text| text.contains(['\0', '\n', '\r']));
            prop_assert!(user.is_empty() || breaks);
            return Ok(());
        };
        let (mut fields, mut chars) = (vec![String::new()], text.strip_suffix('\n').unwrap().chars());
        while let Some(c) = chars.next() {
            match c {
                ':' => fields.push(String::new()),
                '\\' => fields.last_mut().unwrap().push(chars.next().unwrap()),
                other => fields.last_mut().unwrap().push(other),
            }
        }
        prop_assert_eq!(fields, ["h", "*", "*", user.as_str(), password.as_str()]);
    }

    #[test]
    fn url_is_read_back(user in a_text(), password in a_text(), database in a_text()) {
        let all = [("scheme", "x"), ("host", "h"), ("user", &user), ("password", &password), ("database", &database)];
        let text = made(&of(Format::Url), &secrets(&all)).unwrap();
        let rest = text.strip_prefix("x://").unwrap();
        let (account, rest) = rest.split_once('@').unwrap();
        let (name, word) = account.split_once(':').unwrap();
        prop_assert_eq!(decoded(name), user);
        prop_assert_eq!(decoded(word), password);
        prop_assert_eq!(decoded(rest.strip_prefix("h/").unwrap()), database);
    }

    #[test]
    fn no_format_panics(fields in proptest::collection::btree_map("(host|user|password|scheme|key|certificate|port|.{0,9})", a_text(), 0..6)) {
        let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        for format in Format::ALL {
            let _ = made(&of(*format), &secrets(&pairs));
        }
    }
}
