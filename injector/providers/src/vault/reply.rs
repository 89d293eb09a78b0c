//! What Vault's answers mean. Pure: bytes and a status in, a class or a value out. Anything may come in here.

use std::time::Duration;

use oakum_inject::config::Address;
use oakum_inject::provider::{Lease, Session};
use oakum_inject::{Class, ProviderError, Secret};
use serde::Deserialize;
use serde_json::value::RawValue;

pub use crate::answer::Nonsense;
use crate::answer::{Hidden, object, quote};

/// What should have answered.
pub(super) const SERVER: &str = "a Vault server";

/// The type of tokens that hold all that is known of them.
const BATCH: &str = "batch";

/// The envelope that every answer comes in. Values stay the text that they came as.
#[derive(Deserialize)]
pub struct Envelope<'a> {
    /// The server's name for the request.
    #[serde(default)]
    pub request_id: String,
    /// Not empty if the secret ends by itself and can be revoked.
    #[serde(default)]
    pub lease_id: String,
    /// For how many seconds.
    #[serde(default)]
    pub lease_duration: u64,
    /// Whether that can be prolonged.
    #[serde(default)]
    pub renewable: bool,
    /// What was read.
    #[serde(borrow, default)]
    pub data: Option<&'a RawValue>,
    /// What was granted.
    #[serde(default)]
    pub auth: Option<Auth>,
    /// What the server wants to be known.
    #[serde(default)]
    pub warnings: Option<Vec<String>>,
}

/// A token that was granted.
#[derive(Deserialize)]
pub struct Auth {
    client_token: Hidden,
    #[serde(default)]
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
    #[serde(default)]
    token_type: String,
    /// Anything.
    #[serde(default)]
    metadata: serde_json::Value,
}

impl Auth {
    /// The name of the role that was logged in with, where the method tells it.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        ["role_name", "role", "cert_name"].iter().find_map(|name| self.metadata.get(name)?.as_str())
    }

    /// For how long it was granted. Vault says 0 of a token that does not end.
    ///
    /// A batch token is nobody's to give back: Vault keeps no record of it that could be taken out, and what was leased
    /// with it is given back by itself. <https://developer.hashicorp.com/vault/docs/concepts/tokens#batch-tokens>
    #[must_use]
    pub fn session(&self, ours: bool) -> Session {
        let ours = ours && self.token_type != BATCH;
        Session {
            ttl: (self.lease_duration > 0).then(|| Duration::from_secs(self.lease_duration)),
            renewable: self.renewable,
            ours,
        }
    }

    /// Takes the token out.
    #[must_use]
    pub fn into_token(self) -> Secret {
        self.client_token.0
    }
}

#[derive(Deserialize)]
struct Granted<'a> {
    #[serde(borrow, default)]
    auth: Option<&'a RawValue>,
}

/// Gives what was granted as it came, if anything was.
///
/// # Errors
/// Says what is wrong with the answer.
pub fn granted(body: &[u8]) -> Result<Option<&RawValue>, Nonsense> {
    object::<Granted<'_>>(body).map(|granted| granted.auth)
}

impl<'a> Envelope<'a> {
    /// Gives the lease, if there is one.
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        (!self.lease_id.is_empty()).then(|| Lease {
            id: Some(self.lease_id.clone()),
            ttl: Duration::from_secs(self.lease_duration),
            renewable: self.renewable,
        })
    }

    /// Parses an answer.
    ///
    /// # Errors
    /// Says what kind of nonsense it is, without quoting it.
    pub fn parse(body: &'a [u8]) -> Result<Self, Nonsense> {
        object(body)
    }
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<String>,
}

#[derive(Deserialize)]
struct LookupData {
    #[serde(default)]
    ttl: u64,
    #[serde(default)]
    renewable: bool,
    #[serde(default, rename = "type")]
    kind: String,
}

/// Reads `auth/token/lookup-self`: how long a token that lay in a file still holds. It is ours if our own login gave it.
///
/// # Errors
/// Says what is wrong with the answer.
pub fn lookup(body: &[u8], ours: bool) -> Result<Session, Nonsense> {
    let data = Envelope::parse(body)?.data.ok_or(Nonsense("it says nothing about the token"))?;
    let LookupData { ttl, renewable, kind } = object(data.get().as_bytes())?;
    Ok(Session { ttl: (ttl > 0).then(|| Duration::from_secs(ttl)), renewable, ours: ours && kind != BATCH })
}

