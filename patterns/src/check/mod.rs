//! What a candidate must pass after its pattern matched: checksums, structure, and the judgement of values that
//! only a name marks as secret.

mod about;
mod assigned;
mod aws;
mod azure;
mod bech32;
mod checksum;
mod entropy;
mod jwt;
mod key_store;
mod lenient;
mod macaroon;
mod placeholder;
mod private_key;
mod readable;
mod reference;
mod surprisal;

use crate::assign::Operator;
use crate::rule::{Check, Confidence};

pub use about::about;
pub use entropy::entropy;
pub use key_store::{KeyStore, Lock, begins_key_store, key_store};
pub use macaroon::is_macaroon;
pub use placeholder::is_placeholder;
pub use private_key::{PrivateKey, private_key};
pub use reference::refers;

/// A candidate and what stands around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    /// The bytes that would be the secret.
    pub(crate) value: &'a [u8],
    /// The name it is assigned to, where there is one.
    pub(crate) name: Option<&'a [u8]>,
    pub(crate) operator: Option<Operator>,
    pub(crate) quote: Option<u8>,
    /// What follows the value, a few bytes.
    pub(crate) after: &'a [u8],
    /// Whether the line is this assignment and nothing else, as in a file of settings: `NAME=value`.
    pub(crate) setting: bool,
}

/// What a check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is not a credential.
    Reject,
    /// Nothing against it.
    Pass,
    /// It cannot be anything else.
    Certain,
    /// It is one with this confidence, whatever the rule says.
    Is(Confidence),
}

/// Judges a value of a file of settings beside its name, as the generic detector judges an assignment; none if it is no
/// credential. A name with a dot in it, such as `datasource.password`, is one whose value may be a plain word.
///
/// ```
/// use oakum_patterns::{Confidence, check::judge_setting};
/// assert_eq!(judge_setting(b"datasource.password", b"walnutharbor"), Some(Confidence::Likely));
/// assert_eq!(judge_setting(b"datasource.password", b"${DB_PASSWORD}"), None);
/// assert_eq!(judge_setting(b"password_hint", b"Walnut!942"), None);
/// ```
#[must_use]
pub fn judge_setting(name: &[u8], value: &[u8]) -> Option<Confidence> {
    judge_assigned(&Candidate { quote: Some(b'"'), setting: true, ..beside(name, value, Operator::Assign) })
}

/// Judges a word of a text for people beside its name, as the generic detector judges one of a sentence: what else may stand
/// there is no credential.
///
/// ```
/// use oakum_patterns::{Confidence, check::judge_told};
/// assert_eq!(judge_told(b"password", b"Walnut!942"), Some(Confidence::Likely));
/// assert_eq!(judge_told(b"password", b"sha256"), None);
/// assert_eq!(judge_told(b"password", b"required"), None);
/// ```
#[must_use]
pub fn judge_told(name: &[u8], value: &[u8]) -> Option<Confidence> {
    judge_assigned(&beside(name, value, Operator::Prose))
}

/// A bare value beside its name, with nothing behind it.
fn beside<'t>(name: &'t [u8], value: &'t [u8], operator: Operator) -> Candidate<'t> {
    Candidate { value, name: Some(name), operator: Some(operator), quote: None, after: b"", setting: false }
}

fn judge_assigned(candidate: &Candidate<'_>) -> Option<Confidence> {
    run(&[Check::Assigned], Confidence::Likely, candidate)
}

/// Whether a word, in small letters, is what one who signs in is called, in some language.
///
/// ```
/// use oakum_patterns::check::names_a_user;
/// assert!(names_a_user("benutzer") && !names_a_user("password"));
/// ```
#[must_use]
pub fn names_a_user(word: &str) -> bool {
    crate::assign::is_user(word)
}

/// Whether a value is what is kept of a password: MD5 to SHA-512 in hex, or a hash that names its method.
///
/// ```
/// use oakum_patterns::check::is_hash;
/// assert!(is_hash(b"md5$seasalt$1e9bf2bf5606aa5c39852cc30f0f6f22") && !is_hash(b"Walnut!942"));
/// ```
#[must_use]
pub fn is_hash(value: &[u8]) -> bool {
    assigned::is_hash(value)
}

/// Whether a value may be a credential beside its name, at a glance: where this says no, the generic detector does too.
///
/// ```
/// use oakum_patterns::check::may_be_assigned;
/// assert!(may_be_assigned(b"password", b"Walnut!942") && !may_be_assigned(b"colour", b"Walnut!942"));
/// ```
#[must_use]
pub fn may_be_assigned(name: &[u8], value: &[u8]) -> bool {
    plausible(name, value)
}

