//! Reads a content in windows into one buffer that is used again and again, and counts lines only where it must.

use std::io::{self, Read};
use std::ops::Range;
use std::rc::Rc;

use oakum_patterns::{Engine, How, Match, Stream};

use crate::decode::{self, Decoded};
use crate::finding::Span;
use crate::wide::{Narrow, Wide};

/// The most that is in memory of a content. Most files fit, and are read by two calls.
pub(crate) const WINDOW: usize = 512 * 1024;

/// A buffer and a stream, one for each thread.
#[derive(Debug)]
pub(crate) struct Reader<'e> {
    buffer: Vec<u8>,
    engine: &'e Engine,
    stream: Stream<'e>,
}

/// What reading a content told.
#[derive(Debug)]
pub(crate) struct Read1 {
    /// Its length, as far as it could be read; of a wide text, in signs.
    pub(crate) bytes: u64,
    /// Of all its bytes.
    pub(crate) hash: u128,
    /// Whether it was read to its end.
    pub(crate) end: io::Result<()>,
    /// Whether it holds more encoded text than is looked at.
    pub(crate) cut: bool,
    /// How it is wide, where it is: spans are those of the narrow text.
    pub(crate) wide: Option<Wide>,
    /// Whether it is in the buffer as a whole and is yet to be scanned.
    pub(crate) left: bool,
    /// Whether it was scanned and is in the buffer as a whole.
    whole: bool,
}

/// A content of which the first window was read.
#[derive(Debug)]
pub(crate) struct Begun {
    filled: usize,
    /// What ended it, where it did not fill the window.
    end: io::Result<()>,
}

/// What to do with a content that is in the buffer as a whole.
pub(crate) enum Seen {
    /// It is new.
    Scan,
    /// It was scanned before.
    Skip,
    /// It is new, and to be scanned later, by [`Reader::scan_left`].
    Leave,
}

impl<'e> Reader<'e> {
    pub(crate) fn new(engine: &'e Engine) -> Self {
        let stream = engine.stream();
        assert!(stream.most_kept() < WINDOW / 2, "a window is larger than what must stay of it");
        Self { buffer: vec![0; WINDOW], engine, stream }
    }

    /// Reads the first window of a content.
    pub(crate) fn begin(&mut self, content: &mut dyn Read) -> Begun {
        let (filled, end) = fill(content, &mut self.buffer);
        Begun { filled, end }
    }

    /// What was begun with.
    pub(crate) fn head(&self, begun: &Begun) -> &[u8] {
        &self.buffer[..begun.filled]
    }

