//! Archives and packed files, wherever they are: in a tree, in a layer, in one another. They are told by their first
//! bytes, never by a name, and read as streams: nothing is unpacked to disk and no member is held. What cannot be read
//! is counted, and its bytes are scanned as they stand.
//!
//! Everybody can write an archive that unfolds to petabytes: a walk ends when what came out is out of all proportion
//! to what went in, at a number of entries, and at a depth.

mod ar;
mod cpio;
mod git;
mod peek;
mod rpm;
mod tar;
mod zip;
mod zlib;

use std::cell::Cell;
use std::io::{self, Cursor, Read};

use super::image::digest::Hashes;
use super::image::unfold::{Compression, Unfolded, gap, why};
use super::{Flow, Limits, Sink, Why};
use crate::origin::Origin;

/// How many first bytes tell what a content is.
pub(crate) const HEAD: usize = 512;
/// What a walk may unfold to in any case, in bytes.
const FREE: u64 = 1 << 30;
/// Beyond that, how many bytes may come from one: deflate makes a thousand of one if they are all alike, and hardly ever
/// ten of what somebody wrote.
const MOST_RATIO: u64 = 250;
/// The most memory of a decoder within an archive, as the exponent: with each depth there is one more.
const INNER_MEMORY: u32 = 24;

/// What a content holds others in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// And all that are one: jar, war, whl, nupkg, apk, docx.
    Zip,
    /// Plain; packed it is [`Kind::Packed`] first.
    Tar,
    /// deb, and libraries.
    Ar,
    /// Of an rpm, or an initial file system.
    Cpio,
    /// A package of files in a packed cpio.
    Rpm,
    /// One file, which may be an archive.
    Packed(Compression),
    /// One too, in the stream that other formats are made of.
    Zlib,
    /// One of git's objects, in such a stream.
    GitObject,
    /// Many of them.
    GitPack,
    /// A script that runs what stands behind it, from this byte on: an executable jar, a zipapp, an installer.
    Behind(usize),
}

impl Kind {
    /// What the first bytes say; none if a content is none of these.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [b'P', b'K', 3, 4, ..] => Some(Self::Zip),
            [b'#', b'!', ..] => behind(head).map(Self::Behind),
            [b'!', b'<', b'a', b'r', b'c', b'h', b'>', b'\n', ..] => Some(Self::Ar),
            [b'0', b'7', b'0', b'7', b'0', b'1' | b'2', digits @ ..]
                if digits.iter().take(104).all(u8::is_ascii_hexdigit) && digits.len() >= 104 =>
            {
                Some(Self::Cpio)
            }
            [0xed, 0xab, 0xee, 0xdb, ..] => Some(Self::Rpm),
            [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, ..] => Some(Self::GitPack),
            _ if head.get(257..262) == Some(b"ustar") => Some(Self::Tar),
            [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Some(Self::Packed(Compression::Unknown("7z"))),
            [b'R', b'a', b'r', b'!', 0x1a, 7, ..] => Some(Self::Packed(Compression::Unknown("rar"))),
            _ => match Compression::of(&head[..head.len().min(6)]) {
                Compression::Plain => zlib::kind_of(head),
                packed => Some(Self::Packed(packed)),
            },
        }
    }
}

/// Where in a script an archive begins that it carries: behind the end of a line, by more than its mark.
fn behind(script: &[u8]) -> Option<usize> {
    let follows = |mark: &[u8], is_one: fn(&[u8]) -> bool| {
        let starts = memchr::memmem::find_iter(script, mark).map(|at| at + 1);
        starts.into_iter().find(|at| is_one(&script[*at..]))
    };
    // The version that a zip needs is below 64, and its flags leave some bits free; so do those of gzip.
    let zip = |text: &[u8]| matches!(text, [_, _, _, _, 0..64, 0, _, flags, ..] if flags & 0xc0 == 0);
    let gzip = |text: &[u8]| matches!(text, [_, _, _, flags, ..] if flags & 0xe0 == 0);
    let bzip2 = |text: &[u8]| text[4..].starts_with(&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59]);
    let found = [
        follows(b"\nPK\x03\x04", zip),
        follows(b"\n\x1f\x8b\x08", gzip),
        follows(b"\nBZh9", bzip2),
        follows(b"\n\xfd7zXZ\0", |_| true),
    ];
    found.into_iter().flatten().min()
}

