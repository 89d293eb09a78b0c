//! Columns that stand below their names, divided by blanks: what programs print, and simple tables of reStructuredText.

use std::ops::Range;

use super::{Table, column};
use crate::structured::reading::Reading;
use crate::structured::value::Scalar;

/// The longest line of such a table.
const LONGEST: usize = 400;

/// A table of columns that stand below one another.
#[derive(Debug)]
pub(super) struct Aligned {
    table: Table,
    /// How far into its line each column begins.
    starts: Vec<usize>,
    /// Whether there was a row yet.
    begun: bool,
}

impl Aligned {
    /// The table that a line begins.
    pub(super) fn of_header(text: &[u8], line: &Range<usize>) -> Option<Self> {
        let body = &text[line.clone()];
        if body.len() > LONGEST || !column::may_be_in(body) {
            return None;
        }
        let fields = fields(text, line);
        let table = Table::of_header(text, &fields).filter(|table| table.login)?;
        Some(Self { table, starts: fields.iter().map(|field| field.start - line.start).collect(), begun: false })
    }

    /// Takes a line of it, and tells whether the table goes on.
    pub(super) fn row<'t>(&mut self, text: &'t [u8], line: &Range<usize>, reading: &mut Reading<'t, '_>) -> bool {
        let body = text[line.clone()].trim_ascii();
        if body.is_empty() {
            return !self.begun;
        }
        if body.len() > LONGEST {
            return false;
        }
        // A line below the names, or the last.
        if body.iter().all(|b| matches!(b, b'-' | b'=' | b' ' | b'\t')) {
            return true;
        }
        self.begun = true;
        let found = fields(text, line);
        let cells = if found.len() == self.starts.len() { found } else { self.below(text, line) };
        if self.table.fits(cells.len()) {
            let cells: Vec<_> = cells.into_iter().map(|cell| Scalar::plain(text, cell)).collect();
            self.table.row(&cells, reading);
        }
        true
    }

    /// What stands below each name: from where that begins to where the next one does. None if a word stands across.
    fn below(&self, text: &[u8], line: &Range<usize>) -> Vec<Range<usize>> {
        let ends = self.starts.iter().skip(1).copied().chain([line.len()]);
        let mut cells = Vec::new();
        for (start, end) in self.starts.iter().zip(ends) {
            let (from, to) = (line.start + start, (line.start + end).min(line.end));
            let apart = *start == 0 || text.get(from - 1).is_some_and(u8::is_ascii_whitespace);
            if from >= to || !apart {
                break;
            }
            cells.push(super::trimmed(text, from..to));
        }
        cells
    }
}

/// The words of a line that stand apart by two blanks, or a tab.
fn fields(text: &[u8], line: &Range<usize>) -> Vec<Range<usize>> {
    let mut fields: Vec<Range<usize>> = Vec::new();
    let mut at = line.start;
    while at < line.end {
        let blanks = text[at..line.end].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let apart = blanks > 1 || text[at..at + blanks].contains(&b'\t');
        at += blanks;
        let word = text[at..line.end].iter().take_while(|b| !matches!(b, b' ' | b'\t')).count();
        if word == 0 {
            break;
        }
        match fields.last_mut().filter(|_| !apart) {
            Some(field) => field.end = at + word,
            None => fields.push(at..at + word),
        }
        at += word;
    }
    fields
}
