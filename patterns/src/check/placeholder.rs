//! Values that nobody uses: examples, masks, fillers.

/// Words that make a value somebody's example. Compared without case, and only against whole words of the value or
/// a value that is mostly made of them, so that a random key with `test` inside still counts.
const WORDS: &[&[u8]] = &[
    b"example",
    b"sample",
    b"placeholder",
    b"changeme",
    b"change",
    b"replace",
    b"replaceme",
    b"redacted",
    b"insert",
    b"dummy",
    b"fake",
    b"yoursecret",
    b"your",
    b"xxx",
    b"todo",
    b"none",
    b"null",
    b"undefined",
    b"secret",
    b"password",
    b"passwd",
    b"pass",
    b"pwd",
    b"credential",
    b"credentials",
    b"qux",
    b"not",
    b"notasecret",
    b"invalid",
    b"pw",
    b"unbekannt",
    b"inconnu",
    b"desconocido",
    b"wrong",
    b"bogus",
    b"whatever",
    b"something",
    b"anything",
    b"token",
    b"apikey",
    b"key",
    b"here",
    b"value",
    b"foo",
    b"bar",
    b"foobar",
    b"baz",
    b"abc",
    b"test",
    b"testing",
    b"my",
    b"the",
    b"user",
    b"username",
    b"string",
    b"api",
    b"goes",
    b"this",
    b"with",
    b"real",
    b"enter",
    b"put",
    b"access",
    b"private",
    b"client",
    b"some",
    b"default",
    b"hidden",
    b"sensitive",
    b"masked",
    b"notset",
    b"unset",
    b"empty",
    b"blank",
    b"na",
    b"tbd",
    b"new",
    b"old",
    b"current",
    b"repeat",
    b"deadbeef",
    b"mysecret",
    b"mytoken",
    b"mypassword",
    b"me",
    b"a",
    b"auth",
    b"id",
    b"account",
    b"db",
    b"database",
    b"true",
    b"false",
    b"yes",
    b"no",
    b"on",
    b"off",
    b"enabled",
    b"disabled",
    b"required",
    b"optional",
];

/// `test test test test test junk`: the same word again and again, but for one.
fn one_word(value: &[u8]) -> bool {
    let mut words = value.split(|b| *b == b' ');
    let first = words.next().unwrap_or_default();
    let (mut same, mut others) = (1, 0);
    words.for_each(|word| if word == first { same += 1 } else { others += 1 });
    same >= 4 && others <= 1
}

/// Whether the value is an example, a mask or a filler.
///
/// ```
/// use oakum_patterns::check::is_placeholder;
/// assert!(is_placeholder(b"your-api-key-here"));
/// assert!(is_placeholder(b"xxxxxxxxxxxx"));
/// assert!(is_placeholder(b"AKIAIOSFODNN7EXAMPLE"));
/// assert!(!is_placeholder(b"hunter2!"));
/// ```
#[must_use]
pub fn is_placeholder(value: &[u8]) -> bool {
    masked(value)
        || one_word(value)
        || value.ends_with(b"EXAMPLE")
        || value.ends_with(b"EXAMPLEKEY")
        || value.starts_with(b"EXAMPLE")
        || sequence(value)
        || words_only(value)
}

/// One byte over and over, or a run of masking bytes somewhere in it.
fn masked(value: &[u8]) -> bool {
    let mut distinct = [false; 256];
    for &b in value {
        distinct[usize::from(b.to_ascii_lowercase())] = true;
    }
    let few = distinct.iter().filter(|&&d| d).count();
    if (few <= 2 && value.len() >= 4) || (few <= 1 && value.len() >= 2) {
        return true;
    }
    // The longer a random token, the longer the runs that chance alone puts into it.
    let (letters, others) = match value.len() {
        0..=23 => (4, 8),
        24..=99 => (6, 8),
        _ => (8, 16),
    };
    let mut run = 1;
    for pair in value.windows(2) {
        run = if pair[0] == pair[1] { run + 1 } else { 1 };
        let limit = match pair[1] {
            b'*' | b'.' | b'#' => 4,
            b'X' | b'x' | b'_' => letters,
            _ => others,
        };
        if run >= limit {
            return true;
        }
    }
    (value.starts_with(b"<") && value.ends_with(b">")) || (value.starts_with(b"[") && value.ends_with(b"]"))
}

/// `123456789…`, `abcdefgh…`: each byte one more than the last, nearly everywhere.
fn sequence(value: &[u8]) -> bool {
    let body = value.iter().rposition(|&b| b == b'_' || b == b'-').map_or(value, |p| &value[p + 1..]);
    if body.len() < 6 {
        return false;
    }
    // `000102030405…`: bytes that count.
    let byte = |two: &[u8]| std::str::from_utf8(two).ok().and_then(|two| u8::from_str_radix(two, 16).ok());
    let bytes: Vec<_> = body.chunks_exact(2).map(byte).collect();
    let counting = bytes.windows(2).filter(|w| matches!(w, [Some(a), Some(b)] if *b == a.wrapping_add(1))).count();
    if counting >= 5 && counting * 4 >= bytes.len() * 3 {
        return true;
    }
    let steps = body
        .windows(2)
        .filter(|w| {
            w[1] == w[0].wrapping_add(1)
                || w == b"90"
                || w == b"9a"
                || w == b"9A"
                || w == b"f0"
                || w == b"F0"
                || w == b"zA"
                || w == b"Z0"
        })
        .count();
    steps * 10 >= (body.len() - 1) * 8
}

/// Made of words of the list and digits at its end, in any case and with any joints.
fn words_only(value: &[u8]) -> bool {
    let mut any = false;
    for word in words(value) {
        if word.iter().all(u8::is_ascii_digit) {
            if word.len() > 3 {
                return false;
            }
            continue;
        }
        let lower = word.to_ascii_lowercase();
        if !WORDS.contains(&lower.as_slice()) && !lower.iter().all(|&b| b == b'x') {
            return false;
        }
        any = true;
    }
    any
}

/// Splits at joints, at digits and where camel case turns.
fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = value;
    std::iter::from_fn(move || {
        while rest.first().is_some_and(|b| !b.is_ascii_alphanumeric()) {
            rest = &rest[1..];
        }
        let first = *rest.first()?;
        let mut end = 1;
        while end < rest.len() {
            let (before, b) = (rest[end - 1], rest[end]);
            let joins = b.is_ascii_alphanumeric()
                && b.is_ascii_digit() == first.is_ascii_digit()
                && !(before.is_ascii_lowercase() && b.is_ascii_uppercase());
            if !joins {
                break;
            }
            end += 1;
        }
        let (word, tail) = rest.split_at(end);
        rest = tail;
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_and_masks_are_placeholders() {
        for text in [
            "",
            "changeme",
            "CHANGE_ME",
            "yourPasswordHere",
            "your_api_key",
            "<password>",
            "****",
            "xxxxxxxx",
            "abc***def****",
            "1234567890",
            "abcdefghijkl",
            "password123",
            "my-secret-token",
            "test",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "sk_test_abcdefghijklmnopqrstuvwx",
        ] {
            assert!(is_placeholder(text.as_bytes()) || text.is_empty(), "{text}");
        }
    }

    #[test]
    fn real_looking_values_are_not() {
        for text in ["hunter2!", "correct horse battery", "S3cr3t!pass", "kT9test2LmQ", "p4ssw0rd!2019", "Summer2019"] {
            assert!(!is_placeholder(text.as_bytes()), "{text}");
        }
    }
}
