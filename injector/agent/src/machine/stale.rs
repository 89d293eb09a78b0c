//! How old a secret may become while its store cannot be asked, and what happens then.

use std::collections::BTreeSet;

use oakum_inject::config::{FileName, OnStale};
use oakum_inject::{Class, ProviderError};

use super::hooks::Restart;
use super::{Action, Agent, Files, Moment, Outcome, SecretState};

impl SecretState {
    /// When it becomes too old, unless it is seen before; none if it is already, or never will.
    pub(super) fn stale_at(&self) -> Option<Moment> {
        if self.stale {
            return None;
        }
        // What is leased is good until its end, and is not looked at before its time.
        let seen = self.seen?.max(self.held.as_ref().map_or(Moment::ZERO, |held| held.look));
        let aged = self.max_stale.map(|max| seen + max);
        aged.into_iter().chain(self.held.as_ref().map(|held| held.ends)).min()
    }

    /// Whether the agent cannot be ready because of it. A lease that has ended is of no use to anybody.
    pub(super) fn holds_up(&self) -> bool {
        self.stale && (self.on_stale != OnStale::Keep || self.held.is_some())
    }
}

impl Agent {
    pub(super) fn mark_stale(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let mut end = None;
        for name in self.secrets.aged(now) {
            let Some(secret) = self.secrets.of(&name) else { continue };
            secret.stale = true;
            if secret.on_stale == OnStale::Remove {
                // When it comes back it is wanted whole, changed or not.
                secret.reread = true;
            }
            if secret.on_stale == OnStale::Exit && secret.max_stale.is_some() {
                let why = secret.fault.clone();
                let why = why.or_else(|| self.stores.get(&secret.store)?.fault().cloned());
                let why = why.unwrap_or_else(|| ProviderError::new(Class::Unreachable, "no answer has come"));
                let waited = secret.seen.map_or(0, |seen| now.saturating_sub(seen).as_secs());
                end = Some(why.while_doing(&format!("the secret `{name}` has not been seen for {waited} s")));
            }
        }
        match end {
            // Its files go when it has ended, and our end is that of the secret.
            Some(error) if self.child_runs() => {
                if self.ending.is_none() {
                    self.restart = Restart::No;
                    actions.push(Action::EndChild);
                }
                self.ending = Some(error);
            }
            Some(error) => self.finish(now, Outcome::Failed(error), Files::Wiped, actions),
            None => {}
        }
    }

    /// The files that may not be there now.
    pub(super) fn withdrawn(&mut self) -> BTreeSet<FileName> {
        self.secrets.lost().iter().flat_map(|secret| self.plan.files_of(secret)).cloned().collect()
    }

    /// Notes what was taken away.
    pub(super) fn withdrew(&mut self) {
        for name in std::mem::take(&mut self.publishing.withdrawing) {
            let Some(file) = self.files.get_mut(&name) else { continue };
            file.made = false;
            file.made_of.clear();
            file.failed = None;
            file.withdrawn = true;
            // Whatever it is made of is wanted again with the one that comes back.
            let made_of = self.plan.files.get(&name).into_iter().flatten();
            for secret in made_of {
                if let Some(secret) = self.secrets.of(secret) {
                    secret.reread = secret.staged.is_none();
                }
            }
        }
    }
}
