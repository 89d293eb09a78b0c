//! Java's own key stores, JKS and JCEKS. They are described by the comment in `sun.security.provider.JavaKeyStore` (OpenJDK): entries
//! one after another, and a SHA-1 over the password, a phrase and all of them.

use super::sha1::sha1;
use super::{KeyStore, Lock, PASSWORDS};
use crate::check::PrivateKey;
use crate::check::about::plain;
use crate::check::private_key::{OCTETS, SEQUENCE, expect, pkcs8};

const JKS: [u8; 4] = [0xFE, 0xED, 0xFE, 0xED];
const JCEKS: [u8; 4] = [0xCE; 4];

/// What the password is followed by in the digest of a store.
const PHRASE: &[u8] = b"Mighty Aphrodite";
const DIGEST: usize = 20;

pub(super) fn begins(bytes: &[u8]) -> bool {
    let magic = bytes.starts_with(&JKS) || bytes.starts_with(&JCEKS);
    magic && matches!(bytes.get(4..8), Some([0, 0, 0, 1 | 2]))
}

/// What is left to read.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn word(&mut self) -> Option<usize> {
        let (word, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        usize::try_from(u32::from_be_bytes(*word)).ok()
    }

    /// A text behind its length in two bytes.
    fn text(&mut self) -> Option<&'b [u8]> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        self.0 = rest;
        self.take(u16::from_be_bytes(*length).into())
    }

    fn sized(&mut self) -> Option<&'b [u8]> {
        let length = self.word()?;
        self.take(length)
    }

    fn certificate(&mut self, version: usize) -> Option<()> {
        if version == 2 {
            self.text()?;
        }
        self.sized().map(|_| ())
    }
}

/// What the entries tell.
#[derive(Default)]
struct Entries<'b> {
    keys: usize,
    first: Option<(&'b [u8], &'b [u8])>,
}

fn entries(bytes: &[u8]) -> Option<Entries<'_>> {
    let (body, _) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST)?)?;
    let mut rest = Rest(body.get(4..)?);
    let (version, count) = (rest.word()?, rest.word()?);
    let mut entries = Entries::default();
    for _ in 0..count {
        let kind = rest.word()?;
        let alias = rest.text()?;
        rest.take(8)?;
        match kind {
            1 => {
                let sealed = rest.sized()?;
                for _ in 0..rest.word()? {
                    rest.certificate(version)?;
                }
                entries.keys += 1;
                entries.first.get_or_insert((alias, sealed));
            }
            2 => rest.certificate(version)?,
            // A secret key, as Java writes any object: where it ends is told by Java alone.
            3 if bytes.starts_with(&JCEKS) => {
                entries.keys += 1;
                entries.first.get_or_insert((alias, &[]));
                return Some(entries);
            }
            _ => return None,
        }
    }
    rest.0.is_empty().then_some(entries)
}

pub(super) fn read(bytes: &[u8]) -> Option<KeyStore> {
    if !begins(bytes) {
        return None;
    }
    let entries = entries(bytes)?;
    let (alias, sealed) = entries.first?;
    let (body, digest) = bytes.split_at_checked(bytes.len() - DIGEST)?;
    let password = PASSWORDS.iter().map(|password| wide(password)).find(|wide| sha1(&[wide, PHRASE, body]) == digest);
    let jks = bytes.starts_with(&JKS);
    Some(KeyStore {
        kind: if jks { "JKS" } else { "JCEKS" },
        keys: entries.keys,
        key: password.as_ref().filter(|_| jks).and_then(|password| unseal(sealed, password)),
        alias: plain(alias, 80),
        lock: if password.is_some() { Lock::Default } else { Lock::Other },
    })
}

