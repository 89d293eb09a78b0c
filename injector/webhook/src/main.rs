//! `oakum-webhook`: adds the agent to pods that ask for it by annotation.
//!
//! `patch` prints what would be done to a pod, as a JSON patch (RFC 6902). The work is in [`review`], which is pure: the
//! same pod gives the same bytes, and a pod that was patched gives an empty patch.

mod review;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use oakum_inject::ConfigError;
use oakum_inject::yaml::Node;

use crate::review::{Policy, Review};

const HELP: &str = "\
Adds the agent to pods that ask for it by annotation.

usage: oakum-webhook patch -f POD.yaml    print the JSON patch for a pod (- is standard input)

options:
  -f FILE            the pod, in YAML or JSON
  --image IMAGE      the agent's image
  --audience NAME    whom the agent's token is for (default vault)
  -h, --help         this text
  -V, --version      the version

exit codes:
  0  the patch was printed; it is [] if there is nothing to do
  2  wrong usage, or a pod that cannot be given what it asks for";

fn main() -> ExitCode {
    match run(std::env::args_os().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = format!("error: {}\n", plain(&error.0));
            if let Some(hint) = &error.1 {
                text.push_str(&format!("hint: {}\n", plain(hint)));
            }
            // Nobody is left to tell when standard error is gone.
            let _ = io::stderr().write_all(text.as_bytes());
            ExitCode::from(2)
        }
    }
}

/// What went wrong, and the way out.
struct Failure(String, Option<String>);

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self(error.to_string(), error.hint)
    }
}

fn usage(what: impl Into<String>) -> Failure {
    Failure(what.into(), Some("see `oakum-webhook --help`".to_owned()))
}

fn run(arguments: impl Iterator<Item = OsString>) -> Result<(), Failure> {
    let mut arguments = arguments.map(|argument| argument.to_string_lossy().into_owned());
    let mut policy = Policy::default();
    let mut file = None;
    match arguments.next().as_deref() {
        Some("patch") => {}
        Some("-h" | "--help" | "help") => return say(HELP),
        Some("-V" | "--version") => return say(concat!("oakum-webhook ", env!("CARGO_PKG_VERSION"))),
        Some(other) => return Err(usage(format!("there is no command `{}`", plain(other)))),
        None => return Err(usage("no command is given")),
    }
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| usage(format!("{option} needs a value")));
        match option.as_str() {
            "-f" => file = Some(value()?),
            "--image" => policy.image = value()?,
            "--audience" => policy.audience = value()?,
            "-h" | "--help" => return say(HELP),
            _ => return Err(usage(format!("`patch` does not take `{}`", plain(&option)))),
        }
    }
    let file = file.ok_or_else(|| usage("`patch` needs -f POD.yaml"))?;
    let pod = Node::parse(&read(&file)?).map_err(|error| Failure(format!("{file}:{}: {error}", error.line), None))?;
    let Review { patch, warnings } = review::review(&pod.to_json(), &policy)?;
    for warning in warnings {
        let _ = writeln!(io::stderr(), "warning: {}", plain(&warning));
    }
    say(&format!("{:#}", serde_json::Value::from(patch)))
}

fn read(file: &str) -> Result<String, Failure> {
    let mut text = String::new();
    let result = if file == "-" {
        io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text))
    };
    match result {
        Ok(_) => Ok(text),
        Err(error) => Err(Failure(format!("cannot read {file}: {error}"), None)),
    }
}

fn say(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure(format!("cannot write to standard output: {error}"), None))
        }
        _ => Ok(()),
    }
}

/// Escapes what would move a terminal.
fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_debug().collect::<Vec<_>>() } else { vec![c] }).collect()
}
