//! Takes a map of the document apart key by key, so that a key nobody asked for is found.

use super::ConfigError;
use crate::reference::shorten;
use crate::yaml::{Key, Kind, Node};

/// Something wrong at a line, before it is known which file it is in.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) what: String,
    pub(crate) hint: Option<String>,
}

pub(crate) type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    pub(crate) fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn parts(self) -> (usize, String, Option<String>) {
        (self.line, self.what, self.hint)
    }

    pub(crate) fn at(self, source: &str) -> ConfigError {
        ConfigError { source_name: source.to_owned(), line: Some(self.line), what: self.what, hint: self.hint }
    }
}

/// A map with the names of its keys, as far as they have been asked for.
pub(crate) struct Map<'a> {
    what: String,
    line: usize,
    entries: &'a [(Key, Node)],
    asked: Vec<&'static str>,
    later: Vec<(&'static str, &'static str)>,
}

impl<'a> Map<'a> {
    /// Opens a node that must be a map; `what` names it in messages.
    pub(crate) fn open(node: &'a Node, what: impl Into<String>) -> Result<Self> {
        let what = what.into();
        match &node.kind {
            Kind::Map(entries) => Ok(Self { what, line: node.line, entries, asked: Vec::new(), later: Vec::new() }),
            _ => Err(Fault::new(node.line, format!("{what} must be a map, and is {}", node.kind_name()))),
        }
    }

    pub(crate) fn line(&self) -> usize {
        self.line
    }

    /// Finds a key that need not be there.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        self.entries.iter().find(|(name, _)| name.text == key).map(|(_, node)| node)
    }

    /// Finds a key that must be there.
    pub(crate) fn need(&mut self, key: &'static str) -> Result<&'a Node> {
        if let Some(node) = self.get(key) {
            return Ok(node);
        }
        // A mistyped key is said as such, rather than that the right one is missing.
        let mistyped = |(name, _): &&(Key, Node)| closest(&name.text, &[key]).is_some();
        Err(match self.entries.iter().find(mistyped) {
            Some((name, _)) => self.unknown(name).hint(format!("did you mean `{key}`?")),
            None => Fault::new(self.line, format!("{} lacks `{key}`", self.what)),
        })
    }

    fn unknown(&self, key: &Key) -> Fault {
        Fault::new(key.line, format!("{} has no key `{}`", self.what, shorten(&key.text)))
    }

    /// Names a key that a later version will know, with what to do until then.
    pub(crate) fn later(&mut self, key: &'static str, hint: &'static str) {
        self.later.push((key, hint));
    }

    /// Refuses every key that nobody asked for.
    pub(crate) fn finish(self) -> Result<()> {
        for (key, _) in self.entries {
            if self.asked.contains(&key.text.as_str()) {
                continue;
            }
            if let Some((name, hint)) = self.later.iter().find(|(name, _)| *name == key.text) {
                let name = if *name == "template" { "templates are".to_owned() } else { format!("`{name}` is") };
                return Err(Fault::new(key.line, format!("{name} not supported yet, in {}", self.what)).hint(*hint));
            }
            let fault = self.unknown(key);
            return Err(match closest(&key.text, &self.asked) {
                Some(near) => fault.hint(format!("did you mean `{near}`?")),
                None => fault.hint(format!("the keys are {}", list(&self.asked))),
            });
        }
        Ok(())
    }
}

/// Lists names for a message.
pub(crate) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Goes through a map whose keys are names of the user's own.
pub(crate) fn entries<'a>(node: &'a Node, what: &str) -> Result<&'a [(Key, Node)]> {
    match &node.kind {
        Kind::Map(entries) => Ok(entries),
        _ => Err(Fault::new(node.line, format!("`{what}` must be a map, and is {}", node.kind_name()))),
    }
}

/// Reads a scalar that must be there.
pub(crate) fn text<'a>(node: &'a Node, what: &str) -> Result<&'a str> {
    match &node.kind {
        Kind::Scalar { text, .. } if !node.is_null() && !text.is_empty() => Ok(text),
        Kind::Scalar { .. } => Err(Fault::new(node.line, format!("`{what}` is empty"))),
        _ => Err(Fault::new(node.line, format!("`{what}` must be a value, and is {}", node.kind_name()))),
    }
}

/// Takes a list apart.
pub(crate) fn items<'a>(node: &'a Node, what: &str) -> Result<&'a [Node]> {
    match &node.kind {
        Kind::List(items) => Ok(items),
        _ => Err(Fault::new(node.line, format!("`{what}` must be a list, and is {}", node.kind_name()))),
    }
}

/// Reads a scalar by a parser of its own.
pub(crate) fn parse<T>(
    node: &Node,
    what: &str,
    parser: impl FnOnce(&str) -> std::result::Result<T, String>,
) -> Result<T> {
    parser(text(node, what)?).map_err(|why| Fault::new(node.line, why))
}

/// Reads `true` or `false`.
pub(crate) fn flag(node: &Node, what: &str) -> Result<bool> {
    parse(node, what, |text| match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("`{what}` must be true or false")),
    })
}

/// Finds the name that a mistyped one was meant to be: at most a third of its letters differ.
pub(crate) fn closest<'n>(typed: &str, names: &[&'n str]) -> Option<&'n str> {
    let typed: String = typed.chars().take(60).collect();
    names
        .iter()
        .map(|name| (distance(&typed, name), *name))
        .filter(|(far, name)| *far <= 1.max(name.len() / 3))
        .min()
        .map(|(_, name)| name)
}

/// Counts the edits between two short texts (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
