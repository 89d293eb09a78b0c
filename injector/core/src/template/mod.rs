//! Go's `text/template`, with the functions of consul-template that are in use: what Vault Agent's templates are written
//! in. No I/O: whatever a template asks for comes from a [`Context`].

mod print;
mod value;

pub use value::Value;

use crate::secret::Secret;

/// A secret that a template asks for: `secret "PATH" "NAME=VALUE"…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretCall {
    /// The path, as the template has it.
    pub path: String,
    /// What is sent along; with anything in here, the path is written to and not read.
    pub arguments: Vec<(String, String)>,
    /// Which function asked.
    pub kind: CallKind,
}

/// How a secret is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallKind {
    /// `secret`: the whole answer, with its `Data`.
    Secret,
    /// `pkiCert`: a certificate, its key and its authority.
    PkiCert,
}

/// What a template can ask of the world. Nothing is fetched while it is rendered.
pub trait Context {
    /// What `.` is at the top.
    fn root(&self) -> Value;
    /// The answer of a secret as Vault Agent shows it: a map with `Data`, `LeaseID`, `LeaseDuration`, `Renewable` and
    /// `RequestID`; for a certificate `Cert`, `Key`, `CA` and `CAChain`. None if it has not been fetched.
    fn secret(&self, call: &SecretCall) -> Option<Value>;
    /// A variable of our own environment.
    fn env(&self, name: &str) -> Option<String>;
    /// A file's bytes, or why there are none.
    fn file(&self, path: &str) -> Result<Secret, String>;
    /// The time since 1970, in seconds and nanoseconds.
    fn now(&self) -> (i64, u32);
}

/// What becomes of a key that a map lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingKey {
    /// An error.
    #[default]
    Error,
    /// `<no value>`, as Vault Agent has it unless told otherwise.
    NoValue,
}
