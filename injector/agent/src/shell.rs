//! Does what the state machine says: calls providers, publishes, starts the child, and tells the machine what came of it.
//!
//! It is the only place that holds values, from the moment a fetch ends until the machine says that they have been
//! delivered everywhere. Nothing is decided here.

pub(crate) mod calls;
pub(crate) mod further;
mod processes;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use oakum_inject::config::{Audit, Content, FileName, SecretSpec, Tell};
use oakum_inject::format;
use oakum_inject::provider::{Grant, Session, Term};
use oakum_inject::reference::Name;
use oakum_inject::{Alarm, Class, Fetched, Fields, Injection, ProviderError, Secret, SecretProvider};
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use rustix::process::{Pid, Signal};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use self::calls::{Lines, Turn};
use self::further::Asking;
use crate::Failure;
use crate::child::{self, Child};
use crate::cli::{Options, Sandbox};
use crate::clock::Clock;
use crate::harden::reach::Reach;
use crate::harden::{self, Exec};
use crate::health::{self, Told};
use crate::machine::plan::{Mode, Plan};
use crate::machine::{Action, Agent, Demand, Event, Outcome, Questions, Replaced, VolumeFault};
use crate::notify::Notify;
use crate::output::{self, Level};
use crate::reload::{self, Asks, Reload};
use crate::surroundings::Surroundings;
use crate::volume::{Part, Volumes};

/// How many calls about secrets of one store may be under way at once.
const MAX_CALLS: usize = 8;

/// How long to wait where nothing is due.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// Signals that end us, or are handed on to the child.
const STOPPING: [(SignalKind, Signal); 3] = [
    (SignalKind::terminate(), Signal::TERM),
    (SignalKind::interrupt(), Signal::INT),
    (SignalKind::quit(), Signal::QUIT),
];
/// Signals that are handed on to the child, and mean nothing to us (yet).
const PASSING: [(SignalKind, Signal); 4] = [
    (SignalKind::hangup(), Signal::HUP),
    (SignalKind::user_defined1(), Signal::USR1),
    (SignalKind::user_defined2(), Signal::USR2),
    (SignalKind::window_change(), Signal::WINCH),
];

/// What the agent was asked to do.
pub(crate) struct Asked {
    pub(crate) injection: Injection,
    /// The files that the configuration was read from.
    pub(crate) sources: Vec<PathBuf>,
    pub(crate) mode: Mode,
    /// The child of `exec`.
    pub(crate) command: Vec<OsString>,
    /// The file of our number, which is taken away at the end.
    pub(crate) pid_file: Option<PathBuf>,
}

/// What comes to the main loop from outside, and the way to it.
pub(crate) struct Inbox {
    events: mpsc::UnboundedSender<Message>,
    inbox: mpsc::UnboundedReceiver<Message>,
}

impl Inbox {
    /// Listens for signals from now on, within a runtime. One that comes before the main loop begins waits for it.
    ///
    /// # Errors
    /// Says that the system does not let us.
    pub(crate) fn open() -> Result<Self, Failure> {
        let (events, inbox) = mpsc::unbounded_channel();
        listen_for_signals(&events)
            .map_err(|error| Failure::usage(format!("cannot listen for signals: {}", output::reason(&error))))?;
        Ok(Self { events, inbox })
    }
}

