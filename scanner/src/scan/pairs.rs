//! Joins the halves of a credential: where an account's id stands near its secret, both are one finding, the secret's. A
//! lone id stays a finding of its own, as its rule says.

use oakum_patterns::Confidence;

use super::Hit;

/// How many lines an id may be from its secret, and how many others may stand between them.
const NEAR: u64 = 12;
const BETWEEN: usize = 64;

/// Takes the ids away that stand near their secrets, and makes the secrets certain. The hits are in the order of their places.
pub(super) fn join(hits: &mut Vec<Hit<'_>>) {
    if hits.iter().all(|hit| hit.rule.pairs.is_empty()) {
        return;
    }
    let mut alone = vec![true; hits.len()];
    let mut paired = vec![false; hits.len()];
    for (at, id) in hits.iter().enumerate().filter(|(_, hit)| !hit.rule.pairs.is_empty()) {
        let line = id.span.line;
        let from = hits.partition_point(|hit| hit.span.line + NEAR < line).max(at.saturating_sub(BETWEEN));
        let near =
            hits.iter().enumerate().take(at + BETWEEN).skip(from).take_while(|(_, hit)| hit.span.line <= line + NEAR);
        for (other, _) in near.filter(|(_, hit)| id.rule.pairs.iter().any(|secret| hit.rule.id == secret)) {
            (alone[at], paired[other]) = (false, true);
        }
    }
    let mut at = 0;
    hits.retain_mut(|hit| {
        if paired[at] {
            hit.confidence = Confidence::Certain;
        }
        at += 1;
        alone[at - 1]
    });
}
