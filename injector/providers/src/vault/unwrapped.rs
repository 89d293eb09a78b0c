//! Secrets that were had once, by a token that lay in a file, kept in memory for the next process: the token is used up, and
//! a restart would lose what it gave.
//!
//! They lie in a folder that only the agent has, a file each, which is named by a hash. Only a store that is given such a
//! folder keeps any.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use oakum_inject::{ProviderError, Secret};

use super::lease::now;
use crate::keep::{Keep, Kept, hash};

/// Where one secret is kept.
pub(super) struct Place(Keep);

/// A secret that was kept.
pub(super) struct Unwrapped {
    /// The token that gave it, by its hash.
    pub(super) of: String,
    /// The path that the token was made at.
    pub(super) path: String,
    /// When it was given, since 1970.
    pub(super) since: Duration,
    /// The answer that was wrapped.
    pub(super) body: Secret,
}

impl Place {
    /// The place of a secret that is to come from a path, by the token in a file.
    pub(super) fn new(beside: &Keep, path: &str, file: &Path) -> Result<Self, ProviderError> {
        let name = hash(&[path.as_bytes(), file.as_os_str().as_bytes()]);
        Ok(Self(beside.beside(&format!("{}.unwrapped", &name[..32]))?))
    }

    /// Reads what is kept; none if that is nothing, or was never written to its end.
    pub(super) fn read(&self) -> Result<Option<Unwrapped>, ProviderError> {
        let Some(Kept { of, secret }) = self.0.read()? else { return Ok(None) };
        Ok(secret.expose_str().and_then(|text| {
            let (head, body) = text.split_once('\n')?;
            let (since, path) = head.split_once(' ')?;
            let since = Duration::from_secs(since.parse().ok()?);
            Some(Unwrapped { of, path: path.to_owned(), since, body: Secret::from(body.to_owned()) })
        }))
    }

    /// Shows that something can be kept. What was there goes: another token lies in the file now.
    pub(super) fn reserve(&self, of: &str) -> Result<(), ProviderError> {
        self.0.write(of, &Secret::from(String::new()))
    }

    /// Keeps an answer. If that fails after all, it is delivered all the same, and lost at the next start as if there were
    /// no folder: the token is used up, and nothing is gained by losing it now.
    pub(super) fn write(&self, of: &str, path: &str, body: &Secret) {
        let head = format!("{} {path}\n", now().as_secs());
        let whole = Secret::from([head.as_bytes(), body.expose()].concat());
        let _ = self.0.write(of, &whole);
    }
}
