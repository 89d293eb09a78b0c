//! What the formats share that tell what images get wrong besides.

use super::view::count;
use crate::finding::{Place, Span};
use crate::lint::Lint;

/// The places, as those of findings are: a flaw is of a whole file or field, so they are at its beginning.
pub(super) fn places(lint: &Lint) -> Vec<Place> {
    let span = Span { line: 1, column: 1, end_line: 1, end_column: 1 };
    let place = |(origin, state): &(_, _)| Place { origin: Clone::clone(origin), span, key: None, state: *state };
    lint.places.iter().map(place).collect()
}

/// The first places on a line, unescaped.
pub(super) fn listed(lint: &Lint, most: usize) -> String {
    let mut all: Vec<String> = lint.places.iter().take(most).map(|(origin, _)| origin.describe()).collect();
    let more = lint.places.len().saturating_sub(most) as u64 + lint.more;
    if more > 0 {
        all.push(format!("and {}", count(more, "more place")));
    }
    all.join(", ")
}

/// `CIS Docker 4.1: The image runs as root`, or what is wrong alone.
pub(super) fn titled(lint: &Lint) -> String {
    let cis = lint.flaw.cis().map(|cis| format!("CIS Docker {cis}: ")).unwrap_or_default();
    format!("{cis}{}", lint.flaw.title())
}
