//! Four bytes of each keyword, and tables that tell for any place of a text whether such four may begin there.
//!
//! Of a byte only the lowest five bits count, which is a letter whatever its case; each of twenty-four buckets holds a few
//! fours, and a table for each of the four bytes says in which buckets it occurs there. What passes all four tables in
//! one bucket may be a keyword's, and most often is: the buckets are filled so that fours with letters in common lie
//! together.

use std::collections::BinaryHeap;

/// How many bytes a gram has. One of a keyword of three is followed by any byte.
pub(super) const GRAM: usize = 4;
/// The shortest keyword that has one.
pub(super) const SHORTEST: usize = 3;
const BUCKETS: usize = 24;
/// The share of places in ordinary text, in millionths, that may pass for grams that nobody has laid before no more are
/// taken.
const MOST: u64 = 80_000;

/// What each gram costs besides its own share, since others in its bucket mix with it.
const EACH: u64 = 300;

/// How often the grams are laid again into the bucket that suits each best.
const ROUNDS: usize = 3;

/// How many of a thousand bytes of code and documentation have these lowest five bits: counted in 60 MB of C, Go, Python,
/// shell, YAML and Markdown.
pub(super) const COMMON: [u32; 32] = [
    184, 39, 20, 30, 24, 74, 19, 20, 21, 69, 34, 6, 42, 21, 48, 41, 34, 8, 50, 44, 57, 22, 11, 7, 11, 8, 7, 8, 3, 10,
    2, 24,
];

/// Where a keyword's gram stands in it, and the bucket that this lies in: of built-in rules both are known when the crate is
/// built (`grams/laid.toml`), from what is common in real texts. Of others they are guessed, as if letters fell by lot.
pub(super) type Laid = [u8; 2];

/// Whether a keyword has a gram: three bytes that are ASCII, or four of a longer one.
pub(super) fn may_have_one(keyword: &[u8]) -> bool {
    keyword.len() >= SHORTEST && keyword.windows(GRAM.min(keyword.len())).any(<[u8]>::is_ascii)
}

/// For each byte, the lowest five bits that it may have, as bits.
type Symbols = [u32; GRAM];

fn symbols(bytes: &[u8]) -> Symbols {
    std::array::from_fn(|i| bytes.get(i).map_or(u32::MAX, |b| 1 << (b & 31)))
}

/// How many of a thousand bytes have one of the symbols.
fn each_of(mut symbols: u32) -> u64 {
    let mut all = 0;
    while symbols != 0 {
        all += u64::from(COMMON[symbols.trailing_zeros() as usize]);
        symbols &= symbols - 1;
    }
    all
}

/// Of a million places in a text, how many these begin at, were bytes drawn by lot.
fn share(symbols: Symbols) -> u64 {
    symbols.into_iter().map(each_of).product::<u64>() / 1_000_000
}

/// Where a keyword has a gram, in one number, by which they are put in order: the gram, the keyword's number, the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place(u64);

impl Place {
    fn new(bytes: &[u8], number: usize, at: usize) -> Self {
        // One of three bytes is another than any of four.
        let letters = bytes.iter().take(GRAM).fold(1, |all, b| all << 5 | u64::from(b & 31));
        Self(letters << 43 | (number as u64) << 16 | at as u64)
    }

    fn gram(self) -> u64 {
        self.0 >> 43
    }

    fn number(self) -> usize {
        (self.0 >> 16 & ((1 << 27) - 1)) as usize
    }

    fn at(self) -> usize {
        (self.0 & 0xffff) as usize
    }
}

/// A gram, its share of places, and the keywords that have it, each with where.
#[derive(Debug, Clone, Copy)]
struct Having<'a> {
    gram: Symbols,
    share: u64,
    words: &'a [Place],
}

/// Grams that share their bits.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    symbols: Symbols,
    /// For each of the four, how many of a thousand bytes have one of the symbols.
    each: [u64; GRAM],
    share: u64,
}

impl Bucket {
    fn of(symbols: Symbols) -> Self {
        Self { symbols, each: symbols.map(each_of), share: share(symbols) }
    }

    /// What its share is with one more.
    fn share_with(&self, gram: Symbols) -> u64 {
        (0..GRAM).map(|i| self.each[i] + each_of(gram[i] & !self.symbols[i])).product::<u64>() / 1_000_000
    }

