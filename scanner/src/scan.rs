//! Joins sources to the engine: the one place where content meets rules. It reads every content once, in windows;
//! a content seen before is not scanned again, but all its places are kept; and it makes findings, which hold no
//! secret.

mod again;
mod contents;
mod crew;
mod findings;
mod held;
mod hit;
mod outcome;
mod pairs;
mod remember;
mod structure;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::hash::Hasher as _;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use oakum_patterns::check::{about, surprise};
use oakum_patterns::{Confidence, Engine, Match, Rule};

use again::{Archives, Log};
use contents::{Claim, Contents};
use crew::{Crew, Given};
use held::Pieces;
use hit::{Hit, without_wrappings};
pub use outcome::{Outcome, Progress, Skipped, Summary};

use crate::finding::{Preview, Span};
use crate::fingerprint::Key;
use crate::lint::{Flaw, Flaws};
use crate::origin::{Changes, Image, Origin};
use crate::source::{Flow, Limits, Sink, Why, archive};
use crate::structured::Format;
use crate::window::{Read1, Reader, Seen, Via};

/// The hash of the content that a thread has claimed.
type Claimed = Cell<Option<u128>>;

/// The most places that one content may give. A content with more is a list of tokens, and is counted as cut.
const MOST_PER_CONTENT: usize = 10_000;
/// How many examples of each reason for skipping are kept.
const EXAMPLES: usize = 5;

/// What a scan is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Findings below it are not reported.
    pub min_confidence: Confidence,
    /// How far to go into archives.
    pub limits: Limits,
    /// Whether to tell what images get wrong besides.
    pub lint: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { min_confidence: Confidence::Likely, limits: Limits::default(), lint: false }
    }
}

/// A scan under way. Sources feed it from several threads; [`Scan::finish`] gives the outcome.
#[derive(Debug)]
pub struct Scan<'e> {
    engine: &'e Engine,
    key: Key,
    options: Options,
    /// Of hashes of contents and paths, new for each run, so that nobody can prepare two contents with one hash.
    seed: u64,
    contents: Mutex<Contents<'e>>,
    archives: Mutex<Archives>,
    /// What archives are held in.
    pieces: Arc<Pieces>,
    /// The threads that scan what others have read.
    crew: Crew<'e>,
    /// Its examples are as they came, and cleared of secrets when the scan ends.
    skipped: Mutex<BTreeMap<Why, Skipped>>,
    /// Which other images have a layer, by the image's address and the layer's index.
    shared: Mutex<HashMap<(usize, usize), Shared>>,
    bytes: AtomicU64,
    blobs: AtomicU64,
    found: AtomicU64,
    stop: AtomicBool,
    started: Instant,
    readers: Mutex<Vec<Reader<'e>>>,
    memory: Option<remember::Memory<'e>>,
    flaws: Mutex<Flaws>,
}

/// What is found in a content while it is read.
struct Hits<'s, 'e> {
    scan: &'s Scan<'e>,
    all: Vec<Hit<'e>>,
    /// Whether there is more.
    cut: bool,
}

impl<'s, 'e> Hits<'s, 'e> {
    fn new(scan: &'s Scan<'e>) -> Self {
        Self { scan, all: Vec::new(), cut: false }
    }

    fn add(&mut self, m: &Match<'e>, text: &[u8], span: Span, via: Via) {
        if m.confidence() < self.scan.options.min_confidence {
            return;
        }
        if self.all.len() < MOST_PER_CONTENT {
            self.all.push(self.scan.hit(m, text, span, via));
        } else {
            self.cut = true;
        }
    }
}

