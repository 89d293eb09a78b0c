//! What the value lane knows of every value that it finds: it begins with a run of token bytes that a machine made.

use crate::assign::is_name;

use super::masks::is_token;

/// How many token bytes a run has at least: of random keys so long, three in a hundred have no digit, and of those most
/// have the cases.
pub(super) const RUN: usize = 20;
/// How many bytes of the run tell whether a machine made it.
const SAMPLE: usize = 64;

/// Whether a run has a digit, or cases that change as often as chance has it: what a person writes there
/// (`some_function_name`, `someFunctionName`) has neither, and of random keys of twenty characters one in two hundred.
pub(super) fn machine_made(run: &[u8]) -> bool {
    let humps = run.windows(2).filter(|two| two[0].is_ascii_lowercase() && two[1].is_ascii_uppercase()).count();
    run.iter().any(u8::is_ascii_digit) || humps * 6 > run.len()
}

/// Whether a value begins with such a run.
pub(super) fn is_key(value: &[u8]) -> bool {
    let run = value.iter().take(SAMPLE).take_while(|b| is_token(**b)).count();
    run >= RUN && machine_made(&value[..run])
}

/// Whether a value can begin behind this: behind a quote, behind an operator and blanks, or behind blanks and an option's
/// name or `ENV NAME`. In `${NAME-value}` the value begins within the run.
pub(super) fn can_follow(before: &[u8]) -> bool {
    match before.last() {
        Some(b'"' | b'\'' | b'`' | b'=' | b':' | b'>' | b'~' | b'{') => true,
        Some(b' ' | b'\t') => {
            let bare = |text: &[u8]| text.iter().rev().take_while(|b| matches!(b, b' ' | b'\t')).count();
            let before = &before[..before.len() - bare(before)];
            let name = before.iter().rev().take_while(|b| is_name(**b)).count();
            let (rest, name) = before.split_at(before.len() - name);
            match (before.last(), name) {
                (Some(b'=' | b':' | b'>' | b'~'), _) | (_, [b'-', ..]) => true,
                (_, [_, ..]) => {
                    rest.len() >= 4 && rest[rest.len() - 4..].eq_ignore_ascii_case(b"ENV ")
                        || rest.len() >= 4 && rest[rest.len() - 4..].eq_ignore_ascii_case(b"ARG ")
                }
                _ => false,
            }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_names() {
        for value in ["0123456789abcdefghij", "aBcDefGhIjkLmNopQrsT", "-abcdefghijklmnopqr1!"] {
            assert!(is_key(value.as_bytes()), "{value}");
        }
        for value in [
            "some_function_name_of",
            "someFunctionNameThere",
            "AN_UPPER_CASE_NAME_TOO",
            "short1",
            "! 0123456789abcdefghij",
            "",
        ] {
            assert!(!is_key(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn values_follow_operators() {
        for before in
            ["a=", "a: ", "a\": \"", "a = b'", "--key  ", "x -k ", "ENV KEY ", "arg key\t", "a >\t", "${", "f(\""]
        {
            assert!(can_follow(before.as_bytes()), "{before}");
        }
        for before in ["", "\n", "  ", "a ", "some words ", "f(a, ", "f(", "*", "a\n  "] {
            assert!(!can_follow(before.as_bytes()), "{before}");
        }
    }
}
