//! The agent as a state machine: `step(now, event)` gives actions. Every rule about time is here, and none of it waits,
//! reads a clock or touches a secret: values stay with the shell, and the machine knows their versions only.
//!
//! The rules:
//! - Each secret fails alone, with full-jitter backoff, at most once a second, and not before `Retry-After`.
//! - A generation holds every file whose secrets are all at hand. The first one waits until each secret has been tried.
//! - A file of two secrets is made anew when one changes; the other's value is read again for it, since none is kept.
//! - A template that asks for more while it is rendered is rendered until it asks for nothing new ([`asking`]).
//! - What fails to be published or fetched leaves the last good files where they are, for as long as the plan allows.
//! - What its store says may have changed is looked at, at most once a second.
//! - What is leased is prolonged at two thirds, and replaced before it ends; it is never polled ([`lease`]).
//! - `once` and `exec` publish all or nothing, and give up at a refusal or at their deadline.

mod agenda;
mod asking;
pub(crate) mod backoff;
mod hooks;
mod lease;
pub(crate) mod outlook;
pub(crate) mod plan;
mod publishing;
pub(crate) mod reload;
mod session;
mod stale;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use oakum_inject::config::{FileName, OnStale};
use oakum_inject::provider::{Session, Term};
use oakum_inject::reference::Name;
use oakum_inject::{Class, ProviderError, Version};

use self::agenda::Secrets;
use self::backoff::Chance;
use self::hooks::{HookState, Restart};
use self::plan::{Mode, Needs, Plan};
use self::publishing::{FileState, Publishing};
use self::session::StoreState;

/// How long the end may take: what has not been revoked by then ends by itself.
const FAREWELL: Duration = Duration::from_secs(5);

/// A moment: the time since any fixed point, from a clock that never goes back.
pub(crate) type Moment = Duration;

/// What happened.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// Time has passed; also how everything begins.
    Tick,
    LoggedIn {
        store: Name,
        result: Result<Session, ProviderError>,
    },
    Renewed {
        store: Name,
        result: Result<Session, ProviderError>,
    },
    /// A fetch ended: with a version whose value the shell now holds, or none if nothing changed.
    Fetched {
        secret: Name,
        result: Result<Option<(Version, Term)>, ProviderError>,
    },
    /// The store says that a secret may have changed.
    Nudged {
        secret: Name,
    },
    /// A lease was prolonged, or not.
    Prolonged {
        secret: Name,
        result: Result<Session, ProviderError>,
    },
    /// A publication ended, without the files that could not be made.
    Published {
        failed: BTreeMap<FileName, ProviderError>,
        replaced: Replaced,
        /// The files whose bytes are others than before.
        changed: BTreeSet<FileName>,
    },
    /// What templates have asked for that were just rendered.
    Asked(Questions),
    /// Somebody was told of changes, or could not be.
    Told {
        hook: usize,
        result: Result<(), ProviderError>,
    },
    /// Nothing could be published, because of the volume.
    NotPublished(VolumeFault),
    /// The child was started, or could not be.
    Started(Result<(), ProviderError>),
    ChildEnded {
        code: u8,
    },
    Revoked {
        store: Name,
    },
    /// Somebody wants us to stop.
    Stop,
}

/// What templates have asked for while they were rendered, beside what is known of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Questions {
    /// All that each has asked for.
    pub(crate) files: BTreeMap<FileName, BTreeMap<Name, Needs>>,
    /// Whether there is more than before. Then nothing was published, since that has to be fetched first.
    pub(crate) grows: bool,
}

/// Whether a publication put something in the place of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replaced {
    Nothing,
    Generation,
}

/// Why a volume cannot be used, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VolumeFault {
    pub(crate) what: String,
    pub(crate) hint: Option<String>,
}

/// What the shell has to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Login(Name),
    Renew(Name),
    Fetch {
        secret: Name,
        known: Option<Version>,
    },
    /// Prolong the lease that a secret is held by.
    Prolong {
        secret: Name,
        lease: String,
    },
    /// Make these files of the values at hand, and publish them with all others as they are, but for those that are
    /// withdrawn.
    Publish {
        files: BTreeSet<FileName>,
        withdrawn: BTreeSet<FileName>,
        demand: Demand,
    },
    /// Drop the value of a secret, which wipes it.
    Forget(Name),
    /// Nothing is made of a secret any more that a template has asked for.
    Release(Name),
    /// Start the child with its environment.
    Spawn,
    /// Tell the child to end, and end it if it does not.
    StopChild,
    /// The same, and it is not started again.
    EndChild,
    /// Tell somebody of changes, by their place in the configuration.
    Tell(usize),
    /// Wipe the generations before the published one.
    Sweep,
    /// Wipe everything that was published.
    Wipe,
    /// Give back the session, and those before it.
    Revoke(Name),
    /// Give back the sessions before this one.
    RevokeEarlier(Name),
    /// Give back a lease that will not end with our session.
    RevokeLease {
        store: Name,
        lease: String,
    },
    Exit(Outcome),
}

