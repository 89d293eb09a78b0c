//! Joins the halves of a credential: where an account's id stands near its secret, both are one finding, the secret's; the id's
//! place is one of its places, and what the id tells is told of it. A lone id stays a finding of its own, as its rule says.

use oakum_patterns::Confidence;

use super::Hit;

/// How many lines an id may be from its secret, and how many others may stand between them.
const NEAR: u64 = 12;
const BETWEEN: usize = 64;

/// Makes one of the ids and secrets that belong together, and makes them certain. The hits are in the order of their places.
pub(super) fn join(hits: &mut [Hit<'_>]) {
    for at in 0..hits.len() {
        if hits[at].rule.pairs.is_empty() {
            continue;
        }
        let line = hits[at].span.line;
        let is_secret = |other: &usize| {
            let hit = &hits[*other];
            hit.span.line.abs_diff(line) <= NEAR && hits[at].rule.pairs.iter().any(|secret| hit.rule.id == secret)
        };
        let around = at.saturating_sub(BETWEEN)..hits.len().min(at + BETWEEN);
        let Some(secret) = around.filter(is_secret).min_by_key(|other| other.abs_diff(at)) else { continue };
        hits[secret].confidence = Confidence::Certain;
        hits[secret].preview = hits[secret].preview.clone().or_about(&hits[at].preview);
        let id = &hits[at];
        hits[at] = Hit { span: id.span, key: id.key.clone(), via: id.via, ..hits[secret].clone() };
    }
}
