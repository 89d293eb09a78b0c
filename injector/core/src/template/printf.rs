//! `printf` as Go has it: verbs, flags, width and precision, and what it says where they do not fit.

use super::print::{float, print};
use super::value::Value;

/// The widest that anything may be made.
const MAX_WIDTH: usize = 100_000;

#[derive(Default)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

pub(super) fn printf(format: &str, arguments: &[Value]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(format.len() * 2);
    let mut arguments = arguments.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let mut spec = Spec::default();
        while let Some(flag) = chars.next_if(|c| "-+# 0".contains(*c)) {
            match flag {
                '-' => spec.minus = true,
                '+' => spec.plus = true,
                '#' => spec.sharp = true,
                ' ' => spec.space = true,
                _ => spec.zero = true,
            }
        }
        let mut number = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| -> Result<Option<usize>, String> {
            if chars.next_if_eq(&'*').is_some() {
                return Ok(match arguments.next() {
                    Some(Value::Int(number)) => usize::try_from(*number).ok().map(|number| number.min(MAX_WIDTH)),
                    _ => None,
                });
            }
            let mut number = None;
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                let digit = digit as usize - '0' as usize;
                number = Some(number.unwrap_or(0) * 10 + digit);
                if number > Some(MAX_WIDTH) {
                    return Err("a width is too large".to_owned());
                }
            }
            Ok(number)
        };
        spec.width = number(&mut chars)?;
        if chars.next_if_eq(&'.').is_some() {
            spec.precision = Some(number(&mut chars)?.unwrap_or(0));
        }
        match chars.next() {
            None => out.extend_from_slice(b"%!(NOVERB)"),
            Some('%') => out.push(b'%'),
            Some(verb) => match arguments.next() {
                None => out.extend_from_slice(format!("%!{verb}(MISSING)").as_bytes()),
                Some(value) => one(verb, &spec, value, &mut out),
            },
        }
    }
    let rest: Vec<&Value> = arguments.collect();
    if !rest.is_empty() {
        out.extend_from_slice(b"%!(EXTRA ");
        for (at, value) in rest.into_iter().enumerate() {
            if at > 0 {
                out.extend_from_slice(b", ");
            }
            with_type(value, &mut out);
        }
        out.push(b')');
    }
    Ok(out)
}

fn one(verb: char, spec: &Spec, value: &Value, out: &mut Vec<u8>) {
    let text = match value {
        Value::Text(text) => Some(text.expose()),
        Value::Number(number) => Some(number.as_bytes()),
        _ => None,
    };
    match (verb, value) {
        ('v', Value::Missing | Value::Nil) => pad(spec, b"<nil>", out),
        ('v', Value::Int(number)) => integer(spec, &number.unsigned_abs().to_string(), *number < 0, out),
        ('v', Value::Float(number)) => pad_number(spec, &signed(spec, float(*number)), out),
        ('v' | 's', Value::List(_) | Value::Map(_)) => {
            let mut shown = Vec::new();
            print(value, &mut shown);
            pad(spec, &shown, out);
        }
        ('v' | 't', Value::Bool(truth)) => pad(spec, if *truth { b"true" } else { b"false" }, out),
        ('v' | 's', _) if text.is_some() => pad(spec, cut(spec, text.unwrap_or_default()), out),
        ('q', _) if text.is_some() => {
            let quoted = quote(&String::from_utf8_lossy(cut(spec, text.unwrap_or_default())));
            pad(spec, quoted.as_bytes(), out);
        }
        ('x' | 'X', _) if text.is_some() => {
            let hex: String = text.unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect();
            let hex = if verb == 'X' { hex.to_uppercase() } else { hex };
            pad(spec, hex.as_bytes(), out);
        }
        ('T', _) => pad(spec, if value.kind() == "nil" { "<nil>" } else { value.kind() }.as_bytes(), out),
        ('d' | 'b' | 'o' | 'O' | 'x' | 'X', Value::Int(number)) => {
            let size = number.unsigned_abs();
            let digits = match verb {
                'b' => format!("{size:b}"),
                'o' => format!("{}{size:o}", if spec.sharp { "0" } else { "" }),
                'O' => format!("0o{size:o}"),
                'x' => format!("{}{size:x}", if spec.sharp { "0x" } else { "" }),
                'X' => format!("{}{size:X}", if spec.sharp { "0X" } else { "" }),
                _ => size.to_string(),
            };
            integer(spec, &digits, *number < 0, out);
        }
        ('c', Value::Int(number)) => {
            let c = u32::try_from(*number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
            pad(spec, c.to_string().as_bytes(), out);
        }
        ('q', Value::Int(number)) => {
            let c = u32::try_from(*number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
            pad(spec, format!("'{c}'").as_bytes(), out);
        }
        ('U', Value::Int(number)) => pad(spec, format!("U+{number:04X}").as_bytes(), out),
        ('f' | 'F', Value::Float(number)) => {
            pad_number(spec, &signed(spec, format!("{number:.*}", spec.precision.unwrap_or(6))), out);
        }
        ('e' | 'E', Value::Float(number)) => {
            let text = format!("{number:.*e}", spec.precision.unwrap_or(6));
            let text = exponent(&text);
            pad_number(spec, &signed(spec, if verb == 'E' { text.to_uppercase() } else { text }), out);
        }
        ('g' | 'G', Value::Float(number)) => {
            let text = match spec.precision {
                None => shortest(*number),
                Some(precision) => general(*number, precision.max(1)),
            };
            pad_number(spec, &signed(spec, if verb == 'G' { text.to_uppercase() } else { text }), out);
        }
        _ => {
            out.extend_from_slice(format!("%!{verb}(").as_bytes());
            with_type(value, out);
            out.push(b')');
        }
    }
}

/// Writes a value as Go does where a verb does not fit: `string=x`.
fn with_type(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Missing | Value::Nil => out.extend_from_slice(b"<nil>"),
        other => {
            out.extend_from_slice(other.kind().as_bytes());
            out.push(b'=');
            print(other, out);
        }
    }
}

fn cut<'t>(spec: &Spec, text: &'t [u8]) -> &'t [u8] {
    let (Some(most), Ok(whole)) = (spec.precision, std::str::from_utf8(text)) else { return text };
    whole.char_indices().nth(most).map_or(text, |(at, _)| &text[..at])
}

