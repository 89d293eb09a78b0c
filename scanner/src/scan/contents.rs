//! What a scan has seen, by hash: a content that comes again is not scanned again, and only its place is noted.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use super::Hit;
use super::remember::{LayerId, kept, layer_of, way};
use crate::cache;
use crate::origin::Origin;

/// The most contents that are remembered as seen: what tables of 2²¹ places take, about 50 MB. Beyond it a content may be
/// scanned twice, which costs time only.
const MOST_REMEMBERED: usize = 1_800_000;
/// How many tables remember them. One that becomes too small is there twice for a moment, so each is a small part of all.
const TABLES: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Contents<'e> {
    /// By the bytes of the hash.
    seen: Tables,
    /// Those that a thread is at, with the origins of others that have the same.
    busy: HashMap<u128, Vec<Origin>, AsItIs>,
    pub(super) with_hits: Vec<WithHits<'e>>,
    /// What of layers is in the others, where it is to be kept.
    layers: Option<HashMap<LayerId, OfLayer>>,
}

/// What came of contents, by the bytes of their hashes, which ask for no room to align them. The last byte tells in which
/// table one is.
#[derive(Debug, Default)]
struct Tables {
    tables: [HashMap<[u8; 16], Known, AsItIs>; TABLES],
    count: usize,
}

impl Tables {
    fn get(&self, hash: u128) -> Option<Known> {
        let hash = hash.to_ne_bytes();
        self.tables[usize::from(hash[15]) % TABLES].get(&hash).copied()
    }

    /// Remembers what came of one, as long as there is room.
    fn insert(&mut self, hash: u128, known: Known) {
        let hash = hash.to_ne_bytes();
        if self.count < MOST_REMEMBERED {
            let before = self.tables[usize::from(hash[15]) % TABLES].insert(hash, known);
            self.count += usize::from(before.is_none());
        }
    }
}

/// A hash of a content is one already, and with a seed that nobody knows.
type AsItIs = BuildHasherDefault<Taken>;

#[derive(Default)]
struct Taken(u64);

impl Hasher for Taken {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(eight) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*eight);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Debug, Default)]
struct OfLayer {
    /// How many of its origins wait for what another thread is at.
    waiting: usize,
    /// In `with_hits`: which content, and which of its origins.
    found: Vec<(usize, usize)>,
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
    /// Has what is in a layer told by [`Self::take_layer`].
    pub(super) fn keep_layers(&mut self) {
        self.layers.get_or_insert_default();
    }

    fn layer(&mut self, origin: &Origin) -> Option<&mut OfLayer> {
        let layers = self.layers.as_mut()?;
        layer_of(origin).map(|(image, index)| layers.entry((Arc::as_ptr(image).addr(), index)).or_default())
    }

    /// Notes a place of a content with hits.
    fn put(&mut self, at: usize, origin: Origin) {
        let place = (at, self.with_hits[at].origins.len());
        if let Some(layer) = self.layer(&origin) {
            layer.found.push(place);
        }
        self.with_hits[at].origins.push(origin);
    }

