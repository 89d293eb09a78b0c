//! What is published and when: the files that can be made, all at once; what is forgotten when it has been delivered; and
//! when the files before are wiped.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use oakum_inject::config::FileName;
use oakum_inject::reference::Name;
use oakum_inject::{ProviderError, Version};

use super::hooks::Restart;
use super::plan::Mode;
use super::session::StoreState;
use super::{Action, Agent, Demand, Files, Moment, Outcome, Phase, Replaced, VolumeFault, backoff};

/// Of what part of its time a volume may be busy with being replaced: a tenth.
const SHARE: u32 = 10;
/// How long a change waits for others at most.
const MOST_GATHERED: Duration = Duration::from_secs(5);

/// What a file was last made of.
#[derive(Debug, Default)]
pub(super) struct FileState {
    /// Whether it is there. One that is made of no secret has nothing else to tell.
    pub(super) made: bool,
    pub(super) made_of: BTreeMap<Name, Version>,
    /// What it could not be made of: not tried again until something changes.
    pub(super) failed: Option<(BTreeMap<Name, Version>, ProviderError)>,
    /// Whether it was taken away, since what it is made of is too old.
    pub(super) withdrawn: bool,
}

#[derive(Debug, Default)]
pub(super) struct Publishing {
    /// What is being published now, and of which versions.
    pub(super) now: Option<BTreeMap<FileName, BTreeMap<Name, Version>>>,
    /// What is being taken away with it.
    pub(super) withdrawing: BTreeSet<FileName>,
    pub(super) failures: u32,
    pub(super) not_before: Moment,
    pub(super) fault: Option<VolumeFault>,
    pub(super) generations: u64,
    /// When the last one began.
    pub(super) began: Moment,
    /// Whether something is ready that has to wait.
    pub(super) waits: bool,
    /// When to wipe what came before.
    pub(super) sweep: Option<Moment>,
    /// Whether a file is there that the configuration does not have any more.
    pub(super) removed: bool,
}

impl Agent {
    /// Finds the files that can be made and are not what they would become.
    pub(super) fn makeable(&mut self) -> BTreeMap<FileName, BTreeMap<Name, Version>> {
        // A file whose secrets are all at hand has one that is, or none at all.
        let some: BTreeSet<&FileName> =
            self.secrets.staged().iter().flat_map(|secret| self.plan.files_of(secret)).chain(&self.plan.bare).collect();
        some.into_iter()
            .filter_map(|name| Some((name, self.at_hand(name)?)))
            .filter(|(name, versions)| {
                self.files.get(name).is_some_and(|file| {
                    (!file.made || file.made_of != *versions)
                        && file.failed.as_ref().is_none_or(|(failed, _)| failed != versions)
                })
            })
            .map(|(name, versions)| (name.clone(), versions))
            .collect()
    }

    /// The versions of the secrets that a file is made of; none while one is not at hand, unless its template may not ask
    /// for that one any more.
    fn at_hand(&self, file: &FileName) -> Option<BTreeMap<Name, Version>> {
        let always = self.plan.further.get(file);
        let mut versions = BTreeMap::new();
        for name in self.plan.files.get(file)? {
            let secret = self.secrets.get(name)?;
            match secret.staged {
                Some(version) => drop(versions.insert(name.clone(), version)),
                None if always.is_some_and(|always| !always.contains(name)) && secret.is_denied() => {}
                None => return None,
            }
        }
        Some(versions)
    }

    pub(super) fn publish(&mut self, now: Moment, actions: &mut Vec<Action>) {
        self.publishing.waits = false;
        if self.publishing.now.is_some() {
            return;
        }
        let beginning = self.phase == Phase::Beginning;
        if beginning && !self.secrets.all_tried() {
            return;
        }
        if self.publishing.not_before > now {
            let lost = self.secrets.lost().len();
            self.publishing.waits = self.publishing.removed || lost > 0 || !self.secrets.staged().is_empty();
            return;
        }
        let all = beginning && self.plan.mode != Mode::Run;
        if all && !self.secrets.values().all(|secret| secret.staged.is_some()) {
            return;
        }
        // A token that is written for others is there once its login is. Files do not wait for it where they need not.
        if beginning && (all || self.plan.files.is_empty()) && !self.lent_are_open() {
            return;
        }
        let files = self.makeable();
        let withdrawn = self.withdrawn();
        let changed = withdrawn.iter().any(|name| self.files.get(name).is_some_and(|file| !file.withdrawn));
        // Then there are variables to be filled, or a token that others take from its file.
        let nothing_to_make = beginning && self.plan.files.is_empty() && (all || !self.plan.lent.is_empty());
        if files.is_empty() && !(changed || self.publishing.removed || nothing_to_make) {
            return;
        }
        let demand = if all { Demand::All } else { Demand::WhatCanBe };
        let names = files.keys().cloned().collect();
        actions.push(Action::Publish { files: names, withdrawn: withdrawn.clone(), demand });
        self.publishing.withdrawing = withdrawn;
        self.publishing.now = Some(files);
        self.publishing.began = now;
    }

