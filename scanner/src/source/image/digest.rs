//! Digests, as the OCI writes them: `sha256:` and 64 hex digits. Whatever is read is hashed while it is read.

use std::fmt;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256, Sha512};

/// A digest that may stand in a path: what a manifest says, not yet what is true.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::source) struct Digest(String);

impl Digest {
    /// Reads `algorithm:encoded`. A text that could lead out of the folder of blobs is no digest.
    pub(in crate::source) fn parse(text: &str) -> Option<Self> {
        let (algorithm, encoded) = text.split_once(':')?;
        let safe = |part: &str, more: &[u8]| {
            !part.is_empty()
                && part.len() <= 256
                && !part.starts_with('.')
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
        };
        (safe(algorithm, b"+._-") && safe(encoded, b"=_-")).then(|| Self(text.to_owned()))
    }

    /// The digest that a text of 64 hex digits stands for, as old archives name their parts.
    pub(in crate::source) fn of_hex(hex: &str) -> Option<Self> {
        let is_hex = hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then(|| Self(format!("sha256:{hex}")))
    }

    /// The digest that a blob's path in an OCI layout names.
    pub(in crate::source) fn of_part(name: &str) -> Option<Self> {
        let (algorithm, encoded) = name.strip_prefix("blobs/")?.split_once('/')?;
        Self::parse(&format!("{algorithm}:{encoded}"))
    }

    /// Of these bytes.
    #[cfg(test)]
    pub(in crate::source) fn of(bytes: &[u8]) -> Self {
        Self::sha256(Sha256::digest(bytes).as_slice())
    }

    /// Of these bytes.
    pub(in crate::source) fn sha256_of(bytes: &[u8]) -> Self {
        Self::sha256(Sha256::digest(bytes).as_slice())
    }

    /// The path of the blob in an OCI layout.
    pub(in crate::source) fn part(&self) -> String {
        format!("blobs/{}", self.0.replacen(':', "/", 1))
    }

    pub(in crate::source) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the bytes are those it was made of. An algorithm that we do not know tells nothing.
    pub(in crate::source) fn fits(&self, bytes: &[u8]) -> bool {
        let mut hashes = Hashes::of([self].into_iter());
        hashes.update(bytes);
        hashes.finish().fits(self)
    }

    fn sha256(hash: &[u8]) -> Self {
        Self(format!("sha256:{}", hex(hash)))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text is a whole digest of a known algorithm, and so holds nothing but a hash.
pub(crate) fn is_digest(text: &str) -> bool {
    let length = match text.split_once(':') {
        Some(("sha256", _)) => 64,
        Some(("sha512", _)) => 128,
        _ => return false,
    };
    text.len() == 7 + length && text.as_bytes()[7..].iter().all(u8::is_ascii_hexdigit)
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, b| {
        // A `String` takes whatever is written to it.
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// The hashes that are asked for, of one stream.
#[derive(Debug, Default)]
pub(in crate::source) struct Hashes {
    sha256: Option<Sha256>,
    sha512: Option<Sha512>,
}

/// What a stream's hashes came to.
#[derive(Debug, Default, Clone)]
pub(in crate::source) struct Hashed {
    sha256: Option<Digest>,
    sha512: Option<Digest>,
}

impl Hashes {
    /// Those that are needed to check the digests.
    pub(in crate::source) fn of<'d>(digests: impl Iterator<Item = &'d Digest>) -> Self {
        let mut hashes = Self::default();
        for digest in digests {
            if digest.0.starts_with("sha256:") {
                hashes.sha256 = Some(Sha256::new());
            } else if digest.0.starts_with("sha512:") {
                hashes.sha512 = Some(Sha512::new());
            }
        }
        hashes
    }

    /// These and others.
    pub(in crate::source) fn and(self, others: Self) -> Self {
        Self { sha256: self.sha256.or(others.sha256), sha512: self.sha512.or(others.sha512) }
    }

    fn update(&mut self, bytes: &[u8]) {
        if let Some(hash) = &mut self.sha256 {
            hash.update(bytes);
        }
        if let Some(hash) = &mut self.sha512 {
            hash.update(bytes);
        }
    }

    fn finish(self) -> Hashed {
        Hashed {
            sha256: self.sha256.map(|h| Digest::sha256(h.finalize().as_slice())),
            sha512: self.sha512.map(|h| Digest(format!("sha512:{}", hex(h.finalize().as_slice())))),
        }
    }
}

impl Hashed {
    /// Whether this is the stream that the digest names. An algorithm that we do not know tells nothing.
    pub(in crate::source) fn fits(&self, digest: &Digest) -> bool {
        let same = |own: &Option<Digest>| own.as_ref().is_none_or(|own| own.0.eq_ignore_ascii_case(&digest.0));
        match digest.0.split_once(':') {
            Some(("sha256", _)) => same(&self.sha256),
            Some(("sha512", _)) => same(&self.sha512),
            _ => true,
        }
    }
}

/// Hashes what is read through it.
#[derive(Debug)]
pub(in crate::source) struct Hashing<R> {
    inner: R,
    hashes: Hashes,
}

impl<R> Hashing<R> {
    pub(in crate::source) fn new(inner: R, hashes: Hashes) -> Self {
        Self { inner, hashes }
    }

    /// The hashes of all that was read; from then on nothing is hashed.
    pub(in crate::source) fn finish(&mut self) -> Hashed {
        std::mem::take(&mut self.hashes).finish()
    }

    pub(in crate::source) fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hashes.update(&buffer[..n]);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_never_leads_out_of_the_folder_of_blobs() {
        assert_eq!(Digest::parse("sha256:ab").unwrap().part(), "blobs/sha256/ab");
        for hostile in ["../..:x", "sha256:../x", "sha256:", ":x", "sha256", "a/b:c", "sha256:a/b", "..:a", "a\0:b"] {
            assert_eq!(Digest::parse(hostile), None, "{hostile}");
        }
    }

    #[test]
    fn a_digest_fits_its_own_bytes_only() {
        let empty = Digest::of(b"");
        assert_eq!(empty.as_str(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert!(empty.fits(b""));
        assert!(!empty.fits(b"x"));
        let long = Digest::parse(&format!("sha512:{}", "0".repeat(128))).unwrap();
        assert!(!long.fits(b"x"));
        assert!(is_digest(empty.as_str()) && is_digest(long.as_str()) && !is_digest("sha256:password"));
    }
}
