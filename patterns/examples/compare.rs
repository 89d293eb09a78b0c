//! Holds the engine against its slow reference on the files below the paths that are given: in one piece, and in windows
//! of many sizes. Prints how much was compared, and each difference; fails if there is one.
//!
//! usage: cargo run --release -p oakum-patterns --example compare -- PATH...

use std::path::Path;
use std::process::ExitCode;

mod files;

use files::files;
use oakum_patterns::{Engine, Rule, Stream};

/// A larger file is cut off: the reference is slow.
const MOST: usize = 64 << 20;

/// What is compared of a match.
type Found = (usize, usize, Option<(usize, usize)>, String, String);

fn whole(stream: &mut Stream<'_>, text: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    stream.feed(text, true, |m| found.push(of(m, 0)));
    found
}

fn of(m: &oakum_patterns::Match<'_>, base: usize) -> Found {
    let name = m.name().map(|n| (n.start + base, n.end + base));
    (m.secret().start + base, m.secret().end + base, name, m.rule().id.to_string(), format!("{:?}", m.confidence()))
}

/// Feeds a text in pieces of this size, as a reader does.
fn windows(stream: &mut Stream<'_>, text: &[u8], piece: usize) -> Vec<Found> {
    let (mut found, mut base, mut end) = (Vec::new(), 0, 0);
    loop {
        end = text.len().min(end + piece);
        let last = end == text.len();
        base += stream.feed(&text[base..end], last, |m| found.push(of(m, base)));
        if last {
            return found;
        }
    }
}

#[allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "a result is printed")]
fn main() -> ExitCode {
    let fast = Engine::new(Rule::builtin().to_vec()).expect("the rules are good");
    let slow = Engine::reference(Rule::builtin().to_vec()).expect("the rules are good");
    let (mut fast, mut slow) = (fast.stream(), slow.stream());
    let mut all = Vec::new();
    std::env::args_os().skip(1).for_each(|path| files(Path::new(&path), &mut all));
    let (mut bytes, mut matches, mut different) = (0, 0, 0);
    for (number, path) in all.iter().enumerate() {
        let Ok(mut text) = std::fs::read(path) else { continue };
        text.truncate(MOST);
        let expected = whole(&mut slow, &text);
        // Sizes that share no factor, from what barely moves to what a reader takes.
        let piece = [4096 + 61, 65_536, 1 << 18, 10_007][number % 4];
        let got = [whole(&mut fast, &text), windows(&mut fast, &text, piece)];
        for (way, got) in ["in one piece", "in windows"].into_iter().zip(got) {
            if got != expected {
                different += 1;
                println!("{} {way}:", path.display());
                expected.iter().filter(|f| !got.contains(f)).for_each(|f| println!("  missed {f:?}"));
                got.iter().filter(|f| !expected.contains(f)).for_each(|f| println!("  added  {f:?}"));
            }
        }
        bytes += text.len();
        matches += expected.len();
    }
    println!(
        "{} files, {:.0} MB, {matches} matches of the reference engine, {different} differences",
        all.len(),
        bytes as f64 / 1e6
    );
    // Nothing compared is nothing shown.
    if different == 0 && matches > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
