//! Many texts in one piece of memory, in blocks of one size: what one leaves is room for any other, and the allocator never
//! sees them. It keeps a heap for each thread, and of one in which millions of small pieces came and went it gives little
//! back: eight threads that had read a pack one after another held the memory of eight.

/// Of a list of blocks the end.
const NONE: u32 = u32::MAX;

/// See the module.
pub(super) struct Blocks {
    bytes: Vec<u8>,
    /// Which block goes on behind each, of a text or of those that are free.
    next: Vec<u32>,
    free: u32,
    /// Of a block, in bytes.
    size: usize,
}

/// A text in [`Blocks`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    first: u32,
    length: u32,
}

impl Run {
    /// In bytes.
    pub(super) fn len(self) -> usize {
        self.length as usize
    }
}

impl Blocks {
    /// With blocks of so many bytes, and with room for that many bytes, of which none costs memory before it is written to.
    pub(super) fn new(size: usize, room: usize) -> Self {
        Self { bytes: Vec::with_capacity(room), next: Vec::with_capacity(room / size), free: NONE, size }
    }

    /// Puts a text there. None if it is too long for a number of 32 bits, or there are too many.
    pub(super) fn put(&mut self, text: &[u8]) -> Option<Run> {
        let length = u32::try_from(text.len()).ok()?;
        let mut first = NONE;
        // From its end, so that each block is told which one goes on behind it when it is taken.
        for piece in text.chunks(self.size).rev() {
            let Some(block) = self.block() else {
                self.drop(Run { first, length });
                return None;
            };
            let at = block as usize * self.size;
            self.bytes[at..at + piece.len()].copy_from_slice(piece);
            self.next[block as usize] = first;
            first = block;
        }
        Some(Run { first, length })
    }

    /// A block that nobody has.
    fn block(&mut self) -> Option<u32> {
        if let Some(next) = self.next.get(self.free as usize) {
            return Some(std::mem::replace(&mut self.free, *next));
        }
        let block = u32::try_from(self.next.len()).ok().filter(|block| *block != NONE)?;
        self.next.push(NONE);
        self.bytes.resize(self.bytes.len() + self.size, 0);
        Some(block)
    }

    /// Writes a text to `out`, in place of what is there.
    pub(super) fn read(&self, run: Run, out: &mut Vec<u8>) {
        out.clear();
        let (mut block, mut left) = (run.first, run.len());
        while let Some(next) = self.next.get(block as usize) {
            let (at, length) = (block as usize * self.size, left.min(self.size));
            out.extend_from_slice(&self.bytes[at..at + length]);
            (block, left) = (*next, left - length);
        }
    }

    /// Lets go of a text.
    pub(super) fn drop(&mut self, run: Run) {
        let mut block = run.first;
        while let Some(next) = self.next.get_mut(block as usize) {
            (block, self.free) = (std::mem::replace(next, self.free), block);
        }
    }

    /// Lets go of all, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.next.clear();
        self.free = NONE;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    #[test]
    fn what_is_let_go_of_is_room_for_any_other() {
        let text = |nth: usize| (0..nth * 37 % 1000).map(|at| (at + nth) as u8).collect::<Vec<_>>();
        let mut blocks = Blocks::new(64, 0);
        let (mut held, mut out, mut most) = (VecDeque::new(), Vec::new(), 0);
        for nth in 0..3000 {
            held.push_back((nth, blocks.put(&text(nth)).unwrap()));
            if held.len() > 20 {
                // Not in the order in which they came.
                let (nth, run) = held.remove(nth % 20).unwrap();
                blocks.read(run, &mut out);
                assert_eq!(out, text(nth));
                blocks.drop(run);
            }
            most = most.max(held.iter().map(|(_, run)| run.len().div_ceil(64) * 64).sum());
        }
        // One more than those that are held is there for a moment.
        assert!(blocks.bytes.len() <= most + 1024, "{} for {most}", blocks.bytes.len());
        blocks.clear();
        let run = blocks.put(b"").unwrap();
        blocks.read(run, &mut out);
        assert!(out.is_empty() && blocks.bytes.is_empty());
    }
}
