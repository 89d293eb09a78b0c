//! Joins what reading a structured file gives to what the engine found in it: one secret at one place is one finding.

use std::ops::Range;

use oakum_patterns::check::surprise;

use super::{Hit, MOST_PER_CONTENT, Scan, rank};
use crate::finding::Span;
use crate::structured::{self, By, Format, Found};
use crate::window::Via;

impl<'e> Scan<'e> {
    /// The hits of a content, with those that reading it adds and the ways to all of them.
    pub(super) fn read_structure(&self, format: Format, text: &[u8], mut hits: Vec<Hit<'e>>) -> Vec<Hit<'e>> {
        let starts: Vec<usize> = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text).map(|at| at + 1)).collect();
        let offset = |line: u64, column: u64| {
            let line = usize::try_from(line).unwrap_or(1).saturating_sub(1);
            (starts[line.min(starts.len() - 1)] + usize::try_from(column).unwrap_or(1).saturating_sub(1))
                .min(text.len())
        };
        let mut plain: Vec<Range<usize>> = hits
            .iter()
            .map(|hit| offset(hit.span.line, hit.span.column)..offset(hit.span.end_line, hit.span.end_column))
            .collect();
        let (found, keys) = structured::read(self.engine, format, text, &plain);
        for (hit, key) in hits.iter_mut().zip(keys) {
            if let Some(key) = key {
                hit.key = Some(self.clear(&key));
            }
        }
        let place = |at: usize| {
            let line = starts.partition_point(|start| *start <= at);
            (line as u64, (at - starts[line - 1] + 1) as u64)
        };
        for found in found {
            if found.confidence < self.options.min_confidence || hits.len() >= MOST_PER_CONTENT {
                continue;
            }
            let ((line, column), (end_line, end_column)) = (place(found.range.start), place(found.range.end));
            let hit = self.found_hit(&found, Span { line, column, end_line, end_column });
            join(&mut hits, &mut plain, hit, &found, format.is_compiled());
        }
        hits
    }

    fn found_hit(&self, found: &Found<'e>, span: Span) -> Hit<'e> {
        Hit {
            rule: found.rule,
            confidence: found.confidence,
            identity: self.identity(&found.secret),
            fingerprint: self.key.fingerprint(&found.rule.family, &found.secret),
            preview: self.preview(found.rule, &found.secret, found.public),
            span,
            key: Some(self.clear(&found.key)),
            via: Via::Decoded,
            surprise: surprise(&found.secret),
        }
    }
}

/// Adds a hit, unless what overlaps it knows more; what knows less makes way. `plain` are the places of `hits`. `is_cut` says
/// that texts stand side by side in the file, so that plain reading took more than belongs to it.
fn join<'e>(hits: &mut Vec<Hit<'e>>, plain: &mut Vec<Range<usize>>, mut hit: Hit<'e>, found: &Found<'e>, is_cut: bool) {
    let overlaps = |other: &Range<usize>| other.start < found.range.end && found.range.start < other.end;
    if let Some(at) = (0..hits.len()).find(|at| overlaps(&plain[*at]) && hits[*at].identity == hit.identity) {
        if hits[at].rule.is_generic() && rank(&hit) > rank(&hits[at]) {
            hit.confidence = hit.confidence.max(hits[at].confidence);
            hits[at] = hit;
        } else {
            hits[at].confidence = hits[at].confidence.max(hit.confidence);
            hits[at].key = hit.key;
        }
        return;
    }
    let within = |inner: &Range<usize>, outer: &Range<usize>| outer.start <= inner.start && inner.end <= outer.end;
    let cut = |at: usize| is_cut && hits[at].rule.id == hit.rule.id && within(&found.range, &plain[at]);
    let yields = (0..hits.len()).any(|at| {
        overlaps(&plain[at])
            && !cut(at)
            && (!hits[at].rule.is_generic() || (found.by == By::Name && within(&plain[at], &found.range)))
    });
    if yields {
        return;
    }
    let mut at = 0;
    while at < hits.len() {
        if overlaps(&plain[at]) {
            hits.remove(at);
            plain.remove(at);
        } else {
            at += 1;
        }
    }
    hits.push(hit);
    plain.push(found.range.clone());
}
