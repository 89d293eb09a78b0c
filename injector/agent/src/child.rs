//! The process that `exec` runs: started with its environment, given our signals, and waited for together with every
//! orphan that it leaves to us.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use oakum_inject::{Class, ProviderError, Secret};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use crate::surroundings::{self, PROGRAMS};
use crate::{notify, output};

/// A running child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Child {
    pid: Pid,
}

impl Child {
    /// Starts a command with our own environment and these variables on top. The values are gone from our memory when
    /// this returns: the command held copies on the heap, which is wiped.
    ///
    /// What hardens us goes on in the child: no core files, and no new privileges (`sudo` does not work in there).
    ///
    /// # Errors
    /// [`Class::Misconfigured`] when there is no such command, or a value cannot be in an environment.
    pub(crate) fn start(command: &[OsString], env: &[(String, Secret)]) -> Result<Self, ProviderError> {
        let mut builder = builder(command, env)?;
        // What it says of itself is not said of us.
        for name in notify::VARIABLES {
            builder.env_remove(name);
        }
        // Orphans of the child come to us, as they would to the init of a container.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        let child = builder.spawn().map_err(|error| not_started(command, &error))?;
        i32::try_from(child.id())
            .ok()
            .and_then(Pid::from_raw)
            .map(|pid| Self { pid })
            .ok_or_else(|| misconfigured("the child has no number".to_owned()))
    }

    /// Hands a signal on. One that was typed at a terminal has reached the child already, since it is in our group.
    pub(crate) fn signal(self, signal: Signal) {
        let typed = matches!(signal, Signal::INT | Signal::QUIT) && std::io::stdin().is_terminal();
        if !typed {
            // It may have ended this very moment, which its end will tell.
            let _ = rustix::process::kill_process(self.pid, signal);
        }
    }

    /// Tells whether it is the process of that number.
    pub(crate) fn is(self, pid: Pid) -> bool {
        self.pid == pid
    }
}

/// Becomes a command, with our own environment and these variables on top: nothing of us is left. It is the service then,
/// and tells systemd itself. It returns only when that cannot be.
pub(crate) fn become_app(command: &[OsString], env: &[(String, Secret)]) -> ProviderError {
    match builder(command, env) {
        Ok(mut builder) => not_started(command, &builder.exec()),
        Err(error) => error,
    }
}

fn builder(command: &[OsString], env: &[(String, Secret)]) -> Result<Command, ProviderError> {
    let (program, arguments) = command.split_first().ok_or_else(|| misconfigured("there is no command".to_owned()))?;
    let found = if program.as_bytes().contains(&b'/') {
        PathBuf::from(program)
    } else {
        surroundings::program(Path::new(program)).ok_or_else(|| {
            misconfigured(format!("cannot start {}: it is in none of {}", program.display(), PROGRAMS.join(", ")))
                .hint("give the command's whole path: the variable PATH is not asked")
        })?
    };
    let mut builder = Command::new(found);
    builder.arg0(program).args(arguments);
    builder.envs(env.iter().map(|(name, value)| (name, OsStr::from_bytes(value.expose()))));
    Ok(builder)
}

fn misconfigured(what: String) -> ProviderError {
    ProviderError::new(Class::Misconfigured, what)
}

fn not_started(command: &[OsString], error: &std::io::Error) -> ProviderError {
    let program = command.first().map(|program| program.to_string_lossy()).unwrap_or_default();
    misconfigured(format!("cannot start {program}: {}", output::reason(error)))
        .hint("give the command's whole path, and see that it may be executed")
}

/// Takes the ends of all processes that have ended, orphans included, each with its code: 128+n for one that was ended
/// by signal n.
pub(crate) fn reap() -> Vec<(Pid, u8)> {
    let mut ended = Vec::new();
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        ended.extend(code_of(status).map(|code| (pid, code)));
    }
    ended
}

fn code_of(status: WaitStatus) -> Option<u8> {
    let code = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal))?;
    Some(u8::try_from(code).unwrap_or(u8::MAX))
}