/// Runs a mode to its end and gives the exit code.
///
/// # Errors
/// Says what went wrong, with the code for it.
pub(crate) async fn run(
    asked: Asked,
    options: &Options,
    mut hardened: harden::Report,
    inbox: Inbox,
) -> Result<u8, Failure> {
    let Asked { injection, sources, mode, command, pid_file } = asked;
    let Inbox { events, mut inbox } = inbox;
    let providers = injection
        .stores
        .iter()
        .map(|(name, store)| Ok((name.clone(), Arc::from(oakum_providers::open(store)?))))
        .collect::<Result<_, ProviderError>>()?;
    let mut volumes = Volumes::open(&injection)?;
    let (asks, asked) = mpsc::unbounded_channel();
    if let Some(address) = injection.listen {
        let result = health::serve(address, asks).await;
        result.map_err(|error| Failure::usage(format!("cannot listen on {address}: {}", output::reason(&error))))?;
    }
    // An app that we become tells systemd itself.
    let notify = if mode.is_once() { Notify::default() } else { Notify::open(|name| std::env::var_os(name)) };
    let mut reach = Reach::of(&injection, &sources, |name| std::env::var_os(name));
    pid_file.iter().for_each(|path| reach.take_out(path));
    let reach = enclose(&injection, mode, options, reach, &mut volumes, &mut hardened)?;
    if !mode.is_once() {
        again_and_again(&events, reload::EVERY, || Message::LookAtFiles);
    }
    if let Some(time) = notify.watchdog() {
        again_and_again(&events, time, || Message::ShowLife);
    }
    let agent = Agent::new(Plan::of(&injection, mode, options.timeout), Duration::ZERO, random());
    let reload = Reload::new(options.clone(), sources, reach, &injection);
    let mut shell = Shell {
        lines: calls::lines(injection.stores.keys(), &BTreeMap::new()),
        injection,
        providers,
        agent,
        volumes,
        staged: BTreeMap::new(),
        child: None,
        commands: HashMap::new(),
        command,
        clock: Clock::begin(),
        queue: VecDeque::from([Event::Tick]),
        events,
        asked,
        hardened,
        watched: BTreeMap::new(),
        environment: None,
        reload,
        asking: Asking::default(),
        alarms: BTreeMap::new(),
        notify,
        mode,
    };
    let outcome = loop {
        let event = match shell.queue.pop_front() {
            Some(event) => event,
            None => shell.wait(&mut inbox).await,
        };
        if let Some(outcome) = shell.step(event) {
            break outcome;
        }
    };
    if !mode.is_once() || outcome != Outcome::Done {
        shell.volumes.leave();
    }
    let complaints = shell.agent.complaints();
    if outcome == Outcome::Done && !complaints.is_empty() {
        output::last_words(&complaints.join("\n"));
    }
    if outcome == Outcome::Done
        && let Some(env) = shell.environment.take()
    {
        return Err(child::become_app(&shell.command, &env).into());
    }
    outcome.try_into()
}

/// Tells whether anything has to be run after the beginning.
pub(crate) fn runs_commands(injection: &Injection) -> Exec {
    let runs = injection.on_change.iter().any(|hook| matches!(hook.tell, Tell::Command { .. }));
    if runs { Exec::Allowed } else { Exec::Forbidden }
}

/// Tells whether the child is started again when something has changed.
pub(crate) fn restarts(injection: &Injection) -> bool {
    injection.on_change.iter().any(|hook| matches!(hook.tell, Tell::Restart(_)))
}

/// Shuts the process in, now that all is open that it may not open later.
fn enclose(
    injection: &Injection,
    mode: Mode,
    options: &Options,
    mut reach: Reach,
    volumes: &mut Volumes,
    hardened: &mut harden::Report,
) -> Result<Reach, Failure> {
    volumes.made().for_each(|path| reach.take_away(path));
    hardened.enclose(mode, runs_commands(injection), &reach, &volumes.places()?);
    if !mode.has_app() {
        hardened.tell_sandbox();
    }
    let missing = hardened.missing(mode, mode == Mode::Exec && restarts(injection));
    if options.sandbox == Sandbox::Required && !missing.is_empty() {
        volumes.leave();
        return Err(Failure::usage(format!(
            "cannot be sandboxed in full, as --require-sandbox asks: {}",
            missing.join("; ")
        ))
        .hint("Landlock for files and connections needs Linux 6.7, seccomp a container that may use it"));
    }
    Ok(reach)
}

/// What comes from outside the main loop.
pub(crate) enum Message {
    LoggedIn(Name, Result<Session, ProviderError>),
    Renewed(Name, Result<Session, ProviderError>),
    Fetched(Name, Result<Fetched, ProviderError>),
    Nudged(Name),
    Prolonged(Name, Result<Session, ProviderError>),
    Revoked(Name, Result<(), ProviderError>),
    Released(Name, Result<(), ProviderError>),
    /// Something ended that nobody waits for.
    Nothing,
    Told(usize, Result<(), ProviderError>),
    /// A command of a hook has had its time.
    TooLong(Pid),
    /// A child that was told to end has had its time.
    StillRunning(Child),
    Signal(Signal),
    ChildMayHaveEnded,
    /// What came of a call that began under this number of configurations.
    Since(u64, Box<Message>),
    /// It is time to see whether the configuration was written anew.
    LookAtFiles,
    /// It is time to show that the main loop goes round.
    ShowLife,
}

