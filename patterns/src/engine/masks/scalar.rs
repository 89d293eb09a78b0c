//! One byte after another.

use std::ops::Range;

use super::{BEHIND, BLOCK, Block, DIGIT, ESCAPE, LEAD, LETTER, Masks, SMALL, TOKEN, WORD, class};
use crate::engine::grams::Grams;

pub(super) fn blocks(grams: &Grams, text: &[u8], numbers: Range<usize>, out: &mut Masks) {
    for (number, text) in numbers.zip(text.windows(BLOCK + BEHIND).step_by(BLOCK)) {
        let mut found = Block::default();
        for at in 0..BLOCK {
            let b = text[at];
            let bit = |bits: u8| u64::from(class(b) & bits != 0) << at;
            found.word |= bit(WORD);
            found.token |= bit(TOKEN);
            found.lead |= bit(LEAD);
            found.escape |= bit(ESCAPE);
            found.digit |= bit(DIGIT);
            found.letter |= bit(LETTER);
            found.small |= u64::from(b & SMALL != 0) << at;
            found.gram |= u64::from(grams.may_begin(text[at..at + 4].try_into().expect("four"))) << at;
        }
        out.set(number, &found);
    }
}
