//! The instructions of a method (6.5): what becomes of a text right behind where it is loaded.

use super::super::super::value::Step;
use super::super::cursor::Cursor;
use super::Class;

const LDC: u8 = 0x12;
const LDC_W: u8 = 0x13;
const ASTORE: u8 = 0x3a;
const ASTORE_0: u8 = 0x4b;
const ASTORE_3: u8 = 0x4e;
const PUTSTATIC: u8 = 0xb3;
const PUTFIELD: u8 = 0xb5;
const INVOKEVIRTUAL: u8 = 0xb6;
const INVOKEINTERFACE: u8 = 0xb9;
const TABLESWITCH: u8 = 0xaa;
const LOOKUPSWITCH: u8 = 0xab;
const WIDE: u8 = 0xc4;
const IINC: u8 = 0x84;

/// Of the variables of a method: from where in the code on, which, and the index of its name.
type Variable = (usize, u16, u16);

impl<'t> Class<'_, 't, '_> {
    /// A `Code` attribute (4.7.3).
    pub(super) fn code(&mut self, cursor: &mut Cursor<'t>) -> Option<()> {
        let (_stack, _locals) = (cursor.high16()?, cursor.high16()?);
        let code = cursor.sized()?;
        for _ in 0..cursor.high16()? {
            cursor.take(8)?;
        }
        // Without what a debugger needs the rest is good all the same.
        let mut variables = Vec::new();
        let _ = self.variables(cursor, &mut variables);
        variables.sort_unstable();
        self.instructions(&cursor.text[code], &variables)
    }

    /// `LocalVariableTable` (4.7.13), where the compiler was asked for it.
    fn variables(&self, cursor: &mut Cursor<'t>, variables: &mut Vec<Variable>) -> Option<()> {
        for _ in 0..cursor.high16()? {
            let attribute = self.pool.utf8(cursor.high16()?);
            let range = cursor.sized()?;
            if attribute != Some(b"LocalVariableTable") {
                continue;
            }
            let mut table = Cursor::new(&cursor.text[..range.end], range.start);
            for _ in 0..table.high16()? {
                let (start, _length, name) = (table.high16()?, table.high16()?, table.high16()?);
                let (_descriptor, index) = (table.high16()?, table.high16()?);
                variables.push((usize::from(start), index, name));
            }
        }
        Some(())
    }

    fn instructions(&mut self, code: &'t [u8], variables: &[Variable]) -> Option<()> {
        let mut cursor = Cursor::new(code, 0);
        // The texts that were loaded right before, the last one last.
        let (mut before, mut last) = (None, None);
        while let Some(instruction) = cursor.byte() {
            let loaded = match instruction {
                LDC => Some(u16::from(cursor.byte()?)),
                LDC_W => Some(cursor.high16()?),
                _ => None,
            };
            if loaded.is_some() {
                (before, last) = (last, loaded);
                continue;
            }
            match (instruction, last) {
                (PUTSTATIC | PUTFIELD, Some(value)) => {
                    if let Some((name, _)) = self.pool.member(cursor.high16()?) {
                        self.told(name, value);
                    }
                }
                (INVOKEVIRTUAL..=INVOKEINTERFACE, Some(value)) => {
                    let method = cursor.high16()?;
                    // An interface's has two bytes more.
                    cursor.take(if instruction == INVOKEINTERFACE { 2 } else { 0 })?;
                    self.called(method, before, value);
                }
                (ASTORE, Some(value)) => {
                    let index = u16::from(cursor.byte()?);
                    self.stored(variables, cursor.at, index, value);
                }
                (ASTORE_0..=ASTORE_3, Some(value)) => {
                    self.stored(variables, cursor.at, u16::from(instruction - ASTORE_0), value);
                }
                _ => pass(instruction, &mut cursor)?,
            }
            (before, last) = (None, None);
        }
        Some(())
    }

    /// What a variable gets that begins to be one here.
    fn stored(&mut self, variables: &[Variable], at: usize, index: u16, value: u16) {
        let from = variables.partition_point(|(start, other, _)| (*start, *other) < (at, index));
        if let Some((start, other, name)) = variables.get(from)
            && (*start, *other) == (at, index)
        {
            self.told(*name, value);
        }
    }

    /// A method that is called with texts alone.
    fn called(&mut self, method: u16, before: Option<u16>, value: u16) {
        let Some((name, descriptor)) = self.pool.member(method) else { return };
        let Some(name) = self.pool.utf8(name).filter(|name| !name.starts_with(b"<")) else { return };
        let (Some(value_text), path) = (self.text(value), self.path.join(Step::Key(name))) else { return };
        match parameters(descriptor) {
            Some(1) => self.reading.call(name, &path, &value_text, None),
            Some(2) => {
                let Some(first) = before.and_then(|index| self.text(index)) else { return };
                self.reading.call(name, &path, &first, Some(&value_text));
            }
            _ => return,
        }
        self.is_used(value);
    }
}

/// How many parameters a method has, if each may be a text.
fn parameters(descriptor: &[u8]) -> Option<usize> {
    let mut rest = descriptor.strip_prefix(b"(")?;
    for count in 0..3 {
        if rest.starts_with(b")") {
            return Some(count);
        }
        let kinds: [&[u8]; 3] = [b"Ljava/lang/String;", b"Ljava/lang/Object;", b"Ljava/lang/CharSequence;"];
        rest = kinds.iter().find_map(|kind| rest.strip_prefix(*kind))?;
    }
    None
}

/// Goes past what an instruction has behind it.
fn pass(instruction: u8, cursor: &mut Cursor<'_>) -> Option<()> {
    let length = match instruction {
        0x10 | LDC | 0x15..=0x19 | 0x36..=ASTORE | 0xa9 | 0xbc => 1,
        0x11 | LDC_W | 0x14 | IINC | 0x99..=0xa8 | 0xb2..=0xb8 | 0xbb | 0xbd | 0xc0 | 0xc1 | 0xc6 | 0xc7 => 2,
        0xc5 => 3,
        INVOKEINTERFACE | 0xba | 0xc8 | 0xc9 => 4,
        TABLESWITCH | LOOKUPSWITCH => return switch(instruction, cursor),
        WIDE => match cursor.byte()? {
            IINC => 4,
            _ => 2,
        },
        0..=0xc3 => 0,
        _ => return None,
    };
    cursor.take(length).map(|_| ())
}

/// A table of where to go on: its parts stand at multiples of four.
fn switch(instruction: u8, cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.take(cursor.at.next_multiple_of(4) - cursor.at)?;
    let _default = cursor.high32()?;
    let first = cursor.high32()?;
    let length = match instruction {
        TABLESWITCH => u64::from(cursor.high32()?.wrapping_sub(first)).wrapping_add(1) * 4,
        _ => u64::from(first) * 8,
    };
    cursor.take(usize::try_from(length).ok()?).map(|_| ())
}
