//! Archives that come again in a scan, in another layer or under another name: what was in the first is told of the others
//! too, and nothing is unfolded twice. An archive is known by all its bytes, so only one that is small enough to be held is
//! hashed before it is opened; a larger one is unfolded each time, and only its members are known again. So is one that came
//! while other threads held all that may be held.
//!
//! Of a larger one that begins like one before it is not known whether it goes on so, and who passed over the beginning
//! could not come back to it where it does not: a layer is a stream, which is read once.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use super::contents::{Claim, Contents};
use super::crew::Given;
use super::held::{Extent, Held};
use super::{Scan, lock};
use crate::lint::Flaw;
use crate::origin::{Image, Origin};
use crate::source::archive::{self, Kind};
use crate::source::{Flow, Sink, Why};
use crate::structured::Format;
use crate::window::{Begun, Failing, Reader};

/// How much of an archive is held behind its first window, in bytes.
const MOST_HELD: usize = 4 << 20;
/// How much of it there may be for another thread to open it, in bytes.
const MOST_GIVEN: usize = 1 << 20;
/// How much is noted of an archive while it is walked, in bytes: one of which more is to be told is not known again.
const MOST_NOTED: usize = 1 << 20;
/// How much memory is given to what was in all archives, in bytes.
const MOST_KEPT: usize = 16 << 20;

/// What was in archives, by the hash of all their bytes.
#[derive(Debug)]
pub(super) struct Archives {
    known: HashMap<u128, Arc<Noted>>,
    /// How much memory may still be given to them.
    left: usize,
}

impl Default for Archives {
    fn default() -> Self {
        Self { known: HashMap::new(), left: MOST_KEPT }
    }
}

/// What the walk through an archive came by.
#[derive(Debug, Default)]
struct Noted {
    /// Of all contents in it.
    bytes: u64,
    /// Those contents.
    blobs: u64,
    events: Vec<Event>,
    /// The memory of the events.
    size: usize,
}

/// What has a place.
#[derive(Debug)]
struct Event {
    /// The paths of members in one another; none for the archive itself.
    members: Vec<String>,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    /// A content that is remembered by this hash.
    Content(u128),
    Skipped(Why),
}

impl Event {
    fn size(&self) -> usize {
        let paths = self.members.iter().map(|path| path.capacity() + size_of::<String>()).sum::<usize>();
        size_of::<Self>() + paths
    }

    /// Its place in an archive that is somewhere else.
    fn origin(&self, archive: &Origin) -> Origin {
        let within = |outer, path: &String| Origin::Member { outer: Box::new(outer), path: path.clone() };
        self.members.iter().fold(archive.clone(), within)
    }
}

impl Noted {
    /// Whether it is known what came of all contents: one may not have been remembered, or another thread is still at it.
    fn is_settled(&self, contents: &Contents<'_>) -> bool {
        self.events.iter().all(|event| !matches!(event.what, What::Content(hash) if !contents.knows(hash)))
    }
}

/// What is noted while an archive is walked for the first time: nothing once something happened that may be otherwise
/// another time, or there was too much.
#[derive(Debug)]
pub(super) struct Log(Mutex<Option<Noted>>);

impl Log {
    fn note(&self, origin: &Origin, what: What) {
        let mut log = lock(&self.0);
        let Some(noted) = &mut *log else { return };
        let event = Event { members: origin.split().1.into_iter().map(str::to_owned).collect(), what };
        noted.size += event.size();
        if noted.size > MOST_NOTED {
            *log = None;
            return;
        }
        noted.events.push(event);
    }

    /// A content that was read, by its hash and whether to its end. Of one that is clean nothing is to be told, wherever it
    /// is.
    pub(super) fn read(&self, origin: &Origin, (hash, whole): (u128, bool), bytes: u64, clean: bool) {
        if !whole {
            return self.spoil();
        }
        if !clean {
            self.note(origin, What::Content(hash));
        }
        if let Some(noted) = &mut *lock(&self.0) {
            noted.bytes += bytes;
            noted.blobs += 1;
        }
    }

