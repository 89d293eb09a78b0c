//! Zip as it stands in a stream: each member behind its own header. The directory at the end only repeats them, and is
//! scanned as it stands, for its comments. What stands between members is too, and those behind it are read: the
//! directory leads other programs to them. A member that it names and that was not come by is a gap.

mod between;
mod directory;

use std::io::{self, Read};

use flate2::bufread::DeflateDecoder;

use super::Walk;
use super::peek::Peek;
use crate::origin::Origin;
use crate::source::Why;
use between::{Mark, UpTo, is_record};
use directory::{BEGINNINGS, Directory};

const MEMBER: &[u8] = b"PK\x03\x04";
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
/// How often an archive may have something else between its members, or directories: few have any.
const MOST_BREAKS: usize = 1000;
/// Of how many members it is noted where they begin.
const MOST_NOTED: usize = 1 << 20;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Of a name that is longer the file system would say so.
const MOST_NAME: usize = 4096;

/// What stands before a member.
struct Header {
    method: u16,
    encrypted: bool,
    /// Whether the sizes follow the data.
    described: bool,
    /// Of the data as it is stored.
    size: u64,
    path: String,
}

impl Header {
    fn read<R: Read>(input: &mut Peek<R>) -> io::Result<Self> {
        let fixed = input.take_array::<30>()?;
        let short = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
        let long = |at: usize| u64::from(u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]));
        let (flags, method) = (short(6), short(8));
        let mut name = vec![0; usize::from(short(26))];
        input.read_exact(&mut name)?;
        let mut extra = vec![0; usize::from(short(28))];
        input.read_exact(&mut extra)?;
        let size = match long(18) {
            0xffff_ffff => long_size(&extra, usize::from(long(22) == 0xffff_ffff)).unwrap_or(0xffff_ffff),
            size => size,
        };
        Ok(Self { method, encrypted: flags & 1 != 0, described: flags & 8 != 0, size, path: text(&name) })
    }

    fn is_folder(&self) -> bool {
        self.path.ends_with('/') && self.size == 0
    }
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(&name[..name.len().min(MOST_NAME)]).trim_start_matches('/').to_owned()
}

/// A number of a Zip64 field, which has those that are too large for their own fields, in their order.
fn long_size(mut extra: &[u8], before: usize) -> Option<u64> {
    while let Some((head, rest)) = extra.split_first_chunk::<4>() {
        let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
        let field = rest.get(..length)?;
        if head[..2] == [1, 0] {
            let at = before * 8;
            return Some(u64::from_le_bytes(field.get(at..at + 8)?.try_into().ok()?));
        }
        extra = &rest[length..];
    }
    None
}

pub(super) fn walk(walk: &Walk<'_>, origin: &Origin, input: &mut dyn Read, depth: usize) -> io::Result<()> {
    let mut input = Peek::new(input);
    let (mut visited, mut breaks, mut listed) = (Vec::new(), 0, false);
    loop {
        let next = input.peek(4)?;
        if next.is_empty() {
            // No directory behind the last member: it was cut off.
            return if listed { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        let is_directory = BEGINNINGS.contains(&next);
        if next == MEMBER {
            listed = false;
            if visited.len() < MOST_NOTED {
                visited.push(input.position());
            }
            let header = Header::read(&mut input)?;
            if !member(walk, origin, &header, &mut input, depth)? {
                walk.sink.skipped(Why::Malformed, origin);
            }
            continue;
        }
        breaks += 1;
        if breaks > MOST_BREAKS {
            walk.sink.skipped(Why::Malformed, origin);
            return walk.sink.bytes(origin.clone(), &mut input);
        }
        if is_directory {
            listed = true;
            let mut directory = Directory::new(&mut input, &visited);
            walk.sink.bytes(origin.clone(), &mut directory)?;
            let known = visited.len() < MOST_NOTED;
            for path in directory.missing().filter(|_| known) {
                walk.sink.skipped(Why::Malformed, &Origin::Member { outer: Box::new(origin.clone()), path });
            }
        } else {
            walk.sink.bytes(origin.clone(), &mut UpTo::new(&mut input, Mark::Record))?;
        }
    }
}

/// Reads a member, and what says behind it how large it was. `false` if it is not to be told where it ends.
fn member<R: Read>(
    walk: &Walk<'_>,
    origin: &Origin,
    header: &Header,
    input: &mut Peek<R>,
    depth: usize,
) -> io::Result<bool> {
    let own = || Origin::Member { outer: Box::new(origin.clone()), path: header.path.clone() };
    // A size that follows the data is not known before, but by an encoder that says it in both places.
    let known = !header.described || header.size > 0;
    let whole = if header.encrypted || !matches!(header.method, STORED | DEFLATED | 12 | 93 | 95) {
        walk.sink.skipped(if header.encrypted { Why::Encrypted } else { Why::Compression }, &own());
        if !known {
            // It is told of; where the next is, is found.
            return Ok(true);
        }
        input.skip(header.size)?;
        true
    } else if header.is_folder() && known {
        true
    } else if known {
        let mut data = input.take(header.size);
        if header.method == DEFLATED {
            let mut data = Peek::new(&mut data);
            walk.member(origin, header.path.clone(), &mut DeflateDecoder::new(&mut data), depth)?;
        } else if header.method == STORED {
            walk.member(origin, header.path.clone(), &mut data, depth)?;
        } else {
            walk.packed_member(origin, header.path.clone(), &mut data, depth)?;
        }
        let left = data.limit();
        input.skip(left)?;
        true
    } else if header.method == DEFLATED {
        let mut inflated = DeflateDecoder::new(&mut *input);
        walk.member(origin, header.path.clone(), &mut inflated, depth)?;
        // Where it ends is known only when it has been read.
        io::copy(&mut inflated.by_ref(), &mut io::sink()).is_ok()
    } else if header.method == STORED {
        let mut data = UpTo::new(input, Mark::Descriptor);
        // A folder has nothing, unless somebody hid something in it.
        let mut first = [0; 1];
        let n = data.read(&mut first)?;
        if n > 0 || !header.path.ends_with('/') {
            walk.member(origin, header.path.clone(), &mut first[..n].chain(&mut data), depth)?;
        }
        data.found()?
    } else {
        return Ok(false);
    };
    Ok(whole && (!header.described || descriptor(input)?))
}

/// Passes over the sizes behind a member's data: with a mark or without, of four bytes or of eight. `false` if there are
/// none.
fn descriptor<R: Read>(input: &mut Peek<R>) -> io::Result<bool> {
    let next = input.peek(36)?;
    let marked = if next.starts_with(DESCRIPTOR) { 4 } else { 0 };
    let follows = |at: usize| next.get(at..).is_some_and(is_record);
    let length = [marked + 12, marked + 20].into_iter().find(|at| follows(*at));
    match length {
        Some(length) => input.skip(length as u64).map(|()| true),
        None if next.len() < marked + 12 => Err(io::ErrorKind::UnexpectedEof.into()),
        // Something else is before the next; where that is, is found.
        None if marked > 0 => input.skip(16).map(|()| true),
        None => Ok(false),
    }
}
