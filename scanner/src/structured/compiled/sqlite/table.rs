//! What a table's definition says of its columns: their names, in the order that a row has them in.

/// A table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) columns: Vec<Vec<u8>>,
    /// In a table of settings, the columns of their names and their values.
    pub(super) setting: Option<(usize, usize)>,
}

/// How many columns are read.
const MOST_COLUMNS: usize = 2000;
/// The longest name of one.
const LONGEST: usize = 128;
/// What a part of a definition begins with that is no column.
const CONSTRAINTS: [&[u8]; 5] = [b"CONSTRAINT", b"PRIMARY", b"UNIQUE", b"CHECK", b"FOREIGN"];

impl Table {
    /// By the text of a `CREATE TABLE`. None if it has no columns, as that of a virtual table.
    pub(super) fn read(sql: &[u8]) -> Option<Self> {
        let (parts, behind) = parts(&sql[list(sql)?..]);
        let mut columns = Vec::new();
        let mut key = Vec::new();
        for part in parts.iter().take(MOST_COLUMNS) {
            let Some((name, is_quoted)) = part.first() else { continue };
            let is = |word: &[u8]| !is_quoted && name.eq_ignore_ascii_case(word);
            if !CONSTRAINTS.iter().any(|word| is(word)) {
                let has =
                    |word: &[u8]| part[1..].iter().any(|(token, quoted)| !quoted && token.eq_ignore_ascii_case(word));
                if has(b"PRIMARY") {
                    key.push(name.clone());
                }
                columns.push(name.clone());
            } else if is(b"PRIMARY") {
                key.extend(part[1..].iter().map(|(token, _)| token.clone()));
            }
        }
        let is_in = |list: &[Vec<u8>], name: &[u8]| list.iter().position(|other| other.eq_ignore_ascii_case(name));
        // Such a table is a tree by its key, and a row begins with that (2.4).
        if !key.is_empty() && behind.to_ascii_uppercase().windows(7).any(|word| word == b"WITHOUT") {
            columns.sort_by_key(|name| is_in(&key, name).unwrap_or(usize::MAX));
        }
        let setting = setting(&columns);
        (!columns.is_empty()).then_some(Self { columns, setting })
    }
}

/// Where the list of columns begins: behind a parenthesis that is none of the table's name.
fn list(sql: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += match sql.get(at)? {
            b'(' => return Some(at + 1),
            quote @ (b'"' | b'\'' | b'`') => quoted(&sql[at..], *quote).1,
            b'[' => quoted(&sql[at..], b']').1,
            _ => 1,
        };
    }
}

/// The columns of a table whose rows are names and values.
fn setting(columns: &[Vec<u8>]) -> Option<(usize, usize)> {
    let find = |words: &[&[u8]]| {
        let ends = |name: &Vec<u8>| {
            let word = name.rsplit(|b| *b == b'_').next().unwrap_or_default();
            words.iter().any(|known| word.eq_ignore_ascii_case(known))
        };
        columns.iter().position(ends)
    };
    let names: [&[u8]; 10] = [
        b"key",
        b"setting",
        b"option",
        b"param",
        b"parameter",
        b"property",
        b"variable",
        b"config",
        b"name",
        b"settingname",
    ];
    Some((find(&names)?, find(&[b"value", b"val", b"data"])?))
}

/// The words of a part, and whether each is quoted.
type Words = Vec<(Vec<u8>, bool)>;

/// The parts between the commas of a list, up to its end, and what stands behind that.
fn parts(text: &[u8]) -> (Vec<Words>, &[u8]) {
    let (mut parts, mut words, mut depth, mut at) = (Vec::new(), Words::new(), 0usize, 0);
    while let Some(byte) = text.get(at) {
        let rest = &text[at..];
        let length = match byte {
            b'"' | b'\'' | b'`' | b'[' => {
                let (word, length) = quoted(rest, if *byte == b'[' { b']' } else { *byte });
                words.push((word, true));
                length
            }
            b'-' if rest.starts_with(b"--") => memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
            b'/' if rest.starts_with(b"/*") => memchr::memmem::find(rest, b"*/").map_or(rest.len(), |end| end + 2),
            b')' if depth == 0 => {
                parts.push(words);
                return (parts, &rest[1..]);
            }
            b',' if depth == 0 => {
                parts.push(std::mem::take(&mut words));
                1
            }
            b'(' | b')' => {
                depth = if *byte == b'(' { depth + 1 } else { depth - 1 };
                1
            }
            b if is_of_word(*b) => {
                let length = rest.iter().take_while(|b| is_of_word(**b)).count();
                words.push((rest[..length.min(LONGEST)].to_vec(), false));
                length
            }
            _ => 1,
        };
        at += length;
    }
    parts.push(words);
    (parts, b"")
}

fn is_of_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'$' || !b.is_ascii()
}

/// A name in quotes, in which a quote is doubled, and its length with them.
fn quoted(text: &[u8], quote: u8) -> (Vec<u8>, usize) {
    let (mut word, mut at) = (Vec::new(), 1);
    while let Some(byte) = text.get(at) {
        at += 1;
        if *byte == quote {
            if text.get(at) != Some(&quote) || quote == b']' {
                break;
            }
            at += 1;
        }
        if word.len() < LONGEST {
            word.push(*byte);
        }
    }
    (word, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(sql: &str) -> (Vec<String>, Option<(usize, usize)>) {
        let table = Table::read(sql.as_bytes()).unwrap();
        (table.columns.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect(), table.setting)
    }

    #[test]
    fn columns_are_told_from_constraints() {
        let sql = "CREATE TABLE \"a(b\" (id INTEGER PRIMARY KEY, -- a, b\n \"pass word\" TEXT DEFAULT 'x, y' CHECK (length(a) > 1),\n \
            [c,d] VARCHAR(3, 4), /* e, */ `f``g`, PRIMARY KEY (a), FOREIGN KEY (x) REFERENCES y(z))";
        assert_eq!(table(sql).0, ["id", "pass word", "c,d", "f`g"]);
        assert_eq!(Table::read(b"CREATE VIRTUAL TABLE x USING y"), None);
        assert_eq!(table("CREATE TABLE a(b").0, ["b"]);
    }

    #[test]
    fn a_table_of_settings_is_known() {
        assert_eq!(table("CREATE TABLE settings (id, setting_key TEXT, setting_value TEXT)").1, Some((1, 2)));
        assert_eq!(table("CREATE TABLE users (id, name, password)").1, None);
    }

    #[test]
    fn a_row_begins_with_the_key_where_it_is_the_tree() {
        let sql = "CREATE TABLE a (x, y, z, PRIMARY KEY (z, y)) WITHOUT ROWID";
        assert_eq!(table(sql).0, ["z", "y", "x"]);
        assert_eq!(table(&sql.replace(" WITHOUT ROWID", "")).0, ["x", "y", "z"]);
    }
}