/// As Java hashes it: UTF-16, the higher byte first.
fn wide(password: &str) -> Vec<u8> {
    password.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// What a sealed key is (`sun.security.provider.KeyProtector`): behind its salt it is combined with a chain of digests, and a
/// digest of the key follows. The password of a key is mostly that of its store.
fn unseal(sealed: &[u8], password: &[u8]) -> Option<PrivateKey> {
    let (info, _) = expect(sealed, SEQUENCE)?;
    let (_, rest) = expect(info, SEQUENCE)?;
    let (octets, _) = expect(rest, OCTETS)?;
    let (salt, rest) = octets.split_at_checked(DIGEST)?;
    let (hidden, digest) = rest.split_at_checked(rest.len().checked_sub(DIGEST)?)?;
    let mut link = sha1(&[password, salt]);
    let mut key = Vec::with_capacity(hidden.len());
    for piece in hidden.chunks(DIGEST) {
        key.extend(piece.iter().zip(link).map(|(byte, with)| byte ^ with));
        link = sha1(&[password, &link]);
    }
    if sha1(&[password, &key]) == digest { pkcs8(&key) } else { None }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::private_key::tests::{der, rsa_pkcs8};

    fn sized(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
    }

    fn text(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
    }

    fn certificate() -> Vec<u8> {
        [text(b"X.509"), sized(&[7; 90])].concat()
    }

    fn key_entry(alias: &str, password: &str) -> Vec<u8> {
        let (password, salt, key) = (wide(password), [3; DIGEST], rsa_pkcs8());
        let mut link = sha1(&[&password, &salt]);
        let mut hidden = salt.to_vec();
        for piece in key.chunks(DIGEST) {
            hidden.extend(piece.iter().zip(link).map(|(byte, with)| byte ^ with));
            link = sha1(&[&password, &link]);
        }
        hidden.extend(sha1(&[&password, &key]));
        let sealed = der(SEQUENCE, &[der(SEQUENCE, &der(6, &[0x2b, 6])), der(OCTETS, &hidden)].concat());
        let chain = [1u32.to_be_bytes().to_vec(), certificate()].concat();
        [1u32.to_be_bytes().to_vec(), text(alias.as_bytes()), vec![0; 8], sized(&sealed), chain].concat()
    }

    fn certificate_entry() -> Vec<u8> {
        [2u32.to_be_bytes().to_vec(), text(b"root"), vec![0; 8], certificate()].concat()
    }

    fn store(magic: [u8; 4], entries: &[Vec<u8>], password: &str) -> Vec<u8> {
        let mut all = [magic, [0, 0, 0, 2], (entries.len() as u32).to_be_bytes()].concat();
        all.extend(entries.concat());
        let digest = sha1(&[&wide(password), PHRASE, &all]);
        all.extend(digest);
        all
    }

    pub(crate) fn jks(password: &str) -> Vec<u8> {
        store(JKS, &[certificate_entry(), key_entry("release", password)], password)
    }

    #[test]
    fn a_store_with_a_key_opens_with_a_default_password() {
        let opened = read(&jks("changeit")).unwrap();
        assert_eq!(opened.to_string(), "JKS, RSA 2048 bits, opens with a default password");
        assert_eq!(opened.alias.as_deref(), Some("release"));
        let other = read(&jks("Walnut!942")).unwrap();
        assert_eq!(other.to_string(), "JKS, opens with no default password");
        let old = read(&store(JCEKS, &[key_entry("a", "changeit"), key_entry("b", "changeit")], "password")).unwrap();
        assert_eq!(old.to_string(), "JCEKS, 2 keys, opens with a default password");
    }

    #[test]
    fn a_secret_key_of_java_counts() {
        let entry = [3u32.to_be_bytes().to_vec(), text(b"aes"), vec![0; 8], vec![0xac, 0xed, 0, 5, 1, 2, 3]].concat();
        assert_eq!(read(&store(JCEKS, std::slice::from_ref(&entry), "changeit")).unwrap().lock, Lock::Default);
        assert_eq!(read(&store(JKS, &[entry], "changeit")), None);
    }

    #[test]
    fn certificates_alone_are_no_secret() {
        assert_eq!(read(&store(JKS, &[certificate_entry(), certificate_entry()], "changeit")), None);
        assert_eq!(read(&store(JKS, &[], "changeit")), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), at in 0usize..4000) {
            let mut whole = jks("changeit");
            let at = at % whole.len();
            let _ = read(&whole[..at]);
            let end = (at + bytes.len()).min(whole.len());
            whole[at..end].copy_from_slice(&bytes[..end - at]);
            let _ = read(&whole);
            let _ = read(&[&JCEKS[..], &[0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff], &bytes].concat());
        }
    }
}
