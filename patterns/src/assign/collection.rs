//! Reads what a name in the plural stands for at once: `PASSWORDS = ["…", "…"]`, `tokens := map[string]string{"a": "…"}`,
//! `users = [("root", "…")]`, `passwords:⏎  - …`, `[users]⏎anna = …`.

mod block;
mod brackets;

use std::ops::Range;

use super::{NAME_REACH, is_name};

/// The most values that are read of one; what has more is a list of words.
pub(super) const MOST: usize = 48;
/// How far from its name a collection is read.
const REACH: usize = super::REACH - NAME_REACH;
/// How far behind its name one begins.
const OPENS: usize = 72;

/// What a collection has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// Users and their passwords.
    Accounts,
    /// Passwords, tokens or keys, whatever they are called.
    Secrets,
}

/// The values that a name stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Collection {
    pub(crate) name: Range<usize>,
    pub(crate) of: Of,
    pub(crate) values: Vec<Value>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    /// What it is called, where it is called anything.
    pub(crate) key: Option<Range<usize>>,
    pub(crate) value: Range<usize>,
    pub(crate) quote: Option<u8>,
}

/// Reads the collection whose name holds the keyword at `at`.
pub(crate) fn collection(text: &[u8], at: &Range<usize>) -> Option<Collection> {
    // A keyword may have with it what stands around the name: `users = `, `[users]`.
    let keyword = &text[at.start..at.end];
    let begin = keyword.iter().take_while(|b| !b.is_ascii_alphabetic()).count();
    let length = keyword[begin..].iter().take_while(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-')).count();
    let word = at.start + begin + length;
    let plural = |end: usize| matches!(text.get(end.wrapping_sub(1)), Some(b's' | b'S'));
    // `password` of `passwords`, `users` of `users = {`.
    let end = if word == at.end && plural(word + 1) { word + 1 } else { word };
    if !plural(end) || text.get(end).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let low = at.start.saturating_sub(NAME_REACH);
    let start = end - text[low..end].iter().rev().take_while(|b| is_name(**b)).count();
    let start = start + text[start..end].iter().take_while(|b| matches!(b, b'-' | b'.' | b'$')).count();
    let name = start..end;
    let of = kind(&text[name.clone()])?;
    let high = text.len().min(at.start + REACH);
    let values = brackets::put(text, end, high)
        .or_else(|| {
            brackets::opened(text, end, end.saturating_add(OPENS).min(high))
                .map(|from| brackets::values(text, from, high, of))
        })
        .or_else(|| block::values(text, &name, high))?;
    let other_fields =
        || of == Of::Accounts && values.iter().filter_map(|one| one.key.clone()).any(|key| is_field(&text[key]));
    let is_one = !values.is_empty() && values.len() <= MOST && !is_of_others(&text[name.clone()]) && !other_fields();
    is_one.then_some(Collection { name, of, values })
}

/// What a name in the plural is of.
fn kind(name: &[u8]) -> Option<Of> {
    const ACCOUNTS: [&[u8]; 5] = [b"users", b"accounts", b"logins", b"creds", b"credentials"];
    const SECRETS: [&[u8]; 8] =
        [b"passwords", b"passwds", b"passphrases", b"passwoerter", b"pwds", b"tokens", b"secrets", b"keys"];
    let ends = |word: &&[u8]| name.len() >= word.len() && name[name.len() - word.len()..].eq_ignore_ascii_case(word);
    if ACCOUNTS.iter().any(ends) { Some(Of::Accounts) } else { SECRETS.iter().any(ends).then_some(Of::Secrets) }
}

/// Whether a name is of words that somebody may not choose, or of what no one signs in with.
fn is_of_others(name: &[u8]) -> bool {
    const OTHERS: [&[u8]; 14] = [
        b"common",
        b"weak",
        b"bad",
        b"invalid",
        b"wrong",
        b"forbidden",
        b"black",
        b"top",
        b"worst",
        b"public",
        b"hash",
        b"special",
        b"banned",
        b"sensitive",
    ];
    OTHERS.iter().any(|word| name.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word)))
}

