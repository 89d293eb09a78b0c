//! `oakum.report/1`, as one object or a finding a line. Other programs read it: fields are added, never changed or
//! taken away.

use std::io::{self, Write};

use serde::Serialize;

use super::Reporter;
use super::escape::{Layout, json};
use super::view::{self, PlaceView};
use crate::finding::Finding;
use crate::lint::Lint;
use crate::origin::{Origin, State};
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
    #[serde(skip_serializing_if = "Option::is_none")]
    lint: Option<Vec<LintView<'a>>>,
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

/// What images get wrong besides.
#[derive(Serialize)]
struct LintView<'a> {
    id: &'static str,
    cis: Option<&'static str>,
    severity: &'static str,
    title: &'static str,
    fix: &'static str,
    places: Vec<FlawView<'a>>,
    more: u64,
}

#[derive(Serialize)]
struct FlawView<'a> {
    image: Option<&'a str>,
    platform: Option<&'a str>,
    layer: Option<usize>,
    path: Option<&'a str>,
    field: Option<&'a str>,
    state: Option<&'static str>,
}

impl<'a> LintView<'a> {
    fn new(lint: &'a Lint) -> Self {
        let place = |(origin, state): &'a (Origin, Option<State>)| {
            let (image, layer, path, field) = match origin {
                Origin::Layer { image, index, path, .. } => (Some(image), Some(*index), Some(path.as_str()), None),
                Origin::Config { image, field } => (Some(image), None, None, Some(field.as_str())),
                _ => (None, None, None, None),
            };
            FlawView {
                image: image.map(|image| image.name.as_str()),
                platform: image.map(|image| image.platform.as_str()),
                layer,
                path,
                field,
                state: state.map(view::state),
            }
        };
        Self {
            id: lint.flaw.id(),
            cis: lint.flaw.cis(),
            severity: view::severity(lint.flaw.severity()),
            title: lint.flaw.title(),
            fix: lint.flaw.fix(),
            places: lint.places.iter().map(place).collect(),
            more: lint.more,
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
            lint: outcome.lint.as_ref().map(|lint| lint.iter().map(LintView::new).collect()),
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
        #[derive(Serialize)]
        struct OneLint<'a> {
            lint: LintView<'a>,
        }
        for finding in &outcome.findings {
            json(&FindingView::new(finding), Layout::Line, out)?;
        }
        for lint in outcome.lint.iter().flatten() {
            json(&OneLint { lint: LintView::new(lint) }, Layout::Line, out)?;
        }
        let complete = Some(outcome.summary.complete());
        json(&Last { summary: SummaryView { complete, ..SummaryView::new(&outcome.summary) } }, Layout::Line, out)
    }
}