    pub(super) fn spoil(&self) {
        *lock(&self.0) = None;
    }
}

/// A scan that notes what it is given.
struct Noting<'s, 'e> {
    scan: &'s Scan<'e>,
    log: &'s Log,
}

impl Sink for Noting<'_, '_> {
    fn content(&self, origin: Origin, content: &mut dyn Read) -> io::Result<()> {
        self.scan.guarded(&origin, content, true, Some(self.log))
    }

    fn bytes(&self, origin: Origin, content: &mut dyn Read) -> io::Result<()> {
        self.scan.guarded(&origin, content, false, Some(self.log))
    }

    fn skipped(&self, why: Why, origin: &Origin) {
        if why == Why::Stopped {
            self.log.spoil();
        }
        self.log.note(origin, What::Skipped(why));
        self.scan.skipped(why, origin);
    }

    fn shared(&self, image: &Arc<Image>, index: usize, other: &Arc<Image>, other_index: usize) {
        self.scan.shared(image, index, other, other_index);
    }

    // No archive has any, and of one that had they would be told once only.
    fn flaw(&self, flaw: Flaw, origin: &Origin) {
        self.log.spoil();
        self.scan.flaw(flaw, origin);
    }

    fn lints(&self) -> bool {
        self.scan.lints()
    }

    fn flow(&self) -> Flow {
        self.scan.flow()
    }
}

impl<'e> Scan<'e> {
    /// Opens an archive of which the first window was read, unless the same was opened before.
    pub(super) fn open(
        &self,
        kind: Kind,
        origin: &Origin,
        reader: Reader<'e>,
        begun: Begun,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let mut held = self.pieces.hold();
        let (head, mut rest) = reader.rest(begun, content);
        let (mut left, window) = (head, head.len());
        let filled = held.fill(&mut (&mut left).chain(&mut rest), window + MOST_HELD);
        let unread = window - left.len()..window;
        // What of the window is held needs its reader no longer.
        let mut reader = Some(reader);
        if unread.is_empty() {
            lock(&self.readers).extend(reader.take());
        }
        let (extent, end) = match filled {
            Ok(extent) => (extent, Ok(())),
            Err(error) => (Extent::Beginning, Err(error)),
        };
        if extent == Extent::Beginning {
            let left = reader.as_ref().map_or(&[][..], |reader| &reader.buffer()[unread]);
            let content = &mut held.chain(left).chain(Failing::new(end, &mut rest));
            let walked = archive::walk(kind, origin, &[], content, &self.options.limits, self);
            lock(&self.readers).extend(reader);
            return walked;
        }
        let name = self.archive_name(kind, origin, &held);
        if held.len() <= MOST_GIVEN && self.crew.reserve() {
            lock(&self.contents).await_arrival(origin);
            self.crew.give(Given::Archive { name, kind, origin: origin.clone(), held });
            return Ok(());
        }
        self.open_named(name, kind, origin, held)
    }

    /// Opens an archive that is held, unless one of that name was opened before.
    pub(super) fn open_named(&self, name: u128, kind: Kind, origin: &Origin, mut held: Held) -> io::Result<()> {
        let known = lock(&self.archives).known.get(&name).cloned();
        if let Some(noted) = known {
            self.tell_again(&noted, origin);
            return Ok(());
        }
        let log = Log(Mutex::new(Some(Noted::default())));
        archive::walk(kind, origin, &[], &mut held, &self.options.limits, &Noting { scan: self, log: &log })?;
        let noted = log.0.into_inner().unwrap_or_default().filter(|noted| noted.is_settled(&lock(&self.contents)));
        if let Some(mut noted) = noted {
            noted.events.shrink_to_fit();
            noted.size += size_of::<(u128, Noted)>();
            let mut archives = lock(&self.archives);
            if let Some(left) = archives.left.checked_sub(noted.size)
                && !archives.known.contains_key(&name)
            {
                archives.left = left;
                archives.known.insert(name, Arc::new(noted));
            }
        }
        Ok(())
    }