/// A layer that several images have.
#[derive(Debug)]
struct Shared {
    /// Kept so that no other image can come to its address.
    _image: Arc<Image>,
    with: Vec<(Arc<Image>, usize)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that panicked while it held the lock left whole entries: each change is one insertion.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'e> Scan<'e> {
    /// Begins.
    #[must_use]
    pub fn new(engine: &'e Engine, key: Key, options: Options) -> Self {
        let seed = getrandom::u64().unwrap_or_else(|_| {
            // Without the system's randomness, an address that the system chose will do: it is only against
            // prepared collisions.
            let mut hasher = std::hash::DefaultHasher::new();
            hasher.write_usize(std::ptr::from_ref(engine).addr());
            hasher.finish()
        });
        Self {
            engine,
            key,
            options,
            seed,
            contents: Mutex::default(),
            archives: Mutex::default(),
            pieces: Arc::default(),
            crew: Crew::default(),
            skipped: Mutex::default(),
            shared: Mutex::default(),
            bytes: AtomicU64::new(0),
            blobs: AtomicU64::new(0),
            found: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            started: Instant::now(),
            readers: Mutex::default(),
            memory: None,
            flaws: Mutex::default(),
        }
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let load = |n: &AtomicU64| n.load(Ordering::Relaxed);
        Progress { bytes: load(&self.bytes), blobs: load(&self.blobs), found: load(&self.found) }
    }

    /// Asks the sources to end. What they have not reached is counted as a gap.
    pub fn stop(&self) {
        if !self.stop.swap(true, Ordering::Relaxed) {
            self.count_skipped(Why::Stopped, "interrupted".into());
        }
    }

    fn count_skipped(&self, why: Why, example: String) {
        self.count_all_skipped(why, 1, vec![example]);
    }

    fn count_all_skipped(&self, why: Why, count: u64, examples: Vec<String>) {
        let mut skipped = lock(&self.skipped);
        let entry = skipped.entry(why).or_default();
        entry.count += count;
        for example in examples {
            // The first in order, whichever thread comes first.
            let at = entry.examples.partition_point(|e| *e < example);
            if at < EXAMPLES && entry.examples.get(at) != Some(&example) {
                entry.examples.insert(at, example);
                entry.examples.truncate(EXAMPLES);
            }
        }
    }

    /// Reads one content with a reader that no other thread has, and scans it, or gives it to a thread that has nothing
    /// else to do.
    fn scan_content(
        &self,
        origin: &Origin,
        content: &mut dyn Read,
        opened: bool,
        log: Option<&Log>,
        claimed: &Claimed,
    ) -> io::Result<()> {
        let mut reader = self.reader();
        let begun = reader.begin(content);
        // A member that is an archive has been opened already.
        if opened
            && !matches!(origin, Origin::Member { .. })
            && let Some(kind) = archive::Kind::of(reader.head(&begun))
        {
            return self.open(kind, origin, reader, begun, content);
        }
        // All closures below run in this thread, one after the other.
        let format = origin.path().and_then(|path| Format::of_path(path.as_bytes()));
        let own = RefCell::new(Some(origin.clone()));
        let mut hits = Hits::new(self);
        let mut read = reader.read(
            begun,
            content,
            // A content of two formats is two contents.
            self.seed.wrapping_add(format.map_or(0, |format| format as u64)),
            |hash| match self.claim(hash, &own, claimed) {
                // What is noted of an archive is noted where it is walked.
                Seen::Scan if log.is_none() && self.crew.reserve() => Seen::Leave,
                seen => seen,
            },
            |m, text, span, via| hits.add(m, text, span, via),
        );
        let bytes = read.bytes * if read.wide.is_some() { 2 } else { 1 };
        self.count_read(origin, bytes, 1);
        let end = std::mem::replace(&mut read.end, Ok(()));
        let (hash, whole) = (read.hash, end.is_ok());
        if read.left {
            if let Some(own) = own.into_inner() {
                lock(&self.contents).wait(hash, own);
            }
            self.crew.give(Given::Content { reader, read, format, whole });
            return end;
        }
        let (hits, cut) = self.judged(hits, &reader, &read, format);
        lock(&self.readers).push(reader);
        if let Some(own) = own.into_inner() {
            self.settle((hash, whole), Some(own), hits, cut);
        }
        if let Some(log) = log {
            let clean = lock(&self.contents).knows_clean(hash);
            log.read(origin, (hash, whole), bytes, clean);
        }
        end
    }

    fn reader(&self) -> Reader<'e> {
        let reader = lock(&self.readers).pop();
        reader.unwrap_or_else(|| Reader::new(self.engine))
    }

