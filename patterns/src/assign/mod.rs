//! Reads an assignment around a name: `name = "value"`, `name: value`, `"name": "value"`, `call("name", "value")`,
//! `<name>value</name>`. It looks at a bounded stretch of text and copies nothing.

mod apart;
mod prose;
mod value;

use std::ops::Range;

use prose::{apposition, emphasis, ends_in_password, is_directive, is_drawn, label, sentence};
use value::{bare_end, coded, value};

/// The longest name that is read, each way from where a keyword stood.
pub(crate) const NAME_REACH: usize = 64;
/// The longest word within a name, up to a capital or another joint.
const LONGEST_WORD: usize = 40;
/// The longest stretch between a name and its value.
const GAP_REACH: usize = 48;
/// The longest value.
pub(crate) const VALUE_REACH: usize = 2048;
/// How far from a keyword's start an assignment can end.
pub(crate) const REACH: usize = NAME_REACH + GAP_REACH + VALUE_REACH + 8;

/// What stands on both sides of an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: Range<usize>,
    pub(crate) value: Range<usize>,
    pub(crate) operator: Operator,
    /// The quote around the value, if any.
    pub(crate) quote: Option<u8>,
}

/// What joins a name to its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    /// `=`, `:`, `:=`, `=>` and the like.
    Assign,
    /// `==` and `!=`: a comparison with a literal.
    Compare,
    /// A comma or parenthesis before a quoted value.
    Call,
    /// `<name>value`.
    Element,
    /// A blank: `--name value`, `ENV NAME value`, `NAME 'value'`.
    Blank,
    /// What a variable is when it is not set: `${NAME:-value}`.
    Default,
    /// A sentence: `the password is value`.
    Prose,
    /// Nothing but what stands around: a remark behind a literal (`"value" // password`), a call that names what it was
    /// given (`"value", forKey: "name"`), a line of a name and a value.
    Remark,
    /// A blank before what a machine made: `the token value`. The value lane looks for no such.
    Apposed,
    /// A literal behind a type: `name: Type = "value"`; an [`Operator::Assign`] once it is read.
    Typed,
}

/// Whether a byte can be in a name.
#[inline(always)]
pub(crate) fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'$')
}