/// How surprising a text is to who knows names, words and paths, in hundredths of a bit a character: names come to about 350,
/// what a machine drew to 500 and more.
///
/// ```
/// use oakum_patterns::check::surprise;
/// assert!(surprise(b"connection_pool_size") < 400 && surprise(b"xK9vQzT2wLbR7mJd") > 460);
/// ```
#[must_use]
pub fn surprise(text: &[u8]) -> u32 {
    surprisal::surprisal(text)
}

/// Runs a rule's checks in their order.
pub(crate) fn run(checks: &[Check], base: Confidence, candidate: &Candidate<'_>) -> Option<Confidence> {
    let mut confidence = base;
    let mut certain = false;
    for check in checks {
        match one(*check, candidate) {
            Verdict::Reject => return None,
            Verdict::Pass => {}
            Verdict::Certain => certain = true,
            Verdict::Is(c) => confidence = c,
        }
    }
    if certain {
        return Some(Confidence::Certain);
    }
    if !checks.contains(&Check::Any) && (is_placeholder(candidate.value) || refers(candidate.value)) {
        return None;
    }
    // RFC 2606 reserves these hosts for documentation: what signs in there opens nothing.
    if candidate.after.eq_ignore_ascii_case(b"@example") {
        return Some(Confidence::Possible);
    }
    Some(confidence)
}

fn one(check: Check, candidate: &Candidate<'_>) -> Verdict {
    let value = candidate.value;
    match check {
        Check::Crc32Base62 => checksum::crc32_base62(value),
        Check::Crc32Base62Hint => match checksum::crc32_base62(value) {
            Verdict::Certain => Verdict::Certain,
            _ => Verdict::Pass,
        },
        Check::GithubFineGrained => checksum::github_fine_grained(value),
        Check::GitlabRoutable => checksum::gitlab_routable(value),
        Check::Confluent => checksum::confluent(value),
        Check::Zuplo => checksum::zuplo(value),
        Check::Grafana => checksum::grafana(value),
        Check::Atlassian => checksum::atlassian(value),
        Check::Crc32HexHint => checksum::crc32_hex_hint(value),
        Check::Bech32 => bech32::check(value),
        Check::Base64Json => readable::json(value),
        Check::Discord => readable::discord(value),
        Check::AzureKey => azure::key(value),
        // Told besides; an older one has no account in it.
        Check::AwsKeyId => Verdict::Pass,
        Check::Jwt => jwt::check(value),
        // One that is not whole may be cut.
        Check::Macaroon if is_macaroon(value) => Verdict::Certain,
        Check::Macaroon => Verdict::Is(Confidence::Likely),
        Check::BasicAuth => checksum::basic_auth(value),
        // A body that is no key may be cut, or of a kind that is not known.
        Check::PrivateKey => match private_key(value) {
            Some(key) if !key.encrypted => Verdict::Certain,
            _ => Verdict::Is(Confidence::Likely),
        },
        Check::KeyStore => key_store::check(value),
        Check::Entropy(hundredths) => {
            if entropy(value) * 100.0 >= f64::from(hundredths) {
                Verdict::Pass
            } else {
                Verdict::Reject
            }
        }
        Check::Mixed => {
            if value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_alphabetic) {
                Verdict::Pass
            } else {
                Verdict::Reject
            }
        }
        Check::NoWord if assigned::is_no_word(value) => Verdict::Pass,
        Check::Chosen if assigned::is_chosen(value) => Verdict::Pass,
        Check::Told if value.iter().any(u8::is_ascii_digit) && assigned::is_told(value) => Verdict::Pass,
        Check::NoHash if !assigned::is_hash(value) => Verdict::Pass,
        Check::NoWord | Check::Chosen | Check::Told | Check::NoHash => Verdict::Reject,
        Check::DrawnWord | Check::RemoteWord => {
            let word = value.iter().all(u8::is_ascii_alphabetic) && !surprisal::is_drawn_word(value);
            let counts = check == Check::RemoteWord && assigned::opens_elsewhere(candidate);
            if word && !counts { Verdict::Is(Confidence::Possible) } else { Verdict::Pass }
        }
        Check::Assigned => assigned::judge(candidate),
        Check::NotPlaceholder | Check::Any => Verdict::Pass,
    }
}

pub(crate) use assigned::plausible;
pub(crate) use checksum::complete;
