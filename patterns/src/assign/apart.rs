//! Values that do not stand right behind their names: in a row beside a row of names, in the other branch of a choice,
//! before the name, or on a line whose remark says what it is.

use std::ops::Range;

use memchr::{memchr2_iter, memrchr};

use super::is_name;

/// How far back from a name its line, or its value, is looked for.
const BACK: usize = 200;
/// How far ahead a row of values, or another branch, is looked for.
const AHEAD: usize = 160;
/// The longest remark that says what a line has.
const REMARK: usize = 48;
/// The longest prefix of an element's name: `ns:`.
const LONGEST_SPACE: usize = 24;
/// The longest stretch of an element's attributes.
const LONGEST_TAG: usize = 160;

/// A quoted text that ends with the quote at `close`, on one line.
fn literal_before(text: &[u8], low: usize, close: usize) -> Option<Range<usize>> {
    let quote = *text.get(close)?;
    let open = low + memrchr(quote, text.get(low..close)?)?;
    let inside = open + 1..close;
    (!inside.is_empty() && !text[inside.clone()].contains(&b'\n')).then_some(inside)
}

/// A quoted text that begins with the quote at `open`, on one line.
fn literal_at(text: &[u8], open: usize) -> Option<Range<usize>> {
    let quote = *text.get(open).filter(|b| matches!(b, b'"' | b'\''))?;
    let high = text.len().min(open + 1 + AHEAD);
    let end = text[open + 1..high].iter().position(|b| *b == quote || *b == b'\n')?;
    let close = open + 1 + end;
    (end > 0 && text[close] == quote).then_some(open + 1..close)
}

fn line_start(text: &[u8], at: usize) -> usize {
    let low = at.saturating_sub(BACK);
    memrchr(b'\n', &text[low..at]).map_or(low, |newline| low + newline + 1)
}

/// The value of a name in a row of names, where it is a literal: `user, password = "anna", "…"`,
/// `my ($user, $password) = ('anna', '…')`. None if it stands in no row.
pub(super) fn in_row(text: &[u8], name: &Range<usize>) -> Option<Option<Range<usize>>> {
    // Which of the row it is.
    let start = line_start(text, name.start);
    let before = &text[start..name.start];
    let row = |b: &u8| is_name(*b) || matches!(b, b' ' | b'\t' | b',' | b'(' | b'[' | b'@' | b'%');
    // What a bracket right behind a name holds are arguments: `f(user, password="…")`.
    let called = before.windows(2).any(|two| is_name(two[0]) && matches!(two[1], b'(' | b'['));
    if let Some(value) = inserted(text, name, start) {
        return Some(Some(value));
    }
    if called || !before.iter().all(row) {
        return None;
    }
    let number = before.iter().filter(|b| **b == b',').count();
    let behind = text.get(name.end..text.len().min(name.end + AHEAD))?;
    let names = behind.iter().take_while(|b| row(b) || matches!(b, b')' | b']')).count();
    let others = behind[..names].iter().filter(|b| **b == b',').count();
    let joined = &behind[names..];
    // `(user, password) == ("anna", "…")` too.
    let operator = if joined.starts_with(b":=") || joined.starts_with(b"== (") { 2 } else { 1 };
    if number + others == 0 || !(operator == 2 || matches!(joined, [b'=', next, ..] if *next != b'=')) {
        return None;
    }
    let value = nth(text, name.end + names + operator, number);
    // A state of React: `const [password, setPassword] = useState("…")`.
    if joined
        .get(1..)
        .is_some_and(|rest| [b" useState(".as_slice(), b" React.useState("].iter().any(|call| rest.starts_with(call)))
    {
        return None;
    }
    // A sentence may end in an assignment: `as anna, password=…`.
    (names > 0 || value.is_some()).then_some(value)
}