/// Reads the assignment whose name holds the keyword at `at`.
pub(crate) fn around(text: &[u8], mut at: Range<usize>) -> Option<Assignment> {
    // A keyword may have the quotes or the operator with it: `"pass"`, `pass=`.
    while at.start < at.end && matches!(text[at.start], b'"' | b'\'' | b' ') {
        at.start += 1;
    }
    while at.start < at.end && !is_name(text[at.end - 1]) {
        at.end -= 1;
    }
    let high = text.len().min(at.end + NAME_REACH);
    // Letters of other alphabets too: `contraseña`.
    let mut end = at.end + text[at.end..high].iter().take_while(|b| is_name(**b) || !b.is_ascii()).count();
    if !text[at.start..end].is_ascii() {
        end = foreign_end(text, at.end, end);
    }
    // What a name is asked with is no part of it: `password.equals("…")`.
    let mut asked = false;
    if text.get(end) == Some(&b'(')
        && memchr::memrchr(b'.', &text[at.start..end]).is_some()
        && let Some(call) = ASKED.iter().find(|call| text[at.start + 1..end].ends_with(call))
    {
        end -= call.len();
        asked = true;
    }
    if text.get(end).is_some_and(|b| !may_join(*b) && !asked) || is_too_short(&text[end..]) {
        return None;
    }
    let low = at.start.saturating_sub(NAME_REACH);
    let mut start = at.start - text[low..at.start].iter().rev().take_while(|b| is_name(**b)).count();
    // So long a word has no name: strings of a program, one behind another.
    let joint = |b: &u8| !(b.is_ascii_lowercase() || b.is_ascii_digit());
    if end - start >= LONGEST_WORD && text[start..end].split(joint).any(|word| word.len() >= LONGEST_WORD) {
        return None;
    }
    // A flag's or a variable's decoration is no part of the name.
    while start < at.start && matches!(text[start], b'-' | b'.' | b'$') {
        start += 1;
    }
    // Nor is the rest of a code, as in `%22name%22` and `\u0022name\u0022`.
    let code = match start.checked_sub(1).map(|before| text[before]) {
        Some(b'%') => 2,
        Some(b'\\') if text[start..at.start].starts_with(b"u00") => 5,
        Some(b'\\') if text[start..at.start].starts_with(b"x") => 3,
        _ => 0,
    };
    if start + code <= at.start {
        start += code;
    }
    let before = &text[start.saturating_sub(4)..start];
    // `public key: …`.
    if text[start.saturating_sub(7)..start].eq_ignore_ascii_case(b"public ") {
        return None;
    }
    // How a test that passed is logged: `PASS: name`.
    if text[start..end] == *b"PASS" && text.get(end) == Some(&b':') {
        return None;
    }
    // The last word of a sentence in quotes.
    if text[at.start..end].ends_with(b".") {
        return None;
    }
    // A part of a resource's address (`arn:aws:secretsmanager:eu:1:secret:a`), or a type (`"AWS::IAM::AccessKey": …`).
    let follows = text.get(end);
    let runs_on = text.get(end + 1).is_some_and(|b| !b.is_ascii_whitespace());
    if (before.last() == Some(&b':') && follows == Some(&b':') && runs_on)
        || (before.ends_with(b"::") && follows == Some(&b'"'))
    {
        return None;
    }
    if let Some(value) = coded(text, end) {
        return Some(Assignment { name: start..end, value, operator: Operator::Assign, quote: None });
    }
    let name = start..end;
    let literal = |operator, value: Range<usize>| {
        let quote = text.get(value.end).copied();
        Some(Assignment { name: name.clone(), value, operator, quote })
    };
    if let Some(value) = apart::before_name(text, &name).or_else(|| apart::remarked(text, &name)) {
        return literal(Operator::Remark, value);
    }
    let rows = matches!(follows, Some(b',' | b')' | b']'))
        || before.ends_with(b", ")
        || before.ends_with(b", $")
        || (follows == Some(&b'`') && matches!(text.get(end + 1), Some(b',' | b')')));
    if rows && let Some(value) = apart::in_row(text, &name) {
        return literal(Operator::Assign, value?);
    }
    let (mut operator, mut from) = operator(text, before, end)?;
    if matches!(operator, Operator::Assign | Operator::Typed)
        && text.get(from).is_some_and(|b| !matches!(b, b'"' | b'\''))
        && let Some(branch) = apart::in_branch(text, from)
    {
        from = branch;
    }
    let (mut value, quote) = value(text, from, operator)?;
    if operator == Operator::Typed {
        operator = Operator::Assign;
    }
    if quote.is_none() {
        value.end -= closers(before.last().copied(), &text[value.clone()]);
        value.end = value.start + bare_end(&text[value.clone()], matches!(before.last(), Some(b'?' | b'&')));
    }
    (!value.is_empty()).then_some(Assignment { name: start..end, value, operator, quote })
}

/// How many brackets at the end of a bare value close what was opened before it: `{password: walnut9}`, `(pw: walnut9)`.
fn closers(before: Option<u8>, value: &[u8]) -> usize {
    let closes = |b: &u8| matches!(b, b'}' | b']') || (*b == b')' && before == Some(b'('));
    let opens = value.iter().any(|b| matches!(b, b'(' | b'{' | b'['));
    if opens { 0 } else { value.iter().rev().take_while(|b| closes(b)).count() }
}

/// Whether a byte right behind a name may lead on to its value; see [`operator`].
pub(crate) fn may_join(b: u8) -> bool {
    matches!(b, b'"' | b'\'' | b'`' | b'[' | b']' | b'\\' | b' ' | b'\t' | b'\r' | b'\n' | b'<' | b'>' | b'=' | b':')
        || matches!(b, b'!' | b'?' | b'|' | b'+' | b',' | b'(' | b')' | b'-' | b'{' | b'}' | b'&' | b'%')
}

/// `:e,` and `=!0;`: nothing so short is a value, and minified code has little else behind a name.
pub(crate) fn is_too_short(rest: &[u8]) -> bool {
    let [b'=' | b':', first, next @ ..] = rest else { return false };
    let code = first.is_ascii_alphanumeric() || matches!(first, b'!' | b'_' | b'$');
    code && next.iter().take(3).find(|b| !b.is_ascii_alphanumeric()).is_some_and(|b| b",;)}]".contains(b))
}

