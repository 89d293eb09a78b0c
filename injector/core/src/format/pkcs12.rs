//! A key store in PKCS#12 (RFC 7292): the private key and the certificates encrypted with PBES2 (PBKDF2 with
//! HMAC-SHA-256, AES-256 in CBC; RFC 8018), and a MAC over both with SHA-256. Without a password it is the empty one.
//!
//! Nothing in it is drawn at random: the same input makes the same bytes, so that a file that has not changed is not
//! published anew. Salts come from a hash keyed by the private key, whom nobody can guess who has but the store.

use zeroize::Zeroizing;

use super::pem::{self, Block};
use super::rows::Row;
use super::{Draft, Part, RenderError, Rows, aes};
use crate::secret::Secret;
use crate::template::Outside;

pub(super) const PARTS: &[Part] = &[
    Part::needed(&["private_key", "key"]).secret(),
    Part::needed(&["certificate", "cert"]),
    Part::optional(&["chain", "ca_chain", "issuing_ca"]),
    // Not marked as secret: who may read the file may know it too, and much software wants a fixed one.
    Part::optional(&["password"]),
    Part::optional(&["alias"]),
];

/// How often a password is hashed; what `keytool` does.
const ITERATIONS: u16 = 10_000;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const NULL: &[u8] = &[0x05, 0];
const BMP_STRING: u8 = 0x1e;
/// A context tag around a whole value, and the one that stands in place of OCTET STRING.
const EXPLICIT_0: u8 = 0xa0;
const IMPLICIT_0: u8 = 0x80;

/// Object identifiers, with their tag and length.
mod oid {
    pub(super) const DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
    pub(super) const ENCRYPTED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06";
    pub(super) const KEY_BAG: &[u8] = b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x02";
    pub(super) const CERT_BAG: &[u8] = b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x03";
    pub(super) const X509: &[u8] = b"\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01";
    pub(super) const FRIENDLY_NAME: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x14";
    pub(super) const LOCAL_KEY_ID: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x15";
    pub(super) const PBES2: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d";
    pub(super) const PBKDF2: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c";
    pub(super) const HMAC_SHA256: &[u8] = b"\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x09";
    pub(super) const AES256_CBC: &[u8] = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a";
    pub(super) const SHA256: &[u8] = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01";
    pub(super) const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
    pub(super) const EC: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
}

pub(super) fn render(rows: &Rows<'_>, outside: &dyn Outside, out: &mut Draft) -> Result<(), RenderError> {
    let (key, certificate) = (rows.need("private_key")?, rows.need("certificate")?);
    let key = private_key(key)?;
    let mut certificates = Vec::new();
    for row in [Some(certificate), rows.get("chain")].into_iter().flatten() {
        for_each_block(row, |block| {
            let der = block.der().ok_or_else(|| row.refuse("a block of it is not base64"))?;
            // Servers put their own certificate first into the chain, and a store must not hold it twice.
            if !certificates.iter().any(|other: &Secret| other.expose() == der.expose()) {
                certificates.push(der);
            }
            Ok(())
        })?;
    }
    let password = match rows.get("password") {
        Some(row) => {
            let password = row.scalar()?;
            // Java takes no other ones.
            if !password.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                return Err(row.refuse("the password of a store can only be printable ASCII"));
            }
            password
        }
        None => "",
    };
    let alias = match rows.get("alias") {
        Some(row) => {
            let alias = row.scalar()?;
            if alias.chars().any(|c| u32::from(c) > 0xffff || c.is_control()) {
                return Err(row.refuse("it holds a character that the name of a key cannot have"));
            }
            Some(alias)
        }
        None => None,
    };
    let store = Store { outside, password, salts: salts(outside, &key, &certificates, password, alias) };
    out.bytes(store.write(&key, &certificates, alias).expose());
    Ok(())
}