/// Gives the sink all that a content holds, which begins with these bytes.
///
/// # Errors
/// What the reader of the content itself says; what is wrong within is told to the sink.
pub(crate) fn walk(
    kind: Kind,
    origin: &Origin,
    head: &[u8],
    rest: &mut dyn Read,
    limits: &Limits,
    sink: &dyn Sink,
) -> io::Result<()> {
    let walk = Walk {
        limits,
        sink,
        entries: Cell::new(0),
        taken: Cell::new(0),
        unfolded: Cell::new(0),
        room: git::Room::default(),
    };
    let failed = Cell::new(None);
    let mut input = Taken { inner: head.chain(rest), count: &walk.taken, failed: &failed };
    let walked = walk.open(kind, origin, &mut input, 0);
    if let Some(error) = failed.take() {
        return Err(error);
    }
    if let Err(error) = walked {
        sink.skipped(why(&error), origin);
    }
    Ok(())
}

/// One walk through a content and all that is in it.
struct Walk<'a> {
    limits: &'a Limits,
    sink: &'a dyn Sink,
    entries: Cell<u64>,
    /// Bytes of the content itself.
    taken: Cell<u64>,
    /// Bytes of what it unfolded to, at any depth.
    unfolded: Cell<u64>,
    /// The memory of git's packs.
    room: git::Room,
}

