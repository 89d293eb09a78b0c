//! SARIF 2.1.0 (OASIS), for code scanning. A finding is one result with all its places, since taking a secret out of
//! one place does not help while it stands in another.
//!
//! Files are relative to `%SRCROOT%`; files in images to the image's own root, `IMAGE_1` and so on. A place inside an
//! archive, or in an image's configuration, has the first line of the file that holds it, because viewers insist on a
//! line; its message says the true position. What images get wrong besides has rules of its own, behind the others.

use std::io::{self, Write};

use oakum_patterns::{Confidence, Severity};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::escape::{self, Layout, percent};
use super::time::utc;
use super::view::{self, PlaceView, count};
use super::{Reporter, flaws};
use crate::finding::Finding;
use crate::lint::Lint;
use crate::origin::{Image, Origin};
use crate::scan::{Outcome, Summary};

/// Code scanning refuses a result with more locations.
const MOST_LOCATIONS: usize = 1000;
const SOURCE_ROOT: &str = "%SRCROOT%";

/// The SARIF report.
#[derive(Debug)]
pub(super) struct Sarif;

impl Reporter for Sarif {
    fn write(&self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        let images = Images::of(outcome);
        let mut rules: Vec<&Finding> = Vec::new();
        for finding in &outcome.findings {
            if let Err(at) = rules.binary_search_by(|r| r.rule.cmp(&finding.rule)) {
                rules.insert(at, finding);
            }
        }
        let index = |f: &Finding| rules.binary_search_by(|r| r.rule.cmp(&f.rule)).unwrap_or_default();
        let mut results: Vec<Value> = outcome.findings.iter().map(|f| result(f, index(f), &images)).collect();
        let mut described: Vec<Value> = rules.iter().map(|f| rule(f)).collect();
        for lint in outcome.lint.iter().flatten() {
            results.push(flaw_result(lint, described.len(), &images));
            described.push(flaw_rule(lint));
        }
        let version = env!("CARGO_PKG_VERSION");
        let log = json!({
            "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {
                    "name": "Oakum",
                    "version": version,
                    "semanticVersion": version,
                    "rules": described,
                }},
                "invocations": [invocation(&outcome.summary)],
                "originalUriBaseIds": images.roots(),
                "results": results,
                "properties": {
                    "columns": "bytes",
                    "bytes": outcome.summary.bytes,
                    "blobs": outcome.summary.blobs,
                },
            }],
        });
        escape::json(&log, Layout::Indented, out)
    }
}

/// The images that places are in, in order; each is a root of paths.
struct Images<'a>(Vec<&'a Image>);

impl<'a> Images<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        let found = outcome.findings.iter().flat_map(|f| &f.places).map(|p| &p.origin);
        let flawed = outcome.lint.iter().flatten().flat_map(|lint| &lint.places).map(|(origin, _)| origin);
        let mut images: Vec<&Image> = found.chain(flawed).filter_map(image).collect();
        images.sort_unstable();
        images.dedup();
        Self(images)
    }

    fn id(&self, image: &Image) -> String {
        format!("IMAGE_{}", self.0.binary_search(&image).unwrap_or_default() + 1)
    }

    fn roots(&self) -> Value {
        let root = |text: String| json!({"description": {"text": message(&text)}});
        let mut roots = Map::new();
        roots.insert(SOURCE_ROOT.into(), root("the folder that the scan was started in".into()));
        for image in &self.0 {
            roots.insert(
                self.id(image),
                root(format!("the image {} ({}, {})", image.name, image.platform, image.digest)),
            );
        }
        roots.into()
    }
}

fn image(origin: &Origin) -> Option<&Image> {
    match origin.split().0 {
        Origin::Layer { image, .. } | Origin::Config { image, .. } => Some(image),
        _ => None,
    }
}

