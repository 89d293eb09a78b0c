//! A configuration that is written anew while the agent runs: by SIGHUP, or because a file of it has changed. In `exec`
//! the signal is the child's, and a file has to change.
//!
//! It is read, and if it is good it takes the place of the last one, store by store and secret by secret: sessions,
//! leases and files that it leaves alone stay as they are, so nobody logs in again for a template that was mended. One
//! that is not good is told of, and the last one goes on.
//!
//! What a template reads with `file` is looked at as well, and the files made of it are made anew.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use oakum_inject::Injection;
use oakum_inject::config::FileName;
use oakum_inject::provider::Grant;
use oakum_inject::reference::Name;
use oakum_inject::template::Template;

use crate::cli::Options;
use crate::harden::Exec;
use crate::harden::reach::Reach;
use crate::machine::Event;
use crate::machine::plan::Mode;
use crate::machine::plan::Plan;
use crate::machine::reload::Change;
use crate::output::{self, Level};
use crate::shell::calls::lines;
use crate::shell::{Message, Shell, restarts, runs_commands};
use crate::{Failure, Loaded};

/// How often the files are looked at.
pub(crate) const EVERY: Duration = Duration::from_secs(5);

/// Who wants the configuration to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// Somebody, who wants to hear that there is nothing new too.
    Signal,
    File,
}

/// What is known of the configuration's files, and of what began before they were last read.
pub(crate) struct Reload {
    options: Options,
    sources: Vec<PathBuf>,
    stamps: Vec<Stamp>,
    inserts: Vec<Insert>,
    /// What the sandbox lets us read and connect to, for good.
    reach: Reach,
    number: u64,
    /// The number of the configuration in which a store or a secret was last another.
    stores: BTreeMap<Name, u64>,
    secrets: BTreeMap<Name, u64>,
}

/// Tells whether a file was written or replaced: place, length and time; none where it cannot be looked at.
type Stamp = Option<(u64, u64, i64, i64)>;

fn stamp(path: &Path) -> Stamp {
    let about = std::fs::metadata(path).ok()?;
    Some((about.ino(), about.size(), about.mtime(), about.mtime_nsec()))
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    files.iter().map(|path| stamp(path)).collect()
}

/// A file that a template reads with `file`.
struct Insert {
    path: PathBuf,
    stamp: Stamp,
    /// What is made with it; none for a variable of the environment.
    into: Option<FileName>,
}

fn inserts(injection: &Injection) -> Vec<Insert> {
    let mut inserts = Vec::new();
    for (into, template) in injection.templates() {
        let paths = files_named_in(&template.parsed).into_iter();
        inserts.extend(paths.map(|path| Insert { stamp: stamp(&path), path, into: into.cloned() }));
    }
    inserts
}

/// What a template reads with `file` is a path that stands in it.
pub(crate) fn files_named_in(template: &Template) -> Vec<PathBuf> {
    let paths = template.mentions().into_iter().map(Path::new);
    paths.filter(|path| path.is_absolute() && path.exists()).map(Path::to_owned).collect()
}

impl Reload {
    pub(crate) fn new(options: Options, sources: Vec<PathBuf>, reach: Reach, injection: &Injection) -> Self {
        let (stores, secrets) = Default::default();
        let (stamps, inserts) = (stamps(&sources), inserts(injection));
        Self { stamps, inserts, options, sources, reach, number: 0, stores, secrets }
    }

    /// Tells what is made with a file that another stands in the place of since this was last asked.
    fn inserts_that_changed(&mut self) -> Change {
        let mut change = Change::default();
        for insert in &mut self.inserts {
            let now = stamp(&insert.path);
            // What is being replaced may be gone for a moment; what was made of it is good until there is another.
            if now.is_none() || now == insert.stamp {
                continue;
            }
            insert.stamp = now;
            match &insert.into {
                Some(file) => drop(change.files.insert(file.clone())),
                None => change.env = true,
            }
        }
        change
    }

    /// Counts the configurations that there have been.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Tells whether an answer is about a store or a secret that has become another since it was asked for.
    pub(crate) fn is_outdated(&self, began: u64, message: &Message) -> bool {
        let since = match message {
            Message::Fetched(secret, _) | Message::Prolonged(secret, _) => self.secrets.get(secret),
            Message::LoggedIn(store, _)
            | Message::Renewed(store, _)
            | Message::Revoked(store, _)
            | Message::Released(store, _) => self.stores.get(store),
            _ => None,
        };
        since.is_some_and(|since| began < *since)
    }
}

impl Shell {
    /// Reads the configuration again if one of its files has changed.
    pub(crate) fn look_at_files(&mut self) -> Event {
        // A child that is being started is started with what it was to be.
        let can = self.mode != Mode::Exec || self.agent.is_steady();
        if can && stamps(&self.reload.sources) != self.reload.stamps {
            self.reload(Asks::File);
        }
        if can {
            self.look_at_inserts();
        }
        Event::Tick
    }

