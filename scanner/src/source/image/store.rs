//! Where the parts of images are: a tar that is indexed once and then read at any place by several threads, a
//! compressed tar that is read from its beginning in one pass, or a folder. Nothing is unpacked, and no part is held
//! but the small ones that are JSON.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::digest::Hashes;
use super::entries::{Advance, Entries, Entry, Kind as EntryKind};
use super::reference::{Reference, is_part};
use super::unfold::{Compression, HEAD, Unfolded, gap, why};
use crate::source::{Flow, Limits, Sink, SourceError, Why, crew};

/// The most parts of an archive. An image has a hundred layers at most.
const MOST_PARTS: u64 = 1_000_000;
/// How many links in an archive are followed, one after another.
const MOST_LINKS: usize = 16;
/// How much JSON of a compressed archive is held, in multiples of the largest single one.
const KEPT: u64 = 4;

/// The number of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PartId(usize);

/// The parts, by name.
#[derive(Debug)]
pub(super) struct Store {
    backing: Backing,
    parts: Vec<Part>,
    names: HashMap<String, Target>,
    broken: Option<Why>,
}

#[derive(Debug)]
enum Backing {
    Folder,
    Tar(File),
    /// Somewhere that is asked for parts, with those that are held.
    Remote {
        held: BTreeMap<PartId, Vec<u8>>,
        fetch: Box<dyn Fetch>,
    },
    /// A tar that can only be read from its beginning, with its JSON.
    Stream {
        again: Box<dyn Reopen>,
        kept: BTreeMap<PartId, Vec<u8>>,
        most: u64,
    },
}

/// Whatever gives the same archive again, from its beginning.
pub(in crate::source) trait Reopen: std::fmt::Debug + Send + Sync {
    /// Begins to read it.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn open(&self) -> io::Result<Box<dyn Read + Send>>;
}

/// A file is there as often as it is wanted.
#[derive(Debug)]
struct Compressed(PathBuf);

impl Reopen for Compressed {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(File::open(&self.0)?)?))
    }
}

/// Whoever has parts that are not on this machine.
pub(in crate::source) trait Fetch: std::fmt::Debug + Send + Sync {
    /// Begins to read a part of so many bytes.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn open(&self, part: &str, size: u64) -> io::Result<Box<dyn Read + Send + '_>>;
}

/// A part that is not on this machine, by its name in an OCI layout.
pub(in crate::source) enum RemotePart {
    /// It was fetched already.
    Held {
        /// Its name.
        name: String,
        /// All of it.
        bytes: Vec<u8>,
    },
    /// It is fetched when it is read.
    Pulled {
        /// Its name.
        name: String,
        /// How many bytes it is said to have.
        size: u64,
    },
}

#[derive(Debug)]
struct Part {
    name: String,
    path: PathBuf,
    offset: u64,
    size: u64,
    head: Vec<u8>,
    fault: Option<Why>,
}

/// What a name leads to.
#[derive(Debug)]
enum Target {
    Part(PartId),
    /// Another name.
    Link(String),
}

/// A part, ready to be read.
pub(super) type Opened<'a> = io::Result<&'a mut dyn Read>;

impl Store {
    /// Opens and indexes.
    ///
    /// # Errors
    /// If it cannot be opened, or is no archive or folder.
    pub(super) fn open(reference: &Reference, limits: &Limits) -> Result<Self, SourceError> {
        let open = |error| SourceError::Open { target: reference.to_string(), error };
        let form = |why: String, hint: Option<String>| SourceError::Form { target: reference.to_string(), why, hint };
        let path = &reference.path;
        let metadata = std::fs::metadata(path).map_err(open)?;
        if metadata.is_dir() {
            return Self::folder(path).map_err(open);
        }
        if !metadata.is_file() {
            let hint = "write the archive to a file first".to_owned();
            return Err(form("it is neither a file nor a folder".into(), Some(hint)));
        }
        let file = File::open(path).map_err(open)?;
        let mut head = [0; HEAD];
        let filled = read_at(&file, &mut head, 0).map_err(open)?;
        let store = match Compression::of(&head[..filled]) {
            Compression::Plain => Self::tar(file, limits).map_err(open)?,
            Compression::Unknown(name) => {
                let hint = format!("uncompress it first; gzip, zstd, bzip2 and xz are read, {name} is not");
                return Err(form(format!("it is compressed with {name}"), Some(hint)));
            }
            _ => Self::stream(Box::new(Compressed(path.clone())), limits).map_err(open)?,
        };
        if store.names.is_empty() {
            return Err(form("it is not a tar".into(), Some(HINT.into())));
        }
        Ok(store)
    }

