//! Which stretches of a text are long enough to be looked at: words that may be tokens, and runs that may be values.
//!
//! All is arithmetic on the bits of [`super::masks`], for a whole turn at a time: each step is a loop over a row in which
//! no word waits for another, so that a processor takes four or eight at once.

use std::ops::Range;

use super::masks::{BLOCK, Masks, NONE, Row, TURN};
use super::value::{RUN, SAMPLE};

/// How many bytes a match of the prefix lane begins with. The arithmetic below is made for it.
pub(super) const LEADS: usize = 15;

/// The stretches of a turn. As in [`Masks`], the first word of each row is the last of the turn before.
#[derive(Debug)]
pub(super) struct Spans {
    /// Where words are [`LEADS`] bytes old that began with what a prefix is followed by.
    words: Row,
    /// Where runs of token bytes are [`RUN`] bytes old.
    runs: Row,
    /// Where one escape follows another.
    rows: Row,
    /// Where a capital follows a small letter.
    humps: Row,
    /// Where words begin.
    starts: Row,
    /// Where 2, 4 and 8 bytes in a row, up to there, may follow a prefix.
    leads: [Row; 3],
    /// Where 2, 4, 8, 16 and 20 bytes in a row, up to there, are of tokens.
    tokens: [Row; 5],
}

impl Spans {
    pub(super) fn new() -> Self {
        Self { words: NONE, runs: NONE, rows: NONE, humps: NONE, starts: NONE, leads: [NONE; 3], tokens: [NONE; 5] }
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

    /// The rows whose words another turn's go on from.
    #[inline(always)]
    fn carried(&mut self) -> impl Iterator<Item = &mut Row> {
        let Self { humps, starts, leads, tokens, .. } = self;
        [humps, starts].into_iter().chain(leads).chain(tokens)
    }

    /// Finds those of so many blocks.
    #[inline(always)]
    pub(super) fn find(&mut self, masks: &Masks, blocks: usize) {
        let turn = 1..blocks.min(TURN) + 1;
        let Self { words, runs, rows, humps, starts, leads: [x2, x4, x8], tokens: [y2, y4, y8, y16, y20] } = self;
        // A word starts where the byte before is of none, or belongs to an escape: \n %3D \x3d \u003d.
        for at in turn.clone() {
            let e = &masks.escape;
            let escaped = up(e, at, 2) | up(e, at, 3) | up(e, at, 4) | up(e, at, 6);
            let inside = up(&masks.word, at, 1) & !escaped;
            starts[at] = masks.word[at] & !inside;
            rows[at] = e[at] & escaped;
            humps[at] = masks.capital[at] & up(&masks.small, at, 1);
        }
        join(&masks.lead, 1, x2, &turn);
        join(x2, 2, x4, &turn);
        join(x4, 4, x8, &turn);
        for at in turn.clone() {
            words[at] = up(starts, at, 14) & x8[at] & up(x8, at, 7);
        }
        join(&masks.token, 1, y2, &turn);
        join(y2, 2, y4, &turn);
        join(y4, 4, y8, &turn);
        join(y8, 8, y16, &turn);
        join(y16, 4, y20, &turn);
        for at in turn {
            runs[at] = y20[at] & !up(y20, at, 1);
        }
    }

    pub(super) fn words(&self, blocks: usize) -> &[u64] {
        &self.words[1..=blocks]
    }

    pub(super) fn runs(&self, blocks: usize) -> &[u64] {
        &self.runs[1..=blocks]
    }

    /// None where there is none in all the turn, which is most often so.
    pub(super) fn rows(&self, blocks: usize) -> Option<&[u64]> {
        let rows = &self.rows[1..=blocks];
        (rows.iter().fold(0, |any, row| any | row) != 0).then_some(rows)
    }

    /// Whether a machine made the run that is long enough at `known`; see [`super::value::is_key`]. None where the turn
    /// ends before that is known.
    #[inline(always)]
    pub(super) fn is_machine_made(&self, masks: &Masks, known: usize, blocks: usize) -> Option<bool> {
        let start = BLOCK + known - (RUN - 1);
        let (word, by) = (start / BLOCK, start % BLOCK);
        if word >= blocks {
            return None;
        }
        let window = |row: &Row| row[word] >> by | row[word + 1] << 1 << (BLOCK - 1 - by);
        let length = window(&masks.token).trailing_ones().max(1);
        let inside = u64::MAX >> (SAMPLE as u32 - length);
        let humps = (window(&self.humps) & inside).count_ones();
        Some(window(&masks.digit) & inside != 0 || humps * 6 > length)
    }
}

/// The bits of a word, moved up over the border between words.
#[inline(always)]
fn up(row: &Row, at: usize, by: u32) -> u64 {
    row[at] << by | row[at - 1] >> (u64::BITS - by)
}

/// Keeps the bits that have another so far below.
#[inline(always)]
fn join(row: &Row, by: u32, into: &mut Row, turn: &Range<usize>) {
    for at in turn.clone() {
        into[at] = row[at] & up(row, at, by);
    }
}
