//! A pack, read once from its beginning to its end. What is a change of another object is made of it, if that is still held
//! or comes later; there is room for all of an ordinary pack ([`super::room`]). What cannot be made is told, and what the
//! change inserts is scanned. That is not nothing missed: what was copied was scanned where it is copied from, but a
//! password that took the place of another stands there without its name.

use std::io::{self, BufReader, Read};

use flate2::Decompress;

use super::delta::Inserted;
use super::kept::Came;
use super::object::{Hash, Id, Type};
use super::room::{Buffers, LARGE, Memory, SMALL, Share};
use crate::origin::Origin;
use crate::source::Why;
use crate::source::archive::peek::Peek;
use crate::source::archive::zlib::Inflate;
use crate::source::archive::{Counted, Walk, gap, why};

/// What an object is told by.
#[derive(Clone, Copy)]
enum Told {
    /// Itself.
    Whole(Type),
    /// A change of the object that begins here.
    ChangeOf(u64),
    /// A change of the object that is called so.
    ChangeOfNamed(Id),
}

pub(in crate::source::archive) fn walk(
    walk: &Walk<'_>,
    origin: &Origin,
    input: &mut dyn Read,
    depth: usize,
) -> io::Result<()> {
    let mut input = Peek::new(input);
    let mut state = Decompress::new(true);
    let [_, _, _, _, _, _, _, _, count @ ..] = input.take_array::<12>()?;
    let mut pack = Pack::new(walk, origin, depth);
    let read = (0..u32::from_be_bytes(count)).try_for_each(|_| pack.object(&mut input, &mut state));
    let read = pack.give_up().and(read).and_then(|()| pack.end(&mut input));
    match read {
        // Where the next would begin is not known.
        Err(error) if why(&error) == Why::Malformed => {
            walk.sink.skipped(Why::Malformed, origin);
            walk.sink.bytes(origin.clone(), &mut input)
        }
        read => read,
    }
}

/// What an object is, where it begins, and what it is a change of.
#[derive(Clone, Copy)]
struct What {
    at: u64,
    kind: Type,
    base: Option<u64>,
}

struct Pack<'a, 'w> {
    walk: &'a Walk<'w>,
    origin: &'a Origin,
    depth: usize,
    hash: Hash,
    memory: Box<Memory>,
    share: Share<'a>,
    /// How much of the pack was read before the object at hand.
    read: u64,
}

impl<'a, 'w> Pack<'a, 'w> {
    fn new(walk: &'a Walk<'w>, origin: &'a Origin, depth: usize) -> Self {
        Self {
            walk,
            origin,
            depth,
            hash: Hash::default(),
            memory: Box::new(Memory::small()),
            share: walk.room.enter(),
            read: 0,
        }
    }

    fn grow(&mut self) {
        if let Some(larger) = self.share.grow() {
            let small = std::mem::replace(&mut self.memory, larger);
            self.memory.kept.adopt(small.kept);
            self.memory.names.adopt(&small.names);
        }
    }

    /// How large an object may be that is made of another, or named by what it holds.
    fn most(&self) -> usize {
        self.memory.sizes.object
    }

    /// Has something done with the buffers of the object at hand, which nothing else uses meanwhile.
    fn with_buffers<T>(&mut self, work: impl FnOnce(&mut Self, &mut Buffers) -> T) -> T {
        let mut buffers = std::mem::take(&mut self.memory.object);
        let done = work(self, &mut buffers);
        // There may be others since, if there is more memory.
        if buffers.content.capacity() > self.memory.object.content.capacity() {
            self.memory.object = buffers;
        }
        done
    }

    /// Reads an object.
    fn object<R: Read>(&mut self, input: &mut Peek<R>, state: &mut Decompress) -> io::Result<()> {
        self.with_buffers(|pack, buffers| pack.object_in(input, state, buffers))
    }

