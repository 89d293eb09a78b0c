//! Tables of HTML: `<th>Password</th>` in the first row, and `<td>` in those below. Broken markup is the rule: a cell ends
//! where another begins.

use std::ops::Range;

use super::{LONGEST_LINE, MOST_COLUMNS, Table, cell};
use crate::structured::reading::Reading;
use crate::structured::syntax::unescaped;
use crate::structured::value::Scalar;

/// A tag of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Table,
    Row,
    Cell,
    End,
}

const TAGS: [(&[u8], Tag); 8] = [
    (b"<table", Tag::Table),
    (b"<tr", Tag::Row),
    (b"<th", Tag::Cell),
    (b"<td", Tag::Cell),
    (b"</td", Tag::End),
    (b"</th", Tag::End),
    (b"</tr", Tag::Row),
    (b"</table", Tag::Table),
];

/// Reads the tables of a page.
pub(in crate::structured) fn read<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    let mut table = None;
    let mut row: Vec<Range<usize>> = Vec::new();
    let mut open: Option<usize> = None;
    for start in memchr::memchr_iter(b'<', text) {
        let Some((tag, inside)) = tag(text, start) else { continue };
        if let Some(from) = open.take()
            && row.len() <= MOST_COLUMNS
        {
            // In a broken tag another may begin.
            row.push(from.min(start)..start);
        }
        match tag {
            Tag::Cell => open = Some(inside),
            Tag::End => {}
            Tag::Row | Tag::Table => {
                finish(text, &mut table, &row, reading);
                row.clear();
                if tag == Tag::Table {
                    table = None;
                }
            }
        }
    }
}

/// The tag of a table that begins here, and where it ends.
fn tag(text: &[u8], start: usize) -> Option<(Tag, usize)> {
    let rest = &text[start..text.len().min(start + 512)];
    let begins = |word: &[u8]| {
        rest.get(..word.len()).is_some_and(|here| here.eq_ignore_ascii_case(word))
            && matches!(rest.get(word.len()), Some(b'>' | b' ' | b'\n' | b'\r' | b'\t'))
    };
    let (_, tag) = TAGS.iter().find(|(word, _)| begins(word))?;
    let end = memchr::memchr(b'>', rest)?;
    Some((*tag, start + end + 1))
}

fn finish<'t>(text: &'t [u8], table: &mut Option<Table>, row: &[Range<usize>], reading: &mut Reading<'t, '_>) {
    if row.len() < 2 || row.iter().any(|cell| cell.len() > LONGEST_LINE) {
        return;
    }
    let inner: Vec<Range<usize>> = row.iter().map(|cell| without_tags(text, cell.clone())).collect();
    if let Some(header) = Table::of_header(text, &inner) {
        *table = Some(header);
    } else if let Some(table) = table.as_ref().filter(|table| table.fits(inner.len())) {
        let cells: Vec<Scalar<'t>> = inner
            .iter()
            .map(|cell| {
                let cell = cell::clean(text, cell.clone());
                unescaped(text, cell.start, cell.end)
            })
            .collect();
        table.row(&cells, reading);
    }
}

/// What stands between the tags that a cell begins and ends with: `<p><code>…</code></p>`.
fn without_tags(text: &[u8], cell: Range<usize>) -> Range<usize> {
    let mut cell = super::trimmed(text, cell);
    for _ in 0..8 {
        let body = &text[cell.clone()];
        if body.starts_with(b"<")
            && let Some(end) = memchr::memchr(b'>', body)
        {
            cell = super::trimmed(text, cell.start + end + 1..cell.end);
        } else if body.ends_with(b">")
            && let Some(start) = memchr::memrchr(b'<', body)
        {
            cell = super::trimmed(text, cell.start..cell.start + start);
        } else {
            break;
        }
    }
    cell
}
