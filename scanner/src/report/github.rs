//! Annotations of a pull request, by the workflow commands of GitHub Actions. What a path or name holds can end no
//! command and begin no other.

use std::io::{self, Write};

use oakum_patterns::Severity;

use super::escape::escape;
use super::view::{self, PlaceView, count};
use super::{Reporter, flaws};
use crate::finding::Finding;
use crate::scan::Outcome;

/// How many places of a flaw an annotation lists.
const LISTED: usize = 5;

/// The annotations.
#[derive(Debug)]
pub(super) struct Github;

impl Reporter for Github {
    fn write(&self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        for finding in outcome.findings.iter().filter(|f| !f.known) {
            for place in view::places(finding) {
                annotation(finding, &place, out)?;
            }
        }
        // One each: a step may have no more than ten of a kind.
        for lint in outcome.lint.iter().flatten() {
            let command = if lint.flaw.severity() == Severity::Low { "notice" } else { "warning" };
            let title = property(&format!("{} ({})", lint.flaw.title(), lint.flaw.id()));
            let text = format!("{}. The way out: {}", flaws::listed(lint, LISTED), lint.flaw.fix());
            writeln!(out, "::{command} title={title}::{}", data(&text))?;
        }
        for (why, skipped) in outcome.summary.skipped.iter().filter(|(why, _)| why.is_gap()) {
            let text =
                format!("{} not scanned ({why}): {}", count(skipped.count, "content"), skipped.examples.join(", "));
            writeln!(out, "::warning title=oakum%3A incomplete::{}", data(&text))?;
        }
        let known = outcome.findings.iter().filter(|f| f.known).count();
        let new = (outcome.findings.len() - known) as u64;
        let known = if known > 0 { format!(", {known} known") } else { String::new() };
        writeln!(out, "::notice title=oakum::{}{known}", count(new, "finding"))
    }
}

fn annotation(finding: &Finding, place: &PlaceView<'_>, out: &mut dyn Write) -> io::Result<()> {
    let command = match finding.severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium | Severity::Low => "warning",
    };
    let mut properties = Vec::new();
    if let Some(path) = place.path.as_deref().filter(|_| place.is_plain_file()) {
        properties.push(format!("file={}", property(path.strip_prefix("./").unwrap_or(path))));
        properties.push(format!("line={},endLine={}", place.line, place.end_line));
        // Columns of a range of lines mean nothing to GitHub.
        if place.line == place.end_line {
            properties.push(format!("col={},endColumn={}", place.column, place.end_column));
        }
    }
    properties.push(format!("title={}", property(&format!("{} ({})", finding.name, finding.rule))));
    let mut text = format!("{} at {}", finding.preview, place.label());
    text.extend(place.key.map(|key| format!(", under {key}")));
    text.extend(place.fate().map(|fate| format!(", {fate}")));
    text.push_str(&format!(". {} {}", finding.why, finding.rotate));
    writeln!(out, "::{command} {}::{}", properties.join(","), data(&text))
}

/// The text of a command, as `@actions/core` escapes it.
fn data(text: &str) -> String {
    escape(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_ends_no_command() {
        assert_eq!(property("a,b:c%\n::error::x"), "a%2Cb%3Ac%25\\n%3A%3Aerror%3A%3Ax");
        assert_eq!(data("100%\r\n::x"), "100%25\\r\\n::x");
    }
}
