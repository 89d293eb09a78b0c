//! Go's `text/template`, with the functions of consul-template that are in use: what Vault Agent's templates are written
//! in. No I/O: whatever a template asks for comes from a [`Context`].

mod builtin;
mod calls;
mod error;
mod floats;
mod functions;
mod further;
mod known;
mod lex;
mod list;
mod maps;
mod parse;
mod print;
mod printf;
mod quote;
mod render;
mod value;
mod verbs;

use std::collections::BTreeSet;
use std::fmt;

pub use error::TemplateError;
pub use known::Variables;
pub use list::{Items, List};
pub use value::Value;

use crate::secret::Secret;

/// A template that has been read, with all that it will ask for.
pub struct Template {
    tree: parse::Tree,
    secrets: Vec<SecretCall>,
    writes: Vec<Write>,
    takes_written: bool,
    asks_further: bool,
}

/// What came of a template that asks for more while it is rendered.
#[derive(Debug)]
pub struct Rendering {
    /// What the template says; none while something that it asks for is not at hand.
    pub content: Option<Secret>,
    /// All that it has asked for, whether at hand or not.
    pub asked: BTreeSet<SecretCall>,
}

/// A file that a template writes beside its own: `writeToFile`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Where.
    pub path: String,
    /// Whom it belongs to, by name or number, if anybody is named.
    pub user: String,
    /// And the group.
    pub group: String,
    /// Its mode, in octal.
    pub mode: String,
}

impl Template {
    /// Reads a template; `delimiters` are `{{` and `}}` unless others are given.
    ///
    /// # Errors
    /// Says the line, and what is wrong there.
    pub fn parse(text: &str, delimiters: Option<(&str, &str)>) -> Result<Self, TemplateError> {
        Self::parse_among(text, delimiters, None)
    }

    /// Reads a template whose paths may hold what these variables say. They must be those that it will be rendered among.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub fn parse_among(
        text: &str,
        delimiters: Option<(&str, &str)>,
        variables: Option<Variables<'_>>,
    ) -> Result<Self, TemplateError> {
        let (left, right) = delimiters.unwrap_or(("{{", "}}"));
        let tree = parse::parse(text, left, right)?;
        let calls::Calls { secrets, writes, takes_written, asks_further } = calls::find(&tree, variables)?;
        Ok(Self { tree, secrets, writes, takes_written, asks_further })
    }

    /// Lists the secrets that it asks for, each once: what must be fetched before it is rendered.
    #[must_use]
    pub fn secrets(&self) -> &[SecretCall] {
        &self.secrets
    }

    /// Whether it asks for more than these while it is rendered, by paths that come out of other secrets, lists or files.
    #[must_use]
    pub fn asks_further(&self) -> bool {
        self.asks_further
    }

    /// Lists the files that it writes beside its own, each path once.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// Whether it is what it writes itself that it gives, by `writtenTo`.
    #[must_use]
    pub fn takes_written(&self) -> bool {
        self.takes_written
    }

    /// Lists the names that it may take from its data: every field of `.` and every string, since either may name one.
    #[must_use]
    pub fn mentions(&self) -> BTreeSet<&str> {
        calls::mentions(&self.tree)
    }

    /// Writes what the template says.
    ///
    /// # Errors
    /// Says the line and what was missing, never a value.
    pub fn render(&self, context: &dyn Context, missing: MissingKey) -> Result<Secret, TemplateError> {
        render::render(&self.tree, context, missing)
    }

    /// Writes what the template says if all is at hand that it asks for, and says what it has asked for. What is not at
    /// hand is passed over, and with it whatever depends on it, so that the rest is asked for in the same round.
    ///
    /// # Errors
    /// As [`Template::render`], where nothing is missing that may yet come.
    pub fn render_further(&self, context: &dyn Context, missing: MissingKey) -> Result<Rendering, TemplateError> {
        render::render_further(&self.tree, context, missing)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("secrets", &self.secrets).finish_non_exhaustive()
    }
}

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
    /// `secrets`: the names below a path, sorted; those of folders end with a slash.
    List,
}

impl CallKind {
    /// The kind of a function; none if it asks for no secret.
    fn of(function: &str) -> Option<Self> {
        match function {
            "secret" => Some(Self::Secret),
            "pkiCert" => Some(Self::PkiCert),
            "secrets" => Some(Self::List),
            _ => None,
        }
    }
}

/// What a template can ask of the secrets that were fetched for it, and of what lies around.
pub trait Context {
    /// What `.` is at the top.
    fn root(&self) -> Value;
    /// The answer of a secret as Vault Agent shows it: a map with `Data`, `LeaseID`, `LeaseDuration`, `Renewable`,
    /// `RequestID`, `Warnings`, `Auth` and `WrapInfo`; for a certificate `Cert`, `Key`, `CA` and `CAChain`; for a list the names. None if it has not been fetched.
    fn secret(&self, call: &SecretCall) -> Option<Value>;
    /// The rest of the world.
    fn outside(&self) -> &dyn Outside;
}

/// What lies around, and the arithmetic that a program has anyway.
pub trait Outside {
    /// A variable of our own environment.
    fn env(&self, name: &str) -> Option<String>;
    /// A file's bytes, or why there are none.
    fn file(&self, path: &str) -> Result<Secret, String>;
    /// SHA-256 of bytes.
    fn sha256(&self, bytes: &[u8]) -> [u8; 32];
    /// SHA-1 of bytes, for what asks for it by name.
    fn sha1(&self, bytes: &[u8]) -> [u8; 20];
    /// SHA-512 of bytes.
    fn sha512(&self, bytes: &[u8]) -> [u8; 64];
    /// HMAC-SHA-256 of bytes under a key.
    fn hmac_sha256(&self, key: &[u8], bytes: &[u8]) -> [u8; 32];
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
