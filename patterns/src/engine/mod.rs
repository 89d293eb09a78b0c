//! A compiled set of rules: a prefilter finds where a rule could match, [`confirm`] looks there.
//!
//! Everything is a function of the text and of a keyword's place in it, never of where a window begins or ends:
//! a keyword is looked at only when all the text that could matter to it is in the window. That is why pieces give
//! what the whole gives.

mod confirm;
mod encoded;
mod expression;
mod foreign;
mod general;
mod grams;
mod literals;
mod masks;
mod prefilter;
mod spans;
mod stream;
mod value;

use std::ops::Range;
use std::sync::OnceLock;

use regex_automata::meta::Regex;

use expression::Expression;
use prefilter::{Keyword, Prefilter};

use crate::assign;
use crate::rule::{Bounds, Confidence, Rule};
use crate::words::Words;

pub use encoded::{Encoded, How, next_piece};
pub use stream::Stream;

/// A match may reach this far where its rule sets no bound.
const DEFAULT_MAX: usize = 2048;
/// No match reaches further.
const MOST_MAX: usize = 32 * 1024;
/// How far before a keyword a match may begin, for rules that do not begin with it.
const BACK: usize = 256;
/// Context on either side that boundaries and names need.
const CONTEXT: usize = 160;

/// A pattern of no more states and transitions is far below that: one takes some 64 bytes at most.
const SURELY_COMPILES: usize = expression::SIZE / 512;

/// Why a set of rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The pattern is no regular expression on bytes, or too large for one.
    #[error("rule {rule}: the pattern is wrong: {why}")]
    Pattern {
        /// The rule's id.
        rule: String,
        /// What the parser says.
        why: String,
    },
    /// The keyword would be found everywhere.
    #[error("rule {rule}: the keyword '{keyword}' is shorter than two bytes")]
    ShortKeyword {
        /// The rule's id.
        rule: String,
        /// The keyword.
        keyword: String,
    },
    /// Two rules with one id.
    #[error("rule {rule} is defined twice")]
    Twice {
        /// The rule's id.
        rule: String,
    },
}

/// A credential found: its rule and offsets. It has no bytes.
#[derive(Debug, Clone)]
pub struct Match<'r> {
    pub(crate) rule: &'r Rule,
    pub(crate) secret: Range<usize>,
    pub(crate) name: Option<Range<usize>>,
    pub(crate) public: usize,
    pub(crate) confidence: Confidence,
    pub(crate) rank: u8,
}

impl<'r> Match<'r> {
    /// The rule that found it.
    #[must_use]
    pub fn rule(&self) -> &'r Rule {
        self.rule
    }

    /// Where the secret stands, in the text or window that was given.
    #[must_use]
    pub fn secret(&self) -> Range<usize> {
        self.secret.clone()
    }

    /// Where the name stands that it is assigned to, where there is one.
    #[must_use]
    pub fn name(&self) -> Option<Range<usize>> {
        self.name.clone()
    }

    /// How many first bytes of the secret are its format's prefix, known to all.
    #[must_use]
    pub fn public(&self) -> usize {
        self.public
    }

    /// How sure, after the checks.
    #[must_use]
    pub fn confidence(&self) -> Confidence {
        self.confidence
    }
}

/// How a rule is confirmed around a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    /// The pattern begins with the keyword.
    Anchored,
    /// The keyword is somewhere in the match.
    Window,
    /// The keyword is in the name; the pattern is the value's.
    Beside,
    /// There is no keyword: it is tried everywhere.
    Everywhere,
}

/// What a rule costs a scan, from next to nothing up; see `ARCHITECTURE.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// It is looked for where words begin that are long enough for a token.
    Prefix,
    /// It is looked for before values that a machine made.
    Value,
    /// It is looked for where bytes are as in its keywords.
    Keyword,
    /// The keywords are too short or too common: an automaton goes over every byte, for all such rules together.
    Automaton,
    /// No keyword tells where it could match: its expression goes over every byte, for this rule alone.
    Everywhere,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Prefix => "free: looked for at tokens only",
            Self::Value => "free: looked for beside values only",
            Self::Keyword => "low: looked for at its keywords only",
            Self::Automaton => "one automaton over every byte, shared: its keywords are short or common",
            Self::Everywhere => "slow: its expression over every byte, since no keyword tells where it may match",
        })
    }
}

#[derive(Debug)]
struct Compiled {
    rule: Rule,
    lane: Lane,
    longest: usize,
    expression: OnceLock<Expression>,
    /// The same, searched for: of rules without keywords.
    anywhere: OnceLock<Regex>,
    rank: u8,
    /// Whether its names in the plural stand for many values.
    collects: bool,
}

