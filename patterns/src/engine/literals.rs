//! A set of literals, without case, that is asked about one place at a time: three or four bytes are hashed to a bit;
//! where it is set, they are hashed with the three bytes beside them; where that bit is set too, it leads to the few
//! literals that have them all, and those are compared.

use super::grams::COMMON;
use super::masks::{BLOCK, TURN};

/// A literal's place, and its number.
pub(super) type Hit = (usize, usize, u32);

const BITS: u32 = 16;
/// How many bits of a hash lead to a group of literals.
const KEYS: u32 = 12;

/// The first `N` bytes, three or four, in lower case; what is no letter is changed too, and so only looked at twice.
#[inline]
fn gram<const N: usize>(bytes: &[u8]) -> u32 {
    let three = u32::from(bytes[0]) | u32::from(bytes[1]) << 8 | u32::from(bytes[2]) << 16;
    let four = if N == 4 { three | u32::from(bytes[3]) << 24 } else { three };
    four | 0x2020_2020
}

#[inline]
fn hash(gram: u32) -> usize {
    (gram.wrapping_mul(0x9e37_79b1) >> (32 - BITS)) as usize
}

/// Where the three bytes stand that tell apart the literals that share a gram, such as all that end in `token`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Beside {
    /// Before it.
    Before,
    /// Behind it.
    Behind,
    /// Nowhere: there are too few.
    Nothing,
}

impl Beside {
    const ALL: [Self; 3] = [Self::Before, Self::Behind, Self::Nothing];
}

/// What stands beside a gram of `N` bytes at `at`, and on which side; none where the text has too little there.
#[inline(always)]
fn context<const N: usize>(text: &[u8], at: usize, beside: Beside) -> Option<u32> {
    let three = match beside {
        Beside::Before => text.get(at.checked_sub(3)?..at)?,
        Beside::Behind => text.get(at + N..at + N + 3)?,
        Beside::Nothing => &[0; 3],
    };
    Some(u32::from_le_bytes([three[0], three[1], three[2], 0]) | 0x0020_2020 | (beside as u32) << 24)
}

/// A gram's hash with what stands beside it.
#[inline(always)]
fn hash_beside(gram: u32, context: u32) -> usize {
    ((gram.wrapping_mul(0x9e37_79b1) ^ context).wrapping_mul(0x85eb_ca6b) >> (32 - BITS)) as usize
}

/// One of the set.
#[derive(Debug)]
struct Literal {
    gram: u32,
    /// What stands beside it, and where.
    context: u32,
    /// Where in the literal the gram stands.
    offset: u32,
    /// Its first eight bytes, and which of them there are.
    head: u64,
    mask: u64,
    number: u32,
    /// In lower case.
    text: Box<[u8]>,
}

impl Literal {
    /// Whether what begins with its first eight bytes at `start` goes on as it does.
    #[inline(always)]
    fn goes_on(&self, text: &[u8], start: usize) -> bool {
        let length = self.text.len();
        let Some(last) = length.checked_sub(8).filter(|last| *last > 0) else { return true };
        let Some(there) = text.get(start..start + length) else { return false };
        // Most that begin as others do end as none of them.
        if there[length - 1].to_ascii_lowercase() != self.text[length - 1] {
            return false;
        }
        // By eights, of which the last overlap those before.
        let same = |at: usize| small(&there[at..at + 8]) == word(&self.text[at..at + 8]);
        let mut at = 8;
        while at < last {
            if !same(at) {
                return false;
            }
            at += 8;
        }
        same(last)
    }

    /// Whether it stands at `start`, so near the text's end that there are no eight bytes.
    #[cold]
    fn stands(&self, text: &[u8], start: usize) -> bool {
        text.get(start..start + self.text.len()).is_some_and(|there| there.eq_ignore_ascii_case(&self.text))
    }
}

/// The literals that share a gram, where in them it stands, and what stands beside it: a part of all.
#[derive(Debug)]
struct Group {
    gram: u32,
    context: u32,
    offset: u32,
    /// Which hashes their first two bytes have: most places have others.
    heads: u64,
    first: u16,
    end: u16,
}

