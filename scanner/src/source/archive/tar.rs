//! A tar within another content; what a layer's tar does to other layers is [`super::super::image`]'s matter.

use std::io::{self, Read};

use super::Walk;
use crate::origin::Origin;
use crate::source::Why;
use crate::source::image::entries::{Advance, Entries, Kind};
use crate::source::image::unfold::why;

struct Input<'a>(&'a mut dyn Read);

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Advance for Input<'_> {}

pub(super) fn walk(walk: &Walk<'_>, origin: &Origin, input: &mut dyn Read, depth: usize) -> io::Result<()> {
    let mut entries = Entries::new(Input(input), walk.limits.entries);
    loop {
        let entry = match entries.next() {
            Ok(Some(entry)) => entry,
            Ok(None) => return Ok(()),
            Err(error) => {
                let why = why(&error);
                if why != Why::Malformed {
                    return Err(error);
                }
                // Something else follows the archive, or it is broken: nothing is lost but names.
                if !entries.ended() {
                    walk.sink.skipped(why, origin);
                }
                return walk.sink.bytes(origin.clone(), &mut entries.rest());
            }
        };
        let member = || Origin::Member { outer: Box::new(origin.clone()), path: entry.path.clone() };
        if entry.cut {
            walk.sink.skipped(Why::Limit, &member());
        }
        match entry.kind {
            Kind::File => walk.member(origin, entry.path, &mut entries.content(), depth)?,
            Kind::Folder => {}
            Kind::HardLink => walk.sink.skipped(Why::HardLink, &member()),
            Kind::Symlink => walk.sink.skipped(Why::Symlink, &member()),
            Kind::Special => walk.sink.skipped(Why::Special, &member()),
        }
    }
}
