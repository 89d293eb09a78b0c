//! Walks the entries of a tar: ustar, GNU and PAX, with long names and sparse files. Unlike the `tar` crate's own
//! walk it holds nothing that the archive sizes (a PAX header may claim gigabytes), gives names as a container's file
//! system would have them, and says what is left where the archive breaks. It never panics, whatever the bytes.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Cursor, Read};

use tar::{GnuExtSparseHeader, Header};

use super::permissions::permissions;
use super::unfold::gap;
use crate::origin::Permissions;
use crate::source::Why;

pub(in crate::source) const BLOCK: usize = 512;
/// The largest header of long names and attributes that is read.
const MOST_EXTENSION: u64 = 1 << 20;
/// The longest path that is kept. No system can unpack one longer than 4 KiB.
const MOST_PATH: usize = 16 << 10;
/// The most stretches of data in a sparse file.
const MOST_RUNS: usize = 1 << 16;
/// A hole is read as this many zeros at most: a secret is not in it, nor does it go across.
const MOST_HOLE: u64 = 4096;

/// A stream that can pass over bytes.
pub(in crate::source) trait Advance: Read + Sized {
    /// Passes over `n` bytes.
    ///
    /// # Errors
    /// `UnexpectedEof` if there are not so many.
    fn advance(&mut self, n: u64) -> io::Result<()> {
        let passed = io::copy(&mut self.by_ref().take(n), &mut io::sink())?;
        if passed < n { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Kind {
    /// A file, or anything else that has data.
    File,
    /// A folder.
    Folder,
    /// Another name of a file.
    HardLink,
    /// A link to a path.
    Symlink,
    /// A device or pipe.
    Special,
}

/// An entry; its content comes from [`Entries::content`].
#[derive(Debug)]
pub(in crate::source) struct Entry {
    /// The path as a file system would have it: without a leading slash, `.` and `..`. Empty for the root.
    pub(in crate::source) path: String,
    /// What it is.
    pub(in crate::source) kind: Kind,
    /// Whose it is; nothing where the header makes no sense.
    pub(in crate::source) permissions: Option<Permissions>,
    /// What a link points at, as it is written.
    pub(in crate::source) link: String,
    /// Where its data begins in the stream.
    pub(in crate::source) offset: u64,
    /// How much data is stored.
    pub(in crate::source) size: u64,
    /// Whether zeros were left out of the data.
    pub(in crate::source) sparse: bool,
    /// Whether the headers before it were too large to be read: name and size may be others.
    pub(in crate::source) cut: bool,
}

/// A walk.
#[derive(Debug)]
pub(in crate::source) struct Entries<R> {
    input: R,
    /// The last header block, and how much of it came.
    block: [u8; BLOCK],
    filled: usize,
    /// Bytes taken from the input.
    position: u64,
    /// Of the data of the current entry, what has not been read.
    left: u64,
    padding: u64,
    runs: Runs,
    entries: u64,
    most: u64,
    ended: bool,
}

/// The stretches of a sparse file: how many zeros come before, how many bytes follow.
#[derive(Debug, Default)]
struct Runs {
    next: VecDeque<(u64, u64)>,
    hole: u64,
    run: u64,
}

/// What headers before an entry say of it.
#[derive(Debug, Default)]
struct About {
    any: bool,
    cut: bool,
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Offsets and lengths, from the old PAX form of sparse files.
    runs: Vec<u64>,
}

impl<R: Advance> Entries<R> {
    /// Begins, and goes no further than `most` entries.
    pub(in crate::source) fn new(input: R, most: u64) -> Self {
        Self {
            input,
            block: [0; BLOCK],
            filled: 0,
            position: 0,
            left: 0,
            padding: 0,
            runs: Runs::default(),
            entries: 0,
            most,
            ended: false,
        }
    }

    /// The next entry. What was not read of the one before is passed over. After an error there is no next, only
    /// [`Entries::rest`].
    ///
    /// # Errors
    /// `UnexpectedEof` if the stream ends within an entry, `InvalidData` if a header is none, [`Why::Limit`] if there
    /// are too many, and what the stream says.
    pub(in crate::source) fn next(&mut self) -> io::Result<Option<Entry>> {
        self.filled = 0;
        let pass = self.left.saturating_add(std::mem::take(&mut self.padding));
        self.left = 0;
        self.input.advance(pass)?;
        self.position = self.position.saturating_add(pass);
        let mut about = About::default();
        loop {
            if !self.header()? {
                return if about.any { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(None) };
            }
            let header = Header::from_byte_slice(&self.block).clone();
            match header.entry_type().as_byte() {
                b'x' | b'X' => {
                    let bytes = self.extension(&header, &mut about)?;
                    about.read_pax(&bytes);
                }
                b'L' => about.path = Some(self.extension(&header, &mut about)?),
                b'K' => about.link = Some(self.extension(&header, &mut about)?),
                // For all entries to come; nobody names files by it.
                b'g' => drop(self.extension(&header, &mut About::default())?),
                flag => return self.entry(&header, flag, about).map(Some),
            }
        }
    }

    /// The content of the entry that `next` gave last.
    pub(in crate::source) fn content(&mut self) -> Content<'_, R> {
        Content { entries: self }
    }

    /// Whether the mark at the end of the archive has been passed: what is after it, no container sees.
    pub(in crate::source) fn ended(&self) -> bool {
        self.ended
    }

    /// Whether no header has been seen.
    pub(in crate::source) fn is_first(&self) -> bool {
        self.entries == 0
    }

    /// Bytes from here to the end: the block that was no header, and all that follows.
    pub(in crate::source) fn rest(&mut self) -> impl Read {
        Cursor::new(self.block[..std::mem::take(&mut self.filled)].to_vec()).chain(&mut self.input)
    }

    /// The stream, when the walk is over.
    pub(in crate::source) fn into_inner(self) -> R {
        self.input
    }

    /// Reads a block that is not all zeros. `false` at the end of the stream.
    fn block(&mut self) -> io::Result<bool> {
        loop {
            self.filled = 0;
            while self.filled < BLOCK {
                match self.input.read(&mut self.block[self.filled..]) {
                    Ok(0) => break,
                    Ok(n) => self.filled += n,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            self.position = self.position.saturating_add(self.filled as u64);
            match self.filled {
                0 => return Ok(false),
                BLOCK if self.block.iter().all(|&b| b == 0) => self.ended = true,
                BLOCK => return Ok(true),
                // Zeros that do not fill a block end nothing.
                _ if self.ended && self.block[..self.filled].iter().all(|&b| b == 0) => return Ok(false),
                _ => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    fn header(&mut self) -> io::Result<bool> {
        if !self.block()? {
            return Ok(false);
        }
        let outside = self.block[..148].iter().chain(&self.block[156..]);
        // Some old programs summed signed bytes.
        let signed: i64 = outside.clone().map(|&b| i64::from(b.cast_signed())).sum::<i64>() + 8 * 32;
        let sum: i64 = outside.map(|&b| i64::from(b)).sum::<i64>() + 8 * 32;
        let said = Header::from_byte_slice(&self.block).cksum().ok().map(i64::from);
        if said != Some(sum) && said != Some(signed) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.entries += 1;
        if self.entries > self.most { Err(gap(Why::Limit)) } else { Ok(true) }
    }

    /// Reads the data of a header that describes the next. One that is too large is passed over.
    fn extension(&mut self, header: &Header, about: &mut About) -> io::Result<Vec<u8>> {
        about.any = true;
        let size = size_of(header)?;
        let mut bytes = Vec::new();
        if size <= MOST_EXTENSION {
            self.input.by_ref().take(size).read_to_end(&mut bytes)?;
            if (bytes.len() as u64) < size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.input.advance(padding(size))?;
        } else {
            about.cut = true;
            self.input.advance(size.saturating_add(padding(size)))?;
        }
        self.position = self.position.saturating_add(size).saturating_add(padding(size));
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        Ok(bytes)
    }

    fn entry(&mut self, header: &Header, flag: u8, mut about: About) -> io::Result<Entry> {
        let text = |key: &[u8], about: &mut About| about.pax.remove(key);
        let path = text(b"GNU.sparse.name", &mut about)
            .or_else(|| text(b"path", &mut about))
            .or(about.path.take())
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let kind = match flag {
            0 if path.ends_with(b"/") => Kind::Folder,
            b'1' => Kind::HardLink,
            b'2' => Kind::Symlink,
            b'3' | b'4' | b'6' => Kind::Special,
            b'5' => Kind::Folder,
            _ => Kind::File,
        };
        let link = text(b"linkpath", &mut about)
            .or(about.link.take())
            .or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned))
            .unwrap_or_default();
        // As the runtimes' own reader has it: only what is a file has data.
        let size = match (kind, about.number(b"size")) {
            (Kind::File, Some(size)) => size,
            (Kind::File, None) => size_of(header)?,
            _ => 0,
        };
        let permissions = permissions(header, about.number(b"uid"), about.number(b"gid"));
        let mut runs = Vec::new();
        if kind == Kind::File && flag == b'S' {
            runs = self.gnu_runs(header)?;
        }
        let offset = self.position;
        self.left = size;
        self.padding = padding(size);
        if kind == Kind::File && about.is_sparse() {
            runs = self.pax_runs(&mut about)?;
        }
        let sparse = !runs.is_empty();
        self.runs = Runs::new(&runs);
        let link = String::from_utf8_lossy(&link).into_owned();
        Ok(Entry { path: normal(&path), kind, permissions, link, offset, size, sparse, cut: about.cut })
    }

    /// The stretches of a sparse file in GNU's old form: four in the header, more in blocks after it.
    fn gnu_runs(&mut self, header: &Header) -> io::Result<Vec<u64>> {
        let Some(gnu) = header.as_gnu() else { return Ok(Vec::new()) };
        let mut runs = Vec::new();
        let mut add = |block: &tar::GnuSparseHeader| {
            if let (false, Ok(offset), Ok(length)) = (block.is_empty(), block.offset(), block.length()) {
                runs.extend([offset, length]);
            }
            runs.len() / 2 <= MOST_RUNS
        };
        // Four never go beyond the limit.
        let _ = gnu.sparse.iter().all(&mut add);
        let mut more = gnu.is_extended();
        while more {
            let mut next = GnuExtSparseHeader::new();
            self.input.read_exact(next.as_mut_bytes())?;
            self.position = self.position.saturating_add(BLOCK as u64);
            if !next.sparse().iter().all(&mut add) {
                return Err(gap(Why::Limit));
            }
            more = next.is_extended();
        }
        Ok(runs)
    }

    /// The stretches of a sparse file in one of the PAX forms: in the headers, or before the data.
    fn pax_runs(&mut self, about: &mut About) -> io::Result<Vec<u64>> {
        if about.number(b"GNU.sparse.major") == Some(1) {
            return self.leading_runs();
        }
        if let Some(map) = about.pax.remove(b"GNU.sparse.map".as_slice()) {
            return Ok(map.split(|&b| b == b',').map_while(number).take(2 * MOST_RUNS).collect());
        }
        Ok(std::mem::take(&mut about.runs))
    }

    /// A count, then as many offsets and lengths, each on a line, padded to a block; all of it part of the data.
    fn leading_runs(&mut self) -> io::Result<Vec<u64>> {
        let mut numbers: Vec<u64> = Vec::new();
        let mut line = Vec::new();
        let mut block = [0; BLOCK];
        while self.left >= BLOCK as u64 {
            self.input.read_exact(&mut block)?;
            self.left -= BLOCK as u64;
            self.position = self.position.saturating_add(BLOCK as u64);
            for &byte in &block {
                if byte != b'\n' {
                    line.push(byte);
                    continue;
                }
                // Nonsense: the data goes on in one piece.
                let Some(number) = number(&line) else { return Ok(Vec::new()) };
                line.clear();
                numbers.push(number);
                if numbers.len() as u64 > numbers[0].saturating_mul(2) {
                    numbers.remove(0);
                    return Ok(numbers);
                }
                if numbers[0] > MOST_RUNS as u64 {
                    return Err(gap(Why::Limit));
                }
            }
            if line.len() > BLOCK {
                return Ok(Vec::new());
            }
        }
        Ok(Vec::new())
    }
}

impl About {
    /// Reads records of `length key=value\n`. What is malformed ends them.
    fn read_pax(&mut self, mut bytes: &[u8]) {
        while let Some(space) = bytes.iter().position(|&b| b == b' ') {
            let Some(length) = number(&bytes[..space]).and_then(|n| usize::try_from(n).ok()) else { return };
            let Some(record) = bytes.get(space + 1..length) else { return };
            bytes = &bytes[length..];
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            let Some(equals) = record.iter().position(|&b| b == b'=') else { return };
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            match key {
                b"GNU.sparse.offset" | b"GNU.sparse.numbytes" if self.runs.len() < 2 * MOST_RUNS => {
                    self.runs.extend(number(value));
                }
                b"path" | b"linkpath" | b"size" | b"uid" | b"gid" => {
                    drop(self.pax.insert(key.to_vec(), value.to_vec()));
                }
                _ if key.starts_with(b"GNU.sparse.") => drop(self.pax.insert(key.to_vec(), value.to_vec())),
                _ => {}
            }
        }
    }

    fn number(&self, key: &[u8]) -> Option<u64> {
        self.pax.get(key).and_then(|value| number(value))
    }

    fn is_sparse(&self) -> bool {
        !self.runs.is_empty() || self.pax.keys().any(|key| key.starts_with(b"GNU.sparse."))
    }
}

impl Runs {
    /// From offsets and lengths. Where they make no sense the data is one piece.
    fn new(numbers: &[u64]) -> Self {
        let mut next = VecDeque::new();
        let mut end = 0u64;
        for pair in numbers.chunks_exact(2) {
            let Some(hole) = pair[0].checked_sub(end) else { return Self::default() };
            end = pair[0].saturating_add(pair[1]);
            next.push_back((hole.min(MOST_HOLE), pair[1]));
        }
        Self { next, hole: 0, run: 0 }
    }
}

/// Reads an entry's content to its end, with the zeros of a sparse file shortened.
#[derive(Debug)]
pub(in crate::source) struct Content<'a, R> {
    entries: &'a mut Entries<R>,
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Entries { input, left, position, runs, .. } = &mut *self.entries;
        if buffer.is_empty() {
            return Ok(0);
        }
        while runs.hole == 0 && runs.run == 0 {
            // After the last stretch, whatever is left.
            (runs.hole, runs.run) = runs.next.pop_front().unwrap_or((0, u64::MAX));
        }
        if runs.hole > 0 {
            let n = usize::try_from(runs.hole).map_or(buffer.len(), |hole| hole.min(buffer.len()));
            buffer[..n].fill(0);
            runs.hole -= n as u64;
            return Ok(n);
        }
        let most = usize::try_from(runs.run.min(*left)).map_or(buffer.len(), |most| most.min(buffer.len()));
        if most == 0 {
            return Ok(0);
        }
        let n = input.read(&mut buffer[..most])?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        *left -= n as u64;
        *position = position.saturating_add(n as u64);
        runs.run -= n as u64;
        Ok(n)
    }
}

fn size_of(header: &Header) -> io::Result<u64> {
    let field = &header.as_old().size;
    if field.iter().all(|&b| b == 0 || b == b' ') {
        return Ok(0);
    }
    match header.entry_size() {
        Ok(size) if i64::try_from(size).is_ok() => Ok(size),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// A path as a file system would have it if the archive were unpacked at its root.
pub(in crate::source) fn normal(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let mut path = parts.join("/");
    if path.len() > MOST_PATH {
        let cut = (0..=MOST_PATH).rev().find(|&i| path.is_char_boundary(i)).unwrap_or(0);
        path.truncate(cut);
        path.push('…');
    }
    path
}
