//! One page that needs nothing else: no script, no picture, no font from anywhere, and a policy that forbids them. All
//! text is escaped.

use std::io::{self, Write};

use super::Reporter;
use super::escape::markup;
use super::time::utc;
use super::view::{self, PlaceView, count};
use crate::finding::Finding;
use crate::lint::Lint;
use crate::scan::Outcome;

/// How many places are shown before the rest is folded.
const PLACES: usize = 5;

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>Oakum report</title>
<style>
:root { color-scheme: light dark; --line: #8884; --dim: #777; --bg: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; }
h2 { font-size: 1.05rem; margin: 0; }
code { font: .88em ui-monospace, monospace; overflow-wrap: anywhere; }
.dim, dt { color: var(--dim); }
article { border: 1px solid var(--line); border-left: .35rem solid var(--tone); border-radius: .4rem; padding: .8rem 1rem; margin: 1rem 0; }
.critical { --tone: #c0143c; } .high { --tone: #e2571e; } .medium { --tone: #d69e00; } .low { --tone: #3b82c4; }
.badge { background: var(--tone); color: #fff; border-radius: 1rem; padding: .1rem .6rem; font-size: .8rem; margin-right: .4rem; }
.gap { --tone: #d69e00; background: var(--bg); }
.known { opacity: .6; }
dl { display: grid; grid-template-columns: 5rem 1fr; gap: .25rem .8rem; margin: .6rem 0 0; }
dd { margin: 0; }
ul { margin: 0; padding-left: 1.1rem; }
</style>
</head>
<body>
"#;

/// The page.
#[derive(Debug)]
pub(super) struct Html;

impl Reporter for Html {
    fn write(&self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        let summary = &outcome.summary;
        let known = outcome.findings.iter().filter(|f| f.known).count();
        let new = (outcome.findings.len() - known) as u64;
        out.write_all(HEAD.as_bytes())?;
        writeln!(out, "<h1>{}</h1>", if new == 0 { "No credentials found".into() } else { count(new, "finding") })?;
        writeln!(
            out,
            r#"<p class="dim">{known} known · {} bytes in {} · {:.1} s · {} UTC · Oakum {}</p>"#,
            summary.bytes,
            count(summary.blobs, "file"),
            summary.seconds,
            utc(summary.started).replace('T', " "),
            env!("CARGO_PKG_VERSION"),
        )?;
        if !summary.complete() {
            writeln!(out, r#"<article class="gap"><h2>Incomplete: not everything could be scanned</h2>"#)?;
            skipped(outcome, true, out)?;
            writeln!(out, "</article>")?;
        }
        for finding in &outcome.findings {
            article(finding, out)?;
        }
        for lint in outcome.lint.iter().flatten() {
            flaw(lint, out)?;
        }
        if summary.skipped.keys().any(|why| !why.is_gap()) {
            writeln!(out, r#"<h2 class="dim">Skipped</h2>"#)?;
            skipped(outcome, false, out)?;
        }
        writeln!(out, "</body>\n</html>")
    }
}

fn skipped(outcome: &Outcome, gaps: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<ul>")?;
    for (why, skipped) in outcome.summary.skipped.iter().filter(|(why, _)| why.is_gap() == gaps) {
        let examples: Vec<String> = skipped.examples.iter().map(|e| format!("<code>{}</code>", markup(e))).collect();
        let more = if (examples.len() as u64) < skipped.count { ", …" } else { "" };
        writeln!(out, "<li>{} × {}: {}{more}</li>", skipped.count, markup(&why.to_string()), examples.join(", "))?;
    }
    writeln!(out, "</ul>")
}

fn article(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let severity = view::severity(finding.severity);
    let known = if finding.known { " known" } else { "" };
    writeln!(out, r#"<article class="{severity}{known}" id="{}">"#, finding.fingerprint)?;
    writeln!(
        out,
        r#"<h2><span class="badge">{severity}</span>{} <code class="dim">{}</code>{}</h2>"#,
        markup(&finding.name),
        markup(&finding.rule),
        if finding.known { " (known)" } else { "" },
    )?;
    writeln!(out, "<dl>")?;
    writeln!(
        out,
        r#"<dt>found</dt><dd><code>{}</code> · {} · <code class="dim">{}</code></dd>"#,
        markup(&finding.preview.to_string()),
        view::confidence(finding.confidence),
        finding.fingerprint,
    )?;
    writeln!(out, "<dt>at</dt><dd>")?;
    list(view::places(finding).take(PLACES), out)?;
    let more = finding.places.len().saturating_sub(PLACES);
    if more > 0 {
        writeln!(out, "<details><summary>{}</summary>", count(more as u64, "more place"))?;
        list(view::places(finding).skip(PLACES), out)?;
        writeln!(out, "</details>")?;
    }
    writeln!(out, "</dd>")?;
    writeln!(out, "<dt>why</dt><dd>{}</dd>", markup(&finding.why))?;
    writeln!(out, "<dt>rotate</dt><dd>{}</dd>", markup(&finding.rotate))?;
    writeln!(out, "</dl></article>")
}

fn flaw(lint: &Lint, out: &mut dyn Write) -> io::Result<()> {
    let severity = view::severity(lint.flaw.severity());
    let cis = lint.flaw.cis().map(|cis| format!(" · CIS Docker {cis}")).unwrap_or_default();
    writeln!(out, r#"<article class="{severity}">"#)?;
    writeln!(
        out,
        r#"<h2><span class="badge">{severity}</span>{} <code class="dim">{}{cis}</code></h2>"#,
        lint.flaw.title(),
        lint.flaw.id(),
    )?;
    writeln!(out, "<dl><dt>at</dt><dd><details><summary>{}</summary><ul>", count(lint.places.len() as u64, "place"))?;
    for (origin, _) in &lint.places {
        writeln!(out, "<li><code>{}</code></li>", markup(&origin.describe()))?;
    }
    if lint.more > 0 {
        writeln!(out, "<li>and {} more</li>", lint.more)?;
    }
    writeln!(out, "</ul></details></dd><dt>fix</dt><dd>{}</dd></dl></article>", markup(lint.flaw.fix()))
}

fn list<'a>(places: impl Iterator<Item = PlaceView<'a>>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<ul>")?;
    for place in places {
        write!(out, "<li><code>{}</code>", markup(&place.label()))?;
        if let Some(key) = place.key {
            write!(out, " {}", markup(key))?;
        }
        if let Some(fate) = place.fate() {
            write!(out, " — <strong>{fate}</strong>")?;
        }
        if let Some(layer) = place.layer.filter(|l| !l.created_by.is_empty()) {
            write!(out, r#"<br><span class="dim">made by <code>{}</code></span>"#, markup(layer.created_by))?;
        }
        writeln!(out, "</li>")?;
    }
    writeln!(out, "</ul>")
}
