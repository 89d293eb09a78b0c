//! Python's compiled modules (`.pyc`) of 3.8 to 3.14: what a name, an attribute, a key or a parameter gets.

mod code;
mod marshal;
mod opcodes;

use super::super::reading::Reading;
use super::super::value::{Path, Scalar, Step};
use super::cursor::Cursor;
use marshal::{Code, Id, Object, Objects};
use opcodes::{Op, Version};

/// How many first bytes come before the code: the version, flags, and what tells whether the source has changed (PEP 552).
const HEAD: usize = 16;
/// How deep functions may nest.
const MOST_DEPTH: usize = 32;

fn version(text: &[u8]) -> Option<Version> {
    let [low, high, ..] = text else { return None };
    Version::of(u16::from_le_bytes([*low, *high]))
}

/// Whether a file is of a version that can be read.
pub(super) fn is_known(text: &[u8]) -> bool {
    version(text).is_some()
}

/// Reads a module.
pub(in super::super) fn read<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    let Some(version) = version(text) else { return };
    let Some((objects, top)) = Objects::read(&mut Cursor::new(text, HEAD), version) else { return };
    let Object::Code(code) = objects.at(top) else { return };
    let file = objects.text(code.file).map_or(&b""[..], |range| &text[range]);
    let mut module = Module {
        version,
        ops: version.ops(),
        objects: &objects,
        text,
        reading,
        budget: 2 * text.len(),
        told: std::collections::HashSet::new(),
    };
    let path = Path::key(stem(file));
    module.code(code, &path, 0);
}

/// The name of a module, from where its source was.
fn stem(file: &[u8]) -> &[u8] {
    let mut parts = file.rsplit(|b| matches!(b, b'/' | b'\\'));
    let name = parts.next().unwrap_or_default();
    let stem = name.strip_suffix(b".py").unwrap_or(name);
    let stem = if stem == b"__init__" { parts.next().unwrap_or(stem) } else { stem };
    if stem.is_empty() || stem.len() > 128 { b"module" } else { stem }
}

/// A module that is being read.
struct Module<'m, 't, 'e> {
    version: Version,
    ops: [Op; 256],
    objects: &'m Objects,
    text: &'t [u8],
    reading: &'m mut Reading<'t, 'e>,
    /// How many instructions and pairs may still be looked at: code that is referred to often is read as often.
    budget: usize,
    /// What was told with a name.
    told: std::collections::HashSet<Id>,
}

impl<'t> Module<'_, 't, '_> {
    /// A code object, and those in it.
    fn code(&mut self, code: &Code, path: &Path<'t>, depth: usize) {
        if depth > MOST_DEPTH || self.budget == 0 {
            return;
        }
        self.instructions(code, path);
        let objects = self.objects;
        for id in objects.items(code.constants) {
            let Some(left) = self.budget.checked_sub(1) else { return };
            self.budget = left;
            match objects.at(*id) {
                Object::Code(inner) => {
                    let name = self.name(inner.name).unwrap_or(b"");
                    // `<listcomp>`, `<lambda>`.
                    let path = if name.starts_with(b"<") { path.clone() } else { path.join(Step::Key(name)) };
                    self.code(inner, &path, depth + 1);
                }
                Object::Text(range) if !self.told.contains(id) => {
                    self.reading.lone(path, &Scalar::plain(self.text, range.clone()));
                }
                _ => {}
            }
        }
    }

    /// A text that is a name.
    fn name(&self, id: Id) -> Option<&'t [u8]> {
        let range = self.objects.text(id)?;
        Some(&self.text[range]).filter(|name| name.len() <= 256)
    }
}
