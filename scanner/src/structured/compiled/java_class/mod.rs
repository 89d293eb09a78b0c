//! Classes of Java, Kotlin, Scala and their kin, as the Java Virtual Machine Specification has them (chapter 4): constants of
//! fields, what is put into a field or a variable, and what a method is called with.

mod code;
mod pool;

use super::super::reading::Reading;
use super::super::value::{Path, Scalar, Step};
use super::Form;
use super::cursor::Cursor;
use pool::Pool;

/// The longest name of a class that is told.
const LONGEST_CLASS: usize = 256;

/// Reads a class.
pub(in super::super) fn read<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    let mut cursor = Cursor::new(text, 8);
    let Some(pool) = Pool::read(&mut cursor) else { return };
    let mut class = Class { used: vec![false; pool.len()], pool, path: Path::default(), reading };
    // What was read before the file turned out to be broken counts.
    let _ = class.members(&mut cursor);
    class.rest();
}

/// A class that is being read.
struct Class<'c, 't, 'e> {
    pool: Pool<'t>,
    /// Which constants have been told with a name.
    used: Vec<bool>,
    path: Path<'t>,
    reading: &'c mut Reading<'t, 'e>,
}

impl<'t> Class<'_, 't, '_> {
    /// All behind the constants.
    fn members(&mut self, cursor: &mut Cursor<'t>) -> Option<()> {
        let _access = cursor.high16()?;
        let name = self.pool.class(cursor.high16()?).filter(|name| name.len() <= LONGEST_CLASS).unwrap_or(b"class");
        for part in name.split(|b| *b == b'/') {
            self.path.push(Step::Key(part));
        }
        let _parent = cursor.high16()?;
        for _ in 0..cursor.high16()? {
            let _interface = cursor.high16()?;
        }
        for _ in 0..cursor.high16()? {
            self.field(cursor)?;
        }
        for _ in 0..cursor.high16()? {
            self.method(cursor)?;
        }
        Some(())
    }

    /// A field, which has its value here if it is a constant (4.7.2).
    fn field(&mut self, cursor: &mut Cursor<'t>) -> Option<()> {
        let (_access, name, _descriptor) = (cursor.high16()?, cursor.high16()?, cursor.high16()?);
        for _ in 0..cursor.high16()? {
            let attribute = self.pool.utf8(cursor.high16()?);
            let range = cursor.sized()?;
            if attribute == Some(b"ConstantValue")
                && let Some(index) = Cursor::new(&cursor.text[..range.end], range.start).high16()
            {
                self.told(name, index);
            }
        }
        Some(())
    }

    fn method(&mut self, cursor: &mut Cursor<'t>) -> Option<()> {
        let (_access, name, _descriptor) = (cursor.high16()?, cursor.high16()?, cursor.high16()?);
        self.path.push(Step::Key(self.pool.utf8(name).filter(|name| name.len() <= LONGEST_CLASS).unwrap_or_default()));
        for _ in 0..cursor.high16()? {
            let attribute = self.pool.utf8(cursor.high16()?);
            let range = cursor.sized()?;
            if attribute == Some(b"Code") {
                let _ = self.code(&mut Cursor::new(&cursor.text[..range.end], range.start));
            }
        }
        self.path.pop();
        Some(())
    }

    /// A constant, as the text that it is.
    fn text(&self, index: u16) -> Option<Scalar<'t>> {
        self.pool.text(index).map(|range| Scalar::plain(self.reading.text, range))
    }

    /// A constant with the name that it gets.
    fn told(&mut self, name: u16, index: u16) {
        let (Some(name), Some(value)) = (self.pool.utf8(name), self.text(index)) else { return };
        self.reading.pair(Form::Assigned, name, &self.path.join(Step::Key(name)), &value);
        self.is_used(index);
    }

    fn is_used(&mut self, index: u16) {
        if let Some(used) = self.used.get_mut(usize::from(index)) {
            *used = true;
        }
    }

    /// Constants that nothing gave a name to.
    fn rest(&mut self) {
        for index in (0..self.pool.len()).filter(|index| !self.used[*index]) {
            if let Some(value) = u16::try_from(index).ok().and_then(|index| self.text(index)) {
                self.reading.lone(&self.path, &value);
            }
        }
    }
}
