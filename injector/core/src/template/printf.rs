//! `printf` as Go has it: a format's verbs with their flags, width, precision and place of the argument, and what Go says
//! where they do not fit. How a value looks under a verb is in [`verbs`](super::verbs).
//! <https://pkg.go.dev/fmt>

use super::value::Value;
use super::verbs::Printer;

/// The widest that anything may be made.
const MAX_WIDTH: usize = 100_000;

/// What stands between `%` and a verb.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spec {
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%#v`: as it would stand in a program.
    pub(super) syntax: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

/// Writes a format with its arguments.
///
/// # Errors
/// Says that what would be written is too large.
pub(super) fn printf(format: &str, arguments: &[Value]) -> Result<Vec<u8>, String> {
    let mut reader = Reader { rest: format, arguments, at: 0, reordered: false, good: true };
    let mut out = Printer::new(format.len() * 2);
    while let Some(start) = reader.rest.find('%') {
        out.write(&reader.rest.as_bytes()[..start]);
        reader.rest = &reader.rest[start + 1..];
        reader.directive(&mut out)?;
        out.within_bounds()?;
    }
    out.write(reader.rest.as_bytes());
    // Whoever says which argument goes where may leave some out.
    if let Some(rest) = arguments.get(reader.at..).filter(|rest| !rest.is_empty() && !reader.reordered) {
        out.write(b"%!(EXTRA ");
        for (at, value) in rest.iter().enumerate() {
            if at > 0 {
                out.write(b", ");
            }
            out.with_type(Spec::default(), value);
        }
        out.write(b")");
    }
    out.within_bounds()?;
    Ok(out.bytes)
}

/// A format that is being read, and the arguments that are still to come.
struct Reader<'f> {
    rest: &'f str,
    arguments: &'f [Value],
    at: usize,
    /// Whether an argument was named by its place.
    reordered: bool,
    /// Whether the places in this directive make sense.
    good: bool,
}

impl Reader<'_> {
    /// Reads what stands behind `%`, and writes what it asks for.
    fn directive(&mut self, out: &mut Printer) -> Result<(), String> {
        self.good = true;
        let mut spec = Spec::default();
        while let Some(flag) = self.rest.bytes().next() {
            match flag {
                b'-' => spec.minus = true,
                b'+' => spec.plus = true,
                b'#' => spec.sharp = true,
                b' ' => spec.space = true,
                b'0' => spec.zero = true,
                _ => break,
            }
            self.rest = &self.rest[1..];
        }
        let mut named = self.place();
        if self.eat('*') {
            let width = self.int();
            if width.is_none() {
                out.write(b"%!(BADWIDTH)");
            }
            spec.minus |= width.is_some_and(|width| width < 0);
            spec.width = width.map(bounded).transpose()?;
            named = false;
        } else {
            spec.width = self.number()?;
            self.good &= !(named && spec.width.is_some());
        }
        if self.eat('.') {
            self.good &= !named;
            named = self.place();
            if self.eat('*') {
                let precision = self.int();
                if precision.is_none_or(|precision| precision < 0) {
                    out.write(b"%!(BADPREC)");
                }
                spec.precision = precision.filter(|precision| *precision >= 0).map(bounded).transpose()?;
                named = false;
            } else {
                spec.precision = Some(self.number()?.unwrap_or(0));
            }
        }
        if !named {
            self.place();
        }
        let Some(verb) = self.rest.chars().next() else {
            out.write(b"%!(NOVERB)");
            return Ok(());
        };
        self.rest = &self.rest[verb.len_utf8()..];
        if verb == 'v' {
            (spec.syntax, spec.sharp, spec.plus) = (spec.sharp, false, false);
        }
        match self.arguments.get(self.at) {
            _ if verb == '%' => out.write(b"%"),
            _ if !self.good => out.write(format!("%!{verb}(BADINDEX)").as_bytes()),
            None => out.write(format!("%!{verb}(MISSING)").as_bytes()),
            Some(value) => {
                self.at += 1;
                out.value(spec, verb, value);
            }
        }
        Ok(())
    }

    fn eat(&mut self, c: char) -> bool {
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn number(&mut self) -> Result<Option<usize>, String> {
        let digits = self.rest.len() - self.rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        if number.is_empty() {
            return Ok(None);
        }
        bounded(number.parse().unwrap_or(i64::MAX)).map(Some)
    }

    /// Takes the next argument, where it is a whole number.
    fn int(&mut self) -> Option<i64> {
        let value = self.arguments.get(self.at)?;
        self.at += 1;
        match value {
            // Go takes nothing above a million.
            Value::Int(number) if number.unsigned_abs() <= 1_000_000 => Some(*number),
            _ => None,
        }
    }

    /// Reads the place of an argument, `[N]`, and tells whether there is one.
    fn place(&mut self) -> bool {
        let Some(inner) = self.rest.strip_prefix('[') else { return false };
        self.reordered = true;
        let Some((number, rest)) = inner.split_once(']') else {
            self.good = false;
            self.rest = inner;
            return false;
        };
        self.rest = rest;
        let place = number.parse::<usize>().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()));
        match place.and_then(|place| place.checked_sub(1)) {
            Some(at) if at < self.arguments.len() => {
                self.at = at;
                true
            }
            _ => {
                self.good = false;
                place.is_some()
            }
        }
    }
}

fn bounded(number: i64) -> Result<usize, String> {
    match usize::try_from(number.unsigned_abs()) {
        Ok(number) if number <= MAX_WIDTH => Ok(number),
        _ => Err("a width is too large".to_owned()),
    }
}
