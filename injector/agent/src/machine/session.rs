//! The session with a store: opened when it is needed, renewed at two thirds, opened anew when it is lost.

use std::time::Duration;

use oakum_inject::ProviderError;
use oakum_inject::provider::Session;
use oakum_inject::reference::Name;

use super::{Action, Agent, Moment, Phase, backoff};

/// What is known of a store.
#[derive(Debug)]
pub(super) struct StoreState {
    session: State,
    busy: bool,
    failures: u32,
    /// When the last attempt to log in began.
    attempted: Option<Moment>,
    /// When the last one succeeded.
    began: Option<Moment>,
    fault: Option<ProviderError>,
    /// Whether sessions before this one are still open.
    pub(super) has_earlier: bool,
}

#[derive(Debug)]
enum State {
    Closed { due: Moment },
    Open { first: Option<Duration>, ends: Option<Moment>, next: Option<(Moment, Next)>, ours: bool },
}

/// What to do when a session has run for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Renew,
    /// It cannot be prolonged (any more): open another while this one still holds.
    Login,
}

impl StoreState {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            session: State::Closed { due: now },
            busy: false,
            failures: 0,
            attempted: None,
            began: None,
            fault: None,
            has_earlier: false,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.session, State::Open { .. })
    }

    pub(super) fn to_revoke(&self) -> bool {
        matches!(self.session, State::Open { ours: true, .. })
    }

    pub(super) fn is_logging_in(&self) -> bool {
        self.busy && matches!(self.session, State::Closed { .. })
    }

    pub(super) fn fault(&self) -> Option<&ProviderError> {
        self.fault.as_ref()
    }

    pub(super) fn due(&self) -> Option<Moment> {
        if self.busy {
            return None;
        }
        match self.session {
            State::Closed { due } => Some(due),
            State::Open { next, .. } => next.map(|(due, _)| due),
        }
    }

    /// Whether the session is a later one than whoever asked at a moment had.
    pub(super) fn began_after(&self, asked: Option<Moment>) -> bool {
        self.began.is_some_and(|began| asked.is_some_and(|asked| asked < began))
    }

    /// The store does not know the session any more. Another is opened after a wait.
    pub(super) fn lost(&mut self, now: Moment, wait: Duration) {
        if self.is_open() && !self.busy {
            let earliest = self.attempted.map_or(now, |attempted| attempted + backoff::LEAST);
            self.session = State::Closed { due: earliest.max(now + wait) };
        }
    }

    fn opened(&mut self, now: Moment, session: Session, first: Option<Duration>, chance: f64) {
        self.failures = 0;
        self.fault = None;
        let next = session.ttl.map(|ttl| {
            // A ttl that shrinks says that the token nears its greatest age: no renewal will go beyond that, and one that
            // comes too late is an error. Seconds are rounded, so a little less is as much.
            let fading = first.is_some_and(|first| ttl < first * 9 / 10);
            let next = if session.renewable && !fading { Next::Renew } else { Next::Login };
            (now + backoff::renewal(ttl, chance), next)
        });
        let ends = session.ttl.map(|ttl| now + ttl);
        self.session = State::Open { first: first.or(session.ttl), ends, next, ours: session.ours };
    }
}

impl Agent {
    pub(super) fn log_in_and_renew(&mut self, now: Moment, actions: &mut Vec<Action>) {
        for (name, store) in &mut self.stores {
            if store.busy || store.due().is_none_or(|due| due > now) {
                continue;
            }
            store.busy = true;
            let ended = matches!(store.session, State::Open { ends: Some(ends), .. } if ends <= now);
            match store.session {
                State::Open { next: Some((_, Next::Renew)), .. } if !ended => actions.push(Action::Renew(name.clone())),
                _ => {
                    store.attempted = Some(now);
                    actions.push(Action::Login(name.clone()));
                }
            }
        }
    }

    pub(super) fn logged_in(
        &mut self,
        now: Moment,
        name: &Name,
        result: Result<Session, ProviderError>,
        actions: &mut Vec<Action>,
    ) {
        let chance = self.chance.draw();
        let Some(store) = self.stores.get_mut(name) else { return };
        store.busy = false;
        match result {
            Ok(session) => {
                let failures = store.failures;
                store.began = Some(now);
                if let State::Open { ends, ours, .. } = store.session {
                    store.has_earlier |= ours;
                    store.opened(now, session, None, chance);
                    self.succeeded(now, name, ends);
                } else {
                    store.opened(now, session, None, chance);
                    self.read_apart(now, name, failures);
                }
                // A login that ends while we are going has to be given back as well.
                if matches!(self.phase, Phase::Ending { .. }) {
                    if session.ours {
                        actions.push(Action::Revoke(name.clone()));
                    } else {
                        self.answered(name);
                    }
                }
            }
            Err(error) => {
                store.failures += 1;
                let due = now + backoff::after_failure(store.failures, error.retry_after, chance);
                match &mut store.session {
                    // The session before still holds: keep reading with it.
                    State::Open { ends, next, .. } if ends.is_none_or(|ends| ends > now) => {
                        *next = Some((due, Next::Login));
                    }
                    session => *session = State::Closed { due },
                }
                store.fault = Some(error.clone());
                // With no session, nothing of this store can be had: its secrets have been tried.
                if !store.is_open() {
                    self.secrets.each().filter(|secret| secret.store == *name).for_each(|secret| secret.tried = true);
                }
                self.answered(name);
                self.refused(now, error, actions);
            }
        }
    }

    /// A session is open again: what could not be read meanwhile is overdue, and is read a little apart. Whoever still has
    /// no file at all does not wait.
    fn read_apart(&mut self, now: Moment, store: &Name, logins: u32) {
        for secret in self.secrets.each().filter(|secret| secret.store == *store && secret.seen.is_some()) {
            let wait = backoff::after_outage(logins.max(secret.outage()), self.chance.draw());
            secret.due = secret.due.map(|due| due.max(now + wait));
        }
    }

    pub(super) fn renewed(&mut self, now: Moment, name: &Name, result: Result<Session, ProviderError>) {
        let chance = self.chance.draw();
        let Some(store) = self.stores.get_mut(name) else { return };
        store.busy = false;
        let State::Open { first, ends, ref mut next, .. } = store.session else { return };
        match result {
            Ok(session) => store.opened(now, session, first, chance),
            Err(error) if error.class.may_pass() && error.class != oakum_inject::Class::SessionLost => {
                store.failures += 1;
                let due = now + backoff::after_failure(store.failures, error.retry_after, chance);
                // Too late to renew is not too late to log in.
                *next = Some((due, if ends.is_some_and(|ends| ends <= due) { Next::Login } else { Next::Renew }));
                store.fault = Some(error);
            }
            Err(_) => {
                // It cannot be renewed, or is gone: open another. Reads go on with the old one meanwhile, and fail if
                // it is gone. After an outage all agents learn that together, so they wait as after a failure.
                let wait = if store.failures > 0 {
                    backoff::after_failure(store.failures, None, chance)
                } else {
                    backoff::LEAST
                };
                *next = Some((now + wait, Next::Login));
            }
        }
    }
}
