//! Each kind of file, as its compiler writes it: what is found, the way to it, and its place. Broken ones end quietly.

use std::sync::LazyLock;

use oakum_patterns::sample::{Draw, draw};
use oakum_patterns::{Engine, Rule};
use proptest::prelude::*;

use super::super::{Format, read};

mod java;
mod modules;
mod rows;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(Rule::builtin().to_vec()).unwrap());

const SECRET: &str = "Walnut!942";

/// A key that a service gives out, of twenty characters.
fn key(seed: u64) -> String {
    String::from_utf8(draw("AKIA<base32:16>", &[], &mut Draw::new(seed)).unwrap()).unwrap()
}

/// The rule, the way and the text at the place of all that is found.
fn found(file: &[u8]) -> Vec<(String, String, String)> {
    let format = Format::of_start(file).unwrap();
    let found = read(&ENGINE, format, file, &[]).found;
    let text = |one: &super::super::Found<'_>| String::from_utf8_lossy(&file[one.range.clone()]).into_owned();
    found.iter().map(|one| (one.rule.id.to_string(), one.key.clone(), text(one))).collect()
}

fn password(key: &str) -> (String, String, String) {
    ("generic.password".into(), key.into(), SECRET.into())
}

#[test]
fn a_file_is_told_by_its_first_bytes() {
    for file in [java::class(), modules::file(14), rows::database()] {
        assert!(Format::of_start(&file).is_some());
    }
    // A program for two machines, a version of Python that is not known, and a text.
    for start in
        [&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2, 1][..], &[1, 2, b'\r', b'\n', 0], b"SQLite format 4\0", b"\xca\xfe"]
    {
        assert_eq!(Format::of_start(start), None);
    }
}

#[test]
fn a_cut_file_is_read_as_far_as_it_goes() {
    for file in [java::class(), modules::file(8), modules::file(14), rows::database()] {
        for length in 0..file.len() {
            if let Some(format) = Format::of_start(&file[..length]) {
                read(&ENGINE, format, &file[..length], &[]);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// No reader panics, and each place is in the file.
    #[test]
    fn any_file_is_read(
        which in 0..4usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![any::<u8>(), Just(0u8), Just(0xff), Just(b'r')]), 0..12),
    ) {
        static FILES: LazyLock<[Vec<u8>; 4]> =
            LazyLock::new(|| [java::class(), modules::file(9), modules::file(13), rows::database()]);
        let mut file = FILES[which].clone();
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        if let Some(format) = Format::of_start(&file) {
            let plain = [0..8, file.len() / 2..file.len()];
            let found = read(&ENGINE, format, &file, &plain).found;
            prop_assert!(found.iter().all(|f| f.range.start <= f.range.end && f.range.end <= file.len()));
        }
    }
}
