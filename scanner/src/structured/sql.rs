//! Statements of SQL that put rows into tables: the column says what a value is. `INSERT INTO t (a, b) VALUES (…), (…)`, with
//! the columns of `CREATE TABLE t` where it names none, and `COPY t (a, b) FROM stdin`.

use std::ops::Range;

use super::meaning::tells;
use super::reading::Reading;
use super::value::{MOST_VALUES, Path, Scalar, Step};

/// The most columns of a table.
const MOST_COLUMNS: usize = 256;
/// The most tables whose columns are kept.
const MOST_TABLES: usize = 1024;
/// The longest comment that is passed: what is open is looked through again for every statement.
const LONGEST_COMMENT: usize = 4096;

/// Reads the statements of a text. What is none is passed over.
pub(crate) fn read<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    let mut reader = Reader { text, at: 0, line: 0, left: MOST_VALUES };
    let mut tables: Vec<(&[u8], Vec<&[u8]>)> = Vec::new();
    while let Some(verb) = reader.statement() {
        match verb {
            Verb::Create => {
                let (table, columns) = reader.create();
                if tables.len() < MOST_TABLES && !columns.is_empty() {
                    tables.push((table, columns));
                }
            }
            Verb::Insert => {
                let Some(table) = reader.name() else { continue };
                let own = reader.columns();
                let known = || tables.iter().rev().find(|(name, _)| *name == table).map(|(_, columns)| &columns[..]);
                let Some(columns) = own.as_deref().or_else(known) else { continue };
                reader.rows(table, columns, reading);
            }
            Verb::Copy => {
                let Some(table) = reader.name() else { continue };
                if let Some(columns) = reader.columns() {
                    reader.copied(table, &columns, reading);
                }
            }
        }
        if reader.left == 0 {
            return;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create,
    Insert,
    Copy,
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    /// Where the next line begins that a statement may begin on.
    line: usize,
    /// How many values may still be read.
    left: usize,
}

impl<'t> Reader<'t> {
    /// The next statement that is read, up to its table. It begins a line.
    fn statement(&mut self) -> Option<Verb> {
        const VERBS: [(&[u8], Verb); 4] =
            [(b"insert", Verb::Insert), (b"replace", Verb::Insert), (b"create", Verb::Create), (b"copy", Verb::Copy)];
        if self.at > self.line {
            self.line = self.line_end(self.at) + 1;
        }
        while self.line < self.text.len() {
            self.at = self.line;
            self.line = self.line_end(self.at) + 1;
            self.blanks();
            let Some((_, verb)) = VERBS.into_iter().find(|(word, _)| self.word(word)) else { continue };
            if verb != Verb::Create {
                while [b"into".as_slice(), b"ignore", b"low_priority", b"delayed", b"or", b"replace"]
                    .into_iter()
                    .any(|word| self.word(word))
                {}
                return Some(verb);
            }
            while [b"temporary".as_slice(), b"temp", b"unlogged", b"global"].into_iter().any(|word| self.word(word)) {}
            if self.word(b"table") {
                while [b"if".as_slice(), b"not", b"exists"].into_iter().any(|word| self.word(word)) {}
                return Some(verb);
            }
        }
        None
    }

    fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        memchr::memchr(b'\n', rest).map_or(self.text.len(), |end| at + end)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Blanks, line ends and comments.
    fn blanks(&mut self) {
        loop {
            self.at += self.text[self.at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
            let rest = &self.text[self.at..];
            if rest.starts_with(b"--") {
                self.at = self.line_end(self.at);
            } else if rest.starts_with(b"/*")
                && let Some(end) = memchr::memmem::find(&rest[..rest.len().min(LONGEST_COMMENT)], b"*/")
            {
                self.at += end + 2;
            } else {
                return;
            }
        }
    }

    /// Whether the next word is this one, in any case. It is passed, with the blanks behind it.
    fn word(&mut self, word: &[u8]) -> bool {
        let rest = &self.text[self.at..];
        let is = rest.get(..word.len()).is_some_and(|here| here.eq_ignore_ascii_case(word))
            && !rest.get(word.len()).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
        if is {
            self.at += word.len();
            self.blanks();
        }
        is
    }

    /// Whether the next byte is this one. It is passed, with the blanks behind it.
    fn sign(&mut self, sign: u8) -> bool {
        let is = self.peek() == Some(sign);
        if is {
            self.at += 1;
            self.blanks();
        }
        is
    }

    /// The name of a table or column, without its quotes and what stands before a dot.
    fn name(&mut self) -> Option<&'t [u8]> {
        loop {
            let close = match self.peek()? {
                b'`' => Some(b'`'),
                b'"' => Some(b'"'),
                b'[' => Some(b']'),
                _ => None,
            };
            let start = self.at + usize::from(close.is_some());
            let rest = &self.text[start..self.text.len().min(start + 128)];
            let of_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'#') || !b.is_ascii();
            let length = match close {
                Some(close) => rest.iter().position(|b| *b == close)?,
                None => rest.iter().take_while(|b| of_name(b)).count(),
            };
            self.at = start + length + usize::from(close.is_some());
            if length == 0 {
                return None;
            }
            if self.peek() != Some(b'.') {
                self.blanks();
                return Some(&rest[..length]);
            }
            self.at += 1;
        }
    }

    /// The columns in brackets, if it is names that stand there.
    fn columns(&mut self) -> Option<Vec<&'t [u8]>> {
        let before = self.at;
        let mut columns = Vec::new();
        if self.sign(b'(') {
            while let Some(name) = self.name().filter(|_| columns.len() < MOST_COLUMNS) {
                columns.push(name);
                if self.sign(b')') {
                    return Some(columns);
                }
                if !self.sign(b',') {
                    break;
                }
            }
        }
        self.at = before;
        None
    }

    /// A table, and the columns that it is made with.
    fn create(&mut self) -> (&'t [u8], Vec<&'t [u8]>) {
        const OTHERS: [&[u8]; 8] =
            [b"primary", b"key", b"constraint", b"unique", b"index", b"foreign", b"check", b"fulltext"];
        let mut columns = Vec::new();
        let table = self.name().unwrap_or_default();
        if self.sign(b'(') {
            while columns.len() < MOST_COLUMNS {
                let plain = self.peek().is_some_and(|b| b.is_ascii_alphabetic());
                let constrains = plain && OTHERS.into_iter().any(|word| self.word(word));
                if !constrains {
                    let Some(name) = self.name() else { break };
                    columns.push(name);
                }
                self.value();
                if !self.sign(b',') {
                    break;
                }
            }
        }
        (table, columns)
    }

    /// The rows of values behind `VALUES`.
    fn rows(&mut self, table: &[u8], columns: &[&[u8]], reading: &mut Reading<'t, '_>) {
        if !self.word(b"values") && !self.word(b"value") {
            return;
        }
        while self.left > 0 && self.sign(b'(') {
            for at in 0.. {
                let value = self.value();
                self.left = self.left.saturating_sub(1);
                if let (Some(value), Some(column)) = (value, columns.get(at)) {
                    column_value(self.text, table, column, value, reading);
                }
                if !self.sign(b',') {
                    break;
                }
            }
            if !self.sign(b')') || !self.sign(b',') {
                return;
            }
        }
    }

    /// Passes a value; where it is a text in quotes and nothing else, it is told where that stands.
    fn value(&mut self) -> Option<Range<usize>> {
        // `N'…'`, `E'…'`.
        if let [b'N' | b'E' | b'n' | b'e', b'\'', ..] = self.text.get(self.at..)? {
            self.at += 1;
        }
        let mut literal = None;
        let (mut open, mut others) = (0usize, false);
        while let Some(b) = self.peek() {
            match b {
                b'\'' | b'"' => {
                    others |= literal.is_some() || open > 0;
                    literal = Some(self.quoted(b));
                    continue;
                }
                b'(' => open += 1,
                b')' | b',' if open == 0 => break,
                // What is open here is no statement.
                b';' => break,
                b')' => open -= 1,
                _ => {}
            }
            others |= !b.is_ascii_whitespace();
            self.at += 1;
        }
        literal.filter(|_| !others)
    }

    /// Passes a text in quotes: what stands in them. A quote in it is written twice, or behind a backslash.
    fn quoted(&mut self, quote: u8) -> Range<usize> {
        let start = self.at + 1;
        let mut at = start;
        while let Some(b) = self.text.get(at) {
            match b {
                b'\\' => at += 1,
                b if *b == quote && self.text.get(at + 1) == Some(&quote) => at += 1,
                b if *b == quote => break,
                _ => {}
            }
            at += 1;
        }
        let end = at.min(self.text.len());
        self.at = self.text.len().min(end + 1);
        start..end
    }

    /// The rows of `FROM stdin`: a line each, divided by tabs, up to `\.`.
    fn copied(&mut self, table: &[u8], columns: &[&[u8]], reading: &mut Reading<'t, '_>) {
        if !self.word(b"from") || !self.word(b"stdin") {
            return;
        }
        let options = &self.text[self.at..self.line_end(self.at)];
        if options.trim_ascii() != b";" {
            return;
        }
        let mut start = self.line_end(self.at) + 1;
        while start < self.text.len() && self.left > 0 {
            let end = self.line_end(start);
            let line = &self.text[start..end];
            if line.starts_with(b"\\.") {
                break;
            }
            let mut from = start;
            for (at, field) in line.split(|b| *b == b'\t').enumerate().take(MOST_COLUMNS) {
                self.left = self.left.saturating_sub(1);
                if let Some(column) = columns.get(at).filter(|_| field != b"\\N") {
                    column_value(self.text, table, column, from..from + field.len(), reading);
                }
                from += field.len() + 1;
            }
            start = end + 1;
        }
        self.at = start.min(self.text.len());
    }
}

