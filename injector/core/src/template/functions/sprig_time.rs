//! Sprig's functions of stretches of time. Go's `time.Duration` is a count of nanoseconds.

use super::{Function, Value, function};

pub(super) const TABLE: &[Function] = &[
    function("sprig_duration", 1, 1, |a, _| {
        let seconds: i64 = stretch(&a[0], "\"95\"")?.parse().unwrap_or(0);
        // In Go what is too much comes out as something else.
        if seconds.checked_mul(SECOND).is_none() {
            return Err("it is longer than 292 years".to_owned());
        }
        Ok(Value::text(shown(seconds)))
    }),
    function("sprig_durationRound", 1, 1, |a, _| {
        let nanos = parsed(stretch(&a[0], "\"26h\"")?).unwrap_or(0);
        // Its sign is lost in sprig as well.
        let size = nanos.unsigned_abs();
        let unit = UNITS.iter().find(|(_, unit)| size > *unit);
        Ok(Value::text(unit.map_or_else(|| "0s".to_owned(), |(name, unit)| format!("{}{name}", size / unit))))
    }),
];

const SECOND: i64 = 1_000_000_000;
const HOUR: u64 = 3_600_000_000_000;
/// What is counted in, the largest first.
const UNITS: [(&str, u64); 6] = [
    ("y", HOUR * 24 * 365),
    ("mo", HOUR * 24 * 30),
    ("d", HOUR * 24),
    ("h", HOUR),
    ("m", HOUR / 60),
    ("s", HOUR / 3600),
];

/// Sprig takes a number for nothing unless it is of one of Go's many types for it.
fn stretch<'v>(value: &'v Value, example: &str) -> Result<&'v str, String> {
    value.as_str().filter(|_| matches!(value, Value::Text(_))).ok_or_else(|| {
        format!(
            "{} is given, of which sprig makes nothing or something by its type in Go: give it text, as {example}",
            value.kind()
        )
    })
}

/// Writes whole seconds as Go's `Duration.String`.
fn shown(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let (all, size) = (seconds.unsigned_abs(), seconds.unsigned_abs() % 60);
    match (all / 3600, all / 60 % 60) {
        (0, 0) => format!("{sign}{size}s"),
        (0, minutes) => format!("{sign}{minutes}m{size}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{size}s"),
    }
}

/// Reads what Go's `time.ParseDuration` reads; none where that is an error.
fn parsed(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum: u64 = 0;
    while !rest.is_empty() {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, behind) = rest.split_at(digits(rest));
        let (fraction, behind) = match behind.strip_prefix('.') {
            Some(behind) => behind.split_at(digits(behind)),
            None => ("", behind),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let name = behind.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(behind.len());
        let (name, behind) = behind.split_at(name);
        let unit: u64 = match name {
            "ns" => 1,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => HOUR / 60,
            "h" => HOUR,
            _ => return None,
        };
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        sum = sum.checked_add(whole.checked_mul(unit)?)?;
        // Digits beyond the eighteenth are less than a nanosecond.
        let fraction = &fraction[..fraction.len().min(18)];
        if !fraction.is_empty() {
            let part =
                u128::from(unit) * fraction.parse::<u128>().ok()? / 10_u128.pow(u32::try_from(fraction.len()).ok()?);
            sum = sum.checked_add(u64::try_from(part).ok()?)?;
        }
        rest = behind;
    }
    let size = i64::try_from(sum).ok()?;
    Some(if negative { -size } else { size })
}
