//! Unfolds what is compressed, as a stream and under a limit. The first bytes say how it is compressed; what a
//! manifest says of it is not believed.

use std::fmt;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::GzDecoder;
use lzma_rust2::{LzmaReader, XzReader};
use zstd::stream::read::Decoder as ZstdDecoder;

use super::digest::{Hashed, Hashes, Hashing};
use crate::source::Why;

/// How far back a stream may reach, as the exponent: 128 MiB, what the formats' own programs allow. The memory is taken
/// as it is filled, so an ordinary layer (8 MiB at most) does not cost it.
const MEMORY: u32 = 27;
/// How many of the first bytes tell the compression.
pub(in crate::source) const HEAD: usize = 6;
const BUFFER: usize = 64 * 1024;

/// How a stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Not at all.
    Plain,
    /// RFC 1952, in as many members as there are.
    Gzip,
    /// RFC 8878, in as many frames as there are.
    Zstd,
    /// As bzip2 writes it, in as many streams as there are.
    Bzip2,
    /// The .xz file format, in as many streams as there are.
    Xz,
    /// The .lzma file format.
    Lzma,
    /// In a way that is not read: its name.
    Unknown(&'static str),
}

impl Compression {
    /// What the first bytes say.
    pub(in crate::source) fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17, ..] => Self::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Unknown("lz4"),
            // Its properties, and a window of a power of two that is no smaller than 64 KiB.
            [0x5d, 0, 0, a, b, c] if *c <= 8 && u32::from_le_bytes([0, *a, *b, *c]).is_power_of_two() => Self::Lzma,
            [b'L', b'Z', b'I', b'P', ..] => Self::Unknown("lzip"),
            _ => Self::Plain,
        }
    }
}

/// Why a stream ended where it should not have; carried by an [`io::Error`].
#[derive(Debug)]
pub(in crate::source) struct Gap(pub(in crate::source) Why);

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Gap {}

pub(in crate::source) fn gap(why: Why) -> io::Error {
    io::Error::other(Gap(why))
}

/// What an error on the way says of the content.
pub(in crate::source) fn why(error: &io::Error) -> Why {
    if let Some(Gap(why)) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        return *why;
    }
    match error.kind() {
        _ if error.raw_os_error().is_some() => Why::Unreadable,
        io::ErrorKind::UnexpectedEof => Why::Truncated,
        io::ErrorKind::OutOfMemory => Why::Limit,
        // What the zstd library says when a frame asks for a longer window.
        _ if error.to_string().contains("too much memory") => Why::Limit,
        _ => Why::Malformed,
    }
}

/// A compressed stream, hashed as it is stored and as it unfolds.
#[derive(Debug)]
pub(in crate::source) struct Unfolded<R: Read> {
    inner: Hashing<Limited<Decoder<Stored<R>>>>,
    compression: Compression,
}

/// The stream as it is stored, with its first bytes put back.
type Stored<R> = BufReader<Hashing<Chain<Cursor<Vec<u8>>, R>>>;

impl<R: Read> Unfolded<R> {
    /// Begins. Nothing is believed of the stream but its first bytes, and of those that unfold at most `most` come.
    ///
    /// # Errors
    /// What the reader says, and [`Why::Compression`] if it is compressed in a way that is not read.
    pub(in crate::source) fn new(input: R, stored: Hashes, unfolded: Hashes, most: u64) -> io::Result<Self> {
        Self::with(input, (stored, unfolded), most, MEMORY)
    }

    /// The same with no digests, and with a decoder of no more memory than that exponent.
    ///
    /// # Errors
    /// As [`Unfolded::new`].
    pub(in crate::source) fn within(input: R, most: u64, memory: u32) -> io::Result<Self> {
        Self::with(input, (Hashes::default(), Hashes::default()), most, memory)
    }