/// What the fields of one user are called: then it is no map of users to their passwords.
fn is_field(key: &[u8]) -> bool {
    const FIELDS: [&[u8]; 32] = [
        b"name",
        b"username",
        b"email",
        b"mail",
        b"role",
        b"roles",
        b"id",
        b"type",
        b"title",
        b"url",
        b"path",
        b"host",
        b"port",
        b"label",
        b"group",
        b"version",
        b"image",
        b"description",
        b"login",
        b"user",
        b"table",
        b"model",
        b"endpoint",
        b"key",
        b"kind",
        b"class",
        b"count",
        b"total",
        b"default",
        b"icon",
        b"text",
        b"file",
    ];
    FIELDS.iter().any(|field| key.eq_ignore_ascii_case(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<&str> {
        let word = ["passwords", "Passwords", "PASSWORDS", "tokens", "users", "USERS"].into_iter();
        let at = word.filter_map(|word| Some((text.find(word)?, word.len()))).min().unwrap();
        let got = collection(text.as_bytes(), &(at.0..at.0 + at.1));
        got.map_or(Vec::new(), |got| got.values.into_iter().map(|one| &text[one.value]).collect())
    }

    #[test]
    fn lists_are_read() {
        for text in [
            "PASSWORDS = [\"walnut9\", 'harbor8']",
            "passwords = (\n    \"walnut9\",  # of anna\n    \"harbor8\",\n)",
            "static const char *passwords[] = { \"walnut9\", \"harbor8\", NULL };",
            "const PASSWORDS: &[&str] = &[\"walnut9\", \"harbor8\"];",
            "val passwords = listOf(\"walnut9\", \"harbor8\")",
            "List<String> passwords = List.of(\"walnut9\", \"harbor8\");",
            "NSArray *passwords = @[@\"walnut9\", @\"harbor8\"];",
            "Passwords: array[0..1] of string = ('walnut9', 'harbor8');",
            "PASSWORDS=(\"walnut9\" \"harbor8\")",
            "my @passwords = qw(walnut9 harbor8);",
            "PASSWORDS = %w[walnut9 harbor8]",
            "std::vector<std::string> passwords{\"walnut9\", \"harbor8\"};",
            "\"passwords\": [\n  \"walnut9\",\n  \"harbor8\"\n]",
            "passwords:\n- walnut9\n- harbor8\n",
            "passwords:\n  - walnut9\n  - \"harbor8\"\nother:\n  - x\n",
        ] {
            assert_eq!(read(text), ["walnut9", "harbor8"], "{text}");
        }
    }

    #[test]
    fn maps_are_read() {
        for text in [
            "users = {\"anna\": \"walnut9\", 'bob': 'harbor8'}",
            "var users = map[string]string{\n\t\"anna\": \"walnut9\",\n\t\"bob\":  \"harbor8\",\n}",
            "const users = { anna: 'walnut9', bob: 'harbor8' };",
            "$users = array('anna' => 'walnut9', 'bob' => 'harbor8');",
            "Map<String, String> users = Map.of(\"anna\", \"walnut9\", \"bob\", \"harbor8\");",
            "var users = new Dictionary<string, string> { { \"anna\", \"walnut9\" }, { \"bob\", \"harbor8\" } };",
            "var users = new Dictionary<string, string> { [\"anna\"] = \"walnut9\", [\"bob\"] = \"harbor8\" };",
            "val users = mapOf(\"anna\" to \"walnut9\", \"bob\" to \"harbor8\")",
            "let users = HashMap::from([(\"anna\", \"walnut9\"), (\"bob\", \"harbor8\")]);",
            "(def users {\"anna\" \"walnut9\" \"bob\" \"harbor8\"})",
            "users <- list(anna = \"walnut9\", bob = \"harbor8\")",
            "declare -A USERS=( [anna]=\"walnut9\" [bob]=\"harbor8\" )",
            "users = [\n    (\"anna\", \"walnut9\"),\n    (\"bob\", \"harbor8\"),\n]",
            "@users %{\"anna\" => \"walnut9\", \"bob\" => \"harbor8\"}",
            "static struct user users[] = { { \"anna\", \"walnut9\" }, { \"bob\", \"harbor8\" } };",
            "[users]\nanna = walnut9, admin\nbob = \"harbor8\"\n\n[roles]\nx = y\n",
            "mysql_users:\n  anna: walnut9\n  bob: harbor8\n",
        ] {
            assert_eq!(read(text), ["walnut9", "harbor8"], "{text}");
        }
        assert_eq!(read("users.put(\"anna\", \"walnut9\");"), ["walnut9"]);
    }

    #[test]
    fn what_is_no_collection_is_not_read() {
        for text in [
            "users = [\"walnut9\", \"harbor8\"]",
            "users = { name: \"walnut9\", role: \"harbor8\" }",
            "users = load(\"walnut9\", [\"harbor8\"])",
            "common_passwords = [\"walnut9\", \"harbor8\"]",
            "fn passwords() { a(\"walnut9\"); }",
            "if users == {\"anna\": \"walnut9\"}",
            "passwords = [\"walnut9",
            "users: [{ \"name\": \"walnut9\" }]",
            "passwordsAll = [\"walnut9\"]",
            "users",
            "users = {",
        ] {
            assert_eq!(read(text), [""; 0], "{text}");
        }
        let long = format!("passwords = [{}]", "\"walnut9\", ".repeat(MOST + 1));
        assert_eq!(read(&long), [""; 0]);
    }
}
