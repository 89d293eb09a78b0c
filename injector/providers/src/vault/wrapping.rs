//! Answers that come wrapped: in their place there is a token that gives them out once, to whoever comes first, and for a
//! time. <https://developer.hashicorp.com/vault/docs/concepts/response-wrapping>
//!
//! We ask for such a token where the app is to unwrap it itself, or where a policy demands that answers are wrapped; and
//! we unwrap one that somebody has put into a file. The last is looked at before it is used, as that of a secret id is.

use std::path::Path;
use std::time::Duration;

use ::http::{HeaderName, HeaderValue};
use oakum_inject::provider::{Lease, Manner, Term, Want};
use oakum_inject::{Alarm, Class, Fetched, Field, Fields, ProviderError, Secret};
use rustify::Endpoint;
use serde::Deserialize;
use vaultrs::api::sys::requests::WrappingLookupRequest;

use super::Vault;
use super::endpoint::{Get, Put};
use super::kv::{explained, gone, v2};
use super::lease::{any, now};
use super::login::Wiped;
use super::reply::{Envelope, Nonsense};
use super::unwrapped::{Place, Unwrapped};
use crate::answer::{Hidden, object, quote};
use crate::credential::{credential, text};
use crate::fingerprint;
use crate::http::Reply;
use crate::keep::hash;

/// What became of a wrapping token that lay in a file.
pub(super) enum Served {
    /// It gave its secret out, to us.
    Well,
    /// It is not to be tried again.
    Badly(ProviderError),
}

#[derive(Deserialize)]
struct Wrapped {
    #[serde(default)]
    wrap_info: Option<WrapInfo>,
}

#[derive(Deserialize)]
struct WrapInfo {
    token: Hidden,
    #[serde(default)]
    accessor: String,
    ttl: u64,
    #[serde(default)]
    creation_time: String,
    #[serde(default)]
    creation_path: String,
    /// Of a token that is wrapped; what we wrap is a value to Vault.
    #[serde(default)]
    wrapped_accessor: String,
}

#[derive(Deserialize)]
struct Lookup {
    creation_path: String,
}

impl Vault {
    /// Runs an endpoint that reads a secret, and gives what it says, in the wrapping that is wanted.
    pub(super) async fn obtain(
        &self,
        endpoint: &impl Endpoint,
        want: &Want,
        token: &Secret,
    ) -> Result<Reply, ProviderError> {
        let Manner::ByToken(ttl) = want.manner else { return self.run(endpoint, Some(token)).await };
        let reply = self.run_wrapped(endpoint, token, ttl).await?;
        if !(200..300).contains(&reply.status) {
            return Ok(reply);
        }
        let WrapInfo { token: wrapping, .. } = self.parse(wrap_info(reply.body.expose()))?;
        let body = self.unwrap(&wrapping.0).await.map_err(|error| error.while_doing("cannot unwrap the answer"))?;
        // What is wrapped lost its status.
        let status = if gone(body.expose()).is_some() { 404 } else { 200 };
        Ok(Reply { status, body, ..reply })
    }

    async fn run_wrapped(
        &self,
        endpoint: &impl Endpoint,
        token: &Secret,
        ttl: Duration,
    ) -> Result<Reply, ProviderError> {
        let mut request = self.request(endpoint, Some(token))?;
        let header = HeaderName::from_static("x-vault-wrap-ttl");
        request.headers_mut().insert(header, HeaderValue::from(ttl.as_secs()));
        self.transport.send(request).await
    }

    /// Asks for a token that gives a secret out; it is the secret then, and another one each time.
    pub(super) async fn read_token(
        &self,
        want: &Want,
        path: &str,
        ttl: Duration,
        token: &Secret,
    ) -> Result<Fetched, ProviderError> {
        let reply = if want.with.is_empty() {
            self.run_wrapped(&Get { path }, token, ttl).await?
        } else {
            let sent = want.with.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            self.run_wrapped(&Put::new(path, sent), token, ttl).await?
        };
        let body = self.body(reply, token).map_err(|error| explained(error, path))?;
        let info = self.parse(wrap_info(body.expose()))?;
        let ttl = Duration::from_secs(info.ttl);
        let fields = info.fields();
        let version = fingerprint::of(&fields)?;
        Ok(Fetched::Changed { fields, version, term: Term::Lease(Lease { id: None, ttl, renewable: false }) })
    }

