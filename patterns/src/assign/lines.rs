//! Values on a line below their names: where an expression, a call or a list goes on in the next line, and where a label or a
//! heading stands above what it names.

use std::ops::Range;

use memchr::memrchr;

/// How far behind its name a value on another line may begin.
const BELOW: usize = 96;
/// The longest word below a label.
const WORD: usize = 128;
/// The longest label, before the name.
const LABEL: usize = 40;

/// Where the literal begins that an expression goes on with in the next line: `name =⏎ "…"`, `name = (⏎ "…"`, `name = \⏎ "…"`,
/// `call("name",⏎ "…")`, `call("name",⏎ default="…")`, `NAMES = [⏎ "…"`. `from` is what stands behind the operator.
pub(super) fn goes_on(text: &[u8], before: &[u8], name: &Range<usize>, from: usize) -> Option<usize> {
    let high = text.len().min(from + BELOW);
    let rest = text.get(from..high)?;
    let opened = match rest.first()? {
        b'\r' | b'\n' => 0,
        b'(' | b'\\' => 1,
        // Only what is many is a list of them.
        b'[' | b'{' if matches!(text[name.end - 1], b's' | b'S') => 1,
        _ => return None,
    };
    // Of texts in a row, one a line, none is the name of the next.
    let listed = text[..from].trim_ascii_end().ends_with(b",");
    if listed && !matches!(before, [.., b'(', b'"' | b'\''] | [.., b'-', b'-']) {
        return None;
    }
    let rest = next_line(&rest[opened..])?;
    let rest = [b"default=".as_slice(), b"default = ", b"default: ", b"value=", b"value = ", b"value: "]
        .into_iter()
        .find_map(|word| rest.strip_prefix(word))
        .unwrap_or(rest);
    let literal =
        matches!(rest, [b'"' | b'\'' | b'`', ..] | [b'b' | b'r' | b'u' | b'N' | b'@' | b'L', b'"' | b'\'', ..]);
    literal.then(|| high - rest.len())
}

/// What the line below begins with, where nothing is left of this one.
fn next_line(rest: &[u8]) -> Option<&[u8]> {
    let blank = |rest: &[u8]| rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
    let below = rest[blank(rest)..].strip_prefix(b"\n")?;
    Some(&below[blank(below)..])
}

/// The word below a label, a term or a heading, alone on its line: `Password:⏎⏎  word`, `Password⏎: word`,
/// `### API key⏎⏎```⏎word`. It has a digit.
pub(super) fn below(text: &[u8], name: &Range<usize>) -> Option<Range<usize>> {
    let rest = &text[name.end..text.len().min(name.end + BELOW)];
    if !matches!(rest.first()?, b'\n' | b'\r' | b':' | b'*' | b' ') {
        return None;
    }
    let tail = rest.iter().take(6).take_while(|b| matches!(b, b':' | b'*' | b'_' | b' ' | b'\r')).count();
    let mut below = rest[tail..].strip_prefix(b"\n")?;
    let low = name.start.saturating_sub(LABEL);
    let line = &text[low..name.start];
    let start = memrchr(b'\n', line).map(|newline| newline + 1).or((low == 0).then_some(0))?;
    let label = line[start..].trim_ascii();
    let heading = label.starts_with(b"#");
    let colon = rest[..tail].contains(&b':');
    // A condition of a program ends in a colon too.
    let told = label.is_empty() || matches!(label[0], b'#' | b'*' | b'-' | b'_' | b'A'..=b'Z');
    let words = label.iter().all(|b| b.is_ascii_alphabetic() || b"#*-_ '".contains(b));
    let term = label.is_empty() && text[name.start].is_ascii_uppercase();
    if !told || !words || !(heading || colon || term) {
        return None;
    }
    let blank = |rest: &[u8]| rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    if heading || colon {
        below = below.strip_prefix(b"\r").unwrap_or(below);
        below = below.strip_prefix(b"\n").unwrap_or(below);
    }
    if heading && let Some(fence) = below.strip_prefix(b"```") {
        below = &fence[memchr::memchr(b'\n', fence)? + 1..];
    }
    let indent = blank(below);
    below = &below[indent..];
    if !heading && !colon {
        below = match below.strip_prefix(b": ") {
            Some(rest) => &rest[blank(rest)..],
            None if indent >= 2 => below,
            None => return None,
        };
    }
    let marks = below.iter().take(2).take_while(|b| matches!(b, b'`' | b'*')).count();
    let start = name.end + rest.len() - below.len() + marks;
    word(text, start, marks)
}

