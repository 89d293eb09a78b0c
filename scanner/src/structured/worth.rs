//! Whether a file may hold what plain reading does not see: reading it costs more than to look for a few words.

use std::sync::OnceLock;

use aho_corasick::packed::Searcher;

use super::Format;

impl Format {
    /// See the module.
    pub(crate) fn is_worth_it(self, text: &[u8]) -> bool {
        match self {
            Self::Json | Self::Yaml | Self::Toml | Self::Xml | Self::Hcl | Self::Sql => NAMES.any_in(text),
            Self::Text | Self::Html => HEADS.any_in(text),
            _ => true,
        }
    }
}

/// Words that are looked for all at once, where the machine can.
struct Words {
    all: &'static [&'static [u8]],
    searcher: OnceLock<Option<Searcher>>,
}

impl Words {
    const fn new(all: &'static [&'static [u8]]) -> Self {
        Self { all, searcher: OnceLock::new() }
    }

    fn any_in(&self, text: &[u8]) -> bool {
        match self.searcher.get_or_init(|| Searcher::new(self.all)) {
            Some(searcher) => searcher.find(text).is_some(),
            None => self.all.iter().any(|word| memchr::memmem::find(text, word).is_some()),
        }
    }
}

/// Of which a file of a general syntax has one, if it has a credential that only reading finds.
static NAMES: Words = Words::new(&[
    b"assw",
    b"ASSW",
    b"Secret",
    b"secret",
    b"SECRET",
    b"oken",
    b"TOKEN",
    b"\"auth",
    b"auths",
    b"nbformat",
    b"sensitive",
    b"_postman",
    b"pwd",
    b"Pwd",
    b"_PASS",
    b"Pass:",
    b"pass:",
    b"redentials",
    b"api_key",
    b"apiKey",
    b"ApiKey",
    b"API_KEY",
]);

/// Of which the head of a column of credentials has one.
static HEADS: Words = Words::new(&[
    b"pass",
    b"Pass",
    b"PASS",
    b"oken",
    b"ecret",
    b"PW",
    b"Pw",
    b"pw",
    b"TOKEN",
    b"SECRET",
    b"API",
    b"Zugangsdaten",
    b"Kennwort",
    b"kennwort",
    b"ontrase",
    b"Clave",
    b"clave",
    b"Senha",
    b"senha",
    b"achtwoord",
    b"redentials",
    b"WiFi",
    "asło".as_bytes(),
    "ароль".as_bytes(),
    "密码".as_bytes(),
    "パスワード".as_bytes(),
]);
