//! Every rule finds its own samples and passes by what it should, drawn many times over.

use oakum_patterns::sample::{Draw, draw};
use oakum_patterns::{Engine, Rule};

const DRAWS: u64 = 256;

fn drawn(rule: &Rule, shape: &str, seed: u64) -> Vec<u8> {
    draw(shape, &rule.checks, &mut Draw::new(seed)).unwrap_or_else(|e| panic!("{}: {e}", rule.id))
}

#[test]
fn every_pattern_compiles() {
    Engine::new(Rule::builtin().to_vec()).unwrap().check_patterns().unwrap();
}

#[test]
fn every_rule_has_samples_that_hit_and_miss() {
    for rule in Rule::builtin() {
        assert!(rule.hits.len() >= 2, "{} has fewer than two samples that hit", rule.id);
        assert!(rule.misses.len() >= 2, "{} has fewer than two samples that miss", rule.id);
    }
}

#[test]
fn nothing_is_looked_for_twice() {
    for rule in Rule::builtin() {
        for words in [&rule.near, &rule.keywords] {
            let words: Vec<_> = words.iter().map(str::to_ascii_lowercase).collect();
            for (at, word) in words.iter().enumerate() {
                assert!(!words[..at].contains(word), "{} has {word:?} twice", rule.id);
            }
        }
    }
}

#[test]
fn every_rule_finds_its_own_samples() {
    // All rules at once: a sample that another rule takes is a conflict to settle in the rules.
    let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
    let mut wrong = Vec::new();
    for rule in Rule::builtin() {
        for shape in rule.hits.iter() {
            let missed = (0..DRAWS)
                .filter(|&seed| !engine.scan(&drawn(rule, &shape, seed)).iter().any(|m| m.rule().id == rule.id))
                .count();
            if missed > 0 {
                let by: Vec<_> = engine.scan(&drawn(rule, &shape, 0)).iter().map(|m| m.rule().id.to_string()).collect();
                wrong.push(format!("{}: '{shape}' missed in {missed} of {DRAWS} draws; seed 0 found {by:?}", rule.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_passes_by_its_misses() {
    let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
    let mut wrong = Vec::new();
    for rule in Rule::builtin() {
        for shape in rule.misses.iter() {
            let hit = (0..DRAWS)
                .filter(|&seed| engine.scan(&drawn(rule, &shape, seed)).iter().any(|m| m.rule().id == rule.id))
                .count();
            if hit > 0 {
                wrong.push(format!("{}: '{shape}' hit in {hit} of {DRAWS} draws", rule.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
