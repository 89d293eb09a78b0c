//! Any rule file: it is refused with a line and a reason, or it loads and scans.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oakum_patterns::{Engine, Rule};

fuzz_target!(|text: &str| {
    let Ok(rules) = Rule::parse_file(text) else { return };
    let Ok(engine) = Engine::new(rules) else { return };
    if engine.check_patterns().is_ok() {
        // A rule's own text is the likeliest to hold what it looks for.
        let _ = engine.scan(text.as_bytes());
    }
});
