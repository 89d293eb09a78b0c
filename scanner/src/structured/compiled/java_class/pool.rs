//! The constants of a class (4.4), by their index.

use std::ops::Range;

use super::super::cursor::Cursor;

/// A constant, as far as it matters here.
#[derive(Debug, Clone, Copy)]
enum Constant {
    /// Text in the file: where, and how long.
    Utf8(u32, u16),
    /// The index of its name.
    Class(u16),
    /// The index of its text.
    Text(u16),
    /// A field or method: the index of its name and type.
    Member(u16),
    /// The indices of both.
    NameAndType(u16, u16),
    Other,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Pool<'t> {
    text: &'t [u8],
    constants: Vec<Constant>,
}

impl<'t> Pool<'t> {
    pub(super) fn read(cursor: &mut Cursor<'t>) -> Option<Self> {
        let count = usize::from(cursor.high16()?);
        // The first has the index one.
        let mut constants = vec![Constant::Other];
        while constants.len() < count {
            let constant = match cursor.byte()? {
                1 => {
                    let length = cursor.high16()?;
                    Constant::Utf8(u32::try_from(cursor.range(usize::from(length))?.start).ok()?, length)
                }
                3 | 4 | 17 | 18 => cursor.take(4).map(|_| Constant::Other)?,
                // Of eight bytes each, and of two indices.
                5 | 6 => {
                    cursor.take(8)?;
                    constants.push(Constant::Other);
                    Constant::Other
                }
                7 => Constant::Class(cursor.high16()?),
                8 => Constant::Text(cursor.high16()?),
                9..=11 => {
                    let _class = cursor.high16()?;
                    Constant::Member(cursor.high16()?)
                }
                12 => Constant::NameAndType(cursor.high16()?, cursor.high16()?),
                15 => cursor.take(3).map(|_| Constant::Other)?,
                16 | 19 | 20 => cursor.take(2).map(|_| Constant::Other)?,
                _ => return None,
            };
            constants.push(constant);
        }
        Some(Self { text: cursor.text, constants })
    }

    pub(super) fn len(&self) -> usize {
        self.constants.len()
    }

    fn at(&self, index: u16) -> Constant {
        self.constants.get(usize::from(index)).copied().unwrap_or(Constant::Other)
    }

    fn range(&self, index: u16) -> Option<Range<usize>> {
        let Constant::Utf8(start, length) = self.at(index) else { return None };
        let start = usize::try_from(start).ok()?;
        Some(start..start + usize::from(length))
    }

    /// A name.
    pub(super) fn utf8(&self, index: u16) -> Option<&'t [u8]> {
        self.range(index).map(|range| &self.text[range])
    }

    /// Where the text of a constant stands that a program may load.
    pub(super) fn text(&self, index: u16) -> Option<Range<usize>> {
        let Constant::Text(text) = self.at(index) else { return None };
        self.range(text)
    }

    /// The name of a class, with slashes.
    pub(super) fn class(&self, index: u16) -> Option<&'t [u8]> {
        let Constant::Class(name) = self.at(index) else { return None };
        self.utf8(name)
    }

    /// The index of a field's or method's name, and what it is of.
    pub(super) fn member(&self, index: u16) -> Option<(u16, &'t [u8])> {
        let Constant::Member(both) = self.at(index) else { return None };
        let Constant::NameAndType(name, kind) = self.at(both) else { return None };
        Some((name, self.utf8(kind)?))
    }
}
