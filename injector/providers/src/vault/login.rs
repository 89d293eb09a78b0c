//! How we prove to Vault who we are. Credentials are read from their files at each login, since they rotate.

use std::path::Path;
use std::sync::Arc;

use oakum_inject::config::{Literal, Removal, TokenFile, VaultAuth};
use oakum_inject::provider::Session;
use oakum_inject::{Class, ProviderError, Secret};
use rustify::Endpoint;
use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;
#[cfg(feature = "aws")]
use vaultrs::api::auth::aws::requests::IamLoginRequest;
use vaultrs::api::auth::kubernetes::requests::LoginWithKubernetesRequest;
use vaultrs::api::auth::oidc::requests::JWTLoginRequest;
use vaultrs::api::sys::requests::WrappingLookupRequest;
use vaultrs::api::token::requests::LookupTokenSelfRequest;

use super::endpoint::Put;
use super::reply::{self, Envelope, Nonsense};
use super::{Token, Vault};
use crate::credential::{credential, text};
use crate::keep::Keep;

impl Vault {
    /// Logs in, or takes the token that lies ready.
    pub(super) async fn log_in(&self) -> Result<(Secret, Session), ProviderError> {
        match &self.auth {
            VaultAuth::AppRole { mount, role_id, secret_id, wrapped: _, remove } => {
                let role_id = match role_id {
                    Literal::Here(id) => id.clone(),
                    Literal::File(path) => text(&credential(path)?, path)?.to_owned(),
                };
                let (held, read, before);
                let secret = match &self.wrapped {
                    Some(wrapped) => {
                        held = wrapped.secret_id(self).await?;
                        &held.secret
                    }
                    // A file that was taken away may have been written anew.
                    None if *remove => {
                        before = self.taken(secret_id)?;
                        &before
                    }
                    None => {
                        read = credential(secret_id)?;
                        &read
                    }
                };
                let secret_id = text(secret, secret_id)?.to_owned();
                let endpoint = Wiped(LoginWithApproleRequest { mount: mount.clone(), role_id, secret_id });
                let granted = self.grant(&endpoint.0, mount, secret).await;
                match &self.wrapped {
                    Some(wrapped) => granted.map_err(|error| wrapped.explained(error)),
                    None => granted,
                }
            }
            VaultAuth::Kubernetes { mount, role, token } => {
                let secret = credential(token)?;
                let jwt = text(&secret, token)?.to_owned();
                let endpoint = Wiped(LoginWithKubernetesRequest { mount: mount.clone(), role: role.clone(), jwt });
                self.grant(&endpoint.0, mount, &secret).await
            }
            VaultAuth::Jwt { mount, role, token, remove } => {
                let secret = match remove {
                    Removal::Never => Arc::new(credential(token)?),
                    _ => self.taken(token)?,
                };
                let jwt = text(&secret, token)?.to_owned();
                let endpoint = Wiped(JWTLoginRequest { mount: mount.clone(), jwt, role: Some(role.clone()) });
                self.grant(&endpoint.0, mount, &secret).await
            }
            VaultAuth::Cert { mount, name } => {
                // The proof is in the connection. The endpoint of `vaultrs` calls the name otherwise than Vault does.
                let path = format!("auth/{mount}/login");
                let name = name.iter().map(|name| ("name", name.as_str()));
                self.grant(&Put::new(&path, name), mount, &Secret::from(String::new())).await
            }
            #[cfg(feature = "aws")]
            VaultAuth::Aws { mount, role, .. } => {
                let identity = self.identity.as_ref().expect("it is made where the method is this one");
                let proof = identity.proof().await?;
                let endpoint = Wiped(IamLoginRequest {
                    mount: mount.clone(),
                    role: Some(role.clone()),
                    iam_http_request_method: "POST".to_owned(),
                    iam_request_url: proof.url,
                    iam_request_body: proof.body,
                    iam_request_headers: String::from_utf8_lossy(proof.headers.expose()).into_owned(),
                });
                let mut sent = proof.credentials.secrets();
                sent.push(&proof.headers);
                self.grant_hiding(&endpoint.0, mount, &sent).await
            }
            VaultAuth::TokenFile(path) => {
                let token = credential(path)?;
                let body =
                    self.ask(&LookupTokenSelfRequest {}, Some(&token), &[&token]).await.map_err(|error| match error
                        .class
                    {
                        Class::Refused => error.hint(format!("the token in {} may have expired", path.display())),
                        _ => error,
                    })?;
                let session = self.parse(reply::lookup(body.expose(), false))?;
                Ok((token, session))
            }
            _ => Err(ProviderError::new(Class::Misconfigured, "this program was built without that kind of login")),
        }
    }