    fn object_in<R: Read>(
        &mut self,
        input: &mut Peek<R>,
        state: &mut Decompress,
        buffers: &mut Buffers,
    ) -> io::Result<()> {
        let at = input.position();
        self.read = at;
        let (told, size) = self.begin(at, input)?;
        let Buffers { stored, content, base: spare, made } = buffers;
        let mut inflate = Inflate::keeping(input, state, stored, LARGE.object);
        content.clear();
        content.reserve(usize::try_from(size).unwrap_or(0).min(SMALL.object) + 1);
        let mut more = self.most() + 1;
        let mut read = inflate.by_ref().take(more as u64).read_to_end(content);
        if content.len() == more {
            self.grow();
            more = self.most() + 1 - content.len();
            read = read.and_then(|_| inflate.by_ref().take(more as u64).read_to_end(content));
        }
        if let Err(error) = read {
            self.nameless(told, at, why(&error), &mut content.as_slice())?;
            return Err(error);
        }
        let is_kept = inflate.kept();
        let is_large = content.len() > self.most();
        if is_large {
            self.nameless(told, at, Why::Limit, &mut content.as_slice().chain(&mut inflate))?;
            inflate.finish()?;
        }
        if inflate.unfolded() != size {
            self.walk.sink.skipped(Why::Malformed, &self.member(told, at));
        }
        if is_large {
            return Ok(());
        }
        let stored = Some(&stored[..]).filter(|_| is_kept);
        let base = match told {
            Told::Whole(kind) => {
                let id = self.arrive(What { at, kind, base: None }, stored, content, spare)?;
                return self.wake(at, id, buffers);
            }
            Told::ChangeOf(base) => Some(base),
            Told::ChangeOfNamed(id) => self.find(&id, spare),
        };
        match (base, told, stored) {
            (Some(base), _, stored) => {
                let Some(id) = self.change(at, base, stored, content, (spare, made))? else { return Ok(()) };
                self.wake(at, id, buffers)
            }
            (None, Told::ChangeOfNamed(id), Some(stored)) if self.waits(at, id, stored) => Ok(()),
            _ => self.nameless(told, at, Why::Limit, &mut content.as_slice()),
        }
    }

    /// Reads what stands before an object, and how large it is, or what changes it.
    fn begin<R: Read>(&self, at: u64, input: &mut Peek<R>) -> io::Result<(Told, u64)> {
        let [first] = input.take_array::<1>()?;
        let mut size = u64::from(first & 0x0f);
        let (mut more, mut shift) = (first & 0x80 != 0, 4);
        while more {
            let [byte] = input.take_array::<1>()?;
            // A number of more than 64 bits is no size.
            let bits = u64::from(byte & 0x7f).checked_shl(shift).ok_or_else(|| gap(Why::Malformed))?;
            size |= bits;
            (more, shift) = (byte & 0x80 != 0, shift + 7);
        }
        let told = match first >> 4 & 7 {
            1 => Told::Whole(Type::Commit),
            2 => Told::Whole(Type::Tree),
            3 => Told::Whole(Type::Blob),
            4 => Told::Whole(Type::Tag),
            6 => {
                let back = back(input)?;
                Told::ChangeOf(at.checked_sub(back).filter(|base| *base < at).ok_or_else(|| gap(Why::Malformed))?)
            }
            7 => {
                let mut name = [0; 32];
                let name = &mut name[..self.hash.length()];
                input.read_exact(name)?;
                Told::ChangeOfNamed(Id::of(name))
            }
            _ => return Err(gap(Why::Malformed)),
        };
        Ok((told, size))
    }

    /// The object that is called so, if it is held.
    fn find(&mut self, id: &Id, content: &mut Vec<u8>) -> Option<u64> {
        let kept = &mut self.memory.kept;
        let at = kept.find(id.short())?;
        kept.content(at, self.read, content).ok()?;
        let kind = kept.kind(at)?;
        // Somebody may have made another whose name begins alike.
        (self.hash.name(kind, content) == *id).then_some(at)
    }

    /// Has a change of an object that has not come yet wait for it, if there is room.
    fn waits(&mut self, at: u64, id: Id, stored: &[u8]) -> bool {
        if !self.memory.kept.may_wait(stored.len()) {
            self.grow();
        }
        self.memory.kept.may_wait(stored.len()) && self.memory.kept.wait(at, id, stored)
    }

