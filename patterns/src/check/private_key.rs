//! What a private key is, from its own structure: PEM around DER (RFC 7468, 8017, 5915, 5958) or around OpenSSH's format
//! (PROTOCOL.key), however a program's text wraps the lines. Nothing is computed with it.

use std::fmt;

use base64::Engine as _;

use super::lenient::STANDARD;

/// The largest key that is looked into, in bytes of text.
const MOST: usize = 32 * 1024;

/// What a well-formed private key says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrivateKey {
    /// Its algorithm, or its container where a passphrase hides that.
    pub kind: &'static str,
    /// Its size in bits, where it has one that tells anything.
    pub bits: Option<usize>,
    /// Whether a passphrase protects it.
    pub encrypted: bool,
}

impl fmt::Display for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        if let Some(bits) = self.bits {
            write!(f, " {bits} bits")?;
        }
        if self.encrypted {
            f.write_str(", encrypted")?;
        }
        Ok(())
    }
}

/// Reads a private key in PEM, with its armour or without, as it stands in any text: with `\n` written out, indented, quoted line by
/// line. None if it is not well formed.
///
/// ```
/// use oakum_patterns::check::private_key;
/// // An Ed25519 key of zeros, as RFC 8410 lays it out.
/// let text = "-----BEGIN PRIVATE KEY-----\\nMC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\\n-----END PRIVATE KEY-----";
/// let key = private_key(text.as_bytes()).unwrap();
/// assert_eq!((key.kind, key.encrypted), ("Ed25519", false));
/// assert!(private_key(b"-----BEGIN PRIVATE KEY-----\nMII...\n-----END PRIVATE KEY-----").is_none());
/// ```
#[must_use]
pub fn private_key(text: &[u8]) -> Option<PrivateKey> {
    if text.len() > MOST {
        return None;
    }
    let Some(armour) = find(text, b"-----BEGIN ") else {
        // Without its armour, as some settings hold one: `private_key=MIIE…`.
        let bytes = STANDARD.decode(letters(text)).ok()?;
        return pkcs8(&bytes).or_else(|| rsa(&bytes)).or_else(|| ec(&bytes));
    };
    let label = &text[armour + 11..];
    let body = &label[find(label, b"-----")? + 5..];
    let label = &label[..find(label, b"-----")?];
    let body = &body[..find(body, b"-----END").unwrap_or(body.len())];
    let encrypted_pem = find(body, b"4,ENCRYPTED").is_some();
    if encrypted_pem {
        let kind = match label {
            b"RSA PRIVATE KEY" => "RSA",
            b"EC PRIVATE KEY" => "EC",
            b"DSA PRIVATE KEY" => "DSA",
            _ => return None,
        };
        return Some(PrivateKey { kind, bits: None, encrypted: true });
    }
    let bytes = STANDARD.decode(letters(body)).ok()?;
    match label {
        b"RSA PRIVATE KEY" => rsa(&bytes),
        b"EC PRIVATE KEY" => ec(&bytes),
        b"DSA PRIVATE KEY" => dsa(&bytes),
        b"PRIVATE KEY" => pkcs8(&bytes),
        b"ENCRYPTED PRIVATE KEY" => encrypted_pkcs8(&bytes),
        b"OPENSSH PRIVATE KEY" => openssh(&bytes),
        _ => None,
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, what)
}

/// The letters of base64 in a text, without those of escapes and the signs that join strings.
pub(super) fn letters(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for (at, b) in text.iter().enumerate() {
        let before = at.checked_sub(1).map_or(b' ', |before| text[before]);
        let after = text.get(at + 1).copied().unwrap_or(b' ');
        let joins = |b: u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'');
        match b {
            b'n' | b'r' | b't' if before == b'\\' => {}
            b'+' if joins(before) && joins(after) => {}
            b'+' | b'/' | b'=' => out.push(*b),
            _ if b.is_ascii_alphanumeric() => out.push(*b),
            _ => {}
        }
    }
    out
}

