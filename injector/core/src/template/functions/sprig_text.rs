//! More of sprig: text, paths, numbers with a fraction, checksums.

use super::{ANY, Function, MAX_TEXT, Outcome, Value, bytes_of, encode, function, shown, text, text_of};

pub(super) const TABLE: &[Function] = &[
    function("sprig_sha1sum", 1, 1, |a, around| Ok(Value::text(encode::hex(&around.outside().sha1(bytes_of(&a[0])?))))),
    function("sprig_sha512sum", 1, 1, |a, around| {
        Ok(Value::text(encode::hex(&around.outside().sha512(bytes_of(&a[0])?))))
    }),
    function("sprig_adler32sum", 1, 1, |a, _| Ok(Value::text(adler32(bytes_of(&a[0])?).to_string()))),
    function("sprig_b32enc", 1, 1, |a, _| Ok(Value::text(base32(bytes_of(&a[0])?)))),
    function("sprig_b32dec", 1, 1, |a, _| from_base32(bytes_of(&a[0])?)),
    function("sprig_trimall", 2, 2, |a, _| Ok(Value::text(text::trim(text_of(&a[1])?, text_of(&a[0])?)))),
    function("sprig_untitle", 1, 1, |a, _| Ok(Value::text(untitle(text_of(&a[0])?)))),
    function("sprig_initials", 1, 1, |a, _| {
        Ok(Value::text(text_of(&a[0])?.split_whitespace().filter_map(|word| word.chars().next()).collect::<String>()))
    }),
    function("sprig_abbrev", 2, 2, |a, _| {
        let text = text_of(&a[1])?;
        match whole(&a[0])? {
            width @ 4.. if i64::try_from(text.len()).is_ok_and(|size| size > width) => {
                let kept = usize::try_from(width - 3).ok().and_then(|kept| text.get(..kept));
                let kept = kept.ok_or("it would cut a character in two")?;
                Ok(Value::text(format!("{kept}...")))
            }
            _ => Ok(Value::text(text)),
        }
    }),
    function("sprig_plural", 3, 3, |a, _| Ok(if whole(&a[2])? == 1 { a[0].clone() } else { a[1].clone() })),
    function("sprig_split", 2, 2, |a, _| Ok(numbered(text_of(&a[1])?.split(text_of(&a[0])?)))),
    function("sprig_splitn", 3, 3, |a, _| {
        let most = usize::try_from(whole(&a[1])?).map_err(|_| "a negative number is given")?;
        Ok(numbered(text_of(&a[2])?.splitn(most, text_of(&a[0])?)))
    }),
    function("sprig_regexFindAll", 3, 3, |a, _| {
        let most = usize::try_from(whole(&a[2])?).unwrap_or(usize::MAX);
        let regex = text::regex(text_of(&a[0])?)?;
        Ok(Value::texts(regex.find_iter(text_of(&a[1])?).take(most).map(|found| found.as_str())))
    }),
    function("sprig_regexSplit", 3, 3, |a, _| {
        let (regex, text) = (text::regex(text_of(&a[0])?)?, text_of(&a[1])?);
        Ok(match usize::try_from(whole(&a[2])?) {
            Ok(most) => Value::texts(regex.splitn(text, most)),
            Err(_) => Value::texts(regex.split(text)),
        })
    }),
    function("sprig_regexReplaceAllLiteral", 3, 3, |a, _| {
        let by = regex_lite::NoExpand(text_of(&a[2])?);
        Ok(Value::text(text::regex(text_of(&a[0])?)?.replace_all(text_of(&a[1])?, by).into_owned()))
    }),
    function("sprig_regexQuoteMeta", 1, 1, |a, _| {
        let mut out = String::new();
        for c in text_of(&a[0])?.chars() {
            if "\\.+*?()|[]{}^$".contains(c) {
                out.push('\\');
            }
            out.push(c);
        }
        Ok(Value::text(out))
    }),
    function("sprig_base", 1, 1, |a, _| Ok(Value::text(base(text_of(&a[0])?)))),
    function("sprig_dir", 1, 1, |a, _| {
        let path = text_of(&a[0])?;
        Ok(Value::text(clean(path.rfind('/').map_or("", |at| &path[..=at]))))
    }),
    function("sprig_clean", 1, 1, |a, _| Ok(Value::text(clean(text_of(&a[0])?)))),
    function("sprig_ext", 1, 1, |a, _| {
        let name = text_of(&a[0])?.rsplit('/').next().unwrap_or_default();
        Ok(Value::text(name.rfind('.').map_or("", |at| &name[at..])))
    }),
    function("sprig_isAbs", 1, 1, |a, _| Ok(Value::Bool(text_of(&a[0])?.starts_with('/')))),
    function("sprig_float64", 1, 1, |a, _| Ok(Value::Float(broken(&a[0])))),
    function("sprig_ceil", 1, 1, |a, _| Ok(Value::Float(broken(&a[0]).ceil()))),
    function("sprig_floor", 1, 1, |a, _| Ok(Value::Float(broken(&a[0]).floor()))),
    function("sprig_round", 2, 3, |a, _| {
        let places = i32::try_from(whole(&a[1])?).map_err(|_| "it rounds further than numbers go")?;
        let up_from = a.get(2).map_or(0.5, broken);
        let power = 10f64.powi(places);
        let digits = broken(&a[0]) * power;
        let rounded = if digits.fract() >= up_from { digits.ceil() } else { digits.floor() };
        Ok(Value::Float(rounded / power))
    }),
    function("sprig_fail", 1, 1, |a, _| Err(String::from_utf8_lossy(&shown(&a[0])).escape_debug().to_string())),
    function("sprig_mustRegexMatch", 2, 2, |a, _| {
        Ok(Value::Bool(text::regex(text_of(&a[0])?)?.is_match(text_of(&a[1])?)))
    }),
    function("sprig_hello", 0, ANY, |_, _| Ok(Value::text("Hello!"))),
];

