//! Scans one of the texts that the benches measure on: `tests/instructions` counts what that takes.
//!
//! usage: cargo run --release -p oakum-patterns --example count -- NAME MEGABYTES

use std::process::ExitCode;

use oakum_patterns::{Engine, Rule};

#[path = "../benches/inputs/mod.rs"]
mod inputs;

/// What is counted: a function of its own, so that callgrind can tell it from the making of the text.
#[inline(never)]
fn counted_scan(engine: &Engine, text: &[u8]) -> usize {
    engine.scan(text).len()
}

/// The same for what every process begins with.
#[inline(never)]
fn counted_start() -> Engine {
    Engine::new(Rule::builtin().to_vec()).expect("the rules are good")
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let make = arguments.next().and_then(|name| inputs::ALL.iter().find(|(known, _)| *known == name));
    let (Some((_, make)), Some(Ok(size))) = (make, arguments.next().map(|size| size.parse::<usize>())) else {
        return ExitCode::from(2);
    };
    let text = make(size * 1_000_000);
    let engine = counted_start();
    std::hint::black_box(counted_scan(&engine, &text));
    ExitCode::SUCCESS
}