/// Makes what salts are taken from: a key that nobody has who has not the private key.
fn salts(
    outside: &dyn Outside,
    key: &Secret,
    certificates: &[Secret],
    password: &str,
    alias: Option<&str>,
) -> Zeroizing<[u8; 32]> {
    let parts = certificates.iter().map(|one| tlv(OCTETS, &[one.expose()])).collect::<Vec<_>>();
    let mut all: Vec<&[u8]> = parts.iter().map(Secret::expose).collect();
    let (password, alias) = (tlv(OCTETS, &[password.as_bytes()]), tlv(OCTETS, &[alias.unwrap_or_default().as_bytes()]));
    all.extend([password.expose(), alias.expose()]);
    Zeroizing::new(outside.hmac_sha256(key.expose(), tlv(SEQUENCE, &all).expose()))
}

struct Store<'s> {
    outside: &'s dyn Outside,
    password: &'s str,
    salts: Zeroizing<[u8; 32]>,
}

impl Store<'_> {
    fn write(&self, key: &Secret, certificates: &[Secret], alias: Option<&str>) -> Secret {
        // What ties the key to its certificate: any bytes that both have.
        let id = certificates.first().map(|one| self.outside.sha256(one.expose())).unwrap_or_default();
        let attributes = attributes(&id[..20], alias);

        let bags: Vec<Secret> = certificates
            .iter()
            .enumerate()
            .map(|(at, certificate)| {
                let value = tlv(OCTETS, &[certificate.expose()]);
                let value = tlv(EXPLICIT_0, &[value.expose()]);
                let bag = tlv(SEQUENCE, &[oid::X509, value.expose()]);
                let bag = tlv(EXPLICIT_0, &[bag.expose()]);
                let attributes = if at == 0 { attributes.expose() } else { &[] };
                tlv(SEQUENCE, &[oid::CERT_BAG, bag.expose(), attributes])
            })
            .collect();
        let bags = tlv(SEQUENCE, &bags.iter().map(Secret::expose).collect::<Vec<_>>());
        let (algorithm, cipher) = self.encrypt("certificates", &bags);
        let cipher = tlv(IMPLICIT_0, &[cipher.expose()]);
        let cipher = tlv(SEQUENCE, &[oid::DATA, algorithm.expose(), cipher.expose()]);
        let encrypted = tlv(SEQUENCE, &[&[INTEGER, 1, 0], cipher.expose()]);
        let encrypted = tlv(EXPLICIT_0, &[encrypted.expose()]);
        let encrypted = tlv(SEQUENCE, &[oid::ENCRYPTED_DATA, encrypted.expose()]);

        let (algorithm, cipher) = self.encrypt("key", key);
        let cipher = tlv(OCTETS, &[cipher.expose()]);
        let bag = tlv(SEQUENCE, &[algorithm.expose(), cipher.expose()]);
        let bag = tlv(EXPLICIT_0, &[bag.expose()]);
        let bag = tlv(SEQUENCE, &[oid::KEY_BAG, bag.expose(), attributes.expose()]);
        let bags = tlv(SEQUENCE, &[bag.expose()]);

        let all = tlv(SEQUENCE, &[encrypted.expose(), data(&bags).expose()]);
        let mac = self.mac(&all);
        tlv(SEQUENCE, &[&[INTEGER, 1, 3], data(&all).expose(), mac.expose()])
    }

    /// Encrypts with PBES2; gives the algorithm with its parameters, and the ciphertext.
    fn encrypt(&self, what: &str, plain: &Secret) -> (Secret, Secret) {
        let (salt, iv) = (self.salt(what), self.salt(&format!("{what} iv")));
        let key = self.pbkdf2(&salt);
        let mut cipher = Draft::with_room(plain.len() + 16);
        aes::encrypt(&key, &iv, plain.expose(), &mut cipher);

        let (salt, iterations) = (tlv(OCTETS, &[&salt]), iterations());
        let hash = tlv(SEQUENCE, &[oid::HMAC_SHA256, NULL]);
        let parameters = tlv(SEQUENCE, &[salt.expose(), iterations.expose(), hash.expose()]);
        let derivation = tlv(SEQUENCE, &[oid::PBKDF2, parameters.expose()]);
        let iv = tlv(OCTETS, &[&iv]);
        let scheme = tlv(SEQUENCE, &[oid::AES256_CBC, iv.expose()]);
        let parameters = tlv(SEQUENCE, &[derivation.expose(), scheme.expose()]);
        (tlv(SEQUENCE, &[oid::PBES2, parameters.expose()]), cipher.finish())
    }

    fn salt(&self, what: &str) -> [u8; 16] {
        let hash = self.outside.hmac_sha256(self.salts.as_slice(), what.as_bytes());
        std::array::from_fn(|at| hash[at])
    }

    /// The first block of PBKDF2 (RFC 8018, section 5.2), which is as long as the key.
    fn pbkdf2(&self, salt: &[u8]) -> Zeroizing<[u8; 32]> {
        let password = self.password.as_bytes();
        let first = [salt, &1u32.to_be_bytes()].concat();
        let mut hash = Zeroizing::new(self.outside.hmac_sha256(password, &first));
        let mut key = hash.clone();
        for _ in 1..ITERATIONS {
            hash = Zeroizing::new(self.outside.hmac_sha256(password, hash.as_slice()));
            for (byte, other) in key.iter_mut().zip(hash.iter()) {
                *byte ^= other;
            }
        }
        key
    }

    /// Makes `MacData` by a key of RFC 7292, appendix B.2, whose one hash is as long as the key.
    fn mac(&self, all: &Secret) -> Secret {
        const HASH_BLOCK: usize = 64;
        const FOR_A_MAC: u8 = 3;
        let salt = self.salt("mac");
        let mut password = Draft::with_room(2 * self.password.len() + 2);
        for unit in self.password.encode_utf16().chain([0]) {
            password.bytes(&unit.to_be_bytes());
        }
        let password = password.finish();
        let mut input = Draft::with_room(3 * HASH_BLOCK + password.len());
        input.bytes(&[FOR_A_MAC; HASH_BLOCK]);
        for part in [salt.as_slice(), password.expose()] {
            let length = part.len().next_multiple_of(HASH_BLOCK);
            part.iter().cycle().take(length).for_each(|byte| input.bytes(&[*byte]));
        }
        let mut key = Zeroizing::new(self.outside.sha256(input.finish().expose()));
        for _ in 1..ITERATIONS {
            key = Zeroizing::new(self.outside.sha256(key.as_slice()));
        }
        let digest = tlv(OCTETS, &[&self.outside.hmac_sha256(key.as_slice(), all.expose())]);
        let algorithm = tlv(SEQUENCE, &[oid::SHA256, NULL]);
        let digest = tlv(SEQUENCE, &[algorithm.expose(), digest.expose()]);
        tlv(SEQUENCE, &[digest.expose(), tlv(OCTETS, &[&salt]).expose(), iterations().expose()])
    }
}

