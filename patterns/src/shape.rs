//! What a pattern's syntax tree tells, without compiling it: its literal beginnings, and how long a match can be.
//! Shared with the build script, which works it out for the built-in rules.

use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Class, ClassBytesRange, ClassUnicodeRange, Hir, HirKind};
use serde::Deserialize;

use crate::lead::firsts;
use crate::words::Words;

/// The most literals that a rule may begin with before it has to name keywords itself.
const MOST_LITERALS: usize = 64;
/// The shortest literal worth looking for.
const SHORTEST_LITERAL: usize = 3;

/// A regular expression on bytes that has been parsed.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Pattern {
    pub(crate) text: String,
    pub(crate) shape: Shape,
}

/// What the engine needs to know of a pattern.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// The literals of which each match begins with one, lower-cased; empty when they are many or one is short.
    pub(crate) beginnings: Words,
    /// The longest match in bytes, where the pattern bounds it.
    pub(crate) longest: Option<usize>,
    /// How many first bytes of a match are as somebody wrote them, and so are public.
    pub(crate) written: usize,
    /// How many bytes of `[0-9A-Za-z_+/.=%-]` each match begins with at least.
    pub(crate) leads: usize,
    /// How many bytes of `[0-9A-Za-z_+/.-]` each match begins with at least.
    pub(crate) starts: usize,
    /// About how many states and transitions the pattern compiles to.
    pub(crate) size: usize,
    /// The bytes that a match may begin with, as bits.
    pub(crate) firsts: [u64; 4],
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the pattern is empty".into());
        }
        let hir = parse(&text)?;
        let shape = Shape {
            beginnings: Words::new(&beginnings(&hir).unwrap_or_default()),
            longest: hir.properties().maximum_len(),
            written: written(&hir).0,
            leads: Run::of(&hir, is_lead).first,
            starts: Run::of(&hir, is_token).first,
            size: size(&hir),
            firsts: firsts(&hir),
        };
        Ok(Self { text, shape })
    }
}

/// The syntax tree of a pattern on bytes.
pub(crate) fn parse(pattern: &str) -> Result<Hir, String> {
    let mut parser = regex_syntax::ParserBuilder::new();
    parser.unicode(false).utf8(false).nest_limit(64).build().parse(pattern).map_err(|e| e.to_string())
}

/// The literals that a match begins with. Small classes are written out (`gh[ou]_`) as far as that leaves few: in
/// `acme_[0-9a-f]{32}` the prefix alone is worth more than it with every digit, and in `curl\s` than with every blank.
fn beginnings(hir: &Hir) -> Option<Vec<String>> {
    [5, 16, 1].into_iter().find_map(|most| literals(hir, most))
}

fn literals(hir: &Hir, largest_class: usize) -> Option<Vec<String>> {
    let mut extractor = Extractor::new();
    extractor.limit_class(largest_class).limit_repeat(16).limit_literal_len(24).limit_total(4 * MOST_LITERALS);
    let mut seq = extractor.extract(hir);
    seq.keep_first_bytes(24);
    let literals = seq.literals()?.iter().map(|l| String::from_utf8(l.as_bytes().to_ascii_lowercase()).ok());
    let mut literals: Vec<String> = literals.collect::<Option<_>>()?;
    literals.sort();
    literals.dedup();
    let good = literals.len() <= MOST_LITERALS && literals.iter().all(|l| l.len() >= SHORTEST_LITERAL);
    good.then_some(literals)
}

/// The length of the literal run that a pattern begins with, through alternations and small classes, and whether that
/// is all of it.
fn written(hir: &Hir) -> (usize, bool) {
    match hir.kind() {
        HirKind::Literal(l) => (l.0.len(), true),
        HirKind::Capture(c) => written(&c.sub),
        HirKind::Look(_) | HirKind::Empty => (0, true),
        // One byte of a small class, as in `gh[pousr]_`, tells the kind of token and is public too.
        HirKind::Class(class) if class_size(class) <= 8 => (1, true),
        HirKind::Alternation(list) => {
            let runs: Vec<_> = list.iter().map(written).collect();
            let most = runs.iter().map(|r| r.0).max().unwrap_or(0);
            (most, runs.iter().all(|r| r.1 && r.0 == most))
        }
        HirKind::Concat(list) => {
            let mut sum = 0;
            for part in list {
                let (length, whole) = written(part);
                sum += length;
                if !whole {
                    return (sum, false);
                }
            }
            (sum, true)
        }
        HirKind::Class(_) | HirKind::Repetition(_) => (0, false),
    }
}

/// About how many states and transitions an expression compiles to: repetitions are written out.
fn size(hir: &Hir) -> usize {
    let sum = |list: &[Hir]| list.iter().map(size).fold(1, usize::saturating_add);
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Bytes(class)) => 1 + class.ranges().len(),
        // Up to four bytes each.
        HirKind::Class(Class::Unicode(class)) => 1 + 8 * class.ranges().len(),
        HirKind::Capture(capture) => 2 + size(&capture.sub),
        HirKind::Concat(list) | HirKind::Alternation(list) => sum(list),
        HirKind::Repetition(again) => {
            let times = again.max.unwrap_or(again.min.saturating_add(1)) as usize;
            (2 + size(&again.sub)).saturating_mul(times).saturating_add(1)
        }
    }
}

