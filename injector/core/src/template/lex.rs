//! From the text of a template to its pieces: literal text, and the tokens of what stands between the delimiters.

use super::error::TemplateError;

/// The white space that Go's templates know.
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// A piece of a template.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'t> {
    Text(&'t str),
    Action(Action),
}

/// What stands between two delimiters.
#[derive(Debug, PartialEq)]
pub(super) struct Action {
    pub(super) line: usize,
    pub(super) tokens: Vec<Token>,
}

/// A token and its surroundings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Whether white space stands before it: `.a .b` are two things, and `.a.b` is one.
    pub(super) apart: bool,
    pub(super) line: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A name: a keyword, a function, `true`, `nil`.
    Word(String),
    /// `.name`.
    Field(String),
    /// `$name`, or `$` with an empty name.
    Variable(String),
    Dot,
    Text(String),
    Int(i64),
    Float(f64),
    Pipe,
    Open,
    Close,
    Comma,
    /// `:=`
    Declare,
    /// `=`
    Assign,
}

/// Takes a template apart.
pub(super) fn pieces<'t>(text: &'t str, left: &str, right: &str) -> Result<Vec<Piece<'t>>, TemplateError> {
    let mut pieces = Vec::new();
    let (mut at, mut trim_next) = (0, false);
    let line_of = |at: usize| 1 + text[..at].matches('\n').count();
    while at < text.len() {
        let begin = text[at..].find(left).map(|found| at + found);
        let mut literal = &text[at..begin.unwrap_or(text.len())];
        if trim_next {
            literal = literal.trim_start_matches(SPACES);
        }
        let Some(begin) = begin else {
            if !literal.is_empty() {
                pieces.push(Piece::Text(literal));
            }
            break;
        };
        let line = line_of(begin);
        let mut inside = begin + left.len();
        // A trim marker is a minus with white space behind it; without, it may be a number's sign.
        if text[inside..].starts_with('-') && text[inside + 1..].starts_with(SPACES) {
            literal = literal.trim_end_matches(SPACES);
            inside += 1;
        }
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        let body = text[inside..].trim_start_matches(SPACES);
        let (end, trim);
        if body.starts_with("/*") {
            let open = text.len() - body.len();
            let Some(close) = text[open..].find("*/") else {
                return Err(TemplateError::new(line, "a comment does not end"));
            };
            let rest = &text[open + close + 2..];
            let after = rest.trim_start_matches(SPACES);
            trim = after.len() < rest.len() && after.starts_with('-');
            let after = if trim { &after[1..] } else { rest };
            if !after.starts_with(right) {
                return Err(TemplateError::new(line, format!("a comment must be followed by `{right}` at once")));
            }
            end = text.len() - after.len() + right.len();
        } else {
            let mut lexer = Lexer { text, at: inside, line, right, tokens: Vec::new() };
            trim = lexer.run()?;
            end = lexer.at;
            pieces.push(Piece::Action(Action { line, tokens: lexer.tokens }));
        }
        trim_next = trim;
        at = end;
    }
    Ok(pieces)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    right: &'t str,
    tokens: Vec<Token>,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn fail<T>(&self, what: impl Into<String>) -> Result<T, TemplateError> {
        Err(TemplateError::new(self.line, what))
    }

    fn skip_spaces(&mut self) -> bool {
        let rest = self.rest();
        let spaces = &rest[..rest.len() - rest.trim_start_matches(SPACES).len()];
        self.line += spaces.matches('\n').count();
        self.at += spaces.len();
        !spaces.is_empty()
    }

    /// Reads tokens up to the right delimiter, and says whether it trims.
    fn run(&mut self) -> Result<bool, TemplateError> {
        let mut depth = 0usize;
        loop {
            let apart = self.skip_spaces();
            let rest = self.rest();
            if apart && rest.starts_with('-') && rest[1..].starts_with(self.right) {
                self.at += 1 + self.right.len();
                return if depth == 0 { Ok(true) } else { self.fail("a parenthesis is not closed") };
            }
            if rest.starts_with(self.right) {
                self.at += self.right.len();
                return if depth == 0 { Ok(false) } else { self.fail("a parenthesis is not closed") };
            }
            let line = self.line;
            let kind = self.token()?;
            match kind {
                Kind::Open => depth += 1,
                Kind::Close if depth == 0 => return self.fail("a parenthesis is closed that was not opened"),
                Kind::Close => depth -= 1,
                _ => {}
            }
            self.tokens.push(Token { kind, apart, line });
        }
    }

    fn token(&mut self) -> Result<Kind, TemplateError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return self.fail("an action does not end") };
        let single = |lexer: &mut Self, kind| {
            lexer.at += first.len_utf8();
            Ok(kind)
        };
        match first {
            '|' => single(self, Kind::Pipe),
            '(' => single(self, Kind::Open),
            ')' => single(self, Kind::Close),
            ',' => single(self, Kind::Comma),
            '=' => single(self, Kind::Assign),
            ':' if rest.starts_with(":=") => {
                self.at += 2;
                Ok(Kind::Declare)
            }
            '"' => self.quoted(),
            '`' => self.raw(),
            '\'' => self.character(),
            '$' => {
                self.at += 1;
                Ok(Kind::Variable(self.word()))
            }
            '.' if rest[1..].starts_with(|next: char| next.is_ascii_digit()) => self.number(),
            '.' => {
                self.at += 1;
                let name = self.word();
                Ok(if name.is_empty() { Kind::Dot } else { Kind::Field(name) })
            }
            '+' | '-' | '0'..='9' => self.number(),
            _ if first.is_alphanumeric() || first == '_' => Ok(Kind::Word(self.word())),
            _ => self.fail(format!("`{}` cannot stand here", first.escape_debug())),
        }
    }

    fn word(&mut self) -> String {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_owned()
    }

    fn raw(&mut self) -> Result<Kind, TemplateError> {
        let rest = &self.rest()[1..];
        let Some(end) = rest.find('`') else { return self.fail("a raw string does not end") };
        self.at += end + 2;
        self.line += rest[..end].matches('\n').count();
        Ok(Kind::Text(rest[..end].replace('\r', "")))
    }

    fn quoted(&mut self) -> Result<Kind, TemplateError> {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends || *c == '\n'
        });
        match end {
            Some((end, '"')) => {
                self.at += end + 1;
                match unescape(&rest[1..end]) {
                    Some(text) => Ok(Kind::Text(text)),
                    None => self.fail("a string holds an escape that does not exist"),
                }
            }
            _ => self.fail("a string does not end on its line"),
        }
    }

    fn character(&mut self) -> Result<Kind, TemplateError> {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == '\'' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends || *c == '\n'
        });
        let Some((end, '\'')) = end else { return self.fail("a character does not end") };
        self.at += end + 1;
        let text = unescape(&rest[1..end].replace("\\'", "'"));
        let mut chars = text.as_deref().unwrap_or_default().chars();
        match (chars.next(), chars.next()) {
            (Some(one), None) => Ok(Kind::Int(i64::from(u32::from(one)))),
            _ => self.fail("what stands between single quotes must be one character"),
        }
    }

    fn number(&mut self) -> Result<Kind, TemplateError> {
        let rest = self.rest();
        let mut end = 0;
        let mut before = ' ';
        for (at, c) in rest.char_indices() {
            let sign = matches!(c, '+' | '-') && (at == 0 || matches!(before, 'e' | 'E'));
            if !(sign || c.is_ascii_alphanumeric() || matches!(c, '.' | '_')) {
                break;
            }
            before = c;
            end = at + c.len_utf8();
        }
        self.at += end;
        match number(&rest[..end]) {
            Some(kind) => Ok(kind),
            None => Err(TemplateError::new(
                self.line,
                format!("`{}` is not a number", rest[..end].chars().take(40).collect::<String>()),
            )
            .hint("a key that is no name is had by `index`: index .Data.data \"a-b\"")),
        }
    }
}

