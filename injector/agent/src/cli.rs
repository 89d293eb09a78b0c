//! What was typed. Four commands and a few options need no framework.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use oakum_inject::config::parse_duration;

use crate::Failure;
use crate::machine::plan::Mode;

/// How long `once` and `exec` try, unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What `--help` says.
pub(crate) const HELP: &str = "\
Brings secrets from where they are kept into files in memory.

usage: oakum-agent run   --config FILE                        fetch, publish, keep fresh until told to stop
       oakum-agent once  --config FILE                        fetch, publish, exit
       oakum-agent exec  --config FILE -- COMMAND [ARG...]    the same around a child process, with environment and signals
       oakum-agent check --config FILE                        say what would be done, touching nothing

options:
  --config FILE       the configuration (oakum.dev/v1)
  --timeout DURATION  how long `once` and `exec` wait until all is there (default 60s)
  --require-sandbox   with `run`, `once` and `exec`: end with 2 unless the process can be sandboxed in full: not dumpable,
                      no core files, no new privileges, Landlock for files and connections (but in `exec`, whose child
                      would inherit it), seccomp
  --hand-over         with `exec`: fetch once, and become COMMAND, so that no agent is left
  --termination-log FILE
                      where to leave a message when it ends badly (default /dev/termination-log, if it is there)
  --published         with `check`: say nothing, and fail with 5 unless every file is published
  -h, --help          this text
  -V, --version       the version

exit codes:
  0  done                                 2  wrong usage or configuration
  N  the child's own code, in `exec`      4  the secret store refused
     (128+n if signal n ended it)         5  the secret store could not be reached in time
                                          6  the volume is not safe";

/// A command and what it needs.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Version,
    /// Say what would be done; with the flag, fail unless it has been done.
    Check(Options, Expect),
    /// Any mode; the command is empty but in `exec`.
    Work(Mode, Options, Vec<OsString>),
}

/// What `check` is to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// A configuration that can work.
    Plan,
    /// Every file in its place: what a startup probe asks.
    Files,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    pub(crate) config: PathBuf,
    pub(crate) timeout: Duration,
    pub(crate) sandbox: Sandbox,
    /// Where to leave a message; none where nobody said.
    pub(crate) termination_log: Option<PathBuf>,
}

/// What happens where the kernel cannot sandbox us in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sandbox {
    /// What there is is taken, and told.
    BestEffort,
    /// We do not start.
    Required,
}

/// Reads the arguments behind the program's name.
///
/// # Errors
/// Says which argument is wrong.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, Failure> {
    let mut arguments = arguments;
    let usage = |what: String| Failure::usage(what).hint("see `oakum-agent --help`");
    let Some(command) = arguments.next() else { return Err(usage("no command is given".to_owned())) };
    let command = command.into_string().map_err(|_| usage("the command is not text".to_owned()))?;
    match command.as_str() {
        "-h" | "--help" | "help" => return Ok(Command::Help),
        "-V" | "--version" => return Ok(Command::Version),
        "run" | "once" | "exec" | "check" => {}
        other => return Err(usage(format!("there is no command `{}`", other.escape_debug()))),
    }
    let (mut config, mut timeout, mut rest, mut expect) = (None, None, Vec::new(), Expect::Plan);
    let mut child = Mode::Exec;
    let (mut sandbox, mut termination_log) = (Sandbox::BestEffort, None);
    while let Some(argument) = arguments.next() {
        let text = argument.to_str().unwrap_or_default();
        let (option, value) = match text.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(OsString::from(value))),
            _ => (text, None),
        };
        let mut value =
            || value.clone().or_else(|| arguments.next()).ok_or_else(|| usage(format!("{option} needs a value")));
        match option {
            "-h" | "--help" => return Ok(Command::Help),
            "--config" => config = Some(PathBuf::from(value()?)),
            "--timeout" if command == "once" || command == "exec" => {
                let value = value()?;
                timeout =
                    Some(parse_duration(&value.to_string_lossy()).map_err(|why| usage(format!("--timeout: {why}")))?);
            }
            "--termination-log" if command != "check" => termination_log = Some(PathBuf::from(value()?)),
            "--require-sandbox" if command != "check" => sandbox = Sandbox::Required,
            "--published" if command == "check" => expect = Expect::Files,
            "--hand-over" if command == "exec" => child = Mode::HandOver,
            "--" if command == "exec" => {
                rest = arguments.collect();
                break;
            }
            _ => {
                return Err(usage(format!(
                    "`{command}` does not take `{}`",
                    argument.to_string_lossy().escape_debug()
                )));
            }
        }
    }
    let options = Options {
        config: config.ok_or_else(|| usage(format!("`{command}` needs --config FILE")))?,
        timeout: timeout.unwrap_or(TIMEOUT),
        sandbox,
        termination_log,
    };
    Ok(match command.as_str() {
        "check" => Command::Check(options, expect),
        "run" => Command::Work(Mode::Run, options, rest),
        "once" => Command::Work(Mode::Once, options, rest),
        _ if rest.is_empty() => return Err(usage("`exec` needs -- COMMAND".to_owned())),
        _ => Command::Work(child, options, rest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from)).map_err(|failure| failure.what)
    }

    #[test]
    fn reads_every_command() {
        let options = |timeout| Options {
            config: "c.yaml".into(),
            timeout: Duration::from_secs(timeout),
            sandbox: Sandbox::BestEffort,
            termination_log: None,
        };
        let required = Options { sandbox: Sandbox::Required, ..options(60) };
        assert_eq!(read("run --require-sandbox --config c.yaml"), Ok(Command::Work(Mode::Run, required, vec![])));
        assert_eq!(read("run --config c.yaml"), Ok(Command::Work(Mode::Run, options(60), vec![])));
        assert_eq!(read("once --config=c.yaml --timeout 5s"), Ok(Command::Work(Mode::Once, options(5), vec![])));
        assert_eq!(
            read("exec --config c.yaml -- a --config b"),
            Ok(Command::Work(Mode::Exec, options(60), ["a", "--config", "b"].map(OsString::from).into()))
        );
        assert_eq!(
            read("exec --hand-over --config c.yaml -- a"),
            Ok(Command::Work(Mode::HandOver, options(60), vec!["a".into()]))
        );
        assert_eq!(read("check --config c.yaml"), Ok(Command::Check(options(60), Expect::Plan)));
        assert_eq!(read("check --published --config c.yaml"), Ok(Command::Check(options(60), Expect::Files)));
        assert_eq!(read("--version"), Ok(Command::Version));
        assert_eq!(read("run --help"), Ok(Command::Help));
    }

    #[test]
    fn says_what_is_wrong() {
        for (line, part) in [
            ("", "no command"),
            ("fetch", "no command `fetch`"),
            ("run", "needs --config"),
            ("run --config", "needs a value"),
            ("run --config c --timeout 5s", "does not take"),
            ("once --config c --timeout 5", "not a duration"),
            ("check --config c --require-sandbox", "does not take"),
            ("exec --config c", "needs -- COMMAND"),
            ("exec --config c ls", "does not take `ls`"),
            ("once --config c -- ls", "does not take `--`"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
