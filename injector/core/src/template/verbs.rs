//! How a value looks under a verb of Go's `fmt`. A list and a map are written element by element, each under the same verb
//! with the same flags; what a verb does not fit says so in the place of the element.
//! <https://cs.opensource.google/go/go/+/master:src/fmt/print.go>

use super::floats;
use super::printf::Spec;
use super::quote;
use super::value::Value;

/// The most that one call may write, in bytes.
const MAX_OUTPUT: usize = 4 << 20;
/// The largest code point (Unicode, D9).
const MAX_RUNE: u64 = 0x10_ffff;

/// Where it is written to.
pub(super) struct Printer {
    pub(super) bytes: Vec<u8>,
}

impl Printer {
    pub(super) fn new(about: usize) -> Self {
        Self { bytes: Vec::with_capacity(about) }
    }

    /// Whether there may be more. Nothing is written beyond this, so that a wide element of a long list ends as well.
    ///
    /// # Errors
    /// Says that it is too much.
    pub(super) fn within_bounds(&self) -> Result<(), String> {
        if self.bytes.len() < MAX_OUTPUT { Ok(()) } else { Err("it writes too much".to_owned()) }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        if self.within_bounds().is_ok() {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Writes a value under a verb.
    pub(super) fn value(&mut self, spec: Spec, verb: char, value: &Value) {
        match (verb, value) {
            ('T', Value::Missing | Value::Nil) | ('v', Value::Missing | Value::Nil) => self.pad(spec, b"<nil>"),
            (_, Value::Missing | Value::Nil) => self.unfit(spec, verb, value),
            ('T', _) => self.text(spec, value.kind().as_bytes()),
            _ => self.element(spec, verb, value),
        }
    }

    fn element(&mut self, spec: Spec, verb: char, value: &Value) {
        if self.within_bounds().is_err() {
            return;
        }
        match value {
            // Within a list it is written as it is, whatever the verb.
            Value::Missing | Value::Nil if spec.syntax => self.write(b"interface {}(nil)"),
            Value::Missing | Value::Nil => self.write(b"<nil>"),
            Value::Bool(truth) if matches!(verb, 't' | 'v') => {
                self.pad(spec, if *truth { b"true" } else { b"false" });
            }
            Value::Int(number) => self.int(spec, verb, *number, value),
            Value::Float(number) => match floats::text(&spec, verb, *number) {
                Some(text) => self.float(spec, &text),
                None => self.unfit(spec, verb, value),
            },
            Value::Number(number) => self.string(spec, verb, number.as_bytes(), value),
            Value::Text(text) => self.string(spec, verb, text.expose(), value),
            Value::List(items) => {
                if spec.syntax {
                    self.write(items.kind().as_bytes());
                }
                self.write(if spec.syntax { b"{" } else { b"[" });
                for (at, item) in items.iter().enumerate() {
                    self.between(spec, at);
                    self.element(spec, verb, item);
                }
                self.write(if spec.syntax { b"}" } else { b"]" });
            }
            Value::Map(entries) | Value::Texts(entries) => {
                if spec.syntax {
                    self.write(value.kind().as_bytes());
                }
                self.write(if spec.syntax { b"{" } else { b"map[" });
                for (at, (name, item)) in entries.iter().enumerate() {
                    self.between(spec, at);
                    self.element(spec, verb, &Value::text(name.as_str()));
                    self.write(b":");
                    self.element(spec, verb, item);
                }
                self.write(if spec.syntax { b"}" } else { b"]" });
            }
            Value::Bool(_) => self.unfit(spec, verb, value),
        }
    }

    fn between(&mut self, spec: Spec, at: usize) {
        match (at, spec.syntax) {
            (0, _) => {}
            (_, true) => self.write(b", "),
            (_, false) => self.write(b" "),
        }
    }

    /// Says that a verb does not fit: `%!d(string=x)`.
    fn unfit(&mut self, spec: Spec, verb: char, value: &Value) {
        self.write(format!("%!{verb}(").as_bytes());
        self.with_type(spec, value);
        self.write(b")");
    }

    /// Writes a value behind its type.
    pub(super) fn with_type(&mut self, spec: Spec, value: &Value) {
        if let Value::Missing | Value::Nil = value {
            return self.write(b"<nil>");
        }
        self.write(value.kind().as_bytes());
        self.write(b"=");
        self.element(spec, 'v', value);
    }

    fn string(&mut self, spec: Spec, verb: char, text: &[u8], value: &Value) {
        match verb {
            'v' if spec.syntax => self.quoted(spec, text),
            'v' | 's' => self.text(spec, text),
            'q' => self.quoted(spec, text),
            'x' | 'X' => self.hex(spec, verb, text),
            _ => self.unfit(spec, verb, value),
        }
    }

    fn text(&mut self, spec: Spec, text: &[u8]) {
        self.pad(spec, cut(spec, text));
    }

    fn quoted(&mut self, spec: Spec, text: &[u8]) {
        let text = cut(spec, text);
        let quoted = match std::str::from_utf8(text) {
            Ok(text) if spec.sharp && quote::can_be_raw(text) => format!("`{text}`"),
            _ => quote::text(text, spec.plus),
        };
        self.pad(spec, quoted.as_bytes());
    }

    /// Writes bytes in hexadecimal: with a space between, and `0x` before each or before all.
    fn hex(&mut self, spec: Spec, verb: char, text: &[u8]) {
        let text = &text[..spec.precision.unwrap_or(text.len()).min(text.len())];
        let prefix = if verb == 'X' { "0X" } else { "0x" };
        let mut shown = String::new();
        for (at, byte) in text.iter().enumerate() {
            if spec.space && at > 0 {
                shown.push(' ');
            }
            if spec.sharp && (at == 0 || spec.space) {
                shown.push_str(prefix);
            }
            shown += &if verb == 'X' { format!("{byte:02X}") } else { format!("{byte:02x}") };
        }
        self.pad(spec, shown.as_bytes());
    }

    fn int(&mut self, spec: Spec, verb: char, number: i64, value: &Value) {
        let size = number.unsigned_abs();
        let (digits, prefix) = match verb {
            'v' | 'd' => (size.to_string(), ""),
            'b' => (format!("{size:b}"), "0b"),
            'o' | 'O' => (format!("{size:o}"), "0"),
            'x' => (format!("{size:x}"), "0x"),
            'X' => (format!("{size:X}"), "0X"),
            'c' => return self.pad(spec, rune(number).to_string().as_bytes()),
            'q' => return self.pad(spec, quote::rune(rune(number), spec.plus).as_bytes()),
            'U' => return self.unicode(spec, number),
            _ => return self.unfit(spec, verb, value),
        };
        let space = Spec { zero: false, ..spec };
        // A precision of nothing for a zero leaves nothing.
        if spec.precision == Some(0) && number == 0 {
            return self.pad(space, b"");
        }
        let sign = match (number < 0, spec.plus, spec.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            _ => "",
        };
        // Zeros in front come from the precision, or from the flag and the width.
        let least = match (spec.precision, spec.width) {
            (Some(precision), _) => precision,
            (None, Some(width)) if spec.zero && !spec.minus => width.saturating_sub(sign.len()),
            _ => 0,
        };
        let digits = format!("{digits:0>least$}");
        let prefix = match verb {
            _ if !spec.sharp || matches!(verb, 'v' | 'd') => "",
            'o' | 'O' if digits.starts_with('0') => "",
            _ => prefix,
        };
        let octal = if verb == 'O' { "0o" } else { "" };
        self.pad(space, format!("{sign}{octal}{prefix}{digits}").as_bytes());
    }

    /// Writes a code point: `U+0041`, and with `#` the character too.
    fn unicode(&mut self, spec: Spec, number: i64) {
        #[expect(clippy::cast_sign_loss, reason = "Go writes the bits of a negative number")]
        let code = number as u64;
        let mut shown = format!("U+{code:0least$X}", least = spec.precision.unwrap_or(0).max(4));
        if spec.sharp && code <= MAX_RUNE {
            let c = rune(number);
            if quote::is_print(c) {
                shown += &format!(" '{c}'");
            }
        }
        self.pad(Spec { zero: false, ..spec }, shown.as_bytes());
    }

    /// Writes a number that begins with its sign: zeros go behind that, and none before what is no number.
    fn float(&mut self, spec: Spec, text: &str) {
        if text.ends_with("Inf") || text.ends_with("NaN") {
            let shown = match text {
                "+NaN" if !spec.plus => "NaN",
                "+Inf" | "+NaN" if spec.space && !spec.plus => return self.pad_words(spec, &text.replace('+', " ")),
                _ => text,
            };
            return self.pad_words(spec, shown);
        }
        let (sign, digits) = text.split_at(1);
        let sign = match sign {
            "+" if spec.plus => "+",
            "+" if spec.space => " ",
            "+" => "",
            sign => sign,
        };
        if spec.zero && !spec.minus {
            self.write(sign.as_bytes());
            let width = spec.width.map(|width| width.saturating_sub(sign.len()));
            return self.pad(Spec { width, ..spec }, digits.as_bytes());
        }
        self.pad(spec, format!("{sign}{digits}").as_bytes());
    }

    fn pad_words(&mut self, spec: Spec, text: &str) {
        self.pad(Spec { zero: false, ..spec }, text.as_bytes());
    }

    /// Fills up to the width, counted in characters.
    fn pad(&mut self, spec: Spec, text: &[u8]) {
        let length = quote::runes(text).count();
        let missing = spec.width.unwrap_or(0).saturating_sub(length);
        if spec.minus {
            self.write(text);
            self.write(&vec![b' '; missing]);
        } else {
            self.write(&vec![if spec.zero { b'0' } else { b' ' }; missing]);
            self.write(text);
        }
    }
}

/// Cuts text to as many characters as the precision says.
fn cut(spec: Spec, text: &[u8]) -> &[u8] {
    let Some(most) = spec.precision else { return text };
    let length = quote::runes(text).take(most).map(|(_, length)| length).sum();
    &text[..length]
}

/// The character of a number; what is none is shown as such.
fn rune(number: i64) -> char {
    u32::try_from(number).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}
