//! What is written of a file so far. It is a secret from its first byte: growing wipes what it leaves behind, and so does
//! an error half way.

use std::io;

use zeroize::Zeroize;

use crate::secret::Secret;

/// A file that is being written.
#[derive(Default)]
pub(super) struct Draft(Vec<u8>);

impl Draft {
    /// An empty one with room for so many bytes; more will do too.
    pub(super) fn with_room(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Adds bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            // `Vec` would free the old buffer as it is.
            let mut larger = Vec::with_capacity(needed.max(2 * self.0.capacity()).max(64));
            larger.extend_from_slice(&self.0);
            std::mem::replace(&mut self.0, larger).zeroize();
        }
        self.0.extend_from_slice(bytes);
    }

    /// Adds text.
    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Adds one character.
    pub(super) fn char(&mut self, c: char) {
        let mut bytes = [0; 4];
        self.text(c.encode_utf8(&mut bytes));
        bytes.zeroize();
    }

    /// Adds a number in capital hex digits, so many of them.
    pub(super) fn hex(&mut self, number: u32, digits: u32) {
        for place in (0..digits).rev() {
            let digit = (number >> (4 * place)) & 0xf;
            self.char(char::from_digit(digit, 16).expect("four bits are a digit").to_ascii_uppercase());
        }
    }

    /// Counts the bytes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Gives the file.
    pub(super) fn finish(mut self) -> Secret {
        Secret::from(std::mem::take(&mut self.0))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl io::Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
