//! Reads an assignment around a name: `name = "value"`, `name: value`, `"name": "value"`, `call("name", "value")`,
//! `<name>value</name>`. It looks at a bounded stretch of text and copies nothing.

mod apart;
mod collection;
mod lines;
mod login;
mod operator;
mod prose;
mod value;

use std::ops::Range;

pub(crate) use collection::{Collection, Of, collection};
pub(crate) use login::is_user;
use operator::{ASKED, foreign_end, is_foreign_sign, operator};
pub(crate) use prose::names_phrase;
use value::{Within, bare_end, coded, value};

/// The longest name that is read, each way from where a keyword stood.
pub(crate) const NAME_REACH: usize = 64;
/// The longest word within a name, up to a capital or another joint.
const LONGEST_WORD: usize = 40;
/// The longest stretch between a name and its value.
const GAP_REACH: usize = 48;
/// How far before a name a bracket opens that its value closes.
const BRACKET_REACH: usize = 80;
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
    /// A word beside the user whose password it is: `Login: anna  Password: value`.
    Login,
    /// Nothing but what stands around: a remark behind a literal (`"value" // password`), a call that names what it was
    /// given (`"value", forKey: "name"`), a line of a name and a value. The value lane looks for no such.
    Remark,
    /// A blank before what a machine made: `the token value`; or a line end before the value. The value lane looks for no
    /// such.
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
    while at.start < at.end && matches!(text[at.start], b'"' | b'\'' | b' ' | b'(') {
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
    // Nor are the dots that lead to its value: `Password.....: value`.
    let dots = text[at.end..end].iter().rev().take_while(|b| **b == b'.').count();
    let leads = dots >= 3 && text.get(end) == Some(&b':');
    if leads {
        end -= dots;
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
    // `*Password*: value`, `**Token** – value`.
    let emphasis = operator::emphasis_end(&text[end..]);
    let joins = |b: &u8| may_join(*b) || asked || leads || emphasis > 0 || is_foreign_sign(&text[end..]);
    if text.get(end).is_some_and(|b| !joins(b)) || is_too_short(&text[end..]) {
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
    // `License server key: …`: what it opens stands before it.
    if text[start..end].eq_ignore_ascii_case(b"key") {
        start = prose::begins_name(text, start);
    }
    let before = &text[start.saturating_sub(4)..start];
    // `public key: …`.
    if text[start.saturating_sub(7)..start].eq_ignore_ascii_case(b"public ") {
        return None;
    }
    // How a test that passed is logged: `PASS: name`.
    if text[start..end] == *b"PASS" && text.get(end) == Some(&b':') && !before.ends_with(b"${") {
        return None;
    }
    // The last word of a sentence: what it says stands before it, `enter walnuts94 as the password.`.
    if text[at.start..end].ends_with(b".") {
        let name = start..end - 1;
        let value = apart::said_before(text, before, &name)?;
        let quote = text.get(value.end).copied();
        return Some(Assignment { name, value, operator: Operator::Prose, quote });
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
    // What stands before its name is no line of settings: it counts as quoted.
    if let Some(value) = apart::said_before(text, before, &name) {
        return literal(Operator::Prose, value);
    }
    let rows = matches!(follows, Some(b',' | b')' | b']'))
        || before.ends_with(b", ")
        || before.ends_with(b", $")
        || (follows == Some(&b'`') && matches!(text.get(end + 1), Some(b',' | b')')));
    if rows && let Some(value) = apart::in_row(text, &name) {
        return literal(Operator::Assign, value?);
    }
    if let Some(value) = lines::below(text, &name) {
        return Some(Assignment { name, value, operator: Operator::Apposed, quote: None });
    }
    let (mut operator, mut from) = match apart::in_element(text, &name) {
        Some(from) => (Operator::Element, from),
        None => operator(text, before, end)?,
    };
    if matches!(operator, Operator::Assign | Operator::Typed | Operator::Call)
        && let Some(next) = lines::goes_on(text, before, &name, from)
    {
        let (value, quote) = value(text, next, operator)?;
        return Some(Assignment { name, value, operator: Operator::Apposed, quote });
    }
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
        // `password - [value]`, as logs have it.
        if operator == Operator::Prose && text[value.clone()].starts_with(b"[") && text[value.clone()].ends_with(b"]") {
            value = value.start + 1..value.end - 1;
        }
        value.end -= closers(&text[start.saturating_sub(BRACKET_REACH)..start], &text[value.clone()]);
        let within = match before.last() {
            Some(b'?' | b'&') => Within::Query,
            Some(b'|') => Within::Bars,
            _ => Within::Text,
        };
        value.end = value.start + bare_end(&text[value.clone()], within);
        // Words that are one passphrase go on behind blanks.
        if matches!(operator, Operator::Assign | Operator::Prose) && names_phrase(&text[start..end]) {
            value.end = prose::phrase_end(text, &value);
        }
    }
    if matches!(operator, Operator::Assign | Operator::Prose)
        && (prose::ends_in_password(text, end) || !text[start..end].is_ascii())
        && prose::is_plain(&text[value.clone()])
        && login::names_user(text, start, &text[value.clone()])
    {
        operator = Operator::Login;
    }
    (!value.is_empty()).then_some(Assignment { name: start..end, value, operator, quote })
}

/// How many brackets at the end of a bare value close what was opened before it: `{password: walnut9}`, `(pw: walnut9)`,
/// `(user: anna, pw: walnut9)`.
fn closers(before: &[u8], value: &[u8]) -> usize {
    let opens = value.iter().any(|b| matches!(b, b'(' | b'{' | b'['));
    // What is called with the value has its name right before the bracket.
    let bracketed = || {
        let Some(open) = memchr::memrchr2(b'(', b'\n', before).filter(|open| before[*open] == b'(') else {
            return false;
        };
        let free = open == 0 || matches!(before[open - 1], b' ' | b'\n' | b'\t' | b'*' | b'>');
        // `(SHA1 of given password: fd4e1c)`.
        let digest = [b"SHA".as_slice(), b"MD5", b"hash"]
            .iter()
            .any(|word| memchr::memmem::find(&before[open..], word).is_some());
        free && !digest && !before[open..].contains(&b')')
    };
    let closes = |b: &u8| matches!(b, b'}' | b']') || (*b == b')' && bracketed());
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

/// Passes over blanks.
fn blanks(text: &[u8], mut at: usize, high: usize) -> usize {
    while at < high && matches!(text[at], b' ' | b'\t') {
        at += 1;
    }
    at
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
            ("mycli \\-\\-password walnuts -v", "password", "walnuts"),
            ("*password*: walnuts", "password", "walnuts"),
            ("your password -> walnuts9", "password", "walnuts9"),
            ("if input(\"password: \") == \"walnuts\":", "password", "walnuts"),
            ("(or (System/getenv \"password\") \"walnuts\")", "password", "walnuts"),
            ("ENV['password'] ||= 'walnuts'", "password", "walnuts"),
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
            ("默认密码为 walnuts94", "密码", "walnuts94"),
            ("密码：walnuts94", "密码", "walnuts94"),
            ("初期パスワードは「walnuts94」です", "パスワード", "walnuts94"),
            ("пароль по умолчанию — walnuts94", "пароль", "walnuts94"),
            ("if asked for the password, use `walnuts94`.", "password", "walnuts94"),
            ("user ''anna'', password ''walnuts94''", "password", "walnuts94"),
            ("password ``walnuts94``", "password", "walnuts94"),
            ("the password is WanZutSLpq", "password", "WanZutSLpq"),
            ("same user, walnuts94 as password", "password", "walnuts94"),
            ("`walnuts94` is the new password", "password", "walnuts94"),
            ("guest walnuts94 (password)", "password", "walnuts94"),
            ("if (password.equals(\"walnuts\")) {", "password", "walnuts"),
            ("public string password { get; set; } = \"walnuts\";", "password", "walnuts"),
            ("<property name=\"password\"><value>walnuts</value>", "password", "walnuts"),
            ("<wsse:password Type=\"#PasswordText\">walnuts</wsse:password>", "password", "walnuts"),
            ("<password encoding='plain' >walnuts</password>", "password", "walnuts"),
            ("if a <password b=\"c\"> walnuts", "password", ""),
            (
                "char *password[] = { (byte) 1, (byte)2, (byte) 3, 4, 5, 6, 7, (byte) 0xff };",
                "password",
                "(byte) 1, (byte)2, (byte) 3, 4, 5, 6, 7, (byte) 0xff",
            ),
            ("StringP(\"password\", \"p\", \"walnuts\", \"\")", "password", "walnuts"),
            ("f(\"String\", \"password\", \"\\\"walnuts\\\"\")", "password", "walnuts"),
            ("(mot de passe walnuts94).", "passe", "walnuts94"),
            ("(user: anna, password: walnuts94).", "password", "walnuts94"),
            ("Enter `walnuts94` as the password.", "password", "walnuts94"),
            ("an@example.com (pw walnuts94)", "(pw ", "walnuts94"),
            ("(SHA1 of given password: fd4e1c)", "password", "fd4e1c)"),
            ("**password** - walnuts94", "password", "walnuts94"),
            ("<b>password:</b> walnuts94", "password", "walnuts94"),
            ("the password of `anna` is `walnuts94`.", "password", "walnuts94"),
            ("lösenordet är `walnuts94`", "senordet", "walnuts94"),
            ("I fill in \"password\" with \"walnuts\"", "password", "walnuts"),
            ("| user | anna | password | walnuts94 |", "password", "walnuts94"),
            ("| `password` | string | `walnuts94` |", "password", "walnuts94"),
            ("the root password should be walnuts94.", "password", "walnuts94"),
            ("http -a user:password :8000/me", "password", ""),
            ("ssh root@a.example.com (password walnuts94)", "password", "walnuts94"),
            ("- password ........ walnuts94", "password", "walnuts94"),
            ("FTP-password .....: walnuts94", "FTP-password", "walnuts94"),
            ("password.....: walnuts94", "password", "walnuts94"),
            ("password... walnuts94", "password...", ""),
            ("the password for `joe`: walnuts94", "password", "walnuts94"),
            ("the password of all: <kbd>walnuts94</kbd>", "password", "walnuts94"),
            ("das Kennwort war übrigens walnuts94", "Kennwort", "walnuts94"),
            ("a password {{{walnuts94}}}, and", "password", "walnuts94"),
            ("login anna, hasło dragonmarble", "hasło", "dragonmarble"),
            ("password - [walnuts94]", "password", "walnuts94"),
            ("|user=joe|password=walnuts94|role=x|", "password", "walnuts94"),
            ("{code}password=walnuts94{code}", "password", "walnuts94"),
            ("sudo password on build3 = walnuts94", "password", "walnuts94"),
            ("the password for joe@example.com is: walnuts94", "password", "walnuts94"),
            ("> password   walnuts94\n", "password", "walnuts94"),
            ("{'password' 'walnuts94'}", "password", "walnuts94"),
            ("uint8_t password[8] = { 1, 2, 3, 4, 5, 6, 7, 0xff };", "password", "1, 2, 3, 4, 5, 6, 7, 0xff"),
            ("byte[] password = new byte[] {1,2,3,4,5,6,7,8};", "password", "1,2,3,4,5,6,7,8"),
            ("password = bytes([1, 2, 3, 4, 5, 6, 7, 8])", "password", "1, 2, 3, 4, 5, 6, 7, 8"),
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
    fn a_phrase_has_blanks_and_a_key_a_word_before_it() {
        for (text, keyword, name, value) in [
            (
                "disk passphrase: walnut harbor meadow falcon\nx",
                "passphrase",
                "passphrase",
                "walnut harbor meadow falcon",
            ),
            ("passphrase: walnut harbor", "passphrase", "passphrase", "walnut"),
            ("License server key: walnuts94", "key", "server key", "walnuts94"),
            ("the key: walnuts94", "key", "key", "walnuts94"),
        ] {
            assert_eq!(read(text, keyword), Some((name.to_owned(), value.to_owned())), "{text}");
        }
        let login = around(b"Login: anna  Password: walnutharbor", 13..21).unwrap();
        assert_eq!(login.operator, Operator::Login);
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
    fn what_is_no_text_is_no_name() {
        for (between, read) in [(&b"\xc3\xb3"[..], true), (b"\x99\xf7", false)] {
            let text = [b"a token", between, b": walnuts94walnuts94"].concat();
            assert_eq!(around(&text, 2..7).is_some(), read, "{between:?}");
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
