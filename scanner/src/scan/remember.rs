//! What a scan takes from a cache of earlier ones, and what it leaves there: layers of images, each as a whole and as soon
//! as it is, so that a scan that is killed has not been in vain.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, OnceLock};

use oakum_patterns::{Confidence, Rule};
use sha2::{Digest as _, Sha256};

use super::contents::WithHits;
use super::{EXAMPLES, Hit, Options, Scan, lock};
use crate::cache::{Cache, Content, Entry, Kept, Way};
use crate::fingerprint::{Fingerprint, Key};
use crate::lint::Flaw;
use crate::origin::{Changes, Image, Origin};
use crate::source::Why;
use crate::window::Via;

/// A layer, by its image's address and its index.
pub(super) type LayerId = (usize, usize);

/// With more of them a layer is not kept.
const MOST_FLAWS: usize = 100_000;
const LEVELS: [Confidence; 3] = [Confidence::Possible, Confidence::Likely, Confidence::Certain];

/// The cache, and the layers that are being walked.
#[derive(Debug)]
pub(super) struct Memory<'e> {
    cache: Arc<Cache>,
    /// Of all that decides what is found in a layer, but the layer.
    context: [u8; 32],
    /// Without the key nobody can compare the fingerprints of findings: those of another key are of no use.
    key: Fingerprint,
    rules: HashMap<&'e str, &'e Rule>,
    layers: Mutex<HashMap<LayerId, Walked>>,
}

/// What is known of a layer beside its findings.
#[derive(Debug)]
struct Walked {
    /// Kept so that no other image can come to its address.
    _image: Arc<Image>,
    bytes: u64,
    blobs: u64,
    skipped: BTreeMap<Why, (u64, Vec<Way>)>,
    flaws: Vec<(Flaw, Way)>,
    /// Its name, and what it does to others, once it has been walked to its end and is what it is said to be.
    whole: Option<(String, Arc<OnceLock<Changes>>)>,
    /// Whether something happened that may not happen another time, or that may not be written down.
    spoilt: bool,
}

impl<'e> Memory<'e> {
    fn new(cache: Arc<Cache>, key: &Key, options: &Options, rules: impl Iterator<Item = &'e Rule>) -> Self {
        let limits = &options.limits;
        let (entries, unfolded, depth, json) = (limits.entries, limits.unfolded, limits.depth, limits.json);
        let mut hash = Sha256::new();
        hash.update(format!("{} {} ", env!("CARGO_PKG_VERSION"), env!("OAKUM_BUILD")));
        hash.update(format!("{:?} {entries} {unfolded} {depth} {json} {} ", options.min_confidence, options.lint));
        let mut by_id = HashMap::new();
        let mut text = String::new();
        for rule in rules {
            text.clear();
            // A `String` takes whatever is written to it.
            let _ = write!(text, "{rule:?}");
            hash.update(&text);
            by_id.insert(&*rule.id, rule);
        }
        Self {
            cache,
            context: hash.finalize().into(),
            key: key.fingerprint("oakum.cache", b""),
            rules: by_id,
            layers: Mutex::default(),
        }
    }

    /// The name of an entry. Where nothing was found in a layer, it is the same for whatever key.
    fn name(&self, layer: &str, key: Option<Fingerprint>) -> String {
        let hash = Sha256::new().chain_update(self.context).chain_update(layer);
        let hash = match key {
            Some(key) => hash.chain_update(format!(" {key}")).finalize(),
            None => hash.finalize(),
        };
        hash[..16].iter().fold(String::with_capacity(32), |mut name, b| {
            let _ = write!(name, "{b:02x}");
            name
        })
    }

    /// Changes what is known of the layer that `origin` is in, if it is in one.
    fn note(&self, origin: &Origin, change: impl FnOnce(&mut Walked)) {
        if let Some((image, index)) = layer_of(origin) {
            self.note_layer(image, index, change);
        }
    }

    fn note_layer(&self, image: &Arc<Image>, index: usize, change: impl FnOnce(&mut Walked)) {
        let mut layers = lock(&self.layers);
        change(layers.entry((Arc::as_ptr(image).addr(), index)).or_insert_with(|| Walked {
            _image: Arc::clone(image),
            bytes: 0,
            blobs: 0,
            skipped: BTreeMap::new(),
            flaws: Vec::new(),
            whole: None,
            spoilt: false,
        }));
    }