    fn with(mut input: R, (stored, unfolded): (Hashes, Hashes), most: u64, memory: u32) -> io::Result<Self> {
        let mut head = Vec::with_capacity(HEAD);
        input.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
        let compression = Compression::of(&head);
        // What is not compressed is the same on both sides, and hashed once.
        let (stored, unfolded) = match compression {
            Compression::Plain => (Hashes::default(), unfolded.and(stored)),
            _ => (stored, unfolded),
        };
        let input = Hashing::new(Cursor::new(head).chain(input), stored);
        let input = BufReader::with_capacity(BUFFER, input);
        let kib = 1 << (memory - 10);
        let decoder = match compression {
            Compression::Plain => Decoder::Plain(input),
            Compression::Gzip => Decoder::Gzip(Gzip::Member(Box::new(GzDecoder::new(input)))),
            Compression::Zstd => {
                let mut decoder = ZstdDecoder::with_buffer(input)?;
                decoder.window_log_max(memory)?;
                Decoder::Zstd(decoder)
            }
            Compression::Bzip2 => Decoder::Bzip2(MultiBzDecoder::new(input)),
            Compression::Xz => Decoder::Xz(Box::new(XzReader::new_mem_limit(input, true, kib))),
            Compression::Lzma => Decoder::Lzma(Box::new(LzmaReader::new_mem_limit(input, kib, None)?)),
            Compression::Unknown(_) => return Err(gap(Why::Compression)),
        };
        Ok(Self { inner: Hashing::new(Limited { inner: decoder, left: most }, unfolded), compression })
    }

    /// Reads to the end, and tells the hashes of the stream as it is stored and as it unfolds.
    ///
    /// # Errors
    /// What reading says; then there are no hashes.
    pub(in crate::source) fn finish(mut self) -> io::Result<(Hashed, Hashed)> {
        io::copy(&mut self, &mut io::sink())?;
        let unfolded = self.inner.finish();
        let stored = self.inner.get_mut().inner.stored();
        // A decoder may stop before the end of what is stored.
        io::copy(stored, &mut io::sink())?;
        let hashed = stored.get_mut().finish();
        Ok((if self.compression == Compression::Plain { unfolded.clone() } else { hashed }, unfolded))
    }

    /// How it is compressed.
    #[cfg(test)]
    pub(in crate::source) fn compression(&self) -> Compression {
        self.compression
    }
}

impl<R: Read> Read for Unfolded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

#[derive(Debug)]
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| gap(Why::Limit))?;
        Ok(n)
    }
}

enum Decoder<B: BufRead> {
    Plain(B),
    Gzip(Gzip<B>),
    Zstd(ZstdDecoder<'static, B>),
    Bzip2(MultiBzDecoder<B>),
    Xz(Box<XzReader<B>>),
    Lzma(Box<LzmaReader<B>>),
}

impl<B: BufRead> Decoder<B> {
    fn stored(&mut self) -> &mut B {
        match self {
            Self::Plain(inner) | Self::Gzip(Gzip::End(inner)) => inner,
            Self::Gzip(Gzip::Member(member)) => member.get_mut(),
            Self::Gzip(Gzip::Moving) => unreachable!("it is there only within one call"),
            Self::Zstd(decoder) => decoder.get_mut(),
            Self::Bzip2(decoder) => decoder.get_mut(),
            Self::Xz(decoder) => decoder.inner_mut(),
            Self::Lzma(decoder) => decoder.inner_mut(),
        }
    }
}

impl<B: BufRead> fmt::Debug for Decoder<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decoder(..)")
    }
}

impl<B: BufRead> Read for Decoder<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(inner) => inner.read(buffer),
            Self::Gzip(inner) => inner.read(buffer),
            Self::Zstd(inner) => inner.read(buffer),
            Self::Bzip2(inner) => inner.read(buffer),
            Self::Xz(inner) => inner.read(buffer),
            Self::Lzma(inner) => inner.read(buffer),
        }
    }
}

/// Gzip members one after another. Unlike the library's own reader of many members, it takes zeros after the last, as
/// the `gzip` program does: archives on tapes and in blocks end so.
enum Gzip<B: BufRead> {
    Member(Box<GzDecoder<B>>),
    End(B),
    Moving,
}

