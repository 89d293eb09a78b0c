//! Finds where rules may match. What a rule's matches have in common decides by which lane its keywords are found:
//!
//! | lane | what is known of every match | what is looked at |
//! |---|---|---|
//! | prefix | it begins at a word's start, with fifteen bytes of a token or more | such starts |
//! | value | it is a value with a run that a machine made, beside the keyword | the line before such runs |
//! | gram | nothing but the keyword | places where four bytes are as in a keyword |
//! | general | nothing but the keyword, and those of the gram lane are too many already | every byte, by an automaton |
//!
//! The first three come from the masks of the text, so that the thousand keywords of tokens and of providers cost as
//! little as ten; only the last pays for each byte. A lane may give places where its rule does not match, never fail to
//! give one where it does.

use super::Cost;
use super::encoded::{self, Encoded};
use super::general::General;
use super::grams::{GRAM, Grams, SHORTEST};
use super::literals::{Hit, Literals, MOST_WORDS, NO_PLACES, Owned, Places, choose, each};
use super::masks::{BLOCK, Kernel, Masks};
use super::value::{self, RUN};

/// How many bytes a match of the prefix lane begins with. The arithmetic below is made for it.
pub(super) const LEADS: usize = 15;
/// How far behind a keyword the lanes look. Less than any window keeps.
const AHEAD: usize = value::BEFORE + value::WITHIN + RUN;
/// Blocks a turn: their masks stay in the nearest cache.
const TURN: usize = MOST_WORDS;
/// How many bytes a keyword of the value lane has at least.
pub(super) const NAME: usize = 3;

/// Which lane finds a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    Prefix,
    Value,
    /// The gram lane, or the general one.
    Text,
}

/// A keyword in lower case, and its lane.
pub(super) type Keyword = (Vec<u8>, Lane);

/// The lanes that the rules need.
#[derive(Debug)]
pub(super) struct Prefilter {
    kernel: Kernel,
    grams: Grams,
    prefix: Literals<SHORTEST>,
    value: Literals<NAME>,
    gram: Literals<GRAM>,
    /// Those of the gram lane that are shorter than a gram.
    short: Literals<SHORTEST>,
    general: Option<General>,
    /// What each keyword costs.
    costs: Vec<Cost>,
}

impl Prefilter {
    /// Of keywords in lower case, each with its lane; their numbers are their places in the list.
    pub(super) fn new(keywords: &[Keyword]) -> Result<Self, String> {
        let of = |wanted: Lane| {
            let all = keywords.iter().zip(0u32..).filter(move |((_, lane), _)| *lane == wanted);
            all.map(|((word, _), number)| (word.as_slice(), number)).collect::<Vec<_>>()
        };
        let text = of(Lane::Text);
        let (grams, places) = Grams::new(&text.iter().map(|(word, _)| *word).collect::<Vec<_>>());
        let rest: Vec<_> = text.iter().zip(&places).filter(|(_, place)| place.is_none()).map(|(t, _)| *t).collect();
        let mut costs: Vec<Cost> = keywords
            .iter()
            .map(|(_, lane)| match lane {
                Lane::Prefix => Cost::Prefix,
                Lane::Value => Cost::Value,
                Lane::Text => Cost::Keyword,
            })
            .collect();
        rest.iter().for_each(|(_, number)| costs[*number as usize] = Cost::Automaton);
        let value = of(Lane::Value);
        let middles = choose::<NAME>(&value.iter().map(|(word, _)| *word).collect::<Vec<_>>());
        let gram = text.iter().zip(places).filter_map(|((word, number), at)| Some((word.to_vec(), *number, at?)));
        let (gram, short): (Vec<_>, Vec<_>) = gram.partition(|(word, ..)| word.len() >= GRAM);
        let value = value.iter().zip(middles).map(|((word, number), at)| (word.to_vec(), *number, at));
        Ok(Self {
            kernel: Kernel::available()[0],
            grams,
            // Where a prefix begins is known.
            prefix: Literals::new(of(Lane::Prefix).into_iter().map(|(word, number)| (word.to_vec(), number, 0))),
            value: Literals::new(value),
            gram: Literals::new(gram),
            short: Literals::new(short),
            general: if rest.is_empty() { None } else { Some(General::new(&rest)?) },
            costs,
        })
    }

    /// The same with nothing but the general lane.
    pub(super) fn plain(keywords: &[Keyword]) -> Result<Self, String> {
        let all: Vec<_> = keywords.iter().zip(0u32..).map(|((word, _), number)| (word.as_slice(), number)).collect();
        let costs = vec![Cost::Automaton; all.len()];
        Ok(Self { general: Some(General::new(&all)?), costs, ..Self::new(&[])? })
    }

    /// What a keyword costs.
    pub(super) fn cost(&self, keyword: u32) -> Cost {
        self.costs[keyword as usize]
    }

