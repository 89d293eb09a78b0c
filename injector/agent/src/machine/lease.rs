//! Secrets that end: prolonged at two thirds of their lease, and replaced before its end by another, so that the new value
//! is in its files while the old one still works.
//!
//! A lease also ends with the session that it was made in. A login that replaces a session leaves that one open until
//! its leases have been replaced, one by one and spread over the time that is left; only then is it given back. A login
//! by itself makes nothing anew.

use std::time::Duration;

use oakum_inject::provider::{Lease, Session, Term};
use oakum_inject::reference::Name;
use oakum_inject::{Class, ProviderError};

use super::{Action, Agent, Files, Moment, Outcome, SecretState, backoff};

/// What a secret is held by.
#[derive(Debug)]
pub(super) struct Held {
    id: Option<String>,
    /// How long it held at first.
    first: Duration,
    /// When it ends.
    pub(super) ends: Moment,
    /// When it is to be prolonged or replaced, if nothing fails.
    pub(super) look: Moment,
    /// Whether to prolong it next, and not to replace it.
    prolong: bool,
    /// Whether it was made in a session before this one, and ends with that.
    inherited: bool,
}

impl SecretState {
    /// Notes for how long a value that was just read is good.
    pub(super) fn hold(&mut self, now: Moment, term: Term, chance: f64) {
        self.held = match term {
            Term::Open => None,
            Term::Rotation(wait) => {
                let wait = wait.max(backoff::LEAST);
                self.due = Some(self.due.map_or(now + wait, |due| due.min(now + wait)));
                None
            }
            Term::Lease(Lease { id, ttl, renewable }) => {
                let look = now + backoff::renewal(ttl, chance);
                self.due = Some(look);
                let prolong = renewable && id.is_some();
                Some(Held { id, first: ttl, ends: now + ttl, look, prolong, inherited: false })
            }
        };
    }

    /// Whether what is due is a renewal, and no new value is wanted.
    pub(super) fn to_prolong(&self) -> bool {
        !self.reread && self.staged.is_none() && self.held.as_ref().is_some_and(|held| held.prolong)
    }
}

impl Agent {
    /// Asks for more time where it is due.
    pub(super) fn prolong(&mut self, now: Moment, actions: &mut Vec<Action>) {
        for name in self.askable(now) {
            let Some(secret) = self.secrets.of(&name).filter(|secret| secret.to_prolong()) else { continue };
            let Some(held) = &mut secret.held else { continue };
            if held.ends <= now {
                // Too late to prolong: it has to be made anew.
                held.prolong = false;
            } else if let Some(id) = &held.id {
                secret.busy = true;
                secret.asked = Some(now);
                actions.push(Action::Prolong { secret: name, lease: id.clone() });
            }
        }
    }

    pub(super) fn prolonged(&mut self, now: Moment, name: &Name, result: Result<Session, ProviderError>) {
        let chance = self.chance.draw();
        let Some(secret) = self.secrets.of(name) else { return };
        secret.busy = false;
        let Some(held) = &mut secret.held else { return };
        match result {
            Ok(Session { ttl, renewable, .. }) => {
                let ttl = ttl.unwrap_or(held.first);
                secret.failures = 0;
                secret.fault = None;
                secret.seen = Some(now);
                secret.stale = false;
                held.ends = now + ttl;
                // A lease that shrinks nears its greatest age: the next value is made while this one still works.
                held.prolong = renewable && ttl >= held.first * 9 / 10;
                // With less than a third of what it was, there is no time to lose.
                let wait = if ttl * 3 < held.first { Duration::ZERO } else { backoff::renewal(ttl, chance) };
                held.look = now + wait;
                secret.due = Some(held.look);
            }
            Err(error) if error.class == Class::SessionLost => {
                secret.due = Some(now + backoff::LEAST);
                self.session_lost(now, name);
            }
            Err(error) => {
                secret.failures += 1;
                let due = now + backoff::after_failure(secret.failures, error.retry_after, chance);
                // A lease that the store does not know, or will not prolong, is replaced.
                held.prolong = error.class.may_pass() && due < held.ends;
                secret.due = Some(due);
                secret.fault = Some(error);
            }
        }
    }

