//! What is held of a pack for those objects that are told as changes of others. An object is held as it is stored, which
//! is small, and the last ones as they are ([`super::made`]), so that what changes one of them costs one step. Where there is
//! no more room, what was not asked for longest goes, and never what another that is held is a change of.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use flate2::{Decompress, FlushDecompress, Status};

use super::blocks::{Blocks, Run};
use super::delta;
use super::made::Made;
use super::object::{Id, Type};
use super::room::Sizes;
use crate::source::Why;

/// What an object costs in memory besides what is stored.
pub(super) const OBJECT: usize = 256;
/// The blocks that objects are held in as they are stored: most changes are no larger.
const BLOCK: usize = 128;
/// What making an object costs besides its bytes, in bytes that it could make meanwhile.
const STEP: u64 = 1024;
/// How many bytes may be made again in any case, and how many for each that was read: some of what is asked for has to be
/// made again, but who makes chains of a thousand changes in a thousand orders wants us to make nothing else.
const FREE: u64 = 2 << 30;
const MOST_RATIO: u64 = 1000;
/// How many bytes of a pack an object is older than it is, for each that it takes: one large one is not worth many.
const HEAVY: i64 = 4;

/// An object as it is stored.
struct Object {
    stored: Run,
    kind: Type,
    /// Whether it is a blob that no tree has named so far.
    unnamed: bool,
    /// What it is a change of.
    base: Option<u64>,
    /// How many that are held are changes of it.
    changes: u32,
    /// Where in the pack it was asked for last, or before that for its size.
    asked: i64,
    id: Id,
}

/// A change of an object that has not come yet.
struct Waiting {
    stored: Run,
    /// Another that waits for the same.
    next: Option<u64>,
}

/// An object that is held, as it is told by others.
pub(super) struct Came {
    pub(super) at: u64,
    pub(super) kind: Type,
    /// What it is a change of.
    pub(super) base: Option<u64>,
    pub(super) id: Id,
    /// Whether it is a blob that no tree has named so far.
    pub(super) unnamed: bool,
}

/// See the module. Objects are called by where they begin in the pack.
pub(super) struct Kept {
    objects: HashMap<u64, Object>,
    /// By the beginning of their names. Who asks compares the rest.
    names: HashMap<u64, u64>,
    /// Those that no other is a change of, by when they were asked for; and some that are no longer so.
    free: BinaryHeap<Reverse<(i64, u64)>>,
    /// Those that wait, by where they begin.
    waiting: HashMap<u64, Waiting>,
    /// Which of them waits first for what is called so.
    awaited: HashMap<Id, u64>,
    /// How much memory those take that wait.
    waits: usize,
    stored: Blocks,
    used: usize,
    made: Made,
    /// How many bytes were made.
    work: u64,
    state: Decompress,
    sizes: Sizes,
    spare: Spare,
}

/// Where an object is while it is made.
#[derive(Default)]
struct Spare {
    stored: Vec<u8>,
    change: Vec<u8>,
    base: Vec<u8>,
    /// From what is there to what is asked for.
    way: Vec<u64>,
}

impl Kept {
    /// With `room`, what takes most of the memory is there from the beginning, and costs nothing before it is used.
    pub(super) fn new(sizes: Sizes, room: bool) -> Self {
        let room = |bytes| if room { bytes } else { 0 };
        Self {
            // A table is written to all over, so it has no more room than it needs.
            objects: HashMap::new(),
            names: HashMap::new(),
            free: BinaryHeap::new(),
            waiting: HashMap::new(),
            awaited: HashMap::new(),
            waits: 0,
            stored: Blocks::new(BLOCK, room(sizes.stored)),
            used: 0,
            made: Made::new(room(sizes.made)),
            work: 0,
            state: Decompress::new(true),
            sizes,
            spare: Spare::default(),
        }
    }

