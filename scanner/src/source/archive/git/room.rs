//! How much memory a pack may have. Its objects are changes of one another, so it must be held as far as they may still
//! be asked for, and several threads may be at packs at once. What a large one needs there is once, for all of them: each
//! takes it over from the one before.

use std::cell::{Cell, RefCell};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::kept::Kept;
use super::names::Names;

/// How much of a pack is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Objects as they are stored.
    pub(super) stored: usize,
    /// Those that were made last, as they are.
    pub(super) made: usize,
    /// The largest that is made of another, or named by what it holds.
    pub(super) object: usize,
    /// Where objects are in trees.
    pub(super) names: usize,
}

/// What each thread may hold at any time, and what a pack within a pack may.
pub(super) const SMALL: Sizes = Sizes { stored: 1 << 20, made: 1 << 20, object: 512 << 10, names: 256 << 10 };
/// What one thread at a time may hold: all of an ordinary pack.
pub(super) const LARGE: Sizes = Sizes { stored: 24 << 20, made: 10 << 20, object: 8 << 20, names: 6 << 20 };

/// What is held of a pack.
pub(super) struct Memory {
    pub(super) sizes: Sizes,
    pub(super) kept: Kept,
    pub(super) names: Names,
    pub(super) object: Buffers,
}

/// Where the object at hand is.
#[derive(Default)]
pub(super) struct Buffers {
    /// As it is stored.
    pub(super) stored: Vec<u8>,
    /// What that unfolds to.
    pub(super) content: Vec<u8>,
    /// What it is a change of.
    pub(super) base: Vec<u8>,
    /// What the change makes of that.
    pub(super) made: Vec<u8>,
}

impl Memory {
    pub(super) fn small() -> Self {
        Self::of(SMALL, Kept::new(SMALL, false))
    }

    fn large() -> Self {
        Self::of(LARGE, Kept::new(LARGE, true))
    }

    fn of(sizes: Sizes, kept: Kept) -> Self {
        Self { sizes, kept, names: Names::new(sizes.names), object: Buffers::default() }
    }
}

/// Whose turn it is to hold more, and the memory for it. A pack is read alike whoever else reads one, since it waits: that
/// another has the memory must change no report. Whoever holds it waits for nobody.
static TURN: Mutex<Option<Box<Memory>>> = Mutex::new(None);

/// The memory of one walk's packs.
#[derive(Default)]
pub(in crate::source::archive) struct Room {
    /// Packs that are being read, one within another.
    packs: Cell<usize>,
    turn: RefCell<Option<MutexGuard<'static, Option<Box<Memory>>>>>,
}

impl Room {
    /// Begins with a pack.
    pub(super) fn enter(&self) -> Share<'_> {
        self.packs.set(self.packs.get() + 1);
        Share { room: self, grows: self.packs.get() == 1 }
    }
}

/// The memory of one pack.
pub(super) struct Share<'a> {
    room: &'a Room,
    grows: bool,
}

impl Share<'_> {
    /// Gives more than what a pack begins with, if it may have it and has not, as soon as it can be had. It is empty.
    pub(super) fn grow(&mut self) -> Option<Box<Memory>> {
        if !std::mem::take(&mut self.grows) {
            return None;
        }
        let mut turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = turn.take().unwrap_or_else(|| Box::new(Memory::large()));
        *self.room.turn.borrow_mut() = Some(turn);
        Some(memory)
    }

    /// Gives back what a pack was given, which the next one may have.
    pub(super) fn give_back(&mut self, mut memory: Box<Memory>) {
        if let Some(turn) = &mut *self.room.turn.borrow_mut() {
            memory.kept.clear();
            memory.names.clear();
            **turn = Some(memory);
        }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.room.packs.set(self.room.packs.get() - 1);
        if self.room.packs.get() == 0 {
            self.room.turn.borrow_mut().take();
        }
    }
}
