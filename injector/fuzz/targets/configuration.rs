//! Any configuration: it is refused with a reason, or written as JSON it is the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oakum_inject::Injection;

const HEAD: &str = "apiVersion: oakum.dev/v1\nkind: Injection\n";

fuzz_target!(|text: &str| {
    for text in [text.to_owned(), format!("{HEAD}{text}")] {
        let Ok(injection) = Injection::parse(&text, "c") else { continue };
        let back = Injection::parse(&injection.to_json().to_string(), "c");
        assert_eq!(back.expect("what was written is read"), injection);
    }
});