    pub(super) fn read(&self, origin: &Origin, bytes: u64, blobs: u64) {
        self.note(origin, |layer| {
            layer.bytes += bytes;
            layer.blobs += blobs;
        });
    }

    pub(super) fn skipped(&self, why: Why, origin: &Origin) {
        self.note(origin, |layer| {
            layer.spoilt |= matches!(why, Why::Fault | Why::Stopped | Why::Unreadable);
            let (count, ways) = layer.skipped.entry(why).or_default();
            *count += 1;
            let way = way(origin);
            // In the order that the report has them in.
            let at = ways.partition_point(|other| other.path.join(" › ") < way.path.join(" › "));
            if at < EXAMPLES && ways.get(at) != Some(&way) {
                ways.insert(at, way);
                ways.truncate(EXAMPLES);
            }
        });
    }

    pub(super) fn flaw(&self, flaw: Flaw, origin: &Origin) {
        self.note(origin, |layer| match layer.flaws.len() {
            0..MOST_FLAWS => layer.flaws.push((flaw, way(origin))),
            _ => layer.spoilt = true,
        });
    }

    pub(super) fn walked(&self, image: &Arc<Image>, index: usize, layer: &str, changes: &Arc<OnceLock<Changes>>) {
        self.note_layer(image, index, |walked| walked.whole = Some((layer.to_owned(), Arc::clone(changes))));
    }

    /// Takes what is known of a layer that was walked to its end, once.
    fn take_whole(&self, layer: LayerId) -> Option<Walked> {
        let mut layers = lock(&self.layers);
        let is_whole = layers.get(&layer).is_some_and(|walked| walked.whole.is_some());
        if is_whole { layers.remove(&layer) } else { None }
    }

    /// What is kept of a layer, and its findings.
    fn recall(&self, layer: &str) -> Option<(Entry, Vec<Vec<Hit<'e>>>)> {
        let named = |key| self.cache.load(&self.name(layer, key));
        let entry = named(None).or_else(|| named(Some(self.key)))?;
        let hits = |content: &Content| content.hits.iter().map(|kept| self.hit(kept)).collect();
        let hits: Option<Vec<Vec<Hit<'e>>>> = entry.contents.iter().map(hits).collect();
        Some((entry, hits?))
    }

    fn hit(&self, kept: &Kept) -> Option<Hit<'e>> {
        Some(Hit {
            rule: self.rules.get(kept.rule.as_str())?,
            confidence: LEVELS.into_iter().find(|level| *level as u8 == kept.confidence)?,
            identity: kept.identity.bits(),
            fingerprint: kept.fingerprint,
            preview: kept.preview.clone(),
            span: kept.span,
            key: kept.key.clone(),
            via: Via::Plain,
            surprise: kept.surprise,
        })
    }
}

/// The layer that `origin` is in, if it is in one.
pub(super) fn layer_of(origin: &Origin) -> Option<(&Arc<Image>, usize)> {
    match origin.split().0 {
        Origin::Layer { image, index, .. } => Some((image, *index)),
        _ => None,
    }
}

/// The path in the layer, and of members in one another.
pub(super) fn way(origin: &Origin) -> Way {
    let (root, members) = origin.split();
    let (path, permissions) = match root {
        Origin::Layer { path, permissions, .. } => (path.as_str(), *permissions),
        _ => ("", None),
    };
    Way { path: std::iter::once(path).chain(members).map(str::to_owned).collect(), permissions }
}

fn origin(image: &Arc<Image>, index: usize, way: &Way) -> Origin {
    let mut parts = way.path.iter().cloned();
    let path = parts.next().unwrap_or_default();
    let root = Origin::Layer { image: Arc::clone(image), index, path, permissions: way.permissions };
    parts.fold(root, |outer, path| Origin::Member { outer: Box::new(outer), path })
}

pub(super) fn kept(hit: &Hit<'_>) -> Kept {
    Kept {
        rule: hit.rule.id.to_string(),
        confidence: hit.confidence as u8,
        identity: Fingerprint::of_bits(hit.identity),
        fingerprint: hit.fingerprint,
        preview: hit.preview.clone(),
        span: hit.span,
        key: hit.key.clone(),
        surprise: hit.surprise,
    }
}

