//! What is held of a pack for those objects that are told as changes of others. An object is held as it is stored, which
//! is small, and the last ones as they are, so that what changes one of them costs one step. Where there is no more room, what was not
//! asked for longest goes, and never what another that is held is a change of.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use flate2::{Decompress, FlushDecompress, Status};

use super::delta;
use super::object::Type;
use super::room::Sizes;
use crate::source::Why;

/// What an object costs in memory besides what is stored.
const OBJECT: usize = 256;
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
    stored: Box<[u8]>,
    kind: Type,
    /// What it is a change of.
    base: Option<u64>,
    /// How many that are held are changes of it.
    changes: u32,
    /// Where in the pack it was asked for last, or before that for its size.
    asked: i64,
    name: u64,
}

/// See the module. Objects are called by where they begin in the pack.
pub(super) struct Kept {
    objects: HashMap<u64, Object>,
    /// By the beginning of their names. Who asks compares the rest.
    names: HashMap<u64, u64>,
    /// Those that no other is a change of, by when they were asked for.
    free: BTreeSet<(i64, u64)>,
    used: usize,
    made: Made,
    /// How many bytes were made.
    work: u64,
    state: Decompress,
    sizes: Sizes,
}

/// Those that were made last, as they are.
#[derive(Default)]
struct Made {
    objects: HashMap<u64, (u64, Rc<[u8]>)>,
    order: BTreeMap<u64, u64>,
    used: usize,
    count: u64,
}

impl Made {
    fn of(&mut self, at: u64) -> Option<Rc<[u8]>> {
        let (count, content) = self.objects.get_mut(&at)?;
        self.order.remove(count);
        self.count += 1;
        *count = self.count;
        self.order.insert(self.count, at);
        Some(Rc::clone(content))
    }

    fn put(&mut self, at: u64, content: Rc<[u8]>, most: usize) {
        if self.of(at).is_some() {
            return;
        }
        self.count += 1;
        self.used += content.len() + OBJECT;
        self.order.insert(self.count, at);
        self.objects.insert(at, (self.count, content));
        while self.used > most
            && let Some((_, at)) = self.order.pop_first()
        {
            if let Some((_, content)) = self.objects.remove(&at) {
                self.used -= content.len() + OBJECT;
            }
        }
    }
}

impl Kept {
    pub(super) fn new(sizes: Sizes) -> Self {
        Self {
            objects: HashMap::new(),
            names: HashMap::new(),
            free: BTreeSet::new(),
            used: 0,
            made: Made::default(),
            work: 0,
            state: Decompress::new(true),
            sizes,
        }
    }

    /// Lets there be more.
    pub(super) fn grow(&mut self, sizes: Sizes) {
        self.sizes = sizes;
    }

    /// Whether an object that is stored in so many bytes, and has so many, drives out none.
    pub(super) fn fits(&self, stored: usize, made: usize) -> bool {
        self.used + stored + OBJECT <= self.sizes.stored && self.made.used + made + OBJECT <= self.sizes.made
    }

    /// Where an object begins whose name may be this.
    pub(super) fn find(&self, name: u64) -> Option<u64> {
        self.names.get(&name).copied()
    }

    pub(super) fn kind(&self, at: u64) -> Option<Type> {
        self.objects.get(&at).map(|object| object.kind)
    }

    /// Keeps an object, if that can be: `base` must be held. There may be more than there is room for afterwards.
    pub(super) fn put(
        &mut self,
        at: u64,
        kind: Type,
        base: Option<u64>,
        stored: &[u8],
        content: Rc<[u8]>,
        name: u64,
    ) -> bool {
        let size = stored.len() + OBJECT;
        let base_is_held = base.is_none_or(|base| self.objects.contains_key(&base));
        if size > self.sizes.stored || !base_is_held || self.objects.contains_key(&at) {
            return false;
        }
        self.made.put(at, content, self.sizes.made);
        if let Some(base) = base {
            self.ask(base, at, 1);
        }
        let asked = worth(at, stored.len());
        self.objects.insert(at, Object { stored: stored.into(), kind, base, changes: 0, asked, name });
        self.names.insert(name, at);
        self.free.insert((asked, at));
        self.used += size;
        true
    }

    /// What goes next, if there is more than there is room for.
    pub(super) fn over(&self) -> Option<u64> {
        self.free.first().filter(|_| self.used > self.sizes.stored).map(|(_, at)| *at)
    }