/// The value of a column that SQL inserts: `INSERT INTO t (id, name) VALUES (1, '…')`.
fn inserted(text: &[u8], name: &Range<usize>, line: usize) -> Option<Range<usize>> {
    let column = |b: &u8| is_name(*b) || matches!(b, b' ' | b',' | b'`' | b'"' | b'\n' | b'\t' | b'\r');
    let open = memrchr(b'(', &text[line..name.start]).map(|open| line + open)?;
    let before = &text[open + 1..name.start];
    let behind = text.get(name.end..text.len().min(name.end + AHEAD))?;
    let columns = behind.iter().take_while(|b| column(b)).count();
    let rest = behind.get(columns..)?.strip_prefix(b")")?.trim_ascii_start();
    if !before.iter().all(column) || !rest.get(..6)?.eq_ignore_ascii_case(b"values") {
        return None;
    }
    let number = before.iter().filter(|b| **b == b',').count();
    let from = name.end + (behind.len() - rest.len()) + 6;
    let gap = text[from..].iter().take(16).take_while(|b| b.is_ascii_whitespace()).count();
    // What most databases keep of a password is its hash.
    let hash = |value: &[u8]| value.starts_with(b"$") || (value.len() >= 32 && value.iter().all(u8::is_ascii_hexdigit));
    nth(text, from + gap, number).filter(|value| !hash(&text[value.clone()]))
}

/// A value of a row, by its number.
fn nth(text: &[u8], mut at: usize, number: usize) -> Option<Range<usize>> {
    let skip = |at: usize, signs: &[u8]| at + text[at..].iter().take(8).take_while(|b| signs.contains(b)).count();
    at = skip(at, b" \t([");
    for left in (0..=number).rev() {
        let end = match literal_at(text, at) {
            Some(value) if left == 0 => return Some(value),
            Some(value) => value.end + 1,
            None => at + text[at..].iter().take(64).take_while(|b| is_name(**b)).count(),
        };
        at = skip(end, b" ");
        if text.get(at) != Some(&b',') {
            return None;
        }
        at = skip(at + 1, b" ");
    }
    None
}

/// What leads on to another branch's value.
const BRANCHES: [&[u8]; 8] = [b" ? ", b" : ", b"?: ", b" else ", b" or ", b"|| ", b"?? ", b"shift // "];

/// The first literal among the branches of a choice: `password = debug ? "…" : ask()`, `x if y else "…"`.
pub(super) fn in_branch(text: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..text.len().min(from + AHEAD))?;
    let line = &rest[..memchr::memchr2(b'\n', b';', rest).unwrap_or(rest.len())];
    let branch = |quote: &usize| {
        let before = &line[..*quote];
        before.ends_with(b" ") && BRANCHES.iter().any(|sign| before.ends_with(sign))
    };
    memchr2_iter(b'"', b'\'', line).find(branch).map(|quote| from + quote)
}

/// How calls name what they were given before.
const BEHIND: [&[u8]; 9] = [
    b"forKey:@\"",
    b"forKey: @\"",
    b"forKey: \"",
    b"forHTTPHeaderField:@\"",
    b"forHTTPHeaderField: @\"",
    b"forHTTPHeaderField: \"",
    b".equals(",
    b" == ",
    b" TO ",
];

/// The value before a name: `set("…", forKey: "password")`, `"…".equals(password)`.
pub(super) fn before_name(text: &[u8], name: &Range<usize>) -> Option<Range<usize>> {
    // Most names are told by two bytes.
    if !matches!(
        text.get(name.start.checked_sub(2)?..name.start)?,
        b" \"" | b"@\"" | b"s(" | b"= " | b" '" | b"='" | b"O "
    ) {
        return None;
    }
    let low = line_start(text, name.start);
    let before = &text[low..name.start];
    if before.ends_with(b"'") {
        return where_it_is(text, low, name.start);
    }
    let sign = BEHIND.iter().find(|sign| before.ends_with(sign))?;
    let rest = before[..before.len() - sign.len()].trim_ascii_end();
    let rest = rest.strip_suffix(b",").unwrap_or(rest);
    matches!(rest.last(), Some(b'"' | b'\'')).then(|| literal_before(text, low, low + rest.len() - 1)).flatten()
}

/// What leads from a password to what it is: `walnut94 as password`, `\`walnut94\` is the new password`,
/// `walnut94 (password)`.
const SAID: [&[u8]; 9] =
    [b" as ", b" as the ", b" is the ", b" is the new ", b" is your ", b" (", b" (new ", b" (the ", b" (your "];

