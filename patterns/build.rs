//! Parses `rules/*.toml` when the crate is built and writes them as a constant table, so that a process
//! starts with rules and not with text. A broken rule file fails the build with its file, line and reason.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, process::ExitCode};

#[allow(dead_code, unreachable_pub, missing_docs, reason = "the build needs the parser only")]
#[path = "src/rule/file.rs"]
mod file;
#[path = "src/lead.rs"]
mod lead;
#[allow(dead_code, reason = "the build needs what a pattern tells, and not how it is used")]
#[path = "src/shape.rs"]
mod shape;
#[allow(dead_code, unreachable_pub, missing_docs, reason = "the build writes words, and does not read them")]
#[path = "src/words.rs"]
mod words;

fn main() -> ExitCode {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    match table(&here.join("rules"), &here.join("grams/laid.toml")) {
        Ok(code) => {
            let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("builtin.rs");
            match fs::write(&out, code) {
                Ok(()) => ExitCode::SUCCESS,
                Err(e) => fail(&format!("cannot write {}: {e}", out.display())),
            }
        }
        Err(why) => fail(&why),
    }
}

fn fail(why: &str) -> ExitCode {
    // Cargo shows what a failed build script wrote to standard error.
    #[allow(clippy::print_stderr, reason = "the one way a build script can speak")]
    {
        eprintln!("error: {why}");
    }
    ExitCode::FAILURE
}

/// For each keyword the place of its gram, and its bucket.
type Laid = HashMap<String, [u8; 2]>;

fn table(folder: &Path, laid: &Path) -> Result<String, String> {
    // Cargo reads standard output for its instructions.
    #[allow(clippy::print_stdout, reason = "cargo's protocol")]
    {
        println!("cargo::rerun-if-changed=rules");
        println!("cargo::rerun-if-changed=grams/laid.toml");
    }
    let text = fs::read_to_string(laid).map_err(|e| format!("cannot read {}: {e}", laid.display()))?;
    let laid: Laid = toml::from_str(&text).map_err(|e| format!("{}: {e}", laid.display()))?;
    let listing = fs::read_dir(folder).map_err(|e| format!("cannot read {}: {e}", folder.display()))?;
    let mut paths: Vec<PathBuf> = listing
        .filter_map(|e| e.ok().map(|e| e.path()))
        .filter(|p| p.extension().is_some_and(|x| x == "toml"))
        .collect();
    paths.sort();
    let mut code = String::from("pub(crate) static BUILTIN: &[Rule] = &[\n");
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        let file = file::parse(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        for rule in &file.rules {
            write_rule(&mut code, &file, rule, &laid);
        }
    }
    code.push_str("];\n");
    Ok(code)
}

/// What joins words is written by number: a zero so that no digit after it changes it, and all of it so that whoever
/// scans what was built finds no assignments in it.
fn literal(words: &words::Words) -> String {
    let text: String = words
        .0
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { c.escape_unicode().to_string() })
        .collect();
    format!("Words(Text::Borrowed(\"{text}\"))")
}

fn words(items: &[String]) -> String {
    literal(&words::Words::new(items))
}

/// See `src/rule/samples.rs`.
fn veiled(items: &[String]) -> String {
    let items: Vec<String> = items
        .iter()
        .map(|s| {
            let bytes: String = s.bytes().map(|b| format!("\\x{:02x}", b ^ 0xa5)).collect();
            format!("b\"{bytes}\"")
        })
        .collect();
    format!("Samples::veiled(&[{}])", items.join(", "))
}

fn write_rule(code: &mut String, file: &file::RuleFile, rule: &file::RuleText, laid: &Laid) {
    let text = |s: &str| format!("Text::Borrowed({s:?})");
    let option = |s: &Option<String>| s.as_ref().map_or("None".into(), |s| format!("Some({})", text(s)));
    let (near, named) = (words::Words::new(&rule.near), words::Words::new(&rule.keywords));
    let keywords = words::Words::looked_for(&near, &named, &rule.pattern.shape.beginnings);
    let places: Vec<_> = keywords.iter().map(|word| laid.get(word).copied()).collect();
    let rotate = rule.rotate.as_ref().unwrap_or(&file.rotate);
    let family = rule.family.as_ref().unwrap_or(&file.service);
    let _ = writeln!(
        code,
        "Rule {{ id: {}, name: {}, service: {}, family: {}, why: {}, rotate: {}, severity: Severity::{:?}, confidence: Confidence::{:?}, pattern: {}, keywords: {}, near: {}, bounds: Bounds::{:?}, max: {}, checks: List::Borrowed(&[{}]), vault_field: {}, pairs: {}, laid: List::Borrowed(&{:?}), hits: {}, misses: {}, shape: Shape {{ beginnings: {}, longest: {:?}, written: {}, leads: {}, starts: {}, size: {}, firsts: {:?} }}, lead: {:?} }},",
        text(&rule.id),
        text(&rule.name),
        text(&file.service),
        text(family),
        text(&rule.why),
        text(rotate),
        rule.severity,
        rule.confidence,
        text(&rule.pattern.text),
        words(&rule.keywords),
        words(&rule.near),
        rule.bounds,
        rule.max.map_or("None".into(), |m| format!("Some({m})")),
        rule.checks.iter().map(|c| format!("Check::{c:?}")).collect::<Vec<_>>().join(", "),
        option(&rule.vault_field),
        words(&rule.pairs),
        if places.iter().any(Option::is_some) { places } else { Vec::new() },
        veiled(&rule.hits),
        veiled(&rule.misses),
        literal(&rule.pattern.shape.beginnings),
        rule.pattern.shape.longest,
        rule.pattern.shape.written,
        rule.pattern.shape.leads,
        rule.pattern.shape.starts,
        rule.pattern.shape.size,
        rule.pattern.shape.firsts,
        rule.lead(),
    );
}