/// An element of DER: its tag, its content, and what follows it.
pub(super) fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // No key needs a length of more than three bytes.
        0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 3))?;
            (length.iter().fold(0, |all, b| all << 8 | usize::from(*b)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

pub(super) const INTEGER: u8 = 2;
pub(super) const OCTETS: u8 = 4;
pub(super) const OBJECT: u8 = 6;
pub(super) const SEQUENCE: u8 = 0x30;

/// The content of an element with a tag, and what follows.
pub(super) fn expect(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    element(der).filter(|(tag, ..)| *tag == wanted).map(|(_, content, rest)| (content, rest))
}

/// Bits of a positive integer.
fn bits(integer: &[u8]) -> usize {
    let significant = integer.iter().position(|b| *b != 0).map_or(&[][..], |first| &integer[first..]);
    significant.first().map_or(0, |first| significant.len() * 8 - first.leading_zeros() as usize)
}

/// RFC 8017, A.1.2: version, modulus, and seven integers more.
fn rsa(der: &[u8]) -> Option<PrivateKey> {
    let (key, _) = expect(der, SEQUENCE)?;
    let (_, mut rest) = expect(key, INTEGER)?;
    let modulus = expect(rest, INTEGER)?.0;
    for _ in 0..8 {
        rest = expect(rest, INTEGER)?.1;
    }
    Some(PrivateKey { kind: "RSA", bits: Some(bits(modulus)), encrypted: false })
}

/// Version, p, q, g, y, x, as OpenSSL writes it.
fn dsa(der: &[u8]) -> Option<PrivateKey> {
    let (key, _) = expect(der, SEQUENCE)?;
    let (_, mut rest) = expect(key, INTEGER)?;
    let p = expect(rest, INTEGER)?.0;
    for _ in 0..5 {
        rest = expect(rest, INTEGER)?.1;
    }
    Some(PrivateKey { kind: "DSA", bits: Some(bits(p)), encrypted: false })
}

/// RFC 5915: version 1 and the key's octets.
fn ec(der: &[u8]) -> Option<PrivateKey> {
    let (key, _) = expect(der, SEQUENCE)?;
    let (version, rest) = expect(key, INTEGER)?;
    let (secret, _) = expect(rest, OCTETS)?;
    (version == [1]).then_some(PrivateKey { kind: "EC", bits: Some(secret.len() * 8), encrypted: false })
}

/// The last bytes of algorithms' object identifiers, and their names.
const ALGORITHMS: [(&[u8], &str); 7] = [
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1], "RSA"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10], "RSA-PSS"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1], "EC"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1], "DSA"),
    (&[0x2b, 0x65, 0x70], "Ed25519"),
    (&[0x2b, 0x65, 0x71], "Ed448"),
    (&[0x2b, 0x65, 0x6e], "X25519"),
];

/// RFC 5958: version, algorithm, and the key in octets.
pub(super) fn pkcs8(der: &[u8]) -> Option<PrivateKey> {
    let (key, _) = expect(der, SEQUENCE)?;
    let (_, rest) = expect(key, INTEGER)?;
    let (algorithm, rest) = expect(rest, SEQUENCE)?;
    let (object, _) = expect(algorithm, OBJECT)?;
    let (inner, _) = expect(rest, OCTETS)?;
    let kind = ALGORITHMS.iter().find(|(known, _)| *known == object).map_or("PKCS#8", |(_, name)| name);
    let size = match kind {
        "RSA" | "RSA-PSS" => rsa(inner)?.bits,
        "EC" => ec(inner)?.bits,
        _ => None,
    };
    Some(PrivateKey { kind, bits: size, encrypted: false })
}

/// RFC 5958, 3: how it is encrypted, and the octets.
fn encrypted_pkcs8(der: &[u8]) -> Option<PrivateKey> {
    let (key, _) = expect(der, SEQUENCE)?;
    let (algorithm, rest) = expect(key, SEQUENCE)?;
    expect(algorithm, OBJECT)?;
    expect(rest, OCTETS)?;
    Some(PrivateKey { kind: "PKCS#8", bits: None, encrypted: true })
}