/// The word before a name in a sentence that says what it is. It has a digit.
pub(super) fn said_before(text: &[u8], before: &[u8], name: &Range<usize>) -> Option<Range<usize>> {
    let ends = matches!(text.get(name.end), None | Some(b'.' | b',' | b')' | b';' | b'!' | b'\n' | b'\r' | b' '));
    if !ends || !matches!(before, [.., b'e' | b's' | b'w' | b'r', b' '] | [.., b' ', b'(']) {
        return None;
    }
    let low = name.start.saturating_sub(REMARK);
    let rest = SAID.iter().find_map(|said| text[low..name.start].strip_suffix(*said))?;
    let mark = |b: &u8| matches!(b, b'`' | b'"' | b'\'' | b'*');
    let end = low + rest.len() - rest.iter().rev().take(2).take_while(|b| mark(b)).count();
    let word = |b: &&u8| b.is_ascii_graphic() && !mark(b) && !b"(),;<>|=[]{}/:".contains(b);
    let start = end - text[low..end].iter().rev().take_while(word).count();
    let opens = |b: &u8| mark(b) || matches!(b, b' ' | b'\n' | b',');
    let free = start == 0 || opens(&text[start - 1]);
    let value = &text[start..end];
    (free && value.len() >= 6 && value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_alphabetic))
        .then_some(start..end)
}

/// `SET value = '…' WHERE name = 'password'`: a table of settings.
fn where_it_is(text: &[u8], low: usize, name: usize) -> Option<Range<usize>> {
    let before = &text[low..name];
    let at = [b" WHERE ".as_slice(), b" where "].iter().find_map(|word| memchr::memmem::rfind(before, word))?;
    let column = &before[at + 7..];
    let plain = |b: &u8| is_name(*b) || matches!(b, b' ' | b'=' | b'\'' | b'`');
    let close = at.checked_sub(1).filter(|close| before[*close] == b'\'')?;
    (column.contains(&b'=') && column.iter().all(plain)).then(|| literal_before(text, low, low + close)).flatten()
}

/// What begins a remark.
const REMARKS: [&[u8]; 7] = [b"# ", b"// ", b"/* ", b"-- ", b" ' ", b"<!-- ", b"(* "];

/// The last literal of a line whose remark begins or ends with the name: `connect("anna", "…")  # password`.
pub(super) fn remarked(text: &[u8], name: &Range<usize>) -> Option<Range<usize>> {
    let rest = &text[name.end..text.len().min(name.end + 4)];
    let ends = matches!(rest, [] | [b'\n' | b'\r', ..] | [b' ', b'*', b'/', ..] | [b' ', b'-', b'-', b'>']);
    let begins = |before: &[u8]| matches!(before, [b'#' | b'/' | b'*' | b'-' | b'\'', b' ']);
    if !ends && !text.get(name.start.saturating_sub(2)..name.start).is_some_and(begins) {
        return None;
    }
    let low = name.start.saturating_sub(REMARK);
    let near = &text[low..name.start];
    if !ends && !REMARKS.iter().any(|sign| near.ends_with(sign)) {
        return None;
    }
    let sign = REMARKS.iter().filter_map(|sign| {
        let at = memchr::memmem::rfind(near, sign)?;
        Some((at, at + sign.len()))
    });
    let (sign, words) = sign.max()?;
    let plain = |b: &u8| b.is_ascii_alphabetic() || matches!(b, b' ' | b',' | b'/' | b'\'' | b'_');
    let denies = [b"hash".as_slice(), b"wrong", b"not ", b"invalid", b"bad ", b"no "];
    let words = &near[words..];
    if !words.iter().all(plain) || denies.iter().any(|word| memchr::memmem::find(words, word).is_some()) {
        return None;
    }
    let start = line_start(text, low + sign);
    let code = &text[start..low + sign];
    let close = code.iter().rposition(|b| matches!(b, b'"' | b'\''))?;
    // Behind it the call is closed, and nothing else.
    let closed =
        |b: &u8| is_name(*b) || matches!(b, b'(' | b')' | b']' | b'}' | b';' | b',' | b' ' | b'\t' | b'{' | b'&');
    (code.len() - close <= REMARK && code[close + 1..].iter().all(closed))
        .then(|| literal_before(text, start, start + close))
        .flatten()
}