    /// Unwraps the token that lies in a file, once. What it gave is kept where the store has a folder for that.
    pub(super) async fn read_from_file(&self, want: &Want, file: &Path) -> Result<Fetched, ProviderError> {
        let place = self.place_of(want, file)?;
        let token = match credential(file) {
            Ok(token) => token,
            // It may be gone once it has served.
            Err(_) if want.known.is_some() => return Ok(Fetched::Unchanged),
            Err(error) => {
                let kept = place.as_ref().map(Place::read).transpose()?.flatten();
                let error = ProviderError { class: Class::Missing, ..error };
                return kept.map_or(Err(error), |kept| self.given_again(want, file, &kept));
            }
        };
        let of = hash(&[token.expose()]);
        match self.state().served.get(&of) {
            Some(Served::Well) if want.known.is_some() => return Ok(Fetched::Unchanged),
            // It was said once what happened.
            Some(Served::Badly(error)) => return Err(ProviderError { alarm: None, ..error.clone() }),
            Some(Served::Well) | None => {}
        }
        if let Some(kept) = place.as_ref().map(Place::read).transpose()?.flatten().filter(|kept| kept.of == of) {
            self.state().served.insert(of, Served::Well);
            return self.given_again(want, file, &kept);
        }
        if self.state().served.contains_key(&of) {
            let what =
                format!("the wrapping token in {} has given its secret out, which was delivered", file.display());
            return Err(ProviderError::new(Class::Missing, what)
                .hint("put another wrapping token there; with `keep_unwrapped`, the next one's secret is kept"));
        }
        let opened = self.open_token(want, file, &token, place.as_ref(), &of).await;
        match &opened {
            Ok(_) => drop(self.state().served.insert(of, Served::Well)),
            Err(error) if error.alarm.is_some() => {
                self.state().served.insert(of, Served::Badly(error.clone()));
            }
            Err(_) => {}
        }
        let (fields, term) = opened?;
        let version = fingerprint::of(&fields)?;
        Ok(Fetched::Changed { fields, version, term })
    }

    async fn open_token(
        &self,
        want: &Want,
        file: &Path,
        token: &Secret,
        place: Option<&Place>,
        of: &str,
    ) -> Result<(Fields, Term), ProviderError> {
        let used = |error| used(error, file, "the secret");
        let path = self.made_at(token, file).await.map_err(used)?;
        if !leads_to(&path, &want.path) {
            return Err(foreign(&quote(&path, &[token]), file, &want.path)
                .hint("look who put it there; if that is where the secret is, write it as the path of `from`"));
        }
        // Before the token is used up: a folder that nothing can be written to is found now.
        place.map(|place| place.reserve(of)).transpose()?;
        let body = self.unwrap(token).await.map_err(used)?;
        if let Some(place) = place {
            place.write(of, &path, &body);
        }
        self.inside(want, &path, &body, now())
    }

    /// Reads what was wrapped at a path, as it was at a moment.
    fn inside(&self, want: &Want, path: &str, body: &Secret, at: Duration) -> Result<(Fields, Term), ProviderError> {
        let versioned = path != want.path || path.contains("/data/");
        match v2(body.expose()) {
            Ok((fields, _)) if versioned => Ok((fields, Term::Open)),
            _ => self.parse(any(body.expose(), at)),
        }
    }

    fn place_of(&self, want: &Want, file: &Path) -> Result<Option<Place>, ProviderError> {
        self.unwrapped.as_ref().map(|beside| Place::new(beside, &want.path, file)).transpose()
    }

    /// Gives what was kept. A lease goes on from when it began.
    fn given_again(&self, want: &Want, file: &Path, kept: &Unwrapped) -> Result<Fetched, ProviderError> {
        if !leads_to(&kept.path, &want.path) {
            let what = format!("what the wrapping token in {} gave was for another path", file.display());
            return Err(ProviderError::new(Class::Missing, what).hint("put another wrapping token there"));
        }
        let (fields, mut term) = self.inside(want, &kept.path, &kept.body, kept.since)?;
        if let Term::Lease(lease) = &mut term {
            lease.ttl = lease.ttl.saturating_sub(now().saturating_sub(kept.since));
            if lease.ttl.is_zero() {
                let what = format!("what the wrapping token in {} gave has ended", file.display());
                return Err(ProviderError::new(Class::Missing, what).hint("put another wrapping token there"));
            }
        }
        let version = fingerprint::of(&fields)?;
        Ok(if want.known == Some(version) { Fetched::Unchanged } else { Fetched::Changed { fields, version, term } })
    }

    /// Makes a token that gives our own out, in the form in which Vault Agent writes one.
    pub(super) async fn wrap_token(&self, token: &Secret, ttl: Duration) -> Result<Secret, ProviderError> {
        let sent = token.expose_str().map(|text| ("token", text));
        let reply = self.run_wrapped(&Put::new("sys/wrapping/wrap", sent), token, ttl).await?;
        let wrapped = self.body(reply, token).and_then(|body| self.parse(wrap_info(body.expose())));
        wrapped.map(|info| info.json()).map_err(|error| {
            let refused = error.class == Class::Refused;
            let error = error.while_doing("cannot wrap the token");
            if refused {
                error.hint("let a policy of the role update sys/wrapping/wrap, as `default` does")
            } else {
                error
            }
        })
    }

