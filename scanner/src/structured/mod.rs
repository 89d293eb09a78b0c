//! Reads files whose format says what is a credential in them, where no pattern or name would tell: the fifth field of
//! `.pgpass`, the base64 in a Kubernetes Secret, a word that is the password of a login.
//!
//! It adds to what the engine found, and tells the way to it (`users[0].user.token`); it never takes a finding away but
//! for a better reading of the same bytes. A file that is broken, or not what its name says, is left to plain reading.
//! What is read is hostile: each reader goes through the text once, and how deep, how many and how long is bounded.

mod binary;
mod compiled;
mod document;
mod drawn;
mod format;
mod kubernetes;
mod lines;
mod markup;
mod meaning;
mod reading;
mod recorded;
mod settings;
mod sql;
mod syntax;
mod table;
mod terraform;
mod value;
mod worth;

use std::ops::Range;

use oakum_patterns::Engine;

pub(crate) use format::Format;
use reading::Reading;
pub(crate) use reading::{By, Found, Read};

/// The credentials of a text, and for each of the places in `plain`, where the engine found one, the way to it. `plain` is
/// in order.
pub(crate) fn read<'e>(engine: &'e Engine, format: Format, text: &[u8], plain: &[Range<usize>]) -> Read<'e> {
    let mut reading = Reading::new(engine, text, plain);
    if !plain.is_empty() || format.is_worth_it(text) {
        format.read(text, &mut reading);
    }
    reading.finish()
}

#[cfg(test)]
mod tests;