/// Plain text as a SARIF message: braces and brackets have a meaning there (3.11.5, 3.11.6).
fn message(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in escape::escape(text).chars() {
        match c {
            '{' => out.push_str("{{"),
            '}' => out.push_str("}}"),
            '[' | ']' | '\\' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// On CVSS's scale, which GitHub turns back into words.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
    }
}

fn precision(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Certain => "very-high",
        Confidence::Likely => "high",
        Confidence::Possible => "low",
    }
}

fn rule(finding: &Finding) -> Value {
    let rotate = format!("How to rotate it: {}", finding.rotate);
    json!({
        "id": finding.rule,
        "name": finding.rule.split(['.', '-', '_']).map(capital).collect::<String>(),
        "shortDescription": {"text": message(&finding.name)},
        "fullDescription": {"text": message(&finding.why)},
        "help": {
            "text": message(&format!("{} {rotate}", finding.why)),
            "markdown": format!("{}\n\n**How to rotate it:** {}", finding.why, finding.rotate),
        },
        "defaultConfiguration": {"level": level(finding.severity)},
        "properties": {
            "tags": ["security", "secret", finding.service],
            "precision": precision(finding.confidence),
            "security-severity": score(finding.severity),
        },
    })
}

/// A flaw is no credential: it has no severity by which GitHub gates, and is a warning at most.
fn flaw_level(lint: &Lint) -> &'static str {
    if lint.flaw.severity() == Severity::Low { "note" } else { "warning" }
}

fn flaw_rule(lint: &Lint) -> Value {
    let flaw = lint.flaw;
    let help = format!("{}. The way out: {}.", flaws::titled(lint), flaw.fix());
    json!({
        "id": flaw.id(),
        "name": flaw.id().split(['.', '-']).map(capital).collect::<String>(),
        "shortDescription": {"text": message(flaw.title())},
        "help": {"text": message(&help)},
        "defaultConfiguration": {"level": flaw_level(lint)},
        "properties": {"tags": ["lint", "image"], "cis": flaw.cis(), "severity": view::severity(flaw.severity())},
    })
}

fn flaw_result(lint: &Lint, rule_index: usize, images: &Images<'_>) -> Value {
    let flaw = lint.flaw;
    let places = flaws::places(lint);
    let located = places.iter().take(MOST_LOCATIONS).map(|place| {
        let view = PlaceView::new(place);
        let mut location = location(&place.origin, &view, images);
        // It is of the whole file.
        location["physicalLocation"]["region"] = json!({"startLine": 1});
        location["message"]["text"] = message(&place.origin.describe()).into();
        location
    });
    // The same from one build of an image to the next.
    let name = places.first().and_then(|place| image(&place.origin)).map_or("", |image| image.name.as_str());
    let hash: String =
        Sha256::digest(format!("{}\0{name}", flaw.id()))[..16].iter().map(|b| format!("{b:02x}")).collect();
    json!({
        "ruleId": flaw.id(),
        "ruleIndex": rule_index,
        "level": flaw_level(lint),
        "message": {"text": message(&format!("{}: {}", flaws::titled(lint), flaw.fix()))},
        "locations": located.collect::<Vec<_>>(),
        "partialFingerprints": {"oakumFlaw/v1": hash, "primaryLocationLineHash": format!("{hash}:1")},
        "properties": {"severity": view::severity(flaw.severity()), "places": places.len() as u64 + lint.more},
    })
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn result(finding: &Finding, rule_index: usize, images: &Images<'_>) -> Value {
    let places = finding.places.len();
    let mut text = format!("{}: {}", finding.name, finding.preview);
    if places > MOST_LOCATIONS {
        text.push_str(&format!(", in {places} places, of which {MOST_LOCATIONS} are listed"));
    } else if places > 1 {
        text.push_str(&format!(", in {places} places"));
    }
    let located = finding.places.iter().zip(view::places(finding)).take(MOST_LOCATIONS);
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": level(finding.severity),
        "message": {"text": message(&text)},
        "locations": located.map(|(p, view)| location(&p.origin, &view, images)).collect::<Vec<_>>(),
        "partialFingerprints": {
            "oakumSecret/v1": finding.fingerprint.to_string(),
            // The one that GitHub tells alerts apart by; without it, it makes one of the line's text.
            "primaryLocationLineHash": format!("{}:1", finding.fingerprint),
        },
        "properties": {
            "service": finding.service,
            "severity": view::severity(finding.severity),
            "confidence": view::confidence(finding.confidence),
            "security-severity": score(finding.severity),
            "preview": finding.preview.to_string(),
            "places": places,
        },
    });
    if finding.known {
        result["suppressions"] = json!([{"kind": "external", "status": "accepted"}]);
    }
    result
}

