//! Templates that ask for more while they are rendered: names out of a list, a path out of another secret.
//!
//! What such a file is made of is known by rendering it. It is rendered when all is at hand that it asked for the last time;
//! what it asks for besides is fetched, and it is rendered again, until it asks for nothing new. What it does not ask for any
//! more is let go. A list that has lost a name comes before the secret of that name is gone, or after: so a secret that the
//! store refuses, or does not have any more, keeps nobody from finding out whether it is still asked for.

use super::{Action, Agent, Moment, Questions, SecretState, StoreState};

impl SecretState {
    /// Whether its store says that it is not to be had.
    pub(super) fn is_denied(&self) -> bool {
        self.fault.as_ref().is_some_and(|fault| !fault.class.may_pass())
    }
}

impl Agent {
    pub(super) fn asked(&mut self, now: Moment, asked: Questions, actions: &mut Vec<Action>) {
        let Questions { files, grows } = asked;
        for (file, needs) in files {
            for name in self.plan.depend(&file, needs) {
                self.secrets.remove(&name);
                actions.push(Action::Release(name));
            }
            let Some(made_of) = self.plan.files.get(&file) else { continue };
            if let Some(versions) = self.publishing.now.as_mut().and_then(|now| now.get_mut(&file)) {
                versions.retain(|name, _| made_of.contains(name));
            }
            for name in made_of {
                let Some(needs) = self.plan.secrets.get(name) else { continue };
                self.stores.entry(needs.store.clone()).or_insert_with(|| StoreState::new(now));
                let is_new = self.secrets.get(name).is_none();
                let secret = self.secrets.or_make(name, || SecretState::new(needs, now));
                // Another file has it already, and its value has been forgotten.
                if grows && !is_new && secret.staged.is_none() && !secret.reread {
                    secret.reread = true;
                    if secret.failures == 0 && !secret.busy {
                        secret.due = Some(now);
                    }
                }
            }
        }
        if grows {
            self.publishing.now = None;
            self.publishing.withdrawing.clear();
        }
    }
}