/// A value of a column. What most databases keep of a password is its hash.
fn column_value<'t>(text: &'t [u8], table: &[u8], column: &[u8], value: Range<usize>, reading: &mut Reading<'t, '_>) {
    let written = &text[value.clone()];
    let hex = written.strip_prefix(b"*").unwrap_or(written);
    let password = column.to_ascii_lowercase();
    let password =
        [b"pass".as_slice(), b"pwd", b"pw"].iter().any(|word| memchr::memmem::find(&password, word).is_some());
    let hash = written.starts_with(b"$") || (password && hex.len() >= 32 && hex.iter().all(u8::is_ascii_hexdigit));
    if tells(column) && !hash {
        reading.leaf(&Path::key(table).join(Step::Key(column)), &Scalar::plain(text, value), None);
    }
}

#[cfg(test)]
mod tests {
    use oakum_patterns::{Engine, Rule};

    use super::*;

    /// The way to each value that is found, and the value.
    fn found(text: &str) -> Vec<(String, String)> {
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        let mut reading = Reading::new(&engine, text.as_bytes(), &[]);
        read(text.as_bytes(), &mut reading);
        let found = reading.finish().found;
        let mut found: Vec<_> = found.into_iter().map(|one| (one.key, text[one.range].to_owned())).collect();
        found.dedup();
        found
    }

