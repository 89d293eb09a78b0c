//! Reads a bolt database (bbolt, version 2 of the file format), as far as one needs to list what is in it. It takes no
//! lock, for whoever has it open holds that, and is never written to. Nothing in it is trusted: numbers are checked
//! before they are used, and how much is read is bounded.
//!
//! The file is pages of one size. Two of them are metas, written in turns: the newest whose checksum fits names the root.
//! A bucket is a tree of branch and leaf pages, or, if it is small, one leaf page inside its own value.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
/// What stands before a page's elements: its number, flags, count and overflow.
const HEADER: usize = 16;
const ELEMENT: usize = 16;
/// A meta behind its page's header, without its checksum.
const META: usize = 56;
const BRANCH: u16 = 1;
const LEAF: u16 = 2;
/// An element of a leaf that is a bucket: the number of its root page and a sequence, then its page if that is 0.
const BUCKET: u32 = 1;
const BUCKET_HEADER: usize = 16;
const PAGE_SIZES: std::ops::RangeInclusive<u32> = 9..=16;
/// How deep a tree may be. One of a billion keys has eight.
const MOST_DEPTH: usize = 32;
/// How many pages and bytes are read in all, and the largest page with what overflows it.
const MOST_PAGES: u64 = 200_000;
const MOST_BYTES: u64 = 512 << 20;
const MOST_PAGE: u64 = 16 << 20;
/// How often it is begun anew if it was written to meanwhile, and the wait before.
const TRIES: u32 = 20;
const WAIT: Duration = Duration::from_millis(20);

/// Why a database cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("it is no bolt database of version 2")]
    Form,
    #[error("its page {0} is broken")]
    Page(u64),
    #[error("it is larger than any should be")]
    Limit,
    #[error("it is written to faster than it can be read")]
    Moving,
    #[error("{0}")]
    Read(#[from] io::Error),
}

/// Whatever can be read at any place.
pub(super) trait Bytes {
    /// Fills the buffer from there on.
    fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()>;
}

impl Bytes for File {
    fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(buffer, at)
    }
}

impl Bytes for Vec<u8> {
    fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(at).ok().and_then(|at| self.get(at..)?.get(..buffer.len()));
        from.map(|from| buffer.copy_from_slice(from)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// Reads something of one state of a database. Whoever writes does not write over pages of a state before there is a
/// newer one, so what was read while there was none is whole; else it is read anew.
pub(super) fn read<T>(bytes: &dyn Bytes, take: impl Fn(&Tree<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
    for tried in 0..TRIES {
        if tried > 0 {
            std::thread::sleep(WAIT);
        }
        let meta = Meta::newest(bytes)?;
        let taken = take(&Tree { bytes, meta, pages: Cell::new(0), read: Cell::new(0) });
        if Meta::newest(bytes)?.transaction == meta.transaction {
            return taken;
        }
    }
    Err(Fault::Moving)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..)?.get(..2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..)?.get(..4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..)?.get(..8)?.try_into().ok()?))
}

/// What a database begins with.
#[derive(Debug, Clone, Copy)]
struct Meta {
    page_size: u32,
    root: u64,
    /// One more than the last page.
    end: u64,
    transaction: u64,
}

impl Meta {
    fn newest(bytes: &dyn Bytes) -> Result<Self, Fault> {
        let first = Self::at(bytes, 0);
        // Where the second is, only the first says; if that is broken it is looked for.
        let second = match first {
            Some(first) => Self::at(bytes, first.page_size.into()),
            None => PAGE_SIZES
                .map(|bits| 1 << bits)
                .find_map(|size| Self::at(bytes, size).filter(|meta| u64::from(meta.page_size) == size)),
        };
        first.into_iter().chain(second).max_by_key(|meta| meta.transaction).ok_or(Fault::Form)
    }

    fn at(bytes: &dyn Bytes, at: u64) -> Option<Self> {
        let mut page = [0; HEADER + META + 8];
        bytes.read(at, &mut page).ok()?;
        let meta = &page[HEADER..];
        if u32_at(meta, 0)? != MAGIC || u32_at(meta, 4)? != VERSION || u64_at(meta, META)? != checksum(&meta[..META]) {
            return None;
        }
        let page_size = u32_at(meta, 8)?;
        let is_size = page_size.is_power_of_two() && PAGE_SIZES.contains(&page_size.trailing_zeros());
        is_size.then_some(Self {
            page_size,
            root: u64_at(meta, 16)?,
            end: u64_at(meta, 40)?,
            transaction: u64_at(meta, 48)?,
        })
    }
}

/// FNV-1a of 64 bits.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// One state of a database.
pub(super) struct Tree<'a> {
    bytes: &'a dyn Bytes,
    meta: Meta,
    pages: Cell<u64>,
    read: Cell<u64>,
}

