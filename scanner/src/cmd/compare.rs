//! `oakum compare`: which secrets of an old image, or any other target, a new one still has.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use anyhow::Context as _;
use serde::Serialize;

use super::args::{CompareArgs, CompareFormat};
use super::target::open_all;
use super::{exit, rules, scan};
use crate::finding::Finding;
use crate::report::escape::escape;
use crate::report::label;
use crate::scan::{Options, Outcome, Scan};
use crate::source::Limits;

/// What became of the secrets.
#[derive(Debug, Serialize)]
struct Comparison<'a> {
    schema: &'static str,
    /// Whether nothing of the old is in the new.
    clean: bool,
    /// Whether both could be scanned to their ends.
    complete: bool,
    gone: Vec<Entry<'a>>,
    there: Vec<Entry<'a>>,
    moved: Vec<Entry<'a>>,
    new: Vec<Entry<'a>>,
}

/// A secret and where it is.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    rule: &'a str,
    fingerprint: String,
    preview: String,
    old: Vec<String>,
    new: Vec<String>,
}

pub(super) fn run(args: CompareArgs) -> anyhow::Result<u8> {
    let CompareArgs { old, new, rules, registry, min_confidence, key_file, format, platform, cache, no_progress } =
        args;
    let engine = rules::compile(&rules)?;
    let limits = Limits { platform, ..Limits::default() };
    let access = registry.into();
    let open = |target| open_all(std::slice::from_ref(target), false, &access, &limits);
    let (old, new) = (open(&old)?, open(&new)?);
    // Both with one key, or nothing could be compared.
    let key = scan::key(key_file.as_deref(), &old)?;
    let cache = scan::open_cache(cache.as_deref())?;
    let outcome = |sources: &[_]| -> anyhow::Result<Outcome> {
        let options = Options { min_confidence: min_confidence.into(), limits: limits.clone(), lint: false };
        let scan = scan::cached(Scan::new(&engine, key.clone(), options), cache.as_ref())?;
        scan::walk(&scan, sources, &limits, !no_progress)?;
        Ok(scan.finish())
    };
    let (before, after) = (outcome(&old)?, outcome(&new)?);
    scan::close_cache(cache.as_deref());
    let comparison = compare(&before, &after);
    let mut out = io::stdout().lock();
    let written = match format {
        CompareFormat::Json => {
            serde_json::to_writer_pretty(&mut out, &comparison).map_err(io::Error::from).and_then(|()| writeln!(out))
        }
        CompareFormat::Text => text(&comparison, &mut out),
    };
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        other => other.context("cannot write to standard output")?,
    }
    Ok(match (comparison.clean, after.summary.complete()) {
        (false, _) => exit::FINDINGS,
        (true, true) => exit::CLEAN,
        (true, false) => exit::INCOMPLETE,
    })
}

fn compare<'a>(before: &'a Outcome, after: &'a Outcome) -> Comparison<'a> {
    let by_secret = |outcome: &'a Outcome| -> BTreeMap<String, &'a Finding> {
        outcome.findings.iter().map(|finding| (finding.fingerprint.to_string(), finding)).collect()
    };
    let (old, new) = (by_secret(before), by_secret(after));
    let places = |finding: Option<&&Finding>| -> Vec<String> {
        finding.map_or_else(Vec::new, |finding| finding.places.iter().map(label).collect())
    };
    let mut comparison = Comparison {
        schema: "oakum.compare/1",
        clean: true,
        complete: before.summary.complete() && after.summary.complete(),
        gone: Vec::new(),
        there: Vec::new(),
        moved: Vec::new(),
        new: Vec::new(),
    };
    for fingerprint in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let (was, is) = (old.get(fingerprint), new.get(fingerprint));
        let Some(finding) = is.or(was) else { continue };
        let entry = Entry {
            rule: &finding.rule,
            fingerprint: fingerprint.clone(),
            preview: finding.preview.to_string(),
            old: places(was),
            new: places(is),
        };
        let spots = |finding: &Finding| -> BTreeSet<String> {
            finding.places.iter().map(|place| place.origin.spot()).collect()
        };
        match (was, is) {
            (Some(_), None) => comparison.gone.push(entry),
            (None, _) => comparison.new.push(entry),
            (Some(was), Some(is)) if spots(was).is_disjoint(&spots(is)) => comparison.moved.push(entry),
            (Some(_), Some(_)) => comparison.there.push(entry),
        }
    }
    comparison.clean = comparison.there.is_empty() && comparison.moved.is_empty();
    comparison
}

fn text(comparison: &Comparison<'_>, out: &mut dyn Write) -> io::Result<()> {
    let groups = [
        ("still there", &comparison.there),
        ("moved", &comparison.moved),
        ("new", &comparison.new),
        ("gone", &comparison.gone),
    ];
    for (name, entries) in groups {
        for entry in entries {
            writeln!(out, "{name:<11}  {}  {}  fingerprint {}", entry.rule, escape(&entry.preview), entry.fingerprint)?;
            for place in &entry.old {
                writeln!(out, "               was  {}", escape(place))?;
            }
            for place in &entry.new {
                writeln!(out, "               is   {}", escape(place))?;
            }
        }
    }
    let counts: Vec<String> = groups.iter().map(|(name, entries)| format!("{} {name}", entries.len())).collect();
    writeln!(out, "{}", counts.join(", "))?;
    if !comparison.complete {
        writeln!(out, "incomplete: part could not be scanned; oakum scan says what")?;
    }
    Ok(())
}
