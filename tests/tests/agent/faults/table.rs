//! The table of faults and the tests that it names: neither has a row that the other has not.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The file of a test and its name, of each row.
fn rows(table: &str) -> Vec<(String, String)> {
    let row = |line: &str| {
        let last = line.strip_suffix(" |")?.rsplit(" | ").next()?;
        let mut quoted = last.split('`').skip(1).step_by(2);
        Some((quoted.next()?.to_owned(), quoted.next()?.to_owned()))
    };
    table.lines().filter_map(row).collect()
}

#[test]
fn the_table_names_tests_that_exist_and_every_test_of_a_fault() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let rows = rows(&fs::read_to_string(root.join("injector/agent/FAULTS.md")).unwrap());
    assert!(rows.len() >= 32, "{} rows", rows.len());
    let source = |file: &str| -> PathBuf {
        let folder = if file.starts_with("machine/") { "injector/agent/src" } else { "tests/tests/agent" };
        root.join(folder).join(file)
    };
    for (file, test) in &rows {
        let text = fs::read_to_string(source(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(&format!("#[test]\nfn {test}() {{")), "{file} has no test {test}");
    }
    let named: BTreeSet<&str> = rows.iter().map(|(_, test)| test.as_str()).collect();
    for file in ["answers", "clocks", "lost", "network", "process", "volume"] {
        let text = fs::read_to_string(source(&format!("faults/{file}.rs"))).unwrap();
        for test in text.split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split("()").next()) {
            assert!(named.contains(test), "no row names {test}");
        }
    }
}
