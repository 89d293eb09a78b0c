//! Sixteen bytes at a time, for processors before 2013.

#![allow(unsafe_code, reason = "the processor's own instructions; each block says why it is sound")]

use std::arch::x86_64::{
    __m128i, _mm_adds_epu8, _mm_and_si128, _mm_andnot_si128, _mm_cmpgt_epi8, _mm_loadu_si128, _mm_min_epu8,
    _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8, _mm_setzero_si128, _mm_shuffle_epi8, _mm_slli_epi16,
    _mm_srli_epi16,
};
use std::ops::Range;

use super::{BEHIND, BLOCK, Block, DIGIT, ESCAPE, LEAD, LETTER, LOWER, Masks, SMALL, TOKEN, UPPER, WORD};
use crate::engine::grams::Grams;

/// See [`super::Kernel::blocks`]. Whoever has this kernel has asked the processor for SSSE3.
pub(super) fn blocks(grams: &Grams, text: &[u8], numbers: Range<usize>, out: &mut Masks) {
    // SAFETY: the processor has SSSE3.
    unsafe { run(grams, text, numbers, out) }
}

#[target_feature(enable = "ssse3")]
fn run(grams: &Grams, text: &[u8], numbers: Range<usize>, out: &mut Masks) {
    let low = _mm_set1_epi8(0x0f);
    let (lower, upper) = (load(&LOWER, 0), load(&UPPER, 0));
    let grams = grams.tables.map(|four| four.map(|t| [load(&t, 0), load(&t, 16)]));
    for (number, text) in numbers.zip(text.windows(BLOCK + BEHIND).step_by(BLOCK)) {
        let mut found = Block::default();
        for quarter in 0..4 {
            let at = quarter * 16;
            let bytes = load(text, at);
            let high = _mm_and_si128(_mm_srli_epi16::<4>(bytes), low);
            // A byte that is not ASCII has its highest bit set, for which a shuffle gives zero.
            let class = _mm_and_si128(_mm_shuffle_epi8(lower, bytes), _mm_shuffle_epi8(upper, high));
            // Behind a keyword of three anything may stand, of which what is not ASCII counts as one.
            let fourth = _mm_min_epu8(load(text, at + 3), _mm_set1_epi8(0x7f));
            let four = [bytes, load(text, at + 1), load(text, at + 2), fourth];
            let mut some = gram(&grams[0], four);
            for others in &grams[1..] {
                some = _mm_or_si128(some, gram(others, four));
            }
            found.word |= any(class, WORD) << at;
            found.token |= any(class, TOKEN) << at;
            found.lead |= any(class, LEAD) << at;
            found.escape |= any(class, ESCAPE) << at;
            found.digit |= any(class, DIGIT) << at;
            found.letter |= any(class, LETTER) << at;
            found.small |= any(bytes, SMALL) << at;
            found.gram |= nonzero(some) << at;
        }
        out.set(number, &found);
    }
}

#[inline]
#[target_feature(enable = "ssse3")]
fn load(text: &[u8], at: usize) -> __m128i {
    let bytes = &text[at..at + 16];
    // SAFETY: sixteen bytes are there, and none need be aligned.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// The buckets that have these four bytes.
#[inline]
#[target_feature(enable = "ssse3")]
fn gram(tables: &[[__m128i; 2]; 4], bytes: [__m128i; 4]) -> __m128i {
    let one = |i: usize| letter(tables[i], bytes[i]);
    _mm_and_si128(_mm_and_si128(one(0), one(1)), _mm_and_si128(one(2), one(3)))
}

/// Looks up the lowest five bits of each byte: the lowest four in both tables, and the fifth chooses.
#[inline]
#[target_feature(enable = "ssse3")]
fn letter(tables: [__m128i; 2], bytes: __m128i) -> __m128i {
    let fifth = _mm_cmpgt_epi8(_mm_setzero_si128(), _mm_slli_epi16::<3>(bytes));
    _mm_or_si128(
        _mm_andnot_si128(fifth, _mm_shuffle_epi8(tables[0], bytes)),
        _mm_and_si128(fifth, _mm_shuffle_epi8(tables[1], bytes)),
    )
}

/// A bit for each byte that has any of the bits.
#[inline]
#[target_feature(enable = "ssse3")]
fn any(bytes: __m128i, bits: u8) -> u64 {
    nonzero(_mm_and_si128(bytes, _mm_set1_epi8(bits.cast_signed())))
}

/// A bit for each byte that is not zero; see `avx2`.
#[inline]
#[target_feature(enable = "ssse3")]
fn nonzero(bytes: __m128i) -> u64 {
    bits(_mm_adds_epu8(bytes, _mm_set1_epi8(0x7f)))
}

#[inline]
#[target_feature(enable = "ssse3")]
fn bits(bytes: __m128i) -> u64 {
    u64::from(_mm_movemask_epi8(bytes).cast_unsigned())
}
