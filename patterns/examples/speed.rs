//! How fast the engine is on the files below the paths that are given: bytes a second of one core, against looking for
//! one absent byte sequence in the same memory.
//!
//! usage: cargo run --release -p oakum-patterns --example speed -- PATH...

use std::path::Path;
use std::time::Instant;

mod files;

use files::files;
use oakum_patterns::{Engine, Rule};

/// The most that is held.
const MOST: usize = 512 << 20;

#[allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "a measurement is printed")]
fn main() {
    let began = Instant::now();
    let engine = Engine::new(Rule::builtin().to_vec()).expect("the rules are good");
    println!("ready in {:.2} ms", began.elapsed().as_secs_f64() * 1e3);
    for path in std::env::args_os().skip(1) {
        let mut all = Vec::new();
        files(Path::new(&path), &mut all);
        let mut texts = Vec::new();
        let mut size = 0;
        for file in all {
            if size < MOST
                && let Ok(text) = std::fs::read(file)
            {
                size += text.len();
                texts.push(text);
            }
        }
        let rate = |began: Instant| size as f64 / began.elapsed().as_secs_f64() / 1e9;
        let (mut best, mut limit, mut found) = (0f64, 0f64, 0);
        for _ in 0..5 {
            let began = Instant::now();
            found = 0;
            let mut stream = engine.stream();
            for text in &texts {
                stream.feed(text, true, |_| found += 1);
            }
            best = best.max(rate(began));
            let began = Instant::now();
            let absent = texts.iter().filter(|text| memchr::memmem::find(text, b"zqxj\x01kv").is_some()).count();
            limit = limit.max(rate(began));
            assert_eq!(absent, 0);
        }
        println!(
            "{}: {:.0} MB, {found} matches, {best:.2} GB/s; memmem {limit:.1} GB/s, {:.1} times that",
            Path::new(&path).display(),
            size as f64 / 1e6,
            limit / best
        );
    }
}
