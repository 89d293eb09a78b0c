//! Who one is to a registry: what it wants to be shown, and where that is had.

use std::io::Read as _;

use ureq::Body;
use ureq::http::{Response, StatusCode};
use zeroize::Zeroizing;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::client::{Client, header, host_of, key, lock};
use super::credentials::{self, Credential};
use super::mirrors::Endpoint;
use super::refusal::{Refusal, refused};

/// The largest answer with a token.
const MOST_TOKEN: u64 = 256 << 10;

impl Client {
    /// Finds out what the registry wants to be shown.
    pub(super) fn introduce(&self, at: &Endpoint, response: &Response<Body>) -> Result<(), Refusal> {
        let wanted = header(response, "www-authenticate").unwrap_or_default();
        let credential = credentials::of(at);
        let shown = if wanted.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer")) {
            Some(self.token(at, &Challenge::parse(&wanted), credential)?)
        } else {
            credential.and_then(|credential| basic(&credential))
        };
        let Some(shown) = shown else {
            let said = ": it wants a user and a password, and there are none for it".to_owned();
            return Err(Refusal::Status { host: at.api().into(), status: StatusCode::UNAUTHORIZED, said });
        };
        lock(&self.shown).insert(key(at), shown);
        Ok(())
    }

    /// Gets a token from where the registry says that they are given out.
    fn token(
        &self,
        at: &Endpoint,
        challenge: &Challenge,
        credential: Option<Credential>,
    ) -> Result<Zeroizing<String>, Refusal> {
        let nonsense = |why: String| Refusal::Nonsense { host: at.api().into(), why };
        let realm = &challenge.realm;
        let host = host_of(realm);
        let safe = realm.starts_with("https://") || (realm.starts_with("http://") && self.scheme(at) == "http");
        if !safe {
            return Err(nonsense("wants tokens from where there is no TLS".into()));
        }
        // Somebody else's host gets no credentials, whatever the registry says.
        let credential = credential.filter(|_| is_same_site(at.api(), host));
        let scope = match (challenge.scope.as_str(), at.repository.as_str()) {
            ("", "") => "registry:catalog:*".to_owned(),
            ("", repository) => format!("repository:{repository}:pull"),
            (scope, _) => scope.to_owned(),
        };
        let agent = self.agent(at, realm)?;
        let unreachable = |error: ureq::Error| Refusal::Unreachable { host: host.into(), why: error.to_string() };
        let response = if let Some(Credential::Identity(token)) = &credential {
            let form = [
                ("grant_type", "refresh_token"),
                ("service", &challenge.service),
                ("client_id", "oakum"),
                ("scope", &scope),
                ("refresh_token", token),
            ];
            agent.post(realm).send_form(form).map_err(unreachable)?
        } else {
            let mut request = agent.get(realm).query("service", &challenge.service).query("scope", &scope);
            if let Some(shown) = credential.as_ref().and_then(basic) {
                request = request.header("Authorization", shown.as_str());
            }
            request.call().map_err(unreachable)?
        };
        if response.status() != StatusCode::OK {
            return Err(refused(host, response));
        }
        let mut text = Zeroizing::new(Vec::new());
        let read = response.into_body().into_reader().take(MOST_TOKEN).read_to_end(&mut text);
        let json: Option<serde_json::Value> = read.ok().and_then(|_| serde_json::from_slice(&text).ok());
        let token = json.as_ref().and_then(|json| json.get("token").or_else(|| json.get("access_token"))?.as_str());
        match token.filter(|token| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())) {
            Some(token) => Ok(Zeroizing::new(format!("Bearer {token}"))),
            None => Err(nonsense(format!("sends us to {host} for a token, which has none"))),
        }
    }
}

/// What is shown for a user and a password.
fn basic(credential: &Credential) -> Option<Zeroizing<String>> {
    match credential {
        Credential::Basic { user, password } => {
            let pair = Zeroizing::new(format!("{user}:{}", password.as_str()));
            Some(Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes()))))
        }
        Credential::Identity(_) => None,
    }
}

/// What a registry says of how tokens are had (RFC 6750, and the distribution's token specification).
#[derive(Debug, Default, PartialEq, Eq)]
struct Challenge {
    realm: String,
    service: String,
    scope: String,
}

impl Challenge {
    fn parse(header: &str) -> Self {
        let mut found = Self::default();
        let mut rest = header.split_once(' ').map_or("", |(_, rest)| rest);
        while let Some((key, after)) = rest.split_once("=\"") {
            let Some((value, next)) = after.split_once('"') else { break };
            match key.trim_matches([' ', ',']) {
                "realm" => value.clone_into(&mut found.realm),
                "service" => value.clone_into(&mut found.service),
                "scope" => value.clone_into(&mut found.scope),
                _ => {}
            }
            rest = next;
        }
        found
    }
}

/// Whether two hosts are one, or both of one domain that is more than a top-level one.
fn is_same_site(registry: &str, other: &str) -> bool {
    let name = |host: &str| host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    if registry.eq_ignore_ascii_case(other) {
        return true;
    }
    let (registry, other) = (name(registry), name(other));
    let is_address = registry.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match registry.split_once('.') {
        Some((_, parent)) if parent.contains('.') && !is_address => {
            other == parent || other.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
        }
        _ => other == registry,
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::origin_of;
    use super::*;

    #[test]
    fn challenges_are_read() {
        let text = "Bearer realm=\"https://auth.example.com/token\",service=\"reg\", scope=\"repository:a/b:pull\"";
        let expected = Challenge {
            realm: "https://auth.example.com/token".into(),
            service: "reg".into(),
            scope: "repository:a/b:pull".into(),
        };
        assert_eq!(Challenge::parse(text), expected);
        assert_eq!(Challenge::parse("Bearer"), Challenge::default());
        assert_eq!(Challenge::parse("Bearer realm=\"x").realm, "");
    }

    #[test]
    fn credentials_stay_with_their_site() {
        for (registry, other, same) in [
            ("registry-1.docker.io", "auth.docker.io", true),
            ("registry.gitlab.com", "gitlab.com", true),
            ("registry.example.com:5000", "auth.example.com", true),
            ("quay.io", "quay.io", true),
            ("quay.io", "evil.io", false),
            ("127.0.0.1:5000", "127.0.0.1:6000", true),
            ("10.0.0.1", "9.0.0.1", false),
            ("registry.example.com", "example.com.evil.org", false),
            ("registry.example.com", "evilexample.com", false),
        ] {
            assert_eq!(is_same_site(registry, other), same, "{registry} {other}");
        }
        assert_eq!(host_of("https://registry.example.com@evil.org/x?y"), "evil.org");
        assert_eq!(origin_of("https://a.example.com:1/x/y"), "https://a.example.com:1");
    }
}
