//! Zip as it stands in a stream: each member behind its own header. The directory at the end only repeats them, and is
//! scanned as it stands, for its comments.

use std::io::{self, Read};

use flate2::bufread::DeflateDecoder;

use super::peek::Peek;
use super::{Walk, gap};
use crate::origin::Origin;
use crate::source::Why;

const MEMBER: &[u8] = b"PK\x03\x04";
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
/// What may follow a member besides another: the directory, and what goes before it.
const DIRECTORY: [&[u8]; 4] = [b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x08"];

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
            0xffff_ffff => long_size(&extra, long(22) == 0xffff_ffff).unwrap_or(0xffff_ffff),
            size => size,
        };
        name.truncate(MOST_NAME);
        Ok(Self {
            method,
            encrypted: flags & 1 != 0,
            described: flags & 8 != 0,
            size,
            path: String::from_utf8_lossy(&name).trim_start_matches('/').to_owned(),
        })
    }

    fn is_folder(&self) -> bool {
        self.path.ends_with('/') && self.size == 0
    }
}

/// The stored size in a Zip64 field, which the other size stands before where it is long too.
fn long_size(mut extra: &[u8], both: bool) -> Option<u64> {
    while let Some((head, rest)) = extra.split_first_chunk::<4>() {
        let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
        let field = rest.get(..length)?;
        if head[..2] == [1, 0] {
            let at = if both { 8 } else { 0 };
            return Some(u64::from_le_bytes(field.get(at..at + 8)?.try_into().ok()?));
        }
        extra = &rest[length..];
    }
    None
}

pub(super) fn walk(walk: &Walk<'_>, origin: &Origin, input: &mut dyn Read, depth: usize) -> io::Result<()> {
    let mut input = Peek::new(input);
    loop {
        let next = input.peek(4)?;
        if next.is_empty() {
            // No directory: it was cut off.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if DIRECTORY.contains(&next) {
            return walk.sink.bytes(origin.clone(), &mut input);
        }
        if next != MEMBER {
            walk.sink.skipped(Why::Malformed, origin);
            return walk.sink.bytes(origin.clone(), &mut input);
        }
        let header = Header::read(&mut input)?;
        if !member(walk, origin, &header, &mut input, depth)? {
            walk.sink.skipped(Why::Malformed, origin);
            return walk.sink.bytes(origin.clone(), &mut input);
        }
    }
}

/// Reads a member and all up to the next. `false` if nobody can tell where that is.
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
            return Ok(false);
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
    } else {
        return Ok(false);
    };
    if header.described {
        descriptor(input)?;
    }
    Ok(whole)
}

/// Passes over the sizes behind a member's data: with a mark or without, of four bytes or of eight.
fn descriptor<R: Read>(input: &mut Peek<R>) -> io::Result<()> {
    let next = input.peek(28)?;
    let marked = if next.starts_with(DESCRIPTOR) { 4 } else { 0 };
    let follows = |at: usize| {
        let sign = next.get(at..at + 4);
        sign.is_some_and(|sign| sign == MEMBER || DIRECTORY.contains(&sign))
    };
    let length = [marked + 12, marked + 20].into_iter().find(|at| follows(*at));
    match length {
        Some(length) => input.skip(length as u64),
        None if next.len() < marked + 12 => Err(io::ErrorKind::UnexpectedEof.into()),
        None => Err(gap(Why::Malformed)),
    }
}