/// A bit for the first two bytes of a literal's head.
#[inline(always)]
fn first_two(head: u64) -> u64 {
    1 << ((head as u16).wrapping_mul(0x9e37) >> 10)
}

#[inline(always)]
fn word(eight: &[u8]) -> u64 {
    eight.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight))
}

/// Eight bytes with their capitals made small: all at once, and without a carry from one into the next.
#[inline(always)]
fn small(eight: &[u8]) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let bytes = word(eight);
    let low = bytes & (0x7f * EACH);
    let from_a = low + (0x80 - b'A' as u64) * EACH;
    let behind_z = low + (0x7f - b'Z' as u64) * EACH;
    bytes | ((from_a ^ behind_z) & !bytes & (0x80 * EACH)) >> 2
}

/// The set. Literals are found by `N` bytes of theirs.
#[derive(Debug)]
pub(super) struct Literals<const N: usize> {
    /// Which hashes of grams there are.
    bitmap: Bitmap,
    /// Which hashes there are of grams with what stands beside them.
    beside: Bitmap,
    /// Sorted by that hash, gram, context, and offset.
    all: Vec<Literal>,
    groups: Vec<Group>,
    /// For the first bits of that hash, where its groups begin; at the end, how many there are.
    first: Vec<u16>,
}

/// A bit for each hash.
#[derive(Debug)]
struct Bitmap(Vec<u64>);

impl Bitmap {
    fn new() -> Self {
        Self(vec![0; 1 << (BITS - 6)])
    }

    fn set(&mut self, hash: usize) {
        self.0[hash >> 6] |= 1 << (hash & 63);
    }

    #[inline(always)]
    fn has(&self, hash: usize) -> bool {
        self.0[hash >> 6] >> (hash & 63) & 1 != 0
    }
}

impl<const N: usize> Literals<N> {
    /// Of literals in lower case with their numbers and the places of their grams. None is shorter than a gram.
    pub(super) fn new(literals: impl IntoIterator<Item = (Vec<u8>, u32, usize)>) -> Self {
        let mut all: Vec<Literal> = literals
            .into_iter()
            .map(|(text, number, offset)| {
                let mut head = [0; 8];
                let length = text.len().min(8);
                head[..length].copy_from_slice(&text[..length]);
                let mask = u64::MAX >> (64 - 8 * length);
                let offset32 = u32::try_from(offset).unwrap_or(0);
                let head = u64::from_le_bytes(head);
                let gram = gram::<N>(&text[offset..]);
                let context =
                    Beside::ALL.into_iter().find_map(|beside| context::<N>(&text, offset, beside)).unwrap_or(2 << 24);
                Literal { gram, context, offset: offset32, head, mask, number, text: text.into() }
            })
            .collect();
        all.sort_by_key(|l| (hash_beside(l.gram, l.context), l.gram, l.context, l.offset, l.number));
        let (mut bitmap, mut beside) = (Bitmap::new(), Bitmap::new());
        let mut groups: Vec<Group> = Vec::with_capacity(all.len());
        let mut first = vec![0u16; (1 << KEYS) + 1];
        for (at, literal) in (0u16..).zip(&all) {
            let Literal { gram, context, offset, head, .. } = *literal;
            match groups.last_mut() {
                Some(last) if (last.gram, last.context, last.offset) == (gram, context, offset) => {
                    last.heads |= first_two(head);
                    last.end = at + 1;
                }
                _ => {
                    bitmap.set(hash(gram));
                    beside.set(hash_beside(gram, context));
                    first[(hash_beside(gram, context) >> (BITS - KEYS)) + 1] += 1;
                    groups.push(Group { gram, context, offset, heads: first_two(head), first: at, end: at + 1 });
                }
            }
        }
        for at in 1..first.len() {
            first[at] += first[at - 1];
        }
        Self { bitmap, beside, all, groups, first }
    }

