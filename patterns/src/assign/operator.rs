//! What stands between a name and its value, and where the value begins.

use super::login::{is_user, names_user};
use super::prose::{
    apposition, emphasis, ends_in_password, is_directive, is_drawn, is_plain, label, sentence, stands_alone,
};
use super::{GAP_REACH, NAME_REACH, Operator, blanks};

/// Reads from the end of a name to the place where a value may start. `before` is what stands before the name.
pub(super) fn operator(text: &[u8], before: &[u8], name_end: usize) -> Option<(Operator, usize)> {
    let high = text.len().min(name_end + GAP_REACH);
    let mut at = name_end;
    at += emphasis_end(&text[at..high]);
    // Closing quotes and brackets of the name: `"name"`, `['name']`, `\"name\"`, `name[]`.
    while at < high && matches!(text[at], b'"' | b'\'' | b'`' | b'[' | b']' | b'\\') {
        at += 1;
    }
    let closed = matches!(text[at - 1], b'"' | b'\'' | b'`' | b'[' | b']' | b'\\');
    // `(System/getenv "NAME") "value"` of Lisps.
    if closed && before.ends_with(b"nv \"") && text[at..high].starts_with(b") \"") {
        return Some((Operator::Typed, at + 2));
    }
    if !closed && before.ends_with(b"nv :") && text[at..high].starts_with(b") \"") {
        return Some((Operator::Typed, at + 2));
    }
    // `input("Password: ") == "value"`.
    if let Some(from) = prompted(text, name_end, high) {
        return Some((Operator::Compare, from));
    }
    // `${PASSWORD}    value` of Robot Framework.
    if before.ends_with(b"${") && text.get(at..high)?.starts_with(b"}  ") {
        return Some((Operator::Prose, blanks(text, at + 1, high)));
    }
    at += asked_of(text.get(at..high)?, before, closed);
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
        let cell = blanks(text, blanks(text, at, high) + 1, high);
        // `| password | string | \`value\` |`.
        let of_type = text.get(cell..high).and_then(|rest| {
            let rest = rest.strip_prefix(b"string | `").or_else(|| rest.strip_prefix(b"String | `"))?;
            Some(high - rest.len() - 1)
        });
        return Some((Operator::Prose, of_type.unwrap_or(cell)));
    }
    // `asked for the password, use \`value\``.
    if let Some(rest) = text.get(at..high).and_then(|rest| rest.strip_prefix(b", use ")) {
        return stands_alone(text, high - rest.len()).then(|| (Operator::Prose, high - rest.len()));
    }
    if let Some(from) = separate_value(text, at, high, closed) {
        return Some((Operator::Assign, from));
    }
    if let Some(from) = property_list(text, at, high) {
        // `<b>Password:</b> value<br>` is a sentence.
        let close = memchr::memchr2(b'<', b'\n', &text[from..text.len().min(from + NAME_REACH)]);
        let told = text[..from].ends_with(b" ") && !close.is_some_and(|at| text[from + at..].starts_with(b"</"));
        return Some((if told { Operator::Prose } else { Operator::Element }, from));
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
        // A manual page has its dashes behind backslashes.
        let option =
            before.ends_with(b"--") || before.ends_with(b"\\-\\-") || (before.ends_with(b" -") && first != b'=');
        let docker = before.eq_ignore_ascii_case(b"ENV ") || before.eq_ignore_ascii_case(b"ARG ");
        let assigns = matches!(first, b'=' | b':' | b'-' | b',' | b'(' | b'>');
        if (quote || option || docker) && !assigns {
            return Some((Operator::Blank, at));
        }
    }
    // `{"name" "value"}` of Clojure and its kin, whose maps have no signs between.
    if blank && closed && quote && matches!(before, [.., b'{' | b' ', b'"' | b'\'']) && text[name_end] == first {
        return Some((Operator::Call, at));
    }
    // `Password ........ value`, `Password.....: value`.
    if text[at..high].starts_with(b"...") {
        let dots = text[at..high].iter().take_while(|b| **b == b'.').count();
        let colon = usize::from(text.get(at + dots) == Some(&b':'));
        let leads = (blank || colon > 0) && text.get(at + dots + colon) == Some(&b' ');
        return leads.then(|| (Operator::Prose, blanks(text, at + dots + colon, high)));
    }
    if let Some(from) = compared(text, at, high) {
        return Some((Operator::Compare, from));
    }
    // `env("NAME") or "value"`, `env.NAME || "value"`.
    if let Some(from) = fallback(text, at, high) {
        return Some((Operator::Typed, from));
    }
    if blank && let Some(told) = in_words(text, before, name_end, at, high, closed) {
        return Some(told);
    }
    // `"name" to "value"`, in Markdown too, and `I fill in "name" with "value"`.
    if blank && closed && (text[at..high].starts_with(b"to \"") || text[at..high].starts_with(b"to `")) {
        return Some((Operator::Assign, at + 3));
    }
    if blank && closed && text[at..high].starts_with(b"with \"") {
        return Some((Operator::Assign, at + 5));
    }
    // `-Name name -Value "value"`.
    if blank && text[at..high].starts_with(b"-Value ") {
        return Some((Operator::Assign, at + 7));
    }
    // `name <> "value"`.
    if blank && matches!(text.get(at..at + 4), Some(b"<> \"" | b"<> '")) {
        return Some((Operator::Compare, at + 3));
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
        // `http -a user:password :8000/me` goes on with a port.
        b':' if blank && is_port(&text[at..high]) => return None,
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
            // `your password -> value`.
            let told = blanks(text, at, high);
            if blank && told > at && stands_alone(text, told) {
                return Some((Operator::Prose, told));
            }
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

/// Whether a text begins with a port, and a path or nothing behind it.
fn is_port(rest: &[u8]) -> bool {
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    (2..=5).contains(&digits) && matches!(rest.get(digits), Some(b'/' | b' ' | b'\n'))
}

/// Where the value begins with which is compared what is asked for by the name: `InputBox("Password?") = "…"`.
fn prompted(text: &[u8], name_end: usize, high: usize) -> Option<usize> {
    const COMPARE: [&[u8]; 6] = [b"===", b"!==", b"==", b"!=", b"<>", b"="];
    let rest = text.get(name_end..high)?;
    let signs = rest.iter().take(2).take_while(|b| matches!(b, b'?' | b':' | b' ')).count();
    let rest = rest[signs..].strip_prefix(b"\")").or_else(|| rest[signs..].strip_prefix(b"')"))?;
    let rest = rest.strip_prefix(b".strip()").or_else(|| rest.strip_prefix(b".trim()")).unwrap_or(rest);
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let sign = COMPARE.iter().find(|sign| rest.starts_with(sign))?;
    let at = blanks(text, high - rest.len() + sign.len(), high);
    text.get(at).is_some_and(|b| matches!(b, b'"' | b'\'')).then_some(at)
}

/// How many signs of emphasis end a name: `*name*: value`, `**name** – value`, of which the first begin before it.
pub(super) fn emphasis_end(rest: &[u8]) -> usize {
    const BEHIND: [&str; 4] = [":", " – ", " — ", " - "];
    let stars = rest.iter().take(2).take_while(|b| **b == b'*').count();
    if stars > 0 && BEHIND.iter().any(|sign| rest[stars..].starts_with(sign.as_bytes())) { stars } else { 0 }
}

/// How many bytes stand between a name and its operator: the end of its bracket, or a property or call of what it names:
/// `$conf->{name} = "…"`, `Properties["name"].Value = "…"`, `get("name") != "…"`, `name.getText().equals("…")`.
fn asked_of(rest: &[u8], before: &[u8], closed: bool) -> usize {
    const BETWEEN: [&[u8]; 5] = [b"}", b"()", b".Value", b".value", b")"];
    const OPERATORS: [&[u8]; 5] = [b" = ", b" := ", b" == ", b" != ", b".equals("];
    let Some(between) = BETWEEN.into_iter().find(|between| rest.starts_with(between)) else { return 0 };
    let may = closed || between == b"()" || (between == b"}" && before.ends_with(b"{"));
    let operates = OPERATORS.iter().any(|sign| rest[between.len()..].starts_with(sign));
    if may && operates { between.len() } else { 0 }
}

/// What a line, a sentence or a label says behind a blank: `requirepass value`, `the password is value`.
fn in_words(
    text: &[u8],
    before: &[u8],
    name_end: usize,
    at: usize,
    high: usize,
    closed: bool,
) -> Option<(Operator, usize)> {
    // `requirepass value`.
    if !closed && is_directive(text, name_end, at) {
        return Some((Operator::Remark, at));
    }
    // `the password is value`, `the password for all machines: value`.
    if let Some(from) = sentence(text, at, high).or_else(|| label(text, at, high)) {
        return Some((Operator::Prose, from));
    }
    // `aws configure set aws_secret_access_key value`, `the token value`.
    let drawn = emphasis(text, at, high);
    if !closed && is_drawn(text, drawn) {
        return Some((Operator::Apposed, drawn));
    }
    // `user anna, password value`.
    let apposed = !closed && ends_in_password(text, name_end);
    // `user **anna** and the password **value**`.
    if apposed
        && let from = emphasis(text, at, high)
        && from > at
    {
        let name = text[..name_end].iter().rev().take_while(|b| b.is_ascii_alphabetic()).count();
        if stands_alone(text, from) || names_user(text, name_end - name, b"") {
            return Some((Operator::Prose, from));
        }
    }
    if apposed && let Some(from) = apposition(text, before, name_end, at) {
        return Some((Operator::Prose, from));
    }
    // `Input Text    name=password    value` of Robot Framework, `密码 value`.
    let columns = before.ends_with(b"=") && text[..at].ends_with(b"    ");
    let foreign = !text[name_end.saturating_sub(3)..name_end].is_ascii();
    // `login anna, hasło walnuts`.
    let login = || {
        let name = text[..name_end].iter().rev().take_while(|b| b.is_ascii_alphabetic() || !b.is_ascii()).count();
        foreign && is_plain(word(text, at)) && names_user(text, name_end - name, b"")
    };
    (((columns || foreign) && stands_alone(text, at)) || login()).then_some((Operator::Prose, at))
}

/// What is written from here to the next blank, and at most so far as a name.
fn word(text: &[u8], at: usize) -> &[u8] {
    let rest = &text[at..text.len().min(at + NAME_REACH)];
    &rest[..rest.iter().take_while(|b| !b.is_ascii_whitespace()).count()]
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
    let rest = text.get(at..high).filter(|_| apart)?;
    let begins = |word: &&[u8]| rest.get(..word.len()).is_some_and(|here| here.eq_ignore_ascii_case(word));
    at += [b"value".as_slice(), b"defaultvalue"].into_iter().find(begins)?.len();
    while at < high && matches!(text[at], b'"' | b'\'' | b'\\' | b' ') {
        at += 1;
    }
    (at < high && matches!(text[at], b':' | b'=')).then(|| blanks(text, at + 1, high))
}

/// A name and its value in elements side by side: `<key>name</key><string>value</string>`, as Apple writes it, and
/// `<td>name</td><td>value</td>`.
fn property_list(text: &[u8], from: usize, high: usize) -> Option<usize> {
    const PAIRS: [(&[u8], &[u8]); 12] = [
        (b":</b>", b""),
        (b":</strong>", b""),
        (b":</em>", b""),
        (b":</td>", b"<td>"),
        (b":</th>", b"<td>"),
        (b":</dt>", b"<dd>"),
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
    let rest = text.get(from..high).filter(|rest| rest.starts_with(b"</") || rest.starts_with(b":</"))?;
    let (close, open) = PAIRS.iter().find(|(close, _)| rest.starts_with(close))?;
    let mut at = from + close.len();
    while at < high && text[at].is_ascii_whitespace() {
        at += 1;
    }
    text.get(at..high)?.strip_prefix(*open).map(|_| emphasis(text, at + open.len(), high))
}

/// The colon of East Asian texts, and their words for "is".
const FOREIGN_SIGNS: [&[u8]; 4] = ["：".as_bytes(), "为".as_bytes(), "是".as_bytes(), "は".as_bytes()];

/// Whether one of them begins a text.
pub(super) fn is_foreign_sign(text: &[u8]) -> bool {
    FOREIGN_SIGNS.iter().any(|sign| text.starts_with(sign))
}

/// Where a name in letters of another alphabet ends, of what may be one: before the sign that joins it to its value, and
/// before what is no text.
pub(super) fn foreign_end(text: &[u8], from: usize, end: usize) -> usize {
    let length = str::from_utf8(&text[from..end]).map_or_else(|error| error.valid_up_to(), str::len);
    let signs = FOREIGN_SIGNS.iter().filter_map(|sign| memchr::memmem::find(&text[from..from + length], sign));
    from + signs.min().unwrap_or(length)
}

/// How one asks an object whether it is the same as another.
pub(super) const ASKED: [&[u8]; 5] = [b".equals", b".Equals", b".compareTo", b".equalsIgnoreCase", b".contentEquals"];

/// The words and calls that compare.
const COMPARISONS: [&[u8]; 10] =
    [b"eq ", b"ne ", b"-eq ", b"-ne ", b"-ceq ", b"in (", b"in [", b"is ", b"isEqualToString:@", b"), []byte("];

/// `$password eq "…"`, `password.equals("…")`, `password in ("…", "…")`.
fn compared(text: &[u8], from: usize, high: usize) -> Option<usize> {
    let rest = text.get(from..high)?;
    if !matches!(rest.first()?, b'e' | b'n' | b'i' | b'-' | b'.' | b'}' | b')') {
        return None;
    }
    let rest = rest.strip_prefix(b"} ").unwrap_or(rest);
    let word = COMPARISONS.iter().chain(&ASKED).find(|word| rest.starts_with(word))?;
    let call = usize::from(rest.get(word.len()) == Some(&b'('));
    let at = high - rest.len() + word.len() + call;
    text.get(at).is_some_and(|b| matches!(b, b'"' | b'\'')).then_some(at)
}

/// What leads on to a value that stands in where a variable has none.
const FALLBACKS: [&[u8]; 24] = [
    b"||=",
    b"||",
    b"// ",
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
    if !matches!(rest.first()?, b'|' | b'?' | b'o' | b'e' | b'.' | b'{' | b',' | b'/') {
        return None;
    }
    let word = FALLBACKS.into_iter().find(|w| rest.starts_with(w))?;
    at = blanks(text, at + word.len(), high);
    text.get(at).is_some_and(|b| matches!(b, b'"' | b'\'')).then_some(at)
}

/// Whether what ends here is the first cell of a table's row: nothing but a bar, blanks and emphasis stands before its word.
/// Or the third, where the first two are a user: `| login | anna | password | value |`.
fn is_cell(text: &[u8], name_end: usize) -> bool {
    let before = &text[name_end.saturating_sub(NAME_REACH)..name_end];
    let line = memchr::memrchr(b'\n', before).map_or(before, |newline| &before[newline + 1..]);
    let Some(row) = line.trim_ascii_start().strip_prefix(b"|") else { return false };
    let plain = |b: &u8| b.is_ascii_alphabetic() || matches!(b, b' ' | b'*' | b'`' | b'_' | b'-');
    let mut cells = row.split(|b| *b == b'|');
    match (cells.next(), cells.next(), cells.next(), cells.next()) {
        (Some(name), None, ..) => name.iter().all(plain),
        (Some(user), Some(_), Some(name), None) => {
            let user = user.trim_ascii().to_ascii_lowercase();
            name.iter().all(plain) && str::from_utf8(&user).is_ok_and(is_user)
        }
        _ => false,
    }
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
