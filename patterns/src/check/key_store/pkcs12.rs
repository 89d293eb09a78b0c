//! PKCS#12 (RFC 7292), `.p12` and `.pfx`: bags in safes, and a MAC over all of them whose key is derived from the password.

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::sha1::sha1;
use super::{KeyStore, Lock, PASSWORDS};
use crate::check::PrivateKey;
use crate::check::about::plain;
use crate::check::private_key::{INTEGER, OBJECT, OCTETS, SEQUENCE, element, expect, pkcs8};

/// The most digests that are made to find a store's password: all of those that are known with the 10,000 rounds of Java's
/// tools, some of them with the 51,200 of others, and a hundredth of a second or two.
const MOST_ROUNDS: u64 = 200_000;
/// The longest salt that is taken.
const LONGEST_SALT: usize = 256;

/// `[0]`, made of others.
const CONTEXT: u8 = 0xa0;
const SET: u8 = 0x31;
const WIDE_TEXT: u8 = 0x1e;

/// In place of a length: what is in it has an end.
const STREAMED: u8 = 0x80;

/// 1.2.840.113549.1.7: data.
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
/// 1.2.840.113549.1.12.10.1, of which the last is 1 for a key in the clear and 2 for one that is encrypted.
const BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1];
/// 1.2.840.113549.1.9.20: what a bag is called.
const FRIENDLY_NAME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 20];

const SHA1: &[u8] = &[0x2b, 0x0e, 3, 2, 0x1a];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const SHA512: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];

pub(super) fn begins(bytes: &[u8]) -> bool {
    // Version 3, and a sequence.
    let version = [INTEGER, 1, 3, SEQUENCE];
    bytes.first() == Some(&SEQUENCE) && (2..=5).any(|at| bytes.get(at..at + version.len()) == Some(&version))
}

pub(super) fn read(bytes: &[u8]) -> Option<KeyStore> {
    if !begins(bytes) {
        return None;
    }
    if bytes.get(1) == Some(&STREAMED) {
        return streamed(bytes);
    }
    let (whole, _) = expect(bytes, SEQUENCE)?;
    let (_, rest) = expect(whole, INTEGER)?;
    let (content, rest) = expect(rest, SEQUENCE)?;
    let safes = data(content)?;
    let mut keys = Keys::default();
    let (mut list, _) = expect(safes, SEQUENCE)?;
    while !list.is_empty() {
        let (content, after) = expect(list, SEQUENCE)?;
        list = after;
        // What is in an encrypted safe cannot be seen; it is that of the certificates.
        if let Some(bags) = data(content) {
            keys.of_bags(bags)?;
        }
    }
    let lock = if keys.clear > 0 {
        Lock::None
    } else if expect(rest, SEQUENCE).and_then(|(mac, _)| Seal::read(mac)).is_some_and(|mac| mac.opens(safes)) {
        Lock::Default
    } else {
        Lock::Other
    };
    let keys_seen = keys.clear + keys.encrypted;
    (keys_seen > 0).then_some(KeyStore { kind: "PKCS#12", keys: keys_seen, key: keys.key, alias: keys.alias, lock })
}

/// A store whose parts have an end in place of a length (BER), as Bouncy Castle writes some: of such only the kinds of its bags
/// are looked for.
fn streamed(bytes: &[u8]) -> Option<KeyStore> {
    let count = |kind: u8| memchr::memmem::find_iter(bytes, &[&[OBJECT, 11], BAG, &[kind]].concat()).count();
    let (clear, encrypted) = (count(1), count(2));
    let lock = if clear > 0 { Lock::None } else { Lock::Other };
    let keys = clear + encrypted;
    (keys > 0).then_some(KeyStore { kind: "PKCS#12", keys, key: None, alias: None, lock })
}

/// The octets of a content that is data.
fn data(content: &[u8]) -> Option<&[u8]> {
    let (object, rest) = expect(content, OBJECT)?;
    let (inner, _) = expect(rest, CONTEXT)?;
    (object == DATA).then(|| expect(inner, OCTETS)).flatten().map(|(octets, _)| octets)
}

#[derive(Default)]
struct Keys {
    clear: usize,
    encrypted: usize,
    key: Option<PrivateKey>,
    alias: Option<String>,
}

impl Keys {
    fn of_bags(&mut self, bags: &[u8]) -> Option<()> {
        let (mut list, _) = expect(bags, SEQUENCE)?;
        while !list.is_empty() {
            let (bag, after) = expect(list, SEQUENCE)?;
            list = after;
            let (object, rest) = expect(bag, OBJECT)?;
            let (value, attributes) = expect(rest, CONTEXT)?;
            match object.strip_prefix(BAG) {
                Some([1]) => {
                    self.clear += 1;
                    self.key = self.key.or_else(|| pkcs8(value));
                }
                Some([2]) => self.encrypted += 1,
                _ => continue,
            }
            if self.alias.is_none() {
                self.alias = alias(attributes);
            }
        }
        Some(())
    }
}