    /// Leaves an origin with what is known of its content. One that is new is this thread's from now on, which settles it.
    pub(super) fn claim(&mut self, hash: u128, origin: Origin) -> Claim {
        if self.busy.contains_key(&hash) {
            self.wait(hash, origin);
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
        match self.seen.get(hash) {
            Some(Known::Clean) => Claim::Left,
            Some(Known::Cut) => Claim::Cut(origin),
            Some(Known::Hits(at)) => {
                let at = at as usize;
                self.put(at, origin.clone());
                if self.with_hits[at].cut { Claim::Cut(origin) } else { Claim::Left }
            }
            None => Claim::New(origin),
        }
    }

    /// Leaves the origin of a content that was [claimed](Self::claim) with those that wait for it, for another thread to settle.
    pub(super) fn wait(&mut self, hash: u128, origin: Origin) {
        self.await_arrival(&origin);
        self.busy.entry(hash).or_default().push(origin);
    }

    /// Counts an origin of which all is not told yet. [`Self::arrived`] is to be told when it is.
    pub(super) fn await_arrival(&mut self, origin: &Origin) {
        if let Some(layer) = self.layer(origin) {
            layer.waiting += 1;
        }
    }

    /// Gives up a content that a thread has claimed, and gives the origins that have waited for it, as [`Self::settle`] does.
    pub(super) fn abandon(&mut self, hash: u128) -> Vec<Origin> {
        self.busy.remove(&hash).unwrap_or_default()
    }

    /// Says that all is told of origins that have waited. Gives the layers of which no more wait, some of them perhaps twice.
    pub(super) fn arrived(&mut self, origins: &[Origin]) -> Vec<LayerId> {
        let mut free = Vec::new();
        for origin in origins {
            if let Some(layer) = self.layer(origin) {
                layer.waiting -= 1;
                if layer.waiting == 0 {
                    free.extend(layer_of(origin).map(|(image, index)| (Arc::as_ptr(image).addr(), index)));
                }
            }
        }
        free
    }

    /// Whether something of a layer waits for what another thread is at.
    pub(super) fn waits(&self, layer: LayerId) -> bool {
        self.layers.as_ref().and_then(|layers| layers.get(&layer)).is_some_and(|layer| layer.waiting > 0)
    }

    /// What was found in a layer, as it is kept.
    pub(super) fn take_layer(&mut self, layer: LayerId) -> Vec<cache::Content> {
        let layer = self.layers.as_mut().and_then(|layers| layers.remove(&layer)).unwrap_or_default();
        let mut found: BTreeMap<usize, Vec<cache::Way>> = BTreeMap::new();
        for (at, nth) in layer.found {
            found.entry(at).or_default().push(way(&self.with_hits[at].origins[nth]));
        }
        let content =
            |(at, ways): (usize, _)| cache::Content { hits: self.with_hits[at].hits.iter().map(kept).collect(), ways };
        found.into_iter().map(content).collect()
    }

    /// Whether it is known, for the rest of the scan, what came of such a content.
    pub(super) fn knows(&self, hash: u128) -> bool {
        self.seen.get(hash).is_some()
    }

    /// Whether nothing is to be told of such a content wherever it is.
    pub(super) fn knows_clean(&self, hash: u128) -> bool {
        matches!(self.seen.get(hash), Some(Known::Clean))
    }

    /// Notes what came of a content, which is remembered if it was read to its end: the hash is that of what was read.
    /// Gives the origins that have waited for it, of which [`Self::arrived`] is to be told.
    pub(super) fn settle(
        &mut self,
        hash: u128,
        whole: bool,
        origin: Option<Origin>,
        came: (Vec<Hit<'e>>, bool),
    ) -> Vec<Origin> {
        let (hits, cut) = came;
        let waited = self.busy.remove(&hash).unwrap_or_default();
        // A large content that was seen before: only its place is new.
        if whole && let Some(Known::Hits(at)) = self.seen.get(hash) {
            let at = at as usize;
            origin.into_iter().for_each(|origin| self.put(at, origin));
            return waited;
        }
        let known = if hits.is_empty() {
            Some(if cut { Known::Cut } else { Known::Clean })
        } else {
            let at = self.with_hits.len();
            self.with_hits.push(WithHits { hits, origins: Vec::new(), cut });
            origin.into_iter().chain(waited.iter().cloned()).for_each(|origin| self.put(at, origin));
            u32::try_from(at).ok().map(Known::Hits)
        };
        if let Some(known) = known.filter(|_| whole) {
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
        assert_eq!(contents.settle(7, false, Some(file("a")), (Vec::new(), true)), [file("b")]);
        assert!(!contents.knows(7));
        // The next reads it again, and of that all learn.
        assert!(matches!(contents.claim(7, file("c")), Claim::New(_)));
        assert_eq!(contents.settle(7, true, Some(file("c")), (Vec::new(), true)), []);
        assert!(contents.knows(7) && !contents.knows_clean(7));
        assert!(matches!(contents.claim(7, file("d")), Claim::Cut(_)));
    }
}
