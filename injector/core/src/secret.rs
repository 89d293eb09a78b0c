//! A secret's bytes. They are wiped when dropped, and nothing prints, copies or serialises them by accident.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroize;

/// Holds the bytes of a secret and wipes them when dropped.
///
/// There is no `Clone`, `Display` or `Serialize`; `Debug` prints `Secret(..)`. Call [`Secret::expose`] in the smallest
/// scope that will do.
///
/// ```
/// let secret = oakum_inject::Secret::from(String::from("a"));
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// assert_eq!(secret.expose(), b"a");
/// ```
#[derive(Default)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Gives the bytes to whoever has to write them out.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Gives the bytes as text, or nothing when they are not UTF-8.
    #[must_use]
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Counts the bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there are no bytes at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Drops white space at the end: what an editor leaves behind a token in a file.
    #[must_use]
    pub fn trimmed_end(mut self) -> Self {
        while self.0.last().is_some_and(u8::is_ascii_whitespace) {
            // `pop` would leave the byte in the spare capacity; zeroizing clears that too, so nothing is lost by it.
            self.0.pop();
        }
        self
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// One field of a secret: text, or a JSON value that is not text (a number, a list, …) kept as it was written.
#[derive(Debug)]
pub enum Field {
    /// A string, or the bytes of a file.
    Text(Secret),
    /// The JSON text of anything else, so that `1.0` does not become `1` on the way.
    Json(Secret),
}

impl Field {
    /// Gives what a file of this field alone holds.
    #[must_use]
    pub fn bytes(&self) -> &Secret {
        match self {
            Self::Text(secret) | Self::Json(secret) => secret,
        }
    }
}

/// The fields of one secret, in the order of their names.
#[derive(Debug, Default)]
pub struct Fields(BTreeMap<String, Field>);

impl Fields {
    /// Finds a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.0.get(name)
    }

    /// Finds the only field, where there is just one.
    #[must_use]
    pub fn only(&self) -> Option<&Field> {
        if self.0.len() == 1 { self.0.values().next() } else { None }
    }

    /// Goes through all fields by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Field)> {
        self.0.iter().map(|(name, field)| (name.as_str(), field))
    }

    /// Lists the names, which are no secret, for messages.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// Counts the fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps one field and wipes the others.
    pub fn retain_only(&mut self, name: &str) {
        self.0.retain(|key, _| key == name);
    }
}

impl FromIterator<(String, Field)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, Field)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_everything_that_holds_a_secret_shows_none_of_it() {
        let fields: Fields = [
            ("a".to_owned(), Field::Text(Secret::from("xyzzy".to_owned()))),
            ("b".to_owned(), Field::Json(Secret::from("12345".to_owned()))),
        ]
        .into_iter()
        .collect();
        let shown = format!("{fields:?} {fields:#?}");
        assert!(!shown.contains("xyzzy") && !shown.contains("12345"), "{shown}");
    }

    #[test]
    fn trims_only_the_end() {
        let trimmed = Secret::from(" a b\r\n".to_owned()).trimmed_end();
        assert_eq!(trimmed.expose(), b" a b");
    }
}