    fn look_at_inserts(&mut self) {
        let change = self.reload.inserts_that_changed();
        if change == Change::default() {
            return;
        }
        let files = [("files", change.files.len().to_string())];
        output::log(Level::Info, "file.source_changed", "a file that templates read is another", &files);
        self.go_on_with(&change);
    }

    fn go_on_with(&mut self, change: &Change) {
        if self.mode == Mode::Exec && change.env && !restarts(&self.injection) {
            let hint = "add `restart: true` under `on_change`, and start the agent again".to_owned();
            let what = "the child keeps the environment that it was started with";
            output::log(Level::Warn, "config.env_kept", what, &[("hint", hint)]);
        }
        let plan = Plan::of(&self.injection, self.mode, self.reload.options.timeout);
        for action in self.agent.reload(self.clock.now(), plan, change) {
            self.perform(action);
        }
    }

    /// Reads the configuration again.
    pub(crate) fn reload(&mut self, asks: Asks) {
        // The stamps first: what changes while we read is read again.
        self.reload.stamps = stamps(&self.reload.sources);
        let result = crate::load(&self.reload.options).and_then(|loaded| self.take_over(loaded, asks));
        if let Err(failure) = result {
            let hint: Vec<_> = failure.hint.into_iter().map(|hint| ("hint", hint)).collect();
            let what = format!("the last configuration goes on: {}", failure.what);
            output::log(Level::Warn, "config.refused", &what, &hint);
        }
    }

    fn take_over(&mut self, loaded: Loaded, asks: Asks) -> Result<(), Failure> {
        let Loaded { injection, sources, warnings, .. } = loaded;
        self.reload.stamps = stamps(&sources);
        self.reload.sources = sources;
        if injection == self.injection {
            if asks == Asks::Signal {
                output::log(Level::Info, "config.unchanged", "the configuration is as it was", &[]);
            }
            return Ok(());
        }
        self.can_go_on_with(&injection)?;
        let change = Change::between(&self.injection, &injection);
        let mut providers = BTreeMap::new();
        for (name, store) in &injection.stores {
            let provider = match self.providers.get(name) {
                Some(provider) if !change.stores.contains(name) => Arc::clone(provider),
                _ => Arc::from(oakum_providers::open(store)?),
            };
            providers.insert(name.clone(), provider);
        }
        for warning in &warnings {
            output::log(Level::Warn, "config.no_counterpart", warning, &[]);
        }
        self.close_sessions(&change);
        for secret in &change.secrets {
            if let Some(Some(watch)) = self.watched.remove(secret) {
                watch.abort();
            }
        }
        let reload = &mut self.reload;
        reload.number += 1;
        reload.stores.extend(change.stores.iter().map(|name| (name.clone(), reload.number)));
        reload.secrets.extend(change.secrets.iter().map(|name| (name.clone(), reload.number)));
        self.asking.forget(&change.files);
        let of_others = self.asking.found.iter().filter(|(_, spec)| change.stores.contains(&spec.from.store));
        let of_others = of_others.map(|(name, _)| (name.clone(), self.reload.number));
        self.reload.secrets.extend(of_others);
        // What an answer is still awaited of that nobody wants any more keeps no place.
        self.lines.retain(|name, _| !change.stores.contains(name));
        self.lines = lines(injection.stores.keys(), &self.lines);
        self.volumes.readers(&injection);
        (self.providers, self.injection) = (providers, injection);
        self.reload.inserts = inserts(&self.injection);
        let counts = [
            ("stores", change.stores.len().to_string()),
            ("secrets", change.secrets.len().to_string()),
            ("files", change.files.len().to_string()),
        ];
        output::log(Level::Info, "config.reloaded", "the configuration was written anew", &counts);
        self.go_on_with(&change);
        Ok(())
    }

    /// Finds what cannot be changed while we run.
    fn can_go_on_with(&self, new: &Injection) -> Result<(), Failure> {
        let old = &self.injection;
        let what = if !self.volumes.hold(new) {
            "another volume, or the first file in one,"
        } else if new.listen != old.listen {
            "another `listen`"
        } else if self.mode == Mode::Exec && restarts(new) && !restarts(old) {
            // The child would inherit the filter that has been put over us.
            "the first `restart` of `on_change`"
        } else if runs_commands(new) == Exec::Allowed && runs_commands(old) == Exec::Forbidden {
            "the first command of `on_change`"
        } else if self.hardened.confines()
            && !self.reload.reach.covers(&Reach::of(new, &self.reload.sources, |name| std::env::var_os(name)))
        {
            "a server or a file that the sandbox keeps us from"
        } else {
            return Ok(());
        };
        Err(Failure::usage(format!("{what} needs a new start")).hint("start the agent again"))
    }

    /// Gives back the sessions with stores that are gone, or are others now.
    fn close_sessions(&self, change: &Change) {
        for name in &change.stores {
            let Some(provider) = self.providers.get(name).filter(|_| self.agent.owns_session(name)).map(Arc::clone)
            else {
                continue;
            };
            tokio::spawn(async move {
                let _ = provider.revoke(&Grant::Earlier).await;
                let _ = provider.revoke(&Grant::Session).await;
            });
        }
    }
}
