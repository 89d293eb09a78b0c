//! Finds where rules may match. What a rule's matches have in common decides by which lane its keywords are found:
//!
//! | lane | what is known of every match | what is looked at |
//! |---|---|---|
//! | prefix | it begins at a word's start, with fifteen bytes of a token or more | such starts |
//! | value | it is a value with a run that a machine made, beside the keyword | the line before such runs |
//! | gram | nothing but the keyword | places where four bytes are as in a keyword |
//! | foreign | nothing but the keyword, whose first letter is beyond ASCII | every byte, by a search for each keyword |
//! | general | nothing but the keyword, and those of the gram lane are too many already | every byte, by an automaton |
//!
//! The first three come from the masks of the text, so that the thousand keywords of tokens and of providers cost as
//! little as ten; only the last pays for each byte, and the few of the foreign one a little. A lane may give places where its rule does not match, never fail to
//! give one where it does.

use super::Cost;
use super::encoded::{self, Encoded};
use super::foreign::Foreign;
use super::general::General;
use super::grams::{GRAM, Grams, Laid, SHORTEST};
use super::literals::{Hit, Literals, NO_PLACES, Owned, Places, choose, each};
use super::masks::{BLOCK, Kernel, Masks, TURN};
pub(super) use super::spans::LEADS;
use super::spans::Spans;
use super::value::{self, RUN};

/// How far behind a keyword the lanes look. Less than any window keeps.
const AHEAD: usize = value::BEFORE + value::WITHIN + RUN;
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

/// What a rule is looked for by.
#[derive(Debug)]
pub(super) struct Keyword {
    /// In lower case.
    pub(super) text: Vec<u8>,
    pub(super) lane: Lane,
    /// Where its gram lies, if that is known already.
    pub(super) laid: Option<Laid>,
}

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
    foreign: Foreign,
    general: Option<General>,
    /// What each keyword costs.
    costs: Vec<Cost>,
}

impl Prefilter {
    /// Of keywords in lower case, each with its lane; their numbers are their places in the list.
    pub(super) fn new(keywords: &[Keyword]) -> Result<Self, String> {
        let of = |wanted: Lane| {
            let all = keywords.iter().zip(0u32..).filter(move |(keyword, _)| keyword.lane == wanted);
            all.map(|(keyword, number)| (keyword.text.as_slice(), number))
        };
        let (foreign, text): (Vec<_>, Vec<_>) = of(Lane::Text).partition(|(word, _)| Foreign::takes(word));
        let laid = |(word, number): &(_, u32)| (*word, keywords[*number as usize].laid);
        let (grams, places) = Grams::new(&text.iter().map(laid).collect::<Vec<_>>());
        let rest: Vec<_> = text.iter().zip(&places).filter(|(_, place)| place.is_none()).map(|(t, _)| *t).collect();
        let mut costs: Vec<Cost> = keywords
            .iter()
            .map(|keyword| match keyword.lane {
                Lane::Prefix => Cost::Prefix,
                Lane::Value => Cost::Value,
                Lane::Text => Cost::Keyword,
            })
            .collect();
        rest.iter().for_each(|(_, number)| costs[*number as usize] = Cost::Automaton);
        let value: Vec<_> = of(Lane::Value).collect();
        let middles = choose::<NAME>(&value.iter().map(|(word, _)| *word).collect::<Vec<_>>());
        let gram = text.iter().zip(places).filter_map(|((word, number), at)| Some((word.to_vec(), *number, at?)));
        let (gram, short): (Vec<_>, Vec<_>) = gram.partition(|(word, ..)| word.len() >= GRAM);
        let short = Literals::new(short);
        let mut gram = Literals::new(gram);
        gram.lead_to(&short);
        let value = value.iter().zip(middles).map(|((word, number), at)| (word.to_vec(), *number, at));
        Ok(Self {
            kernel: Kernel::available()[0],
            grams,
            // Where a prefix begins is known.
            prefix: Literals::new(of(Lane::Prefix).map(|(word, number)| (word.to_vec(), number, 0))),
            value: Literals::new(value),
            gram,
            short,
            foreign: Foreign::new(foreign.into_iter()),
            general: if rest.is_empty() { None } else { Some(General::new(&rest)?) },
            costs,
        })
    }