/// What to do when a file cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Publish the others.
    WhatCanBe,
    /// Publish nothing.
    All,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    Done,
    /// The child's own code.
    Child(u8),
    Failed(ProviderError),
    BadVolume(VolumeFault),
}

/// The state of everything that bears on time.
#[derive(Debug)]
pub(crate) struct Agent {
    plan: Plan,
    began: Moment,
    stores: BTreeMap<Name, StoreState>,
    secrets: Secrets,
    files: BTreeMap<FileName, FileState>,
    publishing: Publishing,
    hooks: Vec<HookState>,
    restart: Restart,
    /// Why the child was told to end, where that is our end too.
    ending: Option<ProviderError>,
    phase: Phase,
    chance: Chance,
    /// Whether anything may have changed that is told to the outside.
    news: bool,
}

/// What is known of a secret.
#[derive(Debug)]
struct SecretState {
    store: Name,
    refresh: Duration,
    max_stale: Option<Duration>,
    on_stale: OnStale,
    /// What it is held by, if it ends.
    held: Option<lease::Held>,
    /// Whether it is older than it may be, or has ended.
    stale: bool,
    /// When to look next; never again if none.
    due: Option<Moment>,
    busy: bool,
    /// When the last fetch or renewal began.
    asked: Option<Moment>,
    /// Whether it may have changed since then.
    nudged: bool,
    /// Whether a fetch has ended once, well or not.
    tried: bool,
    failures: u32,
    fault: Option<ProviderError>,
    /// The version whose value the shell holds.
    staged: Option<Version>,
    /// The version that was delivered everywhere, and forgotten.
    delivered: Option<Version>,
    /// Whether the value is needed again, changed or not.
    reread: bool,
    /// When it was last seen to be what it is.
    seen: Option<Moment>,
}

#[derive(Debug, PartialEq)]
enum Phase {
    /// Until all is published, and in `exec` the child is started.
    Beginning,
    /// `exec`: published, and the child is being started.
    Starting,
    Steady,
    /// Waiting for what is being revoked.
    Ending {
        outcome: Outcome,
        /// How many answers each store still owes.
        waiting: BTreeMap<Name, usize>,
        until: Moment,
    },
    Ended,
}

/// What can be told to the outside: names and numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Status {
    /// Whether every file has been published, and in `exec` the child is running.
    pub(crate) ready: bool,
    pub(crate) generations: u64,
    /// Publications in a row that the volume refused.
    pub(crate) refused: u32,
    pub(crate) secrets: Vec<SecretStatus>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SecretStatus {
    pub(crate) name: String,
    pub(crate) published: bool,
    /// How long ago it was last seen to be what it is.
    pub(crate) age: Option<Duration>,
    pub(crate) failures: u32,
    pub(crate) fault: Option<Class>,
    /// Whether it is older than it may be, or its lease has ended.
    pub(crate) stale: bool,
    /// Whether the agent is not ready because of that.
    pub(crate) holds_up: bool,
    /// When it will be looked at next.
    pub(crate) next: Option<Duration>,
    /// How long its lease still holds.
    pub(crate) lease: Option<Duration>,
    /// The store's own number of the version that was delivered.
    pub(crate) version: Option<u64>,
}

impl Agent {
    /// Makes an agent that has done nothing yet.
    pub(crate) fn new(plan: Plan, now: Moment, seed: u64) -> Self {
        let stores = plan.stores().into_iter().map(|name| (name, StoreState::new(now))).collect();
        let secrets = plan.secrets.iter().map(|(name, needs)| (name.clone(), SecretState::new(needs, now))).collect();
        let files = plan.files.keys().map(|name| (name.clone(), FileState::default())).collect();
        let hooks = plan.hooks.iter().map(|_| HookState::default()).collect();
        Self {
            plan,
            hooks,
            restart: Restart::No,
            ending: None,
            began: now,
            stores,
            secrets,
            files,
            publishing: Publishing::default(),
            phase: Phase::Beginning,
            chance: Chance::from_seed(seed),
            news: true,
        }
    }