    /// Of parts elsewhere.
    pub(super) fn remote(parts: Vec<RemotePart>, fetch: Box<dyn Fetch>) -> Self {
        let mut store = Self::empty(Backing::Folder);
        let mut held = BTreeMap::new();
        for part in parts {
            let (name, size, bytes) = match part {
                RemotePart::Held { name, bytes } => (name, bytes.len() as u64, Some(bytes)),
                RemotePart::Pulled { name, size } => (name, size, None),
            };
            let id = store.add(Part { name, path: PathBuf::new(), offset: 0, size, head: Vec::new(), fault: None });
            bytes.map(|bytes| held.insert(id, bytes));
        }
        store.backing = Backing::Remote { held, fetch };
        store
    }

    fn folder(root: &Path) -> io::Result<Self> {
        let mut store = Self::empty(Backing::Folder);
        store.list(root, "", 3)?;
        Ok(store)
    }

    /// Lists the files that may be parts of images, by names that cannot lead elsewhere.
    fn list(&mut self, folder: &Path, prefix: &str, depth: usize) -> io::Result<()> {
        let mut listed: Vec<_> = std::fs::read_dir(folder)?.collect::<io::Result<_>>()?;
        listed.sort_by_key(std::fs::DirEntry::file_name);
        for entry in listed {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let Ok(metadata) = std::fs::metadata(entry.path()) else {
                self.add(Part::faulty(name, entry.path(), Why::Unreadable));
                continue;
            };
            if metadata.is_dir() {
                if depth > 0 && is_part(&name) && self.list(&entry.path(), &format!("{name}/"), depth - 1).is_err() {
                    self.add(Part::faulty(name, entry.path(), Why::Unreadable));
                }
            } else if metadata.is_file() {
                let mut head = Vec::new();
                let opened = File::open(entry.path()).and_then(|f| f.take(HEAD as u64).read_to_end(&mut head));
                let fault = opened.err().map(|_| Why::Unreadable);
                self.add(Part { name, path: entry.path(), offset: 0, size: metadata.len(), head, fault });
            }
        }
        Ok(())
    }

    fn tar(file: File, limits: &Limits) -> io::Result<Self> {
        let mut entries = Entries::new(Cursor::new(file)?, limits.entries.min(MOST_PARTS));
        let mut store = Self::empty(Backing::Folder);
        loop {
            match entries.next() {
                Ok(Some(entry)) => {
                    let mut head = Vec::new();
                    if entry.kind == EntryKind::File {
                        // A part that breaks off here is told of when it is read.
                        drop(entries.content().take(HEAD as u64).read_to_end(&mut head));
                    }
                    store.index(entry, head);
                }
                Ok(None) => break,
                Err(_) if entries.ended() => break,
                Err(error) => {
                    store.broken = Some(why(&error));
                    break;
                }
            }
        }
        store.backing = Backing::Tar(entries.into_inner().file);
        Ok(store)
    }

    /// Of a tar that comes from its beginning each time.
    pub(super) fn stream(again: Box<dyn Reopen>, limits: &Limits) -> io::Result<Self> {
        let mut entries = Entries::new(unfold(&*again, limits.unfolded)?, limits.entries.min(MOST_PARTS));
        let mut store = Self::empty(Backing::Folder);
        let (mut kept, mut room) = (BTreeMap::new(), limits.json.saturating_mul(KEPT));
        loop {
            match entries.next() {
                Ok(Some(entry)) => {
                    let mut head = Vec::new();
                    let mut json = None;
                    if entry.kind == EntryKind::File {
                        let mut content = entries.content();
                        let mut read = content.by_ref().take(HEAD as u64).read_to_end(&mut head);
                        if matches!(head.first(), Some(b'{' | b'[')) && entry.size <= limits.json.min(room) {
                            let mut text = head.clone();
                            read = read.and(content.read_to_end(&mut text));
                            room -= text.len() as u64;
                            json = Some(text).filter(|_| read.is_ok());
                        }
                    }
                    if let (Some(id), Some(text)) = (store.index(entry, head), json) {
                        kept.insert(id, text);
                    }
                }
                Ok(None) => break,
                Err(_) if entries.ended() => break,
                Err(error) => {
                    store.broken = Some(why(&error));
                    break;
                }
            }
        }
        store.backing = Backing::Stream { again, kept, most: limits.unfolded };
        Ok(store)
    }

    fn empty(backing: Backing) -> Self {
        Self { backing, parts: Vec::new(), names: HashMap::new(), broken: None }
    }

