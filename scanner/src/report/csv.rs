//! A place a row, for spreadsheets: RFC 4180. A cell that a spreadsheet would take for a formula begins with an
//! apostrophe, and line breaks and the like are written out, so that a row is a line.

use std::io::{self, Write};

use super::escape::escape;
use super::view::{self, PlaceView, count};
use super::{Reporter, flaws};
use crate::finding::Finding;
use crate::lint::Lint;
use crate::scan::Outcome;

const HEADER: &str = "rule,service,severity,confidence,fingerprint,preview,known,kind,path,member,key,line,column,end_line,\
                      end_column,image,platform,layer,digest,diff_id,history,created_by,base,state,state_by,field,note,mode,uid,gid";

/// The column of what no other has a place for.
const NOTE: usize = 26;
/// The columns of lines and columns.
const LINES: std::ops::Range<usize> = 11..15;

/// The report for spreadsheets.
#[derive(Debug)]
pub(super) struct Csv;

impl Reporter for Csv {
    fn write(&self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{HEADER}\r\n")?;
        for finding in &outcome.findings {
            for place in view::places(finding) {
                row(&cells(finding, &place), out)?;
            }
        }
        for lint in outcome.lint.iter().flatten() {
            for place in flaws::places(lint) {
                row(&flaw(lint, &PlaceView::new(&place)), out)?;
            }
            if lint.more > 0 {
                let mut cells = blank();
                cells[0] = lint.flaw.id().into();
                cells[2] = view::severity(lint.flaw.severity()).into();
                cells[NOTE] = format!("{} not listed", count(lint.more, "more place"));
                row(&cells, out)?;
            }
        }
        for (why, skipped) in outcome.summary.skipped.iter().filter(|(why, _)| why.is_gap()) {
            // A table has no place for a summary; but what was not scanned must be seen.
            let mut cells = blank();
            cells[0] = "oakum.incomplete".into();
            cells[7] = "gap".into();
            cells[8] = skipped.examples.join("; ");
            cells[NOTE] = format!("{} not scanned: {why}", skipped.count);
            row(&cells, out)?;
        }
        Ok(())
    }
}

fn blank() -> Vec<String> {
    vec![String::new(); HEADER.split(',').count()]
}

/// What an image gets wrong besides has no secret, and is at no line.
fn flaw(lint: &Lint, place: &PlaceView<'_>) -> Vec<String> {
    let what = [lint.flaw.id(), "", view::severity(lint.flaw.severity()), "", "", "", ""];
    let mut cells: Vec<String> = what.map(str::to_owned).into_iter().chain(located(place)).collect();
    cells[LINES].fill(String::new());
    cells[NOTE] = flaws::titled(lint);
    cells
}

fn cells(finding: &Finding, place: &PlaceView<'_>) -> Vec<String> {
    let what = [
        finding.rule.clone(),
        finding.service.clone(),
        view::severity(finding.severity).into(),
        view::confidence(finding.confidence).into(),
        finding.fingerprint.to_string(),
        finding.preview.to_string(),
        finding.known.to_string(),
    ];
    what.into_iter().chain(located(place)).collect()
}

/// The cells behind those that say what it is.
fn located(place: &PlaceView<'_>) -> Vec<String> {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let layer = place.layer.as_ref();
    let number = |value: Option<usize>| value.map(|n| n.to_string()).unwrap_or_default();
    vec![
        place.kind.into(),
        text(place.path.as_deref()),
        place.member.join(" › "),
        text(place.key),
        place.line.to_string(),
        place.column.to_string(),
        place.end_line.to_string(),
        place.end_column.to_string(),
        text(layer.map(|l| l.image).or(place.image)),
        text(layer.map(|l| l.platform).or(place.platform)),
        number(layer.map(|l| l.index)),
        text(layer.map(|l| l.digest)),
        text(layer.map(|l| l.diff_id)),
        number(layer.and_then(|l| l.history)),
        text(layer.map(|l| l.created_by)),
        layer.and_then(|l| l.base).map(|base| base.to_string()).unwrap_or_default(),
        text(place.state),
        number(place.state_by.flatten()),
        text(place.field),
        String::new(),
        text(place.mode.as_ref().and_then(|mode| mode.as_deref())),
        place.uid.flatten().map(|uid| uid.to_string()).unwrap_or_default(),
        place.gid.flatten().map(|gid| gid.to_string()).unwrap_or_default(),
    ]
}

fn row(cells: &[String], out: &mut dyn Write) -> io::Result<()> {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    write!(out, "{}\r\n", cells.join(","))
}

fn cell(text: &str) -> String {
    let mut text = escape(text).into_owned();
    // What begins a formula in a spreadsheet, in full width too (OWASP, CSV injection).
    if text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) {
        text.insert(0, '\'');
    }
    if text.contains([',', ';', '"']) || text.trim() != text || text.starts_with('\'') {
        text = format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_neither_a_formula_nor_two() {
        assert_eq!(cell("plain"), "plain");
        assert_eq!(cell("a,\"b\""), r#""a,""b""""#);
        assert_eq!(cell("=HYPERLINK(\"x\")"), r#""'=HYPERLINK(""x"")""#);
        for start in ["+1", "-1", "@x", " =1", "＝1"] {
            assert!(cell(start).starts_with("\"'"), "{start}");
        }
        assert_eq!(cell("a\r\n=1\t"), "a\\r\\n=1\\t");
    }
}