/// Reads from the end of a name to the place where a value may start. `before` is what stands before the name.
fn operator(text: &[u8], before: &[u8], name_end: usize) -> Option<(Operator, usize)> {
    let high = text.len().min(name_end + GAP_REACH);
    let mut at = name_end;
    // Closing quotes and brackets of the name: `"name"`, `['name']`, `\"name\"`, `name[]`.
    while at < high && matches!(text[at], b'"' | b'\'' | b'`' | b'[' | b']' | b'\\') {
        at += 1;
    }
    let closed = at > name_end;
    // `$conf->{name} = "…"`, `Properties("name") = "…"`, `Properties["name"].Value = "…"`, `get("name") != "…"`.
    let rest = text.get(at..high)?;
    if let Some(skip) =
        [b"}".as_slice(), b"()", b".Value", b".value", b")"].into_iter().find(|skip| rest.starts_with(skip))
    {
        let operators = [b" = ".as_slice(), b" := ", b" == ", b" != ", b".equals("];
        let brace = skip == b"}" && before.ends_with(b"{");
        // `${PASSWORD}    value` of Robot Framework.
        if brace && before.ends_with(b"${") && rest.starts_with(b"}  ") {
            return Some((Operator::Prose, blanks(text, at + 1, high)));
        }
        if (brace || closed || skip == b"()") && operators.iter().any(|sign| rest[skip.len()..].starts_with(sign)) {
            at += skip.len();
        }
    }
    // `char key[17] = "…"`.
    if closed && text[at - 1] == b'[' {
        let digits = text[at..high].iter().take_while(|b| b.is_ascii_digit()).count();
        if digits > 0 && text.get(at + digits) == Some(&b']') {
            at += digits + 1;
        }
    }
    // Two words of a sentence in Markdown: `name`, `name`.
    if text[name_end..at].contains(&b'`') && text.get(at) == Some(&b',') {
        return None;
    }
    if text.get(at).is_some_and(|b| !b.is_ascii())
        && let Some(sign) = FOREIGN_SIGNS.iter().find(|sign| text[at..].starts_with(sign))
    {
        return Some((Operator::Prose, emphasis(text, blanks(text, at + sign.len(), high), high)));
    }
    // A row of a table: `| password | value |`.
    if text.get(blanks(text, at, high)) == Some(&b'|') && is_cell(text, name_end) {
        return Some((Operator::Prose, blanks(text, blanks(text, at, high) + 1, high)));
    }
    if let Some(from) = separate_value(text, at, high, closed) {
        return Some((Operator::Assign, from));
    }
    if let Some(from) = property_list(text, at, high) {
        return Some((Operator::Element, from));
    }
    let from = at;
    at = blanks(text, at, high);
    // A property of C#: `Name { get; set; } = "value"`.
    if text.get(at) == Some(&b'{')
        && let Some(rest) = text.get(at..high).and_then(|rest| rest.strip_prefix(b"{ get;"))
    {
        let close = memchr::memchr(b'}', rest).filter(|close| *close < 20)?;
        at = blanks(text, high - rest.len() + close + 1, high);
    }
    let blank = at > from;
    let first = *text.get(at).filter(|_| at < high)?;
    let quote = matches!(first, b'"' | b'\'' | b'`') || (first == b'@' && text.get(at + 1) == Some(&b'"'));
    // `--name value`, `ENV NAME value`, `NAME 'value'`, `#define NAME "value"`.
    if blank && !closed {
        let option = before.ends_with(b"--") || (before.ends_with(b" -") && first != b'=');
        let docker = before.eq_ignore_ascii_case(b"ENV ") || before.eq_ignore_ascii_case(b"ARG ");
        let assigns = matches!(first, b'=' | b':' | b'-' | b',' | b'(' | b'>');
        if (quote || option || docker) && !assigns {
            return Some((Operator::Blank, at));
        }
    }
    if let Some(from) = compared(text, at, high) {
        return Some((Operator::Compare, from));
    }
    // `env("NAME") or "value"`, `env.NAME || "value"`.
    if let Some(from) = fallback(text, at, high) {
        return Some((Operator::Typed, from));
    }
    // `requirepass value`.
    if blank && !closed && is_directive(text, name_end, at) {
        return Some((Operator::Remark, at));
    }
    // `the password is value`.
    if blank && let Some(from) = sentence(text, at, high) {
        return Some((Operator::Prose, from));
    }
    // `the password for all machines: value`.
    if blank && let Some(from) = label(text, at, high) {
        return Some((Operator::Prose, from));
    }
    // `aws configure set aws_secret_access_key value`, `the token value`.
    if blank && !closed && is_drawn(text, at) {
        return Some((Operator::Apposed, at));
    }
    // `user anna, password value`.
    if blank
        && !closed
        && ends_in_password(text, name_end)
        && let Some(from) = apposition(text, before, name_end, at)
    {
        return Some((Operator::Prose, from));
    }
    // `"name" to "value"`, in Markdown too.
    if blank && closed && (text[at..high].starts_with(b"to \"") || text[at..high].starts_with(b"to `")) {
        return Some((Operator::Assign, at + 3));
    }
    // `Input Text    name=password    value` of Robot Framework.
    if before.ends_with(b"=") && at >= from + 4 && prose::stands_alone(text, at) {
        return Some((Operator::Prose, at));
    }
    // `-Name name -Value "value"`.
    if blank && text[at..high].starts_with(b"-Value ") {
        return Some((Operator::Assign, at + 7));
    }
    // `name <> "value"`.
    if blank && matches!(text.get(at..at + 4), Some(b"<> \"" | b"<> '")) {
        return Some((Operator::Compare, at + 3));
    }
    // `密码 value`.
    if blank && !text[name_end.saturating_sub(3)..name_end].is_ascii() && prose::stands_alone(text, at) {
        return Some((Operator::Prose, at));
    }
    // `name string = "value"`, `Dim name As String = "value"`.
    // Behind a quote the next attribute begins: `method="password" date="…"`, but for `name="api-key" content="…"`.
    let quoted =
        !text[at..high].starts_with(b"content=") && text[name_end..from].iter().any(|b| matches!(b, b'"' | b'\''));
    if blank && !quoted && first.is_ascii_alphabetic() {
        // `<trusted-key id="…">` has an attribute, and no type; `<meta name="api-key" content="…">` has what is meant.
        let word = text[at..high].iter().take_while(|b| b.is_ascii_lowercase()).count();
        let attribute = text[at + word..].starts_with(b"=\"") && &text[at..at + word] != b"content";
        return type_annotation(text, at, high).filter(|_| !attribute).map(|from| (Operator::Typed, from));
    }
    at += 1;
    let operator = match first {
        b':' if before.ends_with(b"${") && matches!(text.get(at), Some(b'-' | b'=')) => {
            return Some((Operator::Default, at + 1));
        }
        b'-' if before.ends_with(b"${") => return Some((Operator::Default, at)),
        // `@Value("${name:value}")`.
        b':' if before.ends_with(b"${") && !closed => return Some((Operator::Default, at)),
        b'=' | b':' => {
            let mut operator = Operator::Assign;
            // `password:: value` of AsciiDoc.
            at += usize::from(first == b':' && text[at..high].starts_with(b": "));
            while at < high && matches!(text[at], b'=' | b'>' | b'~') {
                if first == b'=' && text[at] == b'=' {
                    operator = Operator::Compare;
                }
                at += 1;
            }
            operator
        }
        b'!' if text.get(at) == Some(&b'=') => {
            at += 1;
            while at < high && text[at] == b'=' {
                at += 1;
            }
            Operator::Compare
        }
        b'?' | b'|' | b'+' if text.get(at) == Some(&b'=') || text.get(at) == Some(&b':') => {
            at += 1;
            Operator::Assign
        }
        b'>' => Operator::Element,
        // `name <- "value"`.
        b'<' if text.get(at) == Some(&b'-') => {
            at += 1;
            Operator::Assign
        }
        // `"name" -> "value"`.
        b'-' if text.get(at) == Some(&b'>') => {
            at += 1;
            Operator::Call
        }
        b',' | b'(' => {
            // `StringP("name", "n", "value", …)`.
            let from = blanks(text, at, high);
            if let Some([b'"', _, b'"', b',', b' ', b'"']) = text.get(from..from + 6) {
                at = from + 5;
            }
            Operator::Call
        }
        // `std::string name{"value"}`.
        b'{' if !blank && matches!(text.get(at), Some(b'"' | b'\'')) => Operator::Assign,
        _ => return None,
    };
    at = emphasis(text, blanks(text, at, high), high);
    // A type between the colon and the value: `password: &str = "…"`.
    if first == b':'
        && operator == Operator::Assign
        && let Some(after) = type_annotation(text, at, high)
    {
        at = after;
    }
    Some((operator, at))
}

