//! Another configuration while we run: what has not changed goes on as if nothing had happened.

use std::collections::BTreeSet;

use oakum_inject::Injection;
use oakum_inject::config::{EnvSource, FileName};
use oakum_inject::reference::Name;

use super::plan::{Mode, Plan};
use super::{Action, Agent, Event, FileState, HookState, Moment, Phase, Restart, SecretState, StoreState};

/// What a configuration has that the one before it had not, or had otherwise, or had and is gone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) stores: BTreeSet<Name>,
    pub(crate) secrets: BTreeSet<Name>,
    pub(crate) files: BTreeSet<FileName>,
    /// Whether a variable of the environment is another, or is of another secret.
    pub(crate) env: bool,
}

impl Change {
    /// Compares two configurations.
    pub(crate) fn between(old: &Injection, new: &Injection) -> Self {
        let stores: BTreeSet<Name> = old
            .stores
            .keys()
            .chain(new.stores.keys())
            .filter(|name| old.stores.get(*name) != new.stores.get(*name))
            .cloned()
            .collect();
        let secrets: BTreeSet<Name> = old
            .secrets
            .keys()
            .chain(new.secrets.keys())
            .filter(|name| {
                let (Some(old), Some(new)) = (old.secrets.get(*name), new.secrets.get(*name)) else { return true };
                // How often it is looked at says nothing of what it is.
                (&old.from, &old.with, &old.manner) != (&new.from, &new.with, &new.manner)
                    || stores.contains(&new.from.store)
            })
            .cloned()
            .collect();
        let readers = |injection: &Injection, file| {
            let volume = injection.volume_of(file);
            (volume.mode, volume.group)
        };
        let files = old
            .files
            .keys()
            .chain(new.files.keys())
            .filter(|name| {
                let (Some(old_one), Some(new_one)) = (old.files.get(*name), new.files.get(*name)) else { return true };
                old_one != new_one
                    || readers(old, name) != readers(new, name)
                    || new_one.further().is_some_and(|further| stores.contains(&further.store))
                    || new_one.secrets().into_iter().any(|secret| secrets.contains(secret))
            })
            .cloned()
            .collect();
        let of_another = |source: &EnvSource| source.secrets().into_iter().any(|secret| secrets.contains(secret));
        let env = old.env != new.env || new.env.values().any(of_another);
        Self { stores, secrets, files, env }
    }
}

impl Agent {
    /// Whether everything has been delivered once, so that another configuration can take the place of this one.
    pub(crate) fn is_steady(&self) -> bool {
        self.phase == Phase::Steady && self.restart == Restart::No
    }

    /// Whether a session with a store is open that is ours to give back.
    pub(crate) fn owns_session(&self, store: &Name) -> bool {
        self.stores.get(store).is_some_and(StoreState::to_revoke)
    }

    /// Goes on with another plan. Sessions, leases and files that the change leaves alone stay as they are; a file that is
    /// made otherwise keeps its bytes until the new ones are there.
    pub(crate) fn reload(&mut self, now: Moment, mut plan: Plan, change: &Change) -> Vec<Action> {
        let mut actions = Vec::new();
        plan.go_on_from(&self.plan, &change.files);
        for name in &change.secrets {
            if self.secrets.remove(name).is_some_and(|secret| secret.staged.is_some()) {
                actions.push(Action::Forget(name.clone()));
            }
        }
        let lost = |name: &&Name| !plan.secrets.contains_key(*name) && !change.secrets.contains(*name);
        actions.extend(self.secrets.iter().map(|(name, _)| name).filter(lost).cloned().map(Action::Release));
        // What no file is made of any more.
        self.secrets.retain(|name| plan.secrets.contains_key(name));
        let used = plan.stores();
        self.stores.retain(|name, _| used.contains(name) && !change.stores.contains(name));
        for name in used {
            self.stores.entry(name).or_insert_with(|| StoreState::new(now));
        }
        for (name, needs) in &plan.secrets {
            let secret = self.secrets.or_make(name, || SecretState::new(needs, now));
            (secret.refresh, secret.max_stale, secret.on_stale) = (needs.refresh, needs.max_stale, needs.on_stale);
            if secret.held.is_none() {
                secret.due = secret.due.map(|due| due.min(now + needs.refresh));
            }
        }
        for name in &change.files {
            self.publishing.removed |= self.files.remove(name).is_some() && !plan.files.contains_key(name);
        }
        for (name, made_of) in &plan.files {
            if self.files.contains_key(name) {
                continue;
            }
            self.files.insert(name.clone(), FileState::default());
            // Their values were forgotten when they had been delivered.
            for secret in made_of {
                let Some(secret) = self.secrets.of(secret).filter(|secret| secret.staged.is_none()) else {
                    continue;
                };
                secret.reread = true;
                if secret.failures == 0 {
                    secret.due = Some(now);
                }
            }
        }
        self.hooks = plan.hooks.iter().map(|_| HookState::default()).collect();
        self.plan = plan;
        self.news = true;
        if self.follows_env() {
            if change.env {
                self.env_changed(now);
            }
        } else if self.plan.mode == Mode::Exec {
            self.leave_env();
        }
        actions.extend(self.step(now, Event::Tick));
        actions
    }
}