/// What a bag is called, where that is in plain letters.
fn alias(attributes: &[u8]) -> Option<String> {
    let (mut list, _) = expect(attributes, SET)?;
    while !list.is_empty() {
        let (attribute, after) = expect(list, SEQUENCE)?;
        list = after;
        let (object, rest) = expect(attribute, OBJECT)?;
        if object == FRIENDLY_NAME {
            let (values, _) = expect(rest, SET)?;
            let (WIDE_TEXT, wide, _) = element(values)? else { return None };
            let narrow = |[high, low]: &[u8; 2]| (*high == 0).then_some(*low);
            return plain(&wide.as_chunks::<2>().0.iter().map(narrow).collect::<Option<Vec<u8>>>()?, 80);
        }
    }
    None
}

/// The digests that a MAC is made with.
#[derive(Clone, Copy)]
enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl Hash {
    fn of(object: &[u8]) -> Option<Self> {
        match object {
            SHA1 => Some(Self::Sha1),
            SHA256 => Some(Self::Sha256),
            SHA512 => Some(Self::Sha512),
            _ => None,
        }
    }

    /// How many bytes it takes at a time.
    fn block(self) -> usize {
        if matches!(self, Self::Sha512) { 128 } else { 64 }
    }

    fn digest(self, pieces: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Sha1 => sha1(pieces).to_vec(),
            Self::Sha256 => pieces.iter().fold(Sha256::new(), Digest::chain_update).finalize().to_vec(),
            Self::Sha512 => pieces.iter().fold(Sha512::new(), Digest::chain_update).finalize().to_vec(),
        }
    }

    fn hmac(self, key: &[u8], text: &[u8]) -> Vec<u8> {
        fn of<M: Mac + KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
            let mac = <M as Mac>::new_from_slice(key).expect("HMAC takes a key of any length");
            mac.chain_update(text).finalize().into_bytes().to_vec()
        }
        match self {
            Self::Sha1 => of::<Hmac<Sha1>>(key, text),
            Self::Sha256 => of::<Hmac<Sha256>>(key, text),
            Self::Sha512 => of::<Hmac<Sha512>>(key, text),
        }
    }

    /// RFC 7292, B.2, for the key of a MAC, which is as long as a digest.
    fn derive(self, password: &[u8], salt: &[u8], rounds: u64) -> Vec<u8> {
        let filled = |text: &[u8]| {
            let length = text.len().div_ceil(self.block()) * self.block();
            text.iter().copied().cycle().take(length).collect::<Vec<u8>>()
        };
        let mut key = self.digest(&[&vec![3; self.block()], &filled(salt), &filled(password)]);
        for _ in 1..rounds {
            key = self.digest(&[&key]);
        }
        key
    }
}

struct Seal<'b> {
    hash: Hash,
    digest: &'b [u8],
    salt: &'b [u8],
    rounds: u64,
}

impl<'b> Seal<'b> {
    fn read(mac: &'b [u8]) -> Option<Self> {
        let (info, rest) = expect(mac, SEQUENCE)?;
        let (salt, rest) = expect(rest, OCTETS)?;
        let rounds = match expect(rest, INTEGER) {
            Some((rounds, _)) if rounds.len() <= 4 => rounds.iter().fold(0, |all, b| all << 8 | u64::from(*b)),
            Some(_) => u64::MAX,
            None => 1,
        };
        let (algorithm, rest) = expect(info, SEQUENCE)?;
        let (object, _) = expect(algorithm, OBJECT)?;
        let (digest, _) = expect(rest, OCTETS)?;
        let hash = Hash::of(object)?;
        (salt.len() <= LONGEST_SALT).then_some(Self { hash, digest, salt, rounds })
    }

    fn opens(&self, safes: &[u8]) -> bool {
        let mut left = MOST_ROUNDS;
        // No password at all is another than the empty one, which has its end.
        for password in [Vec::new()].into_iter().chain(PASSWORDS.iter().map(|password| wide(password))) {
            let Some(rest) = left.checked_sub(self.rounds) else { return false };
            left = rest;
            let key = self.hash.derive(&password, self.salt, self.rounds);
            if self.hash.hmac(&key, safes) == self.digest {
                return true;
            }
        }
        false
    }
}