    /// What was found in a content, with what its format says, and whether there is more in it than is taken.
    fn judged(
        &self,
        hits: Hits<'_, 'e>,
        reader: &Reader<'e>,
        read: &Read1,
        format: Option<Format>,
    ) -> (Vec<Hit<'e>>, bool) {
        let Hits { all, mut cut, .. } = hits;
        let mut hits = without_wrappings(all);
        if let Some(text) = reader.whole(read)
            && let Some(format) = Format::of_start(text).or(format).or_else(|| Format::of_text(text))
        {
            cut |= self.read_structure(format, text, &mut hits);
        }
        hits.sort_by_key(|hit| (hit.span.line, hit.span.column));
        pairs::join(&mut hits);
        if let Some(wide) = read.wide {
            hits.iter_mut().for_each(|hit| hit.span = wide.span(hit.span));
        }
        self.found.fetch_add(hits.len() as u64, Ordering::Relaxed);
        (hits, cut || read.cut)
    }

    fn count_read(&self, origin: &Origin, bytes: u64, blobs: u64) {
        if let Some(memory) = &self.memory {
            memory.read(origin, bytes, blobs);
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.blobs.fetch_add(blobs, Ordering::Relaxed);
    }

    /// As [`Self::scan_content`].
    fn guarded(&self, origin: &Origin, content: &mut dyn Read, opened: bool, log: Option<&Log>) -> io::Result<()> {
        self.guard(origin, log, |claimed| self.scan_content(origin, content, opened, log, claimed))
    }

    /// A fault of ours on one content must not end the scan, nor go unseen, wherever that content is.
    fn guard(
        &self,
        origin: &Origin,
        log: Option<&Log>,
        scan: impl FnOnce(&Claimed) -> io::Result<()>,
    ) -> io::Result<()> {
        let claimed = Claimed::default();
        catch_unwind(AssertUnwindSafe(|| scan(&claimed))).unwrap_or_else(|_| {
            if let Some(log) = log {
                log.spoil();
            }
            self.skipped(Why::Fault, origin);
            if let Some(hash) = claimed.get() {
                self.abandon(hash);
            }
            Ok(())
        })
    }

    /// Tells all who have waited for a content that it came to nothing.
    fn abandon(&self, hash: u128) {
        let waited = lock(&self.contents).abandon(hash);
        waited.iter().for_each(|origin| self.skipped(Why::Fault, origin));
        self.arrived(&waited);
    }

    /// Takes a content for this thread, or leaves its origin with what is known of it.
    fn claim(&self, hash: u128, origin: &RefCell<Option<Origin>>, claimed: &Claimed) -> Seen {
        let Some(own) = origin.take() else { return Seen::Skip };
        let claim = lock(&self.contents).claim(hash, own);
        match claim {
            Claim::New(own) => {
                origin.replace(Some(own));
                claimed.set(Some(hash));
                return Seen::Scan;
            }
            Claim::Cut(own) => self.skipped(Why::Limit, &own),
            Claim::Left => {}
        }
        Seen::Skip
    }

    /// Notes what came of a content, by its hash and whether it was read to its end, for its origin and those that wait. Of
    /// one that is cut it is told wherever it is.
    fn settle(&self, (hash, whole): (u128, bool), origin: Option<Origin>, hits: Vec<Hit<'e>>, cut: bool) {
        if cut && let Some(origin) = &origin {
            self.skipped(Why::Limit, origin);
        }
        let waited = lock(&self.contents).settle(hash, whole, origin, (hits, cut));
        if cut {
            waited.iter().for_each(|origin| self.skipped(Why::Limit, origin));
        }
        self.arrived(&waited);
    }

    /// All is told of origins that have waited for what another thread was at.
    fn arrived(&self, waited: &[Origin]) {
        if !waited.is_empty() && self.memory.is_some() {
            let free = lock(&self.contents).arrived(waited);
            free.into_iter().for_each(|layer| self.keep(layer));
        }
    }

    /// Takes from a match what may be kept.
    fn hit(&self, m: &Match<'e>, text: &[u8], span: Span, via: Via) -> Hit<'e> {
        let secret = &text[m.secret()];
        Hit {
            rule: m.rule(),
            confidence: m.confidence(),
            identity: self.identity(secret),
            fingerprint: self.key.fingerprint(&m.rule().family, secret),
            preview: self.preview(m.rule(), secret, m.public()),
            span,
            via,
            surprise: surprise(secret),
            key: m.name().map(|name| self.clear(&String::from_utf8_lossy(&text[name]))),
        }
    }

    /// What may be shown of a secret, with what it says of itself.
    fn preview(&self, rule: &Rule, secret: &[u8], public: usize) -> Preview {
        let preview = Preview::of(secret, public);
        match about(rule, secret) {
            Some(about) => preview.about(self.clear(&about)),
            None => preview,
        }
    }

    /// Text of strangers (a path, an instruction, a name) without the secrets in it.
    fn clear(&self, text: &str) -> String {
        let mut out = Vec::with_capacity(text.len());
        let mut from = 0;
        for m in self.engine.scan(text.as_bytes()) {
            let secret = m.secret();
            out.extend_from_slice(&text.as_bytes()[from..secret.start]);
            out.extend_from_slice(Preview::of(&text.as_bytes()[secret.clone()], m.public()).to_string().as_bytes());
            from = secret.end;
        }
        out.extend_from_slice(&text.as_bytes()[from..]);
        String::from_utf8_lossy(&out).into_owned()
    }
}

impl Sink for Scan<'_> {
    fn content(&self, origin: Origin, content: &mut dyn Read) -> io::Result<()> {
        self.guarded(&origin, content, true, None)
    }

    fn bytes(&self, origin: Origin, content: &mut dyn Read) -> io::Result<()> {
        self.guarded(&origin, content, false, None)
    }

    fn skipped(&self, why: Why, origin: &Origin) {
        if let Some(memory) = &self.memory {
            memory.skipped(why, origin);
        }
        self.count_skipped(why, origin.describe());
    }

    fn shared(&self, image: &Arc<Image>, index: usize, other: &Arc<Image>, other_index: usize) {
        let mut shared = lock(&self.shared);
        let entry = shared
            .entry((Arc::as_ptr(image).addr(), index))
            .or_insert_with(|| Shared { _image: Arc::clone(image), with: Vec::new() });
        entry.with.push((Arc::clone(other), other_index));
    }

    fn lints(&self) -> bool {
        self.options.lint
    }

    fn flaw(&self, flaw: Flaw, origin: &Origin) {
        if !self.options.lint {
            return;
        }
        if let Some(memory) = &self.memory {
            memory.flaw(flaw, origin);
        }
        lock(&self.flaws).add(flaw, origin);
    }

    fn known(&self, image: &Arc<Image>, index: usize, layer: &str) -> Option<Changes> {
        self.recall(image, index, layer)
    }

    fn walked(&self, image: &Arc<Image>, index: usize, layer: &str, changes: &Arc<OnceLock<Changes>>) {
        if let Some(memory) = &self.memory {
            memory.walked(image, index, layer, changes);
            self.keep((Arc::as_ptr(image).addr(), index));
        }
    }

    fn lend(&self, walking: &AtomicUsize) {
        self.crew.lend(walking, |given| self.take(given));
    }

    fn flow(&self) -> Flow {
        if self.stop.load(Ordering::Relaxed) { Flow::Stop } else { Flow::Go }
    }
}

#[cfg(test)]
mod tests {
    use oakum_patterns::Rule;

