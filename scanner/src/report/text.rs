//! For people: a finding a block, then what was looked at and what was not. All that the scanned thing or a rule file
//! says is escaped.

use std::fmt;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use oakum_patterns::Severity;

use super::escape::escape;
use super::view::{self, PlaceView, count};
use super::{Color, Detail, Options, Reporter};
use crate::finding::Finding;
use crate::lint::Lint;
use crate::origin::BaseBy;
use crate::scan::{Outcome, Skipped, Summary};
use crate::source::Why;

/// How many places of a finding are shown in brief.
const PLACES: usize = 5;
/// How many examples of what was skipped harmlessly are shown in brief.
const EXAMPLES: usize = 2;
/// How much of a fingerprint is shown: enough to tell findings apart.
const SHORT: usize = 12;
/// How much of an instruction is shown.
const INSTRUCTION: usize = 72;
/// Where text begins, after the label.
const INDENT: usize = 10;

/// The report for people.
#[derive(Debug)]
pub(super) struct Text {
    options: Options,
}

impl Text {
    pub(super) fn new(options: Options) -> Self {
        Self { options }
    }

    fn paint(&self, style: Style, text: impl fmt::Display) -> String {
        match self.options.color {
            Color::Never => text.to_string(),
            Color::Always => format!("{style}{text}{style:#}"),
        }
    }

    fn dim(&self, text: impl fmt::Display) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    fn severity(&self, severity: Severity) -> Style {
        let color = match severity {
            Severity::Critical | Severity::High => AnsiColor::Red,
            Severity::Medium => AnsiColor::Yellow,
            Severity::Low => AnsiColor::Cyan,
        };
        let style = color.on_default();
        if severity == Severity::Critical { style.bold() } else { style }
    }

    fn finding(&self, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
        let severity = self.severity(finding.severity);
        let word = format!("{:<INDENT$}", view::severity(finding.severity));
        let name = self.paint(Style::new().bold(), escape(&finding.name));
        let known = if finding.known { self.dim("  known") } else { String::new() };
        writeln!(out, "{}{name}  {}{known}", self.paint(severity, word), self.dim(escape(&finding.rule)))?;
        let fingerprint = finding.fingerprint.to_string();
        self.labelled(
            out,
            "found",
            &format!(
                "{}{}",
                escape(&finding.preview.to_string()),
                self.dim(format_args!(
                    "  ·  {}  ·  fingerprint {}",
                    view::confidence(finding.confidence),
                    &fingerprint[..SHORT]
                )),
            ),
        )?;
        let shown = match self.options.detail {
            // One place is not worth a line that says it is left out.
            Detail::Brief if finding.places.len() > PLACES + 1 => PLACES,
            _ => finding.places.len(),
        };
        for (i, place) in view::places(finding).take(shown).enumerate() {
            self.labelled(out, if i == 0 { "at" } else { "" }, &self.place(&place))?;
            if let Some(instruction) = place.layer.as_ref().and_then(|l| instruction(l.created_by)) {
                self.labelled(out, "", &self.dim(format_args!("  made by {instruction}")))?;
            }
            if let Some(permissions) = place.permissions().filter(|_| self.options.detail == Detail::Full) {
                self.labelled(out, "", &self.dim(format_args!("  {permissions}")))?;
            }
            if let Some(layer) = place.layer.as_ref().filter(|layer| layer.base == Some(true)) {
                let how = match layer.base_by {
                    Some(BaseBy::Given | BaseBy::Digests | BaseBy::Labels) => "of the base image",
                    _ => "of the base image, as the history has it",
                };
                self.labelled(out, "", &self.dim(format_args!("  {how}")))?;
            }
        }
        let more = finding.places.len() - shown;
        if more > 0 {
            self.labelled(
                out,
                "",
                &self.dim(format_args!("and {} (-v lists them)", count(more as u64, "more place"))),
            )?;
        }
        if self.options.detail == Detail::Full {
            self.wrapped(out, "told by", &finding.reason.to_string())?;
        }
        self.wrapped(out, "why", &finding.why)?;
        self.wrapped(out, "rotate", &finding.rotate)?;
        writeln!(out)
    }

