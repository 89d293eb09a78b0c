//! One byte after another.

use super::{BLOCK, ESCAPE, LEAD, Masks, TOKEN, WORD, class};
use crate::engine::grams::Grams;

pub(super) fn blocks(grams: &Grams, text: &[u8], out: &mut [Masks]) {
    for (block, masks) in out.iter_mut().enumerate() {
        let text = &text[block * BLOCK..];
        *masks = Masks::default();
        for at in 0..BLOCK {
            let b = text[at];
            let bit = |bits: u8| u64::from(class(b) & bits != 0) << at;
            masks.word |= bit(WORD);
            masks.token |= bit(TOKEN);
            masks.lead |= bit(LEAD);
            masks.escape |= bit(ESCAPE);
            masks.gram |= u64::from(grams.may_begin(text[at..at + 4].try_into().expect("four"))) << at;
        }
    }
}
