//! Texts for people: rows whose cells are divided by bars (Markdown, Org, grids of reStructuredText, AsciiDoc, MediaWiki,
//! Confluence, Textile, Gherkin, what databases print), and columns below their names.

use std::ops::Range;

use super::aligned::Aligned;
use super::{LONGEST_LINE, MOST_COLUMNS, Table, cell, column, lines, trimmed};
use crate::structured::reading::Reading;

/// How rows are written here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// A row is a line.
    Lines,
    /// Between `|===`: a row is as many cells as there are columns, over as many lines.
    Asciidoc,
    /// Between `{|` and `|}`: a row ends at `|-`.
    Wiki,
}

/// Reads the tables of a text.
pub(in crate::structured) fn read<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    let mut rows =
        Rows { text, mode: Mode::Lines, table: None, aligned: None, pending: Vec::new(), width: 0, heads: false };
    let mut next = lines(text).peekable();
    while let Some(line) = next.next() {
        let below = next.peek().is_some_and(|below| is_rule(&text[below.clone()]));
        if line.len() > LONGEST_LINE {
            rows.end(reading);
            continue;
        }
        rows.line(line, below, reading);
    }
    rows.end(reading);
}

struct Rows<'t> {
    text: &'t [u8],
    mode: Mode,
    table: Option<Table>,
    aligned: Option<Aligned>,
    /// Cells of a row that goes over lines.
    pending: Vec<Range<usize>>,
    /// How many cells a row of AsciiDoc has, once that is known.
    width: usize,
    /// Whether the cells that are pending are heads.
    heads: bool,
}

impl<'t> Rows<'t> {
    fn line(&mut self, line: Range<usize>, rule_below: bool, reading: &mut Reading<'t, '_>) {
        let range = trimmed(self.text, line.clone());
        let body = &self.text[range.clone()];
        if body.starts_with(b"|===") {
            let width = self.width;
            let begins = self.mode != Mode::Asciidoc;
            self.end(reading);
            (self.mode, self.width) = if begins { (Mode::Asciidoc, width) } else { (Mode::Lines, 0) };
            return;
        }
        if body.starts_with(b"{|") {
            self.end(reading);
            self.mode = Mode::Wiki;
            return;
        }
        match self.mode {
            Mode::Lines => self.plain(line, range, rule_below, reading),
            Mode::Asciidoc => self.asciidoc(range, reading),
            Mode::Wiki => self.wiki(range, reading),
        }
    }

    fn plain(&mut self, line: Range<usize>, range: Range<usize>, rule_below: bool, reading: &mut Reading<'t, '_>) {
        let text = self.text;
        let body = &text[range.clone()];
        if let Some(cols) = body.strip_prefix(b"[").and_then(columns_of) {
            self.width = cols;
        }
        if let Some(aligned) = &mut self.aligned {
            if aligned.row(text, &line, reading) {
                return;
            }
            self.aligned = None;
        }
        // The rows of a `list-table`: `* - first`, `  - second`.
        if let Some(first) = [b"* - ".as_slice(), b"* -\t"].iter().find(|first| body.starts_with(first)) {
            self.flush(reading);
            self.pending.push(range.start + first.len()..range.end);
            return;
        }
        if !self.pending.is_empty() {
            if body.starts_with(b"- ") && range.start > line.start {
                self.pending.push(range.start + 2..range.end);
                return;
            }
            if body.is_empty() || range.start > line.start {
                return;
            }
            self.end(reading);
        }
        // It ends no table, and has no cells.
        if is_rule(body) {
            return;
        }
        // `Row 1 | System | Password`, as sheets are printed.
        let open = rule_below || self.table.is_some() || memchr::memmem::find_iter(body, b" | ").nth(1).is_some();
        let Some(cells) = bars(text, range, open) else {
            self.table = None;
            self.aligned = Aligned::of_header(text, &line);
            return;
        };
        self.row(&cells, reading);
    }

    fn asciidoc(&mut self, range: Range<usize>, reading: &mut Reading<'t, '_>) {
        let Some(cells) = bars(self.text, range, false) else { return };
        if self.width == 0 && cells.len() > 1 {
            self.width = cells.len();
        }
        for cell in cells {
            self.pending.push(cell);
            if self.pending.len() == self.width {
                self.flush(reading);
            }
        }
        if self.pending.len() > MOST_COLUMNS {
            self.pending.clear();
        }
    }