fn pad(spec: &Spec, text: &[u8], out: &mut Vec<u8>) {
    let length = std::str::from_utf8(text).map_or(text.len(), |text| text.chars().count());
    let missing = spec.width.unwrap_or(0).saturating_sub(length);
    let fill = if spec.zero && !spec.minus { b'0' } else { b' ' };
    if !spec.minus {
        out.extend(std::iter::repeat_n(fill, missing));
    }
    out.extend_from_slice(text);
    if spec.minus {
        out.extend(std::iter::repeat_n(b' ', missing));
    }
}

fn integer(spec: &Spec, digits: &str, negative: bool, out: &mut Vec<u8>) {
    let digits = format!("{:0>1$}", digits, spec.precision.unwrap_or(0));
    let plain = Spec {
        zero: spec.zero && spec.precision.is_none(),
        ..Spec { minus: spec.minus, width: spec.width, ..Spec::default() }
    };
    let text = if negative { format!("-{digits}") } else { signed(spec, digits) };
    pad_number(&plain, &text, out);
}

fn signed(spec: &Spec, text: String) -> String {
    match (text.starts_with(['-', '+']), spec.plus, spec.space) {
        (false, true, _) => format!("+{text}"),
        (false, false, true) => format!(" {text}"),
        _ => text,
    }
}

/// Zeros go between the sign and the digits.
fn pad_number(spec: &Spec, text: &str, out: &mut Vec<u8>) {
    let (sign, digits) = match text.strip_prefix(['-', '+', ' ']) {
        Some(digits) if spec.zero && !spec.minus => (&text[..1], digits),
        _ => ("", text),
    };
    out.extend_from_slice(sign.as_bytes());
    let width = spec.width.map(|width| width.saturating_sub(sign.len()));
    pad(&Spec { minus: spec.minus, zero: spec.zero, width, ..Spec::default() }, digits.as_bytes(), out);
}

fn exponent(text: &str) -> String {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(("+", exponent), |exponent| ("-", exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// `%g`: as `%v`, but with an exponent from 1e21 on all the same.
fn shortest(number: f64) -> String {
    float(number)
}

/// `%.Ng`: so many digits, without zeros at the end.
fn general(number: f64, precision: usize) -> String {
    let text = format!("{number:.*e}", precision - 1);
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let trim = |text: &str| {
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
    };
    if power < -4 || power >= i32::try_from(precision).unwrap_or(i32::MAX) {
        return exponent(&format!("{}e{power}", trim(digits)));
    }
    let places = usize::try_from(i32::try_from(precision).unwrap_or(i32::MAX) - 1 - power).unwrap_or(0);
    trim(&format!("{number:.places$}"))
}

/// Quotes text as Go's `strconv.Quote`: double quotes, and escapes for what cannot be printed.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            _ if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            _ if c.is_control()
                || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{feff}') =>
            {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}
