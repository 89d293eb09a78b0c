//! `oakum-agent`: fetches secrets into memory, keeps them fresh, and forgets them.
//!
//! The rules about time are in [`machine`], which is pure; [`shell`] does what it says. [`volume`] is where files go,
//! [`child`] is what `exec` runs, and [`harden`] is what makes the process hard to rob.

mod check;
mod child;
mod cli;
mod clock;
mod harden;
mod health;
mod hook;
mod machine;
mod notify;
mod output;
mod pid_file;
mod reload;
mod shell;
mod surroundings;
mod volume;

use std::process::ExitCode;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use oakum_inject::config::{Removal, Store, VaultAuth};
use oakum_inject::vault_agent::VaultAgentConfig;
use oakum_inject::{Class, ConfigError, Injection, ProviderError};

use crate::cli::{Command, Expect, Options};
use crate::machine::plan::Mode;
use crate::machine::{Outcome, VolumeFault};
use crate::output::Level;
use crate::pid_file::PidFile;
use crate::surroundings::Surroundings;
use crate::volume::VolumeError;

/// Where Kubernetes looks for a message, unless a pod says otherwise.
const TERMINATION_LOG: &str = "/dev/termination-log";

#[global_allocator]
static ALLOCATOR: harden::alloc::Wiping = harden::alloc::Wiping;

fn main() -> ExitCode {
    // Before anything is read: from here on, no core and no debugger of the same user.
    let hardened = harden::apply();
    let end = match cli::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => output::say(cli::HELP),
        Ok(Command::Version) => output::say(concat!("oakum-agent ", env!("CARGO_PKG_VERSION"))),
        Ok(Command::Check(options, Expect::Plan)) => load(&options).and_then(|loaded| check::describe(&loaded)),
        Ok(Command::Check(options, Expect::Files)) => {
            load(&options).and_then(|loaded| check::published(&loaded.injection))
        }
        Ok(Command::Work(mode, options, command)) => work(mode, &options, command, hardened),
        Err(failure) => Err(failure),
    };
    match end {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            output::fail(&failure.what, failure.hint.as_deref());
            output::last_words(&match &failure.hint {
                Some(hint) => format!("{}\nhint: {hint}", failure.what),
                None => failure.what.clone(),
            });
            ExitCode::from(failure.code)
        }
    }
}

/// What a file asked for.
pub(crate) struct Loaded {
    injection: Injection,
    /// The child that the file itself asks for; only one of Vault Agent can.
    command: Option<Vec<String>>,
    /// Whether the file asks to end once everything is there.
    once: bool,
    /// The file that is to hold the number of our process.
    pid_file: Option<PathBuf>,
    /// What will not be as the file asks for it.
    warnings: Vec<String>,
    /// The files that it was read from.
    sources: Vec<PathBuf>,
}

/// Reads a configuration, of our own or of Vault Agent.
fn load(options: &Options) -> Result<Loaded, Failure> {
    let name = options.config.display().to_string();
    let text = std::fs::read_to_string(&options.config)
        .map_err(|error| Failure::usage(format!("cannot read {name}: {}", output::reason(&error))))?;
    if !VaultAgentConfig::is_meant(&text) {
        let injection = Injection::parse_among(&text, &name, &|name| std::env::var(name).ok())?;
        let sources = vec![options.config.clone()];
        return Ok(Loaded { injection, command: None, once: false, pid_file: None, warnings: Vec::new(), sources });
    }
    let config = VaultAgentConfig::parse(&text, &name)?;
    let sources = std::iter::once(options.config.clone()).chain(config.sources().map(PathBuf::from)).collect();
    let mut found = config.counterpart(&Surroundings)?;
    let beside = left_undone(&mut found.injection);
    let warnings = found.warnings.into_iter().map(|warning| match warning.line {
        Some(line) => format!("{name}:{line}: {}", warning.what),
        None => format!("{name}: {}", warning.what),
    });
    let warnings: Vec<String> = warnings.chain(beside).collect();
    Ok(Loaded {
        warnings,
        pid_file: found.pid_file,
        injection: found.injection,
        command: found.command,
        sources,
        once: found.once,
    })
}