impl<'e> Scan<'e> {
    /// Takes layers that an earlier scan knows from a cache, and leaves the others there, each once it has been walked.
    ///
    /// # Errors
    /// If the process uses another cache, or has scanned an image without one.
    pub fn with_cache(mut self, cache: Arc<Cache>) -> io::Result<Self> {
        if !crate::source::image::seed_paths(cache.seed()) {
            return Err(io::Error::other("this process uses another cache"));
        }
        lock(&self.contents).keep_layers();
        self.memory = Some(Memory::new(cache, &self.key, &self.options, self.engine.rules()));
        Ok(self)
    }

    /// What the cache has of a layer becomes a part of this scan.
    pub(super) fn recall(&self, image: &Arc<Image>, index: usize, layer: &str) -> Option<Changes> {
        let (entry, hits) = self.memory.as_ref()?.recall(layer)?;
        let add = |n: &std::sync::atomic::AtomicU64, more| n.fetch_add(more, std::sync::atomic::Ordering::Relaxed);
        add(&self.bytes, entry.bytes);
        add(&self.blobs, entry.blobs);
        for (why, count, ways) in &entry.skipped {
            let examples = ways.iter().map(|way| origin(image, index, way).describe()).collect();
            self.count_all_skipped(*why, *count, examples);
        }
        for (flaw, way) in &entry.flaws {
            lock(&self.flaws).add(*flaw, &origin(image, index, way));
        }
        let mut contents = lock(&self.contents);
        for (content, hits) in entry.contents.iter().zip(hits) {
            add(&self.found, hits.len() as u64);
            let origins = content.ways.iter().map(|way| origin(image, index, way)).collect();
            contents.with_hits.push(WithHits { hits, origins, cut: false });
        }
        Some(entry.changes)
    }

    /// Leaves a layer in the cache if it has been walked to its end and nothing of it waits for another thread: who ends
    /// last of these does it.
    pub(super) fn keep(&self, layer: LayerId) {
        let Some(memory) = &self.memory else { return };
        let mut contents = lock(&self.contents);
        if contents.waits(layer) {
            return;
        }
        let Some(walked) = memory.take_whole(layer) else { return };
        let contents = {
            let found = contents.take_layer(layer);
            drop(contents);
            found
        };
        let skipped = walked.skipped.values().flat_map(|(_, ways)| ways);
        let flawed = walked.flaws.iter().map(|(_, way)| way);
        let mut ways = contents.iter().flat_map(|content| &content.ways).chain(skipped).chain(flawed);
        let is_clear = ways.all(|way| way.path.iter().all(|part| self.clear(part) == *part));
        let Some((name, changes)) = walked.whole.filter(|_| !walked.spoilt && is_clear) else { return };
        let name = memory.name(&name, (!contents.is_empty()).then_some(memory.key));
        let skipped = walked.skipped.into_iter().map(|(why, (count, ways))| (why, count, ways)).collect();
        let changes = changes.get().cloned().unwrap_or_default();
        let (bytes, blobs, flaws) = (walked.bytes, walked.blobs, walked.flaws);
        memory.cache.store(&name, &Entry { bytes, blobs, contents, skipped, flaws, changes });
    }