/// A compiled set of rules. Shared by threads; regular expressions are compiled when first needed.
#[derive(Debug)]
pub struct Engine {
    rules: Vec<Compiled>,
    prefilter: Prefilter,
    /// The rules of each keyword, by the prefilter's pattern.
    of_keyword: Vec<Vec<u32>>,
    /// The rules without keywords.
    everywhere: Vec<u32>,
    /// How far before and after a keyword any rule looks.
    back: usize,
    ahead: usize,
}

impl Engine {
    /// Compiles rules.
    ///
    /// # Errors
    /// The first rule that cannot be used, and why.
    pub fn new(rules: Vec<Rule>) -> Result<Self, LoadError> {
        Self::with(rules, Prefilter::new)
    }

    /// The same, found the slow way: every keyword of every rule by one automaton, whatever is known of its matches. It
    /// finds what [`Engine::new`] finds; tests hold the two against each other.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn reference(rules: Vec<Rule>) -> Result<Self, LoadError> {
        Self::with(rules, Prefilter::plain)
    }

    fn with(rules: Vec<Rule>, prefilter: fn(&[Keyword]) -> Result<Prefilter, String>) -> Result<Self, LoadError> {
        let mut words: Vec<Keyword> = Vec::new();
        let mut of_keyword: Vec<Vec<u32>> = Vec::new();
        let mut everywhere = Vec::new();
        let mut places = std::collections::HashMap::new();
        let mut ids = std::collections::HashSet::new();
        let mut compiled = Vec::with_capacity(rules.len());
        for (i, rule) in rules.into_iter().enumerate() {
            if !ids.insert(rule.id.to_string()) {
                return Err(LoadError::Twice { rule: rule.id.to_string() });
            }
            let (one, own) = Compiled::new(rule)?;
            let lane = one.found_by();
            for (n, word) in own.into_iter().enumerate() {
                let at = *places.entry((word.clone(), lane)).or_insert_with(|| {
                    let laid = one.rule.laid.get(n).copied().flatten();
                    words.push(Keyword { text: word, lane, laid });
                    of_keyword.push(Vec::new());
                    words.len() - 1
                });
                of_keyword[at].push(u32::try_from(i).unwrap_or(u32::MAX));
            }
            if one.lane == Lane::Everywhere {
                everywhere.push(u32::try_from(i).unwrap_or(u32::MAX));
            }
            compiled.push(one);
        }
        let prefilter = prefilter(&words).map_err(|why| LoadError::Pattern { rule: "(all)".into(), why })?;
        let longest = compiled.iter().map(|c| c.longest).max().unwrap_or(0);
        Ok(Self {
            back: BACK.max(assign::NAME_REACH) + CONTEXT,
            ahead: longest.max(assign::REACH) + CONTEXT,
            rules: compiled,
            prefilter,
            of_keyword,
            everywhere,
        })
    }

    /// The rules, in the order they were given.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|c| &c.rule)
    }

    /// What a rule costs; none if it is not of the set.
    #[must_use]
    pub fn cost(&self, id: &str) -> Option<Cost> {
        let number = self.rules.iter().position(|c| c.rule.id == id)?;
        if self.rules[number].lane == Lane::Everywhere {
            return Some(Cost::Everywhere);
        }
        let keywords = self.of_keyword.iter().zip(0u32..).filter(|(rules, _)| rules.contains(&(number as u32)));
        keywords.map(|(_, keyword)| self.prefilter.cost(keyword)).max()
    }

    /// Finds all credentials in a text that is there as a whole, in the order of their places.
    #[must_use]
    pub fn scan(&self, text: &[u8]) -> Vec<Match<'_>> {
        let mut found = Vec::new();
        self.stream().feed(text, true, |m| found.push(m.clone()));
        found
    }

    /// How many places of a text are looked at closely: what the lanes alone find.
    #[must_use]
    pub fn places(&self, text: &[u8]) -> usize {
        let mut scratch = prefilter::Scratch::new();
        self.prefilter.find(text, 0, text.len(), &mut scratch);
        scratch.hits.len()
    }

    /// How far behind a place in a window the text is there for sure, where it does not end before; see [`Stream::feed`].
    #[must_use]
    pub fn reach(&self) -> usize {
        self.ahead
    }

    /// How far before a place in a window the text is still there, where it does not begin behind that.
    #[must_use]
    pub fn before(&self) -> usize {
        self.back
    }

    /// Begins a text that comes in windows.
    #[must_use]
    pub fn stream(&self) -> Stream<'_> {
        Stream::new(self)
    }

    /// Finds the patterns that cannot be compiled. That is those that are too large, as all else was told when they were
    /// read: only such as might be are tried, since a run needs few of its patterns.
    ///
    /// # Errors
    /// The first rule whose pattern cannot be compiled.
    pub fn check_patterns(&self) -> Result<(), LoadError> {
        self.rules.iter().filter(|c| c.rule.shape.size > SURELY_COMPILES).try_for_each(|c| c.compile().map(drop))
    }
}