/// UTF-16, the higher byte first, with a zero at its end (RFC 7292, B.1).
fn wide(password: &str) -> Vec<u8> {
    password.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::private_key::tests::{der, rsa_pkcs8};

    fn content(bytes: &[u8]) -> Vec<u8> {
        der(SEQUENCE, &[der(OBJECT, DATA), der(CONTEXT, &der(OCTETS, bytes))].concat())
    }

    fn bag(kind: u8, value: &[u8], called: &str) -> Vec<u8> {
        let name: Vec<u8> = called.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let name = der(SEQUENCE, &[der(OBJECT, FRIENDLY_NAME), der(SET, &der(WIDE_TEXT, &name))].concat());
        let object = der(OBJECT, &[BAG, &[kind]].concat());
        der(SEQUENCE, &[object, der(CONTEXT, value), der(SET, &name)].concat())
    }

    fn store(bags: &[Vec<u8>], (object, hash): (&[u8], Hash), password: &[u8], rounds: u16) -> Vec<u8> {
        let hidden = der(SEQUENCE, &[der(OBJECT, &[0x2a, 1]), der(CONTEXT, &der(OCTETS, &[7; 90]))].concat());
        let safes = der(SEQUENCE, &[hidden, content(&der(SEQUENCE, &bags.concat()))].concat());
        let key = hash.derive(password, &[5; 20], rounds.into());
        let digest = hash.hmac(&key, &safes);
        let info = der(SEQUENCE, &[der(SEQUENCE, &der(OBJECT, object)), der(OCTETS, &digest)].concat());
        let rounds = der(INTEGER, &[&[0], &rounds.to_be_bytes()[..]].concat());
        let mac = der(SEQUENCE, &[info, der(OCTETS, &[5; 20]), rounds].concat());
        der(SEQUENCE, &[der(INTEGER, &[3]), content(&safes), mac].concat())
    }

    fn locked() -> Vec<u8> {
        bag(2, &der(SEQUENCE, &der(OCTETS, &[7; 300])), "release")
    }

    #[test]
    fn a_store_with_a_key_opens_with_a_default_password() {
        let hashes = [(SHA1, Hash::Sha1), (SHA256, Hash::Sha256), (SHA512, Hash::Sha512)];
        for hash in hashes {
            for password in [wide("notasecret"), wide(""), Vec::new()] {
                let opened = read(&store(&[locked()], hash, &password, 2048)).unwrap();
                assert_eq!(opened.to_string(), "PKCS#12, opens with a default password");
                assert_eq!(opened.alias.as_deref(), Some("release"));
            }
            assert_eq!(read(&store(&[locked()], hash, &wide("Walnut!942"), 100)).unwrap().lock, Lock::Other);
        }
    }

    #[test]
    fn keys_that_are_drawn_agree_with_openssl() {
        // `openssl kdf -keylen 20 -kdfopt digest:SHA1 -kdfopt hexpass:0073006D006500670000 -kdfopt hexsalt:0A58CF64530D823F -kdfopt id:3
        // -kdfopt iter:1 PKCS12KDF`, and the same with 1000 rounds.
        let salt = [0x0A, 0x58, 0xCF, 0x64, 0x53, 0x0D, 0x82, 0x3F];
        let hex = |rounds| {
            let key = Hash::Sha1.derive(&wide("smeg"), &salt, rounds);
            key.iter().map(|b| format!("{b:02X}")).collect::<String>()
        };
        assert_eq!(
            (hex(1), hex(1000)),
            ("9BA6EF317B8CB9F4760AB2FA2E51C066F0DCE645".into(), "EEDA645443827451E9753694F90EE9B9CF9248FF".into())
        );
    }

    #[test]
    fn a_key_in_the_clear_needs_no_password() {
        let bags = [bag(1, &rsa_pkcs8(), "a"), locked()];
        let open = read(&store(&bags, (SHA256, Hash::Sha256), &wide("Walnut!942"), 1)).unwrap();
        assert_eq!(open.to_string(), "PKCS#12, 2 keys, RSA 2048 bits, not encrypted");
    }

    #[test]
    fn certificates_alone_are_no_secret() {
        let bags = [bag(3, &der(SEQUENCE, &[]), "root")];
        assert_eq!(read(&store(&bags, (SHA256, Hash::Sha256), &wide("changeit"), 1)), None);
    }

    #[test]
    fn a_store_without_lengths_is_told_by_its_bags() {
        let streamed =
            |bag: Vec<u8>| [&[SEQUENCE, STREAMED, INTEGER, 1, 3, SEQUENCE, STREAMED][..], &bag, &[0; 4]].concat();
        assert_eq!(read(&streamed(locked())).unwrap().lock, Lock::Other);
        assert_eq!(read(&streamed(bag(1, &rsa_pkcs8(), "a"))).unwrap().lock, Lock::None);
        assert_eq!(read(&streamed(bag(3, &[], "root"))), None);
    }

    #[test]
    fn a_store_cannot_ask_for_any_amount_of_work() {
        let mut bytes = store(&[locked()], (SHA1, Hash::Sha1), &wide("changeit"), 0x1234);
        let at = bytes.len() - 4;
        assert_eq!(bytes[at..], [3, 0, 0x12, 0x34]);
        let started = std::time::Instant::now();
        for rounds in [[0x7f, 0xff, 0xff], [0xff, 0xff, 0xff]] {
            bytes[at + 1..].copy_from_slice(&rounds);
            assert_eq!(read(&bytes).unwrap().lock, Lock::Other);
        }
        assert!(started.elapsed().as_secs() < 20);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), at in 0usize..4000) {
            let mut whole = store(&[locked()], (SHA1, Hash::Sha1), &wide("changeit"), 1);
            let at = at % whole.len();
            let _ = read(&whole[..at]);
            let end = (at + bytes.len()).min(whole.len());
            whole[at..end].copy_from_slice(&bytes[..end - at]);
            let _ = read(&whole);
        }
    }
}