    fn add(&mut self, gram: Symbols) {
        self.share = self.share_with(gram);
        self.each = std::array::from_fn(|i| self.each[i] + each_of(gram[i] & !self.symbols[i]));
        self.symbols = join(self.symbols, gram);
    }
}

fn join(one: Symbols, other: Symbols) -> Symbols {
    std::array::from_fn(|i| one[i] | other[i])
}

/// The bucket whose share a gram makes grow least, and by how much.
fn narrowest(buckets: &[Bucket; BUCKETS], gram: Symbols) -> (usize, u64) {
    let grown = buckets.iter().map(|bucket| bucket.share_with(gram) - bucket.share).enumerate();
    grown.min_by_key(|(_, grown)| *grown).expect("there are buckets")
}

/// Chooses the places of keywords whose grams nobody has laid, and lays those into buckets that may hold others already; none
/// where one is too short, or where its gram would be one too many.
fn guess(buckets: &mut [Bucket; BUCKETS], keywords: &[&[u8]]) -> Vec<Option<usize>> {
    // Where the grams of a keyword begin.
    let grams = |keyword: &[u8]| 0..(keyword.len() + 1).saturating_sub(GRAM.min(keyword.len().max(SHORTEST)));
    let of = |keyword: &[u8], at: usize| symbols(&keyword[at..keyword.len().min(at + GRAM)]);
    let mut all: Vec<Place> = Vec::with_capacity(keywords.iter().map(|word| word.len()).sum());
    for (number, keyword) in keywords.iter().enumerate() {
        let ascii = |at: &usize| keyword[*at..].iter().take(GRAM).all(u8::is_ascii);
        all.extend(grams(keyword).filter(ascii).map(|at| Place::new(&keyword[at..], number, at)));
    }
    all.sort_unstable();
    let having: Vec<Having<'_>> = all
        .chunk_by(|one, other| one.gram() == other.gram())
        .map(|words| {
            let gram = of(keywords[words[0].number()], words[0].at());
            Having { gram, share: share(gram), words }
        })
        .collect();
    // Few that many keywords have: each that is taken makes its bucket wider. For each the keywords that have it, how
    // many of these have no place yet, and what it is worth for them.
    let mut left: Vec<u64> = having.iter().map(|one| one.words.len() as u64).collect();
    let mut of_keyword: Vec<Vec<usize>> = keywords.iter().map(|word| Vec::with_capacity(word.len())).collect();
    for (gram, one) in having.iter().enumerate() {
        one.words.iter().for_each(|word| of_keyword[word.number()].push(gram));
    }
    // What a gram costs is its share of places, and more for each keyword that is compared there. Letters in words
    // follow one another more often than by lot.
    let worth = |gram: usize, words: u64| words * 1_000_000 / (having[gram].share * 5 * (4 + words) + EACH);
    let mut worths: Vec<u64> = left.iter().enumerate().map(|(gram, words)| worth(gram, *words)).collect();
    let mut places: Vec<Option<usize>> = vec![None; keywords.len()];
    let mut chosen = Vec::new();
    let mut best: BinaryHeap<(u64, usize)> = worths.iter().copied().zip(0..).collect();
    while let Some((was_worth, number)) = best.pop() {
        if left[number] == 0 {
            continue;
        }
        // None becomes worth more: one that is worth as much as it was is the best still.
        if worths[number] != was_worth {
            best.push((worths[number], number));
            continue;
        }
        let Having { gram, words, .. } = having[number];
        // One that has it twice is found by the last.
        let unplaced: Vec<_> = words.iter().filter(|word| places[word.number()].is_none()).collect();
        for word in unplaced {
            if places[word.number()].replace(word.at()).is_none() {
                for gram in &of_keyword[word.number()] {
                    left[*gram] -= 1;
                    worths[*gram] = worth(*gram, left[*gram]);
                }
            }
        }
        chosen.push(gram);
    }
    chosen.sort_unstable_by_key(|gram| (share(*gram), *gram));

    let mut lying: [Vec<Symbols>; BUCKETS] = Default::default();
    for (bucket, lying) in buckets.iter_mut().zip(&mut lying) {
        *bucket = Bucket::of(bucket.symbols);
        lying.push(bucket.symbols);
    }
    let mut total = 0;
    let mut refused = Vec::new();
    let mut kept: Vec<(Symbols, usize)> = Vec::new();
    // The common ones first: they lie alone for longest.
    for gram in chosen.into_iter().rev() {
        let (number, grown) = narrowest(buckets, gram);
        if total + grown > MOST {
            refused.push(gram);
        } else {
            total += grown;
            buckets[number].add(gram);
            kept.push((gram, number));
        }
    }
    // Each again, now that all have their places: some lie better with those that came after them.
    kept.iter().for_each(|(gram, number)| lying[*number].push(*gram));
    for _ in 0..ROUNDS {
        for (gram, number) in &mut kept {
            lying[*number].retain(|other| other != gram);
            let symbols = lying[*number].iter().fold(Symbols::default(), |all, one| join(all, *one));
            buckets[*number] = Bucket::of(symbols);
            *number = narrowest(buckets, *gram).0;
            buckets[*number].add(*gram);
            lying[*number].push(*gram);
        }
    }
    for (keyword, place) in keywords.iter().zip(&mut places) {
        *place = place.filter(|at| !refused.contains(&of(keyword, *at)));
    }
    places
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Grams {
    /// For each eight buckets and each byte, those that have each symbol, as bits.
    pub(super) tables: [[[u8; 32]; GRAM]; BUCKETS / 8],
}

impl Grams {
    /// Of keywords, and where in each its gram stands; none where it is too short, or where its gram would be one too many.
    pub(super) fn new(keywords: &[(&[u8], Option<Laid>)]) -> (Self, Vec<Option<usize>>) {
        let mut buckets = [Bucket::default(); BUCKETS];
        let mut places: Vec<Option<usize>> = vec![None; keywords.len()];
        for ((keyword, laid), place) in keywords.iter().zip(&mut places) {
            if let Some([at, bucket]) = laid.map(|laid| laid.map(usize::from)) {
                buckets[bucket].symbols = join(buckets[bucket].symbols, symbols(&keyword[at..]));
                *place = Some(at);
            }
        }
        let left: Vec<usize> = (0..keywords.len()).filter(|number| places[*number].is_none()).collect();
        if !left.is_empty() {
            let words: Vec<&[u8]> = left.iter().map(|number| keywords[*number].0).collect();
            let guessed = guess(&mut buckets, &words);
            left.into_iter().zip(guessed).for_each(|(number, place)| places[number] = place);
        }
        let mut tables = [[[0u8; 32]; GRAM]; BUCKETS / 8];
        for (b, bucket) in buckets.iter().enumerate() {
            for (table, bits) in tables[b / 8].iter_mut().zip(bucket.symbols) {
                for (symbol, entry) in table.iter_mut().enumerate() {
                    *entry |= u8::from(bits >> symbol & 1 != 0) << (b % 8);
                }
            }
        }
        (Self { tables }, places)
    }

    /// Whether a keyword's gram may be these bytes.
    pub(super) fn may_begin(&self, bytes: [u8; GRAM]) -> bool {
        let [one, two, three, four] = bytes;
        self.tables.iter().any(|tables| {
            let of = |i: usize, b: u8| if b.is_ascii() { tables[i][usize::from(b & 31)] } else { 0 };
            of(0, one) & of(1, two) & of(2, three) & of(3, four.min(0x7f)) != 0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_keyword_is_found_by_its_gram() {
        let words: Vec<&[u8]> = vec![b"password", b"passwd", b"_pw", b"://", b"ab", "\u{df}\u{df}".as_bytes(), b"7q~"];
        let (grams, places) = Grams::new(&words.iter().map(|word| (*word, None)).collect::<Vec<_>>());
        assert_eq!(places[4..6], [None, None], "too short, and not ASCII");
        for (word, place) in words.iter().zip(places) {
            let Some(at) = place else { continue };
            for word in [word.to_vec(), word.to_ascii_uppercase()] {
                let mut four = word[at..].to_vec();
                four.push(b'x');
                assert!(grams.may_begin(four[..4].try_into().unwrap()), "{word:?}");
            }
        }
        assert!(!grams.may_begin(*b"xyzv") && !grams.may_begin([0xff; 4]));
    }

    #[test]
    fn more_than_a_text_can_bear_is_refused() {
        let words: Vec<Vec<u8>> =
            (0..26 * 26u16).map(|n| vec![b'a' + (n / 26) as u8, b' ', b'a' + (n % 26) as u8]).collect();
        let words: Vec<_> = words.iter().map(|word| (word.as_slice(), None)).collect();
        let places = Grams::new(&words).1;
        assert!(places.iter().any(Option::is_some) && places.iter().any(Option::is_none));
    }
}
