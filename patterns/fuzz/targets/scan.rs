//! Any bytes: the engine finds in one piece what it finds in windows, and what its slow reference finds.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use oakum_patterns::sample::{Draw, draw};
use oakum_patterns::{Engine, Match, Rule};

static FAST: LazyLock<Engine> = LazyLock::new(|| Engine::new(Rule::builtin().to_vec()).expect("the rules are good"));
static SLOW: LazyLock<Engine> =
    LazyLock::new(|| Engine::reference(Rule::builtin().to_vec()).expect("the rules are good"));

type Seen = (String, usize, usize);

fn seen(m: &Match<'_>, base: usize) -> Seen {
    (m.rule().id.to_string(), m.secret().start + base, m.secret().end + base)
}

/// The bytes, in which a zero and two more stand for a sample of a rule: a fuzzer does not guess a checksum.
fn text(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut rest = bytes;
    while let Some((&first, more)) = rest.split_first() {
        match more {
            [high, low, more @ ..] if first == 0 => {
                let number = usize::from(*high) << 8 | usize::from(*low);
                let rule = &Rule::builtin()[number % Rule::builtin().len()];
                let shapes: Vec<String> = rule.hits.iter().chain(rule.misses.iter()).collect();
                if let Ok(sample) = draw(&shapes[number % shapes.len()], &rule.checks, &mut Draw::new(number as u64)) {
                    text.extend(sample);
                }
                rest = more;
            }
            _ => {
                text.push(first);
                rest = more;
            }
        }
    }
    text
}

fuzz_target!(|bytes: &[u8]| {
    let (piece, bytes) = bytes.split_at(bytes.len().min(2));
    let piece = piece.iter().fold(1, |all, b| all << 8 | usize::from(*b)) % 4000 + 1;
    let text = text(bytes);
    let whole: Vec<Seen> = FAST.scan(&text).iter().map(|m| seen(m, 0)).collect();
    let slow: Vec<Seen> = SLOW.scan(&text).iter().map(|m| seen(m, 0)).collect();
    assert_eq!(whole, slow, "the lanes miss or add something");

    let mut stream = FAST.stream();
    let (mut pieces, mut from, mut to) = (Vec::new(), 0, 0);
    loop {
        to = text.len().min(to + piece);
        let last = to == text.len();
        let dropped = stream.feed(&text[from..to], last, |m| pieces.push(seen(m, from)));
        if last {
            break;
        }
        from += dropped;
    }
    assert_eq!(whole, pieces, "windows of {piece} miss or add something");
});
