//! Any template: it is refused with a line and a reason, or rendered within its limits.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use oakum_inject::config::Content;
use oakum_inject::template::Outside;
use oakum_inject::{Injection, Secret, format};
use oakum_providers::vault::kv;

/// A machine with nothing on it.
struct Nowhere;

impl Outside for Nowhere {
    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, _: &str) -> Result<Secret, String> {
        Err("there are no files".to_owned())
    }

    fn sha256(&self, _: &[u8]) -> [u8; 32] {
        [7; 32]
    }

    fn sha1(&self, _: &[u8]) -> [u8; 20] {
        [7; 20]
    }

    fn sha512(&self, _: &[u8]) -> [u8; 64] {
        [7; 64]
    }

    fn hmac_sha256(&self, _: &[u8], _: &[u8]) -> [u8; 32] {
        [7; 32]
    }

    fn now(&self) -> (i64, u32) {
        (1_700_000_000, 5)
    }
}

const BODY: &str = r#"{"data": {"text": "a\"<é>\n", "number": 12, "float": 0.5, "yes": true, "nothing": null,
    "list": ["a", 1, ["b"]], "map": {"k": {"l": "m"}, "with-dash": "x"}}}"#;

fuzz_target!(|text: &str| {
    let config = serde_json::json!({
        "apiVersion": "oakum.dev/v1", "kind": "Injection",
        "stores": { "s": { "file": { "path": "/s" } } }, "secrets": { "db": "s:db" },
        "files": { "f": { "template": text, "error_on_missing_key": false }, "used": { "format": "json", "secret": "db" } },
    });
    let Ok(injection) = Injection::parse_among(&config.to_string(), "c", &|name| Nowhere.env(name)) else { return };
    let (fields, _) = kv::v1(BODY.as_bytes()).expect("it is an answer");
    let secrets = BTreeMap::from([(injection.secrets.keys().next().expect("it has one").clone(), fields)]);
    for file in injection.files.values() {
        let _ = match &file.content {
            Content::Template(template) if template.further.is_some() => {
                format::render_further(template, &secrets, &|_| None, &Nowhere).map(|_| ())
            }
            content => format::render(content, &secrets, &Nowhere).map(|_| ()),
        };
    }
});