    /// A secret has found its session gone. That has taken its leases along: their values are made anew, a little apart.
    ///
    /// A store that comes back from an outage and has forgotten its tokens loses all agents at once: then the login waits
    /// as after a failure. Whoever asked before the last login has found the session before gone, and not this one.
    pub(super) fn session_lost(&mut self, now: Moment, finder: &Name) {
        let chance = self.chance.draw();
        let Some(secret) = self.secrets.get(finder) else { return };
        let (store, failures, asked) = (secret.store.clone(), secret.outage(), secret.asked);
        let wait = if failures > 0 { backoff::after_failure(failures, None, chance) } else { Duration::ZERO };
        let Some(state) = self.stores.get_mut(&store) else { return };
        let before = state.began_after(asked);
        if !before {
            state.lost(now, wait);
        }
        for secret in self.secrets.each().filter(|secret| secret.store == store) {
            let Some(held) = &mut secret.held else { continue };
            if held.id.is_some() && (held.inherited || !before) {
                held.prolong = false;
                held.ends = held.ends.min(now);
                if !secret.busy && secret.failures == 0 {
                    let due = now + backoff::LEAST.mul_f64(1.0 + self.chance.draw());
                    secret.due = Some(secret.due.map_or(due, |before| before.min(due)));
                }
            }
        }
    }

    /// A session has taken the place of one that ends at a moment. What was leased in that one is replaced before, each
    /// at a time of its own.
    pub(super) fn succeeded(&mut self, now: Moment, store: &Name, ends: Option<Moment>) {
        for secret in self.secrets.each().filter(|secret| secret.store == *store) {
            let Some(held) = secret.held.as_mut().filter(|held| held.id.is_some()) else { continue };
            held.inherited = true;
            if let Some(ends) = ends {
                let left = ends.saturating_sub(now);
                held.prolong = held.prolong && held.ends < now;
                held.ends = held.ends.min(ends);
                // Between a tenth and two thirds of what is left.
                let due = now + left.mul_f64(0.1 + 0.56 * self.chance.draw()).max(backoff::LEAST);
                secret.due = Some(secret.due.map_or(due, |before| before.min(due)));
            }
        }
    }

    /// Gives back the sessions before this one as soon as nothing depends on them. Whoever has just read the generation
    /// before may use it for as long as that is there.
    pub(super) fn close_earlier(&mut self, actions: &mut Vec<Action>) {
        for (name, store) in self.stores.iter_mut().filter(|(_, store)| store.has_earlier) {
            // Whether it is needed, of each secret that is leased. The first that needs it ends the search.
            let mut leased = self.secrets.values().filter(|secret| secret.store == *name).filter_map(|secret| {
                secret.held.as_ref().map(|held| held.inherited || (held.id.is_some() && secret.staged.is_some()))
            });
            let read = self.publishing.sweep.is_some();
            if !leased.any(|needed| needed || read) {
                store.has_earlier = false;
                actions.push(Action::RevokeEarlier(name.clone()));
            }
        }
    }

    /// What `once` has put into files outlives it, and so does the session that it was leased in, or whose token is in one.
    pub(super) fn outlives_us(&self, store: &Name, outcome: &Outcome, files: Files) -> bool {
        self.plan.mode.is_once()
            && files == Files::Kept
            && *outcome == Outcome::Done
            && (self.plan.lent.contains(store)
                || self
                    .secrets
                    .values()
                    .any(|secret| secret.store == *store && secret.held.as_ref().is_some_and(|held| held.id.is_some())))
    }

    /// A session that is not ours to end would leave its leases behind.
    pub(super) fn give_back_leases(&self, store: &Name, actions: &mut Vec<Action>) {
        if self.stores.get(store).is_none_or(|state| state.to_revoke() || !state.is_open()) {
            return;
        }
        for secret in self.secrets.values().filter(|secret| secret.store == *store) {
            if let Some(id) = secret.held.as_ref().and_then(|held| held.id.clone()) {
                actions.push(Action::RevokeLease { store: store.clone(), lease: id });
            }
        }
    }
}