    /// Lets the places of another set's shorter grams be places of this one's, so that one look tells whether either may
    /// have something there.
    pub(super) fn lead_to<const M: usize>(&mut self, shorter: &Literals<M>) {
        const { assert!(M + 1 == N, "one byte shorter") };
        for literal in &shorter.all {
            let three = literal.gram & 0x00ff_ffff;
            for last in 0..=u8::MAX {
                self.bitmap.set(hash(three | u32::from(last | 0x20) << 24));
            }
        }
    }

    /// Whether a literal's gram may stand at `at`.
    #[inline(always)]
    fn may_be(&self, text: &[u8], at: usize) -> Option<u32> {
        let gram = gram::<N>(text.get(at..)?.get(..N)?);
        self.holds(gram).then_some(gram)
    }

    #[inline(always)]
    fn holds(&self, gram: u32) -> bool {
        self.bitmap.has(hash(gram))
    }

    /// Notes the literals whose gram stands at `at`.
    #[inline(always)]
    pub(super) fn at(&self, at: usize, owned: &mut Owned<'_>) {
        if let Some(gram) = self.may_be(owned.text, at) {
            self.compare(at, gram, owned);
        }
    }

    /// Notes the literals whose gram stands at any of the places, which are counted from `base`.
    #[inline(always)]
    pub(super) fn among(&self, base: usize, words: &[u64], places: &mut Places, owned: &mut Owned<'_>) {
        each::<2>(
            words,
            places,
            #[inline(always)]
            |place| self.at(base.wrapping_add(place), owned),
        );
    }

    /// The same for two sets at once, the first of which [leads to](Self::lead_to) the other.
    #[inline(always)]
    pub(super) fn among_with<const M: usize>(
        &self,
        other: &Literals<M>,
        base: usize,
        words: &[u64],
        places: &mut Places,
        owned: &mut Owned<'_>,
    ) {
        each::<4>(
            words,
            places,
            #[inline(always)]
            |place| {
                let at = base + place;
                match owned.text.get(at..at + N) {
                    Some(bytes) if !self.holds(gram::<N>(bytes)) => {}
                    _ => self.at_with(other, at, owned),
                }
            },
        );
    }

    #[inline(never)]
    fn at_with<const M: usize>(&self, other: &Literals<M>, at: usize, owned: &mut Owned<'_>) {
        self.at(at, owned);
        other.at(at, owned);
    }

    /// Notes the literals whose gram stands at any place of the range.
    #[inline(always)]
    pub(super) fn along(&self, places: std::ops::Range<usize>, owned: &mut Owned<'_>) {
        let end = owned.text.len().min(places.end + N - 1);
        for (at, bytes) in (places.start..).zip(owned.text[places.start.min(end)..end].windows(N)) {
            let gram = gram::<N>(bytes);
            if self.holds(gram) {
                self.compare(at, gram, owned);
            }
        }
    }

    #[inline(always)]
    fn compare(&self, at: usize, gram: u32, owned: &mut Owned<'_>) {
        for beside in Beside::ALL {
            let Some(context) = context::<N>(owned.text, at, beside) else { continue };
            let hash = hash_beside(gram, context);
            if self.beside.has(hash) {
                self.compare_beside(hash, at, gram, context, owned);
            }
        }
    }

    #[inline(never)]
    fn compare_beside(&self, hash: usize, at: usize, gram: u32, context: u32, owned: &mut Owned<'_>) {
        let place = hash >> (BITS - KEYS);
        let groups = &self.groups[usize::from(self.first[place])..usize::from(self.first[place + 1])];
        for group in groups.iter().filter(|group| group.gram == gram && group.context == context) {
            self.compare_group(group, at, owned);
        }
    }

    #[inline(always)]
    fn compare_group(&self, group: &Group, at: usize, owned: &mut Owned<'_>) {
        let Some(start) = at.checked_sub(group.offset as usize) else { return };
        let head = owned.text.get(start..).and_then(|rest| rest.get(..8)).map(small);
        if head.is_some_and(|head| group.heads & first_two(head) == 0) {
            return;
        }
        for literal in &self.all[usize::from(group.first)..usize::from(group.end)] {
            let stands = match head {
                Some(head) => head & literal.mask == literal.head && literal.goes_on(owned.text, start),
                None => literal.stands(owned.text, start),
            };
            if stands && (owned.from..owned.limit).contains(&start) {
                owned.hits.push((start, start + literal.text.len(), literal.number));
            }
        }
    }
}