    /// What tells a secret from others: kept in a cache it must be the same another time, and tell nothing of the secret.
    pub(super) fn identity(&self, secret: &[u8]) -> u128 {
        match &self.memory {
            Some(_) => self.key.fingerprint("oakum.identity", secret).bits(),
            None => xxhash_rust::xxh3::xxh3_128_with_seed(secret, self.seed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use oakum_patterns::Engine;

    use super::*;
    use crate::source::Sink as _;

    const LINE: &[u8] = b"password = \"Walnut!942\"\n";

    /// With a cache that no other test of this process has to share.
    fn scan<'e>(engine: &'e Engine, folder: &std::path::Path) -> Scan<'e> {
        let mut scan = Scan::new(engine, Key::constant(), Options::default());
        let cache = Arc::new(Cache::open(folder).unwrap());
        lock(&scan.contents).keep_layers();
        scan.memory = Some(Memory::new(cache, &scan.key, &scan.options, engine.rules()));
        scan
    }

    fn file(image: &Arc<Image>, index: usize) -> Origin {
        Origin::Layer { image: Arc::clone(image), index, path: format!("app/{index}"), permissions: None }
    }

    fn kept(scan: &Scan<'_>, layer: &str) -> Option<usize> {
        scan.memory.as_ref().unwrap().recall(layer).map(|(entry, _)| entry.contents.len())
    }

    #[test]
    fn a_layer_is_kept_when_nothing_of_it_waits_and_before_the_scan_ends() {
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let image = Arc::new(Image::default());
        let changes = Arc::default();
        let first = scan(&engine, folder.path());
        // One that has nothing to do with the others.
        first.content(file(&image, 2), &mut &b"another"[..]).unwrap();
        first.walked(&image, 2, "two", &changes);
        assert_eq!(kept(&first, "two"), Some(0));
        // A thread is at the first layer's file while another comes by the same in the second.
        let own = RefCell::new(Some(file(&image, 0)));
        let hash = xxhash_rust::xxh3::xxh3_128_with_seed(LINE, first.seed);
        assert!(matches!(first.claim(hash, &own, &Cell::default()), crate::window::Seen::Scan));
        first.content(file(&image, 1), &mut &*LINE).unwrap();
        first.walked(&image, 1, "one", &changes);
        assert_eq!(kept(&first, "one"), None);
        let hits = {
            let other = scan(&engine, folder.path());
            other.content(file(&image, 0), &mut &*LINE).unwrap();
            lock(&other.contents).with_hits[0].hits.clone()
        };
        first.settle((hash, true), own.into_inner(), hits, false);
        assert_eq!(kept(&first, "one"), Some(1));
        assert_eq!(kept(&first, "zero"), None);
        first.walked(&image, 0, "zero", &changes);
        drop(first);
        // The scan never ended, and another takes all of it.
        let second = scan(&engine, folder.path());
        let layers = ["zero", "one", "two"];
        let known = layers.iter().enumerate().map(|(index, layer)| second.known(&image, index, layer).is_some());
        assert_eq!(known.collect::<Vec<_>>(), [true; 3]);
        let findings = second.finish().findings;
        let places: Vec<_> = findings[0].places.iter().map(|place| place.origin.spot()).collect();
        assert_eq!(places, ["app/0", "app/1"]);
    }

    #[test]
    fn a_layer_is_kept_when_all_that_was_given_to_others_is_scanned() {
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let image = Arc::new(Image::default());
        let file = |path: &str| match file(&image, 0) {
            Origin::Layer { image, index, .. } => Origin::Layer { image, index, path: path.into(), permissions: None },
            other => other,
        };
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(LINE.len() as u64 - 1);
        tar.append_data(&mut header, "x", &LINE[..LINE.len() - 1]).unwrap();
        let tar = tar.into_inner().unwrap();
        let first = scan(&engine, folder.path());
        // For two threads that come late.
        first.crew.expect(2);
        for (path, content) in [("a", LINE), ("b.tar", &tar), ("c", LINE)] {
            first.content(file(path), &mut &*content).unwrap();
        }
        first.walked(&image, 0, "zero", &Arc::default());
        for _ in 0..2 {
            assert_eq!(kept(&first, "zero"), None);
            first.take(first.crew.next().unwrap());
        }
        assert_eq!(kept(&first, "zero"), Some(2));
        let second = scan(&engine, folder.path());
        second.known(&image, 0, "zero").unwrap();
        let spots = |scan: Scan<'_>| {
            let findings = scan.finish().findings;
            findings.iter().flat_map(|f| &f.places).map(|place| place.origin.spot()).collect::<Vec<_>>()
        };
        let all = spots(first);
        assert_eq!(all, ["a", "c", "b.tar \u{203a} x"]);
        assert_eq!(spots(second), all);
    }

    #[test]
    fn a_layer_that_waited_for_what_failed_is_not_kept() {
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let image = Arc::new(Image::default());
        let changes = Arc::default();
        let scan = scan(&engine, folder.path());
        let own = RefCell::new(Some(file(&image, 0)));
        let hash = xxhash_rust::xxh3::xxh3_128_with_seed(LINE, scan.seed);
        let fails = |claimed: &Cell<Option<u128>>| {
            assert!(matches!(scan.claim(hash, &own, claimed), crate::window::Seen::Scan));
            scan.content(file(&image, 1), &mut &*LINE).unwrap();
            scan.walked(&image, 1, "one", &changes);
            panic!("a fault");
        };
        scan.guard(&file(&image, 0), None, fails).unwrap();
        scan.walked(&image, 0, "zero", &changes);
        assert_eq!(["zero", "one"].map(|layer| kept(&scan, layer)), [None, None]);
        assert_eq!(scan.finish().summary.skipped[&Why::Fault].count, 2);
    }
}
