//! Renders templates that ask for more while they are rendered, and keeps what they have asked for.

use std::collections::{BTreeMap, BTreeSet};

use oakum_inject::config::{FileName, Found, SecretSpec, TemplateSpec};
use oakum_inject::reference::Name;
use oakum_inject::{Class, Fields, ProviderError, Secret, format};

use crate::machine::Questions;
use crate::machine::plan::Needs;
use crate::surroundings::Surroundings;

/// How often in a row a template may ask for more: how long a chain of secrets may be of which each tells where the next is.
const MAX_ROUNDS: u32 = 32;

/// What templates have asked for so far.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    pub(crate) found: Found,
    files: BTreeMap<FileName, Rounds>,
}

/// What the template of a file has asked for the last time, and how often in a row it has asked for more.
#[derive(Debug, Default)]
struct Rounds {
    asked: BTreeSet<Name>,
    grown: u32,
}

impl Asking {
    /// Makes a file of what is at hand, and notes what its template asks for. There are no bytes where it asks for more.
    pub(crate) fn render(
        &mut self,
        file: &FileName,
        template: &TemplateSpec,
        secrets: &BTreeMap<Name, SecretSpec>,
        staged: &BTreeMap<Name, Fields>,
        told: &mut Questions,
    ) -> Result<Option<Secret>, ProviderError> {
        let further = template.further.as_ref().ok_or_else(|| misconfigured("the template asks for nothing more"))?;
        let named = |call: &_| self.found.name(secrets, further, call);
        let rendering = format::render_further(template, staged, &named, &Surroundings)?;
        let mut needs = BTreeMap::new();
        for call in rendering.asked.iter().filter(|call| !template.calls.contains_key(*call)) {
            // What is wrong with it may not be told, since it may come out of a secret.
            let name = self
                .found
                .take_in(secrets, further, call)
                .map_err(|_| misconfigured("a path that its template has found is none"))?;
            if let Some(spec) = secrets.get(&name).or_else(|| self.found.get(&name)) {
                needs.insert(name, Needs::of(spec));
            }
        }
        let rounds = self.files.entry(file.clone()).or_default();
        let grows = needs.keys().any(|name| !rounds.asked.contains(name));
        if rendering.content.is_none() && grows && rounds.grown >= MAX_ROUNDS {
            self.release(&needs);
            return Err(misconfigured(&format!("its template asks for more each time, {MAX_ROUNDS} times by now"))
                .hint(
                    "a path that holds the time, or a chain of secrets that does not end, is asked for without end",
                ));
        }
        rounds.asked = needs.keys().cloned().collect();
        rounds.grown = if rendering.content.is_some() { 0 } else { rounds.grown + u32::from(grows) };
        let lacking = needs.keys().filter(|name| !staged.contains_key(*name)).map(Name::to_string).collect::<Vec<_>>();
        told.grows |= rendering.content.is_none() && grows;
        told.files.insert(file.clone(), needs);
        match rendering.content {
            None if !grows => Err(ProviderError::new(
                Class::Missing,
                format!("its template asks for what cannot be had: {}", lacking.join(", ")),
            )),
            content => Ok(content),
        }
    }

    /// Forgets what was noted of files that are others now.
    pub(crate) fn forget(&mut self, files: &BTreeSet<FileName>) {
        self.files.retain(|name, _| !files.contains(name));
    }

    /// Lets go of what nobody has been told of.
    fn release(&mut self, needs: &BTreeMap<Name, Needs>) {
        let known: BTreeSet<&Name> = self.files.values().flat_map(|rounds| &rounds.asked).collect();
        let unknown: Vec<&Name> = needs.keys().filter(|name| !known.contains(name)).collect();
        unknown.into_iter().for_each(|name| self.found.remove(name));
    }
}

fn misconfigured(what: &str) -> ProviderError {
    ProviderError::new(Class::Misconfigured, what)
}
