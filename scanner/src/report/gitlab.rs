//! GitLab's secret detection report, schema 15.0.7. A place is a vulnerability, since GitLab follows each by its file
//! and line. The report is one of secrets, so what images get wrong besides is only in its messages.

use std::io::{self, Write};

use oakum_patterns::Severity;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::escape::{Layout, json};
use super::time::utc;
use super::view::{self, PlaceView};
use super::{Reporter, flaws};
use crate::finding::Finding;
use crate::scan::Outcome;

const VERSION: &str = "15.0.7";
/// What GitLab's own analyzer says where no commit is known.
const NO_COMMIT: &str = "0000000";
/// The longest name and solution that the schema takes, in characters.
const LONGEST_NAME: usize = 255;
const LONGEST_SOLUTION: usize = 7000;
/// How many places of a flaw a message lists.
const LISTED: usize = 10;

/// GitLab's report.
#[derive(Debug)]
pub(super) struct Gitlab;

impl Reporter for Gitlab {
    fn write(&self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        let summary = &outcome.summary;
        let tool = json!({
            "id": "oakum", "name": "Oakum", "version": env!("CARGO_PKG_VERSION"), "vendor": {"name": "Oakum"},
        });
        let messages = summary.skipped.iter().map(|(why, skipped)| {
            let level = if why.is_gap() { "warn" } else { "info" };
            json!({"level": level, "value": format!("{} not scanned ({why}): {}", skipped.count, skipped.examples.join(", "))})
        });
        let flaws = outcome.lint.iter().flatten().map(|lint| {
            let text = format!("{} ({}): {}", flaws::titled(lint), lint.flaw.id(), flaws::listed(lint, LISTED));
            json!({"level": "info", "value": text})
        });
        let vulnerabilities =
            outcome.findings.iter().flat_map(|f| view::places(f).map(move |place| vulnerability(f, &place)));
        let report = json!({
            "version": VERSION,
            "scan": {
                "analyzer": tool,
                "scanner": tool,
                "type": "secret_detection",
                "start_time": utc(summary.started),
                "end_time": utc(summary.started + summary.seconds as u64),
                // A scan with gaps has succeeded too: GitLab throws away the findings of one that failed.
                "status": "success",
                "messages": messages.chain(flaws).collect::<Vec<_>>(),
            },
            "vulnerabilities": vulnerabilities.collect::<Vec<_>>(),
        });
        json(&report, Layout::Indented, out)
    }
}

fn vulnerability(finding: &Finding, place: &PlaceView<'_>) -> Value {
    let mut description = format!("{} ({}) at {}", finding.name, finding.preview, place.label());
    description.extend(place.key.map(|key| format!(", under {key}")));
    description.extend(place.fate().map(|fate| format!(", {fate}")));
    description.push_str(&format!(".\n\n{}", finding.why));
    json!({
        "id": id(finding, place),
        "name": cut(&finding.name, LONGEST_NAME),
        "description": description,
        "severity": match finding.severity {
            Severity::Critical => "Critical",
            Severity::High => "High",
            Severity::Medium => "Medium",
            Severity::Low => "Low",
        },
        "solution": cut(&finding.rotate, LONGEST_SOLUTION),
        "identifiers": [
            {"type": "oakum_rule_id", "name": format!("Oakum rule {}", finding.rule), "value": finding.rule},
            {"type": "cwe", "name": "CWE-798", "value": "798", "url": "https://cwe.mitre.org/data/definitions/798.html"},
        ],
        "location": location(place),
        "details": {
            "fingerprint": {"type": "text", "name": "Fingerprint", "value": finding.fingerprint.to_string()},
            "confidence": {"type": "text", "name": "Confidence", "value": view::confidence(finding.confidence)},
        },
    })
}

fn location(place: &PlaceView<'_>) -> Value {
    if place.is_plain_file() {
        let path = place.path.as_deref().unwrap_or_default();
        let path = path.strip_prefix("./").unwrap_or(path);
        json!({"file": path, "start_line": place.line, "end_line": place.end_line, "commit": {"sha": NO_COMMIT}})
    } else {
        // GitLab would link a path and line to the repository, where this is not.
        json!({"file": place.label(), "commit": {"sha": NO_COMMIT}})
    }
}

/// A UUID (version 8, RFC 9562) that is the same for the same secret at the same place.
fn id(finding: &Finding, place: &PlaceView<'_>) -> String {
    let platform = place.layer.as_ref().map(|l| l.platform).or(place.platform).unwrap_or_default();
    let text = format!("{}\0{}\0{platform}\0{}", finding.fingerprint, place.label(), place.column);
    let mut bytes: [u8; 16] = Sha256::digest(text)[..16].try_into().expect("a SHA-256 has 32 bytes");
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