    /// Takes what happened, and says what to do.
    pub(crate) fn step(&mut self, now: Moment, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        // All that may change how things are, but for what happens to one secret.
        let told_apart =
            matches!(event, Event::Tick | Event::Fetched { .. } | Event::Prolonged { .. } | Event::Nudged { .. });
        self.news |= !told_apart;
        self.take(now, event, &mut actions);
        if matches!(self.phase, Phase::Beginning | Phase::Starting | Phase::Steady) {
            self.give_up_in_time(now, &mut actions);
        }
        match self.phase {
            Phase::Beginning | Phase::Starting | Phase::Steady => {
                self.log_in_and_renew(now, &mut actions);
                self.prolong(now, &mut actions);
                self.fetch(now, &mut actions);
                self.mark_stale(now, &mut actions);
                self.publish(now, &mut actions);
                self.sweep(now, &mut actions);
                self.close_earlier(&mut actions);
                self.tell(now, &mut actions);
                self.stop_child(&mut actions);
                self.finish_once(now, &mut actions);
            }
            Phase::Ending { .. } | Phase::Ended => {}
        }
        self.end(now, &mut actions);
        self.secrets.settle();
        #[cfg(test)]
        self.secrets.assert_settled();
        actions
    }

    /// Says when `step` wants a tick, if nothing happens before.
    pub(crate) fn due(&self) -> Option<Moment> {
        let stores = self.stores.values().filter_map(StoreState::due);
        let open = self.stores.iter().filter(|(_, state)| state.is_open());
        let secrets = open.filter_map(|(store, _)| self.secrets.next_due(store));
        let waits = self.publishing.failures > 0 || self.publishing.waits;
        let publish = (self.publishing.now.is_none() && waits).then_some(self.publishing.not_before);
        let deadline =
            (self.phase == Phase::Beginning && self.plan.mode != Mode::Run).then_some(self.began + self.plan.deadline);
        match &self.phase {
            Phase::Ending { until, .. } => Some(*until),
            Phase::Ended => None,
            _ => {
                let moments = stores.chain(secrets).chain(publish).chain(deadline).chain(self.secrets.next_aged());
                moments.chain(self.publishing.sweep).chain(self.next_hook()).min()
            }
        }
    }

    /// Says how things are.
    pub(crate) fn status(&self, now: Moment) -> Status {
        let secrets = self.secrets.iter().map(|(name, secret)| {
            let fault = secret.fault.as_ref().or_else(|| self.stores.get(&secret.store)?.fault());
            SecretStatus {
                name: name.to_string(),
                published: self.is_published(name),
                age: secret.seen.map(|seen| now.saturating_sub(seen)),
                failures: secret.failures,
                fault: fault.map(|fault| fault.class),
                stale: secret.stale,
                holds_up: secret.holds_up(),
                next: secret.due.map(|due| due.saturating_sub(now)),
                lease: secret.held.as_ref().map(|held| held.ends.saturating_sub(now)),
                version: secret.staged.or(secret.delivered).and_then(|version| version.number()),
            }
        });
        Status {
            ready: self.is_ready(),
            generations: self.publishing.generations,
            refused: self.publishing.failures,
            secrets: secrets.collect(),
        }
    }

