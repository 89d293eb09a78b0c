//! A rule file as it is written: TOML, checked on the way in. Shared with the build script, so it uses
//! nothing of the crate.

use serde::Deserialize;

use crate::lead::{Lead, lead};
use crate::shape::{Pattern, parse as parse_pattern};

/// How bad it is when this credential is in the wrong hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Little can be done with it, or it is meant to be public under conditions.
    Low,
    /// It opens something bounded.
    Medium,
    /// It opens data or money.
    High,
    /// It opens an account, a cluster or a supply chain.
    Critical,
}

/// How sure we are that the bytes are a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Worth a look in an audit; not shown by default.
    Possible,
    /// A reviewer would ask about it.
    #[default]
    Likely,
    /// The format, and its checksum where it has one, leave no doubt.
    Certain,
}

/// Which ends of a match must stand free: a letter or digit of the text may not run on into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bounds {
    /// Both ends.
    #[default]
    Both,
    /// Only its start.
    Left,
    /// Only its end.
    Right,
    /// Neither: the pattern says it all.
    None,
}

/// What a candidate must pass after its pattern matched; see [`crate::check`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Check {
    /// CRC-32 in base62 over the body after the last `_` (GitHub classic, npm, Vercel).
    Crc32Base62,
    /// As [`Check::Crc32Base62`], but a mismatch does not reject.
    Crc32Base62Hint,
    /// `github_pat_`: the start of a base32 SHA-256 of what precedes.
    GithubFineGrained,
    /// GitLab's routable tokens: CRC-32 in base36 of all before the last seven characters.
    GitlabRoutable,
    /// `cflt`: base64 of the little-endian CRC-32 of the body.
    Confluent,
    /// `zpka_…_<8>`: CRC-32 of the body as hex.
    Zuplo,
    /// `glsa_…_<8>`: CRC-32 of all before the last `_`, as little-endian hex.
    Grafana,
    /// Atlassian: the last eight hex digits are the CRC-32 of all before them.
    Atlassian,
    /// CRC-32 of the body after the last `_` as hex (Cloudflare): a mismatch does not reject.
    Crc32HexHint,
    /// The checksum of bech32 (age).
    Bech32,
    /// JSON in base64 behind the prefix (Grafana Cloud, Sentry): without it the token is less than certain.
    Base64Json,
    /// The number of a bot in base64 before the first dot: without it the token is less than certain.
    Discord,
    /// Azure's identifiable keys: Marvin32 of the bytes before it. A mismatch rejects where all seeds are published.
    AzureKey,
    /// An AWS key id, which tells its account.
    AwsKeyId,
    /// The first part of a JWT decodes to JSON with an `alg`, the second to JSON.
    Jwt,
    /// A macaroon: a broken one is less than certain.
    Macaroon,
    /// Base64 that decodes to `user:password`.
    BasicAuth,
    /// A private key that is well formed, and in the clear.
    PrivateKey,
    /// A key store with a private key, which counts if a password that everybody knows opens it.
    KeyStore,
    /// Shannon entropy of at least this many hundredths of a bit a byte.
    Entropy(u16),
    /// Letters and digits both.
    Mixed,
    /// Letters and digits both, or letters that are no word: where what stands there may be another thing.
    NoWord,
    /// What someone may have chosen as a password, words too: where nothing but a password can stand.
    Chosen,
    /// What stands out from a sentence as a password: letters and several digits, or signs, and no term of the trade.
    /// It stands behind the rule's keyword on the same line.
    Told,
    /// No hash of a password, in hex or as a password file has it.
    NoHash,
    /// Of letters alone, only those that are no word are more than possible.
    DrawnWord,
    /// As [`Check::DrawnWord`], but a word that opens what another host serves counts.
    RemoteWord,
    /// What a reviewer would take for a password or key beside a telling name: the generic detector.
    Assigned,
    /// Nobody's example, mask or filler. On for every rule unless `any` is listed.
    NotPlaceholder,
    /// Even what looks like an example counts.
    Any,
}

impl Check {
    /// What a rule file calls those without a number.
    const NAMES: &[(&str, Self)] = &[
        ("crc32-base62", Self::Crc32Base62),
        ("crc32-base62-hint", Self::Crc32Base62Hint),
        ("github-fine-grained", Self::GithubFineGrained),
        ("gitlab-routable", Self::GitlabRoutable),
        ("confluent", Self::Confluent),
        ("zuplo", Self::Zuplo),
        ("grafana", Self::Grafana),
        ("atlassian", Self::Atlassian),
        ("crc32-hex-hint", Self::Crc32HexHint),
        ("bech32", Self::Bech32),
        ("base64-json", Self::Base64Json),
        ("discord", Self::Discord),
        ("azure-key", Self::AzureKey),
        ("aws-key-id", Self::AwsKeyId),
        ("jwt", Self::Jwt),
        ("macaroon", Self::Macaroon),
        ("basic-auth", Self::BasicAuth),
        ("private-key", Self::PrivateKey),
        ("key-store", Self::KeyStore),
        ("mixed", Self::Mixed),
        ("no-word", Self::NoWord),
        ("chosen", Self::Chosen),
        ("told", Self::Told),
        ("no-hash", Self::NoHash),
        ("drawn-word", Self::DrawnWord),
        ("remote-word", Self::RemoteWord),
        ("assigned", Self::Assigned),
        ("not-placeholder", Self::NotPlaceholder),
        ("any", Self::Any),
    ];
}

