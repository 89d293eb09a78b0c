//! Turns text into bits, 64 bytes at a time: which bytes are of words, which of tokens, which begin an escape, and where
//! four bytes stand that a keyword has. All that is looked at afterwards is looked at because of a bit.
//!
//! A byte's classes come from two tables by its halves; a class is kept only where both agree. What the processor does
//! sixteen to sixty-four bytes at a time, [`scalar`] does one by one: for other machines, and to hold the others against.

use std::ops::Range;

use super::grams::Grams;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod ssse3;

/// Bytes a block.
pub(super) const BLOCK: usize = 64;
/// How many bytes behind a block are read with it, for what begins in it.
pub(super) const BEHIND: usize = 3;

/// Blocks a turn: their masks stay in the nearest cache.
pub(super) const TURN: usize = 64;

/// A bit for each byte of a turn, the lowest of a word the first. Before the turn's own words stands the one before them,
/// so that a bit can be moved over the border; each class lies by itself, so that the same is done to eight words at once.
pub(super) type Row = [u64; TURN + 1];

/// What 64 bytes are; the lowest bit is the first byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Block {
    word: u64,
    token: u64,
    lead: u64,
    escape: u64,
    digit: u64,
    letter: u64,
    /// What would be a small letter, were it one.
    small: u64,
    gram: u64,
}

/// What the bytes of a turn are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Masks {
    /// `[0-9A-Za-z_]`.
    pub(super) word: Row,
    /// `[0-9A-Za-z_+/.-]`.
    pub(super) token: Row,
    /// `[0-9A-Za-z_+/.=%-]`: what a prefix may be followed by.
    pub(super) lead: Row,
    /// What may begin an escape: `\` and `%`.
    pub(super) escape: Row,
    /// `[0-9]`.
    pub(super) digit: Row,
    /// `[A-Z]`.
    pub(super) capital: Row,
    /// `[a-z]`.
    pub(super) small: Row,
    /// Where four bytes may begin that a keyword has.
    pub(super) gram: Row,
}

/// Nothing.
pub(super) const NONE: Row = [0; TURN + 1];

impl Masks {
    pub(super) fn new() -> Self {
        Self { word: NONE, token: NONE, lead: NONE, escape: NONE, digit: NONE, capital: NONE, small: NONE, gram: NONE }
    }

    /// Forgets the turn before.
    pub(super) fn begin(&mut self) {
        self.carried().for_each(|row| row[0] = 0);
    }

    /// Lets the last of so many blocks be the one before the next turn's.
    #[inline(always)]
    pub(super) fn turn(&mut self, blocks: usize) {
        self.carried().for_each(|row| row[0] = row[blocks]);
    }

    #[inline(always)]
    fn carried(&mut self) -> impl Iterator<Item = &mut Row> {
        let Self { word, token, lead, escape, digit, small, .. } = self;
        [word, token, lead, escape, digit, small].into_iter()
    }

    pub(super) fn grams(&self, blocks: usize) -> &[u64] {
        &self.gram[1..=blocks]
    }

    /// Writes down a block, by its number in the turn.
    #[inline(always)]
    fn set(&mut self, number: usize, block: &Block) {
        let at = number + 1;
        assert!(at <= TURN, "a turn has no more blocks");
        self.word[at] = block.word;
        self.token[at] = block.token;
        self.lead[at] = block.lead;
        self.escape[at] = block.escape;
        self.digit[at] = block.digit;
        self.capital[at] = block.letter & !block.small;
        self.small[at] = block.letter & block.small;
        self.gram[at] = block.gram;
    }
}

const DIGIT: u8 = 0b0000_0001;
const LETTER: u8 = 0b0000_0110;
/// The bit in which a small letter differs from a capital.
const SMALL: u8 = 0x20;
const WORD: u8 = 0b0000_1111;
const TOKEN: u8 = WORD | 1 << 4;
const LEAD: u8 = TOKEN | 1 << 5 | 1 << 6;
const ESCAPE: u8 = 1 << 6 | 1 << 7;

