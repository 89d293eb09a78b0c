//! CSV and TSV (RFC 4180): records of fields, of which the first names them. Programs that keep passwords write out theirs so.

use std::ops::Range;

use super::column::Column;
use super::{LONGEST_LINE, MOST_COLUMNS, Table, lines, trimmed};
use crate::structured::reading::Reading;
use crate::structured::value::Scalar;

/// The longest record.
const LONGEST_RECORD: usize = 64 * 1024;

/// Reads fields that are divided by commas, or by what else the first line has.
pub(in crate::structured) fn csv<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    let mut start = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let Some(mut first) = lines(&text[start..]).next() else { return };
    // How spreadsheets are told what divides.
    if text[start..].starts_with(b"sep=") {
        start += first.end;
        start += text[start..].iter().take_while(|b| b.is_ascii_whitespace()).count();
        let Some(next) = lines(&text[start..]).next() else { return };
        first = next;
    }
    let line = &text[start + first.start..start + first.end];
    let count = |sign: u8| memchr::memchr_iter(sign, line).count();
    let sign = [b',', b';', b'\t', b'|'].into_iter().max_by_key(|sign| (count(*sign), *sign == b',')).unwrap_or(b',');
    records(text, start, sign, reading);
}

/// Reads fields that are divided by tabs.
pub(in crate::structured) fn tsv<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    records(text, 0, b'\t', reading);
}

fn records<'t>(text: &'t [u8], start: usize, sign: u8, reading: &mut Reading<'t, '_>) {
    let Some((header, mut at)) = record(text, start, sign) else { return };
    let names: Vec<Range<usize>> = header.iter().map(|field| field.range.clone()).collect();
    // Among records without a name for who signs in, or where, a password is one of a test's data as often as not.
    let Some(mut table) = Table::of_header(text, &names).filter(|table| table.login) else { return };
    if names.iter().map(Range::len).sum::<usize>() > LONGEST_LINE {
        return;
    }
    let urls = [b"url".as_slice(), b"uri", b"site"];
    let is_url = |name: &Range<usize>| {
        let name = &text[name.clone()];
        urls.iter().any(|url| name.len() >= url.len() && name[name.len() - url.len()..].eq_ignore_ascii_case(url))
    };
    table.kept = table.columns.contains(&Column::User) && names.iter().any(is_url);
    while let Some((fields, next)) = record(text, at, sign) {
        at = next;
        if table.fits(fields.len()) {
            table.row(&fields, reading);
        }
    }
}

/// The record that begins at `at`, and where the next one does.
fn record(text: &[u8], mut at: usize, sign: u8) -> Option<(Vec<Scalar<'_>>, usize)> {
    if at >= text.len() {
        return None;
    }
    let most = text.len().min(at + LONGEST_RECORD);
    let mut fields = Vec::new();
    loop {
        let (field, end) = match text.get(at) {
            Some(b'"') => quoted(text, at, most),
            _ => {
                let end = at + text[at..most].iter().position(|b| *b == sign || *b == b'\n').unwrap_or(most - at);
                (Scalar::plain(text, trimmed(text, at..end)), end)
            }
        };
        if fields.len() <= MOST_COLUMNS {
            fields.push(field);
        }
        // What follows a closing quote is none of the field.
        let end = end + text[end..most].iter().position(|b| *b == sign || *b == b'\n').unwrap_or(most - end);
        at = end + 1;
        if text.get(end) != Some(&sign) || at >= most {
            return Some((fields, at.min(text.len())));
        }
    }
}

/// A field in quotes, in which two stand for one. It may go over lines.
fn quoted(text: &[u8], open: usize, most: usize) -> (Scalar<'_>, usize) {
    let from = open + 1;
    let (mut bytes, mut places) = (Vec::new(), Vec::new());
    let mut at = from;
    while at < most {
        if text[at] == b'"' {
            if text.get(at + 1) != Some(&b'"') {
                break;
            }
            at += 1;
        }
        bytes.push(text[at]);
        places.push(u32::try_from(at).unwrap_or(u32::MAX));
        at += 1;
    }
    if at >= most {
        // One that is never closed is taken for what its line has.
        let end = from + text[from..most].iter().position(|b| *b == b'\n').unwrap_or(most - from);
        return (Scalar::plain(text, from..end), end);
    }
    let field =
        if bytes.len() == at - from { Scalar::plain(text, from..at) } else { Scalar::decoded(from..at, bytes, places) };
    (field, at + 1)
}