pub(crate) struct Shell {
    pub(crate) injection: Injection,
    pub(crate) providers: BTreeMap<Name, Arc<dyn SecretProvider>>,
    pub(crate) agent: Agent,
    pub(crate) volumes: Volumes,
    /// Values that are on their way into files or the environment.
    pub(crate) staged: BTreeMap<Name, Fields>,
    pub(crate) child: Option<Child>,
    /// What the app is handed that we are to become.
    pub(crate) environment: Option<Vec<(String, Secret)>>,
    /// Commands of hooks that run now.
    pub(crate) commands: HashMap<Pid, usize>,
    pub(crate) command: Vec<OsString>,
    pub(crate) clock: Clock,
    pub(crate) queue: VecDeque<Event>,
    pub(crate) events: mpsc::UnboundedSender<Message>,
    pub(crate) lines: Lines,
    /// Who wants to know how things are.
    pub(crate) asked: mpsc::UnboundedReceiver<health::Ask>,
    pub(crate) hardened: harden::Report,
    /// The secrets that are watched, or were found not to be.
    pub(crate) watched: BTreeMap<Name, Option<AbortHandle>>,
    pub(crate) reload: Reload,
    /// What templates have asked for while they were rendered.
    pub(crate) asking: Asking,
    /// How often each alarm was raised.
    pub(crate) alarms: BTreeMap<Alarm, u64>,
    pub(crate) notify: Notify,
    pub(crate) mode: Mode,
}

/// Sends a message again and again, the first after the time that is between two.
fn again_and_again(events: &mpsc::UnboundedSender<Message>, time: Duration, message: fn() -> Message) {
    let events = events.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(time).await;
            if events.send(message()).is_err() {
                return;
            }
        }
    });
}

impl Shell {
    /// Gives what a secret is, of the configuration or one that a template has asked for.
    pub(crate) fn spec(&self, secret: &Name) -> Option<&SecretSpec> {
        self.injection.secrets.get(secret).or_else(|| self.asking.found.get(secret))
    }

    /// Waits until something happens, or the machine wants to be asked. Whoever wants to know how things are is told.
    async fn wait(&mut self, inbox: &mut mpsc::UnboundedReceiver<Message>) -> Event {
        let wait = self.agent.due().map_or(MAX_WAIT, |due| due.saturating_sub(self.clock.now()));
        let alarm = tokio::time::sleep(wait);
        tokio::pin!(alarm);
        loop {
            tokio::select! {
                message = inbox.recv() => return match message {
                    Some(message) => self.understand(message),
                    None => Event::Stop,
                },
                () = &mut alarm => return Event::Tick,
                Some(ask) = self.asked.recv() => {
                    let status = self.agent.status(self.clock.now());
                    // Whoever has not waited for the answer does not need it.
                    let _ = ask.send(Told { status, hardened: self.hardened, alarms: self.alarms.clone() });
                }
            }
        }
    }

    fn step(&mut self, event: Event) -> Option<Outcome> {
        let now = self.clock.now();
        let actions = self.agent.step(now, event);
        let delivers = actions.iter().any(|action| matches!(action, Action::Forget(_)));
        for action in actions {
            if let Action::Exit(outcome) = action {
                self.notify.stopping();
                return Some(outcome);
            }
            self.perform(action);
        }
        if delivers {
            harden::wipe_stack();
        }
        if self.agent.has_news() || self.notify.owes() {
            self.notify.tell(|| self.agent.outlook());
        }
        None
    }