/// The keywords of these rules that are found by their grams, in lower case: what `examples/grams.rs` lays out.
#[doc(hidden)]
#[must_use]
pub fn gram_keywords(rules: &[Rule]) -> Vec<Vec<u8>> {
    let of = |rule: &Rule| {
        let (one, words) = Compiled::new(rule.clone()).ok()?;
        (one.found_by() == prefilter::Lane::Text).then_some(words)
    };
    let in_lane = |word: &Vec<u8>| grams::may_have_one(word) && !foreign::Foreign::takes(word);
    let mut all: Vec<_> = rules.iter().filter_map(of).flatten().filter(in_lane).collect();
    all.sort();
    all.dedup();
    all
}

impl Compiled {
    /// The lane that finds its keywords: the fastest that sees every match.
    fn found_by(&self) -> prefilter::Lane {
        let shape = &self.rule.shape;
        let free = matches!(self.rule.bounds, Bounds::Both | Bounds::Left);
        let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        match self.lane {
            Lane::Beside
                if self.needs_key()
                    && self.rule.near.iter().all(|w| {
                        (prefilter::NAME..=value::LONGEST).contains(&w.len()) && w.bytes().all(assign::is_name)
                    }) =>
            {
                prefilter::Lane::Value
            }
            Lane::Anchored
                if free
                    && shape.leads >= prefilter::LEADS
                    && shape.beginnings.iter().all(|w| w.len() >= grams::SHORTEST && is_word(w.as_bytes()[0])) =>
            {
                prefilter::Lane::Prefix
            }
            _ => prefilter::Lane::Text,
        }
    }

    /// Whether a value is only looked at if it looks as if a machine had made it: where it is long enough to tell.
    fn needs_key(&self) -> bool {
        self.rule.shape.starts >= value::RUN
    }

    /// Classifies a rule from its syntax tree, and gives the keywords to look for.
    fn new(rule: Rule) -> Result<(Self, Vec<Vec<u8>>), LoadError> {
        let name = || rule.id.to_string();
        let words = Words::looked_for(&rule.near, &rule.keywords, &rule.shape.beginnings);
        let words: Vec<_> = words.into_iter().map(String::into_bytes).collect();
        let lane = match (rule.near.is_empty(), rule.keywords.is_empty()) {
            (false, _) => Lane::Beside,
            (_, false) => Lane::Window,
            _ if words.is_empty() => Lane::Everywhere,
            _ => Lane::Anchored,
        };
        if let Some(short) = words.iter().find(|w| w.len() < 2) {
            return Err(LoadError::ShortKeyword { rule: name(), keyword: String::from_utf8_lossy(short).into_owned() });
        }
        let bound = rule.max.map_or_else(|| rule.shape.longest.unwrap_or(DEFAULT_MAX), |m| m as usize);
        // The more a rule knows, the more it counts when two claim the same bytes.
        let rank = match lane {
            _ if rule.is_generic() => 0,
            Lane::Everywhere | Lane::Window => 1,
            Lane::Beside => 2,
            Lane::Anchored => 3,
        };
        let mut compiled = Self {
            lane,
            longest: bound.min(MOST_MAX),
            expression: OnceLock::new(),
            anywhere: OnceLock::new(),
            rank,
            collects: false,
            rule,
        };
        compiled.collects = lane == Lane::Beside && compiled.rule.is_generic() && !compiled.needs_key();
        Ok((compiled, words))
    }

    /// Its expression. One that does not compile was refused when it was loaded, or by the tests when it is our own.
    fn expression(&self) -> Option<&Expression> {
        self.compile().ok()
    }

    fn compile(&self) -> Result<&Expression, LoadError> {
        if let Some(expression) = self.expression.get() {
            return Ok(expression);
        }
        let wrong = |why| LoadError::Pattern { rule: self.rule.id.to_string(), why };
        let expression = Expression::new(&self.rule.pattern).map_err(wrong)?;
        Ok(self.expression.get_or_init(|| expression))
    }

    /// Its expression, to search for.
    fn anywhere(&self) -> Option<&Regex> {
        if let Some(regex) = self.anywhere.get() {
            return Some(regex);
        }
        let regex = expression::searched(&self.rule.pattern).ok()?;
        Some(self.anywhere.get_or_init(|| regex))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Draw, draw};

