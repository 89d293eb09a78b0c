//! Keywords that begin with a letter beyond ASCII, which no gram has: `密码`. They are few, and most pieces of most texts
//! have no such letter at all; where there is one, each is looked for by itself.

use memchr::memmem::Finder;

use super::literals::Hit;

/// How much is looked over at a time for a letter beyond ASCII.
const PIECE: usize = 1 << 12;

/// See the module.
#[derive(Debug)]
pub(super) struct Foreign(Vec<(Finder<'static>, u32)>);

impl Foreign {
    /// Of keywords with their numbers.
    pub(super) fn new<'k>(keywords: impl Iterator<Item = (&'k [u8], u32)>) -> Self {
        Self(keywords.map(|(word, number)| (Finder::new(word).into_owned(), number)).collect())
    }

    /// Whether a keyword is found here: letters beyond ASCII alone, which have no case that matters.
    pub(super) fn takes(keyword: &[u8]) -> bool {
        keyword.len() >= 6 && !keyword.iter().any(u8::is_ascii)
    }

    /// Adds the keywords that begin in `from..limit`.
    pub(super) fn find(&self, text: &[u8], from: usize, limit: usize, hits: &mut Vec<Hit>) {
        let limit = limit.min(text.len());
        for start in (from..limit).step_by(PIECE) {
            let end = limit.min(start + PIECE);
            if text[start..end].is_ascii() {
                continue;
            }
            for (finder, number) in &self.0 {
                let length = finder.needle().len();
                let piece = &text[start..text.len().min(end + length - 1)];
                hits.extend(finder.find_iter(piece).map(|at| (start + at, start + at + length, *number)));
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
        // On the border of two pieces, and at the end of the text.
        let long = ["x".repeat(PIECE - 2).as_bytes(), word, "y".repeat(PIECE - 6).as_bytes(), word].concat();
        hits.clear();
        foreign.find(&long, 0, long.len(), &mut hits);
        assert_eq!(hits, [(PIECE - 2, PIECE + 4, 7), (2 * PIECE - 2, 2 * PIECE + 4, 7)]);
        assert!(Foreign::takes(word) && !Foreign::takes("ß".as_bytes()) && !Foreign::takes("contraseña".as_bytes()));
    }
}
