//! Secrets that Vault makes for whoever asks: credentials of databases and clouds, certificates, signed tokens. Any path
//! will do. What matters is for how long the answer is good, since asking again makes another one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oakum_inject::provider::{Lease, Session, Term, Want};
use oakum_inject::{Class, Fetched, Fields, ProviderError, Secret};
use serde::Deserialize;

use super::Vault;
use super::endpoint::{Get, Put};
use super::kv::{explained, found};
use super::reply::{Envelope, Nonsense, granted};
use crate::answer::{fields, object};

impl Vault {
    /// Reads a path that belongs to no key-value engine.
    pub(super) async fn read_any(&self, want: &Want, token: &Secret) -> Result<Fetched, ProviderError> {
        unpinned(want)?;
        let reply = self.obtain(&Get { path: &want.path }, want, token).await?;
        let at = reply.date.unwrap_or_else(now);
        let body = self.body(reply, token).map_err(|error| match error.class {
            Class::Refused if error.what.contains("unsupported operation") => {
                error.hint("the path is one to write to: say what to send under `with`")
            }
            _ => explained(self.denied(error, &want.path), &want.path),
        })?;
        let (fields, term) = self.parse(any(body.expose(), at))?;
        found(want, body.expose(), fields, term)
    }

    /// Writes to a path, which answers with what it made.
    pub(super) async fn write(&self, want: &Want, token: &Secret) -> Result<Fetched, ProviderError> {
        unpinned(want)?;
        let sent = want.with.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let reply = self.obtain(&Put::new(&want.path, sent), want, token).await?;
        let at = reply.date.unwrap_or_else(now);
        let body = self.body(reply, token).map_err(|error| match error.class {
            Class::Refused => error.hint(format!("let a policy of the role update {}", want.path)),
            _ => error,
        })?;
        let (fields, term) = self.parse(any(body.expose(), at))?;
        found(want, body.expose(), fields, term)
    }

    /// Prolongs a lease. That it shrinks says that its greatest age is near.
    pub(super) async fn renew_lease(&self, id: &str) -> Result<Session, ProviderError> {
        let token = self.token()?;
        let endpoint = Put::new("sys/leases/renew", [("lease_id", id)]);
        let answer = self.run_over_open(&endpoint, &token.secret).await;
        let body = answer
            .and_then(|reply| self.body(reply, &token.secret))
            .map_err(|error| error.while_doing("cannot renew the lease"))?;
        let envelope = self.parse(Envelope::parse(body.expose()))?;
        let ttl = Some(Duration::from_secs(envelope.lease_duration));
        Ok(Session { ttl, renewable: envelope.renewable, ours: true })
    }

    /// Gives a lease back.
    pub(super) async fn revoke_lease(&self, id: &str) -> Result<(), ProviderError> {
        let token = self.token()?;
        let endpoint = Put::new("sys/leases/revoke", [("lease_id", id)]);
        let answer = self.run_over_open(&endpoint, &token.secret).await;
        answer
            .and_then(|reply| self.body(reply, &token.secret))
            .map(|_| ())
            .map_err(|error| error.while_doing("cannot revoke the lease"))
    }
}

fn unpinned(want: &Want) -> Result<(), ProviderError> {
    match want.pinned {
        None => Ok(()),
        Some(_) => Err(ProviderError::new(Class::Misconfigured, "a version is pinned, and this engine keeps none")
            .hint("take `?version=` away")),
    }
}

pub(super) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// What engines say of the end of a value that has no lease. Other types in these places are somebody's own fields.
#[derive(Deserialize)]
struct Ends {
    /// Seconds: of a static role's password until it is rotated, of a signed token until it ends.
    #[serde(default)]
    ttl: Option<serde_json::Value>,
    #[serde(default)]
    last_vault_rotation: Option<serde_json::Value>,
    #[serde(default)]
    rotation_period: Option<serde_json::Value>,
    /// Seconds since 1970: of a certificate.
    #[serde(default)]
    expiration: Option<serde_json::Value>,
}

/// Reads an answer of any path; `now` is the time since 1970, by the clock of whoever says when something ends where that
/// can be had: ours may be off, or jump.
///
/// # Errors
/// Says what is wrong with the answer.
pub fn any(body: &[u8], now: Duration) -> Result<(Fields, Term), Nonsense> {
    let envelope = Envelope::parse(body)?;
    if let (None, Some(auth)) = (envelope.data, &envelope.auth) {
        // A token was made for us: `auth/token/create`.
        let lease = |ttl| Term::Lease(Lease { id: None, ttl, renewable: false });
        let term = auth.session(true).ttl.map_or(Term::Open, lease);
        let granted = granted(body)?.ok_or(Nonsense("it holds no data"))?;
        return Ok((fields(granted.get())?, term));
    }
    let lease = envelope.lease();
    let data = envelope.data.ok_or(Nonsense("it holds no data"))?.get();
    let ends: Ends = object(data.as_bytes())?;
    let seconds = |value: &Option<serde_json::Value>| value.as_ref().and_then(serde_json::Value::as_u64);
    let term = match (lease, seconds(&ends.expiration), seconds(&ends.ttl)) {
        (Some(lease), ..) => Term::Lease(lease),
        (None, Some(expiration), _) => {
            let ttl = Duration::from_secs(expiration).saturating_sub(now);
            Term::Lease(Lease { id: None, ttl, renewable: false })
        }
        // A static role is rotated at its time, and a moment later the new password is there.
        (None, None, Some(ttl)) if ends.last_vault_rotation.is_some() || ends.rotation_period.is_some() => {
            Term::Rotation(Duration::from_secs(ttl + 1))
        }
        (None, None, Some(ttl)) if ttl > 0 => {
            Term::Lease(Lease { id: None, ttl: Duration::from_secs(ttl), renewable: false })
        }
        _ => Term::Open,
    };
    Ok((fields(data)?, term))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(body: &str) -> Term {
        let Ok((_, term)) = any(body.as_bytes(), Duration::from_secs(1000)) else { panic!("{body}") };
        term
    }

    fn lease(id: Option<&str>, ttl: u64, renewable: bool) -> Term {
        Term::Lease(Lease { id: id.map(str::to_owned), ttl: Duration::from_secs(ttl), renewable })
    }

    #[test]
    fn each_engine_says_in_its_way_how_long_a_value_is_good() {
        let database = r#"{"lease_id":"database/creds/web/x","lease_duration":60,"renewable":true,"data":{"ttl":9}}"#;
        assert_eq!(term(database), lease(Some("database/creds/web/x"), 60, true));
        assert_eq!(term(r#"{"data":{"certificate":"c","expiration":1060}}"#), lease(None, 60, false));
        assert_eq!(term(r#"{"data":{"certificate":"c","expiration":1}}"#), lease(None, 0, false));
        let rotated = r#"{"data":{"password":"x","ttl":7,"rotation_period":60}}"#;
        assert_eq!(term(rotated), Term::Rotation(Duration::from_secs(8)));
        assert_eq!(term(r#"{"data":{"token":"x","ttl":60}}"#), lease(None, 60, false));
        assert_eq!(term(r#"{"data":{"plaintext":"x","ttl":"soon"}}"#), Term::Open);
    }

    #[test]
    fn nonsense_is_refused() {
        for body in ["", "{}", "[]", r#"{"data":[]}"#, r#"{"data":null}"#] {
            assert!(any(body.as_bytes(), Duration::ZERO).is_err(), "{body}");
        }
    }
}
