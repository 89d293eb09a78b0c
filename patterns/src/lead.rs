//! How far into a match its keyword stands: from there back to that is where a match around a keyword may begin.
//! Shared with the build script, which works it out for the built-in rules.

use std::borrow::Cow;
use std::collections::BTreeMap;

use regex_syntax::hir::{Class, ClassBytes, Hir, HirKind};

/// A class of more bytes than this is not written out.
const MOST_OF_A_CLASS: usize = 10;
/// Something is repeated at most so often to be written out.
const MOST_TIMES: u32 = 8;

/// How many bytes: at the least, and at the most.
pub(crate) type Lead = (usize, usize);

/// How many bytes of a match stand before its first keyword, of keywords in lower case; none where one may come behind a
/// stretch without bounds.
///
/// A pattern may begin with more than its keywords have: that is not looked for.
pub(crate) fn lead(hir: &Hir, keywords: &[Vec<u8>]) -> Option<Lead> {
    let mut reading = Reading { keywords, lead: None, some_without: false };
    let without = reading.read(hir, Beginnings::from([(Vec::new(), (0, 0))]))?;
    let (least, most) = reading.lead?;
    // What has no keyword of its own may have one by chance, in what may be anything.
    Some(if without.is_empty() && !reading.some_without { (least, most) } else { (0, most) })
}

/// What matches may begin with that have no keyword yet: the last bytes as far as a keyword may begin with them, in lower case,
/// and how many may stand before those.
type Beginnings = BTreeMap<Vec<u8>, Lead>;

struct Reading<'a> {
    keywords: &'a [Vec<u8>],
    /// How many bytes stand before one, where there is one yet.
    lead: Option<Lead>,
    /// Whether there are matches that were not followed to their end.
    some_without: bool,
}

impl Reading<'_> {
    /// Goes on by what an expression has. None where that has no bound, and no keyword was before.
    fn read(&mut self, hir: &Hir, before: Beginnings) -> Option<Beginnings> {
        if before.is_empty() {
            return Some(before);
        }
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Some(before),
            HirKind::Literal(literal) => {
                Some(literal.0.iter().fold(before, |before, b| self.then(&before, &[b.to_ascii_lowercase()])))
            }
            HirKind::Class(class) => match small(class) {
                Some(bytes) => Some(self.then(&before, &bytes)),
                None => Some(anything(&before, length(hir)?)),
            },
            HirKind::Capture(capture) => self.read(&capture.sub, before),
            HirKind::Concat(list) => list.iter().try_fold(before, |before, part| self.read(part, before)),
            HirKind::Alternation(list) => {
                let (mut all, mut lead) = (Beginnings::new(), self.lead);
                for part in list {
                    let mut reading = Reading { lead: None, ..*self };
                    merge(&mut all, reading.read(part, before.clone())?);
                    lead = either(lead, reading.lead);
                    self.some_without |= reading.some_without;
                }
                self.lead = lead;
                Some(all)
            }
            HirKind::Repetition(again) => {
                // Nothing of it, where there may be nothing.
                let none = if again.min == 0 { before.clone() } else { Beginnings::new() };
                let Some(length) = length(hir) else {
                    // What has no keyword yet has none that is looked for, if others have.
                    self.some_without = true;
                    return self.lead.is_some().then_some(none);
                };
                let mut all = none;
                match again.max.filter(|most| *most <= MOST_TIMES) {
                    Some(most) => {
                        let mut now = before;
                        for times in 1..=most {
                            now = self.read(&again.sub, now)?;
                            if times >= again.min {
                                merge(&mut all, now.clone());
                            }
                        }
                    }
                    None => merge(&mut all, anything(&before, length)),
                }
                Some(all)
            }
        }
    }

    /// Each with each of the bytes behind it, but for those that have a keyword now.
    fn then(&mut self, before: &Beginnings, bytes: &[u8]) -> Beginnings {
        let mut all = Beginnings::new();
        for (last, (least, most)) in before {
            for b in bytes {
                let mut last = [last.as_slice(), &[*b]].concat();
                if let Some(keyword) = self.keywords.iter().find(|keyword| last.ends_with(keyword)) {
                    let more = last.len() - keyword.len();
                    self.lead = either(self.lead, Some((least + more, most + more)));
                    continue;
                }
                // As much as a keyword may begin with.
                let begins = |from: &usize| self.keywords.iter().any(|keyword| keyword.starts_with(&last[*from..]));
                let dropped = (0..last.len()).find(begins).unwrap_or(last.len());
                last.drain(..dropped);
                merge(&mut all, Beginnings::from([(last, (least + dropped, most + dropped))]));
            }
        }
        all
    }
}

/// How long a match may be, where that has a bound.
fn length(hir: &Hir) -> Option<Lead> {
    Some((hir.properties().minimum_len()?, hir.properties().maximum_len()?))
}

/// Each with so many bytes behind it that may be any.
fn anything(before: &Beginnings, length: Lead) -> Beginnings {
    let of = |(last, (least, most)): (&Vec<u8>, &Lead)| (least + last.len() + length.0, most + last.len() + length.1);
    let all = before.iter().map(of).map(Some).fold(None, either);
    Beginnings::from([(Vec::new(), all.unwrap_or(length))])
}

