//! The objects of a pack that were made last, as they are.

use std::collections::{HashMap, VecDeque};

use super::blocks::{Blocks, Run};
use super::kept::OBJECT;

/// The blocks that they are held in.
const BLOCK: usize = 1024;

/// See the module. Objects are called by where they begin in the pack.
pub(super) struct Made {
    /// Each with the number of when it was asked for last.
    objects: HashMap<u64, (u64, Run)>,
    /// Numbers in their order, with what was asked for; of each only the last one counts.
    order: VecDeque<(u64, u64)>,
    contents: Blocks,
    used: usize,
    count: u64,
}

impl Made {
    pub(super) fn new(room: usize) -> Self {
        Self {
            objects: HashMap::with_capacity(room / BLOCK),
            order: VecDeque::with_capacity(2 * room / BLOCK),
            contents: Blocks::new(BLOCK, room),
            used: 0,
            count: 0,
        }
    }

    /// Lets go of all, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.objects.clear();
        self.order.clear();
        self.contents.clear();
        (self.used, self.count) = (0, 0);
    }

    /// Takes what another has.
    pub(super) fn adopt(&mut self, mut other: Self, most: usize) {
        let mut content = Vec::new();
        while let Some((count, at)) = other.order.pop_front() {
            if let Some((last, run)) = other.objects.get(&at)
                && *last == count
            {
                other.contents.read(*run, &mut content);
                self.put(at, &content, most);
            }
        }
    }

    /// Whether one of so many bytes drives out none.
    pub(super) fn fits(&self, size: usize, most: usize) -> bool {
        self.used + cost(size) <= most
    }

    /// Writes an object to `out`, if it is here.
    pub(super) fn read(&mut self, at: u64, out: &mut Vec<u8>) -> bool {
        let run = self.ask(at);
        if let Some(run) = run {
            self.contents.read(run, out);
        }
        run.is_some()
    }

    /// Notes that an object was asked for, if it is here.
    fn ask(&mut self, at: u64) -> Option<Run> {
        let (last, run) = self.objects.get_mut(&at)?;
        self.count += 1;
        *last = self.count;
        let run = *run;
        self.order.push_back((self.count, at));
        if self.order.len() > 2 * self.objects.len() + OBJECT {
            let objects = &self.objects;
            self.order.retain(|(count, at)| objects.get(at).is_some_and(|(last, _)| last == count));
        }
        Some(run)
    }

    /// Puts an object here, and lets go of those that were asked for longest ago, so that there are `most` bytes of memory.
    pub(super) fn put(&mut self, at: u64, content: &[u8], most: usize) {
        if cost(content.len()) > most || self.ask(at).is_some() {
            return;
        }
        while !self.fits(content.len(), most)
            && let Some((count, at)) = self.order.pop_front()
        {
            if self.objects.get(&at).is_some_and(|(last, _)| *last == count)
                && let Some((_, run)) = self.objects.remove(&at)
            {
                self.used -= cost(run.len());
                self.contents.drop(run);
            }
        }
        if let Some(run) = self.contents.put(content) {
            self.count += 1;
            self.used += cost(content.len());
            self.order.push_back((self.count, at));
            self.objects.insert(at, (self.count, run));
        }
    }
}

/// What an object costs in memory.
fn cost(size: usize) -> usize {
    size.next_multiple_of(BLOCK) + OBJECT
}
