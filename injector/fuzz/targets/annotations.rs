//! Any annotations of a pod: they are refused with a reason, or become an injection that can be written back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oakum_inject::annotations::{from_annotations, to_annotations};

fuzz_target!(|pairs: Vec<(&str, &str)>| {
    let named: Vec<(String, &str)> = pairs.iter().map(|(key, value)| (format!("oakum.dev/{key}"), *value)).collect();
    let all = named.iter().map(|(key, value)| (key.as_str(), *value)).chain([("oakum.dev/inject", "true")]);
    let Ok(Some(injection)) = from_annotations(all) else { return };
    let written = to_annotations(&injection);
    let back = from_annotations(written.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    assert_eq!(back.expect("what was written is read"), Some(injection));
});