    /// What is not laid is found too, but more of a text is looked at for it.
    #[test]
    fn built_in_keywords_are_laid() {
        let mut laid = std::collections::HashSet::new();
        for rule in Rule::builtin() {
            let (_, words) = Compiled::new(rule.clone()).unwrap();
            laid.extend(words.into_iter().zip(rule.laid.iter()).filter(|(_, laid)| laid.is_some()).map(|one| one.0));
        }
        let missing: Vec<_> = gram_keywords(Rule::builtin()).into_iter().filter(|word| !laid.contains(word)).collect();
        let missing: Vec<_> = missing.iter().map(|word| String::from_utf8_lossy(word)).collect();
        assert!(missing.is_empty(), "run `cargo run --release -p oakum-patterns --example grams -- lay`: {missing:?}");
    }

    /// One word that is no name (`auth[]`) has a rule looked for wherever any of its words stands: where those are common, as
    /// `key` is, that costs more than all other rules.
    #[test]
    fn what_a_machine_makes_is_looked_for_beside_values() {
        let mut seen = 0;
        for rule in Rule::builtin() {
            let (one, _) = Compiled::new(rule.clone()).unwrap();
            if one.rule.is_generic() && one.lane == Lane::Beside && one.needs_key() {
                seen += 1;
                assert_eq!(one.found_by(), prefilter::Lane::Value, "{}: {:?}", rule.id, rule.near);
            }
        }
        assert!(seen > 0);
    }

    /// Every place where a rule matches is one that a lane gives: held against an automaton of all keywords.
    #[test]
    fn no_lane_misses_what_its_rule_matches() {
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        let all = Engine::reference(Rule::builtin().to_vec()).unwrap();
        let around = [
            "",
            " ",
            "=",
            "\n",
            "\\n",
            "%3D",
            "x",
            "x_",
            "-",
            "/",
            "\"",
            "'",
            "${A-",
            "{\"a\":\"",
            "0",
            "<a>",
            ": ",
            "\\u003d",
        ];
        let (mut slow, mut fast) = (prefilter::Scratch::new(), prefilter::Scratch::new());
        let mut seen = 0;
        for (n, rule) in Rule::builtin().iter().enumerate() {
            for (s, shape) in rule.hits.iter().chain(rule.misses.iter()).enumerate() {
                let mut text = vec![b'.'; (n * 7 + s) % 150];
                for (turn, between) in around.iter().enumerate() {
                    text.extend_from_slice(between.as_bytes());
                    text.extend(draw(&shape, &rule.checks, &mut Draw::new((n + turn) as u64)).unwrap());
                    text.extend_from_slice(around[(turn + n) % around.len()].as_bytes());
                }
                all.prefilter.find(&text, 0, text.len(), &mut slow);
                engine.prefilter.find(&text, 0, text.len(), &mut fast);
                for hit in &slow.hits {
                    for rule in &engine.of_keyword[hit.2 as usize] {
                        let rule = &engine.rules[*rule as usize];
                        if confirm::at_keyword(rule, &text, hit.0..hit.1, &mut None).is_some() {
                            seen += 1;
                            let found = fast.hits.contains(hit);
                            assert!(found, "{} at {}: {}", rule.rule.id, hit.0, String::from_utf8_lossy(&text));
                        }
                    }
                }
            }
        }
        assert!(seen > 20_000, "{seen}");
    }

    #[test]
    fn what_is_called_small_compiles() {
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        assert!(engine.rules.iter().all(|rule| rule.compile().is_ok()));
        let of = |pattern: String| {
            let shape = crate::shape::Pattern::try_from(pattern.clone()).unwrap().shape;
            let rule = Rule { pattern: pattern.into(), shape, ..Rule::builtin()[0].clone() };
            Compiled::new(rule).unwrap().0
        };
        for part in ["abc", "[a-z]", "(?i)k", "[ace-gi-kmoqsuwy]?", "(?:a|b|cd|[0-9x])", "(a)", r"\bx\B", "a*?", "."] {
            // As often as is still called small.
            let times = (1..)
                .map(|n| n * 100)
                .take_while(|n| of(format!("xyz(?:{part}){{{n}}}")).rule.shape.size <= SURELY_COMPILES);
            let rule = of(format!("xyz(?:{part}){{{}}}", times.last().unwrap()));
            assert!(rule.compile().is_ok(), "{part}");
        }
    }

    #[test]
    fn a_process_is_ready_at_once() {
        // No expression is compiled before it is needed: that is what makes it so.
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        assert!(engine.rules.iter().all(|rule| rule.expression.get().is_none()));
    }
}