    /// Takes what a change makes of an object, or says that nothing was made. It is made in the two buffers.
    fn change(
        &mut self,
        at: u64,
        base: u64,
        stored: Option<&[u8]>,
        change: &[u8],
        (before, made): (&mut Vec<u8>, &mut Vec<u8>),
    ) -> io::Result<Option<Id>> {
        match self.make(base, change, before, made) {
            Ok(kind) => self.arrive(What { at, kind, base: Some(base) }, stored, made, before).map(Some),
            Err(why) => {
                let mut change = change;
                self.nameless(Told::ChangeOf(base), at, why, &mut change).map(|()| None)
            }
        }
    }

    /// Writes to `made` what a change makes of an object.
    fn make(&mut self, base: u64, change: &[u8], before: &mut Vec<u8>, made: &mut Vec<u8>) -> Result<Type, Why> {
        let kind = self.memory.kept.kind(base).ok_or(Why::Limit)?;
        self.memory.kept.content(base, self.read, before)?;
        let mut done = self.memory.kept.change(before, change, self.read, made);
        if done == Err(Why::Limit) {
            self.grow();
            done = self.memory.kept.change(before, change, self.read, made);
        }
        done.map(|()| kind)
    }

    /// Hands over an object, and keeps it for those that are changes of it, if there is what is stored of it.
    fn arrive(
        &mut self,
        What { at, kind, base }: What,
        stored: Option<&[u8]>,
        content: &[u8],
        spare: &mut Vec<u8>,
    ) -> io::Result<Id> {
        if matches!(kind, Type::Commit | Type::Tag) {
            self.hash = Hash::of_text(content).unwrap_or(self.hash);
        }
        let id = self.hash.name(kind, content);
        match kind {
            Type::Tree => {
                self.walk.entry()?;
                self.walk.unfolds(content.len())?;
                if self.memory.names.most_after(content) > SMALL.names {
                    self.grow();
                }
                self.memory.names.tree(id, content, self.hash);
            }
            Type::Commit => self.memory.names.commit(content, self.hash),
            Type::Blob | Type::Tag => {}
        }
        // A name may come with a tree behind it, and the name says how a blob is to be read.
        let unnamed = kind == Type::Blob && self.memory.names.path(&id).is_none();
        match kind {
            Type::Tree => {}
            Type::Blob if unnamed => {}
            Type::Blob => self.blob(&id, content)?,
            _ => {
                let mut content = content;
                self.walk.member(self.origin, format!("{} {id}", kind.word()), &mut content, self.depth)?;
            }
        }
        let is_kept = stored.is_some_and(|stored| {
            if !self.memory.kept.fits(stored.len(), content.len()) {
                self.grow();
            }
            self.memory.kept.put(&Came { at, kind, base, id, unnamed }, stored, content)
        });
        if unnamed && !is_kept {
            self.blob(&id, content)?;
        }
        while let Some(oldest) = self.memory.kept.over() {
            self.belated(oldest, spare)?;
            self.memory.kept.drop(oldest);
        }
        Ok(id)
    }

    /// Hands over a blob, with its path if that is known.
    fn blob(&self, id: &Id, content: &[u8]) -> io::Result<()> {
        let name = format!("{} {id}", Type::Blob.word());
        let mut content = content;
        match self.memory.names.path(id) {
            Some(path) => self.walk.member(&self.named(name), path, &mut content, self.depth),
            None => self.walk.member(self.origin, name, &mut content, self.depth),
        }
    }

    /// The same, of one that had no name when it came and is still held.
    fn belated(&mut self, at: u64, content: &mut Vec<u8>) -> io::Result<()> {
        let Some(id) = self.memory.kept.take_unnamed(at) else { return Ok(()) };
        match self.memory.kept.content(at, self.read, content) {
            Ok(()) => self.blob(&id, content),
            Err(why) => {
                let Some(base) = self.memory.kept.unmade(at, content) else { return Ok(()) };
                let told = base.map_or(Told::Whole(Type::Blob), Told::ChangeOf);
                self.nameless(told, at, why, &mut content.as_slice())
            }
        }
    }

