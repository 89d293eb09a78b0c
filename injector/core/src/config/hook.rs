//! `on_change`: what is told that files have changed.
//!
//! ```yaml
//! on_change:
//!   - { signal: HUP, process: nginx }                     # every process of that name that the agent can see
//!   - { signal: HUP, pid_file: /run/app.pid }
//!   - { signal: USR1 }                                    # in `exec`: the child
//!   - { restart: true, files: [db.env], debounce: 5s }    # in `exec`: end the child, and start it with what is new
//!   - { restart: true, stop_signal: INT }                 # by SIGINT in place of SIGTERM
//!   - { command: [/usr/sbin/nginx, -s, reload], timeout: 10s }
//!   - { command: [/usr/bin/make-keystore], at_start: true }   # also for the first files
//!   - { http: "http://127.0.0.1:8080/-/reload", method: POST }
//! ```

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::decode::{absolute, header_text};
use super::map::{Fault, Map as Entries, Result, flag, items, list, parse, text};
use super::value::print_duration;
use super::{Address, FileName, PlainHttp, parse_duration};
use crate::reference::shorten;
use crate::yaml::Node;

/// How long changes are gathered before anybody is told, unless a hook says otherwise.
pub(crate) const DEFAULT_DEBOUNCE: Duration = Duration::from_millis(500);
/// How long a command may take, unless it says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Somebody who is told that files have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// How.
    pub tell: Tell,
    /// Which files matter; all if none are named.
    pub files: BTreeSet<FileName>,
    /// How long changes are gathered.
    pub debounce: Duration,
    /// Whether the first files count as a change too.
    pub at_start: bool,
}

/// How somebody is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tell {
    /// A signal.
    Signal {
        /// Its name without `SIG`.
        signal: SignalName,
        /// Who gets it.
        to: Receiver,
    },
    /// The child of `exec` is ended, first by this signal, and started again with what is new.
    Restart(SignalName),
    /// A program is run. There is no shell, and its path is a whole one.
    Command {
        /// The program and its arguments.
        argv: Vec<String>,
        /// How long it may take.
        timeout: Duration,
    },
    /// A request is sent.
    Http {
        /// To which server.
        address: Address,
        /// The path and the query.
        path: String,
        /// `POST`, `PUT` or `GET`.
        method: &'static str,
    },
}

/// Who gets a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receiver {
    /// The child of `exec`.
    Child,
    /// Every process of that name.
    Process(String),
    /// The process whose number stands in a file.
    PidFile(PathBuf),
}

/// A signal that one may send to say that something has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalName(&'static str);

/// Those that do not end a process by force.
const SIGNALS: &[&str] = &["HUP", "USR1", "USR2", "TERM", "INT", "QUIT", "WINCH"];
const METHODS: &[&str] = &["POST", "PUT", "GET"];

impl SignalName {
    /// What a process is asked to end by.
    pub const TERM: Self = Self("TERM");

    /// Parses `HUP` or `SIGHUP`.
    ///
    /// # Errors
    /// Lists the signals that there are.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let name = text.strip_prefix("SIG").unwrap_or(text);
        let found = SIGNALS.iter().find(|known| **known == name);
        found.map(|name| Self(name)).ok_or_else(|| format!("`signal` must be one of {}", list(SIGNALS)))
    }

    /// Gives the name without `SIG`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// Reads `on_change`; `known` tells whether there is a file of that name.
pub(crate) fn decode(node: &Node, known: impl Fn(&FileName) -> bool) -> Result<Vec<Hook>> {
    items(node, "on_change")?.iter().map(|node| hook(node, &known)).collect()
}

fn hook(node: &Node, known: &impl Fn(&FileName) -> bool) -> Result<Hook> {
    let mut map = Entries::open(node, "a hook of `on_change`")?;
    let line = map.line();
    let (signal, restart, command, http) = (map.get("signal"), map.get("restart"), map.get("command"), map.get("http"));
    let (process, pid_file) = (map.get("process"), map.get("pid_file"));
    let (timeout, method, stop) = (map.get("timeout"), map.get("method"), map.get("stop_signal"));
    let files = match map.get("files") {
        Some(node) => files(node, known)?,
        None => BTreeSet::new(),
    };
    let debounce = map.get("debounce").map(|node| parse(node, "debounce", parse_duration)).transpose()?;
    let at_start = map.get("at_start").map(|node| flag(node, "at_start")).transpose()?.unwrap_or(false);
    map.finish()?;
    let only = |wanted: &str, extra: &[(&str, Option<&Node>)]| match extra
        .iter()
        .find_map(|(name, node)| Some((name, (*node)?)))
    {
        Some((name, node)) => Err(Fault::new(node.line, format!("`{name}` does not belong to `{wanted}`"))),
        None => Ok(()),
    };
    let (process_, pid_file_, timeout_) = (("process", process), ("pid_file", pid_file), ("timeout", timeout));
    let (method_, stop_) = (("method", method), ("stop_signal", stop));
    let tell = match (signal, restart, command, http) {
        (Some(node), None, None, None) => {
            only("signal", &[timeout_, method_, stop_])?;
            Tell::Signal { signal: parse(node, "signal", SignalName::parse)?, to: receiver(process, pid_file)? }
        }
        (None, Some(node), None, None) => {
            only("restart", &[process_, pid_file_, timeout_, method_])?;
            if at_start {
                return Err(Fault::new(
                    node.line,
                    "`restart` is for a child that runs, and at the start there is none",
                )
                .hint("take `at_start` away"));
            }
            if !flag(node, "restart")? {
                return Err(Fault::new(node.line, "`restart` must be true").hint("take the hook away instead"));
            }
            let stop = stop.map(|node| parse(node, "stop_signal", SignalName::parse)).transpose()?;
            Tell::Restart(stop.unwrap_or(SignalName::TERM))
        }
        (None, None, Some(node), None) => {
            only("command", &[process_, pid_file_, method_, stop_])?;
            let timeout = timeout.map(|node| parse(node, "timeout", parse_duration)).transpose()?;
            Tell::Command { argv: argv(node)?, timeout: timeout.unwrap_or(DEFAULT_TIMEOUT) }
        }
        (None, None, None, Some(node)) => {
            only("http", &[process_, pid_file_, timeout_, stop_])?;
            let (address, path) = url(node)?;
            let method = match method {
                Some(node) => parse(node, "method", |text| {
                    let found = METHODS.iter().find(|known| **known == text);
                    found.copied().ok_or_else(|| format!("`method` must be one of {}", list(METHODS)))
                })?,
                None => "POST",
            };
            Tell::Http { address, path, method }
        }
        _ => {
            return Err(Fault::new(
                line,
                "a hook of `on_change` needs one of `signal`, `restart`, `command` and `http`",
            ));
        }
    };
    Ok(Hook { tell, files, debounce: debounce.unwrap_or(DEFAULT_DEBOUNCE), at_start })
}

