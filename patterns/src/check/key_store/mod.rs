//! Key stores with a private key in them, and whether a password that everybody knows opens them. A store of certificates
//! alone, such as Java's `cacerts`, is no secret. What is read is hostile: how often something is hashed is bounded.

mod java;
mod pkcs12;
mod sha1;

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;

use super::lenient::STANDARD;
use super::private_key::letters;
use super::{PrivateKey, Verdict};
use crate::rule::Confidence;

/// The largest store that is looked into, in bytes.
const MOST: usize = 512 * 1024;

/// Passwords that documentation, installers and build tools give out, the likeliest first.
const PASSWORDS: &[&str] = &[
    "changeit",
    "",
    "password",
    "changeme",
    "secret",
    "123456",
    "android",
    "notasecret",
    "test",
    "1234",
    "12345678",
    "storepass",
    "keystore",
    "tomcat",
    "cassandra",
    "wso2carbon",
    "admin",
    "WebAS",
];

/// What keeps the keys of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Nothing: they are in the clear.
    None,
    /// A password that everybody knows.
    Default,
    /// Another one, or more work than is done for an answer.
    Other,
}

/// A store with a private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStore {
    /// What it is called.
    pub kind: &'static str,
    /// How many private or secret keys can be seen in it; at least one.
    pub keys: usize,
    /// What the first of them is, where the store tells.
    pub key: Option<PrivateKey>,
    /// What the first of them is called, where it says so in plain letters.
    pub alias: Option<String>,
    /// What keeps them.
    pub lock: Lock,
}

impl KeyStore {
    /// How sure it is that it opens something: without its password a store alone opens nothing, and what Android's tools sign
    /// builds for a test with has a key that everybody can make.
    #[must_use]
    pub fn confidence(&self) -> Confidence {
        let for_tests = self.alias.as_ref().is_some_and(|alias| alias.eq_ignore_ascii_case("androiddebugkey"));
        if self.lock == Lock::Other || for_tests { Confidence::Possible } else { Confidence::Certain }
    }
}

impl fmt::Display for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        if self.keys > 1 {
            write!(f, ", {} keys", self.keys)?;
        }
        if let Some(key) = &self.key {
            write!(f, ", {key}")?;
        }
        f.write_str(match self.lock {
            Lock::None => ", not encrypted",
            Lock::Default => ", opens with a default password",
            Lock::Other => ", opens with no default password",
        })
    }
}

/// Reads a key store: JKS, JCEKS or PKCS#12, as it is or in base64. None where it is none, is cut, or holds no key that can be
/// seen.
///
/// ```
/// use oakum_patterns::check::key_store;
/// assert_eq!(key_store(b"\xfe\xed\xfe\xed\0\0\0\x02\0\0\0\x01"), None);
/// ```
#[must_use]
pub fn key_store(text: &[u8]) -> Option<KeyStore> {
    let bytes = bytes(text)?;
    java::read(&bytes).or_else(|| pkcs12::read(&bytes))
}

/// Whether bytes begin as a store does.
#[must_use]
pub fn begins_key_store(bytes: &[u8]) -> bool {
    java::begins(bytes) || pkcs12::begins(bytes)
}

fn bytes(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if begins_key_store(text) {
        return (text.len() <= MOST).then_some(text.into());
    }
    // Not whatever else begins so: as text it is larger by a third.
    let base64 =
        text.len() <= MOST && [b"/u3+7".as_slice(), b"zs7Oz", b"MII"].iter().any(|start| text.starts_with(start));
    base64.then(|| STANDARD.decode(letters(text)).ok()).flatten().map(Into::into)
}

/// Of base64 that begins as a store.
pub(super) fn check(text: &[u8]) -> Verdict {
    match key_store(text) {
        Some(store) => Verdict::Is(store.confidence()),
        // Cut, or of certificates only.
        None => Verdict::Is(Confidence::Possible),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_says_what_it_is() {
        let key = PrivateKey { kind: "RSA", bits: Some(2048), encrypted: false };
        let store = KeyStore { kind: "JKS", keys: 2, key: Some(key), alias: None, lock: Lock::Default };
        assert_eq!(store.to_string(), "JKS, 2 keys, RSA 2048 bits, opens with a default password");
        assert_eq!(store.confidence(), Confidence::Certain);
        let other = KeyStore { keys: 1, key: None, lock: Lock::Other, ..store.clone() };
        assert_eq!(other.to_string(), "JKS, opens with no default password");
        assert_eq!(other.confidence(), Confidence::Possible);
        let debug = KeyStore { alias: Some("androiddebugkey".into()), ..store };
        assert_eq!(debug.confidence(), Confidence::Possible);
    }
}