    fn understand(&mut self, message: Message) -> Event {
        match message {
            Message::LoggedIn(store, result) => {
                match &result {
                    Ok(session) => {
                        let ttl = session.ttl.map_or_else(|| "none".to_owned(), |ttl| format!("{}s", ttl.as_secs()));
                        output::log(
                            Level::Info,
                            "store.logged_in",
                            "logged in",
                            &[("store", store.to_string()), ("ttl", ttl)],
                        );
                    }
                    Err(error) => {
                        complain("store.login_failed", "store", &store, error);
                        self.raise(&store, error);
                    }
                }
                Event::LoggedIn { store, result }
            }
            Message::Renewed(store, result) => {
                match &result {
                    Ok(_) => {
                        output::log(Level::Info, "store.renewed", "token renewed", &[("store", store.to_string())]);
                    }
                    Err(error) => complain("store.renewal_failed", "store", &store, error),
                }
                Event::Renewed { store, result }
            }
            Message::Fetched(secret, result) => {
                // A secret that is not there yet may come.
                if result.as_ref().map_or_else(|error| error.class == Class::Missing, |_| true) {
                    self.watch(&secret);
                }
                self.take_value(secret, result)
            }
            Message::Nudged(secret) => Event::Nudged { secret },
            Message::Prolonged(secret, result) => {
                match &result {
                    Ok(session) => {
                        let ttl = session.ttl.map_or_else(|| "none".to_owned(), |ttl| format!("{}s", ttl.as_secs()));
                        let told = [("secret", secret.to_string()), ("lease", ttl)];
                        output::log(Level::Info, "secret.prolonged", "lease renewed", &told);
                    }
                    Err(error) => complain("secret.renewal_failed", "secret", &secret, error),
                }
                Event::Prolonged { secret, result }
            }
            Message::Nothing => Event::Tick,
            Message::Released(store, result) => {
                match &result {
                    Ok(()) => {
                        output::log(
                            Level::Info,
                            "secret.released",
                            "lease given back",
                            &[("store", store.to_string())],
                        );
                    }
                    Err(error) => complain("secret.release_failed", "store", &store, error),
                }
                Event::Revoked { store }
            }
            Message::Revoked(store, result) => {
                match &result {
                    Ok(()) => {
                        output::log(Level::Info, "store.revoked", "token revoked", &[("store", store.to_string())]);
                    }
                    Err(error) => complain("store.revocation_failed", "store", &store, error),
                }
                Event::Revoked { store }
            }
            Message::Signal(signal) => self.take_signal(signal),
            Message::ChildMayHaveEnded => self.reap(),
            Message::TooLong(pid) => {
                if let Some(hook) = self.commands.get(&pid) {
                    let told = [("hook", hook.to_string())];
                    output::log(Level::Warn, "hook.too_long", "the command takes too long, and is ended", &told);
                    let _ = rustix::process::kill_process(pid, Signal::KILL);
                }
                Event::Tick
            }
            Message::StillRunning(child) => {
                if self.child.is_some_and(|now| now == child) {
                    output::log(Level::Warn, "child.too_long", "the child does not end, and is ended", &[]);
                    child.signal(Signal::KILL);
                }
                Event::Tick
            }
            Message::Told(hook, result) => self.told(hook, result),
            Message::Since(began, message) if self.reload.is_outdated(began, &message) => Event::Tick,
            Message::Since(_, message) => self.understand(*message),
            Message::LookAtFiles => self.look_at_files(),
            Message::ShowLife => {
                self.notify.alive();
                Event::Tick
            }
        }
    }

    /// Tells of what may be an attack, besides the failure that it is.
    fn raise(&mut self, store: &Name, error: &ProviderError) {
        let Some(alarm) = error.alarm else { return };
        *self.alarms.entry(alarm).or_default() += 1;
        let mut fields = vec![("store", store.to_string())];
        fields.extend(error.hint.iter().map(|hint| ("hint", hint.clone())));
        output::log(Level::Error, &format!("vault.{}", alarm.name()), &error.what, &fields);
    }

    /// Leaves a line of an access, whatever came of it.
    fn audit(&self, secret: &Name, result: &Result<Fetched, ProviderError>) {
        let (Some(audit), Some(spec)) = (self.injection.audit, self.spec(secret)) else { return };
        let mut told = vec![("secret", secret.to_string()), ("store", spec.from.store.to_string())];
        told.push(match audit {
            Audit::Plain => ("path", spec.from.path.clone()),
            Audit::Hashed => ("path_sha256", hash(&spec.from.path)),
        });
        let (outcome, found) = match result {
            Ok(Fetched::Unchanged) => ("success", "unchanged"),
            Ok(Fetched::Changed { .. }) => ("success", "read"),
            Err(error) => ("failure", error.class.name()),
        };
        told.extend([("found", found.to_owned()), ("event.outcome", outcome.to_owned())]);
        output::log(Level::Info, "secret.access", "asked for", &told);
    }