    /// An object as it is stored, and what it is a change of.
    pub(super) fn stored(&self, at: u64) -> Option<(&[u8], Option<u64>)> {
        self.objects.get(&at).map(|object| (&*object.stored, object.base))
    }

    /// Notes when an object was asked for, and that one more is a change of it, or one fewer.
    fn ask(&mut self, at: u64, now: u64, more: i8) {
        let Some(object) = self.objects.get_mut(&at) else { return };
        self.free.remove(&(object.asked, at));
        object.changes = object.changes.saturating_add_signed(more.into());
        object.asked = object.asked.max(worth(now, object.stored.len()));
        if object.changes == 0 {
            self.free.insert((object.asked, at));
        }
    }

    /// Lets go of an object that no other is a change of.
    pub(super) fn drop(&mut self, at: u64) {
        if let Some(object) = self.objects.remove(&at) {
            self.free.remove(&(object.asked, at));
            self.used -= object.stored.len() + OBJECT;
            if self.names.get(&object.name) == Some(&at) {
                self.names.remove(&object.name);
            }
            if let Some(base) = object.base {
                self.ask(base, 0, -1);
            }
        }
    }

    /// An object as it is, of a pack of which so much was read.
    ///
    /// # Errors
    /// [`Why::Limit`] if it is no longer held, or would cost too much.
    pub(super) fn content(&mut self, at: u64, read: u64) -> Result<Rc<[u8]>, Why> {
        self.spend(0, read)?;
        // From what is there to what is asked for. A base is always one that was there before.
        let mut changes = Vec::new();
        let mut from = at;
        let mut content = loop {
            if let Some(made) = self.made.of(from) {
                break made;
            }
            let object = self.objects.get(&from).ok_or(Why::Limit)?;
            let Some(base) = object.base else {
                let content: Rc<[u8]> = unfold(&mut self.state, &object.stored, self.sizes.object)?.into();
                self.spend(content.len(), read)?;
                self.made.put(from, Rc::clone(&content), self.sizes.made);
                break content;
            };
            changes.push(from);
            from = base;
        };
        while let Some(next) = changes.pop() {
            let stored = &self.objects.get(&next).ok_or(Why::Limit)?.stored;
            let change = unfold(&mut self.state, stored, self.sizes.object)?;
            content = self.change(&content, &change, read)?;
            self.made.put(next, Rc::clone(&content), self.sizes.made);
        }
        Ok(content)
    }

    /// What a change makes of its base.
    ///
    /// # Errors
    /// [`Why::Limit`] if it is too large or would cost too much, [`Why::Malformed`] if it is none.
    pub(super) fn change(&mut self, base: &[u8], change: &[u8], read: u64) -> Result<Rc<[u8]>, Why> {
        let made = delta::apply(base, change, self.sizes.object)?;
        self.spend(change.len() + made.len(), read)?;
        Ok(made.into())
    }

    fn spend(&mut self, bytes: usize, read: u64) -> Result<(), Why> {
        self.work = self.work.saturating_add(STEP + bytes as u64);
        if self.work > FREE && self.work / MOST_RATIO > read { Err(Why::Limit) } else { Ok(()) }
    }

    /// What a stream unfolds to that was read before.
    ///
    /// # Errors
    /// If it is not whole, or too large.
    pub(super) fn unfold(&mut self, stored: &[u8]) -> Result<Vec<u8>, Why> {
        unfold(&mut self.state, stored, self.sizes.object)
    }
}

/// When an object was asked for, as far as that counts.
fn worth(at: u64, stored: usize) -> i64 {
    let signed = |number| i64::try_from(number).unwrap_or(i64::MAX);
    signed(at).saturating_sub(HEAVY.saturating_mul(signed(stored as u64)))
}

fn unfold(state: &mut Decompress, stored: &[u8], most: usize) -> Result<Vec<u8>, Why> {
    state.reset(true);
    let mut out = Vec::with_capacity((stored.len() * 4).min(most) + 64);
    loop {
        let used = usize::try_from(state.total_in()).unwrap_or(usize::MAX);
        let rest = stored.get(used..).unwrap_or_default();
        let status = state.decompress_vec(rest, &mut out, FlushDecompress::Finish).map_err(|_| Why::Malformed)?;
        if status == Status::StreamEnd {
            return Ok(out);
        }
        if out.len() < out.capacity() || out.len() > most {
            return Err(Why::Malformed);
        }
        out.reserve(out.len());
    }
}
