//! Names a secret without telling it: HMAC-SHA-256 over the rule's family and the secret, with no position in it.
//!
//! The key is the user's (`--key-file`, `OAKUM_KEY`), or else is derived from what is scanned. A derived key is
//! public: then whoever guesses a secret can confirm the guess, so only long random secrets stay hidden. A key of
//! one's own hides short ones too.

use std::fmt;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The key that fingerprints are made with.
#[derive(Clone)]
pub struct Key(Zeroizing<Vec<u8>>);

impl Key {
    /// The user's own key, as bytes.
    #[must_use]
    pub fn own(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// Derived from what is scanned, such as an image's repository name.
    #[must_use]
    pub fn derived(identity: &str) -> Self {
        Self(Zeroizing::new(format!("oakum.fingerprint/1\0{identity}").into_bytes()))
    }

    /// Where nothing identifies the target.
    #[must_use]
    pub fn constant() -> Self {
        Self::derived("")
    }

    /// The fingerprint of a secret of a family of rules.
    #[must_use]
    pub fn fingerprint(&self, family: &str, secret: &[u8]) -> Fingerprint {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(family.as_bytes());
        mac.update(&[0]);
        mac.update(secret);
        let bytes = mac.finalize().into_bytes();
        let mut short = [0; 16];
        short.copy_from_slice(&bytes[..16]);
        Fingerprint(short)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// 128 bits that name a secret. Shown as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    pub(crate) fn bits(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    pub(crate) fn of_bits(bits: u128) -> Self {
        Self(bits.to_be_bytes())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_family_and_secret_each_change_it() {
        let print = |key: &Key, family, secret: &[u8]| key.fingerprint(family, secret).to_string();
        let base = print(&Key::constant(), "acme", b"one");
        assert_eq!(base.len(), 32);
        assert_eq!(base, print(&Key::constant(), "acme", b"one"));
        assert_ne!(base, print(&Key::constant(), "acme", b"two"));
        assert_ne!(base, print(&Key::constant(), "acmeo", b"ne"));
        assert_ne!(base, print(&Key::derived("example"), "acme", b"one"));
        assert_eq!(format!("{:?}", Key::own(b"k")), "Key(..)");
    }
}
