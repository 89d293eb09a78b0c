//! An image's configuration and its other documents: the little that layers are told apart by, and every text in them
//! as a content of its own, under a name that holds no value.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::base::Said;
use super::digest::{Digest, is_digest};
use crate::lint::{Flaw, of_config};

/// What a configuration says of its layers.
#[derive(Debug, Default)]
pub(in crate::source) struct Config {
    /// `os/architecture`, and the variant if there is one.
    pub(in crate::source) platform: String,
    /// The digests of the unfolded layers.
    pub(super) diff_ids: Vec<Option<Digest>>,
    /// The entries of the history that made a layer: their places and instructions.
    pub(super) history: Vec<(usize, String)>,
    /// The entries of the history that say what is run: an image ends with one.
    pub(super) commands: Vec<usize>,
    /// The image that it is built on, as its labels have it.
    pub(in crate::source) base: Said,
    /// What is wrong with it besides, with the field.
    pub(super) flaws: Vec<(Flaw, String)>,
}

impl Config {
    /// Reads it. What is missing or of another kind than it should be is as if it were not there.
    pub(in crate::source) fn parse(json: &[u8]) -> Option<Self> {
        let config: Value = serde_json::from_slice(json).ok()?;
        let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let diff_ids = list(config.get("rootfs").and_then(|r| r.get("diff_ids")));
        let history = list(config.get("history"));
        let makes_layer = |entry: &Value| entry.get("empty_layer").and_then(Value::as_bool) != Some(true);
        let runs = |entry: &Value| {
            let by = text(entry, "created_by");
            let by = by.strip_prefix("/bin/sh -c #(nop)").unwrap_or(&by).trim_start();
            !makes_layer(entry) && (by.starts_with("CMD ") || by.starts_with("ENTRYPOINT "))
        };
        Some(Self {
            flaws: of_config(&config),
            base: config.get("config").and_then(|run| run.get("Labels")).map(Said::of).unwrap_or_default(),
            commands: history.iter().enumerate().filter(|(_, entry)| runs(entry)).map(|(at, _)| at).collect(),
            platform: platform(&config),
            diff_ids: diff_ids.iter().map(|d| d.as_str().and_then(Digest::parse)).collect(),
            history: history
                .iter()
                .enumerate()
                .filter(|(_, entry)| makes_layer(entry))
                .map(|(at, entry)| (at, text(entry, "created_by")))
                .collect(),
        })
    }
}

/// `os/architecture` and the variant, from a configuration or a descriptor's platform; empty if it does not say.
pub(in crate::source) fn platform(value: &Value) -> String {
    let part = |key| value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (part("os"), part("architecture"), part("variant")) {
        (None, None, _) => String::new(),
        (os, architecture, variant) => {
            let mut platform = format!("{}/{}", os.unwrap_or("unknown"), architecture.unwrap_or("unknown"));
            if let Some(variant) = variant {
                platform.push('/');
                platform.push_str(variant);
            }
            platform
        }
    }
}

/// Which document the fields are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Document {
    /// A configuration: `Env[3] DB_PASSWORD`, `history[7]`.
    Config,
    /// A manifest: `annotations["x"]`, and all else under `manifest`.
    Manifest,
    /// An index: all under `index`.
    Index,
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "config",
            Self::Manifest => "manifest",
            Self::Index => "index",
        })
    }
}

/// Gives every text of a JSON document with the name of its field. Both of two members of one name are given.
///
/// # Errors
/// Where it is no JSON; what came before has been given.
pub(super) fn fields(
    json: &[u8],
    document: Document,
    emit: &mut dyn FnMut(String, String),
) -> Result<(), serde_json::Error> {
    let mut give = |path: &[Step], text: String| {
        if !text.is_empty() && !is_digest(&text) {
            let (name, content) = field(document, path, text);
            emit(name, content);
        }
    };
    let mut path = Vec::new();
    let mut input = serde_json::Deserializer::from_slice(json);
    let alone = Walk { path: &mut path, give: &mut give }.deserialize(&mut input)?;
    if let Some(text) = alone {
        give(&[], text);
    }
    input.end()
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    At(usize),
}

/// Lists of words that make one command line.
const COMMANDS: [&str; 4] = ["Cmd", "Entrypoint", "Shell", "Test"];
/// Maps whose keys are the author's own.
const MAPS: [&str; 4] = ["Labels", "labels", "annotations", "Annotations"];
/// The longest key that a name shows.
const MOST_KEY: usize = 128;

/// The name of a field and what is scanned of it: with the name before the value where there is one, since a rule may
/// ask for it.
fn field(document: Document, path: &[Step], text: String) -> (String, String) {
    use Step::{At, Key};
    let is = |step: &Step, name: &str| matches!(step, Key(key) if key == name);
    match path {
        [.., list, At(n)] if is(list, "Env") => {
            let shown = match text.split_once('=') {
                Some((name, _)) if name.len() <= MOST_KEY => format!("[{n}] {name}"),
                _ => format!("[{n}]"),
            };
            (name(document, &path[..path.len() - 1]) + &shown, text)
        }
        [list, At(_), by] if is(list, "history") && is(by, "created_by") => (name(document, &path[..2]), text),
        [.., check, test] if is(check, "Healthcheck") && is(test, "Test") => {
            (name(document, &path[..path.len() - 1]), text)
        }
        [.., Key(key)] if !COMMANDS.contains(&key.as_str()) => (name(document, path), format!("{key}={text}")),
        _ => (name(document, path), text),
    }
}