fn location(origin: &Origin, place: &PlaceView<'_>, images: &Images<'_>) -> Value {
    let artifact = match (image(origin), place.path.as_deref()) {
        (Some(image), path) => json!({
            // The configuration is a file of its own beside the layers.
            "uri": path.map_or_else(|| "config.json".into(), relative),
            "uriBaseId": images.id(image),
        }),
        (None, Some(path)) => file(path),
        (None, None) => json!({"uri": "stdin", "description": {"text": "standard input"}}),
    };
    let region = if place.member.is_empty() && place.field.is_none() {
        json!({"startLine": place.line, "startColumn": place.column, "endLine": place.end_line, "endColumn": place.end_column})
    } else {
        json!({"startLine": 1})
    };
    let mut text = place.label();
    text.extend(place.key.map(|key| format!(", under {key}")));
    text.extend(place.fate().map(|fate| format!(", {fate}")));
    let mut location = json!({
        "physicalLocation": {"artifactLocation": artifact, "region": region},
        "message": {"text": message(&text)},
    });
    let logical = logical(place);
    if !logical.is_empty() {
        location["logicalLocations"] = logical.into();
    }
    location
}

/// A file of the machine: below the source root, or by its whole path.
fn file(path: &str) -> Value {
    if path.starts_with('/') {
        json!({"uri": format!("file://{}", percent(path))})
    } else {
        json!({"uri": relative(path), "uriBaseId": SOURCE_ROOT})
    }
}

fn relative(path: &str) -> String {
    let mut path = path;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    percent(path.trim_start_matches('/'))
}

/// Where in the image, and where in an archive.
fn logical(place: &PlaceView<'_>) -> Vec<Value> {
    let mut all = Vec::new();
    if let Some(layer) = &place.layer {
        all.push(json!({
            "name": format!("layer {}", layer.index),
            "fullyQualifiedName": format!("{}@{}", layer.image, layer.digest),
            "kind": "layer",
            "properties": {"layer": layer, "state": place.state, "state_by": place.state_by.flatten()},
        }));
    }
    if let (Some(image), Some(field)) = (place.image, place.field) {
        let properties = json!({"image": image, "platform": place.platform});
        all.push(json!({"name": field, "fullyQualifiedName": format!("{image} {field}"), "kind": "config", "properties": properties}));
    }
    if let Some(name) = place.member.last() {
        all.push(json!({
            "name": name,
            "fullyQualifiedName": place.member.join("!/"),
            "kind": "member",
            "properties": {
                "line": place.line, "column": place.column, "end_line": place.end_line, "end_column": place.end_column,
            },
        }));
    }
    all
}

fn invocation(summary: &Summary) -> Value {
    let notifications = summary.skipped.iter().map(|(why, skipped)| {
        let mut text = format!("{} not scanned ({why})", count(skipped.count, "content"));
        if !skipped.examples.is_empty() {
            text.push_str(&format!(": {}", skipped.examples.join(", ")));
        }
        json!({
            "descriptor": {"id": format!("skipped/{}", why.to_string().replace(' ', "-"))},
            "level": if why.is_gap() { "warning" } else { "note" },
            "message": {"text": message(&text)},
        })
    });
    json!({
        "executionSuccessful": summary.complete(),
        "startTimeUtc": format!("{}Z", utc(summary.started)),
        "endTimeUtc": format!("{}Z", utc(summary.started + summary.seconds as u64)),
        "toolExecutionNotifications": notifications.collect::<Vec<_>>(),
    })
}