impl<B: BufRead> Read for Gzip<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let Self::Member(member) = self else { return Ok(0) };
            let n = member.read(buffer)?;
            if n > 0 {
                return Ok(n);
            }
            let Self::Member(member) = std::mem::replace(self, Self::Moving) else {
                unreachable!("it was one a line above")
            };
            let mut stored = member.into_inner();
            let next = after_zeros(&mut stored);
            *self = match next {
                Ok(Some(0x1f)) => Self::Member(Box::new(GzDecoder::new(stored))),
                _ => Self::End(stored),
            };
            match next? {
                None | Some(0x1f) => {}
                Some(_) => return Err(gap(Why::Malformed)),
            }
        }
    }
}

/// The first byte that is not zero; it is not taken.
fn after_zeros(stored: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let buffered = stored.fill_buf()?;
        if buffered.is_empty() {
            return Ok(None);
        }
        let zeros = buffered.iter().take_while(|&&b| b == 0).count();
        if let Some(&byte) = buffered.get(zeros) {
            stored.consume(zeros);
            return Ok(Some(byte));
        }
        stored.consume(zeros);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn unfold(bytes: &[u8], most: u64) -> Result<Vec<u8>, Why> {
        let mut out = Vec::new();
        let mut unfolded = Unfolded::new(bytes, Hashes::default(), Hashes::default(), most).map_err(|e| why(&e))?;
        unfolded.read_to_end(&mut out).map_err(|e| why(&e))?;
        unfolded.finish().map_err(|e| why(&e))?;
        Ok(out)
    }

    #[test]
    fn members_frames_and_zeros_after_them_are_read() {
        let two = [gzip(b"one "), vec![0; 3], gzip(b"two"), vec![0; 1000]].concat();
        assert_eq!(unfold(&two, 100).unwrap(), b"one two");
        let frames = [zstd::encode_all(&b"one "[..], 3).unwrap(), zstd::encode_all(&b"two"[..], 3).unwrap()].concat();
        assert_eq!(unfold(&frames, 100).unwrap(), b"one two");
        assert_eq!(unfold(b"plain", 100).unwrap(), b"plain");
        assert_eq!(unfold(b"", 100).unwrap(), b"");
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        let text = b"0123456789".repeat(10_000);
        let packed = gzip(&text);
        assert_eq!(unfold(&packed[..packed.len() - 9], u64::MAX), Err(Why::Truncated));
        assert_eq!(unfold(&packed[..3], u64::MAX), Err(Why::Truncated));
        assert_eq!(unfold(&[packed.as_slice(), b"junk"].concat(), u64::MAX), Err(Why::Malformed));
        assert_eq!(unfold(&packed, 1000), Err(Why::Limit));
        let packed = zstd::encode_all(text.as_slice(), 3).unwrap();
        assert_eq!(unfold(&packed[..packed.len() - 1], u64::MAX), Err(Why::Truncated));
        assert_eq!(unfold(&[0x04, 0x22, 0x4d, 0x18, 0x64, 0x40], u64::MAX), Err(Why::Compression));
        // A frame that asks for a window of 2 GiB: magic, descriptor, window descriptor.
        assert_eq!(unfold(&[0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 0, 0, 0, 0], u64::MAX), Err(Why::Limit));
    }

    #[test]
    fn both_sides_are_hashed() {
        use crate::source::image::digest::Digest;
        let packed = gzip(b"text");
        let all = [Digest::of(b"")];
        let unfolded =
            Unfolded::new(packed.as_slice(), Hashes::of(all.iter()), Hashes::of(all.iter()), u64::MAX).unwrap();
        assert_eq!(unfolded.compression(), Compression::Gzip);
        let (stored, unfolded) = unfolded.finish().unwrap();
        assert!(stored.fits(&Digest::of(&packed)) && !stored.fits(&Digest::of(b"text")));
        assert!(unfolded.fits(&Digest::of(b"text")) && !unfolded.fits(&Digest::of(&packed)));
    }
}