/// The classes that the lower half of a byte allows, and the upper.
const LOWER: [u8; 16] = halves().0;
const UPPER: [u8; 16] = halves().1;

const fn halves() -> ([u8; 16], [u8; 16]) {
    let (mut lower, mut upper) = ([0u8; 16], [0u8; 16]);
    // Upper halves, and a bit for each lower half.
    let classes: [(&[u8], u16); 8] = [
        // Digits.
        (&[3], 0b0000_0011_1111_1111),
        // a to o; p to z.
        (&[4, 6], 0b1111_1111_1111_1110),
        (&[5, 7], 0b0000_0111_1111_1111),
        // _
        (&[5], 1 << 15),
        // + - . /
        (&[2], 1 << 11 | 1 << 13 | 1 << 14 | 1 << 15),
        // =
        (&[3], 1 << 13),
        // %
        (&[2], 1 << 5),
        // \
        (&[5], 1 << 12),
    ];
    let mut class = 0;
    while class < classes.len() {
        let (uppers, lowers) = classes[class];
        let mut i = 0;
        while i < uppers.len() {
            upper[uppers[i] as usize] |= 1 << class;
            i += 1;
        }
        let mut low = 0;
        while low < 16 {
            if lowers >> low & 1 == 1 {
                lower[low] |= 1 << class;
            }
            low += 1;
        }
        class += 1;
    }
    (lower, upper)
}

fn class(b: u8) -> u8 {
    LOWER[usize::from(b & 15)] & UPPER[usize::from(b >> 4)]
}