    /// Lets go of all, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.objects.clear();
        self.names.clear();
        self.free.clear();
        self.waiting.clear();
        self.awaited.clear();
        self.stored.clear();
        self.made.clear();
        (self.waits, self.used, self.work) = (0, 0, 0);
    }

    /// Takes all that another holds, whose room is smaller.
    pub(super) fn adopt(&mut self, mut other: Self) {
        let mut moved = |run: Run| {
            other.stored.read(run, &mut self.spare.stored);
            self.stored.put(&self.spare.stored)
        };
        for (at, object) in other.objects.drain() {
            if let Some(stored) = moved(object.stored) {
                self.objects.insert(at, Object { stored, ..object });
            }
        }
        for (at, waiting) in other.waiting.drain() {
            if let Some(stored) = moved(waiting.stored) {
                self.waiting.insert(at, Waiting { stored, ..waiting });
            }
        }
        self.names.extend(other.names.drain());
        self.awaited.extend(other.awaited.drain());
        self.free.append(&mut other.free);
        self.made.adopt(other.made, self.sizes.made);
        (self.waits, self.used, self.work) = (other.waits, other.used, other.work);
    }

    /// Whether an object that is stored in so many bytes, and has so many, drives out none.
    pub(super) fn fits(&self, stored: usize, made: usize) -> bool {
        self.used + stored + OBJECT <= self.sizes.stored && self.made.fits(made, self.sizes.made)
    }

    /// Where an object begins whose name may be this.
    pub(super) fn find(&self, name: u64) -> Option<u64> {
        self.names.get(&name).copied()
    }

    pub(super) fn kind(&self, at: u64) -> Option<Type> {
        self.objects.get(&at).map(|object| object.kind)
    }

    /// Keeps an object, if that can be: its base must be held. There may be more than there is room for afterwards.
    pub(super) fn put(&mut self, came: &Came, stored: &[u8], content: &[u8]) -> bool {
        let Came { at, kind, base, id, unnamed } = *came;
        let size = stored.len() + OBJECT;
        let base_is_held = base.is_none_or(|base| self.objects.contains_key(&base));
        if size > self.sizes.stored || !base_is_held || self.objects.contains_key(&at) {
            return false;
        }
        let asked = worth(at, stored.len());
        let Some(stored) = self.stored.put(stored) else { return false };
        self.made.put(at, content, self.sizes.made);
        if let Some(base) = base {
            self.ask(base, at, 1);
        }
        self.objects.insert(at, Object { stored, kind, unnamed, base, changes: 0, asked, id });
        self.names.insert(id.short(), at);
        self.used += size;
        self.frees(asked, at);
        true
    }

    /// Notes that no other is a change of an object.
    fn frees(&mut self, asked: i64, at: u64) {
        self.free.push(Reverse((asked, at)));
        // One that was asked for since is there once for each time.
        if self.free.len() > 2 * self.objects.len() + OBJECT {
            let objects = &self.objects;
            self.free.retain(|Reverse((asked, at))| is_free(objects, *asked, *at));
        }
    }

    /// What goes next, if there is more than there is room for.
    pub(super) fn over(&mut self) -> Option<u64> {
        if self.used <= self.sizes.stored {
            return None;
        }
        while let Some(Reverse((asked, at))) = self.free.peek() {
            if is_free(&self.objects, *asked, *at) {
                return Some(*at);
            }
            self.free.pop();
        }
        None
    }

    /// Takes the name of a blob that no tree has named so far: it is handed over now.
    pub(super) fn take_unnamed(&mut self, at: u64) -> Option<Id> {
        let object = self.objects.get_mut(&at)?;
        std::mem::take(&mut object.unnamed).then_some(object.id)
    }

    /// All blobs that no tree has named so far, in their order.
    pub(super) fn unnamed(&self) -> Vec<u64> {
        let mut all: Vec<u64> = self.objects.iter().filter(|(_, object)| object.unnamed).map(|(at, _)| *at).collect();
        all.sort_unstable();
        all
    }

    /// What the stream of an object that is held unfolds to, and what it is a change of.
    pub(super) fn unmade(&mut self, at: u64, out: &mut Vec<u8>) -> Option<Option<u64>> {
        let object = self.objects.get(&at)?;
        self.stored.read(object.stored, &mut self.spare.stored);
        if unfold(&mut self.state, &self.spare.stored, self.sizes.object, out).is_err() {
            out.clear();
        }
        Some(object.base)
    }

    /// Notes when an object was asked for, and that one more is a change of it, or one fewer.
    fn ask(&mut self, at: u64, now: u64, more: i8) {
        let Some(object) = self.objects.get_mut(&at) else { return };
        object.changes = object.changes.saturating_add_signed(more.into());
        object.asked = object.asked.max(worth(now, object.stored.len()));
        if object.changes == 0 {
            let asked = object.asked;
            self.frees(asked, at);
        }
    }

    /// Lets go of an object that no other is a change of.
    pub(super) fn drop(&mut self, at: u64) {
        if let Some(object) = self.objects.remove(&at) {
            self.used -= object.stored.len() + OBJECT;
            self.stored.drop(object.stored);
            let name = object.id.short();
            if self.names.get(&name) == Some(&at) {
                self.names.remove(&name);
            }
            if let Some(base) = object.base {
                self.ask(base, 0, -1);
            }
        }
    }

    /// Whether a change of so many bytes may wait for its base.
    pub(super) fn may_wait(&self, stored: usize) -> bool {
        // All the others have as much.
        self.waits + stored + OBJECT <= self.sizes.stored / 2
    }

    /// Has a change of an object wait for that one. `false` if it cannot be held.
    pub(super) fn wait(&mut self, at: u64, id: Id, stored: &[u8]) -> bool {
        let size = stored.len() + OBJECT;
        let Some(stored) = self.stored.put(stored) else { return false };
        self.waits += size;
        self.used += size;
        let next = self.awaited.insert(id, at);
        self.waiting.insert(at, Waiting { stored, next });
        true
    }

    /// Whether nothing waits.
    pub(super) fn awaits_nothing(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Those that wait for an object, in their order; they wait no more once [`Self::take_waiting`] has given them.
    pub(super) fn awaiting(&mut self, id: &Id) -> Vec<u64> {
        let mut next = self.awaited.remove(id);
        let mut all: Vec<u64> = std::iter::from_fn(|| {
            let at = next?;
            next = self.waiting.get(&at).and_then(|waiting| waiting.next);
            Some(at)
        })
        .collect();
        all.reverse();
        all
    }

    /// All that wait still, in their order, each with what it waits for.
    pub(super) fn all_waiting(&mut self) -> Vec<(u64, Id)> {
        let ids: Vec<Id> = self.awaited.keys().copied().collect();
        let of = |id: Id| self.awaiting(&id).into_iter().map(move |at| (at, id));
        let mut all: Vec<(u64, Id)> = ids.into_iter().flat_map(of).collect();
        all.sort_unstable();
        all
    }

    /// Takes a change that has waited: the stream as it is stored, and what it unfolds to.
    pub(super) fn take_waiting(&mut self, at: u64, stored: &mut Vec<u8>, out: &mut Vec<u8>) {
        stored.clear();
        if let Some(waiting) = self.waiting.remove(&at) {
            self.stored.read(waiting.stored, stored);
            self.stored.drop(waiting.stored);
            self.waits -= stored.len() + OBJECT;
            self.used -= stored.len() + OBJECT;
        }
        if unfold(&mut self.state, stored, self.sizes.object, out).is_err() {
            out.clear();
        }
    }

    /// Writes an object as it is to `out`, of a pack of which so much was read.
    ///
    /// # Errors
    /// [`Why::Limit`] if it is no longer held, or would cost too much.
    pub(super) fn content(&mut self, at: u64, read: u64, out: &mut Vec<u8>) -> Result<(), Why> {
        let mut spare = std::mem::take(&mut self.spare);
        let made = self.make(at, read, out, &mut spare);
        self.spare = spare;
        made
    }

    fn make(&mut self, at: u64, read: u64, out: &mut Vec<u8>, spare: &mut Spare) -> Result<(), Why> {
        self.spend(0, read)?;
        let Spare { stored, change, base: before, way } = spare;
        way.clear();
        let mut from = at;
        // A base is always one that was there before.
        while !self.made.read(from, out) {
            let object = self.objects.get(&from).ok_or(Why::Limit)?;
            if let Some(base) = object.base {
                way.push(from);
                from = base;
                continue;
            }
            self.stored.read(object.stored, stored);
            unfold(&mut self.state, stored, self.sizes.object, out)?;
            self.spend(out.len(), read)?;
            self.made.put(from, out, self.sizes.made);
            break;
        }
        while let Some(next) = way.pop() {
            self.stored.read(self.objects.get(&next).ok_or(Why::Limit)?.stored, stored);
            unfold(&mut self.state, stored, self.sizes.object, change)?;
            std::mem::swap(out, before);
            self.change(before, change, read, out)?;
            self.made.put(next, out, self.sizes.made);
        }
        Ok(())
    }

    /// Writes what a change makes of its base to `out`.
    ///
    /// # Errors
    /// [`Why::Limit`] if it is too large or would cost too much, [`Why::Malformed`] if it is none.
    pub(super) fn change(&mut self, base: &[u8], change: &[u8], read: u64, out: &mut Vec<u8>) -> Result<(), Why> {
        delta::apply(base, change, self.sizes.object, out)?;
        self.spend(change.len() + out.len(), read)
    }

    fn spend(&mut self, bytes: usize, read: u64) -> Result<(), Why> {
        self.work = self.work.saturating_add(STEP + bytes as u64);
        if self.work > FREE && self.work / MOST_RATIO > read { Err(Why::Limit) } else { Ok(()) }
    }
}

