//! The `ar` format of Debian's packages and of libraries: headers of sixty bytes, data padded to an even length.

use std::io::{self, Read};

use super::peek::Peek;
use super::{Walk, gap};
use crate::origin::Origin;
use crate::source::Why;

const MAGIC: u64 = 8;
/// The longest table of long names that is kept.
const MOST_NAMES: u64 = 1 << 20;

pub(super) fn walk(walk: &Walk<'_>, origin: &Origin, input: &mut dyn Read, depth: usize) -> io::Result<()> {
    let mut input = Peek::new(input);
    input.skip(MAGIC)?;
    let mut names = Vec::new();
    loop {
        // Padding that a writer forgot, or wrote once more.
        if input.peek(1)? == b"\n" {
            input.skip(1)?;
        }
        if input.peek(1)?.is_empty() {
            return Ok(());
        }
        let header = input.take_array::<60>()?;
        let size = std::str::from_utf8(&header[48..58]).ok().and_then(|size| size.trim_ascii_end().parse::<u64>().ok());
        let (Some(size), true) = (size, header.ends_with(b"`\n")) else { return Err(gap(Why::Malformed)) };
        let name = header[..16].trim_ascii_end();
        if name == b"//" && size <= MOST_NAMES {
            names.clear();
            input.by_ref().take(size).read_to_end(&mut names)?;
        } else {
            let mut data = input.by_ref().take(size);
            walk.member(origin, path_of(name, &names), &mut data, depth)?;
            let left = data.limit();
            input.skip(left)?;
        }
        if size % 2 == 1 && !input.peek(1)?.is_empty() {
            input.skip(1)?;
        }
    }
}

/// `name/`, `name`, or `/123`: the place of a long name in the table.
fn path_of(name: &[u8], names: &[u8]) -> String {
    let place = name.strip_prefix(b"/").and_then(|at| std::str::from_utf8(at).ok()?.parse::<usize>().ok());
    let long = place.and_then(|at| names.get(at..)?.split(|b| matches!(b, b'/' | b'\n')).next());
    let name = long.unwrap_or_else(|| name.strip_suffix(b"/").unwrap_or(name));
    String::from_utf8_lossy(name).into_owned()
}
