//! A rule's regular expression, tried at one place. It is compiled when it is first needed, and most are needed a few times
//! or never: so what is made is what costs least to make, and what is quicker only once that pays.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::meta::Regex;
use regex_automata::nfa::thompson::backtrack::{self, BoundedBacktracker};
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::nfa::thompson::{self, NFA};
use regex_automata::util::pool::Pool;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchError};

/// An expression's most memory.
pub(super) const SIZE: usize = 4 << 20;
/// The most memory for what a backtracker has been at, in bytes: that bounds what one try can cost.
const BEEN_AT: usize = 32 << 10;
/// After so many tries an automaton is built.
const FEW: u32 = 16;

/// A match and the secret in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) all: Range<usize>,
    pub(super) secret: Range<usize>,
}

/// Memory for tries, to be used again.
pub(super) type Memory = Option<backtrack::Cache>;

/// See the module.
#[derive(Debug)]
pub(super) struct Expression {
    backtracker: BoundedBacktracker,
    automaton: OnceLock<Automaton>,
    tries: AtomicU32,
    /// The slot where the secret begins.
    secret: usize,
}

/// States that are built as texts need them, for each thread its own.
struct Automaton {
    dfa: DFA,
    caches: Pool<Cache, Box<dyn Fn() -> Cache + Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>>,
}

impl std::fmt::Debug for Automaton {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Automaton").finish_non_exhaustive()
    }
}

fn syntax() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false).nest_limit(64)
}

/// Compiles a pattern that is searched for.
pub(super) fn searched(pattern: &str) -> Result<Regex, String> {
    Regex::builder()
        .configure(Regex::config().utf8_empty(false).nfa_size_limit(Some(SIZE)).hybrid_cache_capacity(1 << 20))
        .syntax(syntax())
        .build(pattern)
        .map_err(|e| e.to_string())
}

impl Expression {
    /// Compiles a pattern.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let nfa: NFA = thompson::Compiler::new()
            .syntax(syntax())
            .configure(thompson::Config::new().utf8(false).nfa_size_limit(Some(SIZE)))
            .build(pattern)
            .map_err(|e| e.to_string())?;
        let group = nfa.group_info().to_index(regex_automata::PatternID::ZERO, "secret").unwrap_or(0);
        let backtracker = BoundedBacktracker::builder()
            .configure(backtrack::Config::new().visited_capacity(BEEN_AT))
            .build_from_nfa(nfa)
            .map_err(|e| e.to_string())?;
        Ok(Self { backtracker, automaton: OnceLock::new(), tries: AtomicU32::new(0), secret: 2 * group })
    }

    /// The match that begins where `span` does, and lies in it.
    pub(super) fn at(&self, text: &[u8], span: Range<usize>, memory: &mut Memory) -> Option<Whole> {
        let tries = self.tries.load(Ordering::Relaxed);
        if tries < FEW {
            // Others may count at the same time: that is a few more or less.
            self.tries.store(tries + 1, Ordering::Relaxed);
            if span.len() <= self.backtracker.max_haystack_len() {
                return self.whole(text, span, memory);
            }
        }
        // The end alone is several times cheaper than the secret, and most places have no match. Where an automaton gives up,
        // the slower ones do not.
        match self.automaton().map(|automaton| automaton.end(text, span.clone())) {
            Some(Ok(end)) => self.whole(text, span.start..end?, memory),
            Some(Err(_)) | None => self.whole(text, span, memory),
        }
    }

    fn whole(&self, text: &[u8], span: Range<usize>, memory: &mut Memory) -> Option<Whole> {
        let input = Input::new(text).span(span.clone()).anchored(Anchored::Yes);
        let mut slots = vec![None; self.secret + 2];
        if span.len() <= self.backtracker.max_haystack_len() {
            let memory = memory.get_or_insert_with(|| self.backtracker.create_cache());
            memory.reset(&self.backtracker);
            self.backtracker.try_search_slots(memory, &input, &mut slots).ok()??;
        } else {
            let all = PikeVM::new_from_nfa(self.backtracker.get_nfa().clone()).ok()?;
            all.search_slots(&mut all.create_cache(), &input, &mut slots)?;
        }
        let range = |slot: usize| Some(slots[slot]?.get()..slots[slot + 1]?.get());
        Some(Whole { all: range(0)?, secret: range(self.secret)? })
    }

    fn automaton(&self) -> Option<&Automaton> {
        if let Some(automaton) = self.automaton.get() {
            return Some(automaton);
        }
        let dfa = DFA::builder()
            .configure(DFA::config().cache_capacity(1 << 20).skip_cache_capacity_check(true))
            .build_from_nfa(self.backtracker.get_nfa().clone())
            .ok()?;
        let of = dfa.clone();
        let caches = Pool::new(Box::new(move || of.create_cache()) as Box<_>);
        Some(self.automaton.get_or_init(|| Automaton { dfa, caches }))
    }
}

impl Automaton {
    /// Where the match ends that begins where `span` does.
    fn end(&self, text: &[u8], span: Range<usize>) -> Result<Option<usize>, MatchError> {
        let input = Input::new(text).span(span).anchored(Anchored::Yes);
        let mut cache = self.caches.get();
        Ok(self.dfa.try_search_fwd(&mut cache, &input)?.map(|half| half.offset()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first tries are a backtracker's, those after them an automaton's, and long ones those of all threads of a match at
    /// once: they agree with one another and with a search, whichever group the secret is.
    #[test]
    fn each_way_to_try_finds_the_same() {
        let groups = "(a)?".repeat(12);
        for (pattern, text, secret) in [
            ("ab+", "abbbc", Some(0..4)),
            ("ab+", "xab", None),
            ("k=(?P<secret>[0-9]{3,5}?)(?:;|$)", "k=1234;k=9", Some(2..6)),
            ("k=(?P<secret>[0-9]+)(?:x)", "k=1234;", None),
            (&format!("{groups}k(?P<secret>v+)"), "aakvvw", Some(3..5)),
            ("(?:k|(?P<secret>z))v", "kv", None),
        ] {
            let expression = Expression::new(pattern).unwrap();
            let long = format!("{text}\n{}", ".".repeat(BEEN_AT * 8));
            let mut memory = None;
            for turn in 0..2 * FEW {
                let text = if turn % 2 == 0 { text } else { &long };
                let found = expression.at(text.as_bytes(), 0..text.len(), &mut memory).map(|whole| whole.secret);
                assert_eq!(found, secret, "{pattern}, the {turn}th time");
            }
            assert!(expression.automaton.get().is_some());
        }
    }
}