/// The run of token bytes that every match of an expression begins with, at least.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// How long.
    first: usize,
    /// Whether nothing else is in it.
    whole: bool,
}

impl Run {
    const EMPTY: Self = Self { first: 0, whole: true };
    const OTHER: Self = Self { first: 0, whole: false };

    fn of(hir: &Hir, is_token: fn(u8) -> bool) -> Self {
        let of = |hir: &Hir| Self::of(hir, is_token);
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Self::EMPTY,
            HirKind::Literal(literal) => {
                literal.0.iter().map(|&b| Self::one(is_token(b))).fold(Self::EMPTY, Self::then)
            }
            HirKind::Class(Class::Bytes(class)) => {
                Self::one(class.ranges().iter().all(|r| (r.start()..=r.end()).all(is_token)))
            }
            HirKind::Class(Class::Unicode(_)) => Self::OTHER,
            HirKind::Capture(capture) => of(&capture.sub),
            HirKind::Concat(list) => list.iter().map(of).fold(Self::EMPTY, Self::then),
            HirKind::Alternation(list) => list.iter().map(of).reduce(Self::either).unwrap_or(Self::EMPTY),
            HirKind::Repetition(again) => {
                let once = of(&again.sub);
                let least = (0..again.min.min(64)).fold(Self::EMPTY, |all, _| all.then(once));
                // More of the same only makes runs longer, if there is nothing else in it.
                if once.whole || again.max == Some(again.min) { least } else { Self { whole: false, ..least } }
            }
        }
    }

    fn one(token: bool) -> Self {
        if token { Self { first: 1, whole: true } } else { Self::OTHER }
    }

    fn then(self, next: Self) -> Self {
        Self { first: if self.whole { self.first + next.first } else { self.first }, whole: self.whole && next.whole }
    }

    fn either(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), whole: self.whole && other.whole }
    }
}

/// Whether a byte can be part of a token. The engine's masks are made for the same bytes.
pub(crate) fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'/' | b'.' | b'-')
}

/// Whether a byte can be among those that a prefix begins. The engine's masks are made for the same bytes.
pub(crate) fn is_lead(b: u8) -> bool {
    is_token(b) || matches!(b, b'=' | b'%')
}

fn class_size(class: &Class) -> usize {
    match class {
        Class::Bytes(c) => c.iter().map(ClassBytesRange::len).sum(),
        Class::Unicode(c) => c.iter().map(ClassUnicodeRange::len).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(pattern: &str) -> Shape {
        Pattern::try_from(pattern.to_owned()).unwrap().shape
    }

    #[test]
    fn beginnings_come_from_the_pattern() {
        let of = |p: &str| shape(p).beginnings.iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(of("ghp_[0-9A-Za-z]{36}"), ["ghp_"]);
        assert_eq!(of("gh[ou]_[0-9a-z]{36}"), ["gho_", "ghu_"]);
        assert_eq!(of("acme_[0-9a-f]{32}"), ["acme_"]);
        assert_eq!(of("(?i)acme_[0-9a-f]{32}"), ["acme_"]);
        assert!(of("[0-9a-f]{32}").is_empty());
    }

    #[test]
    fn the_public_prefix_ends_where_the_secret_begins() {
        assert_eq!(shape("ghp_[0-9A-Za-z]{36}").written, 4);
        assert_eq!(shape("gh[ou]_[0-9A-Za-z]{36}").written, 4);
        assert_eq!(shape("(?:sk|rk)_live_[0-9A-Za-z]{24}").written, 8);
        assert_eq!(shape("[0-9A-Za-z]{24}").written, 0);
    }

    #[test]
    fn repetitions_are_written_out() {
        assert!(shape("ghp_[0-9A-Za-z]{36}").size < 300);
        assert!(shape("(?:(?:a{100}){100}){100}").size > 1_000_000);
        assert!(shape("(?:a+){3}").size < 50);
    }

    #[test]
    fn runs_are_those_of_every_match() {
        let of = |p: &str| (shape(p).leads, shape(p).starts);
        assert_eq!(of("ghp_[0-9A-Za-z]{36}"), (40, 40));
        assert_eq!(of("(?:a|bcd)[0-9]{2,4}x"), (4, 4));
        assert_eq!(of("a{0,3}b:c{20}d?"), (1, 1));
        assert_eq!(of("(?:ab=){3}c"), (10, 2));
        assert_eq!(of("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}"), (23, 23));
        assert_eq!(of("(?:ab )*c{14}"), (0, 0));
        assert_eq!(of("://[^/]+"), (0, 0));
    }
}
