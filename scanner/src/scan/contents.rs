//! What a scan has seen, by hash: a content that comes again is not scanned again, and only its place is noted.

use std::collections::HashMap;

use super::Hit;
use crate::origin::Origin;

/// The most contents that are remembered as seen: what a table of 2²¹ places takes, about 50 MB. Beyond it a content may be
/// scanned twice, which costs time only.
const MOST_REMEMBERED: usize = 1_800_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Contents<'e> {
    /// By the bytes of the hash, which ask for no room to align them.
    seen: HashMap<[u8; 16], Known>,
    /// Those that a thread is at, with the origins of others that have the same.
    busy: HashMap<u128, Vec<Origin>>,
    pub(super) with_hits: Vec<WithHits<'e>>,
}

/// What came of a content.
#[derive(Debug, Clone, Copy)]
enum Known {
    /// Nothing is in it.
    Clean,
    /// Nothing was found in what was looked at, and there is more.
    Cut,
    /// By its place in `with_hits`.
    Hits(u32),
}

#[derive(Debug)]
pub(super) struct WithHits<'e> {
    pub(super) hits: Vec<Hit<'e>>,
    pub(super) origins: Vec<Origin>,
    /// Whether there is more in it than is taken.
    pub(super) cut: bool,
}

/// What became of the origin of a content.
#[derive(Debug)]
pub(super) enum Claim {
    /// Nobody has seen the content.
    New(Origin),
    /// It was left with what is known.
    Left,
    /// The same, and it is to be told that there is more in it than is taken.
    Cut(Origin),
}

impl<'e> Contents<'e> {
    /// Leaves an origin with what is known of its content. One that is new is this thread's from now on, which settles it.
    pub(super) fn claim(&mut self, hash: u128, origin: Origin) -> Claim {
        if let Some(waiting) = self.busy.get_mut(&hash) {
            waiting.push(origin);
            return Claim::Left;
        }
        let left = self.leave(hash, origin);
        if matches!(left, Claim::New(_)) {
            self.busy.insert(hash, Vec::new());
        }
        left
    }

    /// Leaves an origin with what came of its content, if that is settled.
    pub(super) fn leave(&mut self, hash: u128, origin: Origin) -> Claim {
        match self.seen.get(&hash.to_ne_bytes()) {
            Some(Known::Clean) => Claim::Left,
            Some(Known::Cut) => Claim::Cut(origin),
            Some(Known::Hits(at)) => {
                let known = &mut self.with_hits[*at as usize];
                known.origins.push(origin.clone());
                if known.cut { Claim::Cut(origin) } else { Claim::Left }
            }
            None => Claim::New(origin),
        }
    }

    /// Gives up a content that a thread has claimed, and gives the origins that have waited for it.
    pub(super) fn abandon(&mut self, hash: u128) -> Vec<Origin> {
        self.busy.remove(&hash).unwrap_or_default()
    }

    /// Whether it is known, for the rest of the scan, what came of such a content.
    pub(super) fn knows(&self, hash: u128) -> bool {
        self.seen.contains_key(&hash.to_ne_bytes())
    }

    /// Whether nothing is to be told of such a content wherever it is.
    pub(super) fn knows_clean(&self, hash: u128) -> bool {
        matches!(self.seen.get(&hash.to_ne_bytes()), Some(Known::Clean))
    }

    /// Notes what came of a content, which is remembered if it was read to its end: the hash is that of what was read.
    /// Gives the origins that have waited for it.
    pub(super) fn settle(
        &mut self,
        hash: u128,
        whole: bool,
        origin: Origin,
        came: (Vec<Hit<'e>>, bool),
    ) -> Vec<Origin> {
        let (hits, cut) = came;
        let waited = self.busy.remove(&hash).unwrap_or_default();
        let hash = hash.to_ne_bytes();
        // A large content that was seen before: only its place is new.
        if whole && let Some(Known::Hits(at)) = self.seen.get(&hash) {
            self.with_hits[*at as usize].origins.push(origin);
            return waited;
        }
        let known = if hits.is_empty() {
            Some(if cut { Known::Cut } else { Known::Clean })
        } else {
            let origins = std::iter::once(origin).chain(waited.iter().cloned()).collect();
            self.with_hits.push(WithHits { hits, origins, cut });
            u32::try_from(self.with_hits.len() - 1).ok().map(Known::Hits)
        };
        if let Some(known) = known.filter(|_| whole && self.seen.len() < MOST_REMEMBERED) {
            self.seen.insert(hash, known);
        }
        waited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Origin {
        Origin::File(path.into())
    }

    #[test]
    fn of_a_content_that_breaks_off_only_those_learn_that_wait() {
        let mut contents = Contents::default();
        assert!(matches!(contents.claim(7, file("a")), Claim::New(_)));
        assert!(matches!(contents.claim(7, file("b")), Claim::Left));
        assert_eq!(contents.settle(7, false, file("a"), (Vec::new(), true)), [file("b")]);
        assert!(!contents.knows(7));
        // The next reads it again, and of that all learn.
        assert!(matches!(contents.claim(7, file("c")), Claim::New(_)));
        assert_eq!(contents.settle(7, true, file("c"), (Vec::new(), true)), []);
        assert!(contents.knows(7) && !contents.knows_clean(7));
        assert!(matches!(contents.claim(7, file("d")), Claim::Cut(_)));
    }
}
