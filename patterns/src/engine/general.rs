//! Finds every keyword in a stretch of text, whatever it is: one automaton for all of them, run over eight parts of the
//! text at once. It is for the rules that the faster lanes cannot take.
//!
//! A step of the automaton is a load that waits for the load before it. Eight independent parts keep eight loads in
//! flight, which is three times the bytes a second (`../shared/reference/engine.md` part 4).

use aho_corasick::automaton::Automaton as _;
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, MatchKind, StartKind};

use super::literals::Hit;

/// How many parts a stretch is cut into.
const PARTS: usize = 8;
/// A shorter stretch is not worth cutting.
const SHORTEST: usize = 512;

/// All keywords as one automaton, without case.
#[derive(Debug)]
pub(super) struct General {
    dfa: DFA,
    /// The keywords' numbers.
    numbers: Vec<u32>,
    longest: usize,
}

impl General {
    /// Of keywords in lower case, with their numbers.
    pub(super) fn new(keywords: &[(&[u8], u32)]) -> Result<Self, String> {
        let dfa = DFA::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .start_kind(StartKind::Unanchored)
            .build(keywords.iter().map(|(word, _)| word))
            .map_err(|e| e.to_string())?;
        let longest = keywords.iter().map(|(word, _)| word.len()).max().unwrap_or(0);
        Ok(Self { dfa, numbers: keywords.iter().map(|(_, number)| *number).collect(), longest })
    }

    /// Gathers the keywords that start in `from..limit`.
    pub(super) fn find(&self, text: &[u8], from: usize, limit: usize, hits: &mut Vec<Hit>) {
        let length = limit - from;
        if self.longest == 0 || length == 0 {
            return;
        }
        if length < SHORTEST {
            self.one(text, from, limit, hits);
        } else {
            self.eight(text, from, limit, hits);
        }
    }

    fn start(&self) -> aho_corasick::automaton::StateID {
        self.dfa.start_state(Anchored::No).expect("the automaton is built to start unanchored")
    }

    /// Notes the keywords that end after `text[at]` and start in `from..limit`.
    #[inline]
    fn note(&self, state: aho_corasick::automaton::StateID, at: usize, from: usize, limit: usize, hits: &mut Vec<Hit>) {
        for i in 0..self.dfa.match_len(state) {
            let keyword = self.dfa.match_pattern(state, i);
            let (start, end) = (at + 1 - self.dfa.pattern_len(keyword), at + 1);
            if (from..limit).contains(&start) {
                hits.push((start, end, self.numbers[keyword.as_usize()]));
            }
        }
    }

    /// Carries a state on over `text[begin..end]`.
    fn run(
        &self,
        text: &[u8],
        mut state: aho_corasick::automaton::StateID,
        span: std::ops::Range<usize>,
        owned: std::ops::Range<usize>,
        hits: &mut Vec<Hit>,
    ) {
        let begin = span.start;
        for (i, &byte) in text[span].iter().enumerate() {
            state = self.dfa.next_state(Anchored::No, state, byte);
            if self.dfa.is_special(state) && self.dfa.is_match(state) {
                self.note(state, begin + i, owned.start, owned.end, hits);
            }
        }
    }

    fn one(&self, text: &[u8], from: usize, limit: usize, hits: &mut Vec<Hit>) {
        let end = text.len().min(limit + self.longest);
        self.run(text, self.start(), from..end, from..limit, hits);
    }

    fn eight(&self, text: &[u8], from: usize, limit: usize, hits: &mut Vec<Hit>) {
        let part = (limit - from) / PARTS;
        let mut states = [self.start(); PARTS];
        let parts: [&[u8]; PARTS] = std::array::from_fn(|p| &text[from + p * part..][..part]);
        #[allow(clippy::needless_range_loop, reason = "eight streams are read in step")]
        for i in 0..part {
            // One step of each part; none waits for another.
            for p in 0..PARTS {
                states[p] = self.dfa.next_state(Anchored::No, states[p], parts[p][i]);
            }
            for p in 0..PARTS {
                if self.dfa.is_special(states[p]) && self.dfa.is_match(states[p]) {
                    let begin = from + p * part;
                    self.note(states[p], begin + i, begin, begin + part, hits);
                }
            }
        }
        // A keyword that starts in one part may end in the next; what the cut left over belongs to the last.
        for (p, state) in states.into_iter().enumerate() {
            let (begin, last) = (from + p * part, p == PARTS - 1);
            let owned = begin..if last { limit } else { begin + part };
            let end = text.len().min(owned.end + self.longest);
            self.run(text, state, begin + part..end, owned, hits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_parts_find_what_one_finds() {
        let keywords: [(&[u8], u32); 4] = [(b"ab", 0), (b"abcab", 1), (b"password", 2), (b"cc", 3)];
        let filter = General::new(&keywords).unwrap();
        let mut state = 7u64;
        let text: Vec<u8> = (0..20_000)
            .flat_map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                match state >> 60 {
                    0 => b"PassWord".to_vec(),
                    n => vec![b"abcABC. "[n as usize % 8]],
                }
            })
            .collect();
        for (from, limit) in [(0, text.len()), (3, 9000), (17, text.len() - 5), (5000, 9096), (9, 10)] {
            let (mut one, mut eight) = (Vec::new(), Vec::new());
            filter.one(&text, from, limit, &mut one);
            filter.find(&text, from, limit, &mut eight);
            one.sort_unstable();
            eight.sort_unstable();
            assert_eq!(one, eight, "{from}..{limit}");
            assert!(limit - from < 10 || one.len() > 100);
        }
    }
}