/// A name and its value as two fields of one record: `name="…" value="…"`, `"name": "…", "value": "…"`, and in YAML
/// `- name: …` with `value: …` on the next line.
fn separate_value(text: &[u8], from: usize, high: usize, closed: bool) -> Option<usize> {
    let mut at = from;
    while at < high && matches!(text[at], b',' | b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b'\\' | b'@') {
        at += 1;
    }
    let apart = text[from..at].iter().any(|&b| matches!(b, b'\n' | b',') || (closed && b == b' '));
    // `android:name="…" android:value="…"`.
    let space = text[at..high.max(at)].iter().take(12).take_while(|b| b.is_ascii_lowercase()).count();
    if closed && space > 0 && text.get(at + space) == Some(&b':') && !text[at..].starts_with(b"value") {
        at += space + 1;
    }
    let word = text.get(at..at + 5).filter(|_| apart && at + 5 <= high)?;
    let react = text[at..high].starts_with(b"defaultValue=");
    if !word.eq_ignore_ascii_case(b"value") && !react {
        return None;
    }
    at += if react { 12 } else { 5 };
    while at < high && matches!(text[at], b'"' | b'\'' | b'\\' | b' ') {
        at += 1;
    }
    (at < high && matches!(text[at], b':' | b'=')).then(|| blanks(text, at + 1, high))
}