impl std::fmt::Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Entropy(hundredths) => write!(f, "entropy:{}", f64::from(*hundredths) / 100.0),
            other => f.write_str(Self::NAMES.iter().find(|n| n.1 == *other).map_or("", |n| n.0)),
        }
    }
}

impl TryFrom<String> for Check {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(bits) = text.strip_prefix("entropy:") {
            let bits: f64 = bits.parse().map_err(|_| format!("'{text}': bits a byte are a number such as 3.2"))?;
            if !(0.0..=8.0).contains(&bits) {
                return Err(format!("'{text}': bits a byte lie between 0 and 8"));
            }
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "0 to 800 after the check above"
            )]
            return Ok(Self::Entropy((bits * 100.0).round() as u16));
        }
        Self::NAMES.iter().find(|k| k.0 == text).map(|k| k.1).ok_or_else(|| {
            let names: Vec<&str> = Self::NAMES.iter().map(|k| k.0).collect();
            format!("no check is called '{text}'; there are {} and entropy:BITS", names.join(", "))
        })
    }
}

/// One file: a service and its rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleFile {
    /// The service's short name, the first part of each rule's id.
    pub(crate) service: String,
    /// How a leaked credential is made worthless.
    pub(crate) rotate: String,
    /// The rules.
    #[serde(rename = "rule")]
    pub(crate) rules: Vec<RuleText>,
}

/// One rule as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleText {
    /// `service.kind`.
    pub(crate) id: String,
    /// What it is called.
    pub(crate) name: String,
    /// What someone could do with it.
    pub(crate) why: String,
    /// Overrides the file's.
    pub(crate) rotate: Option<String>,
    /// See [`Severity`].
    pub(crate) severity: Severity,
    /// See [`Confidence`].
    #[serde(default)]
    pub(crate) confidence: Confidence,
    /// The regular expression; the secret is its group `secret`, or all of it.
    pub(crate) pattern: Pattern,
    /// Literals of which one is in every match, if the pattern does not begin with one.
    #[serde(default)]
    pub(crate) keywords: Vec<String>,
    /// Parts of the name that the value must stand beside.
    #[serde(default)]
    pub(crate) near: Vec<String>,
    /// See [`Bounds`].
    #[serde(default)]
    pub(crate) bounds: Bounds,
    /// How far a match may reach, in bytes, where the pattern sets no bound.
    pub(crate) max: Option<u32>,
    /// See [`Check`].
    #[serde(default)]
    pub(crate) checks: Vec<Check>,
    /// The usual field name in Vault.
    pub(crate) vault_field: Option<String>,
    /// The rules of the secrets that this one names the account of: it is a part of their findings where it stands near.
    #[serde(default)]
    pub(crate) pairs: Vec<String>,
    /// Fingerprints are shared within a family; the service, if not given.
    pub(crate) family: Option<String>,
    /// Samples that the rule finds.
    #[serde(default)]
    pub(crate) hits: Vec<String>,
    /// Samples that it does not.
    #[serde(default)]
    pub(crate) misses: Vec<String>,
}

impl RuleText {
    /// How far into a match the first of its `keywords` stands, where that is known.
    pub(crate) fn lead(&self) -> Option<Lead> {
        let keywords: Vec<_> = self.keywords.iter().map(|word| word.to_ascii_lowercase().into_bytes()).collect();
        lead(&parse_pattern(&self.pattern.text).ok()?, &keywords)
    }
}

/// What is wrong with a rule file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct FileError {
    /// Counted from one.
    pub line: usize,
    /// The reason, in words.
    pub why: String,
}

/// Reads a rule file.
///
/// # Errors
/// The line and the reason: broken TOML, an unknown field or check, an id outside the service.
pub(crate) fn parse(text: &str) -> Result<RuleFile, FileError> {
    let file: RuleFile = toml::from_str(text).map_err(|e| {
        let line = e.span().map_or(1, |s| line_of(text, s.start));
        FileError { line, why: e.message().to_owned() }
    })?;
    for rule in &file.rules {
        let at = |why: String| FileError {
            line: text.find(&format!("\"{}\"", rule.id)).map_or(1, |p| line_of(text, p)),
            why,
        };
        if !rule.id.starts_with(&format!("{}.", file.service)) {
            return Err(at(format!("the id '{}' does not begin with the service, '{}.'", rule.id, file.service)));
        }
        if !rule.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b)) {
            return Err(at(format!("the id '{}' has other than a-z, 0-9, '.' and '-'", rule.id)));
        }
    }
    Ok(file)
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at.min(text.len())].iter().filter(|&&b| b == b'\n').count()
}