    /// What is the same for archives of which the same is told.
    fn archive_name(&self, kind: Kind, origin: &Origin, held: &Held) -> u128 {
        let mut hasher = xxhash_rust::xxh3::Xxh3::with_seed(self.seed);
        held.texts().for_each(|text| hasher.update(text));
        let path = origin.path().unwrap_or_default();
        // What is packed alone is called like the file that it is in.
        if !matches!(kind, Kind::Zip | Kind::Tar | Kind::Ar | Kind::Cpio) {
            hasher.update(path.rsplit('/').next().unwrap_or_default().as_bytes());
        }
        // What of it is read as it stands is read as what its name says.
        hasher.update(&[Format::of_path(path.as_bytes()).map_or(0, |format| format as u8)]);
        hasher.digest128()
    }

    /// Tells of an archive what was in the same one before.
    fn tell_again(&self, noted: &Noted, archive: &Origin) {
        self.count_read(archive, noted.bytes, noted.blobs);
        for event in &noted.events {
            let origin = event.origin(archive);
            match event.what {
                What::Content(hash) => {
                    let left = lock(&self.contents).leave(hash, origin);
                    match left {
                        Claim::Left => {}
                        Claim::Cut(origin) => self.skipped(Why::Limit, &origin),
                        // What is known stays known.
                        Claim::New(origin) => self.skipped(Why::Fault, &origin),
                    }
                }
                What::Skipped(why) => self.skipped(why, &origin),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use oakum_patterns::{Engine, Rule};

    use super::super::Options;
    use super::*;
    use crate::fingerprint::Key;
    use crate::window::WINDOW;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(text).unwrap();
        packed.finish().unwrap()
    }

    fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            tar.append_data(&mut header, path, *text).unwrap();
        }
        tar.into_inner().unwrap()
    }

    /// The places of what was found, and the summary, without the time.
    fn outcome(scan: Scan<'_>) -> (Vec<String>, u64, u64, Vec<(Why, u64)>) {
        let outcome = scan.finish();
        let places = outcome.findings.iter().flat_map(|f| &f.places).map(|p| p.origin.describe()).collect();
        let skipped = outcome.summary.skipped.iter().map(|(why, skipped)| (*why, skipped.count)).collect();
        (places, outcome.summary.bytes, outcome.summary.blobs, skipped)
    }

