//! Tokens that carry readable text: JSON in base64, or the number of whose they are. It names the owner, and that it is there
//! makes sure of the token; a token without it may be cut.

use base64::Engine as _;
use serde_json::{Map, Value};

use super::Verdict;
use super::about::plain;
use super::lenient::{STANDARD, URL_SAFE};
use crate::rule::Confidence;

fn verdict(readable: bool) -> Verdict {
    if readable { Verdict::Certain } else { Verdict::Is(Confidence::Likely) }
}

/// The object in a token such as Grafana's `glc_eyJ…` and Sentry's `sntrys_eyJ…_…`.
fn object(token: &[u8]) -> Option<Map<String, Value>> {
    let start = memchr::memmem::find(token, b"eyJ")?;
    let json = token[start..].split(|b| *b == b'_').next()?;
    serde_json::from_slice(&STANDARD.decode(json).ok()?).ok()
}

pub(super) fn json(token: &[u8]) -> Verdict {
    verdict(object(token).is_some())
}

/// Whose the token is: the organisation, what the token is called, and where it counts, under the names that Grafana
/// (`o`, `n`) and Sentry (`org`, `url`) have for them.
pub(super) fn about_json(token: &[u8]) -> Option<String> {
    let object = object(token)?;
    let told = [("o", "organisation"), ("org", "organisation"), ("n", "name"), ("url", "at")];
    let said: Vec<String> = told
        .iter()
        .filter_map(|(key, what)| {
            let value = match object.get(*key)? {
                Value::String(text) => plain(text.as_bytes(), 120)?,
                Value::Number(number) => number.to_string(),
                _ => return None,
            };
            Some(format!("{what} {value}"))
        })
        .collect();
    (!said.is_empty()).then(|| said.join(", "))
}

/// The number of a Discord bot: its token begins with it, in base64.
fn bot(token: &[u8]) -> Option<String> {
    let first = token.split(|b| *b == b'.').next()?;
    let id = URL_SAFE.decode(first).ok()?;
    ((15..=20).contains(&id.len()) && id.iter().all(u8::is_ascii_digit))
        .then(|| String::from_utf8_lossy(&id).into_owned())
}

pub(super) fn discord(token: &[u8]) -> Verdict {
    verdict(bot(token).is_some())
}

pub(super) fn about_discord(token: &[u8]) -> Option<String> {
    bot(token).map(|id| format!("bot {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_in_a_token_tells_whose_it_is() {
        let of = |prefix: &str, json: &str, end: &str| format!("{prefix}{}{end}", STANDARD.encode(json)).into_bytes();
        let grafana = of("glc_", r#"{"o":"652992","n":"stack-acme","k":"x","m":{"r":"eu"}}"#, "");
        assert_eq!(json(&grafana), Verdict::Certain);
        assert_eq!(about_json(&grafana).as_deref(), Some("organisation 652992, name stack-acme"));
        let sentry = of("sntrys_", r#"{"iat":1.5,"url":"https://sentry.test","org":"acme"}"#, "_c2lnbmF0dXJl");
        assert_eq!(about_json(&sentry).as_deref(), Some("organisation acme, at https://sentry.test"));
        let strange = of("glc_", r#"{"o":"a b","n":[],"k":"x"}"#, "");
        assert_eq!((json(&strange), about_json(&strange)), (Verdict::Certain, None));
        assert_eq!(json(&grafana[..30]), Verdict::Is(Confidence::Likely));
    }

    #[test]
    fn a_bot_has_a_number() {
        let token = format!("{}.Gxxxxx.{}", URL_SAFE.encode("123456789012345678"), "q7".repeat(19));
        assert_eq!(discord(token.as_bytes()), Verdict::Certain);
        assert_eq!(about_discord(token.as_bytes()).as_deref(), Some("bot 123456789012345678"));
        assert_eq!(discord(b"MTabc.G.x"), Verdict::Is(Confidence::Likely));
    }
}
