//! A secret id that lies wrapped in its file: the file holds a token that gives the secret id out once, to whoever comes
//! first. <https://developer.hashicorp.com/vault/docs/concepts/response-wrapping>
//!
//! Before it is used we look where the token was made, since one from elsewhere would have us log in as whom its maker
//! wants. One that is used up may mean that somebody else has the secret id. Both are alarms, and with that token nothing
//! is done any more until another lies there.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oakum_inject::config::Wrapping;
use oakum_inject::{Class, ProviderError, Secret};
use serde::Deserialize;

use super::Vault;
use super::reply::{Envelope, Nonsense};
use super::wrapping::{foreign, used};
use crate::answer::{Hidden, object, quote};
use crate::credential::credential;
use crate::keep::{Keep, Kept, hash};

/// Where a wrapped secret id comes from, and what became of it.
pub(super) struct Wrapped {
    file: PathBuf,
    mount: String,
    /// Where it must have been made, if not where the secret ids of any role of the mount are.
    creation_path: Option<String>,
    keep: Option<Keep>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The secret id, with the hash of the token that gave it.
    held: Option<Arc<Kept>>,
    /// The token that was found to be bad, by its hash, and why.
    bad: Option<(String, ProviderError)>,
}

#[derive(Deserialize)]
struct Unwrapped {
    secret_id: Hidden,
}

impl Wrapped {
    /// Prepares to unwrap what will lie in a file, and takes what an earlier process kept.
    pub(super) fn open(file: &Path, mount: &str, spec: &Wrapping) -> Result<Self, ProviderError> {
        let keep = spec.keep.as_deref().map(Keep::open).transpose()?;
        let held = match &keep {
            Some(keep) => keep.read()?.map(Arc::new),
            None => None,
        };
        Ok(Self {
            file: file.to_owned(),
            mount: mount.to_owned(),
            creation_path: spec.creation_path.clone(),
            keep,
            state: Mutex::new(State { held, bad: None }),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether a token that was made at a path wraps a secret id for us.
    fn is_from_here(&self, path: &str) -> bool {
        match &self.creation_path {
            Some(expected) => path == expected,
            None => path
                .strip_prefix(&format!("auth/{}/role/", self.mount))
                .and_then(|rest| rest.strip_suffix("/secret-id"))
                .is_some_and(|role| !role.is_empty() && !role.contains('/')),
        }
    }

    /// Gives the secret id: the one that we have, unless another token lies in the file.
    pub(super) async fn secret_id(&self, vault: &Vault) -> Result<Arc<Kept>, ProviderError> {
        let held = self.state().held.clone();
        let token = match (credential(&self.file), &held) {
            (Ok(token), _) => token,
            // The file may be gone once it has served.
            (Err(_), Some(held)) => return Ok(Arc::clone(held)),
            (Err(error), None) => return Err(error),
        };
        let of = hash(&[token.expose()]);
        if let Some(held) = held.filter(|held| held.of == of) {
            return Ok(held);
        }
        if let Some((_, error)) = self.state().bad.as_ref().filter(|(bad, _)| *bad == of) {
            // It was said once what happened.
            return Err(ProviderError { alarm: None, ..error.clone() });
        }
        let secret = self.unwrap(vault, &token).await.inspect_err(|error| {
            if error.alarm.is_some() {
                self.state().bad = Some((of.clone(), error.clone()));
            }
        })?;
        let held = Arc::new(Kept { of, secret });
        self.state().held = Some(Arc::clone(&held));
        if let Some(keep) = &self.keep {
            keep.write(&held.of, &held.secret)?;
        }
        Ok(held)
    }

    /// Says what to do about a secret id that is not accepted any more: the token in the file has served.
    pub(super) fn explained(&self, error: ProviderError) -> ProviderError {
        match error.class {
            Class::Refused => error.hint(format!(
                "the secret id may have ended: put another wrapping token into {}, and check the role at auth/{}",
                self.file.display(),
                self.mount
            )),
            _ => error,
        }
    }

    async fn unwrap(&self, vault: &Vault, token: &Secret) -> Result<Secret, ProviderError> {
        let creation_path = vault.made_at(token, &self.file).await.map_err(|error| self.used(error))?;
        if !self.is_from_here(&creation_path) {
            return Err(self.foreign(&quote(&creation_path, &[token])));
        }
        let body = vault.unwrap(token).await.map_err(|error| self.used(error))?;
        let data = vault.parse(Envelope::parse(body.expose()))?.data;
        let data = vault.parse(data.ok_or(Nonsense("it unwraps nothing")))?;
        let Unwrapped { secret_id } = vault.parse(object(data.get().as_bytes()))?;
        Ok(secret_id.0)
    }

    fn used(&self, error: ProviderError) -> ProviderError {
        used(error, &self.file, "the secret id")
    }

    fn foreign(&self, path: &str) -> ProviderError {
        let expected = match &self.creation_path {
            Some(path) => path.clone(),
            None => format!("auth/{}/role/ANY/secret-id", self.mount),
        };
        foreign(path, &self.file, &expected)
            .hint("look who put it there; if that is where your secret ids are made, say so as `creation_path`")
    }
}