fn iterations() -> Secret {
    tlv(INTEGER, &[&ITERATIONS.to_be_bytes()])
}

/// Wraps content that is not encrypted at this level.
fn data(content: &Secret) -> Secret {
    let octets = tlv(OCTETS, &[content.expose()]);
    let octets = tlv(EXPLICIT_0, &[octets.expose()]);
    tlv(SEQUENCE, &[oid::DATA, octets.expose()])
}

/// Writes the attributes of a bag: which key belongs to which certificate, and what it is called.
fn attributes(id: &[u8], alias: Option<&str>) -> Secret {
    let attribute = |oid, tag, value: &[u8]| {
        let value = tlv(tag, &[value]);
        tlv(SEQUENCE, &[oid, tlv(SET, &[value.expose()]).expose()])
    };
    let mut all = vec![attribute(oid::LOCAL_KEY_ID, OCTETS, id)];
    if let Some(alias) = alias {
        let units: Vec<u8> = alias.encode_utf16().flat_map(u16::to_be_bytes).collect();
        all.push(attribute(oid::FRIENDLY_NAME, BMP_STRING, &units));
    }
    // A set stands in the order of its encodings (X.690, section 11.6).
    all.sort_by(|a, b| a.expose().cmp(b.expose()));
    tlv(SET, &all.iter().map(Secret::expose).collect::<Vec<_>>())
}

