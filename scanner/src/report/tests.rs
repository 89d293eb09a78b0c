//! What holds of every format, and that each says what its readers expect.

use std::fmt::Write as _;
use std::sync::Arc;

use oakum_patterns::{Engine, Rule, sample::Draw};
use serde_json::{Value, json};

use super::escape::is_unsafe;
use super::{Color, Detail, Format, Options, reporter, sample};
use crate::fingerprint::Key;
use crate::origin::{Image, Layer, Origin};
use crate::scan::{Outcome, Scan, Summary};
use crate::source::{Sink as _, Why};

fn render(format: Format, options: &Options, outcome: &Outcome) -> String {
    let mut out = Vec::new();
    super::write(&*reporter(format, options), outcome, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn plain(format: Format, outcome: &Outcome) -> String {
    render(format, &Options::default(), outcome)
}

fn parsed(format: Format, outcome: &Outcome) -> Value {
    serde_json::from_str(&plain(format, outcome)).unwrap()
}

fn clean() -> Outcome {
    Outcome { findings: Vec::new(), lint: None, summary: Summary { bytes: 10, blobs: 1, ..Summary::default() } }
}

/// Every option of every format.
fn all(outcome: &Outcome) -> impl Iterator<Item = (Format, String)> {
    let full = Options { color: Color::Always, detail: Detail::Full, summary: true, width: 40 };
    Format::ALL.iter().flat_map(move |&f| [Options::default(), full.clone()].map(|o| (f, render(f, &o, outcome))))
}

#[test]
fn every_format_is_as_before() {
    let outcome = sample::outcome();
    for &format in Format::ALL {
        let text = plain(format, &outcome).replace(env!("CARGO_PKG_VERSION"), "VERSION");
        insta::assert_snapshot!(format.name(), text);
    }
    let full = Options { detail: Detail::Full, width: 60, ..Options::default() };
    insta::assert_snapshot!("text-full", render(Format::Text, &full, &outcome));
    insta::assert_snapshot!("text-clean", plain(Format::Text, &clean()));
}

/// The same outcome with what the image gets wrong besides, in the formats that tell it beside findings.
#[test]
fn flaws_are_told_beside_findings() {
    let alone = Outcome { lint: Some(sample::lint()), ..clean() };
    for format in [Format::Sarif, Format::Junit, Format::Csv, Format::Gitlab, Format::Github] {
        let text = plain(format, &alone).replace(env!("CARGO_PKG_VERSION"), "VERSION");
        insta::assert_snapshot!(format!("lint-{format}"), text);
    }
    // Findings are told as they are without.
    for (format, list) in [(Format::Sarif, "/runs/0/results"), (Format::Gitlab, "/vulnerabilities")] {
        let (before, after) = (parsed(format, &sample::outcome()), parsed(format, &linted()));
        let of = |report: &Value| report.pointer(list).unwrap().as_array().unwrap().clone();
        assert!(of(&after).starts_with(&of(&before)), "{format}");
    }
}

/// Findings in every kind of place, and flaws.
fn linted() -> Outcome {
    Outcome { lint: Some(sample::lint()), ..sample::outcome() }
}

#[test]
fn the_same_outcome_gives_the_same_bytes() {
    let once: Vec<_> = all(&sample::outcome()).collect();
    assert_eq!(once, all(&sample::outcome()).collect::<Vec<_>>());
}

#[test]
fn every_name_is_read_back() {
    for &format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    assert_eq!(Format::ALL.len(), 9);
    assert_eq!(
        "yaml".parse::<Format>().unwrap_err().to_string(),
        "no report format is called \"yaml\"; there are text, json, jsonl, sarif, junit, csv, gitlab, github, html"
    );
}

#[test]
fn colour_adds_sequences_and_nothing_else() {
    let outcome = sample::outcome();
    let colored = render(Format::Text, &Options { color: Color::Always, ..Options::default() }, &outcome);
    assert!(colored.contains('\x1b'));
    assert_eq!(stripped(&colored), plain(Format::Text, &outcome));
}

/// Text without the sequences `ESC [ … m`.
fn stripped(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('m').unwrap().1)
}

#[test]
fn no_control_character_of_strangers_reaches_the_output() {
    for (format, text) in all(&linted()) {
        let bad = stripped(&text).chars().find(|&c| is_unsafe(c) && c != '\n' && c != '\r');
        assert_eq!(bad, None, "{format}: {text:?}");
        if format != Format::Csv {
            assert!(!text.contains('\r'), "{format}");
        }
    }
    let github = plain(Format::Github, &linted());
    assert!(
        github.lines().all(|l| ["::error ", "::warning ", "::notice "].iter().any(|c| l.starts_with(c))),
        "{github}"
    );
}

/// Invariant 2: a secret that stands in a content, a path, an instruction, a field and a name of something skipped.
#[test]
fn no_format_tells_a_secret() {
    let rule = Rule::builtin().iter().find(|r| r.id == "github.pat").unwrap();
    let secret = oakum_patterns::sample::draw(&rule.hits.get(0).unwrap(), &rule.checks, &mut Draw::new(7)).unwrap();
    let text = String::from_utf8(secret.clone()).unwrap();
    let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
    let scan = Scan::new(&engine, Key::constant(), crate::scan::Options::default());
    let layer = Layer { created_by: format!("RUN TOKEN={text} make"), ..Layer::default() };
    let image = Arc::new(Image { name: format!("web:{text}"), layers: vec![layer], ..Image::default() });
    let file = Origin::File(format!("x/{text}/y").into());
    let origins = [
        file.clone(),
        Origin::Layer { image: Arc::clone(&image), index: 0, path: format!("etc/{text}"), permissions: None },
        Origin::Config { image, field: format!("Env[0] {text}") },
        Origin::Member { outer: Box::new(Origin::Stdin), path: format!("{text}.txt") },
    ];
    for origin in origins {
        scan.content(origin, &mut format!("a = 1\n{text}: {text}\n").as_bytes()).unwrap();
    }
    scan.skipped(Why::Truncated, &file);
    let outcome = scan.finish();
    assert!(outcome.findings.iter().any(|f| f.rule == "github.pat" && f.places.len() >= 4));
    for (format, report) in all(&outcome) {
        for form in forms(&secret) {
            assert!(!report.to_lowercase().contains(&form.to_lowercase()), "{format} tells it as {form}: {report}");
        }
    }
}

/// A secret as it might leak: itself, a good part of it, and encoded.
fn forms(secret: &[u8]) -> Vec<String> {
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut s, b| {
            write!(s, "{b:02x}").unwrap();
            s
        })
    };
    let percent = secret.iter().fold(String::new(), |mut s, b| {
        write!(s, "%{b:02x}").unwrap();
        s
    });
    let mut forms = vec![hex(secret), hex(&secret[4..16]), percent];
    // What follows the public prefix, in parts.
    forms.extend(secret[4..].windows(8).map(|part| String::from_utf8_lossy(part).into_owned()));
    // Base64 differs by where in three bytes it begins; the first and last digits mix with what is around.
    for shift in 0..3 {
        let digits = base64(&secret[shift..secret.len() - (secret.len() - shift) % 3]);
        forms.push(digits[4..digits.len() - 4].to_owned());
    }
    forms
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let groups = bytes.chunks_exact(3).flat_map(|g| {
        let n = u32::from(g[0]) << 16 | u32::from(g[1]) << 8 | u32::from(g[2]);
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[(n >> shift & 63) as usize]))
    });
    groups.collect()
}