    /// All of its buffer, whose beginning was begun with.
    pub(crate) fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// What was begun with, and what follows it.
    pub(crate) fn rest<'c>(&self, begun: Begun, content: &'c mut dyn Read) -> (&[u8], Failing<'c>) {
        (&self.buffer[..begun.filled], Failing { end: begun.end, content })
    }

    /// Reads a content to its end that was begun. A content that fits in one window is scanned only if `seen` says so.
    pub(crate) fn read(
        &mut self,
        Begun { filled, end }: Begun,
        content: &mut dyn Read,
        seed: u64,
        mut seen: impl FnMut(u128) -> Seen,
        mut found: impl FnMut(&Match<'e>, &[u8], Span, Via),
    ) -> Read1 {
        let Some(wide) = Wide::of(&self.buffer[..filled]) else {
            return self.scan(content, (filled, end), seed, &mut seen, &mut found);
        };
        let mut rest = Failing { end, content };
        let mut narrow = Narrow::new(wide, &self.buffer[..filled], &mut rest);
        let first = fill(&mut narrow, &mut self.buffer);
        // Its bytes are others than those of the same text that is not wide.
        let read = self.scan(&mut narrow, first, seed.rotate_left(1), &mut seen, &mut found);
        Read1 { wide: Some(wide), ..read }
    }

    /// Scans a content of which the first window was read.
    fn scan(
        &mut self,
        content: &mut dyn Read,
        (filled, end): (usize, io::Result<()>),
        seed: u64,
        seen: &mut impl FnMut(u128) -> Seen,
        found: &mut impl FnMut(&Match<'e>, &[u8], Span, Via),
    ) -> Read1 {
        if filled < self.buffer.len() {
            let hash = xxhash_rust::xxh3::xxh3_128_with_seed(&self.buffer[..filled], seed);
            let seen = seen(hash);
            let left = !matches!(seen, Seen::Skip);
            let mut read = Read1 { bytes: filled as u64, hash, end, cut: false, left, whole: false, wide: None };
            if matches!(seen, Seen::Scan) {
                self.scan_left(&mut read, found);
            }
            return read;
        }
        self.read_large(content, seed, found)
    }

    /// Scans a content that was read, and left.
    pub(crate) fn scan_left(&mut self, read: &mut Read1, mut found: impl FnMut(&Match<'e>, &[u8], Span, Via)) {
        if !std::mem::replace(&mut read.left, false) {
            return;
        }
        read.whole = true;
        let text = &self.buffer[..usize::try_from(read.bytes).unwrap_or(0)];
        self.stream.reset();
        let (mut lines, mut hidden) = (Lines::default(), Hidden::default());
        self.stream.feed(text, true, |m| found(m, text, lines.span(text, &m.secret()), Via::Plain));
        hidden.look(self.engine, &self.stream, text, &mut found);
        read.cut = hidden.cut;
    }

    /// The content that was just read, if it was scanned and is there as a whole.
    pub(crate) fn whole(&self, read: &Read1) -> Option<&[u8]> {
        read.whole.then(|| &self.buffer[..usize::try_from(read.bytes).unwrap_or(0)])
    }

    fn read_large(
        &mut self,
        content: &mut dyn Read,
        seed: u64,
        mut found: impl FnMut(&Match<'e>, &[u8], Span, Via),
    ) -> Read1 {
        self.stream.reset();
        let mut hasher = xxhash_rust::xxh3::Xxh3::with_seed(seed);
        hasher.update(&self.buffer);
        let mut bytes = self.buffer.len() as u64;
        let mut lines = Lines::default();
        let mut hidden = Hidden::default();
        let mut filled = self.buffer.len();
        loop {
            let text = &self.buffer[..filled];
            let last = filled < self.buffer.len();
            let drop = self.stream.feed(text, last, |m| found(m, text, lines.span(text, &m.secret()), Via::Plain));
            hidden.look(self.engine, &self.stream, text, &mut found);
            if last {
                return Read1 {
                    bytes,
                    hash: hasher.digest128(),
                    end: Ok(()),
                    cut: hidden.cut,
                    left: false,
                    whole: false,
                    wide: None,
                };
            }
            lines.slide(text, drop);
            hidden.slide(text, drop);
            self.buffer.copy_within(drop..filled, 0);
            let kept = filled - drop;
            let (more, end) = fill(content, &mut self.buffer[kept..]);
            hasher.update(&self.buffer[kept..kept + more]);
            bytes += more as u64;
            filled = kept + more;
            if let Err(error) = end {
                let text = &self.buffer[..filled];
                self.stream.feed(text, true, |m| found(m, text, lines.span(text, &m.secret()), Via::Plain));
                hidden.look(self.engine, &self.stream, text, &mut found);
                return Read1 {
                    bytes,
                    hash: hasher.digest128(),
                    end: Err(error),
                    cut: hidden.cut,
                    left: false,
                    whole: false,
                    wide: None,
                };
            }
        }
    }
}

/// What comes behind what was read, such as the first window, which may have ended with an error.
pub(crate) struct Failing<'c> {
    end: io::Result<()>,
    content: &'c mut dyn Read,
}

impl<'c> Failing<'c> {
    /// What comes behind what was read so far.
    pub(crate) fn new(end: io::Result<()>, content: &'c mut dyn Read) -> Self {
        Self { end, content }
    }
}

impl Read for Failing<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        std::mem::replace(&mut self.end, Ok(()))?;
        self.content.read(out)
    }
}

/// What is found in encoded texts of a content.
#[derive(Debug)]
struct Hidden {
    lines: Lines,
    /// What was decoded ends here, of each kind: the lines of a text that is wrapped are not looked at again.
    done: [usize; How::ALL.len()],
    /// How many bytes may still be decoded.
    budget: usize,
    /// Whether that was too few.
    cut: bool,
}

impl Default for Hidden {
    fn default() -> Self {
        Self { lines: Lines::default(), done: Default::default(), budget: decode::BUDGET, cut: false }
    }
}

impl Hidden {
    /// Looks into the encoded texts that the stream saw in the window.
    fn look<'e>(
        &mut self,
        engine: &'e Engine,
        stream: &Stream<'_>,
        window: &[u8],
        found: &mut impl FnMut(&Match<'e>, &[u8], Span, Via),
    ) {
        let mut matches = Vec::new();
        for decoded in self.decoded(engine, stream, window) {
            self.inside(engine, &decoded, 1, &mut matches);
        }
        matches.sort_by_key(|inner| inner.place.start);
        for Inner { one, text, place, via } in &matches {
            found(one, text, self.lines.span(window, place), *via);
        }
    }

    /// The encoded texts that a stream saw.
    fn decoded(&mut self, engine: &Engine, stream: &Stream<'_>, text: &[u8]) -> Vec<Decoded> {
        let mut all = Vec::new();
        for noted in stream.encoded() {
            let done = &mut self.done[noted.how as usize];
            if noted.at < *done {
                continue;
            }
            let decoded = match noted.how {
                How::Run => decode::decode(text, noted.at, noted.at + engine.reach()),
                how => decode::mend(text, noted.at, how),
            };
            let Some(decoded) = decoded else { continue };
            *done = decoded.outer.end;
            // As much as there is itself costs no more than a scan of it.
            let grown = decoded.text.len().saturating_sub(decoded.outer.len());
            match self.budget.checked_sub(grown) {
                Some(rest) => self.budget = rest,
                None => self.cut = true,
            }
            if !self.cut {
                all.push(decoded);
            }
        }
        all
    }