    fn wiki(&mut self, range: Range<usize>, reading: &mut Reading<'t, '_>) {
        let body = &self.text[range.clone()];
        if body.starts_with(b"|}") {
            self.end(reading);
            return;
        }
        if body.starts_with(b"|-") || body.starts_with(b"|+") {
            self.flush(reading);
            return;
        }
        let heads = body.starts_with(b"!");
        if !heads && !body.starts_with(b"|") {
            return;
        }
        let full = self.table.as_ref().is_some_and(|table| self.pending.len() >= table.columns.len());
        if heads != self.heads || full {
            self.flush(reading);
        }
        self.heads = heads;
        let inside = range.start + 1..range.end;
        let signs: &[&[u8]] = if heads { &[b"!!", b"||"] } else { &[b"||"] };
        for cell in split(self.text, inside, signs) {
            // `style="…" | text`.
            let bar = memchr::memrchr(b'|', &self.text[cell.clone()]).map_or(cell.start, |bar| cell.start + bar + 1);
            self.pending.push(bar..cell.end);
        }
        if self.pending.len() > MOST_COLUMNS {
            self.pending.clear();
        }
    }

    /// Takes the cells that are pending as a row.
    fn flush(&mut self, reading: &mut Reading<'t, '_>) {
        let cells = std::mem::take(&mut self.pending);
        self.row(&cells, reading);
    }

    /// Ends whatever table there is.
    fn end(&mut self, reading: &mut Reading<'t, '_>) {
        self.flush(reading);
        (self.mode, self.table, self.aligned, self.width, self.heads) = (Mode::Lines, None, None, 0, false);
    }

    fn row(&mut self, cells: &[Range<usize>], reading: &mut Reading<'t, '_>) {
        let (Some(first), Some(last)) = (cells.first(), cells.last()) else { return };
        let line = &self.text[first.start..last.end];
        let header = column::may_be_in(line).then(|| Table::of_header(self.text, cells)).flatten();
        if let Some(header) = header.filter(|header| header.login || self.table.is_none()) {
            self.table = Some(header);
        } else if let Some(table) = self.table.as_ref().filter(|table| table.fits(cells.len())) {
            let cells: Vec<_> = cells.iter().map(|cell| cell::scalar(self.text, cell.clone())).collect();
            table.row(&cells, reading);
        }
    }
}

/// How many columns a table of AsciiDoc says that it has: `[cols="1,2,3"]`, `[%header,cols=3*]`.
fn columns_of(attributes: &[u8]) -> Option<usize> {
    let at = memchr::memmem::find(attributes, b"cols=")? + 5;
    let rest = &attributes[at..];
    let (from, close): (usize, &[u8]) = if rest.starts_with(b"\"") { (1, b"\"") } else { (0, b",]") };
    let body = &rest[from..];
    let body = &body[..body.iter().position(|b| close.contains(b))?];
    let number =
        body.iter().position(|b| *b == b'*').and_then(|star| std::str::from_utf8(&body[..star]).ok()?.parse().ok());
    Some(number.unwrap_or_else(|| body.split(|b| *b == b',').count()).min(MOST_COLUMNS))
}

/// A line that divides rows: `|---|:--:|`, `+====+`, `-----+-----`.
fn is_rule(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.len() >= 3
        && line.iter().all(|b| matches!(b, b'-' | b'=' | b'+' | b'|' | b':' | b' '))
        && line.windows(3).any(|w| w == b"---" || w == b"===" || w == b":--" || w == b"--:")
        && line.iter().any(|b| matches!(b, b'|' | b'+'))
}

/// The cells of a line with bars. Where no bar begins it, it is one only if something else says so.
fn bars(text: &[u8], range: Range<usize>, may_be_open: bool) -> Option<Vec<Range<usize>>> {
    let body = &text[range.clone()];
    memchr::memchr(b'|', body).or_else(|| body.starts_with(b"+").then_some(0))?;
    // What a table is quoted or remarked with.
    let quoted = body.iter().take_while(|b| matches!(b, b'>' | b'#' | b'*' | b'/' | b' ')).count();
    let opens = body.get(quoted) == Some(&b'|');
    if !(opens || may_be_open || body.starts_with(b"+")) {
        return None;
    }
    let mut start = if opens { range.start + quoted } else { range.start };
    // Confluence has two for a row of heads.
    let sign: &[u8] = if text[start..range.end].starts_with(b"||") { b"||" } else { b"|" };
    if opens {
        start += sign.len();
    }
    let mut cells = split(text, start..range.end, &[sign]);
    if cells.last().is_some_and(|last| text[last.clone()].trim_ascii().is_empty())
        && text[start..range.end].ends_with(sign)
    {
        cells.pop();
    }
    Some(cells)
}

/// The stretches between signs. A backslash takes a bar its meaning.
fn split(text: &[u8], range: Range<usize>, signs: &[&[u8]]) -> Vec<Range<usize>> {
    let (mut cells, mut from, mut at) = (Vec::new(), range.start, range.start);
    while at < range.end && cells.len() <= MOST_COLUMNS {
        let rest = &text[at..range.end];
        if let Some(sign) =
            signs.iter().find(|sign| rest.starts_with(sign)).filter(|_| at == 0 || text[at - 1] != b'\\')
        {
            cells.push(from..at);
            at += sign.len();
            from = at;
        } else {
            at += 1;
        }
    }
    cells.push(from.min(range.end)..range.end);
    cells
}
