//! A credential that was found. It cannot hold the secret: it has a preview (the public prefix and the length) and a
//! keyed fingerprint. There is no step of redaction to forget.

use std::fmt;

use oakum_patterns::{Confidence, Rule, Severity};
use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::origin::Origin;

/// One secret, with all the places where it was seen.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// What the rule is called.
    pub name: String,
    /// The service that it opens.
    pub service: String,
    /// What someone could do with it.
    pub why: String,
    /// How it is made worthless.
    pub rotate: String,
    /// How bad it is.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// The same for the same secret, wherever it stands.
    pub fingerprint: Fingerprint,
    /// What may be shown of it.
    pub preview: Preview,
    /// Why it was taken for a credential.
    pub reason: Reason,
    /// Whether a baseline or policy knows it.
    pub known: bool,
    /// Where it was seen, in order; at least one.
    pub places: Vec<Place>,
}

impl Finding {
    /// A finding by a rule, with no place yet.
    #[must_use]
    pub fn new(rule: &Rule, confidence: Confidence, fingerprint: Fingerprint, preview: Preview) -> Self {
        Self {
            rule: rule.id.to_string(),
            name: rule.name.to_string(),
            service: rule.service.to_string(),
            why: rule.why.to_string(),
            rotate: rule.rotate.to_string(),
            severity: rule.severity,
            confidence,
            fingerprint,
            preview,
            reason: Reason::default(),
            known: false,
            places: Vec::new(),
        }
    }
}

/// Why something was taken for a credential.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reason {
    /// The name beside it, where that is what tells.
    pub name: Option<String>,
    /// The checks of its rule that it passed.
    pub checks: Vec<String>,
    /// How surprising it is as a name or a word, in hundredths of a bit a character: an average, which tells nothing of it.
    pub surprise: Option<u32>,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "its name, {name}")?,
            None => f.write_str("its form")?,
        }
        if !self.checks.is_empty() {
            write!(f, "; it passed {}", self.checks.join(", "))?;
        }
        if let Some(surprise) = self.surprise {
            write!(f, "; {}.{} bits a character, of which names have about 3.5", surprise / 100, surprise / 10 % 10)?;
        }
        Ok(())
    }
}

/// One place of a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Where the content came from. Text of strangers in it (paths, instructions) has been cleared of secrets.
    pub origin: Origin,
    /// Where in the content.
    pub span: Span,
    /// The name that the value stands under, where there is one.
    pub key: Option<String>,
    /// For a layer's file, whether it can still be read.
    pub state: Option<crate::origin::State>,
}

/// A stretch of a content. Lines and columns start at 1; columns count bytes; the end is one past the last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The first byte's line.
    pub line: u64,
    /// The first byte's column.
    pub column: u64,
    /// The last byte's line.
    pub end_line: u64,
    /// One past the last byte's column.
    pub end_column: u64,
}

/// What may be shown of a secret: its format's prefix, which all such tokens share, and its length.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Preview {
    prefix: String,
    length: usize,
    about: String,
}

impl Preview {
    /// Of a secret whose first `public` bytes are its format's.
    #[must_use]
    pub fn of(secret: &[u8], public: usize) -> Self {
        // At most half of it, whatever a rule says.
        let public = public.min(secret.len() / 2);
        let prefix = String::from_utf8_lossy(&secret[..public]).into_owned();
        Self { prefix, length: secret.len(), about: String::new() }
    }

    /// Says besides what it is: `RSA 2048 bits, encrypted`. Nothing of the secret may be in it.
    #[must_use]
    pub fn about(self, about: impl fmt::Display) -> Self {
        Self { about: about.to_string(), ..self }
    }

    /// Says what is said of another, where nothing is said of this one.
    #[must_use]
    pub(crate) fn or_about(self, other: &Self) -> Self {
        if self.about.is_empty() { Self { about: other.about.clone(), ..self } } else { self }
    }
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.length == 1 { "byte" } else { "bytes" };
        write!(f, "{}… {} {unit}", self.prefix, self.length)?;
        if self.about.is_empty() { Ok(()) } else { write!(f, ", {}", self.about) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_never_shows_more_than_half() {
        assert_eq!(Preview::of(b"ghp_0123456789", 4).to_string(), "ghp_… 14 bytes");
        assert_eq!(Preview::of(b"abcd", 4).to_string(), "ab… 4 bytes");
        assert_eq!(Preview::of(b"", 4).to_string(), "… 0 bytes");
        assert_eq!(Preview::of(b"abcd", 0).about("EC 256 bits").to_string(), "… 4 bytes, EC 256 bits");
    }
}
