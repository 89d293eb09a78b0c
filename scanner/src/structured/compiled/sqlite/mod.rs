//! Databases of SQLite (<https://sqlite.org/fileformat2.html>): each text of each table with the name of its column, or, in
//! a table of settings, with that of the setting. What has been deleted, and what still is in the log beside the file, is
//! searched as it stands.

mod pages;
mod record;
mod table;

use super::super::reading::Reading;
use super::super::value::{Path, Step};
use super::Form;
use pages::Pages;
use record::{Cell, Row};
use table::Table;

/// How many tables are read.
const MOST_TABLES: usize = 4096;

/// Reads a database.
pub(in super::super) fn read<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    let Some(mut pages) = Pages::open(text) else { return };
    let encoding = pages.encoding;
    let mut tables = Vec::new();
    // The table of all tables: type, name, table, root, definition.
    pages.rows(1, &mut |payload| {
        let Some(row) = Row::read(payload) else { return };
        let (Some(Cell::Number(root)), Some(sql)) = (row.cell(3), row.text(4, encoding)) else { return };
        if tables.len() < MOST_TABLES
            && row.text(0, encoding).is_some_and(|kind| &*kind.text == b"table")
            && let (Some(table), Ok(root), Some(name)) =
                (Table::read(&sql.text), u32::try_from(*root), row.text(1, encoding))
        {
            tables.push((root, name.text.into_owned(), table));
        }
    });
    for (root, name, table) in &tables {
        let path = Path::key(if name.len() <= 128 { name } else { b"table" });
        pages.rows(*root, &mut |payload| {
            if let Some(row) = Row::read(payload) {
                judge(table, &path, &row, encoding, reading);
            }
        });
    }
}

/// The texts of a row.
fn judge<'t>(
    table: &Table,
    path: &Path<'_>,
    row: &Row<'t, '_>,
    encoding: record::Encoding,
    reading: &mut Reading<'t, '_>,
) {
    let setting = table.setting.and_then(|(key, value)| Some((row.text(key, encoding)?, value)));
    for (at, column) in table.columns.iter().enumerate() {
        let Some(value) = row.text(at, encoding) else { continue };
        let name = match &setting {
            Some((key, of)) if *of == at && key.text.len() <= 256 => &key.text[..],
            _ => column,
        };
        reading.pair(Form::Assigned, name, &path.join(Step::Key(name)), &value);
    }
}