/// Whether no other is a change of an object, and it was asked for last then.
fn is_free(objects: &HashMap<u64, Object>, asked: i64, at: u64) -> bool {
    objects.get(&at).is_some_and(|object| object.changes == 0 && object.asked == asked)
}

/// When an object was asked for, as far as that counts.
fn worth(at: u64, stored: usize) -> i64 {
    let signed = |number| i64::try_from(number).unwrap_or(i64::MAX);
    signed(at).saturating_sub(HEAVY.saturating_mul(signed(stored as u64)))
}

/// Writes to `out` what a stream unfolds to that was read before.
///
/// # Errors
/// If it is not whole, or too large.
fn unfold(state: &mut Decompress, stored: &[u8], most: usize, out: &mut Vec<u8>) -> Result<(), Why> {
    state.reset(true);
    out.clear();
    out.reserve((stored.len() * 4).min(most) + 64);
    loop {
        let used = usize::try_from(state.total_in()).unwrap_or(usize::MAX);
        let rest = stored.get(used..).unwrap_or_default();
        let status = state.decompress_vec(rest, out, FlushDecompress::Finish).map_err(|_| Why::Malformed)?;
        if status == Status::StreamEnd {
            return Ok(());
        }
        if out.len() < out.capacity() || out.len() > most {
            return Err(Why::Malformed);
        }
        out.reserve(out.len());
    }
}
