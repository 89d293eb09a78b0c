//! Sixteen bytes at a time, on Arm.

#![allow(unsafe_code, reason = "the processor's own instructions; each block says why it is sound")]

use std::arch::aarch64::{
    uint8x16_t, uint8x16x2_t, vaddv_u8, vandq_u8, vdupq_n_u8, vget_high_u8, vget_low_u8, vld1q_u8, vminq_u8, vorrq_u8,
    vqtbl1q_u8, vqtbl2q_u8, vshrq_n_u8, vtstq_u8,
};
use std::ops::Range;

use super::{BEHIND, BLOCK, Block, DIGIT, ESCAPE, LEAD, LETTER, LOWER, Masks, SMALL, TOKEN, UPPER, WORD};
use crate::engine::grams::Grams;

/// A bit for each place in half a vector.
const PLACES: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];

/// See [`super::Kernel::blocks`]. Whoever has this kernel has asked the processor for NEON.
pub(super) fn blocks(grams: &Grams, text: &[u8], numbers: Range<usize>, out: &mut Masks) {
    // SAFETY: the processor has NEON.
    unsafe { run(grams, text, numbers, out) }
}

#[target_feature(enable = "neon")]
fn run(grams: &Grams, text: &[u8], numbers: Range<usize>, out: &mut Masks) {
    let (lower, upper) = (load(&LOWER, 0), load(&UPPER, 0));
    let grams = grams.tables.map(|four| four.map(|t| uint8x16x2_t(load(&t, 0), load(&t, 16))));
    for (number, text) in numbers.zip(text.windows(BLOCK + BEHIND).step_by(BLOCK)) {
        let mut found = Block::default();
        for quarter in 0..4 {
            let at = quarter * 16;
            let bytes = load(text, at);
            let low = vandq_u8(bytes, vdupq_n_u8(0x0f));
            // No class has a byte that is not ASCII: the table of upper halves has zeros for them.
            let class = vandq_u8(vqtbl1q_u8(lower, low), vqtbl1q_u8(upper, vshrq_n_u8::<4>(bytes)));
            // Behind a keyword of three anything may stand, of which what is not ASCII counts as one.
            let fourth = vminq_u8(load(text, at + 3), vdupq_n_u8(0x7f));
            let four = [bytes, load(text, at + 1), load(text, at + 2), fourth];
            let mut some = gram(&grams[0], four);
            for others in &grams[1..] {
                some = vorrq_u8(some, gram(others, four));
            }
            found.word |= any(class, WORD) << at;
            found.token |= any(class, TOKEN) << at;
            found.lead |= any(class, LEAD) << at;
            found.escape |= any(class, ESCAPE) << at;
            found.digit |= any(class, DIGIT) << at;
            found.letter |= any(class, LETTER) << at;
            found.small |= any(bytes, SMALL) << at;
            found.gram |= any(some, 0xff) << at;
        }
        out.set(number, &found);
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn load(text: &[u8], at: usize) -> uint8x16_t {
    let bytes = &text[at..at + 16];
    // SAFETY: sixteen bytes are there, and none need be aligned.
    unsafe { vld1q_u8(bytes.as_ptr()) }
}

/// The buckets that have these four bytes.
#[inline]
#[target_feature(enable = "neon")]
fn gram(tables: &[uint8x16x2_t; 4], bytes: [uint8x16_t; 4]) -> uint8x16_t {
    let one = |i: usize| letter(tables[i], bytes[i]);
    vandq_u8(vandq_u8(one(0), one(1)), vandq_u8(one(2), one(3)))
}

/// Looks up the lowest five bits of each byte that is ASCII: with the highest bit kept, others lie outside the table.
#[inline]
#[target_feature(enable = "neon")]
fn letter(table: uint8x16x2_t, bytes: uint8x16_t) -> uint8x16_t {
    vqtbl2q_u8(table, vandq_u8(bytes, vdupq_n_u8(0x9f)))
}

/// A bit for each byte that has any of the bits.
#[inline]
#[target_feature(enable = "neon")]
fn any(bytes: uint8x16_t, bits: u8) -> u64 {
    let found = vandq_u8(vtstq_u8(bytes, vdupq_n_u8(bits)), load(&PLACES, 0));
    u64::from(vaddv_u8(vget_low_u8(found))) | u64::from(vaddv_u8(vget_high_u8(found))) << 8
}
