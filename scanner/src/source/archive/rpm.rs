//! A package of RPM: a lead that nobody reads, two headers, and a packed cpio. The headers hold the scripts that an
//! installation runs.

use std::io::{self, Read};

use super::peek::Peek;
use super::{HEAD, Kind, Walk, gap};
use crate::origin::Origin;
use crate::source::Why;

const LEAD: u64 = 96;
const MAGIC: [u8; 4] = [0x8e, 0xad, 0xe8, 0x01];
/// The largest headers that RPM itself reads.
const MOST_HEADER: u64 = 256 << 20;

pub(super) fn walk(walk: &Walk<'_>, origin: &Origin, input: &mut dyn Read, depth: usize) -> io::Result<()> {
    let mut input = Peek::new(input);
    input.skip(LEAD)?;
    let signature = header(walk, origin, &mut input)?;
    input.skip(signature.wrapping_neg() % 8)?;
    header(walk, origin, &mut input)?;
    match Kind::of(input.peek(HEAD)?) {
        Some(kind) if depth < walk.limits.depth => walk.open(kind, origin, &mut input, depth + 1),
        _ => walk.sink.bytes(origin.clone(), &mut input),
    }
}

/// Scans a header as it stands. Gives the length of its data.
fn header<R: Read>(walk: &Walk<'_>, origin: &Origin, input: &mut Peek<R>) -> io::Result<u64> {
    let fixed = input.take_array::<16>()?;
    let number = |at: usize| u64::from(u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]));
    let (entries, length) = (number(8), number(12));
    let all = entries * 16 + length;
    if fixed[..4] != MAGIC || all > MOST_HEADER {
        return Err(gap(Why::Malformed));
    }
    let mut data = input.by_ref().take(all);
    walk.sink.bytes(origin.clone(), &mut data)?;
    let left = data.limit();
    input.skip(left)?;
    Ok(length)
}