#[test]
fn json_is_the_contract() {
    let report = parsed(Format::Json, &sample::outcome());
    let keys = |v: &Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let sorted = |mut k: Vec<&str>| {
        k.sort_unstable();
        k.into_iter().map(String::from).collect::<Vec<_>>()
    };
    let file =
        ["kind", "path", "member", "key", "line", "column", "end_line", "end_column", "layer", "state", "commit"];
    let mut got = keys(&report);
    got.sort_unstable();
    assert_eq!(got, sorted(vec!["schema", "complete", "findings", "summary"]));
    let finding = &report["findings"][0];
    let mut got = keys(finding);
    got.sort_unstable();
    assert_eq!(
        got,
        sorted(vec!["rule", "service", "severity", "confidence", "fingerprint", "preview", "known", "places"])
    );
    let mut got = keys(&finding["places"][0]);
    got.sort_unstable();
    assert_eq!(got, sorted(file.to_vec()));
    assert_eq!(report["complete"], false);
    let place = |i: usize| &finding["places"][i];
    let states: Vec<_> = (1..4).map(|i| (&place(i)["state"], &place(i)["state_by"])).collect();
    assert_eq!(
        states,
        [(&json!("deleted"), &json!(1)), (&json!("overwritten"), &json!(2)), (&json!("present"), &Value::Null)]
    );
    assert_eq!(place(4)["field"], "Env[3] ACME_TOKEN");
    assert_eq!(place(5)["kind"], "stdin");
    assert_eq!(place(6)["member"], json!(["lib/app.jar", "x.properties"]));
    // The text begins with what tells a reader how to go on.
    assert!(plain(Format::Json, &clean()).starts_with("{\n  \"schema\": \"oakum.report/1\",\n  \"complete\": true,"));
}

#[test]
fn jsonl_has_the_findings_of_json_and_its_summary_last() {
    let outcome = sample::outcome();
    let whole = parsed(Format::Json, &outcome);
    let text = plain(Format::Jsonl, &outcome);
    let mut lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let mut last = lines.pop().unwrap();
    assert_eq!(last["summary"].as_object_mut().unwrap().remove("complete"), Some(json!(false)));
    assert_eq!(last["summary"], whole["summary"]);
    assert_eq!(Value::from(lines), whole["findings"]);
}

