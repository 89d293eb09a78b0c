//! A pack, read once from its beginning to its end. What is a change of another object is made of it, if that is still held
//! or comes later; there is room for all of an ordinary pack ([`super::room`]). What cannot be made is told, and what the
//! change inserts is scanned. That is not nothing missed: what was copied was scanned where it is copied from, but a
//! password that took the place of another stands there without its name.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use flate2::Decompress;

use super::delta::Inserted;
use super::kept::Kept;
use super::names::Names;
use super::object::{Hash, Id, Type};
use super::room::{LARGE, SMALL, Share, Sizes};
use crate::origin::Origin;
use crate::source::Why;
use crate::source::archive::peek::Peek;
use crate::source::archive::zlib::Inflate;
use crate::source::archive::{Counted, Walk, gap, why};

/// What an object that waits costs in memory besides what is stored.
const WAITING: usize = 128;

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

/// A change of an object that has not come yet.
struct Waiting {
    at: u64,
    stored: Vec<u8>,
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

/// An object that is there as a whole.
struct Came<'o> {
    at: u64,
    kind: Type,
    base: Option<u64>,
    /// As it is stored, where that is worth keeping.
    stored: Option<&'o [u8]>,
    content: Rc<[u8]>,
}

struct Pack<'a, 'w> {
    walk: &'a Walk<'w>,
    origin: &'a Origin,
    depth: usize,
    hash: Hash,
    names: Names,
    kept: Kept,
    /// Blobs that no tree has named so far, by where they begin.
    unnamed: BTreeMap<u64, Id>,
    waiting: HashMap<Id, Vec<Waiting>>,
    /// How much memory those take that wait.
    waits: usize,
    share: Share<'a>,
    sizes: Sizes,
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
            names: Names::new(SMALL.names),
            kept: Kept::new(SMALL),
            unnamed: BTreeMap::new(),
            waiting: HashMap::new(),
            waits: 0,
            share: walk.room.enter(),
            sizes: SMALL,
            read: 0,
        }
    }

    fn grow(&mut self) {
        if let Some(sizes) = self.share.grow() {
            self.sizes = sizes;
            self.kept.grow(sizes);
            self.names.grow(sizes.names);
        }
    }

    /// Reads an object.
    fn object<R: Read>(&mut self, input: &mut Peek<R>, state: &mut Decompress) -> io::Result<()> {
        let at = input.position();
        self.read = at;
        let (told, size) = self.begin(at, input)?;
        let mut inflate = Inflate::keeping(input, state, LARGE.object);
        let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(0).min(SMALL.object) + 1);
        let mut more = self.sizes.object + 1;
        let mut read = inflate.by_ref().take(more as u64).read_to_end(&mut content);
        if content.len() == more {
            self.grow();
            more = self.sizes.object + 1 - content.len();
            read = read.and_then(|_| inflate.by_ref().take(more as u64).read_to_end(&mut content));
        }
        if let Err(error) = read {
            self.nameless(told, at, why(&error), &mut content.as_slice())?;
            return Err(error);
        }
        let stored = inflate.stored();
        let is_large = content.len() > self.sizes.object;
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
        let base = match told {
            Told::Whole(kind) => {
                let came = Came { at, kind, base: None, stored: stored.as_deref(), content: content.into() };
                let id = self.arrive(came)?;
                return self.wake(at, id);
            }
            Told::ChangeOf(base) => Some(base),
            Told::ChangeOfNamed(id) => self.find(&id),
        };
        match (base, told, stored) {
            (Some(base), _, stored) => {
                let made = self.make(base, &content);
                let Some(id) = self.changed(at, base, made, stored.as_deref(), &content)? else { return Ok(()) };
                self.wake(at, id)
            }
            (None, Told::ChangeOfNamed(id), Some(stored)) if self.may_wait(&stored) => {
                self.waits += stored.len() + WAITING;
                self.waiting.entry(id).or_default().push(Waiting { at, stored });
                Ok(())
            }
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
    fn find(&mut self, id: &Id) -> Option<u64> {
        let at = self.kept.find(id.short())?;
        let content = self.kept.content(at, self.read).ok()?;
        let kind = self.kept.kind(at)?;
        // Somebody may have made another whose name begins alike.
        (self.hash.name(kind, &content) == *id).then_some(at)
    }

    fn may_wait(&mut self, stored: &[u8]) -> bool {
        let waits = self.waits + stored.len() + WAITING;
        if waits > self.sizes.stored / 2 {
            self.grow();
        }
        waits <= self.sizes.stored / 2
    }

    /// What a change makes of an object.
    fn make(&mut self, base: u64, change: &[u8]) -> Result<(Type, Rc<[u8]>), Why> {
        let kind = self.kept.kind(base).ok_or(Why::Limit)?;
        let content = self.kept.content(base, self.read)?;
        let mut made = self.kept.change(&content, change, self.read);
        if made == Err(Why::Limit) {
            self.grow();
            made = self.kept.change(&content, change, self.read);
        }
        Ok((kind, made?))
    }

    /// Takes what was made, or says that it was not.
    fn changed(
        &mut self,
        at: u64,
        base: u64,
        made: Result<(Type, Rc<[u8]>), Why>,
        stored: Option<&[u8]>,
        change: &[u8],
    ) -> io::Result<Option<Id>> {
        match made {
            Ok((kind, content)) => self.arrive(Came { at, kind, base: Some(base), stored, content }).map(Some),
            Err(why) => {
                let mut change = change;
                self.nameless(Told::ChangeOf(base), at, why, &mut change).map(|()| None)
            }
        }
    }

    /// Hands over an object, and keeps it for those that are changes of it.
    fn arrive(&mut self, came: Came<'_>) -> io::Result<Id> {
        let Came { at, kind, base, stored, content } = came;
        if matches!(kind, Type::Commit | Type::Tag) {
            self.hash = Hash::of_text(&content).unwrap_or(self.hash);
        }
        let id = self.hash.name(kind, &content);
        match kind {
            Type::Tree => {
                self.walk.entry()?;
                self.walk.unfolds(content.len())?;
                if self.names.most_after(&content) > SMALL.names {
                    self.grow();
                }
                self.names.tree(id, &content, self.hash);
            }
            Type::Commit => self.names.commit(&content, self.hash),
            Type::Blob | Type::Tag => {}
        }
        // A name may come with a tree behind it, and the name says how a blob is to be read.
        let may_wait = kind == Type::Blob && self.names.path(&id).is_none();
        match kind {
            Type::Tree => {}
            Type::Blob if may_wait => {}
            Type::Blob => self.blob(&id, &content)?,
            _ => self.walk.member(self.origin, format!("{} {id}", kind.word()), &mut &content[..], self.depth)?,
        }
        let is_kept = stored.is_some_and(|stored| {
            if !self.kept.fits(stored.len(), content.len()) {
                self.grow();
            }
            self.kept.put(at, kind, base, stored, Rc::clone(&content), id.short())
        });
        if may_wait && is_kept {
            self.unnamed.insert(at, id);
        } else if may_wait {
            self.blob(&id, &content)?;
        }
        while let Some(oldest) = self.kept.over() {
            if let Some(id) = self.unnamed.remove(&oldest) {
                self.belated(oldest, &id)?;
            }
            self.kept.drop(oldest);
        }
        Ok(id)
    }

    /// Hands over a blob, with its path if that is known.
    fn blob(&self, id: &Id, content: &[u8]) -> io::Result<()> {
        let name = format!("{} {id}", Type::Blob.word());
        let mut content = content;
        match self.names.path(id) {
            Some(path) => self.walk.member(&self.named(name), path, &mut content, self.depth),
            None => self.walk.member(self.origin, name, &mut content, self.depth),
        }
    }

    /// The same, of one that had no name when it came and is still held.
    fn belated(&mut self, at: u64, id: &Id) -> io::Result<()> {
        match self.kept.content(at, self.read) {
            Ok(content) => self.blob(id, &content),
            Err(why) => {
                let Some((stored, base)) = self.kept.stored(at) else { return Ok(()) };
                let stored = stored.to_vec();
                let told = base.map_or(Told::Whole(Type::Blob), Told::ChangeOf);
                let content = self.kept.unfold(&stored).unwrap_or_default();
                self.nameless(told, at, why, &mut content.as_slice())
            }
        }
    }

    /// Makes all that waited for an object, and for what is made of it.
    fn wake(&mut self, at: u64, id: Id) -> io::Result<()> {
        let mut ready = vec![(at, id)];
        while !self.waiting.is_empty()
            && let Some((base, id)) = ready.pop()
        {
            for Waiting { at, stored } in self.waiting.remove(&id).unwrap_or_default() {
                self.waits -= stored.len() + WAITING;
                let change = self.kept.unfold(&stored).unwrap_or_default();
                let made = self.make(base, &change);
                ready.extend(self.changed(at, base, made, Some(&stored), &change)?.map(|id| (at, id)));
            }
        }
        Ok(())
    }

    /// Hands over what waited for a name, and tells of all that still wait: what they are changes of is not in the pack.
    fn give_up(&mut self) -> io::Result<()> {
        for (at, id) in std::mem::take(&mut self.unnamed) {
            self.belated(at, &id)?;
        }
        let waiting = std::mem::take(&mut self.waiting);
        let mut all: Vec<_> = waiting
            .into_iter()
            .flat_map(|(id, all)| all.into_iter().map(move |one| (one.at, one.stored, id)))
            .collect();
        all.sort_unstable();
        for (at, stored, id) in all {
            let change = self.kept.unfold(&stored).unwrap_or_default();
            self.nameless(Told::ChangeOfNamed(id), at, Why::NoBase, &mut change.as_slice())?;
        }
        Ok(())
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
