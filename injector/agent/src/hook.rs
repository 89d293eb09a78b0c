//! Tells others that files have changed: by a signal, a program or a request. No shell, and nothing is looked up in
//! `PATH`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use oakum_inject::config::{Address, Receiver, SignalName};
use oakum_inject::{Class, ProviderError};
use oakum_providers::http::Transport;
use rustix::process::{Pid, Signal};

use crate::{notify, output};

/// Gives the system's number of a signal.
pub(crate) fn number(signal: SignalName) -> Signal {
    match signal.as_str() {
        "USR1" => Signal::USR1,
        "USR2" => Signal::USR2,
        "TERM" => Signal::TERM,
        "INT" => Signal::INT,
        "QUIT" => Signal::QUIT,
        "WINCH" => Signal::WINCH,
        _ => Signal::HUP,
    }
}

/// Sends a signal to whoever it is for, and says how many got it.
///
/// # Errors
/// When there is nobody of that name, or we may not.
pub(crate) fn signal(signal: SignalName, to: &Receiver) -> Result<usize, ProviderError> {
    let receivers = match to {
        Receiver::Child => return Ok(0),
        Receiver::Process(name) => named(name),
        Receiver::PidFile(path) => vec![in_file(path)?],
    };
    let who = match to {
        Receiver::Process(name) => format!("a process named {name}"),
        _ => "the process".to_owned(),
    };
    let (mut reached, mut refused) = (0, None);
    for pid in receivers {
        match rustix::process::kill_process(pid, number(signal)) {
            Ok(()) => reached += 1,
            Err(error) => refused = Some(std::io::Error::from(error)),
        }
    }
    match (reached, refused) {
        (0, None) => Err(ProviderError::new(Class::Missing, format!("there is no process to signal: {who}"))
            .hint("in a pod the agent sees the app's processes only with shareProcessNamespace: true")),
        (0, Some(error)) => {
            Err(ProviderError::new(Class::Refused, format!("cannot signal {who}: {}", output::reason(&error)))
                .hint("run the agent as the same user as the app, or give it CAP_KILL"))
        }
        (reached, _) => Ok(reached),
    }
}

/// Finds the processes of a name, ourselves not among them.
fn named(name: &str) -> Vec<Pid> {
    let own = rustix::process::getpid();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pid = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw);
    let bears = |pid: &Pid| {
        fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero())).is_ok_and(|comm| comm.trim_end() == name)
    };
    entries.flatten().filter_map(pid).filter(|pid| *pid != own).filter(bears).collect()
}

fn in_file(path: &Path) -> Result<Pid, ProviderError> {
    let text = fs::read_to_string(path).map_err(|error| {
        ProviderError::new(Class::Missing, format!("cannot read {}: {}", path.display(), output::reason(&error)))
    })?;
    // Number 1 and below are never an app's own: 0 and -1 would mean a whole group, or everybody.
    let number = text.trim().parse::<i32>().ok().filter(|number| *number > 1);
    number.and_then(Pid::from_raw).ok_or_else(|| {
        ProviderError::new(Class::Missing, format!("{} does not hold a process's number", path.display()))
    })
}

/// Starts a program, whose end comes by the signal that every child's does.
///
/// # Errors
/// When there is no such program.
pub(crate) fn start(argv: &[String]) -> Result<Pid, ProviderError> {
    let missing = |what: String| ProviderError::new(Class::Misconfigured, what);
    let (program, arguments) = argv.split_first().ok_or_else(|| missing("there is no command".to_owned()))?;
    let mut command = Command::new(program);
    for name in notify::VARIABLES {
        command.env_remove(name);
    }
    let child = command.args(arguments).stdin(Stdio::null()).spawn().map_err(|error| {
        missing(format!("cannot start {program}: {}", output::reason(&error)))
            .hint("give the program's whole path, as it is in the agent's container")
    })?;
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| missing("it has no number".to_owned()))
}

/// Sends a request, which is heard if the answer is a success.
///
/// # Errors
/// When no answer comes, or another.
pub(crate) async fn request(address: Address, path: String, method: &'static str) -> Result<(), ProviderError> {
    let transport = Transport::open(&address, None, None)?;
    let built = http::Request::builder().method(method).uri(path.as_str()).body(Vec::new());
    let request = built.map_err(|_| ProviderError::new(Class::Misconfigured, "the hook's URL cannot be asked for"))?;
    let answer = tokio::time::timeout(Duration::from_secs(10), transport.send(request)).await;
    let reply = answer.map_err(|_| ProviderError::new(Class::Unreachable, format!("{address} does not answer")))??;
    if (200..300).contains(&reply.status) {
        return Ok(());
    }
    let error = ProviderError::new(Class::Unreachable, format!("{address} answers with status {}", reply.status));
    Err(error.after(reply.retry_after))
}