fn name(document: Document, path: &[Step]) -> String {
    let is = |step: Option<&Step>, name: &str| matches!(step, Some(Step::Key(key)) if key == name);
    let mut out = String::new();
    let path = match document {
        Document::Config if path.len() > 1 && is(path.first(), "config") => &path[1..],
        Document::Manifest if !is(path.first(), "annotations") => {
            out.push_str("manifest");
            path
        }
        Document::Index => {
            out.push_str("index");
            path
        }
        _ => path,
    };
    let mut quoted = false;
    for step in path {
        match step {
            Step::At(n) => out.push_str(&format!("[{n}]")),
            Step::Key(key) if key.len() > MOST_KEY => out.push_str("[\"…\"]"),
            Step::Key(key) => {
                let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                if quoted || !plain || key.is_empty() {
                    out.push_str(&format!("[{key:?}]"));
                } else {
                    if !out.is_empty() {
                        out.push('.');
                    }
                    out.push_str(key);
                }
            }
        }
        quoted = matches!(step, Step::Key(key) if MAPS.contains(&key.as_str()));
    }
    out
}

type Give<'g> = dyn FnMut(&[Step], String) + 'g;

/// Walks a value. A text is given back, so that a command's words can be put together again.
struct Walk<'w, 'g> {
    path: &'w mut Vec<Step>,
    give: &'w mut Give<'g>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Self::Value, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let command = matches!(self.path.last(), Some(Step::Key(key)) if COMMANDS.contains(&key.as_str()));
        let mut words = Vec::new();
        self.path.push(Step::At(0));
        while let Some(item) = list.next_element_seed(Walk { path: self.path, give: self.give })? {
            match item {
                Some(word) if command => words.push(word),
                Some(text) => (self.give)(self.path, text),
                None => {}
            }
            if let Some(Step::At(n)) = self.path.last_mut() {
                *n += 1;
            }
        }
        self.path.pop();
        Ok(command.then(|| words.join(" ")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            self.path.push(Step::Key(key));
            if let Some(text) = map.next_value_seed(Walk { path: self.path, give: self.give })? {
                (self.give)(self.path, text);
            }
            self.path.pop();
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(json: &str, document: Document) -> Vec<(String, String)> {
        let mut all = Vec::new();
        fields(json.as_bytes(), document, &mut |field, content| all.push((field, content))).unwrap();
        all
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn each_field_has_a_name_without_its_value() {
        let json = r#"{"author": "me", "config": {"Env": ["PATH=/bin", "DB_PASSWORD=Walnut", "bare"], "Cmd": ["sh", "-c", "x"],
            "Labels": {"a.b": "1", "plain": "2"}, "OnBuild": ["RUN x"], "Healthcheck": {"Test": ["CMD", "curl"]},
            "User": "u", "Volumes": {"/data": {}}, "Odd": {"deep key": [["y"]]}},
            "history": [{"created_by": "|1 A=b /bin/sh -c make", "comment": "c", "empty_layer": true}],
            "container_config": {"Env": ["X=y"]}}"#;
        let expected = [
            ("author", "author=me"),
            ("Env[0] PATH", "PATH=/bin"),
            ("Env[1] DB_PASSWORD", "DB_PASSWORD=Walnut"),
            ("Env[2]", "bare"),
            ("Cmd", "sh -c x"),
            ("Labels[\"a.b\"]", "a.b=1"),
            ("Labels[\"plain\"]", "plain=2"),
            ("OnBuild[0]", "RUN x"),
            ("Healthcheck", "CMD curl"),
            ("User", "User=u"),
            ("Odd[\"deep key\"][0][0]", "y"),
            ("history[0]", "|1 A=b /bin/sh -c make"),
            ("history[0].comment", "comment=c"),
            ("container_config.Env[0] X", "X=y"),
        ];
        assert_eq!(all(json, Document::Config), pairs(&expected));
    }

    #[test]
    fn members_of_one_name_are_all_given() {
        assert_eq!(all(r#"{"a": "1", "a": "2"}"#, Document::Config), pairs(&[("a", "a=1"), ("a", "a=2")]));
    }

    #[test]
    fn manifests_and_indexes_are_told_apart() {
        let json = r#"{"mediaType": "m", "annotations": {"x": "y"}, "layers": [{"annotations": {"t": "u"}}]}"#;
        let expected = [
            ("manifest.mediaType", "mediaType=m"),
            ("annotations[\"x\"]", "x=y"),
            ("manifest.layers[0].annotations[\"t\"]", "t=u"),
        ];
        assert_eq!(all(json, Document::Manifest), pairs(&expected));
        assert_eq!(
            all(r#"{"annotations": {"x": "y"}}"#, Document::Index),
            pairs(&[("index.annotations[\"x\"]", "x=y")])
        );
    }

    #[test]
    fn a_config_of_the_wrong_shape_is_read_as_far_as_it_goes() {
        let config = Config::parse(
            br#"{"os": 7, "architecture": "arm64", "variant": "v8", "rootfs": {"diff_ids": ["sha256:aa", 1]},
            "history": [{"empty_layer": true}, {"created_by": "COPY"}, 3]}"#,
        )
        .unwrap();
        assert_eq!(config.platform, "unknown/arm64/v8");
        assert_eq!(config.diff_ids, [Digest::parse("sha256:aa"), None]);
        assert_eq!(config.history, [(1, "COPY".to_owned()), (2, String::new())]);
        assert!(Config::parse(b"{").is_none());
        assert!(Config::parse(b"[]").is_some());
    }
}
