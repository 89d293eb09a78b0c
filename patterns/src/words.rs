//! A list of words in one piece of text, each between zero bytes. Built-in lists are constants, and constants of text lie in
//! a program with nothing between them: the prefix of one token and the words after it would look like a token.

use std::borrow::Cow;

/// Words such as a rule's keywords.
#[derive(Debug, Clone)]
pub struct Words(pub(crate) Cow<'static, str>);

impl Words {
    pub(crate) fn new<T: AsRef<str>>(words: &[T]) -> Self {
        // The first byte ends whatever lies before, and the last the last word.
        let end = if words.is_empty() { "" } else { "\0" };
        Self((words.iter().fold(String::new(), |all, word| all + "\0" + word.as_ref()) + end).into())
    }

    /// The first of these that has any, in lower case: what a rule is looked for by, of the names that its values stand beside, its
    /// keywords, and what its pattern begins with.
    pub(crate) fn looked_for(near: &Self, keywords: &Self, beginnings: &Self) -> Vec<String> {
        let first = [near, keywords, beginnings].into_iter().find(|words| !words.is_empty());
        first.map(|words| words.iter().map(str::to_ascii_lowercase).collect()).unwrap_or_default()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.trim_end_matches('\0').split('\0').skip(1)
    }
}
