//! Keywords that begin with a letter beyond ASCII, which no gram has: `密码`. They are few, and in most texts their first
//! letter is nowhere, so that letter is looked for.

use memchr::memmem::Finder;

use super::literals::Hit;

/// How many bytes the first letter has.
const LETTER: usize = 3;

/// Keywords by their first letter.
#[derive(Debug)]
pub(super) struct Foreign(Vec<Letter>);

#[derive(Debug)]
struct Letter {
    finder: Finder<'static>,
    words: Vec<(Box<[u8]>, u32)>,
}

impl Foreign {
    /// Of keywords with their numbers.
    pub(super) fn new<'k>(keywords: impl Iterator<Item = (&'k [u8], u32)>) -> Self {
        let mut all: Vec<Letter> = Vec::new();
        for (word, number) in keywords {
            let letter = &word[..LETTER];
            match all.iter_mut().find(|one| one.finder.needle() == letter) {
                Some(one) => one.words.push((word.into(), number)),
                None => {
                    let finder = Finder::new(letter).into_owned();
                    all.push(Letter { finder, words: vec![(word.into(), number)] });
                }
            }
        }
        Self(all)
    }

    /// Whether a keyword is found here: letters beyond ASCII alone, which have no case that matters.
    pub(super) fn takes(keyword: &[u8]) -> bool {
        keyword.len() >= 2 * LETTER && !keyword.iter().any(u8::is_ascii)
    }

    /// Adds the keywords that begin in `from..limit`.
    pub(super) fn find(&self, text: &[u8], from: usize, limit: usize, hits: &mut Vec<Hit>) {
        let end = text.len().min(limit + LETTER - 1);
        if from >= end {
            return;
        }
        for Letter { finder, words } in &self.0 {
            // Most texts have not even its first byte, which is found at a third of the cost.
            let Some(first) = memchr::memchr(finder.needle()[0], &text[from..end]) else { continue };
            let from = from + first;
            for at in finder.find_iter(&text[from..end]).map(|at| from + at) {
                let here = words.iter().filter(|(word, _)| text[at..].starts_with(word));
                hits.extend(here.map(|(word, number)| (at, at + word.len(), *number)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_where_it_begins() {
        let word = "密码".as_bytes();
        let foreign = Foreign::new([(word, 7)].into_iter());
        let text = "a 密码: b 密码".as_bytes();
        let mut hits = Vec::new();
        foreign.find(text, 0, text.len(), &mut hits);
        assert_eq!(hits, [(2, 8, 7), (12, 18, 7)]);
        hits.clear();
        foreign.find(text, 3, 12, &mut hits);
        assert_eq!(hits, []);
        foreign.find(text, 3, 13, &mut hits);
        assert_eq!(hits, [(12, 18, 7)]);
        assert!(Foreign::takes(word) && !Foreign::takes("ß".as_bytes()) && !Foreign::takes("contraseña".as_bytes()));
    }
}