    use super::*;
    use crate::window::WINDOW;

    fn engine() -> Engine {
        Engine::new(Rule::builtin().to_vec()).unwrap()
    }

    const SECRET: &str = "Walnut!942";

    fn sample(shape: &str) -> Vec<u8> {
        use oakum_patterns::sample::{Draw, draw};
        draw(shape, &[], &mut Draw::new(7)).unwrap()
    }

    fn line() -> Vec<u8> {
        format!("password = {SECRET:?}").into_bytes()
    }

    fn file(name: &str) -> Origin {
        Origin::File(name.into())
    }

    #[test]
    fn one_secret_in_many_places_is_one_finding() {
        let engine = engine();
        let scan = Scan::new(&engine, Key::constant(), Options::default());
        for name in ["b", "a", "a/c"] {
            scan.content(file(name), &mut line().as_slice()).unwrap();
        }
        scan.content(file("d"), &mut format!("x: 1\ndb_password: '{SECRET}'").as_bytes()).unwrap();
        let outcome = scan.finish();
        assert_eq!(outcome.findings.len(), 1);
        let places: Vec<_> = outcome.findings[0].places.iter().map(|p| p.origin.describe()).collect();
        assert_eq!(places, ["a", "a/c", "b", "d"]);
        assert_eq!(outcome.findings[0].places[3].span.line, 2);
        assert_eq!(outcome.findings[0].places[3].key.as_deref(), Some("db_password"));
        assert_eq!(outcome.summary.blobs, 4);
    }

