//! Joins what reading a structured file gives to what the engine found in it: one secret at one place is one finding.

use std::ops::Range;

use oakum_patterns::check::surprise;

use super::hit::rank;
use super::{Hit, MOST_PER_CONTENT, Scan};
use crate::finding::Span;
use crate::structured::{self, By, Format, Found, Read};
use crate::window::Via;

impl<'e> Scan<'e> {
    /// Adds to the hits of a content those that reading it gives, and the ways to all of them. Tells whether there are more
    /// than are taken.
    pub(super) fn read_structure(&self, format: Format, text: &[u8], hits: &mut Vec<Hit<'e>>) -> bool {
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
        let Read { found, keys, mut cut } = structured::read(self.engine, format, text, &plain);
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
            if found.confidence < self.options.min_confidence {
                continue;
            }
            if hits.len() >= MOST_PER_CONTENT {
                cut = true;
                break;
            }
            let ((line, column), (end_line, end_column)) = (place(found.range.start), place(found.range.end));
            let hit = self.found_hit(&found, Span { line, column, end_line, end_column });
            join(hits, &mut plain, hit, &found, format.is_compiled());
        }
        cut
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

#[cfg(test)]
mod tests {
    use oakum_patterns::{Engine, Rule};

    use super::*;
    use crate::fingerprint::Key;
    use crate::origin::Origin;
    use crate::scan::Options;
    use crate::source::{Sink as _, Why};

    /// What only reading finds, by the thousand: a line more than is taken is a gap, and one fewer is none.
    #[test]
    fn what_reading_finds_beyond_a_limit_is_counted() {
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        let lines = |count: usize| (0..count).map(|n| format!("\"app{n}\" \"Walnut!{n:05}\"\n")).collect::<String>();
        for (count, skipped) in [(MOST_PER_CONTENT, None), (MOST_PER_CONTENT + 1, Some(1))] {
            let scan = Scan::new(&engine, Key::constant(), Options::default());
            scan.content(Origin::File("userlist.txt".into()), &mut lines(count).as_bytes()).unwrap();
            let outcome = scan.finish();
            assert_eq!(outcome.findings.len(), MOST_PER_CONTENT);
            assert_eq!(outcome.summary.skipped.get(&Why::Limit).map(|skipped| skipped.count), skipped);
        }
    }
}