    /// Makes all that waited for an object, and for what is made of it.
    fn wake(&mut self, at: u64, id: Id, buffers: &mut Buffers) -> io::Result<()> {
        let Buffers { stored, content, base: before, made } = buffers;
        let mut ready = vec![(at, id)];
        while !self.memory.kept.awaits_nothing()
            && let Some((base, id)) = ready.pop()
        {
            for at in self.memory.kept.awaiting(&id) {
                self.memory.kept.take_waiting(at, stored, content);
                ready.extend(self.change(at, base, Some(stored), content, (before, made))?.map(|id| (at, id)));
            }
        }
        Ok(())
    }

    /// Hands over what waited for a name, and tells of all that still wait: what they are changes of is not in the pack.
    fn give_up(&mut self) -> io::Result<()> {
        self.with_buffers(|pack, buffers| {
            for at in pack.memory.kept.unnamed() {
                pack.belated(at, &mut buffers.content)?;
            }
            for (at, id) in pack.memory.kept.all_waiting() {
                pack.memory.kept.take_waiting(at, &mut buffers.stored, &mut buffers.content);
                let change = &mut buffers.content.as_slice();
                pack.nameless(Told::ChangeOfNamed(id), at, Why::NoBase, change)?;
            }
            Ok(())
        })
    }

    /// Hands over what an object is told by, without its name.
    fn nameless(&mut self, told: Told, at: u64, why: Why, content: &mut dyn Read) -> io::Result<()> {
        let member = self.member(told, at);
        match told {
            Told::Whole(Type::Tree) => self.walk.entry(),
            Told::Whole(_) => self.walk.member(self.origin, place(told, at), content, self.depth),
            Told::ChangeOf(_) | Told::ChangeOfNamed(_) => {
                self.walk.entry()?;
                self.walk.sink.skipped(why, &member);
                let inserted = Inserted::new(BufReader::new(content));
                let read = self.walk.sink.bytes(member.clone(), &mut Counted { inner: inserted, walk: self.walk });
                read.or_else(|error| self.walk.missed(error, &member))
            }
        }
    }

    fn named(&self, path: String) -> Origin {
        Origin::Member { outer: Box::new(self.origin.clone()), path }
    }

    fn member(&self, told: Told, at: u64) -> Origin {
        self.named(place(told, at))
    }

    /// What stands behind the last object is the pack's own hash.
    fn end<R: Read>(&self, input: &mut Peek<R>) -> io::Result<()> {
        match input.peek(Hash::Sha256.length() + 1)?.len() {
            length if length == Hash::Sha1.length() || length == Hash::Sha256.length() => input.skip(length as u64),
            length if length < Hash::Sha1.length() => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Err(gap(Why::Malformed)),
        }
    }
}

impl Drop for Pack<'_, '_> {
    fn drop(&mut self) {
        // The memory of a small one is none that is given on.
        if self.memory.sizes == LARGE {
            let memory = std::mem::replace(&mut self.memory, Box::new(Memory::small()));
            self.share.give_back(memory);
        }
    }
}

/// What an object is called of which only its place is known: `git verify-pack -v` lists them by it.
fn place(told: Told, at: u64) -> String {
    match told {
        Told::Whole(kind) => format!("{} at byte {at}", kind.word()),
        Told::ChangeOf(_) | Told::ChangeOfNamed(_) => format!("change at byte {at}"),
    }
}

/// How far before an object its base begins: seven bits a byte, the highest first, and no number in two ways.
fn back<R: Read>(input: &mut Peek<R>) -> io::Result<u64> {
    let mut number = 0u64;
    loop {
        let [byte] = input.take_array::<1>()?;
        number = number.checked_shl(7).filter(|shifted| shifted >> 7 == number).ok_or_else(|| gap(Why::Malformed))?;
        number |= u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
        number = number.checked_add(1).ok_or_else(|| gap(Why::Malformed))?;
    }
}