    #[test]
    fn every_row_has_its_columns() {
        let text = "\n-- users\nINSERT IGNORE INTO `app`.`users` (id, `password`, mail) VALUES\n  (1, 'Walnut!1', 'a'),\n\
            (2, N'Harbor!2', f('x', ')')), -- c\n  (3, NULL, 'b'), (4, concat('Silver!3', 'x'), 'c');\nSELECT 1;\n\
            insert users(token, password) values ('x', 'Tiger''s!4');";
        let expected =
            [("users.password", "Walnut!1"), ("users.password", "Harbor!2"), ("users.password", "Tiger''s!4")];
        assert_eq!(found(text), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn columns_are_those_that_the_table_was_made_with() {
        let text = "CREATE TABLE IF NOT EXISTS \"users\" (\n  `id` int(11) DEFAULT '0',\n  password varchar(64) NOT NULL,\n\
            PRIMARY KEY (`id`), mail text\n);\nINSERT INTO users VALUES (1,'Walnut!1','Meadow!7'),(2,'Harbor!2','b');\n";
        let expected = [("users.password", "Walnut!1"), ("users.password", "Harbor!2")];
        assert_eq!(found(text), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn a_dump_has_rows_of_tabs() {
        let text = "COPY public.users (id, password, mail) FROM stdin;\n1\tWalnut!1\ta\n2\t\\N\tb\n3\tHarbor!2\tc\n\\.\n\
            4\tSilver!3\td\n";
        let expected = [("users.password", "Walnut!1"), ("users.password", "Harbor!2")];
        assert_eq!(found(text), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn hashes_and_other_columns_are_no_credentials() {
        let hex = "d2307d4ddc2b49d0b2c6510e27b4edb0";
        for text in [
            format!("INSERT INTO u (password) VALUES ('{hex}'), ('*{hex}'), ('$2y$10${hex}');"),
            "INSERT INTO u (password_hint, name) VALUES ('Walnut!1', 'Walnut!1');".into(),
            "INSERT INTO u (password) SELECT 'Walnut!1' FROM v;".into(),
            "INSERT INTO u VALUES ('Walnut!1'); COPY u FROM stdin;".into(),
            "insert".into(),
            "INSERT INTO u (password) VALUES ('open".into(),
        ] {
            assert_eq!(found(&text), [], "{text}");
        }
    }

    #[test]
    fn time_and_number_are_bounded() {
        for text in [
            "INSERT INTO u (",
            "(",
            "INSERT INTO u (password) VALUES (",
            "create table a (b ",
            "'",
            "/*",
            "copy\n",
            "insert into u (/*\n",
        ] {
            found(&text.repeat(20_000));
        }
    }
}