/// The way to make masks that this machine is fastest with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernel {
    /// Byte by byte.
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Ssse3,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Kernel {
    /// All that this machine can run, the fastest first.
    pub(super) fn available() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            // All that have AVX2 have these too, unless something hides them.
            let bits = has!("bmi1") && has!("bmi2") && has!("popcnt");
            if has!("avx512f") && has!("avx512bw") && has!("avx512vbmi") && bits {
                all.push(Self::Avx512);
            }
            if has!("avx2") && bits {
                all.push(Self::Avx2);
            }
            if has!("ssse3") {
                all.push(Self::Ssse3);
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            all.push(Self::Neon);
        }
        all.push(Self::Scalar);
        all
    }

    /// Runs something with all instructions that this machine is known to have: what is inlined into it is compiled for
    /// them.
    #[inline(always)]
    pub(super) fn with<R>(self, run: impl FnOnce() -> R) -> R {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => avx512::with(run),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::with(run),
            _ => run(),
        }
    }

    /// Finds the bits of so many blocks that begin at `from`. Behind the text there are zeros.
    #[inline]
    pub(super) fn find(self, grams: &Grams, text: &[u8], from: usize, blocks: usize, out: &mut Masks) {
        let text = text.get(from..).unwrap_or_default();
        let whole = blocks.min(text.len().saturating_sub(BEHIND) / BLOCK);
        self.blocks(grams, text, 0..whole, out);
        let mut rest = &text[whole * BLOCK..];
        for number in whole..blocks {
            let mut padded = [0; BLOCK + BEHIND];
            let length = rest.len().min(padded.len());
            padded[..length].copy_from_slice(&rest[..length]);
            self.blocks(grams, &padded, number..number + 1, out);
            rest = &rest[BLOCK.min(rest.len())..];
        }
    }

    /// The same, where the text goes on for three bytes behind the blocks, which have these numbers in the turn.
    #[inline]
    fn blocks(self, grams: &Grams, text: &[u8], numbers: Range<usize>, out: &mut Masks) {
        assert!(text.len() >= numbers.len() * BLOCK + BEHIND || numbers.is_empty(), "the blocks are in the text");
        match self {
            Self::Scalar => scalar::blocks(grams, text, numbers, out),
            #[cfg(target_arch = "x86_64")]
            Self::Ssse3 => ssse3::blocks(grams, text, numbers, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::blocks(grams, text, numbers, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => avx512::blocks(grams, text, numbers, out),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => neon::blocks(grams, text, numbers, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shape::{is_lead, is_token};

    fn grams() -> Grams {
        let words = [b"password".as_slice(), b"://", b"-----begin", b"7q~", b"_pw", b"secret", b"token", b"key"];
        Grams::new(&words.map(|word| (word, None))).0
    }

    #[test]
    fn classes_are_what_their_names_say() {
        for b in 0..=255u8 {
            let word = b.is_ascii_alphanumeric() || b == b'_';
            assert_eq!(class(b) & WORD != 0, word, "{b}");
            assert_eq!(class(b) & TOKEN != 0, word || b"+/.-".contains(&b), "{b}");
            assert_eq!((is_token(b), is_lead(b)), (class(b) & TOKEN != 0, class(b) & LEAD != 0), "{b}");
            assert_eq!(class(b) & LEAD != 0, is_token(b) || b"=%".contains(&b), "{b}");
            assert_eq!(class(b) & ESCAPE != 0, b"\\%".contains(&b), "{b}");
        }
    }

    /// Bytes of all kinds, and such as lie beside the borders of a class.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let near = proptest::sample::select(b"09/:@AZ[`az{_^+,-.=<>%$\\]~\x00\x7f\x80\xff password key".to_vec());
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..400),
            proptest::collection::vec(near, 0..400),
            proptest::collection::vec(proptest::sample::select(b"paswordkeytn_:/- ".to_vec()), 0..400),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 1000 }))]

        #[test]
        fn every_kernel_finds_what_the_plain_one_finds(text in bytes(), from in 0usize..80, blocks in 1usize..9) {
            let grams = grams();
            let mut plain = Masks::new();
            Kernel::Scalar.find(&grams, &text, from, blocks, &mut plain);
            for kernel in Kernel::available() {
                let mut fast = Masks::new();
                kernel.find(&grams, &text, from, blocks, &mut fast);
                prop_assert_eq!(&fast, &plain, "{:?}", kernel);
            }
            for (at, b) in text.iter().skip(from).take(blocks * BLOCK).enumerate() {
                let bit = |row: &Row| row[1 + at / BLOCK] >> (at % BLOCK) & 1 != 0;
                prop_assert_eq!(bit(&plain.token), is_token(*b));
                prop_assert_eq!(bit(&plain.digit), b.is_ascii_digit());
                prop_assert_eq!(bit(&plain.capital), b.is_ascii_uppercase());
                prop_assert_eq!(bit(&plain.small), b.is_ascii_lowercase());
                let three = text.get(from + at..from + at + 3);
                prop_assert!(!three.is_some_and(|t| t.eq_ignore_ascii_case(b"_pw")) || bit(&plain.gram));
            }
        }
    }

    /// Every length and every place of the text in memory: what a kernel reads beside it would show.
    #[test]
    fn every_alignment_and_length() {
        let grams = grams();
        let whole: Vec<u8> = (0..256u32).map(|n| b"aZ0_+=%\\ pass://"[(n * n % 16) as usize]).collect();
        let step = if cfg!(miri) { 41 } else { 1 };
        for kernel in Kernel::available() {
            for start in (0..65).step_by(step) {
                for end in (start..whole.len()).step_by(step) {
                    let text = whole[start..end].to_vec();
                    let (mut fast, mut plain) = (Masks::new(), Masks::new());
                    kernel.find(&grams, &whole[start..end], 0, 3, &mut fast);
                    Kernel::Scalar.find(&grams, &text, 0, 3, &mut plain);
                    assert_eq!(fast, plain, "{kernel:?} {start}..{end}");
                }
            }
        }
    }
}
