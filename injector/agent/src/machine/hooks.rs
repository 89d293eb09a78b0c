//! Who is told that files have changed, and when: only when bytes have changed, with changes of a short while gathered,
//! and again if it did not work.

use std::collections::BTreeSet;

use oakum_inject::config::FileName;
use oakum_inject::reference::Name;
use oakum_inject::{Class, ProviderError};

use super::plan::{HookPlan, Mode};
use super::{Action, Agent, Files, Moment, Outcome, Phase, Replaced, Secrets, backoff};

/// How often somebody is told of the same change who cannot be told.
const TRIES: u32 = 10;

/// What is known of a hook.
#[derive(Debug, Default)]
pub(super) struct HookState {
    due: Option<Moment>,
    busy: bool,
    failures: u32,
}

/// How far a new start of the child is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Restart {
    #[default]
    No,
    /// What goes into the environment is being read again.
    Wanted,
    /// The child has been told to end.
    Stopping,
}

impl Agent {
    /// Notes which files have changed, or are there for the first time.
    pub(super) fn changed(&mut self, now: Moment, files: &BTreeSet<FileName>, replaced: Replaced) {
        // An app that we become has not begun, and finds what is new.
        if self.plan.mode == Mode::HandOver {
            return;
        }
        for (plan, hook) in self.plan.hooks.iter().zip(&mut self.hooks) {
            // Who is told of changes is told by whoever keeps files fresh, and of the first files in any case.
            let counts = plan.at_start || (replaced == Replaced::Generation && !self.plan.mode.is_once());
            let matters = counts && files.iter().any(|file| plan.files.is_empty() || plan.files.contains(file));
            // The first of several changes sets the time, so that a file which never rests is told of all the same.
            if matters && hook.due.is_none() {
                // Where nothing is kept fresh, there is nothing to gather.
                hook.due = Some(if self.plan.mode.is_once() { now } else { now + plan.debounce });
                hook.failures = 0;
            }
        }
    }

    /// Whether somebody is being told, or yet to be.
    pub(super) fn has_to_tell(&self) -> bool {
        self.hooks.iter().any(|hook| hook.busy || hook.due.is_some())
    }

    pub(super) fn next_hook(&self) -> Option<Moment> {
        self.hooks.iter().filter(|hook| !hook.busy).filter_map(|hook| hook.due).min()
    }

    pub(super) fn tell(&mut self, now: Moment, actions: &mut Vec<Action>) {
        if self.phase != Phase::Steady {
            return;
        }
        for (at, (plan, hook)) in self.plan.hooks.iter().zip(&mut self.hooks).enumerate() {
            if hook.busy || hook.due.is_none_or(|due| due > now) {
                continue;
            }
            hook.due = None;
            if plan.restarts {
                if self.restart == Restart::No {
                    self.restart = Restart::Wanted;
                    want_again(&mut self.secrets, &self.plan.env, now);
                }
            } else {
                hook.busy = true;
                actions.push(Action::Tell(at));
            }
        }
    }

    pub(super) fn told(
        &mut self,
        now: Moment,
        at: usize,
        result: Result<(), ProviderError>,
        actions: &mut Vec<Action>,
    ) {
        let chance = self.chance.draw();
        let Some(hook) = self.hooks.get_mut(at) else { return };
        hook.busy = false;
        match result {
            Ok(()) => hook.failures = 0,
            // Whoever started us for this once has to know, and may start us again.
            Err(error) if self.plan.mode.is_once() => {
                if self.phase == Phase::Steady {
                    self.finish(now, Outcome::Failed(error), Files::Kept, actions);
                }
            }
            Err(error) => {
                hook.failures += 1;
                if error.class != Class::Misconfigured && hook.failures < TRIES && hook.due.is_none() {
                    hook.due = Some(now + backoff::after_failure(hook.failures, error.retry_after, chance));
                }
            }
        }
    }

    /// Whether values of the environment are looked at for as long as the child runs.
    pub(super) fn follows_env(&self) -> bool {
        self.plan.mode == Mode::Exec && self.plan.hooks.iter().any(|hook| hook.restarts)
    }

    /// A value of the environment has changed: the child has to be started again to see it.
    pub(super) fn env_changed(&mut self, now: Moment) {
        if self.phase == Phase::Steady && self.restart == Restart::No {
            self.restart = Restart::Wanted;
            want_again(&mut self.secrets, &self.plan.env, now);
        }
    }

    /// Ends the child as soon as all is there that it is to be started with.
    pub(super) fn stop_child(&mut self, actions: &mut Vec<Action>) {
        if self.restart != Restart::Wanted || self.phase != Phase::Steady || self.publishing.now.is_some() {
            return;
        }
        if self.plan.env.iter().all(|name| self.secrets.get(name).is_some_and(|one| one.staged.is_some())) {
            self.restart = Restart::Stopping;
            actions.push(Action::StopChild);
        }
    }

    /// The child has ended since it was told to: it is started with what is new.
    pub(super) fn start_again(&mut self, actions: &mut Vec<Action>) -> bool {
        if self.restart != Restart::Stopping {
            return false;
        }
        self.restart = Restart::No;
        self.phase = Phase::Starting;
        actions.push(Action::Spawn);
        true
    }
}

/// Asks for the values of the environment once more, since those that the child was started with were forgotten.
fn want_again(secrets: &mut Secrets, env: &BTreeSet<Name>, now: Moment) {
    for name in env {
        if let Some(secret) = secrets.of(name).filter(|secret| secret.staged.is_none() && !secret.reread) {
            secret.reread = true;
            if secret.failures == 0 {
                secret.due = Some(now);
            }
        }
    }
}

impl HookPlan {
    /// A hook that is told of every file at once.
    #[cfg(test)]
    pub(super) fn of_all(restarts: bool) -> Self {
        Self { files: BTreeSet::new(), debounce: Moment::ZERO, restarts, at_start: false }
    }
}
