//! Joins what reading a structured file gives to what the engine found in it: one secret at one place is one finding.

use std::cell::LazyCell;
use std::collections::BTreeSet;
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
        // Of most contents nothing is found, and then nobody asks where lines begin.
        let starts = LazyCell::new(|| {
            std::iter::once(0).chain(memchr::memchr_iter(b'\n', text).map(|at| at + 1)).collect::<Vec<usize>>()
        });
        let offset = |line: u64, column: u64| {
            let line = usize::try_from(line).unwrap_or(1).saturating_sub(1);
            (starts[line.min(starts.len() - 1)] + usize::try_from(column).unwrap_or(1).saturating_sub(1))
                .min(text.len())
        };
        let plain: Vec<Range<usize>> = hits
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
        if found.is_empty() {
            return cut;
        }
        let mut joined = Joined::new(std::mem::take(hits), plain);
        for found in found {
            if found.confidence < self.options.min_confidence {
                continue;
            }
            if joined.by_start.len() >= MOST_PER_CONTENT {
                cut = true;
                break;
            }
            let ((line, column), (end_line, end_column)) = (place(found.range.start), place(found.range.end));
            let hit = self.found_hit(&found, Span { line, column, end_line, end_column });
            joined.add(hit, &found, format.is_compiled());
        }
        hits.extend(joined.hits.into_iter().flatten());
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

/// Hits and where they are: each looks at those alone that overlap it, however many there are.
struct Joined<'e> {
    /// None in place of one that made way.
    hits: Vec<Option<Hit<'e>>>,
    places: Vec<Range<usize>>,
    /// The starts of those that are there, with their numbers.
    by_start: BTreeSet<(usize, usize)>,
    /// How long the longest place is.
    longest: usize,
}

impl<'e> Joined<'e> {
    fn new(hits: Vec<Hit<'e>>, places: Vec<Range<usize>>) -> Self {
        let by_start = places.iter().map(|place| place.start).zip(0..).collect();
        let longest = places.iter().map(Range::len).max().unwrap_or(0);
        Self { hits: hits.into_iter().map(Some).collect(), places, by_start, longest }
    }

    /// The numbers of those that overlap a place, in their order.
    fn overlapping(&self, place: &Range<usize>) -> Vec<usize> {
        let near = (place.start.saturating_sub(self.longest), 0)..(place.end, 0);
        let near = self.by_start.range(near).map(|(_, at)| *at);
        let mut all: Vec<usize> = near.filter(|at| place.start < self.places[*at].end).collect();
        all.sort_unstable();
        all
    }

    /// Adds a hit, unless what overlaps it knows more; what knows less makes way. `is_cut` says that texts stand side by side
    /// in the file, so that plain reading took more than belongs to it.
    fn add(&mut self, mut hit: Hit<'e>, found: &Found<'e>, is_cut: bool) {
        let overlapping = self.overlapping(&found.range);
        let others = || overlapping.iter().filter_map(|at| Some((*at, self.hits[*at].as_ref()?)));
        if let Some(at) = others().find(|(_, other)| other.identity == hit.identity).map(|(at, _)| at) {
            if let Some(same) = &mut self.hits[at] {
                if same.rule.is_generic() && rank(&hit) > rank(same) {
                    hit.confidence = hit.confidence.max(same.confidence);
                    *same = hit;
                } else {
                    same.confidence = same.confidence.max(hit.confidence);
                    same.key = hit.key;
                }
            }
            return;
        }
        let within = |inner: &Range<usize>, outer: &Range<usize>| outer.start <= inner.start && inner.end <= outer.end;
        let yields = others().any(|(at, other)| {
            let place = &self.places[at];
            let cut = is_cut && other.rule.id == hit.rule.id && within(&found.range, place);
            !cut && (!other.rule.is_generic() || (found.by == By::Name && within(place, &found.range)))
        });
        if yields {
            return;
        }
        for at in overlapping {
            self.hits[at] = None;
            self.by_start.remove(&(self.places[at].start, at));
        }
        self.by_start.insert((found.range.start, self.hits.len()));
        self.longest = self.longest.max(found.range.len());
        self.hits.push(Some(hit));
        self.places.push(found.range.clone());
    }
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