/// Reads a number as Go writes them: decimal, hexadecimal, octal and binary, with underscores, or with a fraction.
fn number(text: &str) -> Option<Kind> {
    let plain = text.replace('_', "");
    let (sign, digits) = match plain.strip_prefix(['+', '-']) {
        Some(digits) if plain.starts_with('-') => (-1, digits),
        Some(digits) => (1, digits),
        None => (1, plain.as_str()),
    };
    let lower = digits.to_ascii_lowercase();
    let radix = |prefix: &str, radix| lower.strip_prefix(prefix).map(|rest| i64::from_str_radix(rest, radix).ok());
    let octal = || {
        let rest = lower.strip_prefix('0').filter(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
        rest.map(|rest| i64::from_str_radix(rest, 8).ok())
    };
    let whole = radix("0x", 16).or_else(|| radix("0b", 2)).or_else(|| radix("0o", 8)).or_else(octal);
    if let Some(whole) = whole {
        return whole.map(|whole| Kind::Int(sign * whole));
    }
    if let Ok(whole) = lower.parse::<i64>() {
        return Some(Kind::Int(sign * whole));
    }
    let number: f64 = lower.starts_with(|c: char| c.is_ascii_digit() || c == '.').then(|| lower.parse().ok())??;
    // Go takes 1e3 for an integer where one is wanted.
    #[expect(clippy::cast_precision_loss, reason = "the sign is 1 or -1")]
    Some(Kind::Float(sign as f64 * number))
}

/// Resolves the escapes of Go's interpreted strings.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let kind = rest.chars().next()?;
        let code = |digits: &str, radix| u32::from_str_radix(digits, radix).ok();
        let mut put =
            |code: u32| char::from_u32(code).map(|c| bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()));
        let used = match kind {
            'a' => put(7).map(|()| 1),
            'b' => put(8).map(|()| 1),
            'f' => put(12).map(|()| 1),
            'n' => put(10).map(|()| 1),
            'r' => put(13).map(|()| 1),
            't' => put(9).map(|()| 1),
            'v' => put(11).map(|()| 1),
            '\\' | '"' => put(u32::from(kind)).map(|()| 1),
            'u' => put(code(rest.get(1..5)?, 16)?).map(|()| 5),
            'U' => put(code(rest.get(1..9)?, 16)?).map(|()| 9),
            'x' => {
                bytes.push(u8::try_from(code(rest.get(1..3)?, 16)?).ok()?);
                Some(3)
            }
            '0'..='7' => {
                bytes.push(u8::try_from(code(rest.get(0..3)?, 8)?).ok()?);
                Some(3)
            }
            _ => None,
        }?;
        rest = &rest[used..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    // A template that makes bytes which are no text is not one that a configuration holds.
    String::from_utf8(bytes).ok()
}
