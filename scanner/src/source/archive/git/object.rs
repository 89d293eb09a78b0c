//! Kinds of objects, and what they are called: the hash of what they hold.

use std::fmt;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// A text that says who changed what, when and why.
    Commit,
    /// A folder.
    Tree,
    /// A file.
    Blob,
    /// A text that names another object.
    Tag,
}

impl Type {
    /// The word before an object, which is hashed with it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }

    /// The kind that a word is of.
    pub(super) fn of_word(word: &[u8]) -> Option<Self> {
        [Self::Commit, Self::Tree, Self::Blob, Self::Tag].into_iter().find(|one| one.word().as_bytes() == word)
    }
}

/// The hash that a repository names its objects by. Nothing in a pack says which, but the first commit or tag in it names
/// another object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Hash {
    /// Of nearly all.
    #[default]
    Sha1,
    /// `git init --object-format=sha256`.
    Sha256,
}

impl Hash {
    /// Its length in bytes.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// What a commit's or tag's first line says of it.
    pub(super) fn of_text(text: &[u8]) -> Option<Self> {
        let name = text.strip_prefix(b"tree ").or_else(|| text.strip_prefix(b"object "))?;
        match name.iter().take_while(|b| b.is_ascii_hexdigit()).count() {
            40 => Some(Self::Sha1),
            64 => Some(Self::Sha256),
            _ => None,
        }
    }

    /// The name of an object.
    pub(super) fn name(self, kind: Type, content: &[u8]) -> Id {
        let before = format!("{} {}\0", kind.word(), content.len());
        let mut id = [0; 32];
        match self {
            Self::Sha1 => id[..20].copy_from_slice(&Sha1::new().chain_update(before).chain_update(content).finalize()),
            Self::Sha256 => id.copy_from_slice(&Sha256::new().chain_update(before).chain_update(content).finalize()),
        }
        Id(id)
    }
}

/// The name of an object; behind the shorter ones are zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Id([u8; 32]);

impl Id {
    /// From the bytes of one.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut id = [0; 32];
        let n = bytes.len().min(id.len());
        id[..n].copy_from_slice(&bytes[..n]);
        Self(id)
    }

    /// So many of its bytes.
    #[cfg(test)]
    pub(super) fn bytes(&self, length: usize) -> &[u8] {
        &self.0[..length]
    }

    /// From a text that begins with one in hex.
    pub(super) fn of_hex(text: &[u8], hash: Hash) -> Option<Self> {
        let mut id = [0; 32];
        for (at, byte) in id[..hash.length()].iter_mut().enumerate() {
            let digits = std::str::from_utf8(text.get(2 * at..2 * at + 2)?).ok()?;
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        Some(Self(id))
    }

    /// Its first bytes, by which it is looked up where a mistake costs nothing, or is seen.
    pub(super) fn short(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// As many digits as name it among millions: `git cat-file -p` takes them.
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..6].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
