//! Numbers with a fraction under the verbs of Go's `fmt`, always with their sign in front.
//! <https://cs.opensource.google/go/go/+/master:src/fmt/format.go>, `fmtFloat`

use super::print::float;
use super::printf::Spec;

/// Bits of a number's fraction, and what its exponent is counted from (IEEE 754, binary64).
const FRACTION: u32 = 52;
const BIAS: i32 = 1023;

/// Writes a number under a verb; none where the verb is for no such number.
pub(super) fn text(spec: &Spec, verb: char, number: f64) -> Option<String> {
    if !matches!(verb, 'v' | 'g' | 'G' | 'f' | 'F' | 'e' | 'E' | 'x' | 'X' | 'b') {
        return None;
    }
    if !number.is_finite() {
        let shown = if number.is_nan() { "NaN" } else { "Inf" };
        return Some(format!("{}{shown}", if number == f64::NEG_INFINITY { '-' } else { '+' }));
    }
    let (size, sign) = (number.abs(), if number.is_sign_negative() { '-' } else { '+' });
    let digits = match verb {
        'f' | 'F' => format!("{size:.*}", spec.precision.unwrap_or(6)),
        'e' | 'E' => exponent(&format!("{size:.*e}", spec.precision.unwrap_or(6))),
        'x' | 'X' => hexadecimal(size, spec.precision),
        'b' => {
            let (fraction, power) = parts(size);
            format!("{fraction}p{:+}", power - i32::try_from(FRACTION).unwrap_or_default())
        }
        _ => match spec.precision {
            None => float(size),
            Some(precision) => general(size, precision.max(1)),
        },
    };
    let digits = if spec.sharp && verb != 'b' { with_point(&digits, verb, spec.precision) } else { digits };
    let digits = if matches!(verb, 'E' | 'G' | 'X') { digits.to_uppercase() } else { digits };
    Some(format!("{sign}{digits}"))
}

/// Writes an exponent with its sign and two digits at least.
fn exponent(text: &str) -> String {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
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

/// The digits of a number as a whole number of `FRACTION` bits and one, and the power of two of the first.
fn parts(number: f64) -> (u64, i32) {
    let bits = number.to_bits();
    let fraction = bits & ((1 << FRACTION) - 1);
    match i32::try_from((bits >> FRACTION) & 0x7ff).unwrap_or_default() {
        0 => (fraction, 1 - BIAS),
        power => (fraction | 1 << FRACTION, power - BIAS),
    }
}

/// `%x`: `0x1.8p+01`.
fn hexadecimal(number: f64, precision: Option<usize>) -> String {
    let (mut fraction, mut power) = parts(number);
    if fraction == 0 {
        power = 0;
    } else {
        // What is too small for a first digit is moved up to have one.
        let shift = fraction.leading_zeros() - (63 - FRACTION);
        fraction <<= shift;
        power -= i32::try_from(shift).unwrap_or_default();
    }
    if let Some(dropped) = precision.and_then(|precision| (FRACTION as usize).checked_sub(precision * 4)) {
        let rest = fraction & ((1 << dropped) - 1);
        fraction >>= dropped;
        let half = if dropped == 0 { u64::MAX } else { 1 << (dropped - 1) };
        if rest > half || (rest == half && dropped > 0 && fraction & 1 == 1) {
            fraction += 1;
        }
        fraction <<= dropped;
        if fraction >> (FRACTION + 1) != 0 {
            fraction >>= 1;
            power += 1;
        }
    }
    let first = fraction >> FRACTION;
    let rest = format!("{:013x}", fraction & ((1 << FRACTION) - 1));
    let rest = match precision {
        None => rest.trim_end_matches('0').to_owned(),
        Some(precision) => format!("{rest:0<precision$}")[..precision].to_owned(),
    };
    let point = if rest.is_empty() { "" } else { "." };
    let (sign, power) = (if power < 0 { '-' } else { '+' }, power.unsigned_abs());
    format!("0x{first}{point}{rest}p{sign}{power:02}")
}

/// The flag `#`: a decimal point always, and under `%g` the zeros that are left out else.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let mut missing = match verb {
        'v' | 'g' | 'G' | 'x' | 'X' => i64::try_from(precision.unwrap_or(6)).unwrap_or(i64::MAX),
        _ => 0,
    };
    let is_hexadecimal = matches!(verb, 'x' | 'X');
    let end = text.find(|c| c == 'p' || (c == 'e' && !is_hexadecimal)).unwrap_or(text.len());
    let (digits, tail) = text.split_at(end);
    let mut seen = false;
    for c in digits.chars().filter(|c| *c != '.') {
        seen |= c != '0';
        missing -= i64::from(seen);
    }
    let mut out = digits.to_owned();
    if !digits.contains('.') {
        // A zero that stands alone is one of the digits.
        missing -= i64::from(digits == "0");
        out.push('.');
    }
    out.extend(std::iter::repeat_n('0', usize::try_from(missing).unwrap_or(0)));
    out + tail
}