    /// Gathers the matches in a decoded text and in those that it holds.
    fn inside<'e>(&mut self, engine: &'e Engine, outer: &Decoded, depth: usize, matches: &mut Vec<Inner<'e>>) {
        let text: Rc<[u8]> = outer.text.as_slice().into();
        let mut stream = engine.stream();
        let via = if outer.is_mended() { Via::Mended } else { Via::Decoded };
        stream.feed(&text, true, |m| {
            let whole = m.name().map_or(m.secret().start, |name| name.start.min(m.secret().start))..m.secret().end;
            // What was mended was cut out of a text: it is none of its matches that goes on behind it.
            let cut = outer.is_mended() && (whole.start == 0 || whole.end == text.len());
            if outer.undid(&whole) && !cut {
                matches.push(Inner { one: m.clone(), text: Rc::clone(&text), place: outer.place(&m.secret()), via });
            }
        });
        if depth == decode::MOST_DEPTH {
            return;
        }
        let outer_done = std::mem::take(&mut self.done);
        for decoded in self.decoded(engine, &stream, &text) {
            let from = matches.len();
            self.inside(engine, &decoded, depth + 1, matches);
            for inner in &mut matches[from..] {
                inner.place = outer.place(&inner.place);
            }
        }
        self.done = outer_done;
    }

    fn slide(&mut self, window: &[u8], dropped: usize) {
        self.lines.slide(window, dropped);
        for done in &mut self.done {
            *done = done.saturating_sub(dropped);
        }
    }
}

/// A match in a decoded text, that text, and where in the outermost one it comes from.
struct Inner<'e> {
    one: Match<'e>,
    text: Rc<[u8]>,
    place: Range<usize>,
    via: Via,
}

/// How a match came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// The text has it as it is.
    Plain,
    /// It was in an encoded text.
    Decoded,
    /// Codes in it were undone, or its pieces put together: it says more than what the text has there.
    Mended,
}

/// Reads until the buffer is full, the content ends, or it fails.
fn fill(content: &mut dyn Read, buffer: &mut [u8]) -> (usize, io::Result<()>) {
    let mut filled = 0;
    while filled < buffer.len() {
        match content.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Err(error)),
        }
    }
    (filled, Ok(()))
}

/// Counts lines up to the last place asked for. Places come in order.
#[derive(Debug)]
struct Lines {
    /// The line at `counted`.
    line: u64,
    /// The column at `counted`.
    column: u64,
    /// Offset in the window.
    counted: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Self { line: 1, column: 1, counted: 0 }
    }
}

impl Lines {
    fn span(&mut self, text: &[u8], secret: &Range<usize>) -> Span {
        self.count_to(text, secret.start);
        let (line, column) = (self.line, self.column);
        self.count_to(text, secret.end);
        Span { line, column, end_line: self.line, end_column: self.column }
    }

    fn count_to(&mut self, text: &[u8], to: usize) {
        let Some(between) = text.get(self.counted..to) else { return };
        let newlines = memchr::memchr_iter(b'\n', between).count() as u64;
        match memchr::memrchr(b'\n', between) {
            Some(last) => self.column = (between.len() - last) as u64,
            None => self.column += between.len() as u64,
        }
        self.line += newlines;
        self.counted = to;
    }

    /// The window moves on by `drop` bytes.
    fn slide(&mut self, text: &[u8], drop: usize) {
        if drop > self.counted {
            self.count_to(text, drop);
        }
        self.counted -= drop;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oakum_patterns::{Engine, Rule};

    fn all(engine: &Engine, content: &mut dyn Read) -> (Vec<(String, Span)>, Read1) {
        let mut found = Vec::new();
        let mut reader = Reader::new(engine);
        let begun = reader.begin(content);
        let read = reader.read(
            begun,
            content,
            1,
            |_| Seen::Scan,
            |m, text, span, _| found.push((String::from_utf8_lossy(&text[m.secret()]).into_owned(), span)),
        );
        (found, read)
    }

    #[test]
    fn places_are_right_in_every_window() {
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        let mut text = Vec::new();
        let mut expected = Vec::new();
        for i in 0..2000u64 {
            text.extend(std::iter::repeat_n(b'.', 700));
            text.extend(b"\n\n");
            let password = format!("Walnut!{i:05}");
            text.extend(format!("  password = \"{password}\"\n").bytes());
            let line = 3 * i + 3;
            expected.push((password.clone(), Span { line, column: 15, end_line: line, end_column: 15 + 12 }));
        }
        let (found, read) = all(&engine, &mut text.as_slice());
        assert_eq!(read.bytes, text.len() as u64);
        assert_eq!(found, expected);
    }

    #[test]
    fn what_came_before_an_error_is_scanned() {
        struct Broken<'a>(&'a [u8]);
        impl Read for Broken<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                match self.0.read(buffer)? {
                    0 => Err(io::ErrorKind::UnexpectedEof.into()),
                    n => Ok(n),
                }
            }
        }
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        let mut text = format!("password = {:?}\n", "Walnut!942").into_bytes();
        for length in [0, 3 * WINDOW] {
            text.resize(text.len() + length, b' ');
            let (found, read) = all(&engine, &mut Broken(&text));
            assert_eq!(found.len(), 1);
            assert!(read.end.is_err());
        }
    }
}
