//! The little HTTP that tests need to set a server up and to ask it what is there, by `curl`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::programs::finish;

/// A request.
#[derive(Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The whole address.
    pub url: String,
    /// Header lines.
    pub headers: Vec<String>,
    /// What is sent as JSON.
    pub body: Option<Value>,
    /// The authority that is trusted.
    pub ca: Option<&'a Path>,
}

/// An answer: the status (0 if there was none) and the body.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// Asks.
///
/// # Panics
/// If there is no `curl`.
#[must_use]
pub fn ask(request: &Request<'_>) -> Answer {
    let mut command = Command::new("curl");
    command.args(["--silent", "--noproxy", "*", "--max-time", "20", "--write-out", "\n%{http_code}"]);
    command.args(["--request", request.method, &request.url]);
    if let Some(ca) = request.ca {
        command.arg("--cacert").arg(ca);
    }
    for header in &request.headers {
        command.args(["--header", header]);
    }
    let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
    if request.body.is_some() {
        command.args(["--header", "Content-Type: application/json", "--data-binary", "@-"]);
    }
    let ran = finish(&mut command, body.as_bytes());
    let (body, status) = ran.out.rsplit_once('\n').unwrap_or(("", "0"));
    Answer { status: status.trim().parse().unwrap_or(0), body: body.to_owned() }
}