fn files(node: &Node, known: &impl Fn(&FileName) -> bool) -> Result<BTreeSet<FileName>> {
    let one = |node: &Node| {
        let name = parse(node, "files", FileName::parse)?;
        if known(&name) { Ok(name) } else { Err(Fault::new(node.line, format!("there is no file `{name}`"))) }
    };
    items(node, "files")?.iter().map(one).collect()
}

fn receiver(process: Option<&Node>, pid_file: Option<&Node>) -> Result<Receiver> {
    match (process, pid_file) {
        (None, None) => Ok(Receiver::Child),
        (Some(node), None) => parse(node, "process", |name| {
            // The system keeps 15 bytes of a name, and shows no more.
            if name.is_empty() || name.len() > 15 || name.contains('/') {
                return Err("`process` must be a name of 1 to 15 bytes, as `ps -o comm` shows it".to_owned());
            }
            Ok(Receiver::Process(name.to_owned()))
        }),
        (None, Some(node)) => Ok(Receiver::PidFile(absolute(node, "pid_file")?)),
        (Some(_), Some(node)) => {
            Err(Fault::new(node.line, "a signal goes to a `process` or to a `pid_file`, not both"))
        }
    }
}

fn argv(node: &Node) -> Result<Vec<String>> {
    let words =
        items(node, "command").map_err(|fault| fault.hint("write it as a list: [/usr/sbin/nginx, -s, reload]"))?;
    let argv: Vec<String> = words.iter().map(|node| text(node, "command").map(str::to_owned)).collect::<Result<_>>()?;
    match argv.first() {
        Some(program) if program.starts_with('/') => {}
        _ => {
            return Err(Fault::new(node.line, "`command` does not begin with the whole path of a program")
                .hint("nothing is looked up in PATH: write /usr/sbin/nginx"));
        }
    }
    if argv.iter().any(|word| word.contains('\0')) {
        return Err(Fault::new(node.line, "`command` holds a NUL"));
    }
    Ok(argv)
}

fn url(node: &Node) -> Result<(Address, String)> {
    let whole = text(node, "http")?;
    let end = whole.find("://").map_or(0, |at| at + 3);
    let at = whole[end..].find('/').map_or(whole.len(), |at| end + at);
    let (address, path) = whole.split_at(at);
    let address = Address::parse(address, PlainHttp::LoopbackOnly).map_err(|(what, hint)| Fault {
        line: node.line,
        what,
        hint,
    })?;
    header_text(path).map_err(|_| Fault::new(node.line, format!("`{}` is no path of a URL", shorten(path))))?;
    Ok((address, if path.is_empty() { "/".to_owned() } else { path.to_owned() }))
}

/// Writes a hook so that it is read back as it is.
pub(super) fn encode(hook: &Hook) -> Value {
    let Hook { tell, files, debounce, at_start } = hook;
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    match tell {
        Tell::Signal { signal, to } => {
            put("signal", signal.as_str().into());
            match to {
                Receiver::Child => None,
                Receiver::Process(name) => put("process", name.as_str().into()),
                Receiver::PidFile(path) => put("pid_file", path.to_string_lossy().into_owned().into()),
            };
        }
        Tell::Restart(stop) => {
            put("restart", true.into());
            if *stop != SignalName::TERM {
                put("stop_signal", stop.as_str().into());
            }
        }
        Tell::Command { argv, timeout } => {
            put("command", json!(argv));
            if *timeout != DEFAULT_TIMEOUT {
                put("timeout", print_duration(*timeout).into());
            }
        }
        Tell::Http { address, path, method } => {
            put("http", format!("{address}{path}").into());
            if *method != "POST" {
                put("method", (*method).into());
            }
        }
    }
    if !files.is_empty() {
        put("files", files.iter().map(ToString::to_string).collect());
    }
    if *debounce != DEFAULT_DEBOUNCE {
        put("debounce", print_duration(*debounce).into());
    }
    if *at_start {
        put("at_start", true.into());
    }
    map.into()
}
