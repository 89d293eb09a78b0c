//! Tables whose header says what a column holds: Markdown, reStructuredText, AsciiDoc, Org, wikis, HTML, CSV, aligned text.
//! There the name of a value stands lines above it, and plain reading sees a word among words.
//!
//! A row's cell is judged beside its column's name as source text would be, and more strictly where nothing says that the
//! table is one of logins: manuals have columns called "password" too.

mod aligned;
mod bars;
mod cell;
mod column;
mod html;
mod separated;

use std::ops::Range;

use oakum_patterns::Confidence;
use oakum_patterns::check::{judge_setting, judge_told};

use super::lines::lines;
use super::reading::{By, Reading, is_somebodys};
use super::value::{Path, Scalar, Step};
use column::Column;

pub(super) use {bars::read as text, html::read as html, separated::csv, separated::tsv};

/// The most columns of a table. One that has more is left to plain reading.
const MOST_COLUMNS: usize = 64;
/// The longest line that is a row.
const LONGEST_LINE: usize = 4096;
/// The longest value of a cell.
const LONGEST_VALUE: usize = 256;

/// What the header of a table says.
#[derive(Debug)]
struct Table {
    columns: Vec<Column>,
    /// What each column is called.
    names: Vec<Range<usize>>,
    /// Whether its rows tell who signs in, or where.
    login: bool,
    /// Whether a program that keeps passwords wrote it: who signs in, where, and with what.
    kept: bool,
}

impl Table {
    /// The table that a row of cells begins, if one of its columns holds credentials.
    fn of_header(text: &[u8], cells: &[Range<usize>]) -> Option<Self> {
        if !(2..=MOST_COLUMNS).contains(&cells.len()) {
            return None;
        }
        let names: Vec<_> = cells.iter().map(|cell| cell::clean(text, cell.clone())).collect();
        let columns: Vec<_> = names.iter().map(|name| column::of(&text[name.clone()])).collect();
        let secrets = columns.iter().filter(|column| column.holds_credentials()).count();
        // A sentence in bars, or a list of what can be chosen, has nothing else.
        if secrets == 0 || secrets == columns.len() {
            return None;
        }
        let login = columns.iter().any(|column| matches!(column, Column::User | Column::Place));
        if !login && columns.iter().all(|column| !column.holds_credentials() || *column == Column::Short) {
            return None;
        }
        Some(Self { columns, names, login, kept: false })
    }

    /// Whether a row has so many cells that each is in its column.
    fn fits(&self, cells: usize) -> bool {
        let needed = self.columns.iter().position(|column| column.holds_credentials()).unwrap_or_default();
        needed < cells && cells <= self.columns.len()
    }

    /// Takes the credentials of a row.
    fn row<'t>(&self, cells: &[Scalar<'t>], reading: &mut Reading<'t, '_>) {
        for (at, (column, scalar)) in self.columns.iter().zip(cells).enumerate() {
            if !column.holds_credentials() {
                continue;
            }
            let value = match column {
                Column::Pair => cell::behind_user(scalar),
                _ => Some(scalar.clone()),
            };
            let Some(value) = value else { continue };
            let Some(confidence) = self.judge(*column, &value) else { continue };
            // Told by the row's first cell, if that may be told.
            let first = cells.first().filter(|_| at > 0 && !self.columns[0].holds_credentials());
            let path = first.filter(|first| !first.text.is_empty()).map(|first| Path::key(&first.text));
            let name = Step::Key(&reading.text[self.names[at].clone()]);
            let path = path.unwrap_or_default().join(name);
            reading.cell(*column, confidence, &path, &value);
        }
    }

    fn judge(&self, column: Column, scalar: &Scalar<'_>) -> Option<Confidence> {
        let value = &*scalar.text;
        if !(4..=LONGEST_VALUE).contains(&value.len())
            || !is_somebodys(scalar)
            || cell::is_elsewhere(value)
            || (column.is_password() && cell::is_kept(value))
        {
            return None;
        }
        let judged = match column {
            // Whatever it is, it signs in.
            Column::Password if self.kept => Some(Confidence::Likely),
            _ if !cell::is_word(value) => None,
            Column::Password | Column::Short if self.login => judge_setting(b"password", value),
            Column::Password | Column::Short | Column::Pair => judge_told(b"password", value),
            Column::Token => judge_setting(b"auth_token", value),
            Column::Secret => judge_setting(b"client_secret", value),
            Column::Key => judge_setting(b"api_key", value),
            Column::User | Column::Place | Column::Other => None,
        };
        judged.filter(|confidence| *confidence > Confidence::Possible)
    }
}

impl<'r> Reading<'r, '_> {
    /// Takes what a cell holds as a credential.
    fn cell(&mut self, column: Column, confidence: Confidence, path: &Path<'_>, scalar: &Scalar<'r>) {
        self.names(path, scalar);
        let id = match column {
            Column::Token => "generic.token",
            Column::Secret => "generic.secret",
            Column::Key => "generic.api-key",
            _ => "generic.password",
        };
        if let Some(rule) = self.rule(id) {
            self.take(rule, confidence, By::Name, path, scalar);
        }
    }
}

/// A stretch without the blanks around it.
fn trimmed(text: &[u8], range: Range<usize>) -> Range<usize> {
    let body = &text[range.clone()];
    let start = range.start + (body.len() - body.trim_ascii_start().len());
    start..start.max(range.start + body.trim_ascii_end().len())
}

#[cfg(test)]
mod tests;
