//! What a scan came to, and how far one is.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::lint::Lint;
use crate::source::Why;

/// What was passed over for one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    /// How many.
    pub count: u64,
    /// The first few, in order.
    pub examples: Vec<String>,
}

/// What a scan came to.
#[derive(Debug)]
pub struct Outcome {
    /// The findings, in the order of their first places.
    pub findings: Vec<Finding>,
    /// What images get wrong besides, where it was asked for.
    pub lint: Option<Vec<Lint>>,
    /// The counts.
    pub summary: Summary,
}

/// What was looked at, and what was not.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Findings that are not known.
    pub findings: u64,
    /// Findings that a baseline or policy knows.
    pub known: u64,
    /// Bytes of all contents.
    pub bytes: u64,
    /// Contents.
    pub blobs: u64,
    /// What was passed over, by reason.
    pub skipped: BTreeMap<Why, Skipped>,
    /// When it began, in seconds since 1970; for reports whose form asks for it.
    pub started: u64,
    /// How long it took.
    pub seconds: f64,
}

impl Summary {
    /// Whether everything was looked at that might hold a secret.
    #[must_use]
    pub fn complete(&self) -> bool {
        !self.skipped.keys().any(|why| why.is_gap())
    }
}

/// How far a scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes so far.
    pub bytes: u64,
    /// Contents so far.
    pub blobs: u64,
    /// Places with a secret so far.
    pub found: u64,
}