/// A name and its value in elements side by side: `<key>name</key><string>value</string>`, as Apple writes it, and
/// `<td>name</td><td>value</td>`.
fn property_list(text: &[u8], from: usize, high: usize) -> Option<usize> {
    const PAIRS: [(&[u8], &[u8]); 6] = [
        (b"</key>", b"<string>"),
        (b"</td>", b"<td>"),
        (b"</th>", b"<td>"),
        (b"</dt>", b"<dd>"),
        (b"</b>:", b""),
        (b"</strong>:", b""),
    ];
    // `<string name="name" translatable="false">value</string>`.
    if let Some(rest) = text.get(from..high).and_then(|rest| rest.strip_prefix(b" "))
        && let Some(close) = memchr::memchr(b'>', rest)
        && text.get(from.wrapping_sub(1)) == Some(&b'"')
        && rest[..close].ends_with(b"\"")
        && rest[..close].iter().all(|b| b.is_ascii_alphanumeric() || b" =\"_:".contains(b))
        && memchr::memmem::find(&rest[..close], b"alue=").is_none()
    {
        return Some(high - rest.len() + close + 1);
    }
    // `<property name="name"><value>value</value>`.
    if let Some(inside) = text.get(from..high)?.strip_prefix(b">") {
        let inside = inside.trim_ascii_start();
        let value = inside.strip_prefix(b"<value>").or_else(|| inside.strip_prefix(b"<Value>"));
        return value.map(|rest| high - rest.len());
    }
    let rest = text.get(from..high).filter(|rest| rest.starts_with(b"</"))?;
    let (close, open) = PAIRS.iter().find(|(close, _)| rest.starts_with(close))?;
    let mut at = from + close.len();
    while at < high && text[at].is_ascii_whitespace() {
        at += 1;
    }
    text.get(at..high)?.strip_prefix(*open).map(|_| emphasis(text, at + open.len(), high))
}

/// The colon of East Asian texts, and their words for "is".
const FOREIGN_SIGNS: [&[u8]; 4] = ["：".as_bytes(), "为".as_bytes(), "是".as_bytes(), "は".as_bytes()];

/// Where a name in letters of another alphabet ends, of what may be one: before the sign that joins it to its value.
fn foreign_end(text: &[u8], from: usize, end: usize) -> usize {
    let signs = FOREIGN_SIGNS.iter().filter_map(|sign| memchr::memmem::find(&text[from..end], sign));
    from + signs.min().unwrap_or(end - from)
}

/// How one asks an object whether it is the same as another.
const ASKED: [&[u8]; 5] = [b".equals", b".Equals", b".compareTo", b".equalsIgnoreCase", b".contentEquals"];

/// The words and calls that compare.
const COMPARISONS: [&[u8]; 8] = [b"eq ", b"ne ", b"-eq ", b"-ne ", b"-ceq ", b"in (", b"in [", b"is "];

/// `$password eq "…"`, `password.equals("…")`, `password in ("…", "…")`.
fn compared(text: &[u8], from: usize, high: usize) -> Option<usize> {
    let rest = text.get(from..high)?;
    if !matches!(rest.first()?, b'e' | b'n' | b'i' | b'-' | b'.' | b'}') {
        return None;
    }
    let rest = rest.strip_prefix(b"} ").unwrap_or(rest);
    let word = COMPARISONS.iter().chain(&ASKED).find(|word| rest.starts_with(word))?;
    let call = usize::from(rest.get(word.len()) == Some(&b'('));
    let at = high - rest.len() + word.len() + call;
    text.get(at).is_some_and(|b| matches!(b, b'"' | b'\'')).then_some(at)
}

