//! What is done beside the main loop: calls to providers, watches, and messages that come later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use oakum_inject::config::SecretSpec;
use oakum_inject::provider::{Answer, Grant, Want};
use oakum_inject::reference::Name;
use oakum_inject::{Class, ProviderError, SecretProvider, Version};
use tokio::sync::Semaphore;

use super::{MAX_CALLS, Message, Shell, complain, random};
use crate::harden;
use crate::machine::backoff::{self, Chance};

/// Where calls wait, one line for each store: one that does not answer keeps nobody else's secrets back.
pub(crate) type Lines = BTreeMap<Name, Arc<Semaphore>>;

/// Makes the lines of these stores; those that are there already stay.
pub(crate) fn lines<'n>(stores: impl Iterator<Item = &'n Name>, before: &Lines) -> Lines {
    let line = |name: &Name| before.get(name).map_or_else(|| Arc::new(Semaphore::new(MAX_CALLS)), Arc::clone);
    stores.map(|name| (name.clone(), line(name))).collect()
}

/// Whether a call waits for others to the same store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    AtOnce,
    InLine,
}

impl Shell {
    /// Makes a call about a store as a whole. There is one at a time of these, and all else depends on it.
    #[expect(clippy::needless_pass_by_value, reason = "an action's store is handed over, and part of the message")]
    pub(super) fn call<T, C, M>(&self, store: Name, call: C, message: M)
    where
        T: Send + 'static,
        C: FnOnce(&dyn SecretProvider) -> Answer<'_, T> + Send + 'static,
        M: FnOnce(Name, Result<T, ProviderError>) -> Message + Send + 'static,
    {
        let name = store.clone();
        let call = |provider: &Arc<dyn SecretProvider>| {
            let provider = Arc::clone(provider);
            async move { call(&*provider).await }
        };
        self.call_for(&store, Turn::AtOnce, call, move |result| message(name, result));
    }

    /// Makes a call beside the main loop. A provider that panics has failed this once, like one that cannot be reached.
    pub(super) fn call_for<T, F, C, M>(&self, store: &Name, turn: Turn, call: C, message: M)
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ProviderError>> + Send + 'static,
        C: FnOnce(&Arc<dyn SecretProvider>) -> F,
        M: FnOnce(Result<T, ProviderError>) -> Message + Send + 'static,
    {
        let Some(provider) = self.providers.get(store) else { return };
        let call = call(provider);
        let line = self.lines.get(store).filter(|_| turn == Turn::InLine).map(Arc::clone);
        let (events, began) = (self.events.clone(), self.reload.number());
        tokio::spawn(async move {
            let _place = match line {
                Some(line) => line.acquire_owned().await.ok(),
                None => None,
            };
            let result = tokio::spawn(call).await;
            harden::wipe_stack();
            let result = result
                .unwrap_or_else(|_| Err(ProviderError::new(Class::Unreachable, "the call broke off inside the agent")));
            let _ = events.send(Message::Since(began, Box::new(message(result))));
        });
    }

    /// Watches a secret from now on, beside the main loop, where its store can. It says only that there may be a change;
    /// the machine decides when to look.
    pub(super) fn watch(&mut self, secret: &Name) {
        if self.mode.is_once() || self.watched.contains_key(secret) {
            return;
        }
        self.watched.insert(secret.clone(), None);
        let Some(spec) = self.spec(secret) else { return };
        let Some(provider) = self.providers.get(&spec.from.store).map(Arc::clone) else { return };
        let (want, watched, events) = (want(spec, None), secret, self.events.clone());
        let secret = watched.clone();
        let mut chance = Chance::from_seed(random());
        let watch = tokio::spawn(async move {
            let mut failures = 0;
            while let Some(change) = provider.watch(&want) {
                let began = Instant::now();
                match change.await {
                    Ok(()) if events.send(Message::Nudged(secret.clone())).is_err() => return,
                    Ok(()) => failures = 0,
                    Err(error) => {
                        // That a store is away is said by whoever reads from it, and the rest is said once.
                        if error.class != Class::Unreachable && failures == 0 {
                            complain("secret.watch_failed", "secret", &secret, &error);
                        }
                        // A watch that held for a while ended in the usual way.
                        failures = if began.elapsed() > backoff::MOST { 1 } else { failures + 1 };
                    }
                }
                tokio::time::sleep(backoff::after_failure(failures, None, chance.draw())).await;
            }
        });
        self.watched.insert(watched.clone(), Some(watch.abort_handle()));
    }

    pub(super) fn fetch(&self, secret: Name, known: Option<Version>) {
        let Some(spec) = self.spec(&secret) else { return };
        let want = want(spec, known);
        let fetch = |provider: &Arc<dyn SecretProvider>| {
            let provider = Arc::clone(provider);
            async move { provider.fetch(&want).await }
        };
        self.call_for(&spec.from.store, Turn::InLine, fetch, move |result| Message::Fetched(secret, result));
    }

    pub(super) fn prolong(&self, secret: Name, lease: String) {
        let Some(spec) = self.spec(&secret) else { return };
        let grant = Grant::Lease(lease);
        let renew = |provider: &Arc<dyn SecretProvider>| {
            let provider = Arc::clone(provider);
            async move { provider.renew(&grant).await }
        };
        self.call_for(&spec.from.store, Turn::InLine, renew, move |result| Message::Prolonged(secret, result));
    }

    /// Sends a message some time from now.
    pub(super) fn after(&self, wait: Duration, message: Message) {
        let events = self.events.clone();
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let _ = events.send(message);
        });
    }
}

fn want(spec: &SecretSpec, known: Option<Version>) -> Want {
    Want {
        path: spec.from.path.clone(),
        pinned: spec.from.version,
        stage: spec.from.stage.clone(),
        known,
        with: spec.with.clone(),
        manner: spec.manner.clone(),
    }
}