    /// Gathers the keywords that start in `from..limit`, in the order of their places. `text` goes on behind `limit` as
    /// far as any rule looks, or ends there.
    pub(super) fn find(&self, text: &[u8], from: usize, limit: usize, scratch: &mut Scratch) {
        let hits = &mut scratch.hits;
        hits.clear();
        scratch.encoded.clear();
        if let Some(general) = &self.general {
            general.find(text, from, limit, hits);
        }
        self.kernel.with(
            #[inline(always)]
            || self.sweep(text, from, limit, scratch),
        );
        // By their start, so that a border between windows changes no order.
        scratch.hits.sort_unstable();
        scratch.hits.dedup();
    }

    #[inline(always)]
    fn sweep(&self, text: &[u8], from: usize, limit: usize, scratch: &mut Scratch) {
        let Scratch { hits, encoded, masks, words, runs, grams, places } = scratch;
        let mut owned = Owned { text, from, limit, hits };
        // A little before, for what the first block goes on from.
        let mut at = from.saturating_sub(2 * BLOCK);
        let end = text.len().min(limit + AHEAD);
        let mut carried = Carried::default();
        while at < end {
            let blocks = (end - at).div_ceil(BLOCK).min(TURN);
            self.kernel.find(&self.grams, text, at, &mut masks[..blocks]);
            for (number, block) in masks[..blocks].iter().enumerate() {
                grams[number] = block.gram;
                let rows;
                (words[number], runs[number], rows) = carried.over(block);
                each_of(rows, |place| {
                    let place = at + number * BLOCK + place;
                    if (from..limit).contains(&place) {
                        encoded::row(text, place, encoded);
                    }
                });
            }
            // Words and runs are noted where they are known to be long enough.
            self.prefix.among(at.wrapping_sub(LEADS - 1), &words[..blocks], places, &mut owned);
            self.gram.among_with(&self.short, at, &grams[..blocks], places, &mut owned);
            each(&runs[..blocks], places, |known| {
                let Some(start) = (at + known).checked_sub(RUN - 1) else { return };
                if (from..limit).contains(&start) {
                    encoded::run(text, start, encoded);
                }
                if value::may_begin(text, start) {
                    self.value.along(value::names_of(text, start), &mut owned);
                }
            });
            at += blocks * BLOCK;
        }
    }
}

/// What the bits of a block leave for the next: bits moved up by so many places, out of the block. That they are carried
/// from turn to turn, and not taken from the block before, keeps the compiler from shifts over two words, which some
/// processors are slow at.
#[derive(Debug, Clone, Copy, Default)]
struct Carried {
    word: u64,
    escape: u64,
    word_starts: u64,
    lead: [u64; 4],
    token: [u64; 5],
    long: u64,
}

/// Calls `f` for the place of each bit; there are few.
#[inline(always)]
fn each_of(mut bits: u64, mut f: impl FnMut(usize)) {
    while bits != 0 {
        f(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}

/// Moves bits up, and keeps those that leave the block for the next.
#[inline(always)]
fn up(bits: u64, by: u32, carried: &mut u64) -> u64 {
    let moved = bits << by | *carried;
    *carried = bits >> (64 - by);
    moved
}

impl Carried {
    /// For the next block, where words are fifteen bytes old that began with what a prefix is followed by, where runs of
    /// tokens are twenty bytes old, and where one escape follows another.
    #[inline(always)]
    fn over(&mut self, now: &Masks) -> (u64, u64, u64) {
        // A word starts where the byte before is of none, or belongs to an escape: \n %3D \x3d \u003d.
        let e = now.escape;
        let escaped = e << 2 | e << 3 | e << 4 | e << 6 | self.escape;
        self.escape = e >> 62 | e >> 61 | e >> 60 | e >> 58;
        let inside = up(now.word, 1, &mut self.word) & !escaped;
        let starts = up(now.word & !inside, 14, &mut self.word_starts);

        let [one, two, four, eight] = &mut self.lead;
        let x2 = now.lead & up(now.lead, 1, one);
        let x4 = x2 & up(x2, 2, two);
        let x8 = x4 & up(x4, 4, four);
        let x15 = x8 & up(x8, 7, eight);

        let [one, two, four, eight, sixteen] = &mut self.token;
        let y2 = now.token & up(now.token, 1, one);
        let y4 = y2 & up(y2, 2, two);
        let y8 = y4 & up(y4, 4, four);
        let y16 = y8 & up(y8, 8, eight);
        let y20 = y16 & up(y16, 4, sixteen);
        (starts & x15, y20 & !up(y20, 1, &mut self.long), e & escaped)
    }
}

/// Memory for a search, to be used again.
#[derive(Debug)]
pub(super) struct Scratch {
    /// What was found.
    pub(super) hits: Vec<Hit>,
    /// Where encoded texts may stand.
    pub(super) encoded: Vec<Encoded>,
    masks: Box<[Masks; TURN]>,
    /// As bits: where words are long enough that begin with what a prefix is followed by.
    words: [u64; TURN],
    /// Where runs of tokens are long enough.
    runs: [u64; TURN],
    /// Where a gram may begin.
    grams: [u64; TURN],
    places: Box<Places>,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self {
            hits: Vec::new(),
            encoded: Vec::new(),
            masks: Box::new([Masks::default(); TURN]),
            words: [0; TURN],
            runs: [0; TURN],
            grams: [0; TURN],
            places: Box::new(NO_PLACES),
        }
    }
}
