//! The built programs, run as a user runs them.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// Where a program of this workspace was built: `OAKUM_BIN_DIR`, or beside the tests themselves.
///
/// # Errors
/// When it is not there: `tests/run` builds all of them first.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    match std::env::var_os("OAKUM_BIN_DIR") {
        Some(folder) => there(&PathBuf::from(folder), name),
        None => dynamic(name),
    }
}

/// Where one that loads libraries was built, whatever `OAKUM_BIN_DIR` has: `OAKUM_DYNAMIC_BIN_DIR`, or beside the tests
/// themselves.
///
/// # Errors
/// When it is not there: `tests/run` builds those that are needed so.
pub fn dynamic(name: &str) -> anyhow::Result<PathBuf> {
    if let Some(folder) = std::env::var_os("OAKUM_DYNAMIC_BIN_DIR") {
        return there(&PathBuf::from(folder), name);
    }
    // target/debug/deps/TEST
    let test = std::env::current_exe()?;
    there(test.parent().and_then(Path::parent).context("tests run from a target folder")?, name)
}

fn there(folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    ensure!(path.is_file(), "{} is not built; run tests/run, or cargo build --workspace", path.display());
    Ok(path)
}

/// What a program printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// Standard output as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.out, self.err))
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// Runs `oakum` in a folder, with nothing of our environment that it reads.
///
/// # Panics
/// If it is not built or cannot be started.
pub fn oakum<S: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = S>) -> Ran {
    oakum_with_input(folder, args, b"")
}

/// Runs `oakum` with something on its standard input.
///
/// # Panics
/// If it is not built or cannot be started.
pub fn oakum_with_input<S: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = S>, input: &[u8]) -> Ran {
    let mut command = Command::new(program("oakum").expect("oakum is built"));
    command.args(args).current_dir(folder).env_remove("OAKUM_KEY").env_remove("NO_COLOR");
    finish(&mut command, input)
}

/// Runs a command to its end.
///
/// # Panics
/// If it cannot be started.
pub fn finish(command: &mut Command, input: &[u8]) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    let mut stdin = child.stdin.take().expect("standard input is piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A program that does not read its input is none of our concern.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("a child that was started can be waited for");
    writer.join().expect("the writer does not panic");
    output.into()
}

/// Runs a tool that must succeed, and gives its standard output.
///
/// # Panics
/// If it fails, with all that it said.
pub fn tool(command: &mut Command) -> String {
    let ran = finish(command, b"");
    assert_eq!(ran.code, 0, "{command:?} failed\n{}\n{}", ran.out, ran.err);
    ran.out
}