/// What leads on to a value that stands in where a variable has none.
const FALLBACKS: [&[u8]; 22] = [
    b"||",
    b"??",
    b"?:",
    b"or ",
    b"else ",
    b".unwrap_or(",
    b".unwrap_or_else(|| ",
    b".unwrap_or_else(|_| ",
    b", with: ",
    b", with => ",
    b".orElse(",
    b".getOrElse(",
    b".ifEmpty {",
    b"{ ",
    b", unset = ",
    b", do: ",
    b", :string, default: ",
    b", default=",
    b", default = ",
    b", default: ",
    b", defaultValue: ",
    b", defaultValue = ",
];

/// What stands in where a variable has no value: `) or "…"`, `|| "…"`, `?? '…'`. Only quoted ones are literal.
fn fallback(text: &[u8], from: usize, high: usize) -> Option<usize> {
    let mut at = from;
    while at < high && matches!(text[at], b')' | b' ') {
        at += 1;
    }
    let rest = text.get(at..high)?;
    if !matches!(rest.first()?, b'|' | b'?' | b'o' | b'e' | b'.' | b'{' | b',') {
        return None;
    }
    let word = FALLBACKS.into_iter().find(|w| rest.starts_with(w))?;
    at = blanks(text, at + word.len(), high);
    text.get(at).is_some_and(|b| matches!(b, b'"' | b'\'')).then_some(at)
}

/// Whether what ends here is the first cell of a table's row: nothing but a bar, blanks and emphasis stands before its word.
fn is_cell(text: &[u8], name_end: usize) -> bool {
    let before = &text[name_end.saturating_sub(NAME_REACH)..name_end];
    let line = memchr::memrchr(b'\n', before).map_or(before, |newline| &before[newline + 1..]);
    line.trim_ascii_start().strip_prefix(b"|").is_some_and(|cell| {
        cell.iter().all(|b| b.is_ascii_alphabetic() || matches!(b, b' ' | b'*' | b'`' | b'_' | b'-'))
    })
}

fn blanks(text: &[u8], mut at: usize, high: usize) -> usize {
    while at < high && matches!(text[at], b' ' | b'\t') {
        at += 1;
    }
    at
}

/// Skips `Type =`, `VARCHAR2(30) :=` and `VARCHAR2 DEFAULT` where one stands before the real value.
fn type_annotation(text: &[u8], from: usize, high: usize) -> Option<usize> {
    const DEFAULTS: [&[u8]; 2] = [b"DEFAULT ", b"VALUE "];
    let rest = text.get(from..high)?;
    if memchr::memchr(b'=', rest).is_none() {
        return DEFAULTS.into_iter().find_map(|word| {
            let at = memchr::memmem::find(rest, word)?;
            let typed = rest[..at].iter().all(|b| b.is_ascii_alphanumeric() || b" ()_".contains(b));
            typed.then_some(from + at + word.len())
        });
    }
    let mut at = from;
    let is_type = |b: u8| {
        b.is_ascii_alphanumeric()
            || matches!(b, b'_' | b'&' | b'\'' | b'<' | b'>' | b'[' | b']' | b'?' | b'.' | b'*' | b' ' | b'(' | b')')
    };
    // `[u8; 32]`.
    let mut brackets = 0i32;
    while at < high && (is_type(text[at]) || (brackets > 0 && text[at] == b';')) {
        brackets += i32::from(text[at] == b'[') - i32::from(text[at] == b']');
        at += 1;
    }
    if at == from || text[from].is_ascii_digit() {
        return None;
    }
    at = blanks(text, at, high);
    at += usize::from(text.get(at) == Some(&b':'));
    (text.get(at) == Some(&b'=') && text.get(at + 1) != Some(&b'=')).then(|| blanks(text, at + 1, high))
}

