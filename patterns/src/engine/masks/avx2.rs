//! Thirty-two bytes at a time.

#![allow(unsafe_code, reason = "the processor's own instructions; each block says why it is sound")]

use std::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_adds_epu8, _mm256_and_si256, _mm256_blendv_epi8, _mm256_broadcastsi128_si256,
    _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_shuffle_epi8,
    _mm256_slli_epi16, _mm256_srli_epi16,
};
use std::ops::Range;

use super::{BEHIND, BLOCK, Block, DIGIT, ESCAPE, LEAD, LETTER, LOWER, Masks, SMALL, TOKEN, UPPER, WORD};
use crate::engine::grams::Grams;

/// See [`super::Kernel::blocks`]. Whoever has this kernel has asked the processor for AVX2.
pub(super) fn blocks(grams: &Grams, text: &[u8], numbers: Range<usize>, out: &mut Masks) {
    // SAFETY: the processor has AVX2.
    unsafe { run(grams, text, numbers, out) }
}

/// See [`super::Kernel::with`].
#[inline(always)]
pub(super) fn with<R>(run: impl FnOnce() -> R) -> R {
    #[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
    fn inner<R>(run: impl FnOnce() -> R) -> R {
        run()
    }
    // SAFETY: the processor has them all.
    unsafe { inner(run) }
}

#[target_feature(enable = "avx2")]
fn run(grams: &Grams, text: &[u8], numbers: Range<usize>, out: &mut Masks) {
    let low = _mm256_set1_epi8(0x0f);
    let (lower, upper) = (table(&LOWER), table(&UPPER));
    let halves = |t: [u8; 32]| [table(t.first_chunk().expect("of 32")), table(t.last_chunk().expect("of 32"))];
    let grams = grams.tables.map(|four| four.map(halves));
    for (number, text) in numbers.zip(text.windows(BLOCK + BEHIND).step_by(BLOCK)) {
        let mut found = Block::default();
        for half in 0..2 {
            let at = half * 32;
            let bytes = load(text, at);
            let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), low);
            // A byte that is not ASCII has its highest bit set, for which a shuffle gives zero.
            let class = _mm256_and_si256(_mm256_shuffle_epi8(lower, bytes), _mm256_shuffle_epi8(upper, high));
            // Behind a keyword of three anything may stand, of which what is not ASCII counts as one.
            let fourth = _mm256_min_epu8(load(text, at + 3), _mm256_set1_epi8(0x7f));
            let four = [bytes, load(text, at + 1), load(text, at + 2), fourth];
            let mut some = gram(&grams[0], four);
            for others in &grams[1..] {
                some = _mm256_or_si256(some, gram(others, four));
            }
            found.word |= u64::from(any(class, WORD)) << at;
            found.token |= u64::from(any(class, TOKEN)) << at;
            found.lead |= u64::from(any(class, LEAD)) << at;
            found.escape |= u64::from(any(class, ESCAPE)) << at;
            found.digit |= u64::from(any(class, DIGIT)) << at;
            found.letter |= u64::from(any(class, LETTER)) << at;
            found.small |= u64::from(any(bytes, SMALL)) << at;
            found.gram |= u64::from(nonzero(some)) << at;
        }
        out.set(number, &found);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(text: &[u8], at: usize) -> __m256i {
    let bytes = &text[at..at + 32];
    // SAFETY: thirty-two bytes are there, and none need be aligned.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn table(bytes: &[u8; 16]) -> __m256i {
    // SAFETY: sixteen bytes are there, and none need be aligned.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
}

/// The buckets that have these four bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn gram(tables: &[[__m256i; 2]; 4], bytes: [__m256i; 4]) -> __m256i {
    let one = |i: usize| letter(tables[i], bytes[i]);
    _mm256_and_si256(_mm256_and_si256(one(0), one(1)), _mm256_and_si256(one(2), one(3)))
}

/// Looks up the lowest five bits of each byte: the lowest four in both tables, and the fifth chooses.
#[inline]
#[target_feature(enable = "avx2")]
fn letter(tables: [__m256i; 2], bytes: __m256i) -> __m256i {
    let fifth = _mm256_slli_epi16::<3>(bytes);
    _mm256_blendv_epi8(_mm256_shuffle_epi8(tables[0], bytes), _mm256_shuffle_epi8(tables[1], bytes), fifth)
}

/// A bit for each byte that has any of the bits.
#[inline]
#[target_feature(enable = "avx2")]
fn any(bytes: __m256i, bits: u8) -> u32 {
    nonzero(_mm256_and_si256(bytes, _mm256_set1_epi8(bits.cast_signed())))
}

/// A bit for each byte that is not zero. Adding 127 without carry sets the highest bit of all but zero; the more obvious
/// comparison with zero, inverted, is taken apart into single bytes by the compiler.
#[inline]
#[target_feature(enable = "avx2")]
fn nonzero(bytes: __m256i) -> u32 {
    _mm256_movemask_epi8(_mm256_adds_epu8(bytes, _mm256_set1_epi8(0x7f))).cast_unsigned()
}