fn either(one: Option<Lead>, other: Option<Lead>) -> Option<Lead> {
    match (one, other) {
        (Some((least, most)), Some(other)) => Some((least.min(other.0), most.max(other.1))),
        _ => one.or(other),
    }
}

fn merge(all: &mut Beginnings, more: Beginnings) {
    for (last, lead) in more {
        let of = all.entry(last).or_insert(lead);
        *of = (of.0.min(lead.0), of.1.max(lead.1));
    }
}

/// The bytes of a small class, in lower case.
fn small(class: &Class) -> Option<Vec<u8>> {
    let class = bytes(class)?;
    let bytes = class.ranges().iter().flat_map(|range| range.start()..=range.end());
    let mut bytes: Vec<u8> = bytes.take(2 * MOST_OF_A_CLASS + 1).map(|b| b.to_ascii_lowercase()).collect();
    let all = bytes.len() <= 2 * MOST_OF_A_CLASS;
    bytes.sort_unstable();
    bytes.dedup();
    (all && bytes.len() <= MOST_OF_A_CLASS).then_some(bytes)
}

/// A class of bytes; an alternation of single ones is read as one of letters, which may be bytes.
fn bytes(class: &Class) -> Option<Cow<'_, ClassBytes>> {
    match class {
        Class::Bytes(class) => Some(Cow::Borrowed(class)),
        Class::Unicode(class) => class.to_byte_class().map(Cow::Owned),
    }
}

/// The bytes that a match may begin with, as bits; all where it may be empty.
pub(crate) fn firsts(hir: &Hir) -> [u64; 4] {
    let mut bytes = [0; 4];
    if first(hir, &mut bytes) { [u64::MAX; 4] } else { bytes }
}

/// Adds the first bytes of an expression, and tells whether it may be empty.
fn first(hir: &Hir, bytes: &mut [u64; 4]) -> bool {
    let add = |b: u8| bytes[usize::from(b >> 6)] |= 1 << (b & 63);
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => return true,
        HirKind::Literal(literal) => literal.0.first().copied().into_iter().for_each(add),
        HirKind::Class(class) => match self::bytes(class) {
            Some(class) => class.ranges().iter().flat_map(|range| range.start()..=range.end()).for_each(add),
            None => (0..=u8::MAX).for_each(add),
        },
        HirKind::Capture(capture) => return first(&capture.sub, bytes),
        HirKind::Concat(list) => return list.iter().all(|part| first(part, bytes)),
        HirKind::Alternation(list) => return list.iter().fold(false, |empty, part| first(part, bytes) | empty),
        HirKind::Repetition(again) => return first(&again.sub, bytes) | (again.min == 0),
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pattern: &str) -> Hir {
        crate::shape::parse(pattern).unwrap()
    }

    #[test]
    fn a_keyword_comes_within_what_is_before_it() {
        let of = |pattern: &str, words: &[&str]| {
            lead(&parse(pattern), &words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>())
        };
        assert_eq!(of("curl -u [a-z]+", &["curl "]), Some((0, 0)));
        assert_eq!(of("(?i)set_?password", &["password"]), Some((3, 4)));
        assert_eq!(of("(?i:log_?in|sign-?in)\\(", &["login(", "log_in(", "signin(", "sign-in("]), Some((0, 0)));
        assert_eq!(of("\\s?(?i:log_?in|sign-?in)\\(", &["login(", "signin("]), Some((0, 1)));
        assert_eq!(of("(?:curl -u|x[^\\n]*key=)", &["curl -u", "key="]), None);
        assert_eq!(of("\"[^\"]{1,64}\"\\s{1,8}\"md5[0-9]", &["\"md5"]), Some((1 + 1 + 1 + 1, 1 + 64 + 1 + 8)));
        assert_eq!(of("(?:user.{0,9}|.{4}) pw(?: |=)", &[" pw ", "user "]), Some((0, 13)));
        assert_eq!(of("a[^\\n]*key=", &["key="]), None);
        assert_eq!(of("(?:ab){2}cd", &["bc"]), Some((3, 3)));
        assert_eq!(of("[0-9a-f]{76}(?:apim|acdb)", &["apim", "acdb"]), Some((76, 76)));
        assert_eq!(of("x[a-z]y", &["ay"]), None);
    }

    #[test]
    fn a_match_begins_with_one_of_its_first_bytes() {
        let of = |pattern: &str| {
            let bits = firsts(&parse(pattern));
            (0..=u8::MAX).filter(|b| bits[usize::from(b >> 6)] >> (b & 63) & 1 != 0).map(char::from).collect::<String>()
        };
        assert_eq!(of("(?i:a)b|\\bc?d"), "Aacd");
        assert_eq!(of("[x-z]{0,2}[0-2]"), "012xyz");
        assert_eq!(of("(?:a|=)b"), "=a");
        assert_eq!(of("a*").chars().count(), 256);
    }
}