    fn take_value(&mut self, secret: Name, result: Result<Fetched, ProviderError>) -> Event {
        if self.spec(&secret).is_none() {
            // Nobody wants it any more, and nobody would forget it.
            return Event::Tick;
        }
        self.audit(&secret, &result);
        let result = result.and_then(|fetched| self.chosen(&secret, fetched));
        let result = match result {
            Ok(Fetched::Unchanged) => Ok(None),
            Ok(Fetched::Changed { fields, version, term }) => {
                let mut told = vec![("secret", secret.to_string())];
                if let Some(number) = version.number() {
                    told.push(("version", number.to_string()));
                }
                if let Term::Lease(lease) = &term {
                    told.push(("lease", format!("{}s", lease.ttl.as_secs())));
                }
                output::log(Level::Info, "secret.fetched", "fetched", &told);
                self.staged.insert(secret.clone(), fields);
                Ok(Some((version, term)))
            }
            Err(error) => {
                complain("secret.fetch_failed", "secret", &secret, &error);
                if let Some(store) = self.spec(&secret).map(|spec| spec.from.store.clone()) {
                    self.raise(&store, &error);
                }
                Err(error)
            }
        };
        Event::Fetched { secret, result }
    }

    /// Keeps the one field that a secret is said to be, and drops the others.
    fn chosen(&self, secret: &Name, mut fetched: Fetched) -> Result<Fetched, ProviderError> {
        let field = self.spec(secret).and_then(|spec| spec.from.field.as_deref());
        if let (Some(field), Fetched::Changed { fields, .. }) = (field, &mut fetched) {
            if fields.get(field).is_none() {
                let names = fields.names().iter().map(|name| name.escape_debug().to_string()).collect();
                return Err(
                    format::RenderError::NoField { secret: secret.clone(), field: field.to_owned(), names }.into()
                );
            }
            fields.retain_only(field);
        }
        Ok(fetched)
    }

    fn take_signal(&mut self, signal: Signal) -> Event {
        match self.child {
            Some(child) => child.signal(signal),
            None if signal == Signal::HUP && self.mode == Mode::Run => {
                self.notify.reloading(&self.agent.outlook());
                self.reload(Asks::Signal);
                self.notify.reloaded(|| self.agent.outlook());
            }
            None if STOPPING.iter().any(|(_, stopping)| *stopping == signal) => {
                output::log(Level::Info, "agent.stopping", "told to stop", &[]);
                self.notify.stopping();
                return Event::Stop;
            }
            None => {}
        }
        Event::Tick
    }

    pub(crate) fn perform(&mut self, action: Action) {
        match action {
            Action::Login(store) => self.call(store, |provider| provider.login(), Message::LoggedIn),
            Action::Renew(store) => self.call(store, |provider| provider.renew(&Grant::Session), Message::Renewed),
            Action::Revoke(store) => self.call(store, |provider| provider.revoke(&Grant::Session), Message::Revoked),
            Action::RevokeEarlier(store) => {
                self.call(store, |provider| provider.revoke(&Grant::Earlier), |_, _| Message::Nothing);
            }
            Action::RevokeLease { store, lease } => {
                let revoke = |provider: &Arc<dyn SecretProvider>| {
                    let provider = Arc::clone(provider);
                    let grant = Grant::Lease(lease);
                    async move { provider.revoke(&grant).await }
                };
                let name = store.clone();
                self.call_for(&store, Turn::InLine, revoke, move |result| Message::Released(name, result));
            }
            Action::Prolong { secret, lease } => self.prolong(secret, lease),
            Action::Fetch { secret, known } => self.fetch(secret, known),
            Action::Publish { files, withdrawn, demand } => {
                let event = match self.prepare_environment() {
                    Ok(()) => self.publish(&files, &withdrawn, demand),
                    Err(error) => Event::Started(Err(error)),
                };
                self.queue.push_back(event);
            }
            Action::Forget(secret) => {
                self.staged.remove(&secret);
            }
            Action::Release(secret) => {
                self.staged.remove(&secret);
                self.asking.found.remove(&secret);
                if let Some(Some(watch)) = self.watched.remove(&secret) {
                    watch.abort();
                }
            }
            Action::Spawn => {
                let result = self.spawn();
                self.queue.push_back(Event::Started(result));
            }
            Action::StopChild => {
                let what = "ending the child, to start it with what is new";
                self.stop_child("child.restarting", Level::Info, what);
            }
            Action::EndChild => self.stop_child("child.ending", Level::Warn, "ending the child: a secret is too old"),
            Action::Tell(hook) => self.tell(hook),
            Action::Sweep => {
                if let Err(error) = self.volumes.sweep() {
                    output::log(Level::Warn, "volume.sweep_failed", &error.to_string(), &[]);
                }
            }
            Action::Wipe => {
                self.staged.clear();
                match self.volumes.wipe() {
                    Ok(()) if self.volumes.is_empty() => {}
                    Ok(()) => output::log(Level::Info, "volume.wiped", "files wiped", &[]),
                    Err(error) => output::log(Level::Warn, "volume.wipe_failed", &error.to_string(), &[]),
                }
            }
            Action::Exit(_) => {}
        }
    }