    #[test]
    fn an_encoded_secret_is_found_where_it_stands() {
        let engine = engine();
        let scan = Scan::new(&engine, Key::constant(), Options::default());
        let encode = |text: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
        let text = format!("kind: x\ntoken: {}\nplain: 1\n", encode(&format!("a: 1\npassword = {SECRET:?}\nb: 2")));
        scan.content(file("once"), &mut text.as_bytes()).unwrap();
        let twice =
            format!("x: {}", encode(&format!("inner {} end", encode(&format!("password = {SECRET:?} and more")))));
        scan.content(file("twice"), &mut twice.as_bytes()).unwrap();
        // Across windows, and far behind others.
        let mut large = vec![b'\n'; 2 * WINDOW];
        large.extend_from_slice(text.as_bytes());
        scan.content(file("large"), &mut large.as_slice()).unwrap();
        let outcome = scan.finish();
        assert_eq!(outcome.findings.len(), 1, "{:?}", outcome.findings);
        let places: Vec<_> = outcome.findings[0]
            .places
            .iter()
            .map(|p| (p.origin.describe(), p.span.line, p.key.clone().unwrap()))
            .collect();
        let key = || "password".to_owned();
        let line = 2 * WINDOW as u64 + 2;
        assert_eq!(places, [("large".into(), line, key()), ("once".into(), 2, key()), ("twice".into(), 1, key())]);
        assert_eq!(outcome.findings[0].places[1].span.column, 8 + (5 + 12) * 4 / 3);
    }

    #[test]
    fn a_wide_text_is_read_like_any_other() {
        let engine = engine();
        let scan = Scan::new(&engine, Key::constant(), Options::default());
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let line = String::from_utf8(line()).unwrap();
        scan.content(file("a"), &mut line.as_bytes()).unwrap();
        scan.content(file("b"), &mut wide(&format!("\u{feff}{line}")).as_slice()).unwrap();
        let long = format!("{}{line}", "some words\n".repeat(WINDOW / 5));
        scan.content(file("c"), &mut wide(&long).as_slice()).unwrap();
        let outcome = scan.finish();
        assert_eq!(outcome.findings.len(), 1);
        let places = outcome.findings[0].places.iter().map(|p| (p.origin.describe(), p.span.line, p.span.column));
        let last = WINDOW as u64 / 5 + 1;
        assert_eq!(places.collect::<Vec<_>>(), [("a".into(), 1, 13), ("b".into(), 1, 27), ("c".into(), last, 25)]);
    }

    #[test]
    fn an_id_near_its_secret_is_a_part_of_it() {
        let engine = engine();
        let draw = |shape| String::from_utf8(sample(shape)).unwrap();
        let id = draw("AKIA<base32:16>");
        let secret = format!("aws_secret_access_key = {}\n", draw("<base64:38>7a"));
        let rules = |text: &str| {
            let scan = Scan::new(&engine, Key::constant(), Options::default());
            scan.content(file("a"), &mut text.as_bytes()).unwrap();
            let findings = scan.finish().findings;
            findings.into_iter().map(|f| (f.rule, f.confidence)).collect::<Vec<_>>()
        };
        let id_line = format!("aws_access_key_id = {id}\n");
        let whole = [("aws.secret-access-key".to_owned(), Confidence::Certain)];
        assert_eq!(rules(&format!("{id_line}{secret}")), whole);
        assert_eq!(rules(&format!("{secret}{id_line}")), whole);
        assert_eq!(rules(&id_line), [("aws.access-key-id".to_owned(), Confidence::Likely)]);
        assert_eq!(rules(&format!("{id_line}{}{secret}", "\n".repeat(40))).len(), 2);
        let call = format!("f(\"{id}\", \"{}\")", draw("<base64:38>7a"));
        assert_eq!(rules(&call), [("aws.key-pair".to_owned(), Confidence::Certain)]);
    }

