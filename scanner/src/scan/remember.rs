//! What a scan takes from a cache of earlier ones, and what it leaves there: layers of images, each as a whole.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, OnceLock};

use oakum_patterns::{Confidence, Rule};
use sha2::{Digest as _, Sha256};

use super::{Contents, EXAMPLES, Hit, Options, Scan, WithHits, lock};
use crate::cache::{Cache, Content as KeptContent, Entry, Kept, Way};
use crate::fingerprint::{Fingerprint, Key};
use crate::lint::Flaw;
use crate::origin::{Changes, Image, Origin};
use crate::source::Why;
use crate::window::Via;

/// A layer, by its image's address and its index.
type LayerId = (usize, usize);

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

    /// The layer that `origin` is in, if it is in one.
    pub(super) fn layer(&self, origin: &Origin) -> Option<(Arc<Image>, usize)> {
        match origin.split().0 {
            Origin::Layer { image, index, .. } => Some((Arc::clone(image), *index)),
            _ => None,
        }
    }

    /// Changes what is known of that layer.
    fn note(&self, origin: &Origin, change: impl FnOnce(&mut Walked)) {
        if let Some((image, index)) = self.layer(origin) {
            self.note_layer(&image, index, change);
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

    /// What is kept of a layer, and its findings.
    fn recall(&self, layer: &str) -> Option<(Entry, Vec<Vec<Hit<'e>>>)> {
        let named = |key| self.cache.load(&self.name(layer, key));
        let entry = named(None).or_else(|| named(Some(self.key)))?;
        let hits = |content: &KeptContent| content.hits.iter().map(|kept| self.hit(kept)).collect();
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

/// The path in the layer, and of members in one another.
fn way(origin: &Origin) -> Way {
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

fn kept(hit: &Hit<'_>) -> Kept {
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
    /// Takes layers that an earlier scan knows from a cache, and leaves the others there at the end.
    ///
    /// # Errors
    /// If the process uses another cache, or has scanned an image without one.
    pub fn with_cache(mut self, cache: Arc<Cache>) -> io::Result<Self> {
        if !crate::source::image::seed_paths(cache.seed()) {
            return Err(io::Error::other("this process uses another cache"));
        }
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

    /// Leaves in the cache what was walked to its end.
    pub(super) fn remember(&self, contents: &Contents<'e>) {
        let Some(memory) = &self.memory else { return };
        let mut layers = std::mem::take(&mut *lock(&memory.layers));
        layers.retain(|_, layer| layer.whole.is_some() && !layer.spoilt);
        let is_clear = |way: &Way| way.path.iter().all(|part| self.clear(part) == *part);
        let mut found: HashMap<LayerId, BTreeMap<usize, Vec<Way>>> = HashMap::new();
        for (at, content) in contents.with_hits.iter().enumerate() {
            for origin in &content.origins {
                let (Origin::Layer { image, index, .. }, _) = origin.split() else { continue };
                let id = (Arc::as_ptr(image).addr(), *index);
                let Some(layer) = layers.get_mut(&id) else { continue };
                let way = way(origin);
                layer.spoilt |= !is_clear(&way);
                found.entry(id).or_default().entry(at).or_default().push(way);
            }
        }
        for (id, layer) in layers {
            let skipped = layer.skipped.values().flat_map(|(_, ways)| ways);
            let clear = skipped.chain(layer.flaws.iter().map(|(_, way)| way)).all(is_clear);
            let Some((name, changes)) = layer.whole.filter(|_| !layer.spoilt && clear) else { continue };
            let content = |(at, ways): (usize, _)| KeptContent {
                hits: contents.with_hits[at].hits.iter().map(kept).collect(),
                ways,
            };
            let contents: Vec<KeptContent> = found.remove(&id).unwrap_or_default().into_iter().map(content).collect();
            let name = memory.name(&name, (!contents.is_empty()).then_some(memory.key));
            let skipped = layer.skipped.into_iter().map(|(why, (count, ways))| (why, count, ways)).collect();
            let changes = changes.get().cloned().unwrap_or_default();
            let entry =
                Entry { bytes: layer.bytes, blobs: layer.blobs, contents, skipped, flaws: layer.flaws, changes };
            memory.cache.store(&name, &entry);
        }
    }

    /// What tells a secret from others: kept in a cache it must be the same another time, and tell nothing of the secret.
    pub(super) fn identity(&self, secret: &[u8]) -> u128 {
        match &self.memory {
            Some(_) => self.key.fingerprint("oakum.identity", secret).bits(),
            None => xxhash_rust::xxh3::xxh3_128_with_seed(secret, self.seed),
        }
    }
}