impl Walk<'_> {
    /// Reads an archive. An error ends it, not what holds it, unless it is [`Why::Limit`].
    fn open(&self, kind: Kind, origin: &Origin, input: &mut dyn Read, depth: usize) -> io::Result<()> {
        match kind {
            Kind::Zip => zip::walk(self, origin, input, depth),
            Kind::Tar => tar::walk(self, origin, input, depth),
            Kind::Ar => ar::walk(self, origin, input, depth),
            Kind::Cpio => cpio::walk(self, origin, input, depth),
            Kind::Rpm => rpm::walk(self, origin, input, depth),
            Kind::Packed(Compression::Unknown(_)) => {
                self.sink.skipped(Why::Compression, origin);
                self.sink.bytes(origin.clone(), input)
            }
            Kind::Packed(_) => self.packed(origin, input, depth),
            Kind::Zlib => zlib::walk(self, origin, input, depth),
            Kind::GitObject => git::object(self, origin, input, depth),
            Kind::GitPack => git::pack(self, origin, input, depth),
            Kind::Behind(at) => self.behind(at, origin, input, depth),
        }
    }

    /// The script as it stands, and what it carries as what it is.
    fn behind(&self, at: usize, origin: &Origin, input: &mut dyn Read, depth: usize) -> io::Result<()> {
        self.sink.bytes(origin.clone(), &mut input.take(at as u64))?;
        let mut head = Vec::with_capacity(HEAD);
        input.take(HEAD as u64).read_to_end(&mut head)?;
        let kind = Kind::of(&head);
        let mut content = Cursor::new(head).chain(input);
        match kind {
            Some(kind) if !matches!(kind, Kind::Behind(_)) => self.open(kind, origin, &mut content, depth),
            _ => self.sink.bytes(origin.clone(), &mut content),
        }
    }

    /// What a packed file unfolds to: an archive's members are its own, one file is called as it is without its ending.
    fn packed(&self, origin: &Origin, input: &mut dyn Read, depth: usize) -> io::Result<()> {
        let most = self.limits.unfolded;
        let mut unfolded = if depth == 0 {
            Unfolded::new(input, Hashes::default(), Hashes::default(), most)?
        } else {
            Unfolded::within(input, most, INNER_MEMORY)?
        };
        self.unpacked(origin, &mut unfolded, depth)
    }

    /// The same, of what is unfolded already.
    fn unpacked(&self, origin: &Origin, unfolded: &mut dyn Read, depth: usize) -> io::Result<()> {
        let name = origin.path().map_or_else(String::new, |path| stem(&path).to_owned());
        let mut counted = Counted { inner: unfolded, walk: self };
        let mut head = Vec::with_capacity(HEAD);
        counted.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
        let kind = Kind::of(&head);
        let mut content = Cursor::new(head).chain(counted);
        match kind {
            Some(kind) if !matches!(kind, Kind::Packed(_) | Kind::Zlib) && depth < self.limits.depth => {
                self.open(kind, origin, &mut content, depth + 1)
            }
            _ => self.known_member(kind, origin, name, &mut content, depth),
        }
    }

    /// A member of an archive, which may be one.
    fn member(&self, outer: &Origin, path: String, content: &mut dyn Read, depth: usize) -> io::Result<()> {
        let mut head = Vec::with_capacity(HEAD);
        let mut counted = Counted { inner: content, walk: self };
        let read = counted.by_ref().take(HEAD as u64).read_to_end(&mut head);
        if let Err(error) = read {
            return self.missed(error, &Origin::Member { outer: Box::new(outer.clone()), path });
        }
        let kind = Kind::of(&head);
        self.known_member(kind, outer, path, &mut Cursor::new(head).chain(counted), depth)
    }

    /// A member that is packed by a format of its own.
    fn packed_member(&self, outer: &Origin, path: String, content: &mut dyn Read, depth: usize) -> io::Result<()> {
        let origin = Origin::Member { outer: Box::new(outer.clone()), path: path.clone() };
        match Unfolded::within(content, self.limits.unfolded, INNER_MEMORY) {
            Ok(mut unfolded) => self.member(outer, path, &mut unfolded, depth),
            Err(error) => self.missed(error, &origin),
        }
    }

    fn known_member(
        &self,
        kind: Option<Kind>,
        outer: &Origin,
        path: String,
        content: &mut dyn Read,
        depth: usize,
    ) -> io::Result<()> {
        self.entry()?;
        let origin = Origin::Member { outer: Box::new(outer.clone()), path };
        let read = match kind {
            Some(kind) if depth < self.limits.depth => self.open(kind, &origin, content, depth + 1),
            Some(_) => {
                self.sink.skipped(Why::Limit, &origin);
                self.sink.bytes(origin.clone(), content)
            }
            None => self.sink.content(origin.clone(), content),
        };
        read.or_else(|error| self.missed(error, &origin))
    }

    /// Counts an entry.
    fn entry(&self) -> io::Result<()> {
        self.entries.set(self.entries.get() + 1);
        if self.entries.get() > self.limits.entries || self.sink.flow() == Flow::Stop {
            return Err(gap(if self.sink.flow() == Flow::Stop { Why::Stopped } else { Why::Limit }));
        }
        Ok(())
    }

    /// Counts what came out.
    fn unfolds(&self, bytes: usize) -> io::Result<()> {
        self.unfolded.set(self.unfolded.get() + bytes as u64);
        if self.is_spent() { Err(gap(Why::Limit)) } else { Ok(()) }
    }

    /// Tells that something was not read to its end. What goes beyond a limit ends the whole walk.
    fn missed(&self, error: io::Error, origin: &Origin) -> io::Result<()> {
        match why(&error) {
            Why::Limit if self.is_spent() => Err(error),
            Why::Stopped => Err(error),
            why => {
                self.sink.skipped(why, origin);
                Ok(())
            }
        }
    }

    fn is_spent(&self) -> bool {
        let unfolded = self.unfolded.get();
        unfolded > self.limits.unfolded
            || (unfolded > FREE && unfolded / MOST_RATIO > self.taken.get())
            || self.entries.get() > self.limits.entries
    }
}

/// `app.log` of `logs/app.log.gz`.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let endings = [".gz", ".xz", ".zst", ".bz2", ".lzma", ".Z", ".tgz", ".txz", ".zlib", ".zz"];
    endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// Counts what a walk unfolds, and ends when it is too much.
struct Counted<'a, R> {
    inner: R,
    walk: &'a Walk<'a>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.walk.unfolds(n).map(|()| n)
    }
}

/// Counts what a walk reads, and keeps the error that is not one of the archive's making.
struct Taken<'a, R> {
    inner: R,
    count: &'a Cell<u64>,
    failed: &'a Cell<Option<io::Error>>,
}

impl<R: Read> Read for Taken<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(n) => {
                self.count.set(self.count.get() + n as u64);
                Ok(n)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.failed.set(Some(error));
                Err(kind.into())
            }
        }
    }
}

#[cfg(test)]
mod tests;
