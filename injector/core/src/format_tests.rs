//! Round trips through each format's reader.

use super::*;
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

fn all() -> Source {
    Source::Secret(name("s"))
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

/// Reads as `python-dotenv` does: in single quotes `\\` and `\'` are escapes.
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
    assert_eq!(made(&Content::Json(all()), &secrets).unwrap(), "{\n  \"n\": 1.0,\n  \"t\": \"1.0\"\n}\n");
}

#[test]
fn dotenv_refuses_what_readers_take_differently() {
    for value in ["a\0", "a\r", "\\", "a\\\\b", "it's $5", "'\"", "'\n", "'`", "'!"] {
        assert!(
            matches!(made(&Content::Dotenv(all()), &secrets(&[("A", value)])), Err(RenderError::Inexpressible { .. })),
            "{value:?}"
        );
    }
    assert_eq!(
        made(&Content::Dotenv(all()), &secrets(&[("A", "it's"), ("B", "a b#c=$d\\n\n\"")])).unwrap(),
        "A=\"it's\"\nB='a b#c=$d\\n\n\"'\n"
    );
    assert!(made(&Content::Dotenv(all()), &secrets(&[("a-b", "x")])).unwrap_err().to_string().contains("name"));
}

#[test]
fn what_is_not_utf8_can_only_be_raw() {
    let fields: Fields = [("A".to_owned(), Field::Text(Secret::from(vec![0xff, 0xfe])))].into_iter().collect();
    let secrets = BTreeMap::from([(name("s"), fields)]);
    assert!(render(&Content::Json(all()), &secrets, &Nowhere).is_err());
    assert!(render(&Content::Dotenv(all()), &secrets, &Nowhere).is_err());
    assert_eq!(
        render(&Content::Raw(ValueRef::parse("s#A").unwrap()), &secrets, &Nowhere).unwrap().expose(),
        [0xff, 0xfe]
    );
}

proptest! {
    #[test]
    fn json_is_read_back(fields in proptest::collection::btree_map(".{0,20}", ".{0,40}", 0..6)) {
        let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let text = made(&Content::Json(all()), &secrets(&pairs)).unwrap();
        let back: BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(back, fields);
    }

    #[test]
    fn dotenv_is_read_back_by_every_reader(values in proptest::collection::vec("([ -~\n]|é){0,24}", 1..5)) {
        let names: Vec<String> = (0..values.len()).map(|n| format!("V{n}")).collect();
        let pairs: Vec<(&str, &str)> = names.iter().zip(&values).map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if let Ok(text) = made(&Content::Dotenv(all()), &secrets(&pairs)) {
            let expected: Vec<(String, String)> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            prop_assert_eq!(read_as_shell(&text), expected.clone());
            prop_assert_eq!(read_as_node(&text), expected.clone());
            prop_assert_eq!(read_as_python(&text), expected);
        }
    }

    #[test]
    fn most_passwords_can_be_written(value in "[ -&(-\\[\\]-~]{0,40}") {
        // All of printable ASCII but the single quote and the backslash.
        prop_assert!(made(&Content::Dotenv(all()), &secrets(&[("A", &value)])).is_ok());
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
    assert_eq!(names, ["db", "my-app", "path.1"]);
    let spec = &injection.secrets["path.1"];
    assert!(spec.whole && spec.from.to_string() == "vault:kv/data/x");
    let field = |name: &str, json: &str| (name.to_owned(), Field::Json(Secret::from(json.to_owned())));
    let secrets: BTreeMap<Name, Fields> = [
        ("db", field("word", "\"w\"")),
        ("my-app", field("n", "1.0")),
        ("path.1", field("", "{\"Data\":{\"data\":{\"k\":\"v\"}}}")),
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