    fn publish(&mut self, files: &BTreeSet<FileName>, withdrawn: &BTreeSet<FileName>, demand: Demand) -> Event {
        let mut parts = BTreeMap::new();
        let mut failed = BTreeMap::new();
        let mut asked = Questions::default();
        let Self { injection, staged, asking, volumes, queue, .. } = self;
        for (name, spec) in injection.files.iter().filter(|(name, _)| !withdrawn.contains(*name)) {
            // What is not made anew is kept, also from an agent that was here before us.
            let mut part = Part::Kept;
            if files.contains(name) {
                let made = match &spec.content {
                    Content::Template(template) if template.further.is_some() => {
                        asking.render(name, template, &injection.secrets, staged, &mut asked)
                    }
                    content => format::render(content, staged, &Surroundings).map(Some).map_err(ProviderError::from),
                };
                match made {
                    Ok(Some(content)) => {
                        part = Part::New(spec.mode.unwrap_or(injection.volume_of(name).mode), content);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        let error = error.while_doing(&format!("cannot make {name}"));
                        output::log(Level::Warn, "file.not_made", &error.to_string(), &[]);
                        failed.insert(name.clone(), error);
                    }
                }
            }
            parts.insert(name.clone(), part);
        }
        if asked.grows {
            return Event::Asked(asked);
        }
        if !asked.files.is_empty() {
            queue.push_back(Event::Asked(asked));
        }
        let nothing_new = !files.is_empty() && failed.len() == files.len() && withdrawn.is_empty();
        if volumes.is_empty() || nothing_new || (demand == Demand::All && !failed.is_empty()) {
            return Event::Published { failed, replaced: Replaced::Nothing, changed: BTreeSet::new() };
        }
        match volumes.publish(parts, random()) {
            Ok(done) => {
                let made = files.len() - failed.len();
                let what = if done.published { "published" } else { "unchanged" };
                let mut told = vec![("files", made.to_string())];
                if !withdrawn.is_empty() {
                    told.push(("withdrawn", withdrawn.len().to_string()));
                }
                if done.replaced {
                    // `once` waits for as long.
                    told.push(("wiping_the_last_after", format!("{:?}", injection.volume.grace)));
                }
                output::log(Level::Info, "volume.published", what, &told);
                let replaced = if done.replaced { Replaced::Generation } else { Replaced::Nothing };
                Event::Published { failed, replaced, changed: done.changed }
            }
            Err(error) => {
                let fault = VolumeFault::from(error);
                let hint: Vec<_> = fault.hint.iter().map(|hint| ("hint", hint.clone())).collect();
                output::log(Level::Warn, "volume.not_published", &fault.what, &hint);
                Event::NotPublished(fault)
            }
        }
    }
}

fn complain(event: &str, kind: &str, name: &dyn std::fmt::Display, error: &ProviderError) {
    let mut fields = vec![(kind, name.to_string()), ("class", error.class.name().to_owned())];
    fields.extend(error.hint.iter().map(|hint| ("hint", hint.clone())));
    fields.extend(error.status.map(|status| ("http.response.status_code", status.to_string())));
    output::log(Level::Warn, event, &error.what, &fields);
}

fn listen_for_signals(events: &mpsc::UnboundedSender<Message>) -> std::io::Result<()> {
    for (kind, number) in STOPPING.into_iter().chain(PASSING) {
        let mut stream = signal(kind)?;
        let events = events.clone();
        tokio::spawn(
            async move { while stream.recv().await.is_some() && events.send(Message::Signal(number)).is_ok() {} },
        );
    }
    let mut ended = signal(SignalKind::child())?;
    let events = events.clone();
    tokio::spawn(
        async move { while ended.recv().await.is_some() && events.send(Message::ChildMayHaveEnded).is_ok() {} },
    );
    Ok(())
}

/// The SHA-256 of a text, in hex.
fn hash(text: &str) -> String {
    digest::digest(&digest::SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Draws a number: a seed for chance, or the name of a generation. Without the system's randomness the clock must do,
/// since neither has to be secret.
fn random() -> u64 {
    let mut bytes = [0; 8];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        bytes = (since.as_nanos() as u64).to_le_bytes();
    }
    u64::from_le_bytes(bytes)
}
