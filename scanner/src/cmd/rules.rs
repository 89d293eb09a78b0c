//! `oakum rules`, and the choice of rules that `oakum scan` shares.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use oakum_patterns::sample::{Draw, draw};
use oakum_patterns::{Cost, Engine, Rule};

use super::args::{RuleChoice, RulesArgs, RulesCommand};
use super::{exit, hinted};

/// How often a sample is drawn when rules are checked.
const DRAWS: u64 = 64;

pub(super) fn run(args: RulesArgs) -> anyhow::Result<u8> {
    match args.command {
        RulesCommand::List { rules } => list(&choose(&rules)?),
        RulesCommand::Show { id, rules } => show(&id, &choose(&rules)?),
        RulesCommand::Check { files } => check(&files),
    }
}

/// The rules that a command line asks for.
pub(super) fn choose(choice: &RuleChoice) -> anyhow::Result<Vec<Rule>> {
    let mut rules = Rule::builtin().to_vec();
    for path in &choice.files {
        rules.extend(read(path)?);
    }
    for id in choice.only.iter().chain(&choice.disable) {
        if !rules.iter().any(|r| names(id, r)) {
            return Err(hinted(format!("no rule or service is called '{id}'"), "oakum rules list shows them all"));
        }
    }
    rules.retain(|r| {
        (choice.only.is_empty() || choice.only.iter().any(|id| names(id, r)))
            && !choice.disable.iter().any(|id| names(id, r))
    });
    if rules.is_empty() {
        return Err(hinted("no rule is left to scan with", "take a --disable back"));
    }
    Ok(rules)
}

/// Compiles rules; a user's own with all their patterns, so that a broken one is told now.
pub(super) fn compile(choice: &RuleChoice) -> anyhow::Result<Engine> {
    let engine = Engine::new(choose(choice)?).map_err(|e| load_error(&e))?;
    if !choice.files.is_empty() {
        engine.check_patterns().map_err(|e| load_error(&e))?;
    }
    Ok(engine)
}

fn load_error(error: &oakum_patterns::LoadError) -> anyhow::Error {
    hinted(error.to_string(), "oakum rules check FILE tells all that is wrong with a rule file")
}

fn names(id: &str, rule: &Rule) -> bool {
    rule.id == id || rule.service == id
}

/// The rules of a file, or of all `*.toml` of a folder, in the order of their names.
fn read(path: &Path) -> anyhow::Result<Vec<Rule>> {
    let about = || format!("cannot read rules from {}", path.display());
    if !fs::metadata(path).with_context(about)?.is_dir() {
        let text = fs::read_to_string(path).with_context(about)?;
        return Rule::parse_file(&text).map_err(|e| {
            hinted(
                format!("{}:{}: {}", path.display(), e.line, e.why),
                "CONTRIBUTING.md tells the fields of a rule file",
            )
        });
    }
    let mut files: Vec<PathBuf> = fs::read_dir(path)
        .with_context(about)?
        .map(|e| e.map(|e| e.path()))
        .collect::<io::Result<_>>()
        .with_context(about)?;
    files.retain(|f| f.extension().is_some_and(|x| x == "toml"));
    files.sort();
    if files.is_empty() {
        return Err(hinted(format!("no rule file (*.toml) is in {}", path.display()), "name the file itself"));
    }
    let mut rules = Vec::new();
    for file in files {
        rules.extend(read(&file)?);
    }
    Ok(rules)
}

fn list(rules: &[Rule]) -> anyhow::Result<u8> {
    let mut out = io::stdout().lock();
    let width = rules.iter().map(|r| r.id.len()).max().unwrap_or(0);
    for rule in rules {
        writeln!(out, "{:width$}  {:8}  {}", rule.id, word(rule.severity), rule.name)?;
    }
    Ok(exit::CLEAN)
}

fn show(id: &str, rules: &[Rule]) -> anyhow::Result<u8> {
    let mut out = io::stdout().lock();
    let mut any = false;
    for rule in rules.iter().filter(|r| names(id, r)) {
        if any {
            writeln!(out)?;
        }
        any = true;
        writeln!(out, "{} — {}", rule.id, rule.name)?;
        writeln!(out, "  service      {}", rule.service)?;
        writeln!(out, "  severity     {}", word(rule.severity))?;
        writeln!(out, "  confidence   {}", word(rule.confidence))?;
        writeln!(out, "  pattern      {}", rule.pattern)?;
        let lines = [("keywords", &rule.keywords), ("beside", &rule.near)];
        for (label, words) in lines.iter().filter(|(_, words)| !words.is_empty()) {
            writeln!(out, "  {label:12} {}", words.iter().collect::<Vec<_>>().join(", "))?;
        }
        if !rule.checks.is_empty() {
            let checks: Vec<String> = rule.checks.iter().map(ToString::to_string).collect();
            writeln!(out, "  checks       {}", checks.join(", "))?;
        }
        if let Some(field) = &rule.vault_field {
            writeln!(out, "  vault field  {field}")?;
        }
        writeln!(out, "  why          {}", rule.why)?;
        writeln!(out, "  rotate       {}", rule.rotate)?;
    }
    if any {
        return Ok(exit::CLEAN);
    }
    Err(hinted(format!("no rule or service is called '{id}'"), "oakum rules list shows them all"))
}