    fn add(&mut self, part: Part) -> PartId {
        let id = PartId(self.parts.len());
        self.names.insert(part.name.clone(), Target::Part(id));
        self.parts.push(part);
        id
    }

    /// Notes an entry of a tar.
    fn index(&mut self, entry: Entry, head: Vec<u8>) -> Option<PartId> {
        let Entry { path: name, kind, link, offset, size, sparse, .. } = entry;
        match kind {
            EntryKind::File => {
                // An archive with holes would have to be read in order.
                let fault = sparse.then_some(Why::Malformed);
                Some(self.add(Part { name, path: PathBuf::new(), offset, size, head, fault }))
            }
            EntryKind::HardLink => {
                self.names.insert(name, Target::Link(super::entries::normal(link.as_bytes())));
                None
            }
            EntryKind::Symlink => {
                let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
                let link = super::entries::normal(format!("{folder}/{link}").as_bytes());
                self.names.insert(name, Target::Link(link));
                None
            }
            EntryKind::Folder | EntryKind::Special => None,
        }
    }

    /// The part of that name; links are followed.
    pub(super) fn find(&self, name: &str) -> Option<PartId> {
        let mut name = super::entries::normal(name.as_bytes());
        for _ in 0..MOST_LINKS {
            match self.names.get(&name)? {
                Target::Part(id) => return Some(*id),
                Target::Link(next) => name.clone_from(next),
            }
        }
        None
    }

    /// Names of links that lead nowhere.
    pub(super) fn dangling(&self) -> Vec<&str> {
        let links = self.names.iter().filter(|(_, target)| matches!(target, Target::Link(_)));
        let mut names: Vec<&str> =
            links.map(|(name, _)| name.as_str()).filter(|name| self.find(name).is_none()).collect();
        names.sort_unstable();
        names
    }

    /// All parts.
    pub(super) fn parts(&self) -> impl Iterator<Item = PartId> + use<> {
        (0..self.parts.len()).map(PartId)
    }

    /// The name that it has.
    pub(super) fn name(&self, id: PartId) -> &str {
        &self.parts[id.0].name
    }

    /// Its first bytes.
    pub(super) fn head(&self, id: PartId) -> &[u8] {
        &self.parts[id.0].head
    }

    /// What kept the archive from being read to its end.
    pub(super) fn broken(&self) -> Option<Why> {
        self.broken
    }

    /// A small part as a whole.
    ///
    /// # Errors
    /// Why not: [`Why::Limit`] if it is larger than `most`.
    pub(super) fn small(&self, id: PartId, most: u64) -> Result<Vec<u8>, Why> {
        if self.parts[id.0].size > most {
            return Err(Why::Limit);
        }
        if let Backing::Stream { kept, .. } | Backing::Remote { held: kept, .. } = &self.backing
            && let Some(text) = kept.get(&id)
        {
            return Ok(text.clone());
        }
        let mut bytes = Vec::new();
        self.one(id, |opened| opened.and_then(|reader| reader.take(most + 1).read_to_end(&mut bytes)))
            .map_err(|error| why(&error))?;
        Ok(bytes)
    }