#[test]
fn sarif_follows_its_schema() {
    // The published schema has one pattern with a bracket that closes nothing, which not every engine takes.
    let text = include_str!("../../../tests/fixtures/sarif-schema-2.1.0.json");
    let schema = serde_json::from_str(&text.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$")).unwrap();
    assert_valid(&schema, &parsed(Format::Sarif, &sample::outcome()));
    assert_valid(&schema, &parsed(Format::Sarif, &clean()));
    assert_valid(&schema, &parsed(Format::Sarif, &linted()));
}

#[test]
fn sarif_rules_are_those_of_its_results() {
    let report = parsed(Format::Sarif, &linted());
    let run = &report["runs"][0];
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        for location in result["locations"].as_array().unwrap() {
            let artifact = &location["physicalLocation"]["artifactLocation"];
            let root = artifact["uriBaseId"].as_str().unwrap_or("%SRCROOT%");
            assert!(run["originalUriBaseIds"][root].is_object(), "{artifact}");
        }
    }
    let uri = |r: usize, l: usize| {
        run["results"][r]["locations"][l]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap().to_owned()
    };
    assert_eq!(uri(0, 0), "a/.env");
    assert_eq!(uri(0, 6), "file:///srv/dist/app.tar");
    assert_eq!(uri(2, 0), "c%20d/%231/%C3%BC.js");
}

/// What GitLab's schema 15.0.7 for secret detection asks of the parts that we write, in our own words.
#[test]
fn gitlab_follows_its_schema() {
    let time = json!({"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}$"});
    let word = json!({"type": "string", "minLength": 1});
    let tool = json!({
        "type": "object", "required": ["id", "name", "version", "vendor"],
        "properties": {"id": word, "name": word, "version": word, "vendor": {"required": ["name"], "properties": {"name": word}}},
    });
    let message = json!({"required": ["level", "value"], "properties": {"level": {"enum": ["info", "warn", "fatal"]}, "value": word}});
    let identifier = json!({
        "required": ["type", "name", "value"],
        "properties": {"type": word, "name": word, "value": word, "url": {"pattern": "^(https?|ftp)://.+"}},
    });
    let detail = json!({"required": ["type", "name", "value"], "properties": {"type": {"const": "text"}, "name": word, "value": {"type": "string"}}});
    let vulnerability = json!({
        "type": "object", "required": ["id", "identifiers", "location"],
        "properties": {
            "id": word,
            "name": {"type": "string", "maxLength": 255},
            "description": {"type": "string", "maxLength": 1_048_576},
            "severity": {"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
            "solution": {"type": "string", "maxLength": 7000},
            "identifiers": {"type": "array", "minItems": 1, "items": identifier},
            "details": {"type": "object", "additionalProperties": detail},
            "location": {
                "type": "object", "required": ["commit"],
                "properties": {
                    "file": {"type": "string"}, "start_line": {"type": "number"}, "end_line": {"type": "number"},
                    "commit": {"required": ["sha"], "properties": {"sha": word}},
                },
            },
        },
    });
    let schema = json!({
        "type": "object", "required": ["scan", "version", "vulnerabilities"],
        "properties": {
            "version": {"pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+$"},
            "scan": {
                "type": "object", "required": ["analyzer", "end_time", "scanner", "start_time", "status", "type"],
                "properties": {
                    "analyzer": tool, "scanner": tool, "start_time": time, "end_time": time,
                    "status": {"enum": ["success", "failure"]}, "type": {"const": "secret_detection"},
                    "messages": {"type": "array", "items": message},
                },
            },
            "vulnerabilities": {"type": "array", "items": vulnerability},
        },
    });
    let report = parsed(Format::Gitlab, &sample::outcome());
    assert_valid(&schema, &report);
    assert_valid(&schema, &parsed(Format::Gitlab, &clean()));
    assert_valid(&schema, &parsed(Format::Gitlab, &linted()));
    let mut ids: Vec<_> = report["vulnerabilities"].as_array().unwrap().iter().map(|v| v["id"].to_string()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

fn assert_valid(schema: &Value, report: &Value) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(report).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn csv_rows_have_as_many_cells_as_the_header() {
    let text = plain(Format::Csv, &linted());
    let rows: Vec<usize> = text.split_terminator("\r\n").map(cells).collect();
    assert!(rows.len() > 10 && rows.iter().all(|&n| n == rows[0]), "{rows:?}");
}

/// How many cells an RFC 4180 row has.
fn cells(row: &str) -> usize {
    let mut quoted = false;
    1 + row
        .chars()
        .filter(|&c| {
            quoted ^= c == '"';
            c == ',' && !quoted
        })
        .count()
}

#[test]
fn xml_and_html_are_well_formed() {
    for (format, open) in [(Format::Junit, "<testsuites"), (Format::Html, "<html")] {
        for outcome in [sample::outcome(), linted(), clean()] {
            let text = plain(format, &outcome);
            balanced(&text[text.find(open).unwrap()..]);
        }
    }
    let html = plain(Format::Html, &sample::outcome());
    assert!(!html.contains("<script") && !html.contains("src=") && !html.contains("href="));
    assert!(plain(Format::Junit, &clean()).contains("tests=\"1\" failures=\"0\" errors=\"0\""));
}

/// That every element is closed by its own end, as all but `meta` and `br` of HTML must be.
fn balanced(text: &str) {
    let mut open = Vec::new();
    for tag in text.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("a tag ends");
        let name = tag.split_whitespace().next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') || ["meta", "br"].contains(&name) => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}
