//! `oakum scan`.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use zeroize::Zeroizing;

use super::args::{ColorChoice, FailOn, ScanArgs};
use super::progress::Progress;
use super::target::{Target, open_all};
use super::{digests, exit, hinted, rules};
use crate::cache::Cache;
use crate::finding::Finding;
use crate::fingerprint::Key;
use crate::origin::Origin;
use crate::report::{self, Color, Detail, Format};
use crate::scan::{Options, Outcome, Scan};
use crate::source::registry::Access;
use crate::source::{Files, Limits, Source};

pub(super) fn run(args: ScanArgs) -> anyhow::Result<u8> {
    let ScanArgs {
        mut targets,
        images_from,
        in_container,
        registry,
        platform,
        bases,
        base_digests,
        no_base_lookup,
        cache,
        lint,
        fail_on,
        format,
        reports,
        rules,
        min_confidence,
        key_file,
        respect_gitignore,
        jobs,
        quiet,
        no_progress,
        verbose,
        color,
    } = args;
    let engine = rules::compile(&rules)?;
    let mut limits = Limits::default();
    if let Some(jobs) = jobs {
        limits.jobs = jobs.into();
    }
    // All targets are opened before any is scanned: a mistyped one is told at once.
    if let Some(path) = images_from {
        let listed = list(&path)?;
        // The folder that one is in is meant by default only where nothing else is.
        if targets == [Target::Path(".".into())] {
            targets.clear();
        }
        targets.extend(listed);
    }
    limits.platform = platform;
    let mut access: Access = registry.into();
    for path in &base_digests {
        limits.base_digests.extend(digests::read(path)?);
    }
    for base in &bases {
        limits.bases.extend(base.diff_ids(&access, &limits)?);
    }
    // What a base is built on in its turn is of no interest.
    access.bases = !no_base_lookup;
    let sources: Vec<Box<dyn Source>> = if in_container {
        vec![Box::new(Files::running())]
    } else {
        open_all(&targets, respect_gitignore, &access, &limits)?
    };
    let key = key(key_file.as_deref(), &sources)?;
    let cache = open_cache(cache.as_deref())?;
    let options = Options {
        min_confidence: min_confidence.into(),
        limits: limits.clone(),
        lint: lint || fail_on == FailOn::Lint,
    };
    let scan = cached(Scan::new(&engine, key, options), cache.as_ref())?;
    walk(&scan, &sources, &limits, !quiet && !no_progress)?;
    let outcome = scan.finish();
    close_cache(cache.as_deref());

    let plain =
        report::Options { detail: if verbose { Detail::Full } else { Detail::Brief }, ..report::Options::default() };
    for (format, path) in &reports {
        write_file(*format, &plain, &outcome, path)?;
    }
    let color = match color {
        ColorChoice::Always => Color::Always,
        ColorChoice::Never => Color::Never,
        ColorChoice::Auto
            if io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) =>
        {
            Color::Always
        }
        ColorChoice::Auto => Color::Never,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let written = report::write(
        &*report::reporter(format, &report::Options { color, summary: !quiet, ..plain }),
        &outcome,
        &mut out,
    );
    match written {
        // Whoever reads has read enough; what was found still decides the exit code.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        other => other.context("cannot write the report to standard output")?,
    }
    Ok(code(&outcome, fail_on))
}

pub(super) fn open_cache(folder: Option<&Path>) -> anyhow::Result<Option<Arc<Cache>>> {
    let open = |folder: &Path| {
        let cache = Cache::open(folder).with_context(|| format!("cannot use the cache {}", folder.display()))?;
        Ok(Arc::new(cache))
    };
    folder.map(open).transpose()
}

pub(super) fn cached<'e>(scan: Scan<'e>, cache: Option<&Arc<Cache>>) -> io::Result<Scan<'e>> {
    match cache {
        Some(cache) => scan.with_cache(Arc::clone(cache)),
        None => Ok(scan),
    }
}

/// A cache that cannot be written costs time only, but whoever gave one should know.
pub(super) fn close_cache(cache: Option<&Cache>) {
    let Some(cache) = cache else { return };
    cache.sweep();
    if let Some(problem) = cache.problem() {
        super::warn(&problem);
    }
}

/// Whether a finding is in layers of base images and nowhere else.
fn is_of_base(finding: &Finding) -> bool {
    finding.places.iter().all(|place| match place.origin.split().0 {
        Origin::Layer { image, index, .. } => image.layers.get(*index).is_some_and(|layer| layer.base == Some(true)),
        _ => false,
    })
}