    /// Takes up the session of a process before this one, if its token was kept and still holds.
    pub(super) async fn taken_up(&self) -> Result<Option<(Secret, Session)>, ProviderError> {
        let Some(keep) = self.keep.as_ref().filter(|_| !self.state().looked) else { return Ok(None) };
        let found = match keep.read()? {
            // What was kept under another configuration may not do what this one asks for.
            Some(kept) if kept.of == self.belongs_to => {
                let token = kept.secret;
                match self.ask(&LookupTokenSelfRequest {}, Some(&token), &[&token]).await {
                    Ok(body) => Some((token, self.parse(reply::lookup(body.expose(), true))?)),
                    Err(error) if error.class == Class::Refused => None,
                    Err(error) => return Err(error),
                }
            }
            _ => None,
        };
        self.state().looked = true;
        Ok(found)
    }

    /// Keeps the token of a login. One that cannot be kept is given back: each try would leave one more behind.
    pub(super) async fn keep_token(&self, token: &Token) -> Result<(), ProviderError> {
        let Some(keep) = &self.keep else { return Ok(()) };
        let kept = keep.write(&self.belongs_to, &token.secret);
        if kept.is_err() && token.ours {
            let _ = self.revoke_one(token).await;
        }
        kept
    }

    /// Writes the token to where others take it from. One that cannot be written is given back, as one that cannot be kept.
    pub(super) async fn give_token(&self, token: &Token) -> Result<(), ProviderError> {
        for (file, spec) in &self.given {
            if let Err(error) = self.give_to(file, spec, &token.secret).await {
                if token.ours {
                    let _ = self.revoke_one(token).await;
                }
                return Err(error);
            }
        }
        Ok(())
    }

    async fn give_to(&self, file: &Keep, spec: &TokenFile, token: &Secret) -> Result<(), ProviderError> {
        match spec.wrap {
            None => file.give(token, spec),
            Some(ttl) => file.give(&self.wrap_token(token, ttl).await?, spec),
        }
    }

    /// Reads a credential whose file is there for one login only, or takes the one that was there.
    fn taken(&self, file: &Path) -> Result<Arc<Secret>, ProviderError> {
        if !file.exists()
            && let Some(held) = self.state().taken.clone()
        {
            return Ok(held);
        }
        let read = Arc::new(credential(file)?);
        self.state().taken = Some(Arc::clone(&read));
        Ok(read)
    }

    /// Takes away the file that a login has been made with, where that was asked for. It stays where we may not: whoever
    /// started us has been told.
    pub(super) fn forget_file(&self) {
        let file = match &self.auth {
            VaultAuth::AppRole { secret_id: file, remove: true, .. }
            | VaultAuth::Jwt { token: file, remove: Removal::File, .. } => Some(file.clone()),
            VaultAuth::Jwt { token, remove: Removal::Target, .. } => token.canonicalize().ok(),
            _ => None,
        };
        if let Some(file) = file.filter(|_| self.state().taken.is_some()) {
            let _ = std::fs::remove_file(file);
        }
    }

    async fn grant(
        &self,
        endpoint: &impl Endpoint,
        mount: &str,
        sent: &Secret,
    ) -> Result<(Secret, Session), ProviderError> {
        self.grant_hiding(endpoint, mount, &[sent]).await
    }

    /// Logs in by an endpoint; what was sent is never quoted back.
    async fn grant_hiding(
        &self,
        endpoint: &impl Endpoint,
        mount: &str,
        sent: &[&Secret],
    ) -> Result<(Secret, Session), ProviderError> {
        let body = self.ask(endpoint, None, sent).await.map_err(|error| match error.class {
            Class::Refused => error.hint(format!("check the role and the credential at auth/{mount}")),
            Class::Missing => error.hint(format!("is the method enabled at auth/{mount}?")),
            _ => error,
        })?;
        let envelope = self.parse(Envelope::parse(body.expose()))?;
        let auth = self.parse(envelope.auth.ok_or(Nonsense("it grants no token")))?;
        let session = auth.session(true);
        self.state().role = auth.role().map(str::to_owned);
        Ok((auth.into_token(), session))
    }
}

/// A login's request holds the credential as a plain string, which goes when it does.
pub(super) struct Wiped<E: Credential>(pub(super) E);

pub(super) trait Credential {
    fn credential(&mut self) -> &mut String;
}

impl Credential for LoginWithApproleRequest {
    fn credential(&mut self) -> &mut String {
        &mut self.secret_id
    }
}

impl Credential for LoginWithKubernetesRequest {
    fn credential(&mut self) -> &mut String {
        &mut self.jwt
    }
}

impl Credential for JWTLoginRequest {
    fn credential(&mut self) -> &mut String {
        &mut self.jwt
    }
}

#[cfg(feature = "aws")]
impl Credential for IamLoginRequest {
    fn credential(&mut self) -> &mut String {
        &mut self.iam_request_headers
    }
}

impl Credential for WrappingLookupRequest {
    fn credential(&mut self) -> &mut String {
        &mut self.token
    }
}

impl<E: Credential> Drop for Wiped<E> {
    fn drop(&mut self) {
        drop(Secret::from(std::mem::take(self.0.credential())));
    }
}
