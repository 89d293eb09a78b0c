//! `oakum.report/1`, as one object or a finding a line. Other programs read it: fields are added, never changed or
//! taken away.

use std::io::{self, Write};

use serde::Serialize;

use super::Reporter;
use super::escape::{Layout, json};
use super::view::{self, PlaceView};
use crate::finding::Finding;
use crate::scan::{Outcome, Summary};

/// The name and version of the form.
const SCHEMA: &str = "oakum.report/1";

/// One object.
#[derive(Debug)]
pub(super) struct Json;

/// A finding a line, then a line with the summary.
#[derive(Debug)]
pub(super) struct Jsonl;

#[derive(Serialize)]
struct ReportView<'a> {
    schema: &'static str,
    complete: bool,
    findings: Vec<FindingView<'a>>,
    summary: SummaryView<'a>,
}

#[derive(Serialize)]
struct FindingView<'a> {
    rule: &'a str,
    service: &'a str,
    severity: &'static str,
    confidence: &'static str,
    fingerprint: String,
    preview: String,
    known: bool,
    places: Vec<PlaceView<'a>>,
}

impl<'a> FindingView<'a> {
    fn new(finding: &'a Finding) -> Self {
        Self {
            rule: &finding.rule,
            service: &finding.service,
            severity: view::severity(finding.severity),
            confidence: view::confidence(finding.confidence),
            fingerprint: finding.fingerprint.to_string(),
            preview: finding.preview.to_string(),
            known: finding.known,
            places: view::places(finding).collect(),
        }
    }
}

#[derive(Serialize)]
struct SummaryView<'a> {
    /// Only where no report is around it to say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    complete: Option<bool>,
    findings: u64,
    known: u64,
    bytes: u64,
    blobs: u64,
    skipped: Vec<SkippedView<'a>>,
    seconds: f64,
}

#[derive(Serialize)]
struct SkippedView<'a> {
    why: String,
    count: u64,
    examples: &'a [String],
}

impl<'a> SummaryView<'a> {
    fn new(summary: &'a Summary) -> Self {
        let skipped = summary.skipped.iter().map(|(why, skipped)| SkippedView {
            why: why.to_string(),
            count: skipped.count,
            examples: &skipped.examples,
        });
        Self {
            complete: None,
            findings: summary.findings,
            known: summary.known,
            bytes: summary.bytes,
            blobs: summary.blobs,
            skipped: skipped.collect(),
            seconds: (summary.seconds * 1000.0).round() / 1000.0,
        }
    }
}

impl Reporter for Json {
    fn write(&self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        let report = ReportView {
            schema: SCHEMA,
            complete: outcome.summary.complete(),
            findings: outcome.findings.iter().map(FindingView::new).collect(),
            summary: SummaryView::new(&outcome.summary),
        };
        json(&report, Layout::Indented, out)
    }
}

impl Reporter for Jsonl {
    fn write(&self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        #[derive(Serialize)]
        struct Last<'a> {
            summary: SummaryView<'a>,
        }
        for finding in &outcome.findings {
            json(&FindingView::new(finding), Layout::Line, out)?;
        }
        let complete = Some(outcome.summary.complete());
        json(&Last { summary: SummaryView { complete, ..SummaryView::new(&outcome.summary) } }, Layout::Line, out)
    }
}
