//! What `marshal.dump` writes (CPython's `Python/marshal.c`): objects in one another, and references to those before.

use std::ops::Range;

use super::super::cursor::Cursor;
use super::opcodes::Version;

/// How deep objects may nest: functions in functions are two deeper each.
const MOST_DEPTH: usize = 64;
/// How many objects are kept of one file.
const MOST_OBJECTS: usize = 1 << 17;
/// What comes behind a type that may be referred to.
const REFERABLE: u8 = 0x80;

/// An object, by its place in [`Objects`].
pub(super) type Id = u32;

const OTHER: Id = 0;
const NULL: Id = 1;

/// An object, as far as it matters here.
#[derive(Debug)]
pub(super) enum Object {
    /// Where its bytes stand.
    Text(Range<usize>),
    Tuple(Vec<Id>),
    Code(Box<Code>),
    /// Where the bytes of a number, a list or the like stood is forgotten.
    Other,
}

/// The code of a module, a class or a function.
#[derive(Debug)]
pub(super) struct Code {
    /// How many positional parameters there are.
    pub(super) parameters: u32,
    pub(super) instructions: Id,
    pub(super) constants: Id,
    pub(super) names: Id,
    /// Its parameters are the first of them.
    pub(super) variables: Id,
    /// Those that inner functions see: until 3.10 apart from the others.
    pub(super) cells: Id,
    pub(super) file: Id,
    pub(super) name: Id,
}

/// All objects of a file.
#[derive(Debug)]
pub(super) struct Objects {
    all: Vec<Object>,
    /// What can be referred to, in the order of the beginnings.
    referable: Vec<Id>,
}

impl Objects {
    /// Reads one object, and the others in it.
    pub(super) fn read(cursor: &mut Cursor<'_>, version: Version) -> Option<(Self, Id)> {
        let mut objects = Self { all: vec![Object::Other, Object::Other], referable: Vec::new() };
        let id = objects.object(cursor, version, 0)?;
        Some((objects, id))
    }

    pub(super) fn at(&self, id: Id) -> &Object {
        usize::try_from(id).ok().and_then(|at| self.all.get(at)).unwrap_or(&Object::Other)
    }

    /// The objects of a tuple.
    pub(super) fn items(&self, id: Id) -> &[Id] {
        match self.at(id) {
            Object::Tuple(items) => items,
            _ => &[],
        }
    }

    pub(super) fn text(&self, id: Id) -> Option<Range<usize>> {
        match self.at(id) {
            Object::Text(range) => Some(range.clone()),
            _ => None,
        }
    }

    fn keep(&mut self, object: Object) -> Option<Id> {
        self.all.push(object);
        (self.all.len() <= MOST_OBJECTS).then(|| u32::try_from(self.all.len() - 1).ok())?
    }

    fn object(&mut self, cursor: &mut Cursor<'_>, version: Version, depth: usize) -> Option<Id> {
        if depth > MOST_DEPTH {
            return None;
        }
        let kind = cursor.byte()?;
        let place = (kind & REFERABLE != 0).then(|| {
            self.referable.push(OTHER);
            self.referable.len() - 1
        });
        let id = self.of_kind(kind & !REFERABLE, cursor, version, depth + 1)?;
        if let Some(place) = place {
            self.referable[place] = id;
        }
        Some(id)
    }

    fn of_kind(&mut self, kind: u8, cursor: &mut Cursor<'_>, version: Version, depth: usize) -> Option<Id> {
        match kind {
            b'0' => Some(NULL),
            b'N' | b'T' | b'F' | b'S' | b'.' => Some(OTHER),
            b'i' => skip(cursor, 4),
            b'I' | b'g' => skip(cursor, 8),
            b'y' => skip(cursor, 16),
            // Digits of fifteen bits, with the sign in their number.
            b'l' => {
                let digits = cursor.low32()?.cast_signed().unsigned_abs();
                skip(cursor, usize::try_from(digits).ok()?.checked_mul(2)?)
            }
            b'f' => short(cursor).and(Some(OTHER)),
            b'x' => short(cursor).and_then(|_| short(cursor)).and(Some(OTHER)),
            b's' | b't' | b'u' | b'a' | b'A' => {
                let length = usize::try_from(cursor.low32()?).ok()?;
                let range = cursor.range(length)?;
                self.keep(Object::Text(range))
            }
            b'z' | b'Z' => short(cursor).and_then(|range| self.keep(Object::Text(range))),
            b')' => {
                let length = u32::from(cursor.byte()?);
                self.tuple(length, cursor, version, depth)
            }
            b'(' => {
                let length = cursor.low32()?;
                self.tuple(length, cursor, version, depth)
            }
            b'[' | b'<' | b'>' => {
                for _ in 0..cursor.low32()? {
                    self.object(cursor, version, depth)?;
                }
                Some(OTHER)
            }
            b'{' => {
                while self.object(cursor, version, depth)? != NULL {
                    self.object(cursor, version, depth)?;
                }
                Some(OTHER)
            }
            b':' => {
                for _ in 0..3 {
                    self.object(cursor, version, depth)?;
                }
                Some(OTHER)
            }
            b'r' => {
                let place = usize::try_from(cursor.low32()?).ok()?;
                self.referable.get(place).copied()
            }
            b'c' => {
                let code = self.code(cursor, version, depth)?;
                self.keep(Object::Code(Box::new(code)))
            }
            _ => None,
        }
    }

    fn tuple(&mut self, length: u32, cursor: &mut Cursor<'_>, version: Version, depth: usize) -> Option<Id> {
        // Each is a byte at least, so the file ends before memory does.
        let mut items = Vec::new();
        for _ in 0..length {
            items.push(self.object(cursor, version, depth)?);
        }
        self.keep(Object::Tuple(items))
    }

    /// As `w_complex_object` writes it, with what changed in 3.11.
    fn code(&mut self, cursor: &mut Cursor<'_>, version: Version, depth: usize) -> Option<Code> {
        let is_new = version.minor >= 11;
        let parameters = cursor.low32()?;
        // Parameters of other kinds, variables (until 3.11), the size of the stack, flags.
        cursor.take(if is_new { 16 } else { 20 })?;
        let next = |objects: &mut Self, cursor: &mut Cursor<'_>| objects.object(cursor, version, depth);
        let instructions = next(self, cursor)?;
        let constants = next(self, cursor)?;
        let names = next(self, cursor)?;
        let variables = next(self, cursor)?;
        // Their kinds; or names of what outer functions share, and of what is shared with inner ones.
        let mut cells = next(self, cursor)?;
        if !is_new {
            cells = next(self, cursor)?;
        }
        let file = next(self, cursor)?;
        let name = next(self, cursor)?;
        if is_new {
            let _qualified = next(self, cursor)?;
        }
        let _first_line = cursor.low32()?;
        // Tables of lines, and of exceptions.
        for _ in 0..if is_new { 2 } else { 1 } {
            next(self, cursor)?;
        }
        Some(Code { parameters, instructions, constants, names, variables, cells, file, name })
    }
}

fn skip(cursor: &mut Cursor<'_>, length: usize) -> Option<Id> {
    cursor.take(length).map(|_| OTHER)
}

/// Bytes with their number in one byte before them.
fn short(cursor: &mut Cursor<'_>) -> Option<Range<usize>> {
    let length = cursor.byte()?;
    cursor.range(usize::from(length))
}
