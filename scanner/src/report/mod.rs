//! Ways of writing findings down. A report sees findings and counts, never a secret.
//!
//! A [`Reporter`] gets the whole outcome at once, since findings are in order and told apart only when the last content
//! has been read. The same outcome gives the same bytes. To add a format: a file with its reporter, and its line in the
//! table below.

mod csv;
pub mod escape;
mod flaws;
mod github;
mod gitlab;
mod html;
mod json;
mod junit;
mod sarif;
mod text;
mod time;
mod view;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use crate::finding::Place;
use crate::scan::Outcome;

/// One line that names a place, unescaped: `app:1 layer 2: etc/app.env:3:7`.
#[must_use]
pub fn label(place: &Place) -> String {
    view::PlaceView::new(place).label()
}

/// Writes one report.
pub trait Reporter: fmt::Debug {
    /// Writes an outcome down.
    ///
    /// # Errors
    /// What the output says.
    fn write(&self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()>;
}

/// Writes a report and flushes the output.
///
/// # Errors
/// What the output says.
pub fn write(reporter: &dyn Reporter, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    reporter.write(outcome, out)?;
    out.flush()
}

/// What people choose about a report. Only `text` looks at it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether to colour.
    pub color: Color,
    /// How much to show.
    pub detail: Detail,
    /// Whether to tell the counts. What could not be scanned is told either way.
    pub summary: bool,
    /// Columns that explanations are wrapped at.
    pub width: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { color: Color::Never, detail: Detail::Brief, summary: true, width: 100 }
    }
}

/// Whether to colour; who knows the terminal decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// Plain text.
    Never,
    /// With ANSI sequences.
    Always,
}

/// How much to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What is new, with the first few places.
    Brief,
    /// Known findings too, and every place.
    Full,
}

/// Declares the formats: the type, its names and the constructor come from one table.
macro_rules! formats {
    ($($(#[$doc:meta])* $variant:ident = $name:literal => $reporter:expr,)*) => {
        /// A report's format.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Format {
            $($(#[$doc])* $variant,)*
        }

        impl Format {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            fn names() -> String {
                Self::ALL.iter().map(|f| f.name()).collect::<Vec<_>>().join(", ")
            }

            /// Its name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }

        /// The reporter of a format.
        #[must_use]
        pub fn reporter(format: Format, options: &Options) -> Box<dyn Reporter> {
            match format {
                $(Format::$variant => {
                    let make: fn(&Options) -> Box<dyn Reporter> = $reporter;
                    make(options)
                })*
            }
        }
    };
}

formats! {
    /// For people.
    Text = "text" => |options| Box::new(text::Text::new(options.clone())),
    /// One JSON object, `oakum.report/1`.
    Json = "json" => |_| Box::new(json::Json),
    /// A finding a line, then the summary.
    Jsonl = "jsonl" => |_| Box::new(json::Jsonl),
    /// SARIF 2.1.0, for code scanning.
    Sarif = "sarif" => |_| Box::new(sarif::Sarif),
    /// JUnit's XML, for test reports.
    Junit = "junit" => |_| Box::new(junit::Junit),
    /// A place a row, for spreadsheets.
    Csv = "csv" => |_| Box::new(csv::Csv),
    /// GitLab's secret detection report.
    Gitlab = "gitlab" => |_| Box::new(gitlab::Gitlab),
    /// Annotations by GitHub's workflow commands.
    Github = "github" => |_| Box::new(github::Github),
    /// A page that needs nothing else.
    Html = "html" => |_| Box::new(html::Html),
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no format's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no report format is called {0:?}; there are {list}", list = Format::names())]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|f| f.name() == name).ok_or_else(|| UnknownFormat(name.into()))
    }
}
