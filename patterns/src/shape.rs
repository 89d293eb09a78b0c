//! What a pattern's syntax tree tells: its literal beginnings, and how long a match can be.

use regex_syntax::hir::{Hir, literal::Extractor};

/// The most literals that a rule may begin with before it has to name keywords itself.
const MOST_LITERALS: usize = 64;
/// The shortest literal worth looking for.
const SHORTEST_LITERAL: usize = 3;

/// A pattern, parsed.
#[derive(Debug)]
pub(crate) struct Shape {
    hir: Hir,
}

impl Shape {
    /// Parses a pattern on bytes.
    pub(crate) fn parse(pattern: &str) -> Result<Self, String> {
        let hir = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .nest_limit(64)
            .build()
            .parse(pattern)
            .map_err(|e| e.to_string())?;
        Ok(Self { hir })
    }

    /// The literals of which each match begins with one, lower-cased, when there are few and none is short.
    pub(crate) fn beginnings(&self) -> Option<Vec<Vec<u8>>> {
        let mut extractor = Extractor::new();
        extractor.limit_class(16).limit_repeat(16).limit_literal_len(24).limit_total(4 * MOST_LITERALS);
        let mut seq = extractor.extract(&self.hir);
        seq.keep_first_bytes(24);
        let mut literals: Vec<Vec<u8>> = seq.literals()?.iter().map(|l| l.as_bytes().to_ascii_lowercase()).collect();
        literals.sort();
        literals.dedup();
        let good = !literals.is_empty()
            && literals.len() <= MOST_LITERALS
            && literals.iter().all(|l| l.len() >= SHORTEST_LITERAL);
        good.then_some(literals)
    }

    /// The longest match in bytes, where the pattern bounds it.
    pub(crate) fn longest(&self) -> Option<usize> {
        self.hir.properties().maximum_len()
    }

    /// How many first bytes of every match are the same for all, and so are public.
    pub(crate) fn public_prefix(&self, literal: &[u8]) -> usize {
        // A literal that comes out of a class (`[a-f]`) is not public; those that a person wrote are long runs.
        literal.len().min(self.written_prefix())
    }

    /// The length of the literal run that the pattern begins with, following single choices and alternations of literals.
    fn written_prefix(&self) -> usize {
        fn run(hir: &Hir) -> (usize, bool) {
            use regex_syntax::hir::HirKind;
            match hir.kind() {
                HirKind::Literal(l) => (l.0.len(), true),
                HirKind::Capture(c) => run(&c.sub),
                HirKind::Look(_) | HirKind::Empty => (0, true),
                // One byte of a small class, as in `gh[pousr]_`, tells the kind of token and is public too.
                HirKind::Class(_) => match hir.properties().maximum_len() {
                    Some(n) if class_size(hir) <= 8 => (n, true),
                    _ => (0, false),
                },
                HirKind::Alternation(list) => {
                    let runs: Vec<_> = list.iter().map(run).collect();
                    let most = runs.iter().map(|r| r.0).max().unwrap_or(0);
                    (most, runs.iter().all(|r| r.1 && r.0 == most))
                }
                HirKind::Concat(list) => {
                    let mut sum = 0;
                    for part in list {
                        let (n, whole) = run(part);
                        sum += n;
                        if !whole {
                            return (sum, false);
                        }
                    }
                    (sum, true)
                }
                HirKind::Repetition(r) if r.max == Some(1) && r.min == 1 => run(&r.sub),
                HirKind::Repetition(_) => (0, false),
            }
        }
        fn class_size(hir: &Hir) -> usize {
            use regex_syntax::hir::{Class, HirKind};
            match hir.kind() {
                HirKind::Class(Class::Bytes(c)) => c.iter().map(|r| r.len()).sum(),
                HirKind::Class(Class::Unicode(c)) => c.iter().map(|r| r.len()).sum(),
                _ => usize::MAX,
            }
        }
        run(&self.hir).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_come_from_the_pattern() {
        let of = |p: &str| {
            Shape::parse(p)
                .unwrap()
                .beginnings()
                .map(|l| l.into_iter().map(|l| String::from_utf8(l).unwrap()).collect::<Vec<_>>())
        };
        assert_eq!(of("ghp_[0-9A-Za-z]{36}").unwrap(), ["ghp_"]);
        assert_eq!(of("gh[ou]_[0-9a-z]{36}").unwrap(), ["gho_", "ghu_"]);
        assert_eq!(of("(?i)acme_[0-9a-f]{32}").unwrap(), ["acme_"]);
        assert_eq!(of("[0-9a-f]{32}"), None);
    }

    #[test]
    fn the_public_prefix_ends_where_the_secret_begins() {
        let of = |p: &str, l: &[u8]| Shape::parse(p).unwrap().public_prefix(l);
        assert_eq!(of("ghp_[0-9A-Za-z]{36}", b"ghp_"), 4);
        assert_eq!(of("gh[ou]_[0-9A-Za-z]{36}", b"gho_"), 4);
        assert_eq!(of("(?:sk|rk)_live_[0-9A-Za-z]{24}", b"sk_live_"), 8);
    }
}
