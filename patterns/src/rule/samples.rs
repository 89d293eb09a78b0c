//! The shapes of a rule's samples. Those of the built-in rules are veiled in the program: as plain text they look so
//! much like credentials that the program would find them in itself.

/// What each byte is combined with. It hides nothing from anyone but a scanner.
pub(crate) const VEIL: u8 = 0xa5;

/// Shapes such as `acme_<hex:32>`; see [`crate::sample`].
#[derive(Debug, Clone)]
pub struct Samples(Kept);

#[derive(Debug, Clone)]
enum Kept {
    Veiled(&'static [&'static [u8]]),
    Plain(Vec<String>),
}

impl Samples {
    pub(crate) const fn veiled(list: &'static [&'static [u8]]) -> Self {
        Self(Kept::Veiled(list))
    }

    pub(crate) fn plain(list: Vec<String>) -> Self {
        Self(Kept::Plain(list))
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Kept::Veiled(list) => list.len(),
            Kept::Plain(list) => list.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The one at a place.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<String> {
        match &self.0 {
            Kept::Veiled(list) => {
                let bytes = list.get(at)?.iter().map(|b| b ^ VEIL).collect();
                String::from_utf8(bytes).ok()
            }
            Kept::Plain(list) => list.get(at).cloned(),
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = String> {
        (0..self.len()).filter_map(|at| self.get(at))
    }
}
