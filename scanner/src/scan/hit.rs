//! A match that is kept while the scan goes on, and which of several that overlap is.

use oakum_patterns::{Confidence, Rule};

use crate::finding::{Preview, Reason, Span};
use crate::fingerprint::Fingerprint;
use crate::window::Via;

/// A match, when its bytes are out of reach.
#[derive(Debug, Clone)]
pub(super) struct Hit<'e> {
    pub(super) rule: &'e Rule,
    pub(super) confidence: Confidence,
    /// Of the secret alone: two rules that found the same secret are one finding.
    pub(super) identity: u128,
    pub(super) fingerprint: Fingerprint,
    pub(super) preview: Preview,
    pub(super) span: Span,
    pub(super) key: Option<String>,
    pub(super) via: Via,
    pub(super) surprise: u32,
}

impl Hit<'_> {
    /// Why it was taken for a credential.
    pub(super) fn reason(&self) -> Reason {
        let named = self.rule.is_generic() || !self.rule.near.is_empty();
        Reason {
            name: self.key.clone().filter(|_| named),
            checks: self.rule.checks.iter().map(ToString::to_string).collect(),
            surprise: named.then_some(self.surprise),
        }
    }
}

/// Without what only its name told, where a credential was found in it (`token: <base64 of ghp_…>`), and without what was
/// found in pieces of one that was put together.
pub(super) fn without_wrappings(mut hits: Vec<Hit<'_>>) -> Vec<Hit<'_>> {
    let start = |span: &Span| (span.line, span.column);
    let end = |span: &Span| (span.end_line, span.end_column);
    let overlap = |one: &Span, other: &Span| start(one) < end(other) && start(other) < end(one);
    let mended: Vec<(Span, bool)> =
        hits.iter().filter(|hit| hit.via == Via::Mended).map(|hit| (hit.span, hit.rule.is_generic())).collect();
    if !mended.is_empty() {
        hits.retain(|hit| {
            let better =
                |(span, generic): &(Span, bool)| overlap(span, &hit.span) && (!generic || hit.rule.is_generic());
            hit.via == Via::Mended || !mended.iter().any(better)
        });
    }
    hits.sort_by_key(|hit| (start(&hit.span), std::cmp::Reverse(end(&hit.span))));
    let wraps = |(hit, next): (&Hit<'_>, Option<&Hit<'_>>)| {
        hit.rule.is_generic() && next.is_some_and(|next| start(&next.span) < end(&hit.span) && next.via != hit.via)
    };
    let kept: Vec<bool> = (0..hits.len()).map(|at| !wraps((&hits[at], hits.get(at + 1)))).collect();
    let mut kept = kept.into_iter();
    hits.retain(|_| kept.next().unwrap_or(true));
    hits
}

/// Which of two rules names a secret that both found: the one that knows more of it.
pub(super) fn rank(hit: &Hit<'_>) -> impl Ord + use<> {
    (!hit.rule.is_generic(), hit.rule.near.is_empty(), hit.confidence, std::cmp::Reverse(hit.rule.id.to_string()))
}
