//! Reads a content in windows into one buffer that is used again and again, and counts lines only where it must.

use std::io::{self, Read};

use oakum_patterns::{Match, Stream};

use crate::finding::Span;

/// The most that is in memory of a content. Most files fit, and are read by two calls.
pub(crate) const WINDOW: usize = 512 * 1024;

/// A buffer and a stream, one for each thread.
#[derive(Debug)]
pub(crate) struct Reader<'e> {
    buffer: Vec<u8>,
    stream: Stream<'e>,
}

/// What reading a content told.
#[derive(Debug)]
pub(crate) struct Read1 {
    /// Its length, as far as it could be read.
    pub(crate) bytes: u64,
    /// Of all its bytes.
    pub(crate) hash: u128,
    /// Whether it was read to its end.
    pub(crate) end: io::Result<()>,
}

/// What to do with a content that is in the buffer as a whole.
pub(crate) enum Seen {
    /// It is new.
    Scan,
    /// It was scanned before.
    Skip,
}

impl<'e> Reader<'e> {
    pub(crate) fn new(stream: Stream<'e>) -> Self {
        assert!(stream.most_kept() < WINDOW / 2, "a window is larger than what must stay of it");
        Self { buffer: vec![0; WINDOW], stream }
    }

    /// Reads a content to its end. A content that fits in one window is scanned only if `seen` says so.
    pub(crate) fn read(
        &mut self,
        content: &mut dyn Read,
        seed: u64,
        mut seen: impl FnMut(u128, usize) -> Seen,
        mut found: impl FnMut(&Match<'e>, &[u8], Span),
    ) -> Read1 {
        self.stream.reset();
        let (filled, end) = fill(content, &mut self.buffer);
        if filled < self.buffer.len() {
            let text = &self.buffer[..filled];
            let hash = xxhash_rust::xxh3::xxh3_128_with_seed(text, seed);
            if matches!(seen(hash, filled), Seen::Scan) {
                let mut lines = Lines::default();
                self.stream.feed(text, true, |m| found(m, text, lines.span(text, m)));
            }
            return Read1 { bytes: filled as u64, hash, end };
        }
        self.read_large(content, seed, found)
    }

    fn read_large(
        &mut self,
        content: &mut dyn Read,
        seed: u64,
        mut found: impl FnMut(&Match<'e>, &[u8], Span),
    ) -> Read1 {
        let mut hasher = xxhash_rust::xxh3::Xxh3::with_seed(seed);
        hasher.update(&self.buffer);
        let mut bytes = self.buffer.len() as u64;
        let mut lines = Lines::default();
        let mut filled = self.buffer.len();
        loop {
            let text = &self.buffer[..filled];
            let last = filled < self.buffer.len();
            let drop = self.stream.feed(text, last, |m| found(m, text, lines.span(text, m)));
            if last {
                return Read1 { bytes, hash: hasher.digest128(), end: Ok(()) };
            }
            lines.slide(text, drop);
            self.buffer.copy_within(drop..filled, 0);
            let kept = filled - drop;
            let (more, end) = fill(content, &mut self.buffer[kept..]);
            hasher.update(&self.buffer[kept..kept + more]);
            bytes += more as u64;
            filled = kept + more;
            if let Err(error) = end {
                let text = &self.buffer[..filled];
                self.stream.feed(text, true, |m| found(m, text, lines.span(text, m)));
                return Read1 { bytes, hash: hasher.digest128(), end: Err(error) };
            }
        }
    }
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
    fn span(&mut self, text: &[u8], m: &Match<'_>) -> Span {
        let secret = m.secret();
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
        let read = Reader::new(engine.stream()).read(
            content,
            1,
            |_, _| Seen::Scan,
            |m, text, span| found.push((String::from_utf8_lossy(&text[m.secret()]).into_owned(), span)),
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
