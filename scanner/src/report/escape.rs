//! Makes text of strangers fit to be shown: a path or a name from the scanned thing may hold what moves a cursor,
//! turns the reading direction around or cannot be seen. Such characters are written as Rust writes them in a string
//! (`\x1b`, `\u{202e}`); a backslash stays itself, so this is for reading, not for reading back.
//!
//! Every report goes through here or through [`json`], which does the same in JSON's own way.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

/// Whether a character could change how the text around it is shown, or cannot be seen.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control() // C0, DEL and C1
        || matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // directions
            | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' // no width
            | '\u{2028}' | '\u{2029}' // line ends
            | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' // no characters, not even in XML
        )
}

/// The text with every unsafe character written out.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_unsafe(c) && c.is_ascii() => write!(out, "\\x{:02x}", c as u32).expect("a string takes all"),
            c if is_unsafe(c) => write!(out, "\\u{{{:x}}}", c as u32).expect("a string takes all"),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Text for an element or a quoted attribute of XML or HTML.
#[must_use]
pub fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in escape(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Text as part of a URI's path: all but unreserved characters and slashes is written in percents (RFC 3986, 2.3).
#[must_use]
pub fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for &b in text.as_bytes() {
        if b.is_ascii_alphanumeric() || b"-._~/".contains(&b) {
            out.push(char::from(b));
        } else {
            write!(out, "%{b:02X}").expect("a string takes all");
        }
    }
    out
}

/// How JSON is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// On one line.
    Line,
    /// Indented.
    Indented,
}

/// Writes a value as JSON, with a line end after it. Unsafe characters are `\u` escapes: the same value to a reader of
/// JSON, and harmless in a terminal.
///
/// # Errors
/// What the output says.
pub fn json(value: &impl Serialize, layout: Layout, out: &mut dyn io::Write) -> io::Result<()> {
    match layout {
        Layout::Line => value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Safe(CompactFormatter))),
        Layout::Indented => {
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Safe(PrettyFormatter::new())))
        }
    }?;
    out.write_all(b"\n")
}

/// A formatter that escapes what `serde_json` leaves as it is: it escapes C0 only.
struct Safe<F>(F);

macro_rules! forward {
    ($($method:ident($($name:ident: $type:ty),*);)*) => {$(
        fn $method<W: ?Sized + io::Write>(&mut self, out: &mut W $(, $name: $type)*) -> io::Result<()> {
            self.0.$method(out $(, $name)*)
        }
    )*};
}

impl<F: Formatter> Formatter for Safe<F> {
    forward! {
        begin_array(); end_array(); begin_array_value(first: bool); end_array_value();
        begin_object(); end_object(); begin_object_key(first: bool); end_object_key();
        begin_object_value(); end_object_value();
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
        let mut from = 0;
        for (at, c) in text.char_indices().filter(|&(_, c)| is_unsafe(c)) {
            out.write_all(&text.as_bytes()[from..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            from = at + c.len_utf8();
        }
        out.write_all(&text.as_bytes()[from..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_moves_the_cursor_or_hides_is_written_out() {
        assert_eq!(
            escape("a\x1b[2J\nb\u{9b}K\u{202e}c\u{200b}\u{e0041}\r\t\u{7f}"),
            "a\\x1b[2J\\nb\\u{9b}K\\u{202e}c\\u{200b}\\u{e0041}\\r\\t\\x7f"
        );
        assert!(matches!(escape("Änderung/日本.env"), Cow::Borrowed("Änderung/日本.env")));
    }

    #[test]
    fn markup_and_uris_hold_no_syntax() {
        assert_eq!(markup("<a href='x'>&\"\x1b"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\\x1b");
        assert_eq!(percent("a b/c:d#e?ä%"), "a%20b/c%3Ad%23e%3F%C3%A4%25");
    }

    proptest! {
        #[test]
        fn no_unsafe_character_survives(text in any::<String>(), hostile in "[\\x00-\\x1f\\x7f-\\u{9f}\\u{200b}-\\u{202e}\\u{2060}-\\u{206f}a-z\\\\\"]*") {
            for text in [text.as_str(), hostile.as_str()] {
                prop_assert!(!escape(text).chars().any(is_unsafe));
                prop_assert!(!markup(text).chars().any(|c| is_unsafe(c) || c == '<' || c == '"'));
                prop_assert!(percent(text).bytes().all(|b| b.is_ascii_graphic()));
                let mut out = Vec::new();
                json(&[text], Layout::Line, &mut out).unwrap();
                let shown = String::from_utf8(out).unwrap();
                prop_assert!(!shown.trim_end_matches('\n').chars().any(is_unsafe));
                prop_assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), vec![text.to_owned()]);
            }
        }
    }
}
