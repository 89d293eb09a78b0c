//! The command line: one file a subcommand. What was typed ([`args`]) is turned into what is to be done before
//! anything is opened, and an error is printed once, here.

mod args;
mod compare;
mod digests;
mod generate;
mod progress;
mod rules;
mod scan;
mod target;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

/// Exit codes that other programs rely on.
pub mod exit {
    /// Nothing was found, and everything was looked at.
    pub const CLEAN: u8 = 0;
    /// Something was found.
    pub const FINDINGS: u8 = 1;
    /// Wrong usage or configuration.
    pub const USAGE: u8 = 2;
    /// Nothing was found, but part could not be scanned.
    pub const INCOMPLETE: u8 = 3;
}

/// Runs the program on what was typed, the program's name first.
pub fn main(typed: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(typed) {
        Ok(args) => args,
        Err(error) => {
            // Help and version go to standard output and are no error; a closed pipe does not matter here.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::CLEAN });
        }
    };
    let done = match args.command {
        Command::Scan(scan) => scan::run(scan),
        Command::Compare(compare) => compare::run(compare),
        Command::Rules(rules) => rules::run(rules),
        Command::Generate(generate) => generate::run(&generate),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_closed_pipe(&error) => ExitCode::from(exit::CLEAN),
        Err(error) => {
            complain(&error);
            ExitCode::from(exit::USAGE)
        }
    }
}

/// An error with the way out.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Hinted {
    message: String,
    hint: String,
}

/// An error that says what went wrong and what to do.
fn hinted(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    Hinted { message: message.into(), hint: hint.into() }.into()
}

/// Prints an error and its hint. Names of strangers in it are escaped: it goes to a terminal.
fn complain(error: &anyhow::Error) {
    let mut err = io::stderr().lock();
    let _ = writeln!(err, "error: {}", crate::report::escape::escape(&format!("{error:#}")));
    let hint = error
        .downcast_ref::<Hinted>()
        .map(|h| h.hint.clone())
        .or_else(|| error.downcast_ref::<crate::source::SourceError>().and_then(crate::source::SourceError::hint));
    if let Some(hint) = hint {
        let _ = writeln!(err, "hint: {}", crate::report::escape::escape(&hint));
    }
}

/// Prints what is wrong and does not matter to what was asked for.
fn warn(text: &str) {
    let _ = writeln!(io::stderr().lock(), "warning: {}", crate::report::escape::escape(text));
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|e| e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe))
}