/// Takes out of a configuration of Vault Agent what cannot be done where we are, and says so: a token that would go to a
/// disk, a file that cannot be taken away.
fn left_undone(injection: &mut Injection) -> Vec<String> {
    let mut warnings = Vec::new();
    for store in injection.stores.values_mut() {
        let Store::Vault(vault) = store else { continue };
        vault.write_token.retain(|file| {
            let folder = file.path.parent().unwrap_or(Path::new("/"));
            let fault = volume::inspect(folder).err();
            warnings.extend(
                fault.iter().map(|error| format!("the sink `{}` is not written: {error}", file.path.display())),
            );
            fault.is_none()
        });
        let removed = match &vault.auth {
            VaultAuth::AppRole { secret_id: file, remove: true, .. }
            | VaultAuth::Jwt { token: file, remove: Removal::File, .. } => Some(file.clone()),
            VaultAuth::Jwt { token, remove: Removal::Target, .. } => token.canonicalize().ok(),
            _ => None,
        };
        if let Some(file) = removed {
            let folder = file.parent().unwrap_or(Path::new("/"));
            if rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_err() {
                let what = format!("{} stays after it has been read: its folder cannot be written", file.display());
                warnings.push(what);
            }
        }
    }
    warnings
}

fn work(mode: Mode, options: &Options, command: Vec<OsString>, hardened: harden::Report) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::usage(format!("cannot start: {error}")))?;
    // Before anything is read that may take its time: whoever stops us from here on gets an orderly end.
    let within = runtime.enter();
    let inbox = shell::Inbox::open()?;
    drop(within);
    prepare_last_words(options)?;
    let Loaded { injection, command: own, once, pid_file, warnings, sources } = load(options)?;
    output::set_format(injection.log);
    for warning in &warnings {
        output::log(Level::Warn, "config.no_counterpart", warning, &[]);
    }
    // Vault Agent has one command, and its configuration says which of ours is meant.
    let (mode, command) = match (mode, own) {
        (Mode::Run, Some(own)) => (Mode::Exec, own.into_iter().map(OsString::from).collect()),
        (Mode::Run, None) if once => (Mode::Once, command),
        _ => (mode, command),
    };
    // While files can still be made anywhere.
    let pid_file = pid_file.map(|path| PidFile::write(&path)).transpose()?;
    hardened.tell();
    let asked = shell::Asked { injection, sources, mode, command, pid_file: pid_file.as_ref().map(PidFile::path) };
    let end = runtime.block_on(shell::run(asked, options, hardened, inbox));
    pid_file.iter().for_each(PidFile::remove);
    end
}

/// Opens the file that Kubernetes shows when a container has ended, if it is there.
fn prepare_last_words(options: &Options) -> Result<(), Failure> {
    let path = options.termination_log.as_deref();
    match output::open_last_words(path.unwrap_or(Path::new(TERMINATION_LOG))) {
        Err(error) => match path {
            Some(path) => Err(Failure::usage(format!(
                "--termination-log: cannot write {}: {}",
                path.display(),
                output::reason(&error)
            ))
            .hint("the file must be there already, as it is in a container of Kubernetes")),
            None => Ok(()),
        },
        Ok(_) => Ok(()),
    }
}

/// How the program ends when it does not end well: printed once, here.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    what: String,
    hint: Option<String>,
}

impl Failure {
    /// Wrong usage or configuration.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self { code: 2, what: what.into(), hint: None }
    }

    /// Not there yet.
    pub(crate) fn waiting(what: impl Into<String>) -> Self {
        Self { code: 5, what: what.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self { code: 2, what: error.to_string(), hint: error.hint }
    }
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        let code = match error.class {
            Class::Refused | Class::Missing => 4,
            Class::Unreachable | Class::Malformed | Class::SessionLost => 5,
            Class::Misconfigured => 2,
        };
        Self { code, what: error.what, hint: error.hint }
    }
}

impl From<VolumeFault> for Failure {
    fn from(fault: VolumeFault) -> Self {
        Self { code: 6, what: fault.what, hint: fault.hint }
    }
}

impl From<VolumeError> for Failure {
    fn from(error: VolumeError) -> Self {
        VolumeFault::from(error).into()
    }
}

impl From<VolumeError> for VolumeFault {
    fn from(error: VolumeError) -> Self {
        Self { what: error.to_string(), hint: error.hint().map(str::to_owned) }
    }
}

impl TryFrom<Outcome> for u8 {
    type Error = Failure;

    fn try_from(outcome: Outcome) -> Result<Self, Failure> {
        match outcome {
            Outcome::Done => Ok(0),
            Outcome::Child(code) => Ok(code),
            Outcome::Failed(error) => Err(error.into()),
            Outcome::BadVolume(fault) => Err(fault.into()),
        }
    }
}
