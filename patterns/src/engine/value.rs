//! What the value lane knows of every value that it finds: near its beginning stands a run of token bytes that a machine
//! made.

use super::masks::is_token;

/// How many token bytes a run has at least: of random keys so long, three in a hundred have no digit, and of those most
/// have the cases.
pub(super) const RUN: usize = 20;
/// How far into a value its run may begin.
const LATEST: usize = 32;
/// How many bytes of the run tell whether a machine made it.
const SAMPLE: usize = 64;

/// Whether a run has a digit, or cases that change as often as chance has it: what a person writes there
/// (`some_function_name`, `someFunctionName`) has neither, and of random keys of twenty characters one in two hundred.
pub(super) fn machine_made(run: &[u8]) -> bool {
    let humps = run.windows(2).filter(|two| two[0].is_ascii_lowercase() && two[1].is_ascii_uppercase()).count();
    run.iter().any(u8::is_ascii_digit) || humps * 6 > run.len()
}

/// Whether a value has such a run near its beginning. The value lane finds no other.
pub(super) fn has_key(value: &[u8]) -> bool {
    let mut at = 0;
    while at <= LATEST && at < value.len() {
        let length = value[at..].iter().take_while(|b| is_token(**b)).count();
        if length >= RUN && machine_made(&value[at..at + length.min(SAMPLE)]) {
            return true;
        }
        at += length + 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_names() {
        for value in
            ["0123456789abcdefghij", "aBcDefGhIjkLmNopQrsT", "x=1!0a1b2c3d4e5f6a7b8c9d", "-abcdefghijklmnopqr1"]
        {
            assert!(has_key(value.as_bytes()), "{value}");
        }
        for value in [
            "some_function_name_of",
            "someFunctionNameThere",
            "AN_UPPER_CASE_NAME_TOO",
            "short1",
            "one two3 four five six",
            "",
        ] {
            assert!(!has_key(value.as_bytes()), "{value}");
        }
        let late = format!("{}{}", "! ".repeat(20), "0123456789abcdef");
        assert!(!has_key(late.as_bytes()));
    }
}