    fn lint(&self, lint: &Lint, out: &mut dyn Write) -> io::Result<()> {
        let flaw = lint.flaw;
        let cis = flaw.cis().map(|cis| format!("  ·  CIS Docker {cis}")).unwrap_or_default();
        let word = format!("{:<INDENT$}", view::severity(flaw.severity()));
        let title = self.paint(Style::new().bold(), flaw.title());
        let word = self.paint(self.severity(flaw.severity()), word);
        writeln!(out, "{word}{title}  {}", self.dim(format_args!("{}{cis}", flaw.id())))?;
        let shown = if self.options.detail == Detail::Brief { PLACES } else { usize::MAX };
        for (at, (origin, _)) in lint.places.iter().take(shown).enumerate() {
            self.labelled(out, if at == 0 { "at" } else { "" }, &escape(&origin.describe()))?;
        }
        let more = lint.places.len().saturating_sub(shown) as u64 + lint.more;
        if more > 0 {
            self.labelled(out, "", &self.dim(format_args!("and {}", count(more, "more place"))))?;
        }
        self.wrapped(out, "fix", flaw.fix())?;
        writeln!(out)
    }

    /// A place on one line, ready to be clicked on where it is a file.
    fn place(&self, place: &PlaceView<'_>) -> String {
        let accent = AnsiColor::Cyan.on_default();
        let key = place.key.map(|key| format!("  {}", escape(key))).unwrap_or_default();
        if let (Some(image), Some(field)) = (place.image, place.field) {
            return format!("{} configuration  {}", escape(image), self.paint(accent, escape(field)));
        }
        let location = self.paint(accent, escape(&place.location()));
        let Some(layer) = &place.layer else { return format!("{location}{key}") };
        let digest = self.dim(format_args!("({})", short_digest(layer.digest)));
        let fate = match place.fate() {
            Some(fate) => format!(" — {}", self.paint(AnsiColor::Yellow.on_default(), fate)),
            None => String::new(),
        };
        format!("{} layer {} {digest} {location}{key}{fate}", escape(layer.image), layer.index)
    }

    fn labelled(&self, out: &mut dyn Write, label: &str, text: &str) -> io::Result<()> {
        let label = if label.is_empty() { " ".repeat(INDENT) } else { self.dim(format_args!("  {label:<8}")) };
        writeln!(out, "{label}{text}")
    }

    fn wrapped(&self, out: &mut dyn Write, label: &str, text: &str) -> io::Result<()> {
        for (i, line) in wrap(&escape(text), self.options.width.saturating_sub(INDENT)).iter().enumerate() {
            self.labelled(out, if i == 0 { label } else { "" }, line)?;
        }
        Ok(())
    }

    fn summary(&self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        let summary = &outcome.summary;
        if !self.options.summary {
            return self.gaps(summary, out);
        }
        writeln!(out, "{}", self.counts(outcome))?;
        let size = format!("{} in {}", bytes(summary.bytes), count(summary.blobs, "file"));
        writeln!(out, "{}", self.dim(format_args!("scanned {size}, {:.1} s", summary.seconds)))?;
        for (why, skipped) in summary.skipped.iter().filter(|(why, _)| !why.is_gap()) {
            let line = format!("skipped {} × {why}{}", skipped.count, self.examples(skipped, EXAMPLES));
            writeln!(out, "{}", self.dim(line))?;
        }
        self.gaps(summary, out)
    }