/// A string of OpenSSH's format and what follows it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// PROTOCOL.key of OpenSSH: cipher, derivation, its options, the number of keys, a public key, the private part.
fn openssh(bytes: &[u8]) -> Option<PrivateKey> {
    let rest = bytes.strip_prefix(b"openssh-key-v1\0")?;
    let (cipher, rest) = string(rest)?;
    let (_, rest) = string(rest)?;
    let (_, rest) = string(rest)?;
    let (_, rest) = rest.split_first_chunk::<4>()?;
    let (public, rest) = string(rest)?;
    string(rest)?;
    let (name, fields) = string(public)?;
    let (kind, bits) = match name {
        b"ssh-ed25519" => ("Ed25519", None),
        b"ssh-rsa" => ("RSA", Some(bits(string(string(fields)?.1)?.0))),
        b"ssh-dss" => ("DSA", Some(bits(string(fields)?.0))),
        b"ecdsa-sha2-nistp256" => ("EC", Some(256)),
        b"ecdsa-sha2-nistp384" => ("EC", Some(384)),
        b"ecdsa-sha2-nistp521" => ("EC", Some(521)),
        _ => ("OpenSSH", None),
    };
    Some(PrivateKey { kind, bits, encrypted: cipher != b"none" })
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An element of DER.
    pub(in crate::check) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let head = match length {
            0..=0x7f => vec![tag, length as u8],
            _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
        };
        [head, content.to_vec()].concat()
    }

    fn integer(bytes: usize) -> Vec<u8> {
        der(INTEGER, &vec![0x55; bytes])
    }

    fn rsa_key() -> Vec<u8> {
        let mut modulus = vec![0x80; 257];
        modulus[0] = 0;
        let all = [der(INTEGER, &[0]), der(INTEGER, &modulus), integer(3), integer(256), integer(128)].concat();
        der(SEQUENCE, &[all, integer(128), integer(128), integer(128), integer(128)].concat())
    }

    /// A key of RSA in PKCS#8.
    pub(in crate::check) fn rsa_pkcs8() -> Vec<u8> {
        let algorithm = der(SEQUENCE, &der(OBJECT, ALGORITHMS[0].0));
        der(SEQUENCE, &[der(INTEGER, &[0]), algorithm, der(OCTETS, &rsa_key())].concat())
    }

    fn armour(label: &str, bytes: &[u8], newline: &str) -> String {
        let text = STANDARD.encode(bytes);
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {label}-----{newline}{}{newline}-----END {label}-----", lines.join(newline))
    }

    #[test]
    fn keys_say_what_they_are() {
        let ec_key = der(SEQUENCE, &[der(INTEGER, &[1]), der(OCTETS, &[7; 32])].concat());
        let wrapped = |object: &[u8], key: &[u8]| {
            let algorithm = der(SEQUENCE, &der(OBJECT, object));
            der(SEQUENCE, &[der(INTEGER, &[0]), algorithm, der(OCTETS, key)].concat())
        };
        let locked = der(SEQUENCE, &[der(SEQUENCE, &der(OBJECT, &[0x2a, 1])), der(OCTETS, &[7; 64])].concat());
        let text = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat();
        let ssh = |cipher: &[u8]| {
            let public = [text(b"ssh-rsa"), text(&[1, 0, 1]), text(&[0xff; 384])].concat();
            let head = [b"openssh-key-v1\0".to_vec(), text(cipher), text(b"none"), text(b"")].concat();
            [head, 1u32.to_be_bytes().to_vec(), text(&public), text(&[7; 64])].concat()
        };
        for (label, bytes, said) in [
            ("RSA PRIVATE KEY", rsa_key(), "RSA 2048 bits"),
            ("EC PRIVATE KEY", ec_key.clone(), "EC 256 bits"),
            ("PRIVATE KEY", wrapped(ALGORITHMS[0].0, &rsa_key()), "RSA 2048 bits"),
            ("PRIVATE KEY", wrapped(ALGORITHMS[2].0, &ec_key), "EC 256 bits"),
            ("PRIVATE KEY", wrapped(ALGORITHMS[4].0, &der(OCTETS, &[7; 32])), "Ed25519"),
            ("ENCRYPTED PRIVATE KEY", locked, "PKCS#8, encrypted"),
            ("OPENSSH PRIVATE KEY", ssh(b"none"), "RSA 3072 bits"),
            ("OPENSSH PRIVATE KEY", ssh(b"aes256-ctr"), "RSA 3072 bits, encrypted"),
        ] {
            for newline in ["\n", "\r\n", "\\n", "\\\\n", "\n    ", "\\n\" +\n  \"", "',\n'"] {
                let key = private_key(armour(label, &bytes, newline).as_bytes());
                assert_eq!(key.map(|key| key.to_string()).as_deref(), Some(said), "{label} {newline:?}");
            }
            assert_eq!(private_key(armour(label, &bytes[..bytes.len() - 9], "\n").as_bytes()), None, "{label} cut");
        }
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nAAAA\n-----END RSA PRIVATE KEY-----";
        assert_eq!(private_key(old.as_bytes()).unwrap().to_string(), "RSA, encrypted");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), label in 0usize..6) {
            let labels =
                ["RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"];
            let _ = private_key(armour(labels[label], &bytes, "\n").as_bytes());
            let _ = private_key(armour(labels[label], &[&rsa_key()[..bytes.len()], &bytes].concat(), "\n").as_bytes());
            let _ = private_key(&bytes);
        }
    }
}
