//! The engine's stages, each on the same texts: `cargo bench -p oakum-patterns`.

#![allow(missing_docs, reason = "what criterion makes has none")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use oakum_patterns::{Engine, Rule};

mod inputs;

const SIZE: usize = 4 << 20;

/// From the table of rules to the first byte.
fn ready(c: &mut Criterion) {
    c.bench_function("ready", |b| b.iter(|| Engine::new(Rule::builtin().to_vec()).expect("the rules are good")));
}

/// The lanes alone: from bytes to places where a keyword stands; then everything; then the slow reference.
fn scan(c: &mut Criterion) {
    let engine = Engine::new(Rule::builtin().to_vec()).expect("the rules are good");
    let reference = Engine::reference(Rule::builtin().to_vec()).expect("the rules are good");
    for (name, make) in inputs::ALL {
        let text = make(SIZE);
        let mut group = c.benchmark_group(*name);
        group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(20);
        group.bench_function("limit: memmem", |b| b.iter(|| memchr::memmem::find(black_box(&text), b"zq\x01kv")));
        group.bench_function("lanes", |b| b.iter(|| engine.places(black_box(&text))));
        group.bench_function("all", |b| b.iter(|| engine.scan(black_box(&text)).len()));
        group.bench_function("reference", |b| b.iter(|| reference.scan(black_box(&text)).len()));
        group.finish();
    }
}

/// Texts that are nothing but near-matches.
fn adversarial(c: &mut Criterion) {
    let engine = Engine::new(Rule::builtin().to_vec()).expect("the rules are good");
    for (name, piece) in [
        ("passwords", "password=password="),
        ("prefixes", "ghp_0123456789abcdef "),
        ("quotes", "key=\"\"\"\"'''```"),
        ("urls", "https://a:b/c"),
        ("begins", "-----BEGIN RSA PRIVATE KEY-----\n"),
        ("newlines", "\n"),
        ("one letter", "a"),
    ] {
        let text = piece.repeat(SIZE / piece.len());
        let mut group = c.benchmark_group("near-matches");
        group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(10);
        group.bench_function(name, |b| b.iter(|| engine.scan(black_box(text.as_bytes())).len()));
        group.finish();
    }
}

criterion_group!(benches, ready, scan, adversarial);
criterion_main!(benches);