/// Where the bits of a turn may be.
pub(super) type Places = [u16; TURN * BLOCK + MOST_ASSUMED];

const MOST_ASSUMED: usize = 4;

/// No places yet.
pub(super) const NO_PLACES: Places = [0; TURN * BLOCK + MOST_ASSUMED];

/// Calls `f` for the place of each bit; `places` is memory for them.
///
/// All are written down first, and then gone through: how many bits a word has is what a processor cannot guess, so that
/// `ASSUMED` are written whether there are so many or not.
#[inline(always)]
pub(super) fn each<const ASSUMED: usize>(words: &[u64], places: &mut Places, mut f: impl FnMut(usize)) {
    let mut count = 0;
    for (base, bits) in (0..).step_by(BLOCK).zip(words) {
        let mut rest = *bits;
        for place in &mut places[count..count + ASSUMED] {
            *place = base + rest.trailing_zeros() as u16;
            rest &= rest.wrapping_sub(1);
        }
        let mut at = count + ASSUMED;
        while rest != 0 {
            places[at] = base + rest.trailing_zeros() as u16;
            rest &= rest - 1;
            at += 1;
        }
        count += bits.count_ones() as usize;
    }
    for place in &places[..count] {
        f(usize::from(*place));
    }
}

/// What a search is over: the text, where in it literals may start, and those that were found.
#[derive(Debug)]
pub(super) struct Owned<'a> {
    pub(super) text: &'a [u8],
    pub(super) from: usize,
    pub(super) limit: usize,
    pub(super) hits: &'a mut Vec<Hit>,
}

/// Chooses for each literal the place of the `N` bytes that it is found by: such as are rare, since each place in a text
/// that has them is looked at, and such as few others have, since all that share them are looked at there. What many
/// have, such as `oken` and `_key`, is common in the texts too.
pub(super) fn choose<const N: usize>(literals: &[&[u8]]) -> Vec<usize> {
    let mut having = vec![0u16; 1 << BITS];
    for part in literals.iter().flat_map(|literal| literal.windows(N)) {
        let count = &mut having[hash(gram::<N>(part))];
        *count = count.saturating_add(1);
    }
    let cost = |part: &[u8]| {
        let share: u64 = part.iter().map(|b| u64::from(COMMON[usize::from(b & 31)])).product();
        share * u64::from(having[hash(gram::<N>(part))]).pow(2)
    };
    let best = |literal: &&[u8]| literal.windows(N).enumerate().min_by_key(|(_, part)| cost(part)).map_or(0, |b| b.0);
    literals.iter().map(best).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_found_at_their_grams_without_case() {
        let words = ["ghp_", "key", "keyring", "x-api-key"];
        let places = choose::<3>(&words.map(str::as_bytes));
        let set = Literals::<3>::new(
            words
                .iter()
                .zip(places)
                .enumerate()
                .map(|(n, (w, at))| (w.as_bytes().to_vec(), u32::try_from(n).unwrap(), at)),
        );
        let text = b"a GHP_ KeyRing X-API-key";
        assert_eq!(small(b"@AZ[`az{"), word(b"@az[`az{"));
        assert_eq!(small(b"\xc1\xff\x80\0MmQq"), word(b"\xc1\xff\x80\0mmqq"));
        let mut hits = Vec::new();
        let mut owned = Owned { text, from: 0, limit: text.len(), hits: &mut hits };
        (0..text.len()).for_each(|at| set.at(at, &mut owned));
        hits.sort_unstable();
        assert_eq!(hits, [(2, 6, 0), (7, 10, 1), (7, 14, 2), (15, 24, 3), (21, 24, 1)]);
        hits.clear();
        let places = [(1u64 << (text.len() - 3)) - 1];
        set.among(3, &places, &mut NO_PLACES.clone(), &mut Owned { text, from: 8, limit: 20, hits: &mut hits });
        assert_eq!(hits, [(15, 24, 3)]);
    }
}