/// Writes a value in DER: its tag, its length, what is in it.
fn tlv(tag: u8, parts: &[&[u8]]) -> Secret {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Draft::with_room(length + 10);
    out.bytes(&[tag]);
    if let Ok(short @ ..0x80) = u8::try_from(length) {
        out.bytes(&[short]);
    } else {
        let bytes = length.to_be_bytes();
        let skipped = bytes.iter().take_while(|byte| **byte == 0).count();
        out.bytes(&[0x80 | (bytes.len() - skipped) as u8]);
        out.bytes(&bytes[skipped..]);
    }
    for part in parts {
        out.bytes(part);
    }
    out.finish()
}

fn for_each_block(
    row: &Row<'_>,
    mut each: impl FnMut(&Block<'_>) -> Result<(), RenderError>,
) -> Result<(), RenderError> {
    for text in pem::texts(row)? {
        let text = text.expose_str().ok_or_else(|| row.refuse("it is not UTF-8"))?;
        pem::blocks(row, text)?.iter().try_for_each(&mut each)?;
    }
    Ok(())
}

/// Reads the private key, and gives it as PKCS#8, which is what a store holds.
fn private_key(row: &Row<'_>) -> Result<Secret, RenderError> {
    let mut key = None;
    for_each_block(row, |block| {
        if block.has_headers() || block.label == "ENCRYPTED PRIVATE KEY" {
            return Err(row.refuse("it is encrypted with a password of its own"));
        }
        let der = || block.der().ok_or_else(|| row.refuse("a block of it is not base64"));
        match block.label {
            "PRIVATE KEY" => key = Some(der()?),
            "RSA PRIVATE KEY" => key = Some(wrapped(&[oid::RSA, NULL], &der()?)),
            "EC PRIVATE KEY" => {
                let der = der()?;
                let curve = curve(der.expose()).ok_or_else(|| row.refuse("it does not say which curve it is on"))?;
                key = Some(wrapped(&[oid::EC, curve], &der));
            }
            "EC PARAMETERS" => {}
            _ => return Err(row.refuse("it is a key of a kind that no store holds")),
        }
        Ok(())
    })?;
    key.ok_or_else(|| row.refuse("it is not one private key"))
}

/// Wraps a key of its algorithm's own form (PKCS#8, RFC 5208).
fn wrapped(algorithm: &[&[u8]], key: &Secret) -> Secret {
    let (algorithm, key) = (tlv(SEQUENCE, algorithm), tlv(OCTETS, &[key.expose()]));
    tlv(SEQUENCE, &[&[INTEGER, 1, 0], algorithm.expose(), key.expose()])
}

/// Finds the curve in an `ECPrivateKey` (RFC 5915): version, key, `[0]` parameters, `[1]` public key.
fn curve(key: &[u8]) -> Option<&[u8]> {
    let (SEQUENCE, mut rest, _) = take(key)? else { return None };
    while !rest.is_empty() {
        let (tag, value, after) = take(rest)?;
        if tag == EXPLICIT_0 {
            return matches!(take(value)?, (0x06, _, [])).then_some(value);
        }
        rest = after;
    }
    None
}

/// Takes a value off: its tag, what is in it, and what is behind it.
fn take(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        short @ ..0x80 => (usize::from(short), rest),
        long => {
            let (length, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            if length.len() > 4 {
                return None;
            }
            (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((tag, value, rest))
}
