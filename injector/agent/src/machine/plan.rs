//! What the machine has to keep: the configuration without anything that does not bear on time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use oakum_inject::Injection;
use oakum_inject::config::{EnvSource, FileName, OnStale, SecretSpec, Store, Tell};
use oakum_inject::reference::Name;

/// What the agent was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Fetch, publish, keep fresh until told to stop.
    Run,
    /// Fetch, publish, exit.
    Once,
    /// The same around a child process.
    Exec,
    /// Fetch, publish, and become the app, with its environment.
    HandOver,
}

impl Mode {
    /// Whether nothing is kept fresh.
    pub(crate) fn is_once(self) -> bool {
        matches!(self, Self::Once | Self::HandOver)
    }

    /// Whether there is an app that gets an environment from us, and all that we can do to ourselves.
    pub(crate) fn has_app(self) -> bool {
        matches!(self, Self::Exec | Self::HandOver)
    }
}

/// What bears on time of one secret.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Needs {
    pub(crate) store: Name,
    /// How often it is looked at.
    pub(crate) refresh: Duration,
    /// How old it may become.
    pub(crate) max_stale: Option<Duration>,
    /// What happens then.
    pub(crate) on_stale: OnStale,
}

impl Needs {
    pub(crate) fn of(secret: &SecretSpec) -> Self {
        Self {
            store: secret.from.store.clone(),
            refresh: secret.refresh,
            max_stale: secret.max_stale,
            on_stale: secret.on_stale,
        }
    }
}

/// What is fetched for what.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) mode: Mode,
    /// When `once` and `exec` give up if not all is there.
    pub(crate) deadline: Duration,
    /// How long a previous generation stays readable.
    pub(crate) grace: Duration,
    /// What is to be known of each secret.
    pub(crate) secrets: BTreeMap<Name, Needs>,
    /// The secrets that each file is made of.
    pub(crate) files: BTreeMap<FileName, BTreeSet<Name>>,
    /// The files that are made of no secret.
    pub(crate) bare: Vec<FileName>,
    /// The files whose templates ask for more while they are rendered, and the secrets that each is made of in any case.
    pub(crate) further: BTreeMap<FileName, BTreeSet<Name>>,
    /// The files that each secret goes into.
    goes_into: BTreeMap<Name, Vec<FileName>>,
    /// The stores whose token is written for others, and has to outlive `once`.
    pub(crate) lent: BTreeSet<Name>,
    /// The secrets that go into the environment.
    pub(crate) env: BTreeSet<Name>,
    /// Who is told of changes, in the order of the configuration.
    pub(crate) hooks: Vec<HookPlan>,
}

/// What bears on time of one hook.
#[derive(Debug, Clone)]
pub(crate) struct HookPlan {
    /// The files that matter; all if none are named.
    pub(crate) files: BTreeSet<FileName>,
    pub(crate) debounce: Duration,
    /// Whether it is the child that is started again.
    pub(crate) restarts: bool,
    /// Whether the first files count as a change too.
    pub(crate) at_start: bool,
}

impl Plan {
    /// Takes from a configuration what a mode needs: only `exec` fills an environment.
    pub(crate) fn of(injection: &Injection, mode: Mode, deadline: Duration) -> Self {
        let files: BTreeMap<FileName, BTreeSet<Name>> = injection
            .files
            .iter()
            .map(|(name, file)| (name.clone(), file.secrets().into_iter().cloned().collect()))
            .collect();
        let env: BTreeSet<Name> = if mode.has_app() {
            injection.env.values().flat_map(EnvSource::secrets).cloned().collect()
        } else {
            BTreeSet::new()
        };
        // An app that has not begun reads nothing of the generation before.
        let grace = if mode == Mode::HandOver { Duration::ZERO } else { injection.volume.grace };
        let mut goes_into: BTreeMap<Name, Vec<FileName>> = BTreeMap::new();
        for (file, made_of) in &files {
            made_of.iter().for_each(|secret| goes_into.entry(secret.clone()).or_default().push(file.clone()));
        }
        let secrets = injection
            .secrets
            .iter()
            .filter(|(name, _)| env.contains(*name) || goes_into.contains_key(*name))
            .map(|(name, secret)| (name.clone(), Needs::of(secret)))
            .collect();
        let is_lent = |store: &Store| matches!(store, Store::Vault(vault) if !vault.write_token.is_empty());
        let lent = injection.stores.iter().filter(|(_, store)| is_lent(store)).map(|(name, _)| name.clone()).collect();
        let hooks = injection.on_change.iter().map(|hook| HookPlan {
            files: hook.files.clone(),
            debounce: hook.debounce,
            restarts: matches!(hook.tell, Tell::Restart(_)),
            at_start: hook.at_start,
        });
        let further = injection.files.iter().filter(|(_, file)| file.further().is_some());
        let further = further.filter_map(|(name, _)| Some((name.clone(), files.get(name)?.clone()))).collect();
        let bare = files.iter().filter(|(_, made_of)| made_of.is_empty()).map(|(name, _)| name.clone()).collect();
        Self { mode, deadline, grace, secrets, files, bare, further, lent, goes_into, env, hooks: hooks.collect() }
    }

    /// A file whose template asks for more while it is rendered has asked for these, and for no others. Gives the secrets
    /// that nothing is made of any more.
    pub(crate) fn depend(&mut self, file: &FileName, asked: BTreeMap<Name, Needs>) -> Vec<Name> {
        let (Some(always), Some(made_of)) = (self.further.get(file), self.files.get_mut(file)) else {
            return Vec::new();
        };
        let now: BTreeSet<Name> = always.iter().chain(asked.keys()).cloned().collect();
        let before = std::mem::replace(made_of, now.clone());
        for (name, needs) in asked {
            self.secrets.entry(name).or_insert(needs);
        }
        for name in now.difference(&before) {
            self.goes_into.entry(name.clone()).or_default().push(file.clone());
        }
        self.bare.retain(|name| name != file);
        if now.is_empty() {
            self.bare.push(file.clone());
        }
        let mut gone = Vec::new();
        for name in before.difference(&now) {
            let Some(files) = self.goes_into.get_mut(name) else { continue };
            files.retain(|one| one != file);
            if files.is_empty() && !self.env.contains(name) {
                self.goes_into.remove(name);
                self.secrets.remove(name);
                gone.push(name.clone());
            }
        }
        gone
    }

    /// Takes over what files have asked for that another configuration leaves as they are.
    pub(crate) fn go_on_from(&mut self, before: &Self, changed: &BTreeSet<FileName>) {
        let same: Vec<FileName> = self.further.keys().filter(|file| !changed.contains(*file)).cloned().collect();
        for file in same {
            let (Some(always), Some(made_of)) = (before.further.get(&file), before.files.get(&file)) else { continue };
            let asked =
                made_of.difference(always).filter_map(|name| Some((name.clone(), before.secrets.get(name)?.clone())));
            let asked = asked.collect();
            self.depend(&file, asked);
        }
    }

    /// Lists the stores that a session is opened with.
    pub(crate) fn stores(&self) -> BTreeSet<Name> {
        self.secrets.values().map(|needs| &needs.store).chain(&self.lent).cloned().collect()
    }

    /// Lists the files that a secret goes into.
    pub(crate) fn files_of(&self, secret: &Name) -> impl Iterator<Item = &FileName> {
        self.goes_into.get(secret).into_iter().flatten()
    }
}