    /// The same with nothing but the general lane.
    pub(super) fn plain(keywords: &[Keyword]) -> Result<Self, String> {
        let all: Vec<_> =
            keywords.iter().zip(0u32..).map(|(keyword, number)| (keyword.text.as_slice(), number)).collect();
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
        self.foreign.find(text, from, limit, hits);
        self.kernel.with(
            #[inline(always)]
            || self.sweep(text, from, limit, scratch),
        );
        // By their start, so that a border between windows changes no order. Most are in order already.
        scratch.hits.sort_unstable();
        scratch.hits.dedup();
    }

    #[inline(always)]
    fn sweep(&self, text: &[u8], from: usize, limit: usize, scratch: &mut Scratch) {
        let Scratch { hits, encoded, masks, spans, places } = scratch;
        let swept = hits.len();
        let mut owned = Owned { text, from, limit, hits };
        // A little before, for what the first block goes on from.
        let mut at = from.saturating_sub(2 * BLOCK);
        let end = text.len().min(limit + AHEAD);
        masks.begin();
        spans.begin();
        // Runs that follow one another have names before them in common.
        let mut named = 0..0;
        while at < end {
            let before = owned.hits.len();
            let blocks = (end - at).div_ceil(BLOCK).min(TURN);
            self.kernel.find(&self.grams, text, at, blocks, masks);
            spans.find(masks, blocks);
            if let Some(rows) = spans.rows(blocks) {
                each::<1>(rows, places, |place| {
                    if (from..limit).contains(&(at + place)) {
                        encoded::row(text, at + place, encoded);
                    }
                });
            }
            // Words and runs are noted where they are known to be long enough.
            self.prefix.among(at.wrapping_sub(LEADS - 1), spans.words(blocks), places, &mut owned);
            self.gram.among_with(&self.short, at, masks.grams(blocks), places, &mut owned);
            each::<2>(spans.runs(blocks), places, |known| {
                let Some(start) = (at + known).checked_sub(RUN - 1) else { return };
                let made = spans.is_machine_made(masks, known, blocks).unwrap_or_else(|| value::is_key(&text[start..]));
                let quoted = start > 0 && matches!(text[start - 1], b'"' | b'\'');
                if !made && !quoted {
                    return;
                }
                if (from..limit).contains(&start) {
                    encoded::run(text, start, made, encoded);
                }
                if made && value::may_begin(text, start) {
                    let names = value::names_of(text, start);
                    if (named.start..=named.end).contains(&names.start) {
                        self.value.along(named.end..names.end, &mut owned);
                        named.end = named.end.max(names.end);
                    } else {
                        self.value.along(names.clone(), &mut owned);
                        named = names;
                    }
                }
            });
            in_order(&mut owned.hits[swept..], before - swept);
            masks.turn(blocks);
            spans.turn(blocks);
            at += blocks * BLOCK;
        }
    }
}

/// Puts a turn's hits, from `new` on, in order with those before, which are so already. A keyword may begin some bytes
/// before its turn: so few are moved, and no sort goes over all hits of a text.
#[inline(always)]
fn in_order(hits: &mut [Hit], new: usize) {
    let Some(least) = hits[new..].iter().min().copied() else { return };
    let behind = hits[..new].iter().rev().take_while(|hit| **hit > least).count();
    hits[new - behind..].sort_unstable();
}

/// Memory for a search, to be used again.
#[derive(Debug)]
pub(super) struct Scratch {
    /// What was found.
    pub(super) hits: Vec<Hit>,
    /// Where encoded texts may stand.
    pub(super) encoded: Vec<Encoded>,
    masks: Box<Masks>,
    spans: Box<Spans>,
    places: Box<Places>,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self {
            hits: Vec::new(),
            encoded: Vec::new(),
            masks: Box::new(Masks::new()),
            spans: Box::new(Spans::new()),
            places: Box::new(NO_PLACES),
        }
    }
}