    /// Says what stands in the way of being ready, in words.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let stores = self.stores.iter().filter_map(|(name, store)| Some((name, store.fault()?)));
        let secrets = self.secrets.iter().filter_map(|(name, secret)| Some((name, secret.fault.as_ref()?)));
        let files = self.files.iter().filter_map(|(name, file)| Some((name, &file.failed.as_ref()?.1)));
        let mut all: Vec<String> = stores.chain(secrets).map(|(name, fault)| format!("{name}: {fault}")).collect();
        all.extend(files.map(|(name, fault)| format!("{name}: {fault}")));
        all.extend(self.publishing.fault.as_ref().map(|fault| fault.what.clone()));
        all
    }

    fn is_published(&self, secret: &Name) -> bool {
        self.plan
            .files_of(secret)
            .all(|name| self.files.get(name).is_some_and(|file| file.made_of.contains_key(secret)))
    }

    fn take(&mut self, now: Moment, event: Event, actions: &mut Vec<Action>) {
        match event {
            Event::Tick => {}
            Event::LoggedIn { store, result } => self.logged_in(now, &store, result, actions),
            Event::Renewed { store, result } => self.renewed(now, &store, result),
            Event::Fetched { secret, result } => self.fetched(now, &secret, result, actions),
            Event::Nudged { secret } => self.nudged(now, &secret),
            Event::Prolonged { secret, result } => self.prolonged(now, &secret, result),
            Event::Published { failed, replaced, changed } => {
                self.published(now, &failed, replaced, actions);
                self.changed(now, &changed, replaced);
            }
            Event::Asked(asked) => self.asked(now, asked, actions),
            Event::Told { hook, result } => self.told(now, hook, result, actions),
            Event::NotPublished(fault) => self.not_published(now, fault, actions),
            Event::Started(Ok(())) => self.started(actions),
            Event::Started(Err(error)) => self.finish(now, Outcome::Failed(error), Files::Wiped, actions),
            Event::ChildEnded { code } => {
                if let Some(error) = self.ending.take() {
                    self.finish(now, Outcome::Failed(error), Files::Wiped, actions);
                } else if !self.start_again(actions) {
                    self.finish(now, Outcome::Child(code), Files::Wiped, actions);
                }
            }
            Event::Revoked { store } => {
                self.answered(&store);
            }
            Event::Stop => self.stop(now, actions),
        }
    }

    /// While we are going: a store has answered one of the calls that are waited for.
    fn answered(&mut self, store: &Name) {
        if let Phase::Ending { waiting, .. } = &mut self.phase
            && let Some(left) = waiting.get_mut(store)
        {
            *left -= 1;
            waiting.retain(|_, left| *left > 0);
        }
    }

    fn child_runs(&self) -> bool {
        self.plan.mode == Mode::Exec && matches!(self.phase, Phase::Starting | Phase::Steady)
    }

    fn stop(&mut self, now: Moment, actions: &mut Vec<Action>) {
        // A child that is ending is not started again.
        self.restart = Restart::No;
        if self.child_runs() || matches!(self.phase, Phase::Ending { .. } | Phase::Ended) {
            // The shell hands the signal on to the child, and its end is ours.
            return;
        }
        let files = if self.plan.mode.is_once() { Files::Kept } else { Files::Wiped };
        if self.publishing.sweep.take().is_some() && files == Files::Kept {
            // The generation before is not left to whoever starts next.
            actions.push(Action::Sweep);
        }
        self.finish(now, Outcome::Done, files, actions);
    }

    fn fetched(
        &mut self,
        now: Moment,
        name: &Name,
        result: Result<Option<(Version, Term)>, ProviderError>,
        actions: &mut Vec<Action>,
    ) {
        let chance = self.chance.draw();
        let Some(secret) = self.secrets.of(name) else { return };
        secret.busy = false;
        secret.tried = true;
        let nudged = std::mem::take(&mut secret.nudged);
        match result {
            Ok(found) => {
                secret.failures = 0;
                secret.fault = None;
                secret.seen = Some(now);
                secret.stale = false;
                secret.due = Some(now + backoff::refresh(secret.refresh, chance));
                if nudged {
                    // What came may be what was there before the change.
                    secret.hurry(now);
                }
                if secret.reread && found.is_none() {
                    // The value is wanted though it is the one that was known, and this look had begun before.
                    secret.hurry(now);
                }
                if let Some((version, term)) = found {
                    secret.staged = Some(version);
                    secret.reread = false;
                    secret.hold(now, term, chance);
                    let again = secret.delivered.is_some_and(|before| before != version);
                    self.read_companions(now, name);
                    if again && self.follows_env() && self.plan.env.contains(name) {
                        self.env_changed(now);
                    }
                }
            }
            Err(error) if error.class == Class::SessionLost => {
                secret.due = Some(now + backoff::LEAST);
                self.session_lost(now, name);
            }
            Err(error) => {
                secret.failures += 1;
                secret.due = Some(now + backoff::after_failure(secret.failures, error.retry_after, chance));
                secret.fault = Some(error.clone());
                self.refused(now, error, actions);
            }
        }
    }

    /// Looks at a secret soon, since it may have changed: at once, or a second after the last look. Nothing is hurried
    /// that waits for its store to recover, or is not looked at again at all.
    fn nudged(&mut self, now: Moment, name: &Name) {
        let Some(secret) = self.secrets.of(name) else { return };
        let recovering = secret.fault.as_ref().is_some_and(|fault| fault.class.may_pass());
        if secret.due.is_none() || recovering {
            return;
        }
        if secret.busy {
            secret.nudged = true;
        } else {
            secret.hurry(now);
        }
    }

    /// `once` and `exec` have nobody to wait for: what waiting cannot mend ends them.
    fn refused(&mut self, now: Moment, error: ProviderError, actions: &mut Vec<Action>) {
        if self.phase == Phase::Beginning && self.plan.mode != Mode::Run && !error.class.may_pass() {
            self.finish(now, Outcome::Failed(error), Files::Kept, actions);
        }
    }

    /// The other secrets of the files that a secret is part of are needed again, since their values were forgotten.
    fn read_companions(&mut self, now: Moment, name: &Name) {
        for made_of in self.plan.files_of(name).filter_map(|file| self.plan.files.get(file)) {
            for other in made_of.iter().filter(|other| *other != name) {
                let Some(other) = self.secrets.of(other) else { continue };
                if other.staged.is_none() && !other.reread {
                    other.reread = true;
                    if other.failures == 0 {
                        other.due = Some(now);
                    }
                }
            }
        }
    }

    fn fetch(&mut self, now: Moment, actions: &mut Vec<Action>) {
        for name in self.askable(now) {
            if let Some(secret) = self.secrets.of(&name).filter(|secret| !secret.to_prolong()) {
                secret.busy = true;
                secret.asked = Some(now);
                let known =
                    if secret.reread || secret.held.is_some() { None } else { secret.staged.or(secret.delivered) };
                actions.push(Action::Fetch { secret: name, known });
            }
        }
    }

    /// Lists the secrets that are due, and whose store can be asked.
    fn askable(&mut self, now: Moment) -> Vec<Name> {
        let open = self.stores.iter().filter(|(_, state)| state.is_open());
        open.flat_map(|(store, _)| self.secrets.due(store, now)).collect()
    }

    fn give_up_in_time(&mut self, now: Moment, actions: &mut Vec<Action>) {
        if self.phase != Phase::Beginning || self.plan.mode == Mode::Run || now < self.began + self.plan.deadline {
            return;
        }
        let faults = self
            .stores
            .values()
            .filter_map(StoreState::fault)
            .chain(self.secrets.values().filter_map(|secret| secret.fault.as_ref()));
        let waited = format!("gave up after {} s", self.plan.deadline.as_secs());
        let error = match faults.max_by_key(|fault| fault.class).cloned() {
            Some(fault) => fault.while_doing(&waited),
            None => ProviderError::new(Class::Unreachable, format!("{waited}: no answer has come yet")),
        };
        self.finish(now, Outcome::Failed(error), Files::Kept, actions);
    }

    fn finish(&mut self, now: Moment, outcome: Outcome, files: Files, actions: &mut Vec<Action>) {
        if files == Files::Wiped {
            actions.push(Action::Wipe);
        }
        let mut waiting = BTreeMap::new();
        for (name, store) in &self.stores {
            if self.outlives_us(name, &outcome, files) {
                continue;
            }
            let before = actions.len();
            self.give_back_leases(name, actions);
            if store.to_revoke() {
                actions.push(Action::Revoke(name.clone()));
            }
            // A login under way may yet give something to revoke.
            let calls = actions.len() - before + usize::from(store.is_logging_in());
            if calls > 0 {
                waiting.insert(name.clone(), calls);
            }
        }
        self.phase = Phase::Ending { outcome, waiting, until: now + FAREWELL };
    }

    fn end(&mut self, now: Moment, actions: &mut Vec<Action>) {
        if let Phase::Ending { outcome, waiting, until } = &self.phase
            && (waiting.is_empty() || now >= *until)
        {
            actions.push(Action::Exit(outcome.clone()));
            self.phase = Phase::Ended;
        }
    }
}

/// What becomes of the published files at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Files {
    Kept,
    Wiped,
}

impl SecretState {
    fn new(needs: &Needs, now: Moment) -> Self {
        Self {
            store: needs.store.clone(),
            refresh: needs.refresh,
            max_stale: needs.max_stale,
            on_stale: needs.on_stale,
            held: None,
            stale: false,
            due: Some(now),
            busy: false,
            asked: None,
            nudged: false,
            tried: false,
            failures: 0,
            fault: None,
            staged: None,
            delivered: None,
            reread: false,
            seen: None,
        }
    }

    /// How often in a row its store was away when it was asked for.
    fn outage(&self) -> u32 {
        if self.fault.as_ref().is_some_and(|fault| fault.class.may_pass()) { self.failures } else { 0 }
    }

    /// Brings the next look forward, but not to within a second of the last one.
    fn hurry(&mut self, now: Moment) {
        let soon = self.asked.map_or(now, |asked| now.max(asked + backoff::LEAST));
        self.due = self.due.map(|due| due.min(soon));
    }
}

#[cfg(test)]
mod herd;
#[cfg(test)]
mod tests;