/// The name that a value standing at `start` is assigned to, read backwards.
pub(crate) fn name_before(text: &[u8], start: usize) -> Option<Range<usize>> {
    let low = start.saturating_sub(GAP_REACH);
    let mut at = start;
    let back = |at: &mut usize, ok: fn(u8) -> bool| {
        let before = *at;
        while *at > low && ok(text[*at - 1]) {
            *at -= 1;
        }
        *at < before
    };
    back(&mut at, |b| matches!(b, b'"' | b'\'' | b'`' | b'\\' | b'@' | b'['));
    back(&mut at, |b| matches!(b, b' ' | b'\t'));
    if !back(&mut at, |b| matches!(b, b'=' | b':' | b'>' | b'(' | b',')) {
        return None;
    }
    back(&mut at, |b| matches!(b, b' ' | b'\t'));
    back(&mut at, |b| matches!(b, b'"' | b'\'' | b'`' | b']' | b'\\'));
    let end = at;
    let low = end.saturating_sub(NAME_REACH);
    while at > low && is_name(text[at - 1]) {
        at -= 1;
    }
    while at < end && matches!(text[at], b'-' | b'.' | b'$') {
        at += 1;
    }
    (at < end && !text[at].is_ascii_digit()).then_some(at..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, keyword: &str) -> Option<(String, String)> {
        let at = text.find(keyword).unwrap();
        let got = around(text.as_bytes(), at..at + keyword.len())?;
        Some((text[got.name].to_owned(), text[got.value].to_owned()))
    }

    #[test]
    fn reads_the_usual_syntaxes() {
        for (text, name, value) in [
            ("db_password = \"abc def\"", "db_password", "abc def"),
            ("DB_PASSWORD=abc\n", "DB_PASSWORD=", "abc"),
            ("{ pass: 'walnuts' }", "pass: ", "walnuts"),
            ("{ 'pass': 'walnuts' }", "'pass'", "walnuts"),
            ("  \"password\": \"a\\\"b\",", "password", "a\\\"b"),
            ("config['password'] = 'x-y-z'", "password", "x-y-z"),
            ("password: walnuts # why", "password", "walnuts"),
            ("let password: &'static str = \"walnuts\";", "password", "walnuts"),
            ("password string = nope", "password", ""),
            (":password => \"walnuts\"", "password", "walnuts"),
            ("password := `walnuts`", "password", "walnuts"),
            ("--db-password=walnuts x", "db-password", "walnuts"),
            ("<password>wal nuts</password>", "password", "wal nuts"),
            ("setPassword(\"walnuts\")", "setPassword", "walnuts"),
            ("password = base64.b64decode(\"walnuts\")", "password", "walnuts"),
            ("password = new String(Base64.getDecoder().decode(\"walnuts\"))", "password", "walnuts"),
            ("password = os.getenv(\"walnuts\")", "password", "os.getenv("),
            ("val password = Some(\"walnuts\")", "password", "walnuts"),
            ("const std::string password{\"walnuts\"};", "password", "walnuts"),
            ("const password: [u8; 7] = *b\"walnuts\";", "password", "walnuts"),
            ("- {name: password, value: \"walnuts\"}", "password", "walnuts"),
            ("<x android:name=\"password\" android:value=\"walnuts\"/>", "password", "walnuts"),
            ("mapOf(\"password\" to \"walnuts\")", "password", "walnuts"),
            ("{&quot;password&quot;:&quot;walnuts&quot;}", "password", "walnuts"),
            ("%22password%22%3A%22walnuts%22%7D", "password", "walnuts"),
            ("\\u0022password\\u0022:\\u0022walnuts\\u0022", "password", "walnuts"),
            ("--password&#61;walnuts\"", "password", "walnuts"),
            ("the password is now walnuts9 for all", "password", "walnuts9"),
            ("PASSWORD=$'walnuts'", "PASSWORD", "walnuts"),
            ("put(\"password\", \"walnuts\")", "password", "walnuts"),
            ("{\\\"password\\\":\\\"walnuts\\\"}", "password", "walnuts"),
            ("if password == \"walnuts\" {", "password", "walnuts"),
            ("password = b'walnuts'", "password", "walnuts"),
            ("mycli --password walnuts -v", "password", "walnuts"),
            ("ENV DB_PASSWORD walnuts\n", "DB_PASSWORD", "walnuts"),
            ("WITH PASSWORD 'walnuts';", "PASSWORD", "walnuts"),
            ("#define PASSWORD \"walnuts\"", "PASSWORD", "walnuts"),
            ("const password string = \"walnuts\"", "password", "walnuts"),
            ("Dim password As String = \"walnuts\"", "password", "walnuts"),
            ("char password[] = \"walnuts\";", "password", "walnuts"),
            ("- name: DB_PASSWORD\n  value: walnuts\n", "DB_PASSWORD", "walnuts"),
            ("{\"name\": \"DB_PASSWORD\", \"value\": \"walnuts\"}", "DB_PASSWORD", "walnuts"),
            ("<add key=\"password\" value=\"walnuts\"/>", "password", "walnuts"),
            ("<key>password</key>\n  <string>walnuts</string>", "password", "walnuts"),
            ("os.getenv(\"DB_PASSWORD\") or \"walnuts\"", "DB_PASSWORD", "walnuts"),
            ("process.env.PASSWORD || 'walnuts'", "process.env.PASSWORD", "walnuts"),
            ("${DB_PASSWORD:-walnuts}", "DB_PASSWORD", "walnuts"),
            ("?password=walnuts&x=1", "password", "walnuts"),
            (r#"{\\\"password\\\":\\\"walnuts\\\"}"#, "password", "walnuts"),
            ("arn:aws:secretsmanager:eu:1:password:walnuts9", "password", ""),
            ("\"AWS::IAM::Password\": \"walnuts\"", "Password", ""),
            ("<x method=\"a:password\" date=\"walnuts\">", "password", ""),
            ("password = fields.String(allow_none=True)", "password", ""),
            ("cn.Properties(\"Database Password\") = \"walnuts\"", "Password", "walnuts"),
            ("var(\"PASSWORD\").unwrap_or(\"walnuts\")", "PASSWORD", "walnuts"),
            ("fetch('PASSWORD') { 'walnuts' }", "PASSWORD", "walnuts"),
            ("flag(\"password\", default=\"walnuts\")", "password", "walnuts"),
            ("password: str = Field(\"walnuts\", env=1)", "password", "walnuts"),
            ("the password (new): walnuts9", "password", "walnuts9"),
            ("the password for all of them: `walnuts9`", "password", "walnuts9"),
            ("user anna, password walnuts94", "password", "walnuts94"),
            ("| password | walnuts94 |", "password", "walnuts94"),
            ("if (password.equals(\"walnuts\")) {", "password", "walnuts"),
            ("public string password { get; set; } = \"walnuts\";", "password", "walnuts"),
            ("<property name=\"password\"><value>walnuts</value>", "password", "walnuts"),
            ("StringP(\"password\", \"p\", \"walnuts\", \"\")", "password", "walnuts"),
            ("f(\"String\", \"password\", \"\\\"walnuts\\\"\")", "password", "walnuts"),
            ("the password hash is this: walnuts9", "password", ""),
            ("the password is not shown", "password", ""),
            ("--password --other", "password", ""),
            ("- name: DB_PASSWORD\n  valueFrom: x", "DB_PASSWORD", ""),
        ] {
            let keyword = if text.contains("assword") {
                &text[text.to_lowercase().find("password").unwrap()..][..8]
            } else {
                name
            };
            let name = name.trim_matches(|c: char| !c.is_alphanumeric());
            let got = read(text, keyword);
            if value.is_empty() {
                assert_eq!(got, None, "{text}");
            } else {
                assert_eq!(got, Some((name.to_owned(), value.to_owned())), "{text}");
            }
        }
    }

    #[test]
    fn a_name_has_joints_or_an_end() {
        let long = |joint: &str| format!("{}password=walnuts9", ["walnut", joint].concat().repeat(12));
        assert_eq!(read(&long(""), "password"), None);
        assert_eq!(read(&format!("passw{}=walnuts9", "ordwalnut".repeat(5)), "passw"), None);
        for joint in [".", "_", "X"] {
            assert!(read(&long(joint), "password").is_some_and(|(_, value)| value == "walnuts9"), "{joint}");
        }
    }

    #[test]
    fn an_open_quote_or_a_bare_call_is_no_value() {
        assert_eq!(read("password = \"never closed\n", "password"), None);
        assert_eq!(read("getPassword(user)", "Password"), None);
        // What a backslash keeps from ending it is beyond the end.
        assert_eq!(value::quoted(b"\"walnuts\\", 0, b'"', false), None);
        // A length that goes on beyond where an operator is looked for.
        assert_eq!(read(&format!("password[{}] = \"walnuts\"", "1".repeat(GAP_REACH - 1)), "password"), None);
    }

    #[test]
    fn finds_the_name_in_front_of_a_value() {
        for (text, value, name) in
            [("KEY=v1", "v1", "KEY"), ("\"a.key\": \"v1\"", "v1", "a.key"), ("x['key'] = 'v1'", "v1", "key")]
        {
            let got = name_before(text.as_bytes(), text.rfind(value).unwrap()).unwrap();
            assert_eq!(&text[got], name);
        }
        assert_eq!(name_before(b"just v1", 5), None);
    }
}