/// Says what can be done about an answer that is no success.
#[must_use]
pub fn classify(
    address: &Address,
    status: u16,
    retry_after: Option<Duration>,
    body: &[u8],
    sent: &[&Secret],
) -> ProviderError {
    let errors: Option<Errors> = serde_json::from_slice(body).ok();
    let said = errors.as_ref().map(|errors| quote(&errors.errors.join("; "), sent)).unwrap_or_default();
    let sealed = said.contains("sealed");
    let error = |class, what: &str| {
        let said = if said.is_empty() { String::new() } else { format!(" ({said})") };
        ProviderError::new(class, format!("{address} {what}{said}")).after(retry_after)
    };
    let told = match status {
        300..400 => error(Class::Unreachable, &format!("sends us elsewhere (status {status})"))
            .hint("it is a standby: name the active server, or a load balancer, as `address`"),
        // A client error that is not Vault's own is somebody else's, such as a proxy's: no reason to give up.
        400..429 if errors.is_none() && status != 412 => {
            Nonsense("a refusal that is not Vault's").at(address, SERVER).after(retry_after)
        }
        404 => error(Class::Missing, "has nothing there"),
        412 => error(Class::Unreachable, "is behind its primary"),
        429 => error(Class::Unreachable, "is busy, or on standby (status 429)"),
        472 | 473 => error(Class::Unreachable, &format!("is a standby that does not serve (status {status})")),
        400..500 => error(Class::Refused, &format!("refuses (status {status})")),
        501 => error(Class::Unreachable, "is not initialised").hint("run `vault operator init`"),
        503 if sealed => error(Class::Unreachable, "is sealed").hint("unseal it: `vault operator unseal`"),
        500..600 => error(Class::Unreachable, &format!("is not well (status {status})")),
        _ => Nonsense("its status is none that Vault has").at(address, SERVER),
    };
    told.status(status)
}

#[cfg(test)]
mod tests {
    use oakum_inject::config::PlainHttp;
    use proptest::prelude::*;

    use super::*;

    fn error(status: u16, body: &str) -> ProviderError {
        let address = Address::parse("https://vault.example.com", PlainHttp::LoopbackOnly).unwrap();
        classify(&address, status, None, body.as_bytes(), &[])
    }

    #[test]
    fn each_status_says_what_can_be_done() {
        let said = r#"{"errors":["permission denied"]}"#;
        for (status, body, expected) in [
            (403, said, Class::Refused),
            (400, said, Class::Refused),
            (404, r#"{"errors":[]}"#, Class::Missing),
            (412, said, Class::Unreachable),
            (429, said, Class::Unreachable),
            (472, said, Class::Unreachable),
            (473, said, Class::Unreachable),
            (500, "oops", Class::Unreachable),
            (502, "<html>", Class::Unreachable),
            (503, r#"{"errors":["Vault is sealed"]}"#, Class::Unreachable),
            (307, "", Class::Unreachable),
            (403, "<html>forbidden by the proxy</html>", Class::Malformed),
            (404, "404 page not found", Class::Malformed),
            (999, "", Class::Malformed),
        ] {
            let error = error(status, body);
            assert_eq!((error.class, error.status), (expected, Some(status)), "{status} {body}");
        }
    }

    #[test]
    fn sealed_is_said_with_the_way_out() {
        let error = error(503, r#"{"errors":["Vault is sealed"]}"#);
        assert_eq!(error.to_string(), "https://vault.example.com:443 is sealed (Vault is sealed)");
        assert!(error.hint.unwrap().contains("unseal"));
    }

    #[test]
    fn a_server_cannot_make_us_print_what_we_sent_or_what_moves_a_terminal() {
        let address = Address::parse("https://vault.example.com", PlainHttp::LoopbackOnly).unwrap();
        let sent = Secret::from("xyzzy".to_owned());
        let error = classify(&address, 403, None, br#"{"errors":["bad id xyzzy"]}"#, &[&sent]);
        assert!(!error.to_string().contains("xyzzy"), "{error}");
        let error = classify(&address, 403, None, b"{\"errors\":[\"\\u001b[2J\\u0007\"]}", &[]);
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
        let long = format!("{{\"errors\":[\"{}\"]}}", "x".repeat(10_000));
        assert!(classify(&address, 400, None, long.as_bytes(), &[]).to_string().len() < 400);
    }

    #[test]
    fn nonsense_is_told_by_kind() {
        for (body, what) in [
            ("", "empty"),
            ("<html>", "HTML"),
            ("{\"data\":", "cut off"),
            ("[1]", "not what"),
            ("hello", "not JSON"),
            ("{\"auth\":{}}", "not what"),
        ] {
            let Err(nonsense) = Envelope::parse(body.as_bytes()) else { panic!("{body}") };
            assert!(nonsense.0.contains(what), "{body}: {}", nonsense.0);
        }
    }

    #[test]
    fn a_batch_token_is_not_ours_to_revoke() {
        let session = |kind: &str| {
            let body = format!(r#"{{"auth":{{"client_token":"t","lease_duration":6,"token_type":"{kind}"}}}}"#);
            Envelope::parse(body.as_bytes()).unwrap().auth.unwrap().session(true)
        };
        assert!(session("service").ours && !session("batch").ours && !session("batch").renewable);
    }

    #[test]
    fn a_token_without_an_end_has_no_ttl() {
        let session = lookup(br#"{"data":{"ttl":0,"renewable":false,"id":"x"}}"#, false).unwrap();
        assert_eq!(session, Session { ttl: None, renewable: false, ours: false });
    }

    proptest! {
        #[test]
        fn never_panics(status in any::<u16>(), body in proptest::collection::vec(any::<u8>(), 0..200), json in "\\{\"(data|auth|errors|lease_id)\":[\\[{\"a-z0-9,:\\]}]{0,20}\\}") {
            let address = Address::parse("https://vault.example.com", PlainHttp::LoopbackOnly).unwrap();
            let _ = classify(&address, status, None, &body, &[]);
            let _ = classify(&address, status, None, json.as_bytes(), &[]);
            let _ = (Envelope::parse(&body).is_ok(), Envelope::parse(json.as_bytes()).is_ok(), lookup(json.as_bytes(), true).is_ok());
        }
    }
}
