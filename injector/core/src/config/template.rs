//! Files that a template makes, and the secrets that it asks for by their paths.
//!
//! `{{ .db.password }}` is a field of a secret of this configuration. `{{ with secret "secret/data/web" }}` asks for a
//! path as Vault Agent's templates do; such a secret is fetched like any other, under a name of ours. Those whose paths
//! are found only while the template is rendered are in [`super::found`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::found::{Further, Pace, asked_for, names};
use super::map::{Fault, Map, Result, flag, items, list, parse, text};
use super::{SecretSpec, Store};
use crate::reference::Name;
use crate::template::{MissingKey, SecretCall, Template, Variables};
use crate::yaml::Node;

/// Why a variable cannot have a template of which it is not known beforehand what it asks for.
pub(crate) const UNKNOWN: &str =
    "the path of a secret in the template of a variable is not known before it is rendered";
/// The way out.
pub(crate) const UNKNOWN_HINT: &str =
    "write it as a string, or put together of strings and variables, or make a file of it";

/// A template in a configuration.
#[derive(Debug, Clone)]
pub struct TemplateSpec {
    /// Its text.
    pub text: String,
    /// What it is parted by, where that is not `{{` and `}}`.
    pub delimiters: Option<(String, String)>,
    /// What becomes of a key that is not there.
    pub missing: MissingKey,
    /// The store that `secret` asks, where it is named.
    pub store: Option<Name>,
    /// What was read of it.
    pub parsed: Arc<Template>,
    /// The secrets that it asks for by their paths.
    pub calls: BTreeMap<SecretCall, Name>,
    /// The secrets of the configuration that it may use.
    pub uses: BTreeSet<Name>,
    /// How those are had that it asks for while it is rendered, if it does.
    pub further: Option<Further>,
}

impl TemplateSpec {
    /// Lists the secrets that it may use.
    pub(super) fn secrets(&self) -> Vec<&Name> {
        self.uses.iter().chain(self.calls.values()).collect()
    }
}

impl PartialEq for TemplateSpec {
    fn eq(&self, other: &Self) -> bool {
        // The rest follows from these.
        (&self.text, &self.delimiters, self.missing, &self.store, &self.calls, &self.further)
            == (&other.text, &other.delimiters, other.missing, &other.store, &other.calls, &other.further)
    }
}

impl Eq for TemplateSpec {}

/// The secrets that templates ask for by their paths, each once.
pub(crate) struct Implied<'s> {
    stores: &'s BTreeMap<Name, Store>,
    variables: Option<Variables<'s>>,
    named: BTreeMap<(Name, SecretCall), Name>,
    pub(crate) secrets: BTreeMap<Name, SecretSpec>,
}

impl<'s> Implied<'s> {
    pub(crate) fn new(stores: &'s BTreeMap<Name, Store>, variables: Option<Variables<'s>>) -> Self {
        Self { stores, variables, named: BTreeMap::new(), secrets: BTreeMap::new() }
    }

    /// Gives the store that a template asks: the one that it names, or the only Vault.
    fn store(&self, named: Option<&Name>, line: usize) -> Result<Name> {
        let vaults: Vec<&Name> =
            self.stores.iter().filter(|(_, store)| matches!(store, Store::Vault(_))).map(|(name, _)| name).collect();
        let names: Vec<&str> = vaults.iter().map(|name| name.as_str()).collect();
        match (named, vaults.as_slice()) {
            (Some(name), _) if names.contains(&name.as_str()) => Ok(name.clone()),
            (Some(name), _) => Err(Fault::new(line, format!("there is no Vault store `{name}`"))
                .hint(format!("the Vault stores are {}", list(&names)))),
            (None, [one]) => Ok((*one).clone()),
            (None, []) => Err(Fault::new(line, "`secret` asks a Vault store, and there is none")),
            (None, _) => Err(Fault::new(line, "`secret` may ask more than one Vault store")
                .hint("say which one with `store` beside the template")),
        }
    }

    fn name(&mut self, store: &Name, call: &SecretCall, line: usize) -> Result<Name> {
        if let Some(name) = self.named.get(&(store.clone(), call.clone())) {
            return Ok(name.clone());
        }
        let wrong = |what: String| Fault::new(line, what);
        let spec = asked_for(store, call).map_err(wrong)?;
        let name = names(store, call)
            .find(|name| !self.secrets.contains_key(name))
            .expect("there are more names than secrets");
        self.secrets.insert(name.clone(), spec);
        self.named.insert((store.clone(), call.clone()), name.clone());
        Ok(name)
    }

    /// Reads `template` and what belongs to it.
    pub(super) fn decode(
        &mut self,
        node: &Node,
        map: &mut Map<'_>,
        secrets: &BTreeMap<Name, SecretSpec>,
    ) -> Result<TemplateSpec> {
        let content = text(node, "template")?.to_owned();
        let delimiters = match map.get("delimiters") {
            Some(node) => match items(node, "delimiters")? {
                [left, right] => Some((text(left, "delimiters")?.to_owned(), text(right, "delimiters")?.to_owned())),
                _ => return Err(Fault::new(node.line, "`delimiters` must be two: [\"<<\", \">>\"]")),
            },
            None => None,
        };
        let missing = match map.get("error_on_missing_key") {
            Some(node) if !flag(node, "error_on_missing_key")? => MissingKey::NoValue,
            _ => MissingKey::Error,
        };
        let store = map.get("store").map(|node| parse(node, "store", Name::parse)).transpose()?;
        let template = self.template(node.line, content, delimiters, missing, store, secrets)?;
        if !template.parsed.writes().is_empty() && !template.parsed.takes_written() {
            return Err(Fault::new(node.line, "`writeToFile` writes what is not under `files`")
                .hint("declare a file of its own: certificates and keys appear together all the same"));
        }
        Ok(template)
    }

    /// Reads a template from wherever it stands.
    pub(crate) fn template(
        &mut self,
        line: usize,
        content: String,
        delimiters: Option<(String, String)>,
        missing: MissingKey,
        store: Option<Name>,
        secrets: &BTreeMap<Name, SecretSpec>,
    ) -> Result<TemplateSpec> {
        let both = delimiters.as_ref().map(|(left, right)| (left.as_str(), right.as_str()));
        let parsed = Template::parse_among(&content, both, self.variables).map_err(|error| {
            let fault = Fault::new(line, error.to_string());
            match error.hint {
                Some(hint) => fault.hint(hint),
                None => fault,
            }
        })?;
        let mut calls = BTreeMap::new();
        for call in parsed.secrets() {
            let asked = self.store(store.as_ref(), line)?;
            calls.insert(call.clone(), self.name(&asked, call, line)?);
        }
        let further = match parsed.asks_further() {
            true => Some(Further { store: self.store(store.as_ref(), line)?, pace: Pace::default() }),
            false => None,
        };
        let mentions = parsed.mentions();
        let uses = secrets.keys().filter(|name| mentions.contains(name.as_str())).cloned().collect();
        Ok(TemplateSpec { text: content, delimiters, missing, store, parsed: Arc::new(parsed), calls, uses, further })
    }
}
