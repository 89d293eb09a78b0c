//! Other processes: who is told that files have changed, the child and its environment, and how each of them ends.

use std::time::Duration;

use oakum_inject::config::{EnvName, EnvSource, Receiver, Tell};
use oakum_inject::{Class, ProviderError, Secret, format};
use rustix::process::Signal;

use super::{Message, Shell, complain, restarts, runs_commands};
use crate::child::{self, Child};
use crate::hook;
use crate::machine::Event;
use crate::machine::plan::Mode;
use crate::output::{self, Level};
use crate::surroundings::Surroundings;

/// How long a child may take to end that was told to.
const CHILD_GRACE: Duration = Duration::from_secs(30);

impl Shell {
    /// Tells one hook that files have changed.
    pub(super) fn tell(&mut self, at: usize) {
        let Some(hook) = self.injection.on_change.get(at) else { return };
        let result = match &hook.tell {
            Tell::Signal { signal, to: Receiver::Child } => {
                if let Some(child) = self.child {
                    child.signal(hook::number(*signal));
                }
                Ok(())
            }
            Tell::Signal { signal, to } => hook::signal(*signal, to).map(|_| ()),
            Tell::Command { argv, timeout } => match hook::start(argv) {
                Ok(pid) => {
                    self.commands.insert(pid, at);
                    self.after(*timeout, Message::TooLong(pid));
                    return;
                }
                Err(error) => Err(error),
            },
            Tell::Http { address, path, method } => {
                let request = hook::request(address.clone(), path.clone(), method);
                let events = self.events.clone();
                tokio::spawn(async move {
                    let _ = events.send(Message::Told(at, request.await));
                });
                return;
            }
            _ => Ok(()),
        };
        let event = self.told(at, result);
        self.queue.push_back(event);
    }

    pub(super) fn told(&self, hook: usize, result: Result<(), ProviderError>) -> Event {
        match &result {
            Ok(()) => output::log(Level::Info, "hook.told", "told of the change", &[("hook", hook.to_string())]),
            Err(error) => complain("hook.failed", "hook", &hook, error),
        }
        Event::Told { hook, result }
    }

    /// Takes the ends of processes: the child's, a hook's, an orphan's.
    pub(super) fn reap(&mut self) -> Event {
        for (pid, code) in child::reap() {
            if self.child.is_some_and(|child| child.is(pid)) {
                self.child = None;
                output::log(Level::Info, "child.ended", "the child has ended", &[("code", code.to_string())]);
                self.queue.push_back(Event::ChildEnded { code });
            } else if let Some(hook) = self.commands.remove(&pid) {
                let failed = || ProviderError::new(Class::Unreachable, format!("the command ended with code {code}"));
                let event = self.told(hook, if code == 0 { Ok(()) } else { Err(failed()) });
                self.queue.push_back(event);
            }
        }
        Event::Tick
    }

    /// Makes the environment of the app that we are to become, while its values are at hand.
    pub(super) fn prepare_environment(&mut self) -> Result<(), ProviderError> {
        if self.mode == Mode::HandOver {
            self.environment = Some(self.variables()?);
        }
        Ok(())
    }

    fn variables(&self) -> Result<Vec<(String, Secret)>, ProviderError> {
        let one = |(name, value): (&EnvName, &EnvSource)| {
            let value = format::variable(value, &self.staged, &Surroundings)?;
            if value.expose().contains(&0) {
                return Err(ProviderError::new(
                    Class::Misconfigured,
                    format!("the value of `{name}` holds a NUL, which no environment can hold"),
                )
                .hint("give it to the app as a file"));
            }
            Ok((name.to_string(), value))
        };
        self.injection.env.iter().map(one).collect()
    }

    /// The signal that a child is told to end by that is to be started again.
    fn stopping_by(&self) -> Signal {
        let stop = self.injection.on_change.iter().find_map(|hook| match hook.tell {
            Tell::Restart(stop) => Some(hook::number(stop)),
            _ => None,
        });
        stop.unwrap_or(Signal::TERM)
    }

    /// Tells the child to end; what is still there after a while is killed.
    pub(super) fn stop_child(&mut self, event: &str, level: Level, what: &str) {
        if let Some(child) = self.child {
            output::log(level, event, what, &[]);
            child.signal(self.stopping_by());
            self.after(CHILD_GRACE, Message::StillRunning(child));
        }
    }

    pub(super) fn spawn(&mut self) -> Result<(), ProviderError> {
        let env = self.variables()?;
        self.child = Some(Child::start(&self.command, &env)?);
        output::log(Level::Info, "child.started", "started the child", &[("variables", env.len().to_string())]);
        // Not before: the child would inherit the filter, and apps may do what we may not. One that is started again
        // would inherit it all the same.
        if !restarts(&self.injection) {
            self.hardened.filter(runs_commands(&self.injection));
        }
        self.hardened.tell_sandbox();
        Ok(())
    }
}