/// Where the text of an element begins that is called so and has attributes: `<ns:name type="plain">value</ns:name>`.
pub(super) fn in_element(text: &[u8], name: &Range<usize>) -> Option<usize> {
    if !matches!(text.get(name.end), Some(b' ' | b'\t')) {
        return None;
    }
    let before = &text[name.start.saturating_sub(LONGEST_SPACE)..name.start];
    let space = before.iter().rev().take_while(|b| b.is_ascii_alphanumeric() || **b == b':').count();
    let prefix = &before[before.len() - space..];
    if before[..before.len() - space].last() != Some(&b'<') || !(prefix.is_empty() || prefix.ends_with(b":")) {
        return None;
    }
    let rest = &text[name.end..text.len().min(name.end + LONGEST_TAG)];
    let mut quote = None;
    let close = rest.iter().position(|b| {
        match (quote, *b) {
            (Some(open), b) if b == open => quote = None,
            (None, b'"' | b'\'') => quote = Some(*b),
            (None, b'<' | b'>') => return true,
            _ => {}
        }
        false
    })?;
    let attributes = rest[..close].trim_ascii_end();
    let are_whole = attributes.contains(&b'=') && matches!(attributes.last(), Some(b'"' | b'\''));
    (rest[close] == b'>' && are_whole).then_some(name.end + close + 1)
}

#[cfg(test)]
mod tests {
    use super::super::around;

    fn read(text: &str, name: &str) -> Option<String> {
        let at = text.rfind(name).unwrap();
        Some(text[around(text.as_bytes(), at..at + name.len())?.value].to_owned())
    }

    #[test]
    fn values_apart_from_their_names() {
        for (text, value) in [
            ("user, password = \"anna\", \"walnut9\"", "walnut9"),
            ("self.password, self.user = \"walnut9\", \"anna\"", "walnut9"),
            ("INSERT INTO u (id, name, password) VALUES (1, 'anna', 'walnut9');", "walnut9"),
            ("insert into u(name,password,mail)\nvalues ('anna','walnut9','a@example.com');", "walnut9"),
            ("UPDATE s SET value = 'walnut9' WHERE name = 'password';", "walnut9"),
            ("my ($user, $password) = ('anna', 'walnut9');", "walnut9"),
            ("const [user, password] = ['anna', 'walnut9'];", "walnut9"),
            ("user, password := \"anna\", \"walnut9\"", "walnut9"),
            ("if (user, password) == (\"anna\", \"walnut9\"):", "walnut9"),
            ("const [password, setpassword] = useState(\"walnut9\");", "walnut9"),
            ("password = debug ? \"walnut9\" : ask();", "walnut9"),
            ("password = args.Length > 1 ? args[1] : \"walnut9\";", "walnut9"),
            ("password = ask() if tty else 'walnut9'", "walnut9"),
            ("[params setObject:@\"walnut9\" forKey:@\"password\"];", "walnut9"),
            ("r.addValue(\"walnut9\", forHTTPHeaderField: \"X-Password\")", "walnut9"),
            ("if (\"walnut9\".equals(password)) {", "walnut9"),
            ("connect(\"anna\", \"walnut9\");  // password", "walnut9"),
            ("store.load(in, \"walnut9\".toCharArray()); // keystore password\n", "walnut9"),
            ("struct login root = { \"root\", \"walnut9\" /* password */ };", "walnut9"),
            ("ok = red:auth(\"walnut9\") -- redis password", "walnut9"),
            ("case(\"anna\", \"walnut9\") // password that passes", "walnut9"),
        ] {
            let name = if text.contains("X-Password") { "Password" } else { "password" };
            assert_eq!(read(text, name).as_deref(), Some(value), "{text}");
        }
    }

    #[test]
    fn arguments_are_no_row() {
        assert_eq!(read("login(user, password=\"walnut9\")", "password").as_deref(), Some("walnut9"));
        assert_eq!(read("as anna, password=walnut9", "password").as_deref(), Some("walnut9"));
        assert_eq!(read("f(\"a\", password = \"walnut9\", x)", "password").as_deref(), Some("walnut9"));
    }

    #[test]
    fn no_value_is_made_up() {
        for text in [
            "user, password = anna, walnut",
            "user, password = read(\"anna\")",
            "f(\"walnut9\", x + \"b\" * y) # password",
            "f(\"walnut9\")  # not the password",
            "# the password",
            "if (a == password) {",
        ] {
            assert_eq!(read(text, "password"), None, "{text}");
        }
    }
}