fn whole(value: &Value) -> Result<i64, String> {
    match value {
        Value::Int(number) => Ok(*number),
        other => Err(format!("{} is given where a whole number belongs", other.kind())),
    }
}

/// Makes a number with a fraction of anything, and 0 of what is none.
fn broken(value: &Value) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "it is what Go does")]
    match value {
        Value::Int(number) => *number as f64,
        Value::Float(number) => *number,
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        other => other.as_str().and_then(|text| text.parse().ok()).unwrap_or(0.0),
    }
}

/// Makes a map of parts: `_0`, `_1` and so on.
fn numbered<'t>(parts: impl Iterator<Item = &'t str>) -> Value {
    Value::map_of_texts(parts.enumerate().map(|(at, part)| (format!("_{at}"), part)))
}

/// Makes the first letter of every word small.
fn untitle(text: &str) -> String {
    let mut begins = true;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if begins && !c.is_whitespace() {
            out.extend(c.to_lowercase());
        } else {
            out.push(c);
        }
        begins = c.is_whitespace();
    }
    out
}

/// The last part of a path, as Go's `path.Base`.
fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    match path.trim_end_matches('/') {
        "" => "/",
        path => path.rsplit('/').next().unwrap_or(path),
    }
}

/// The shortest path that is the same, by its words alone, as Go's `path.Clean`.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

/// The checksum of zlib (RFC 1950, section 8).
fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    b << 16 | a
}

/// The letters of base32 (RFC 4648, section 6).
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(5) * 8);
    for group in bytes.chunks(5) {
        let bits = (0..5).fold(0_u64, |bits, at| bits << 8 | u64::from(group.get(at).copied().unwrap_or(0)));
        let letters = (group.len() * 8).div_ceil(5);
        for at in 0..8 {
            let five = (bits >> (35 - 5 * at)) & 31;
            out.push(if at < letters { LETTERS[usize::try_from(five).unwrap_or(0)] } else { b'=' });
        }
    }
    out
}

fn from_base32(text: &[u8]) -> Outcome {
    let no = || "what it is given is not base32".to_owned();
    let text: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    if !text.len().is_multiple_of(8) || text.len() > MAX_TEXT {
        return Err(no());
    }
    let letters = text.iter().position(|byte| *byte == b'=').unwrap_or(text.len());
    if text[letters..].iter().any(|byte| *byte != b'=') || !matches!(text.len() - letters, 0 | 1 | 3 | 4 | 6) {
        return Err(no());
    }
    let mut out = Vec::with_capacity(text.len() / 8 * 5);
    let (mut bits, mut held) = (0_u32, 0);
    for letter in &text[..letters] {
        let five = LETTERS.iter().position(|one| one == letter).and_then(|at| u32::try_from(at).ok()).ok_or_else(no)?;
        bits = bits << 5 | five;
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Ok(Value::text(out))
}