fn code(outcome: &Outcome, fail_on: FailOn) -> u8 {
    let of_base = match fail_on {
        FailOn::All | FailOn::Lint => 0,
        FailOn::App => outcome.findings.iter().filter(|finding| !finding.known && is_of_base(finding)).count() as u64,
    };
    let flaws = match (fail_on, &outcome.lint) {
        (FailOn::Lint, Some(lint)) => lint.len() as u64,
        _ => 0,
    };
    match (outcome.summary.findings - of_base + flaws, outcome.summary.complete()) {
        (1.., _) => exit::FINDINGS,
        (0, true) => exit::CLEAN,
        (0, false) => exit::INCOMPLETE,
    }
}

/// The targets that a file lists.
fn list(path: &Path) -> anyhow::Result<Vec<Target>> {
    let text = if path == Path::new("-") { io::read_to_string(io::stdin()) } else { fs::read_to_string(path) };
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    // A name alone is one of an image, in a list of images.
    let target = |line: &str| {
        let named = line.contains("://")
            || line
                .split_once(':')
                .is_some_and(|(scheme, _)| matches!(scheme, "oci" | "containerd") || scheme.ends_with("-archive"));
        let text = if named { line.to_owned() } else { format!("docker://{line}") };
        text.parse().unwrap_or_else(|never| match never {})
    };
    Ok(lines.map(target).collect())
}

/// Walks all sources, with progress, until an interrupt.
pub(super) fn walk(
    scan: &Scan<'_>,
    sources: &[Box<dyn Source>],
    limits: &Limits,
    progress: bool,
) -> anyhow::Result<()> {
    let interrupted = Arc::new(AtomicBool::new(false));
    // The first interrupt ends the scan and reports what was found so far; the second ends the program.
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let code = 128 + signal;
        signal_hook::flag::register_conditional_shutdown(signal, code, Arc::clone(&interrupted))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&interrupted)))
            .context("cannot listen for signals")?;
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _bar = Progress::of(scope, scan, progress);
        let watch = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if interrupted.load(Ordering::Relaxed) {
                    return scan.stop();
                }
                std::thread::park_timeout(Duration::from_millis(50));
            }
        });
        let walked = sources.iter().try_for_each(|source| source.walk(limits, scan));
        over.store(true, Ordering::Relaxed);
        watch.thread().unpark();
        walked
    })?;
    Ok(())
}

/// The key of the fingerprints: the user's, or else derived from what is scanned.
pub(super) fn key(file: Option<&Path>, sources: &[Box<dyn Source>]) -> anyhow::Result<Key> {
    if let Some(path) = file {
        let bytes =
            fs::read(path).map(Zeroizing::new).with_context(|| format!("cannot read the key {}", path.display()))?;
        if bytes.len() < 16 {
            return Err(hinted(
                format!("the key {} has {} bytes, and needs 16", path.display(), bytes.len()),
                "make one: head -c 32 /dev/urandom > key",
            ));
        }
        return Ok(Key::own(&bytes));
    }
    if let Some(text) = std::env::var_os("OAKUM_KEY").filter(|k| !k.is_empty()) {
        return Ok(Key::own(text.as_encoded_bytes()));
    }
    // Fingerprints are compared between scans of one target; several targets that differ have no identity in common.
    let mut identities = sources.iter().map(|s| s.identity());
    let first = identities.next().flatten();
    Ok(match first {
        Some(identity) if identities.all(|other| other.as_ref() == Some(&identity)) => Key::derived(&identity),
        _ => Key::constant(),
    })
}

/// Writes beside the file and renames: nobody reads half a report.
fn write_file(format: Format, options: &report::Options, outcome: &Outcome, path: &Path) -> anyhow::Result<()> {
    let about = || format!("cannot write the report {}", path.display());
    // A device or pipe (`/dev/stderr`, `>(…)`) is written to as it is.
    let regular = fs::metadata(path).map_or(true, |m| m.is_file());
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let goes_to = if regular { Path::new(&temporary) } else { path };
    let write = || -> io::Result<()> {
        let mut out = BufWriter::new(File::create(goes_to)?);
        report::write(&*report::reporter(format, options), outcome, &mut out)?;
        out.flush()?;
        if regular { fs::rename(goes_to, path) } else { Ok(()) }
    };
    let written = write();
    if written.is_err() && regular {
        let _ = fs::remove_file(goes_to);
    }
    written.with_context(about)
}
