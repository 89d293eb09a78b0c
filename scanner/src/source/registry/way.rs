//! How a host is asked, where that is not as the distribution specification has it.

use std::fmt;

use ureq::http::{HeaderName, HeaderValue};

/// The way to a host's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    /// The path that comes before the repository: `/v2`.
    pub(super) root: String,
    /// The registry that is meant, for a host that stands for several.
    pub(super) namespace: Option<String>,
    pub(super) headers: Headers,
    pub(super) abilities: Abilities,
}

impl Default for Way {
    fn default() -> Self {
        Self { root: "/v2".into(), namespace: None, headers: Headers::default(), abilities: Abilities::default() }
    }
}

/// What a host is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Abilities {
    /// What a digest names.
    pub(super) pull: bool,
    /// What a tag is.
    pub(super) resolve: bool,
}

impl Default for Abilities {
    fn default() -> Self {
        Self { pull: true, resolve: true }
    }
}

/// Headers that a host wants to see in every call. They may be credentials, so nobody prints them.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Headers(Vec<(HeaderName, HeaderValue)>);

impl Headers {
    /// Checks them; in error what is wrong, without a value.
    pub(super) fn new(all: impl Iterator<Item = (String, String)>) -> Result<Self, String> {
        let header = |(name, value): (String, String)| {
            let wrong = || format!("{name:?} is no header, or its value is none");
            let mut value = HeaderValue::from_str(&value).map_err(|_| wrong())?;
            value.set_sensitive(true);
            Ok((HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value))
        };
        all.map(header).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Headers({})", self.0.len())
    }
}
