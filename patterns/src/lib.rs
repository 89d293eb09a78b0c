//! Credential rules as data, and the engine that finds them in bytes.
//!
//! The crate is pure: bytes go in, offsets come out. It opens no file or socket, reads no clock and starts no
//! thread; no input makes it panic; and a text fed in windows gives exactly what it gives in one piece.
//!
//! ```
//! use oakum_patterns::{Engine, Rule};
//!
//! let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
//! let secret = "Walnut!942";
//! let text = format!("password = {secret:?}\n");
//! let found = engine.scan(text.as_bytes());
//! assert_eq!(&text[found[0].secret()], secret);
//! assert_eq!(found[0].rule().service, "generic");
//! ```
//!
//! * [`Rule`] says what a credential looks like; [`Rule::builtin`] are those in `rules/*.toml`.
//! * [`Engine`] is a compiled set of them: a prefilter finds where a rule could match, the rule's own regular
//!   expression confirms in a bounded window, and the checks run cheapest first.
//! * [`Stream`] is the same for what does not fit in memory.
//! * [`sample`] draws a text from a shape such as `<base62:20>`, so that no realistic token is ever written down.

mod assign;
mod calendar;
pub mod check;
mod engine;
mod lead;
mod rule;
pub mod sample;
mod shape;
mod words;

pub use calendar::civil;
#[doc(hidden)]
pub use engine::gram_keywords;
pub use engine::{Cost, Encoded, Engine, How, LoadError, Match, Stream, next_piece};
pub use rule::{Bounds, Check, Confidence, FileError, Rule, Samples, Severity};
pub use words::Words;
