//! Pieces give what the whole gives, wherever the borders fall, and no input makes the engine panic.

use std::sync::LazyLock;

use oakum_patterns::sample::{Draw, draw};
use oakum_patterns::{Confidence, Cost, Engine, Rule};
use proptest::prelude::*;

/// Rules that a user might add, one for each way of looking.
const OWN: &str = r#"
service = "own"
rotate = "-"
rule = [
  { id = "own.prefix", name = "-", why = "-", severity = "low", pattern = 'ownp_[0-9a-z]{20}' },
  { id = "own.value", name = "-", why = "-", severity = "low", pattern = '[0-9a-f]{24}', near = ["ownvalue"] },
  { id = "own.far", name = "-", why = "-", severity = "low", pattern = '[0-9a-f]{24}', near = ["a_name_that_is_so_long_that_no_value_lane_would_look_so_far_back"] },
  { id = "own.keyword", name = "-", why = "-", severity = "low", pattern = 'own<[^>]{3,40}>', keywords = ["own<"] },
  { id = "own.short", name = "-", why = "-", severity = "low", pattern = 'q![0-9]{6}', keywords = ["q!"] },
  { id = "own.anywhere", name = "-", why = "-", severity = "low", pattern = '[A-Z]{3}:[0-9]{4}:[a-f]{2,900}', bounds = "none" },
  { id = "own.long", name = "-", why = "-", severity = "low", pattern = '[p-z]+[0-9]', bounds = "none", max = 50 },
]
"#;

fn rules() -> Vec<Rule> {
    let own = Rule::parse_file(OWN).expect("the rules are good");
    Rule::builtin().iter().cloned().chain(own).collect()
}

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(rules()).expect("the rules are good"));
static REFERENCE: LazyLock<Engine> = LazyLock::new(|| Engine::reference(rules()).expect("the rules are good"));

/// What a match says, with offsets in the whole text.
type Seen = (String, std::ops::Range<usize>, Option<std::ops::Range<usize>>, Confidence);

fn whole(text: &[u8]) -> Vec<Seen> {
    scanned(&ENGINE, text)
}

fn scanned(engine: &Engine, text: &[u8]) -> Vec<Seen> {
    engine.scan(text).iter().map(|m| (m.rule().id.to_string(), m.secret(), m.name(), m.confidence())).collect()
}

/// Feeds a text in pieces of the given sizes, over and over.
fn pieces(text: &[u8], sizes: &[usize]) -> Vec<Seen> {
    let mut stream = ENGINE.stream();
    let mut seen = Vec::new();
    let (mut from, mut to) = (0, 0);
    let mut sizes = sizes.iter().cycle();
    loop {
        to = text.len().min(to + sizes.next().unwrap_or(&1));
        let last = to == text.len();
        let dropped = stream.feed(&text[from..to], last, |m| {
            let at = |r: std::ops::Range<usize>| r.start + from..r.end + from;
            seen.push((m.rule().id.to_string(), at(m.secret()), m.name().map(at), m.confidence()));
        });
        if last {
            return seen;
        }
        assert!(to - from - dropped <= stream.most_kept() + to - from, "a stream keeps a bounded stretch");
        from += dropped;
    }
}

/// Texts full of samples, near-samples and what stands between them.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let rules = Rule::builtin();
    let sample = (0..rules.len(), any::<u64>(), any::<prop::sample::Index>()).prop_map(move |(rule, seed, which)| {
        let rule = &rules[rule];
        let shapes: Vec<_> = rule.hits.iter().chain(rule.misses.iter()).collect::<Vec<String>>();
        draw(which.get(&shapes[..]).as_ref(), &rule.checks, &mut Draw::new(seed)).expect("the samples are good")
    });
    let between = prop_oneof![
        3 => Just(b"\n".to_vec()),
        1 => Just(b" = \"".to_vec()),
        1 => Just(b"password".to_vec()),
        1 => Just(vec![b'a'; 700]),
        1 => Just(vec![b'\n'; 3000]),
        2 => prop::collection::vec(any::<u8>(), 0..40),
        2 => "(ownp_|ownValue: ?|own<|q!|[A-Z]{3}:|[p-z]{0,70})[0-9a-f]{0,30}(:[a-f]{0,30})?>?".prop_map(String::into_bytes),
    ];
    prop::collection::vec((sample, between), 0..12)
        .prop_map(|parts| parts.into_iter().flat_map(|(sample, between)| [sample, between].concat()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn pieces_give_what_the_whole_gives(text in text(), sizes in prop::collection::vec(1..5000usize, 1..6)) {
        prop_assert_eq!(pieces(&text, &sizes), whole(&text));
    }

    #[test]
    fn no_lane_misses_what_the_reference_finds(text in text()) {
        prop_assert_eq!(whole(&text), scanned(&REFERENCE, &text));
    }

    #[test]
    fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..3000)) {
        whole(&text);
    }
}

#[test]
fn a_border_at_every_byte_changes_nothing() {
    let mut text = Vec::new();
    for (seed, rule) in (1..).zip(Rule::builtin()) {
        // The long ones (key files) have their own borders in the property above.
        if rule.max.is_none() {
            text.extend(
                draw(&rule.hits.get(0).expect("a rule has samples"), &rule.checks, &mut Draw::new(seed))
                    .expect("the samples are good"),
            );
            text.push(b'\n');
        }
        if text.len() > 2000 {
            break;
        }
    }
    let expected = whole(&text);
    assert!(expected.len() > 5);
    for border in 0..text.len() {
        assert_eq!(pieces(&text, &[border.max(1), text.len()]), expected, "border at {border}");
    }
}

#[test]
fn matches_that_overlap_without_end_are_settled() {
    // A chain in which each match could overlap the next: the stream must not hold on to all of it.
    let text = format!("password=password={};password=", "Walnut!942").repeat(8000).into_bytes();
    assert_eq!(pieces(&text, &[100_000]), whole(&text));
}

#[test]
fn each_rule_is_looked_for_in_the_cheapest_way() {
    let costs =
        ["prefix", "value", "far", "keyword", "short", "anywhere", "long"].map(|id| ENGINE.cost(&format!("own.{id}")));
    let expected =
        [Cost::Prefix, Cost::Value, Cost::Keyword, Cost::Keyword, Cost::Automaton, Cost::Everywhere, Cost::Everywhere]
            .map(Some);
    assert_eq!(costs, expected);
    assert_eq!(ENGINE.cost("own.none"), None);
    // No rule of ours needs what costs every scan.
    let built_in = Engine::new(Rule::builtin().to_vec()).expect("the rules are good");
    let dear: Vec<_> = Rule::builtin().iter().filter(|r| built_in.cost(&r.id) > Some(Cost::Keyword)).collect();
    assert!(dear.is_empty(), "{dear:?}");

    let text = "ownp_k3x9q0w7z2m5v8b1n4c6, ownValue=7f3a9c1e5b8d2f604ac1b37e own<abc> q!123456 ABC:1234:cafe xyz1";
    let found: Vec<_> =
        whole(text.as_bytes()).into_iter().map(|seen| seen.0).filter(|id| id.starts_with("own")).collect();
    assert_eq!(found, ["own.prefix", "own.value", "own.keyword", "own.short", "own.anywhere", "own.long"]);
}

#[test]
fn a_rule_without_keywords_takes_no_more_than_its_bound_again_and_again() {
    // Every place could begin a match that is too long: seen from each of them, that would be a quadratic search.
    let text = vec![b'x'; 4 << 20];
    assert!(whole(&text).iter().all(|seen| seen.0 != "own.long"));
}