/// A word with a digit that ends its line, but for marks.
fn word(text: &[u8], start: usize, marks: usize) -> Option<Range<usize>> {
    let rest = &text[start..text.len().min(start + WORD)];
    let in_word = |b: &u8| b.is_ascii_alphanumeric() || b"!@#$%^&*+=?._~/-".contains(b);
    let length = rest.iter().take_while(|b| in_word(b)).count();
    let stars = rest[..length].iter().rev().take(marks).take_while(|b| **b == b'*').count();
    let ticks = rest[length..].iter().take(marks).take_while(|b| **b == b'`').count();
    let ends = matches!(rest.get(length + ticks), None | Some(b'\n' | b'\r'));
    let word = &rest[..length - stars];
    let count = |kind: fn(&u8) -> bool| word.iter().filter(|b| kind(b)).count();
    // `1.2.3-rc1`, `docs/setup2.md`: a number or a name of something else.
    let other = word.contains(&b'/') && word.len() < 20 || word.iter().filter(|b| **b == b'.').count() > 1;
    (ends
        && stars + ticks == marks
        && word.len() >= 6
        && word[0].is_ascii_alphanumeric()
        && count(u8::is_ascii_digit) >= 1
        && count(u8::is_ascii_alphabetic) >= 3
        && !other)
        .then(|| start..start + word.len())
}

#[cfg(test)]
mod tests {
    use super::super::{Operator, around};

    fn read(text: &str, name: &str) -> Option<String> {
        let at = text.find(name).unwrap();
        let got = around(text.as_bytes(), at..at + name.len())?;
        assert_eq!(got.operator, Operator::Apposed, "{text}");
        Some(text[got.value].to_owned())
    }

    #[test]
    fn an_expression_goes_on_in_the_next_line() {
        for text in [
            "password =\n    \"walnut9\"",
            "password = (\r\n    \"walnut9\"\n    \"x\"\n)",
            "password = \\\n  'walnut9'",
            "\"password\":\n  \"walnut9\"",
            "const password: &str =\n    \"walnut9\";",
            "static String password =\n\t\"walnut9\";",
            ".password(\n    b\"walnut9\",\n)",
            "put(\"password\",\n    \"walnut9\")",
            "arg(\"--password\",\n    default=\"walnut9\")",
            "passwords = [\n    \"walnut9\",\n]",
            "char *passwords[] = {\n    \"walnut9\",\n}",
        ] {
            let name = if text.contains("passwords") { "passwords" } else { "password" };
            assert_eq!(read(text, name).as_deref(), Some("walnut9"), "{text}");
        }
    }

    #[test]
    fn a_label_stands_above_what_it_names() {
        for text in [
            "Password:\n\n    walnut9\n",
            "- **Password:**\n  walnut9\n",
            "Password\n    walnut9\n",
            "Password\n: walnut9\n",
            "## Your Password\n\n`walnut9`\n",
            "### Password\n```text\nwalnut9\n```\n",
            "password:\n  walnut9\n",
            "Password:\r\n**walnut9**\r\n",
        ] {
            let name = if text.contains("Password") { "Password" } else { "password" };
            assert_eq!(read(text, name).as_deref(), Some("walnut9"), "{text}");
        }
    }

    #[test]
    fn what_is_below_may_be_another_thing() {
        for text in [
            "\"password\",\n\"walnut9\",",
            "if password:\n    walnut9",
            "password = [\n    \"walnut9\",\n]",
            "password =\n    walnut9",
            "password:\n  walnut9: x\n",
            "password\nwalnut9\n",
            "Password\n: what you chose 9\n",
            "password:\n  - walnut9\n",
            "### Password\n\nwalnut.9.1\n",
        ] {
            let name = if text.contains("Password") { "Password" } else { "password" };
            let at = text.find(name).unwrap();
            let got = around(text.as_bytes(), at..at + name.len());
            assert!(got.is_none_or(|got| !text[got.value].contains("walnut")), "{text}");
        }
    }
}