    #[test]
    fn the_same_archive_elsewhere_is_told_without_being_opened() {
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        let line = format!("password = {:?}\n", "Walnut!942");
        let large = format!("{}{line}", "some words\n".repeat(WINDOW / 10));
        // Members in one another, a large one, one that is no archive though it begins like one, and one of random bytes, so
        // that it is larger than a window.
        let noise: Vec<u8> =
            (0..WINDOW as u64 + 9).map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(21) as u8).collect();
        let inner = tar(&[("x.env", line.as_bytes()), ("broken.zip", b"PK\x03\x04 and no more")]);
        let outer = packed(&tar(&[("a/inner.tar", &inner), ("large.txt", large.as_bytes()), ("noise", &noise)]));
        let files = [("a.tgz", &outer), ("b/a.tgz", &outer), ("b/c.tgz", &outer), ("d.tar", &inner), ("e.tar", &inner)];
        let single = packed(line.as_bytes());
        let told = |again: bool| {
            let scan = Scan::new(&engine, Key::constant(), Options::default());
            if !again {
                lock(&scan.archives).left = 0;
            }
            for (path, file) in files.into_iter().chain([("x.env.gz", &single), ("y.env.gz", &single)]) {
                scan.content(Origin::File(path.into()), &mut file.as_slice()).unwrap();
            }
            assert_eq!(lock(&scan.archives).known.len(), if again { 5 } else { 0 });
            outcome(scan)
        };
        let once = told(true);
        assert_eq!(once, told(false));
        for place in ["a.tgz › a/inner.tar › x.env", "b/a.tgz › large.txt", "y.env.gz › y.env"] {
            assert!(once.0.iter().any(|told| told == place), "{place}: {once:?}");
        }
    }

    #[test]
    fn an_archive_that_cannot_be_read_to_its_end_is_not_known_again() {
        struct Breaks<'a>(&'a [u8]);
        impl Read for Breaks<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                match self.0.read(buffer)? {
                    0 => Err(io::ErrorKind::UnexpectedEof.into()),
                    n => Ok(n),
                }
            }
        }
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        let line = format!("password = {:?}\n", "Walnut!942");
        let file = tar(&[("x.env", line.as_bytes()), ("y", &[b'y'; 2048])]);
        let scan = Scan::new(&engine, Key::constant(), Options::default());
        assert!(scan.content(Origin::File("a.tar".into()), &mut Breaks(&file[..1200])).is_err());
        assert!(lock(&scan.archives).known.is_empty());
        scan.content(Origin::File("b.tar".into()), &mut file.as_slice()).unwrap();
        let places = outcome(scan).0;
        assert_eq!(places, ["a.tar › x.env", "b.tar › x.env"]);
    }

    #[test]
    fn what_an_archive_is_called_decides_how_the_text_behind_it_is_read() {
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        let mut file = tar(&[("x", b"nothing")]);
        file.extend_from_slice(format!("\"app\" {:?}\n", "Walnut!942").repeat(30).as_bytes());
        let scan = Scan::new(&engine, Key::constant(), Options::default());
        for path in ["a.tar", "b.tar", "c/userlist.txt", "d/userlist.txt"] {
            scan.content(Origin::File(path.into()), &mut file.as_slice()).unwrap();
        }
        assert_eq!(lock(&scan.archives).known.len(), 2);
        let mut places = outcome(scan).0;
        places.dedup();
        assert_eq!(places, ["c/userlist.txt", "d/userlist.txt"]);
    }

    #[test]
    fn an_archive_of_which_very_much_is_to_be_told_takes_no_more_memory() {
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        let line = format!("password = {:?}\n", "Walnut!942");
        let paths: Vec<String> = (0..5000).map(|at| format!("{at:0200}")).collect();
        let file = packed(&tar(&paths.iter().map(|path| (path.as_str(), line.as_bytes())).collect::<Vec<_>>()));
        assert!(file.len() < MOST_HELD);
        let scan = Scan::new(&engine, Key::constant(), Options::default());
        for path in ["a/x.tgz", "b/x.tgz"] {
            scan.content(Origin::File(path.into()), &mut file.as_slice()).unwrap();
        }
        assert!(lock(&scan.archives).known.is_empty());
        let (places, _, blobs, _) = outcome(scan);
        assert_eq!((places.len(), blobs), (10_000, 10_000));
    }

    #[test]
    fn what_is_cut_is_told_wherever_it_is() {
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        let lines = (0..=super::super::MOST_PER_CONTENT).map(|at| format!("password = \"Walnut!{at:05}\"\n"));
        let text = lines.collect::<String>();
        let file = tar(&[("x", text.as_bytes())]);
        let scan = Scan::new(&engine, Key::constant(), Options::default());
        for (path, bytes) in [("a.tar", file.as_slice()), ("b.tar", &file), ("x", text.as_bytes())] {
            scan.content(Origin::File(path.into()), &mut &*bytes).unwrap();
        }
        assert_eq!(lock(&scan.archives).known.len(), 1);
        let (_, _, _, skipped) = outcome(scan);
        assert_eq!(skipped, [(Why::Limit, 3)]);
    }
}
