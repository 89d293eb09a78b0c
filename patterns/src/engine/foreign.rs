//! Keywords that begin with a letter beyond ASCII, which no gram has: `密码`, and `ło` of `hasło`. They are few, and in most
//! texts their first letter is nowhere, so that letter is looked for.

use aho_corasick::packed;

use super::literals::Hit;

/// How many bytes the first letter has, or the first two.
const LETTER: usize = 3;

/// How many bytes are looked at at once for whether they are ASCII.
const STRETCH: usize = 4096;

/// Keywords by their first letter.
#[derive(Debug)]
pub(super) struct Foreign {
    /// The first bytes of all letters.
    firsts: Vec<u8>,
    letters: Vec<[u8; LETTER]>,
    /// For all letters at once, where the machine can.
    searcher: Option<packed::Searcher>,
    /// The keywords of each letter.
    words: Vec<Vec<(Box<[u8]>, u32)>>,
}

impl Foreign {
    /// Of keywords with their numbers.
    pub(super) fn new<'k>(keywords: impl Iterator<Item = (&'k [u8], u32)>) -> Self {
        let mut letters: Vec<[u8; LETTER]> = Vec::new();
        let mut words: Vec<Vec<(Box<[u8]>, u32)>> = Vec::new();
        for (word, number) in keywords {
            let Some(letter) = word.first_chunk::<LETTER>() else { continue };
            // Of two letters the second may be an English one, which has a capital.
            for letter in [*letter, letter.map(|b| b.to_ascii_uppercase())] {
                let at = letters.iter().position(|one| *one == letter).unwrap_or_else(|| {
                    letters.push(letter);
                    words.push(Vec::new());
                    letters.len() - 1
                });
                if !words[at].iter().any(|(_, one)| *one == number) {
                    words[at].push((word.into(), number));
                }
            }
        }
        let mut firsts: Vec<u8> = letters.iter().map(|letter| letter[0]).collect();
        firsts.sort_unstable();
        firsts.dedup();
        let searcher = packed::Searcher::new(&letters);
        Self { firsts, letters, searcher, words }
    }

    /// Whether a keyword is found here: it begins with a letter beyond ASCII. Such have no case that matters; those of
    /// English behind it do.
    pub(super) fn takes(keyword: &[u8]) -> bool {
        keyword.len() >= LETTER && !keyword[0].is_ascii()
    }

    /// Adds the keywords that begin in `from..limit`.
    pub(super) fn find(&self, text: &[u8], from: usize, limit: usize, hits: &mut Vec<Hit>) {
        let end = text.len().min(limit + LETTER - 1);
        if from >= end {
            return;
        }
        // Most texts have none of the first bytes, and most stretches nothing beyond ASCII, which is told at once.
        let stretches = text[from..end].chunks(STRETCH).zip((from..).step_by(STRETCH));
        let first = |(stretch, at): (&[u8], usize)| {
            self.firsts.chunks(3).filter_map(|firsts| any(firsts, stretch)).min().map(|first| at + first)
        };
        let Some(from) = stretches.filter(|(stretch, _)| !stretch.is_ascii()).find_map(first) else { return };
        let mut note = |at: usize, letter: usize| {
            let begins =
                |word: &[u8]| text.get(at..at + word.len()).is_some_and(|here| here.eq_ignore_ascii_case(word));
            let here = self.words[letter].iter().filter(|(word, _)| begins(word));
            hits.extend(here.map(|(word, number)| (at, at + word.len(), *number)));
        };
        let text = &text[from..end];
        match &self.searcher {
            Some(searcher) => {
                searcher.find_iter(text).for_each(|found| note(from + found.start(), found.pattern().as_usize()));
            }
            None => text.windows(LETTER).zip(from..).for_each(|(three, at)| {
                self.letters.iter().position(|letter| letter == three).into_iter().for_each(|letter| note(at, letter));
            }),
        }
    }
}

/// The first of up to three bytes.
fn any(bytes: &[u8], text: &[u8]) -> Option<usize> {
    match *bytes {
        [one] => memchr::memchr(one, text),
        [one, two] => memchr::memchr2(one, two, text),
        [one, two, three] => memchr::memchr3(one, two, three, text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_keyword_is_found_wherever_it_stands() {
        let words = ["密码", "密钥", "비밀번호", "パスワード", "ło", "łom:"];
        let foreign = Foreign::new(words.iter().map(|word| word.as_bytes()).zip(0..));
        let text = "a密a密钥 – 비밀번호=密码パスワー パスワード, Złom: hasło, HASłO";
        let mut hits = Vec::new();
        for foreign in
            [&foreign, &Foreign { searcher: None, ..Foreign::new(words.iter().map(|word| word.as_bytes()).zip(0..)) }]
        {
            hits.clear();
            foreign.find(text.as_bytes(), 1, text.len(), &mut hits);
            let found: Vec<_> = hits.iter().map(|hit| &text[hit.0..hit.1]).collect();
            assert_eq!(found, ["密钥", "비밀번호", "密码", "パスワード", "ło", "łom:", "ło", "łO"]);
        }
        hits.clear();
        foreign.find(text.as_bytes(), 6, 6, &mut hits);
        foreign.find("abc".repeat(99).as_bytes(), 0, 297, &mut hits);
        assert_eq!(hits, []);
    }
}
