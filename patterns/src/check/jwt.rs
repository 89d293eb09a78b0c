//! JSON Web Tokens (RFC 7519): what header and claims say of them. Signatures are not checked, and there is no clock: whether a
//! token has expired is for whoever reads when it does.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::Verdict;
use super::about::{date, plain};
use crate::rule::Confidence;

type Object = Map<String, Value>;

/// Header and claims.
fn parse(token: &[u8]) -> Option<(Object, Object)> {
    let mut parts = token.split(|&b| b == b'.');
    let mut object = || {
        let part = parts.next()?;
        let json = URL_SAFE_NO_PAD.decode(part.strip_suffix(b"=").unwrap_or(part)).ok()?;
        serde_json::from_slice::<Object>(&json).ok()
    };
    Some((object()?, object()?))
}

/// The header names its algorithm (RFC 7515), and it is nobody's example.
pub(super) fn check(token: &[u8]) -> Verdict {
    let Some((header, claims)) = parse(token) else { return Verdict::Reject };
    match header.get("alg").and_then(Value::as_str) {
        Some(_) if is_example(&claims) => Verdict::Reject,
        // Whatever stands where a signature would: only a careless server takes it.
        Some(algorithm) if is_none(algorithm) => Verdict::Is(Confidence::Possible),
        Some(_) => Verdict::Pass,
        None => Verdict::Reject,
    }
}

/// Signed by nobody (RFC 7518, 3.6).
fn is_none(algorithm: &str) -> bool {
    algorithm.eq_ignore_ascii_case("none")
}

/// The tokens that tutorials and specifications print.
fn is_example(claims: &Object) -> bool {
    let is = |name: &str, value: &str| claims.get(name).and_then(Value::as_str) == Some(value);
    let at = |name: &str, time: u64| claims.get(name).and_then(Value::as_u64) == Some(time);
    is("name", "John Doe")
        || is("some", "payload")
        // jwt.io fills this in, whatever name is written beside it.
        || at("iat", 1_516_239_022)
        // RFC 7519, 3.1.
        || (is("iss", "joe") && at("exp", 1_300_819_380))
}

/// Algorithm, issuer, account and end of a token.
pub(super) fn about(token: &[u8]) -> Option<String> {
    let (header, claims) = parse(token)?;
    let mut said = Vec::new();
    let algorithm = header.get("alg").and_then(Value::as_str)?;
    said.extend(if is_none(algorithm) { Some("not signed".into()) } else { plain(algorithm.as_bytes(), 16) });
    let text = |name: &str| claims.get(name).and_then(Value::as_str).and_then(|text| plain(text.as_bytes(), 120));
    said.extend(text("iss").map(|issuer| format!("issuer {issuer}")));
    said.extend(text("sub").filter(|subject| subject.starts_with("system:serviceaccount:")));
    said.push(match claims.get("exp") {
        None => "no expiry".into(),
        Some(end) => format!("expires {}", end.as_f64().and_then(date)?),
    });
    Some(said.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> Vec<u8> {
        format!("{}.{}.c2lnbmF0dXJlLi4u", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims)).into_bytes()
    }

    #[test]
    fn a_jwt_needs_an_algorithm_and_claims() {
        let verdict = |header, claims| check(&token(header, claims));
        assert_eq!(verdict(r#"{"alg":"HS256"}"#, r#"{"sub":"1"}"#), Verdict::Pass);
        assert_eq!(verdict(r#"{"typ":"JWT"}"#, "{}"), Verdict::Reject);
        assert_eq!(verdict(r#"{"alg":1}"#, "{}"), Verdict::Reject);
        assert_eq!(verdict(r#"{"alg":"HS256"}"#, r#"{"sub":1"#), Verdict::Reject);
        assert_eq!(check(b"eyJ.eyJ"), Verdict::Reject);
        assert_eq!(check(b""), Verdict::Reject);
    }

    #[test]
    fn a_token_that_nobody_signed_is_only_possible() {
        let token = token(r#"{"alg":"none"}"#, r#"{"sub":"1"}"#);
        assert_eq!(check(&token), Verdict::Is(Confidence::Possible));
        assert_eq!(about(&token).as_deref(), Some("not signed, no expiry"));
    }

    #[test]
    fn what_specifications_and_tutorials_print_is_no_credential() {
        for claims in [
            r#"{"sub":"1234567890","name":"John Doe"}"#,
            r#"{"sub":"7","name":"Me","iat":1516239022}"#,
            r#"{"iss":"joe","exp":1300819380}"#,
            r#"{"some":"payload"}"#,
        ] {
            assert_eq!(check(&token(r#"{"alg":"HS256"}"#, claims)), Verdict::Reject, "{claims}");
        }
    }

    #[test]
    fn a_token_says_who_issued_it_and_when_it_ends() {
        let header = r#"{"alg":"RS256","typ":"JWT"}"#;
        for (claims, said) in [
            (
                r#"{"iss":"https://idp.acme.test/","exp":1614864000}"#,
                "RS256, issuer https://idp.acme.test/, expires 2021-03-04",
            ),
            (r#"{"exp":1614864000.5}"#, "RS256, expires 2021-03-04"),
            (r#"{"exp":1614864000123}"#, "RS256, expires 2021-03-04"),
            (
                r#"{"iss":"kubernetes/serviceaccount","sub":"system:serviceaccount:prod:deployer"}"#,
                "RS256, issuer kubernetes/serviceaccount, system:serviceaccount:prod:deployer, no expiry",
            ),
            // What could be read as something else is left out.
            (r#"{"iss":"a, expires 2099-01-01"}"#, "RS256, no expiry"),
        ] {
            assert_eq!(about(&token(header, claims)).as_deref(), Some(said));
        }
        assert_eq!(about(&token(header, r#"{"exp":"soon"}"#)), None);
        assert_eq!(about(&token(header, r#"{"exp":1e300}"#)), None);
    }
}