    /// Hands over one part.
    pub(super) fn one<R>(&self, id: PartId, visit: impl FnOnce(Opened<'_>) -> R) -> R {
        if let Backing::Stream { again, most, .. } = &self.backing {
            return InOrder::begin(&**again, *most).part(&self.parts[id.0], visit);
        }
        match self.reader(id) {
            Ok(mut reader) => visit(Ok(&mut *reader)),
            Err(error) => visit(Err(error)),
        }
    }

    /// Hands over each of the parts, with its place in `wanted`, from up to `jobs` threads; in one thread and in order
    /// where the archive can only be read from its beginning. No part may be wanted twice. Ends when the sink says so.
    pub(super) fn each(
        &self,
        wanted: &[PartId],
        jobs: usize,
        sink: &dyn Sink,
        visit: &(dyn Fn(usize, Opened<'_>) + Sync),
    ) {
        let mut order: Vec<usize> = (0..wanted.len()).collect();
        let part = |at: usize| &self.parts[wanted[at].0];
        let hands = crew::hands(jobs, wanted.len(), order.iter().map(|&at| part(at).size).sum());
        let stopped = || sink.flow() == Flow::Stop;
        if let Backing::Stream { again, most, .. } = &self.backing {
            order.sort_by_key(|&at| part(at).offset);
            return crew::alone(hands, sink, || {
                let mut archive = InOrder::begin(&**again, *most);
                for at in order.into_iter().take_while(|_| !stopped()) {
                    archive.part(part(at), |opened| visit(at, opened));
                }
            });
        }
        // The largest first, so that no thread begins it when the others are done.
        order.sort_by_key(|&at| std::cmp::Reverse(part(at).size));
        let next = AtomicUsize::new(0);
        crew::together(hands, sink, &|| {
            while let Some(&at) = order.get(next.fetch_add(1, Ordering::Relaxed)).filter(|_| !stopped()) {
                self.one(wanted[at], |opened| visit(at, opened));
            }
        });
    }

    fn reader(&self, id: PartId) -> io::Result<Box<dyn Read + '_>> {
        let part = &self.parts[id.0];
        if let Some(why) = part.fault {
            return Err(gap(why));
        }
        let file = match &self.backing {
            Backing::Remote { held, fetch } => {
                return match held.get(&id) {
                    Some(bytes) => Ok(Box::new(bytes.as_slice())),
                    None => Ok(fetch.open(&part.name, part.size)?),
                };
            }
            Backing::Tar(file) => Handle::Shared(file),
            Backing::Folder | Backing::Stream { .. } => Handle::Own(File::open(&part.path)?),
        };
        Ok(Box::new(Span { file, at: part.offset, left: part.size }))
    }
}

/// An archive that can only be read from its beginning, and how far it was.
struct InOrder {
    stream: io::Result<Unfolded<Box<dyn Read + Send>>>,
    position: u64,
}

impl InOrder {
    fn begin(again: &dyn Reopen, most: u64) -> Self {
        Self { stream: unfold(again, most), position: 0 }
    }

    /// Hands over a part that is behind those before.
    fn part<R>(&mut self, part: &Part, visit: impl FnOnce(Opened<'_>) -> R) -> R {
        let position = self.position;
        let opened = match &mut self.stream {
            Ok(stream) => part.offset.checked_sub(position).ok_or_else(|| gap(Why::Fault)).and_then(|pass| {
                stream.advance(pass)?;
                Ok(stream)
            }),
            Err(error) => Err(gap(why(error))),
        };
        match (opened, part.fault) {
            (Ok(stream), None) => {
                let mut span = Exact { inner: stream, left: part.size };
                let visited = visit(Ok(&mut span));
                self.position = part.offset + (part.size - span.left);
                visited
            }
            (Ok(_), Some(why)) => {
                self.position = part.offset;
                visit(Err(gap(why)))
            }
            (Err(error), _) => {
                let broken = why(&error);
                let visited = visit(Err(error));
                self.stream = Err(gap(broken));
                visited
            }
        }
    }
}

/// What an image archive is, for those who gave something else.
pub(super) const HINT: &str =
    "an image archive is what `docker save`, `podman save`, `skopeo copy` or `buildah push` write";

fn unfold(again: &dyn Reopen, most: u64) -> io::Result<Unfolded<Box<dyn Read + Send>>> {
    Unfolded::new(again.open()?, Hashes::default(), Hashes::default(), most)
}

impl Part {
    fn faulty(name: String, path: PathBuf, fault: Why) -> Self {
        Self { name, path, offset: 0, size: 0, head: Vec::new(), fault: Some(fault) }
    }
}

fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// A file read from its beginning, that can pass over bytes for nothing.
#[derive(Debug)]
pub(super) struct Cursor {
    file: File,
    at: u64,
    size: u64,
}

impl Cursor {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Self { file, at: 0, size })
    }
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = read_at(&self.file, buffer, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Advance for Cursor {
    fn advance(&mut self, n: u64) -> io::Result<()> {
        self.at = self.at.saturating_add(n);
        if self.at > self.size { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

impl<R: Read> Advance for Unfolded<R> {}

#[derive(Debug)]
enum Handle<'a> {
    Shared(&'a File),
    Own(File),
}

/// A stretch of a file.
#[derive(Debug)]
struct Span<'a> {
    file: Handle<'a>,
    at: u64,
    left: u64,
}

impl Read for Span<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if most == 0 {
            return Ok(0);
        }
        let file = match &self.file {
            Handle::Shared(file) => file,
            Handle::Own(file) => file,
        };
        let n = read_at(file, &mut buffer[..most], self.at)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}

/// So many bytes of a stream; fewer are an error.
struct Exact<'a, R> {
    inner: &'a mut R,
    left: u64,
}

impl<R: Read> Read for Exact<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if most == 0 {
            return Ok(0);
        }
        let n = self.inner.read(&mut buffer[..most])?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= n as u64;
        Ok(n)
    }
}

/// Those of `all` that are not in `used`.
pub(super) fn without(all: impl Iterator<Item = PartId>, used: &HashSet<PartId>) -> Vec<PartId> {
    all.filter(|id| !used.contains(id)).collect()
}
