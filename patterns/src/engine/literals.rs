//! A set of literals, without case, that is asked about one place at a time: three or four bytes are hashed to a bit, a
//! set bit leads to the few literals that have those bytes, and those are compared.

use super::grams::COMMON;

/// A literal's place, and its number.
pub(super) type Hit = (usize, usize, u32);

const BITS: u32 = 16;
/// How many bits of a hash lead to its literals.
const UPPER: u32 = 12;

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

/// One of the set.
#[derive(Debug)]
struct Literal {
    gram: u32,
    /// Where in the literal the gram stands.
    offset: u32,
    /// Its first eight bytes, as those of a gram, and which of them there are.
    head: u64,
    mask: u64,
    number: u32,
    /// In lower case.
    text: Box<[u8]>,
}

/// The bit that makes a letter small, for eight of them.
const SMALL: u64 = 0x2020_2020_2020_2020;

/// The set. Literals are found by `N` bytes of theirs.
#[derive(Debug)]
pub(super) struct Literals<const N: usize> {
    bitmap: Vec<u64>,
    /// Sorted by hash of the gram.
    all: Vec<Literal>,
    /// For the upper bits of each hash, where its literals begin in `all`; at the end, how many there are.
    first: Vec<u16>,
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
                let head = (u64::from_le_bytes(head) | SMALL) & mask;
                Literal { gram: gram::<N>(&text[offset..]), offset: offset32, head, mask, number, text: text.into() }
            })
            .collect();
        all.sort_by_key(|l| (hash(l.gram), l.number));
        let mut bitmap = vec![0u64; 1 << (BITS - 6)];
        let mut first = vec![0u16; (1 << UPPER) + 1];
        for literal in &all {
            let hash = hash(literal.gram);
            bitmap[hash >> 6] |= 1 << (hash & 63);
            first[(hash >> (BITS - UPPER)) + 1] += 1;
        }
        for at in 1..first.len() {
            first[at] += first[at - 1];
        }
        Self { bitmap, all, first }
    }

    /// Whether a literal's gram may stand at `at`.
    #[inline(always)]
    fn may_be(&self, text: &[u8], at: usize) -> Option<u32> {
        let gram = gram::<N>(text.get(at..)?.get(..N)?);
        self.holds(gram).then_some(gram)
    }

    #[inline(always)]
    fn holds(&self, gram: u32) -> bool {
        let hash = hash(gram);
        self.bitmap[hash >> 6] >> (hash & 63) & 1 != 0
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
    pub(super) fn among(&self, base: usize, places: &[u64], owned: &mut Owned<'_>) {
        each(places, |place| self.at(base.wrapping_add(place), owned));
    }

    /// The same for two sets at once.
    #[inline(always)]
    pub(super) fn among_with<const M: usize>(
        &self,
        other: &Literals<M>,
        base: usize,
        places: &[u64],
        owned: &mut Owned<'_>,
    ) {
        each(places, |place| {
            self.at(base + place, owned);
            other.at(base + place, owned);
        });
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

    #[inline(never)]
    fn compare(&self, at: usize, gram: u32, owned: &mut Owned<'_>) {
        let place = hash(gram) >> (BITS - UPPER);
        for literal in &self.all[usize::from(self.first[place])..usize::from(self.first[place + 1])] {
            if literal.gram != gram {
                continue;
            }
            let Some(start) = at.checked_sub(literal.offset as usize) else { continue };
            let head = owned.text.get(start..start + 8).and_then(|head| head.first_chunk());
            if head.is_some_and(|head| (u64::from_le_bytes(*head) | SMALL) & literal.mask != literal.head) {
                continue;
            }
            let stop = start + literal.text.len();
            let whole = head.is_some() && literal.text.len() <= 8;
            if (owned.from..owned.limit).contains(&start)
                && (whole || owned.text.get(start..stop).is_some_and(|found| found.eq_ignore_ascii_case(&literal.text)))
            {
                owned.hits.push((start, stop, literal.number));
            }
        }
    }
}

/// Calls `f` for the place of each bit.
#[inline(always)]
pub(super) fn each(places: &[u64], mut f: impl FnMut(usize)) {
    for (number, bits) in places.iter().enumerate() {
        let mut bits = *bits;
        while bits != 0 {
            f(number * 64 + bits.trailing_zeros() as usize);
            bits &= bits - 1;
        }
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
/// that has them is looked at.
pub(super) fn choose<const N: usize>(literals: &[&[u8]]) -> Vec<usize> {
    let cost = |gram: &[u8]| gram.iter().map(|b| u64::from(COMMON[usize::from(b & 31)])).product::<u64>();
    let best = |literal: &&[u8]| literal.windows(N).enumerate().min_by_key(|(_, gram)| cost(gram)).map_or(0, |b| b.0);
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
        let mut hits = Vec::new();
        let mut owned = Owned { text, from: 0, limit: text.len(), hits: &mut hits };
        (0..text.len()).for_each(|at| set.at(at, &mut owned));
        hits.sort_unstable();
        assert_eq!(hits, [(2, 6, 0), (7, 10, 1), (7, 14, 2), (15, 24, 3), (21, 24, 1)]);
        hits.clear();
        let places = [(1u64 << (text.len() - 3)) - 1];
        set.among(3, &places, &mut Owned { text, from: 8, limit: 20, hits: &mut hits });
        assert_eq!(hits, [(15, 24, 3)]);
    }
}