/// A word of an enum, as reports write it.
fn word(value: impl std::fmt::Debug) -> String {
    format!("{value:?}").to_lowercase()
}

fn check(files: &[PathBuf]) -> anyhow::Result<u8> {
    let mut rules = Rule::builtin().to_vec();
    let mut own: Vec<String> = rules.iter().map(|r| r.id.to_string()).collect();
    if !files.is_empty() {
        own.clear();
        for path in files {
            let more = read(path)?;
            own.extend(more.iter().map(|r| r.id.to_string()));
            rules.extend(more);
        }
    }
    let engine =
        Engine::new(rules).map_err(|e| hinted(e.to_string(), "ids are unique, and keywords have two bytes or more"))?;
    engine.check_patterns().map_err(|e| hinted(e.to_string(), "bound its repetitions, such as {1,200}"))?;
    let mut faults: Vec<String> =
        engine.rules().filter(|r| own.iter().any(|id| *id == r.id)).flat_map(|r| faults(&engine, r)).collect();
    if !files.is_empty() {
        let builtin = Engine::new(Rule::builtin().to_vec()).map_err(|e| load_error(&e))?;
        let own = engine.rules().filter(|r| own.iter().any(|id| *id == r.id));
        faults.extend(own.flat_map(|rule| overlaps(&builtin, rule)));
    }
    faults.extend(own.iter().filter(|id| engine.cost(id) == Some(Cost::Everywhere)).map(|id| {
        format!("{id}: nothing tells where it may match: begin `pattern` with three plain bytes, or list `keywords` of which each match has one")
    }));
    let mut out = io::stdout().lock();
    for fault in &faults {
        writeln!(out, "{}", crate::report::escape::escape(fault))?;
    }
    for (id, cost) in own.iter().filter_map(|id| Some((id, engine.cost(id)?))) {
        if cost >= Cost::Automaton {
            let speed = speed(&engine, id);
            writeln!(out, "{}: {cost}; alone it scans {speed} MB a second", crate::report::escape::escape(id))?;
        }
    }
    writeln!(out, "{} rules checked, {} faults", own.len(), faults.len())?;
    Ok(if faults.is_empty() { exit::CLEAN } else { exit::USAGE })
}

/// How many megabytes a second a rule scans when it is the only one, of its own source and the like.
fn speed(engine: &Engine, id: &str) -> u64 {
    const TEXT: &[u8] = include_bytes!("rules.rs");
    let text = TEXT.repeat((1 << 20) / TEXT.len());
    let Ok(alone) = Engine::new(engine.rules().filter(|r| r.id == id).cloned().collect()) else { return 0 };
    // Once for what is compiled on first need.
    drop(alone.scan(&text));
    let began = std::time::Instant::now();
    drop(alone.scan(&text));
    text.len() as u64 / u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
}

/// What is wrong with a rule's samples.
/// The samples of a rule that another names as well: one of both would hide the other.
fn overlaps(others: &Engine, rule: &Rule) -> Vec<String> {
    let taken = |shape: &str| {
        let text = draw(shape, &rule.checks, &mut Draw::new(0)).ok()?;
        let other = others.scan(&text).into_iter().find(|m| !m.rule().is_generic())?;
        Some(other.rule().id.to_string())
    };
    let hits = rule.hits.iter().filter_map(|shape| Some((taken(&shape)?, shape)));
    hits.map(|(other, shape)| {
        format!("{}: the sample '{shape}' of `hits` is found by {other} too: narrow the pattern", rule.id)
    })
    .collect()
}

fn faults(engine: &Engine, rule: &Rule) -> Vec<String> {
    let mut faults = Vec::new();
    for (kind, samples, must) in [("hits", &rule.hits, true), ("misses", &rule.misses, false)] {
        if samples.len() < 2 {
            faults.push(format!("{}: `{kind}` has fewer than two samples", rule.id));
        }
        for shape in samples.iter() {
            let found = |seed| -> Result<Vec<String>, String> {
                let text = draw(&shape, &rule.checks, &mut Draw::new(seed)).map_err(|e| e.to_string())?;
                Ok(engine.scan(&text).iter().map(|m| m.rule().id.to_string()).collect())
            };
            for seed in 0..DRAWS {
                match found(seed) {
                    Err(why) => faults.push(format!("{}: {why}", rule.id)),
                    Ok(ids) if ids.iter().any(|id| *id == rule.id) != must => faults.push(format!(
                        "{}: the sample '{shape}' of `{kind}` {} (found: {})",
                        rule.id,
                        if must { "is not found" } else { "is found" },
                        if ids.is_empty() { "nothing".into() } else { ids.join(", ") }
                    )),
                    Ok(_) => continue,
                }
                break;
            }
        }
    }
    faults
}