    fn lent_are_open(&self) -> bool {
        self.plan.lent.iter().all(|name| self.stores.get(name).is_some_and(StoreState::is_open))
    }

    pub(super) fn published(
        &mut self,
        now: Moment,
        failed: &BTreeMap<FileName, ProviderError>,
        replaced: Replaced,
        actions: &mut Vec<Action>,
    ) {
        let Some(files) = self.publishing.now.take() else { return };
        // A volume of thousands of files takes a while to be replaced: what changes meanwhile comes together.
        let took = now.saturating_sub(self.publishing.began);
        self.publishing.not_before = now + (took * (SHARE - 1)).min(MOST_GATHERED);
        self.withdrew();
        self.publishing.removed = false;
        self.publishing.failures = 0;
        self.publishing.fault = None;
        if self.phase == Phase::Beginning
            && self.plan.mode != Mode::Run
            && let Some(error) = failed.values().next()
        {
            let outcome = Outcome::Failed(error.clone());
            return self.finish(now, outcome, Files::Kept, actions);
        }
        if failed.len() < files.len() {
            self.publishing.generations += 1;
        }
        for (name, versions) in files {
            let Some(file) = self.files.get_mut(&name) else { continue };
            match failed.get(&name) {
                Some(error) => file.failed = Some((versions, error.clone())),
                None => *file = FileState { made: true, made_of: versions, failed: None, withdrawn: false },
            }
        }
        if replaced == Replaced::Generation {
            self.publishing.sweep = Some(now + self.plan.grace);
        }
        match (&self.phase, self.plan.mode) {
            (Phase::Beginning, Mode::Exec) => {
                self.phase = Phase::Starting;
                self.forget_delivered(actions);
                actions.push(Action::Spawn);
                return;
            }
            (Phase::Beginning, Mode::Once | Mode::HandOver) => {
                self.phase = Phase::Steady;
                self.forget_delivered(actions);
                // What is left to do is to tell of it and to wipe the generation before, and nothing is looked at again
                // meanwhile.
                self.secrets.each().for_each(|secret| secret.due = None);
                return;
            }
            (Phase::Beginning, Mode::Run) => self.phase = Phase::Steady,
            _ => {}
        }
        self.forget_delivered(actions);
    }

    /// Forgets every value that has gone wherever it belongs.
    pub(super) fn forget_delivered(&mut self, actions: &mut Vec<Action>) {
        for name in self.secrets.staged().clone() {
            let Some(version) = self.secrets.get(&name).and_then(|secret| secret.staged) else { continue };
            let in_files = self.plan.files_of(&name).all(|file| {
                self.files.get(file).is_some_and(|file| {
                    let made = file.made_of.get(&name) == Some(&version);
                    made || file.failed.as_ref().is_some_and(|(failed, _)| failed.get(&name) == Some(&version))
                })
            });
            let in_env = !self.plan.env.contains(&name) || (self.phase == Phase::Steady && self.restart == Restart::No);
            if in_files
                && in_env
                && let Some(secret) = self.secrets.of(&name)
            {
                secret.staged = None;
                secret.delivered = Some(version);
                actions.push(Action::Forget(name));
            }
        }
    }

    pub(super) fn not_published(&mut self, now: Moment, fault: VolumeFault, actions: &mut Vec<Action>) {
        self.publishing.now = None;
        if self.phase == Phase::Beginning && self.plan.mode != Mode::Run {
            return self.finish(now, Outcome::BadVolume(fault), Files::Kept, actions);
        }
        self.publishing.failures += 1;
        self.publishing.not_before = now + backoff::after_failure(self.publishing.failures, None, self.chance.draw());
        self.publishing.fault = Some(fault);
    }

    pub(super) fn started(&mut self, actions: &mut Vec<Action>) {
        self.phase = Phase::Steady;
        self.forget_delivered(actions);
        if !self.follows_env() {
            self.leave_env();
        }
    }

    /// An environment cannot be changed from outside: what goes there only is not looked at again.
    pub(super) fn leave_env(&mut self) {
        for name in &self.plan.env {
            if self.plan.files_of(name).next().is_none()
                && let Some(secret) = self.secrets.of(name)
            {
                secret.due = None;
            }
        }
    }

    pub(super) fn sweep(&mut self, now: Moment, actions: &mut Vec<Action>) {
        if self.publishing.sweep.is_none_or(|due| due > now) {
            return;
        }
        self.publishing.sweep = None;
        actions.push(Action::Sweep);
    }

    /// Ends where nothing is kept fresh, once all is done.
    pub(super) fn finish_once(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let done = self.plan.mode.is_once() && self.phase == Phase::Steady;
        if done && self.publishing.now.is_none() && self.publishing.sweep.is_none() && !self.has_to_tell() {
            self.finish(now, Outcome::Done, Files::Kept, actions);
        }
    }
}
