//! Sixty-four bytes at a time.

#![allow(unsafe_code, reason = "the processor's own instructions; each block says why it is sound")]

use std::arch::x86_64::{
    __m512i, _mm_loadu_si128, _mm256_loadu_si256, _mm512_and_si512, _mm512_broadcast_i32x4, _mm512_broadcast_i64x4,
    _mm512_loadu_si512, _mm512_maskz_permutexvar_epi8, _mm512_min_epu8, _mm512_movepi8_mask, _mm512_or_si512,
    _mm512_set1_epi8, _mm512_shuffle_epi8, _mm512_srli_epi16, _mm512_test_epi8_mask,
};
use std::ops::Range;

use super::{BEHIND, BLOCK, Block, DIGIT, ESCAPE, LEAD, LETTER, LOWER, Masks, SMALL, TOKEN, UPPER, WORD};
use crate::engine::grams::Grams;

/// See [`super::Kernel::blocks`]. Whoever has this kernel has asked the processor for AVX-512 BW and VBMI.
pub(super) fn blocks(grams: &Grams, text: &[u8], numbers: Range<usize>, out: &mut Masks) {
    // SAFETY: the processor has all three.
    unsafe { run(grams, text, numbers, out) }
}

/// See [`super::Kernel::with`].
#[inline(always)]
pub(super) fn with<R>(run: impl FnOnce() -> R) -> R {
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    fn inner<R>(run: impl FnOnce() -> R) -> R {
        run()
    }
    // SAFETY: the processor has them all.
    unsafe { inner(run) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn run(grams: &Grams, text: &[u8], numbers: Range<usize>, out: &mut Masks) {
    let low = _mm512_set1_epi8(0x0f);
    let (lower, upper) = (table(&LOWER), table(&UPPER));
    let grams = grams.tables.map(|four| four.map(|t| twice(&t)));
    for (number, text) in numbers.zip(text.windows(BLOCK + BEHIND).step_by(BLOCK)) {
        let bytes = load(text, 0);
        let high = _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), low);
        // A byte that is not ASCII has its highest bit set, for which a shuffle gives zero.
        let class = _mm512_and_si512(_mm512_shuffle_epi8(lower, bytes), _mm512_shuffle_epi8(upper, high));
        // Behind a keyword of three anything may stand, of which what is not ASCII counts as one.
        let fourth = _mm512_min_epu8(load(text, 3), _mm512_set1_epi8(0x7f));
        let four = [bytes, load(text, 1), load(text, 2), fourth];
        let mut some = gram(&grams[0], four);
        for others in &grams[1..] {
            some = _mm512_or_si512(some, gram(others, four));
        }
        let found = Block {
            word: any(class, WORD),
            token: any(class, TOKEN),
            lead: any(class, LEAD),
            escape: any(class, ESCAPE),
            digit: any(class, DIGIT),
            letter: any(class, LETTER),
            small: any(bytes, SMALL),
            gram: any(some, 0xff),
        };
        out.set(number, &found);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn load(text: &[u8], at: usize) -> __m512i {
    let bytes = &text[at..at + BLOCK];
    // SAFETY: sixty-four bytes are there, and none need be aligned.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn table(bytes: &[u8; 16]) -> __m512i {
    // SAFETY: sixteen bytes are there, and none need be aligned.
    _mm512_broadcast_i32x4(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn twice(bytes: &[u8; 32]) -> __m512i {
    // SAFETY: thirty-two bytes are there, and none need be aligned.
    _mm512_broadcast_i64x4(unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) })
}

/// The buckets that have these four bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn gram(tables: &[__m512i; 4], bytes: [__m512i; 4]) -> __m512i {
    let one = |i: usize| letter(tables[i], bytes[i]);
    _mm512_and_si512(_mm512_and_si512(one(0), one(1)), _mm512_and_si512(one(2), one(3)))
}

/// Looks up the lowest five bits of each byte that is ASCII; the table is there twice, for the sixth.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn letter(table: __m512i, bytes: __m512i) -> __m512i {
    _mm512_maskz_permutexvar_epi8(!_mm512_movepi8_mask(bytes), bytes, table)
}

/// A bit for each byte that has any of the bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn any(bytes: __m512i, bits: u8) -> u64 {
    _mm512_test_epi8_mask(bytes, _mm512_set1_epi8(bits.cast_signed()))
}
