//! JUnit's XML, as test reports of CI servers read it: a finding is a failed test, a known one a skipped test, and what
//! could not be scanned an error. What images get wrong besides is in the output of a test that passes: it fails a scan
//! only where that is asked for, and a report does not know.

use std::io::{self, Write};

use super::escape::markup;
use super::time::utc;
use super::{Reporter, flaws, view};
use crate::finding::Finding;
use crate::lint::Lint;
use crate::scan::Outcome;

/// The JUnit report.
#[derive(Debug)]
pub(super) struct Junit;

impl Reporter for Junit {
    fn write(&self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        let summary = &outcome.summary;
        let gaps: Vec<_> = summary.skipped.iter().filter(|(why, _)| why.is_gap()).collect();
        let known = outcome.findings.iter().filter(|f| f.known).count();
        let failures = outcome.findings.len() - known;
        // A suite without a test counts as one that did not run.
        let clean = outcome.findings.is_empty() && gaps.is_empty();
        let flaws = outcome.lint.as_ref().map_or(0, Vec::len);
        let tests = outcome.findings.len() + gaps.len() + flaws + usize::from(clean);
        let counts = format!(
            r#"tests="{tests}" failures="{failures}" errors="{}" skipped="{known}" time="{:.3}""#,
            gaps.len(),
            summary.seconds
        );
        writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
        writeln!(out, r#"<testsuites name="oakum" {counts}>"#)?;
        writeln!(out, r#"  <testsuite name="oakum scan" {counts} timestamp="{}">"#, utc(summary.started))?;
        for finding in &outcome.findings {
            case(finding, out)?;
        }
        for lint in outcome.lint.iter().flatten() {
            passed(lint, out)?;
        }
        for (why, skipped) in gaps {
            let why = markup(&why.to_string());
            writeln!(out, r#"    <testcase classname="oakum.incomplete" name="{why}">"#)?;
            writeln!(out, r#"      <error message="{} not scanned" type="incomplete">"#, skipped.count)?;
            for example in &skipped.examples {
                writeln!(out, "{}", markup(example))?;
            }
            writeln!(out, "      </error>\n    </testcase>")?;
        }
        if clean {
            writeln!(out, r#"    <testcase classname="oakum" name="no credentials found"/>"#)?;
        }
        writeln!(out, "  </testsuite>\n</testsuites>")
    }
}

fn passed(lint: &Lint, out: &mut dyn Write) -> io::Result<()> {
    let (id, title) = (lint.flaw.id(), markup(&flaws::titled(lint)));
    writeln!(out, r#"    <testcase classname="{id}" name="{title}">"#)?;
    writeln!(out, "      <system-out>{}: {}", view::severity(lint.flaw.severity()), markup(lint.flaw.fix()))?;
    for (origin, _) in &lint.places {
        writeln!(out, "{}", markup(&origin.describe()))?;
    }
    if lint.more > 0 {
        writeln!(out, "and {}", view::count(lint.more, "more place"))?;
    }
    writeln!(out, "      </system-out>\n    </testcase>")
}

fn case(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let rule = markup(&finding.rule);
    let name = format!("{} {}", finding.name, finding.fingerprint);
    writeln!(out, r#"    <testcase classname="{rule}" name="{}">"#, markup(&name))?;
    if finding.known {
        writeln!(out, r#"      <skipped message="known"/>"#)?;
    } else {
        let message = markup(&format!("{}: {}", finding.name, finding.preview));
        writeln!(out, r#"      <failure message="{message}" type="{}">"#, view::severity(finding.severity))?;
        for place in view::places(finding) {
            let fate = place.fate().map(|fate| format!(" ({fate})")).unwrap_or_default();
            writeln!(out, "{}", markup(&format!("{}{fate}", place.label())))?;
        }
        writeln!(out, "{}\n{}", markup(&finding.why), markup(&finding.rotate))?;
        writeln!(out, "      </failure>")?;
    }
    writeln!(out, "    </testcase>")
}