/// Where a bucket's keys are.
#[derive(Debug)]
pub(super) enum Bucket {
    Page(u64),
    /// Inside of what held it.
    Inline(Vec<u8>),
}

/// What stands under a key.
#[derive(Debug)]
pub(super) enum Item {
    Value(Vec<u8>),
    Bucket(Bucket),
}

/// What is done with each key.
type Visit<'v> = &'v mut dyn FnMut(&[u8], Item) -> Result<(), Fault>;

impl Tree<'_> {
    /// The bucket that holds all others.
    pub(super) fn root(&self) -> Bucket {
        Bucket::Page(self.meta.root)
    }

    /// Visits the keys of a bucket, in their order.
    pub(super) fn each(&self, bucket: &Bucket, visit: Visit<'_>) -> Result<(), Fault> {
        match bucket {
            Bucket::Page(number) => self.below(*number, 0, visit),
            Bucket::Inline(page) if u16_at(page, 8) == Some(LEAF) => leaf(page, visit).ok_or(Fault::Page(0))?,
            Bucket::Inline(_) => Err(Fault::Page(0)),
        }
    }

    /// What stands under a key.
    pub(super) fn find(&self, bucket: &Bucket, wanted: &[u8]) -> Result<Option<Item>, Fault> {
        let mut found = None;
        self.each(bucket, &mut |key, item| {
            if key == wanted {
                found = Some(item);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// The bucket under a key.
    pub(super) fn bucket(&self, bucket: &Bucket, wanted: &[u8]) -> Result<Option<Bucket>, Fault> {
        Ok(self.find(bucket, wanted)?.and_then(|item| match item {
            Item::Bucket(bucket) => Some(bucket),
            Item::Value(_) => None,
        }))
    }

    fn below(&self, number: u64, depth: usize, visit: Visit<'_>) -> Result<(), Fault> {
        let page = self.page(number)?;
        match u16_at(&page, 8) {
            Some(LEAF) => leaf(&page, visit).ok_or(Fault::Page(number))?,
            Some(BRANCH) if depth < MOST_DEPTH => {
                let count = usize::from(u16_at(&page, 10).unwrap_or(0));
                for at in (0..count).map(|index| HEADER + index * ELEMENT) {
                    let child = u64_at(&page, at + 8).ok_or(Fault::Page(number))?;
                    self.below(child, depth + 1, visit)?;
                }
                Ok(())
            }
            _ => Err(Fault::Page(number)),
        }
    }

    /// A page, with what overflows it.
    fn page(&self, number: u64) -> Result<Vec<u8>, Fault> {
        let broken = || Fault::Page(number);
        if number < 2 || number >= self.meta.end {
            return Err(broken());
        }
        let size = u64::from(self.meta.page_size);
        let at = number.checked_mul(size).ok_or_else(broken)?;
        let mut header = [0; HEADER];
        self.bytes.read(at, &mut header)?;
        let overflow = u64::from(u32_at(&header, 12).unwrap_or(0));
        let all = size * (overflow + 1);
        self.pages.set(self.pages.get() + 1);
        self.read.set(self.read.get() + all);
        if all > MOST_PAGE || self.pages.get() > MOST_PAGES || self.read.get() > MOST_BYTES {
            return Err(Fault::Limit);
        }
        if u64_at(&header, 0) != Some(number) || overflow >= self.meta.end - number {
            return Err(broken());
        }
        let mut page = vec![0; usize::try_from(all).map_err(|_| Fault::Limit)?];
        self.bytes.read(at, &mut page)?;
        Ok(page)
    }
}

/// Visits what a leaf page holds; `None` if it does not hold what it says.
fn leaf(page: &[u8], visit: Visit<'_>) -> Option<Result<(), Fault>> {
    let count = usize::from(u16_at(page, 10)?);
    for at in (0..count).map(|index| HEADER + index * ELEMENT) {
        let number = |field| u32_at(page, at + field).map(|number| number as usize);
        let from = at.checked_add(number(4)?)?;
        let rest = page.get(from..)?;
        let (key, rest) = rest.split_at_checked(number(8)?)?;
        let value = rest.get(..number(12)?)?;
        let item = if u32_at(page, at)? & BUCKET == 0 {
            Item::Value(value.to_vec())
        } else {
            match u64_at(value, 0)? {
                0 => Item::Bucket(Bucket::Inline(value.get(BUCKET_HEADER..)?.to_vec())),
                root => Item::Bucket(Bucket::Page(root)),
            }
        };
        if let Err(fault) = visit(key, item) {
            return Some(Err(fault));
        }
    }
    Some(Ok(()))
}

#[cfg(test)]
pub(super) mod tests;