    /// Says at which path a wrapping token was made.
    pub(super) async fn made_at(&self, token: &Secret, file: &Path) -> Result<String, ProviderError> {
        let endpoint = Wiped(WrappingLookupRequest { token: text(token, file)?.to_owned() });
        let body = self.ask(&endpoint.0, None, &[token]).await?;
        let data = self.parse(Envelope::parse(body.expose()))?.data;
        let data = self.parse(data.ok_or(Nonsense("it says nothing about the wrapping token")))?;
        let Lookup { creation_path } = self.parse(object(data.get().as_bytes()))?;
        Ok(creation_path)
    }

    /// Gives the answer that a token stands for; the token is used up then.
    pub(super) async fn unwrap(&self, token: &Secret) -> Result<Secret, ProviderError> {
        self.ask(&Put::new("sys/wrapping/unwrap", []), Some(token), &[token]).await
    }
}

impl WrapInfo {
    /// Gives all of it as a line of JSON, with the keys and in the order of Vault's own client.
    fn json(&self) -> Secret {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let token = Secret::from(text(self.token.0.expose_str().unwrap_or_default()));
        Secret::from(format!(
            "{{\"token\":{},\"accessor\":{},\"ttl\":{},\"creation_time\":{},\"creation_path\":{},\"wrapped_accessor\":{}}}\n",
            token.expose_str().unwrap_or_default(),
            text(&self.accessor),
            self.ttl,
            text(&self.creation_time),
            text(&self.creation_path),
            text(&self.wrapped_accessor),
        ))
    }

    /// Gives what an app needs to unwrap it, under the names that Vault has.
    fn fields(self) -> Fields {
        let text = |text: String| Field::Text(Secret::from(text));
        let all = [
            ("token", Field::Text(self.token.0)),
            ("accessor", text(self.accessor)),
            ("ttl", Field::Json(Secret::from(self.ttl.to_string()))),
            ("creation_time", text(self.creation_time)),
            ("creation_path", text(self.creation_path)),
        ];
        all.into_iter().map(|(name, field)| (name.to_owned(), field)).collect()
    }
}

fn wrap_info(body: &[u8]) -> Result<WrapInfo, Nonsense> {
    let Wrapped { wrap_info } = object(body)?;
    wrap_info.ok_or(Nonsense("it is not wrapped, as it was asked to be"))
}

/// Tells whether a token that was made at a path wraps a secret: the key-value engine puts `data/` behind its mount.
fn leads_to(made_at: &str, path: &str) -> bool {
    made_at == path
        || made_at.match_indices("/data/").any(|(at, data)| {
            path.len() + data.len() - 1 == made_at.len()
                && path.strip_prefix(&made_at[..=at]).is_some_and(|rest| rest == &made_at[at + data.len()..])
        })
}

/// Says what it means that Vault does not know a token: it says so of one that is used up, and of one that never was.
pub(super) fn used(error: ProviderError, file: &Path, what: &str) -> ProviderError {
    if error.class != Class::Refused {
        return error.while_doing(&format!("cannot unwrap {what}"));
    }
    ProviderError::new(Class::Refused, format!("the wrapping token in {} is used up ({})", file.display(), error.what))
        .hint(
            "it was unwrapped by somebody else, by an agent before this one that kept nothing, or has expired: \
             ask the audit log of Vault which, then put a new one there",
        )
        .alarm(Alarm::WrappingTokenUsed)
}

/// Says that a token was made at another path than it was to be.
pub(super) fn foreign(path: &str, file: &Path, expected: &str) -> ProviderError {
    let what = format!("the wrapping token in {} was made at {path}, and not at {expected}", file.display());
    ProviderError::new(Class::Refused, what).alarm(Alarm::WrappingTokenForeign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_have_what_the_engine_puts_behind_its_mount() {
        for (made_at, path, same) in [
            ("secret/data/web", "secret/web", true),
            ("secret/data/web", "secret/data/web", true),
            ("team/kv/data/a/data/b", "team/kv/a/data/b", true),
            ("team/kv/data/a/data/b", "team/kv/data/a/b", true),
            ("cubbyhole/web", "cubbyhole/web", true),
            ("secret/data/web", "secret/webb", false),
            ("secret/data/web", "secret/other", false),
            ("secret/data/web2", "secret/web", false),
            ("evil/data/web", "secret/web", false),
            ("secret/data/", "secret", false),
        ] {
            assert_eq!(leads_to(made_at, path), same, "{made_at} {path}");
        }
    }
}