    #[test]
    fn a_key_id_tells_its_account_with_its_secret_too() {
        let engine = engine();
        let draw = |shape| String::from_utf8(sample(shape)).unwrap();
        let id = format!("aws_access_key_id = AKIA{}{}\n", "Y34FZKBOK", draw("<base32:7>"));
        let secret = format!("aws_secret_access_key = {}\n", draw("<base64:38>7a"));
        for text in [id.clone(), format!("{id}{secret}"), format!("{secret}{id}")] {
            let scan = Scan::new(&engine, Key::constant(), Options::default());
            scan.content(file("a"), &mut text.as_bytes()).unwrap();
            let findings = scan.finish().findings;
            assert_eq!(findings.len(), 1);
            let shown = findings[0].preview.to_string();
            assert!(shown.ends_with(" bytes, account 609629065308"), "{shown}");
        }
    }

    #[test]
    fn a_secret_in_a_name_is_cleared() {
        let engine = engine();
        let scan = Scan::new(&engine, Key::constant(), Options::default());
        scan.content(file(&format!("x/password={SECRET}/y")), &mut line().as_slice()).unwrap();
        scan.skipped(Why::Unreadable, &file(&format!("password={SECRET}")));
        let shown = format!("{:?}", scan.finish());
        assert!(!shown.contains(SECRET), "{shown}");
    }

    #[test]
    fn a_gap_makes_the_scan_incomplete() {
        let engine = engine();
        let scan = Scan::new(&engine, Key::constant(), Options::default());
        scan.skipped(Why::Symlink, &file("a"));
        assert!(Scan::new(&engine, Key::constant(), Options::default()).finish().summary.complete());
        scan.skipped(Why::Truncated, &file("b"));
        assert!(!scan.finish().summary.complete());
    }

    #[test]
    fn a_panic_in_one_content_is_counted_and_the_scan_goes_on() {
        struct Panics;
        impl Read for Panics {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("a fault");
            }
        }
        let engine = engine();
        let scan = Scan::new(&engine, Key::constant(), Options::default());
        scan.content(file("a"), &mut Panics).unwrap();
        scan.content(file("b"), &mut line().as_slice()).unwrap();
        let outcome = scan.finish();
        assert_eq!(outcome.findings.len(), 1);
        assert_eq!(outcome.summary.skipped[&Why::Fault].count, 1);
    }

    #[test]
    fn a_panic_is_told_of_all_places_that_have_the_content() {
        let engine = engine();
        let scan = Scan::new(&engine, Key::constant(), Options::default());
        let hash = xxhash_rust::xxh3::xxh3_128_with_seed(&line(), scan.seed);
        let first = RefCell::new(Some(file("a")));
        let panics = |claimed: &Claimed| {
            assert!(matches!(scan.claim(hash, &first, claimed), Seen::Scan));
            // Another thread comes by the same content meanwhile.
            scan.content(file("b"), &mut line().as_slice()).unwrap();
            assert!(lock(&scan.skipped).is_empty());
            panic!("a fault");
        };
        scan.guard(&file("a"), None, panics).unwrap();
        assert_eq!(lock(&scan.skipped)[&Why::Fault].examples, ["a", "b"]);
        // Whoever comes later tries again.
        scan.content(file("c"), &mut line().as_slice()).unwrap();
        let outcome = scan.finish();
        assert_eq!(outcome.findings[0].places.len(), 1);
        assert_eq!(outcome.summary.skipped[&Why::Fault].count, 2);
    }
}