    fn counts(&self, outcome: &Outcome) -> String {
        let new: Vec<&Finding> = outcome.findings.iter().filter(|f| !f.known).collect();
        let known = outcome.findings.len() - new.len();
        let mut line = if new.is_empty() {
            self.paint(AnsiColor::Green.on_default().bold(), "no credentials found")
        } else {
            let kinds: Vec<String> = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low]
                .into_iter()
                .map(|severity| (severity, new.iter().filter(|f| f.severity == severity).count()))
                .filter(|&(_, n)| n > 0)
                .map(|(severity, n)| {
                    self.paint(self.severity(severity), format_args!("{n} {}", view::severity(severity)))
                })
                .collect();
            let places = new.iter().map(|f| f.places.len() as u64).sum();
            let head = self.paint(Style::new().bold(), count(new.len() as u64, "finding"));
            format!("{head} ({}) in {}", kinds.join(", "), count(places, "place"))
        };
        if known > 0 {
            line.push_str(&format!(", {known} known"));
            if self.options.detail == Detail::Brief {
                line.push_str(" (-v lists them)");
            }
        }
        line
    }

    fn gaps(&self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        let gaps: Vec<(&Why, &Skipped)> = summary.skipped.iter().filter(|(why, _)| why.is_gap()).collect();
        if gaps.is_empty() {
            return Ok(());
        }
        let all = gaps.iter().map(|(_, skipped)| skipped.count).sum();
        let mark = self.paint(AnsiColor::Yellow.on_default().bold(), "incomplete:");
        writeln!(out, "{mark} {} could not be scanned, or not to the end", count(all, "content"))?;
        for (why, skipped) in gaps {
            writeln!(out, "  {} × {why}{}", skipped.count, self.examples(skipped, usize::MAX))?;
        }
        Ok(())
    }

    fn examples(&self, skipped: &Skipped, brief: usize) -> String {
        let most = if self.options.detail == Detail::Brief { brief } else { usize::MAX };
        let shown: Vec<_> = skipped.examples.iter().take(most).map(|e| escape(e)).collect();
        match shown.len() {
            0 => String::new(),
            n if (n as u64) < skipped.count => format!(": {}, …", shown.join(", ")),
            _ => format!(": {}", shown.join(", ")),
        }
    }
}

impl Reporter for Text {
    fn write(&self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        for finding in &outcome.findings {
            if !finding.known || self.options.detail == Detail::Full {
                self.finding(finding, out)?;
            }
        }
        for lint in outcome.lint.iter().flatten() {
            self.lint(lint, out)?;
        }
        self.summary(outcome, out)
    }
}

/// The algorithm and the first digits.
fn short_digest(digest: &str) -> String {
    let (algorithm, hex) = digest.split_once(':').unwrap_or(("", digest));
    let colon = if algorithm.is_empty() { "" } else { ":" };
    escape(&format!("{algorithm}{colon}{}", cut(hex, SHORT))).into_owned()
}

/// An instruction of a Dockerfile, without the shell that ran it, cut short.
fn instruction(created_by: &str) -> Option<String> {
    let text = created_by.trim();
    let text = text.strip_prefix("/bin/sh -c #(nop)").unwrap_or(text).trim_start();
    let text = text.strip_prefix("RUN ").unwrap_or(text);
    let text = text.strip_prefix("/bin/sh -c ").map_or_else(|| text.into(), |command| format!("RUN {command}"));
    let text = text.strip_suffix("# buildkit").unwrap_or(&text).trim();
    let one_line: Vec<&str> = text.split_whitespace().collect();
    (!text.is_empty()).then(|| escape(&cut(&one_line.join(" "), INSTRUCTION)).into_owned())
}

/// At most so many characters, with an ellipsis where there were more.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

/// Lines of at most `width` characters, broken between words.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let word_length = word.chars().count();
        match lines.last_mut() {
            Some(line) if length + 1 + word_length <= width => {
                line.push(' ');
                line.push_str(word);
                length += 1 + word_length;
            }
            _ => {
                lines.push(word.into());
                length = word_length;
            }
        }
    }
    lines
}

/// A size in the unit that gives it two or three digits.
fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return count(n, "byte");
    }
    let mut size = n as f64 / 1024.0;
    let mut unit = 0;
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        assert_eq!(
            [0, 1, 1023, 1024, 1_300_000, 5 << 30, u64::MAX].map(bytes),
            ["0 bytes", "1 byte", "1023 bytes", "1.0 KiB", "1.2 MiB", "5.0 GiB", "16384.0 PiB"]
        );
    }

    #[test]
    fn instructions_are_as_in_the_dockerfile() {
        let shown = |text| instruction(text).unwrap();
        assert_eq!(shown("/bin/sh -c #(nop) COPY file:1 in /app "), "COPY file:1 in /app");
        assert_eq!(shown("RUN /bin/sh -c make  \\\n  all # buildkit"), "RUN make \\ all");
        assert_eq!(shown("/bin/sh -c make"), "RUN make");
        assert_eq!(instruction("  "), None);
        assert_eq!(shown(&"x".repeat(100)).chars().count(), INSTRUCTION + 1);
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("overlong a b", 3), ["overlong", "a b"]);
        assert!(wrap("", 5).is_empty());
    }
}
