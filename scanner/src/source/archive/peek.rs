//! A reader that can be looked into before it is read.

use std::io::{self, BufRead, Read};

/// More than any header that is looked at.
const SIZE: usize = 32 * 1024;

/// See the module.
pub(super) struct Peek<R> {
    inner: R,
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    /// How much was taken from its beginning on.
    taken: u64,
}

impl<R: Read> Peek<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, buffer: vec![0; SIZE], from: 0, to: 0, taken: 0 }
    }

    /// Where the next byte is.
    pub(super) fn position(&self) -> u64 {
        self.taken
    }

    /// The next `n` bytes, or as many as there are; they stay.
    pub(super) fn peek(&mut self, n: usize) -> io::Result<&[u8]> {
        if self.buffer.len() - self.from < n {
            self.buffer.copy_within(self.from..self.to, 0);
            (self.from, self.to) = (0, self.to - self.from);
        }
        while self.to - self.from < n {
            match self.inner.read(&mut self.buffer[self.to..]) {
                Ok(0) => break,
                Ok(read) => self.to += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(&self.buffer[self.from..self.to.min(self.from + n)])
    }

    /// Takes the next `N` bytes.
    ///
    /// # Errors
    /// `UnexpectedEof` if there are fewer.
    pub(super) fn take_array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Passes over `n` bytes.
    ///
    /// # Errors
    /// `UnexpectedEof` if there are fewer.
    pub(super) fn skip(&mut self, n: u64) -> io::Result<()> {
        let passed = io::copy(&mut self.take(n), &mut io::sink())?;
        if passed < n { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

impl<R: Read> Read for Peek<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let there = self.fill_buf()?;
        let n = there.len().min(out.len());
        out[..n].copy_from_slice(&there[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<R: Read> BufRead for Peek<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.peek(1)?;
        Ok(&self.buffer[self.from..self.to])
    }

    fn consume(&mut self, n: usize) {
        let n = n.min(self.to - self.from);
        self.from += n;
        self.taken += n as u64;
    }
}
