//! How a configuration points at a secret (`STORE:PATH?version=N#FIELD`, or `?stage=NAME`) and at a field of one
//! (`SECRET#FIELD`).

use std::fmt;

/// A name of the user's own for a store or a secret: letters, digits, `.`, `_` and `-`, at most 40 bytes, beginning and
/// ending with a letter or digit, so that it fits into the name of an annotation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// Parses a name.
    ///
    /// # Errors
    /// Says which rule above the text breaks.
    pub fn parse(text: &str) -> Result<Self, String> {
        let alphanumeric = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        if text.is_empty() || text.len() > 40 {
            return Err(format!("the name `{}` must have 1 to 40 characters", shorten(text)));
        }
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')) {
            return Err(format!("the name `{}` may hold only letters, digits, `.`, `_` and `-`", shorten(text)));
        }
        if !alphanumeric(text.bytes().next()) || !alphanumeric(text.bytes().last()) {
            return Err(format!("the name `{text}` must begin and end with a letter or digit"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Gives the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A secret in a store: `vault:secret/web?version=3#password`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The store's name.
    pub store: Name,
    /// The path within it: elements parted by `/`, none of them empty, `.` or `..`.
    pub path: String,
    /// One field, where not all are wanted.
    pub field: Option<String>,
    /// A version that is to stay, where not the newest is wanted.
    pub version: Option<u64>,
    /// A label that the store moves from version to version, where not its usual one is wanted. Never with `version`.
    pub stage: Option<String>,
}

impl Reference {
    /// Parses `STORE:PATH`, then `?version=N` or `?stage=NAME`, then `#FIELD`.
    ///
    /// # Errors
    /// Says what is missing or out of place, with a hint behind it where there is one.
    pub fn parse(text: &str) -> Result<Self, (String, Option<String>)> {
        let plain = |what: String| (what, None);
        let Some((store, rest)) = text.split_once(':') else {
            return Err((
                format!("`{}` names no store", shorten(text)),
                Some("write it as STORE:PATH, such as vault:secret/web".to_owned()),
            ));
        };
        let store = Name::parse(store).map_err(plain)?;
        let (rest, field) = match rest.split_once('#') {
            Some((_, field)) if field.contains('?') => {
                return Err((
                    format!("`{}` has its version behind its field", shorten(text)),
                    Some("write it as STORE:PATH?version=N#FIELD".to_owned()),
                ));
            }
            Some((rest, field)) => (rest, Some(parse_field(field).map_err(plain)?)),
            None => (rest, None),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let (version, stage) = match query.map(|query| (query, query.strip_prefix("stage="))) {
            None => (None, None),
            Some((_, Some(stage))) => (None, Some(parse_stage(stage).map_err(plain)?)),
            Some((query, None)) => (Some(parse_version(query).map_err(plain)?), None),
        };
        Ok(Self { store, path: parse_path(path).map_err(plain)?, field, version, stage })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.store, self.path)?;
        if let Some(version) = self.version {
            write!(f, "?version={version}")?;
        } else if let Some(stage) = &self.stage {
            write!(f, "?stage={stage}")?;
        }
        if let Some(field) = &self.field {
            write!(f, "#{field}")?;
        }
        Ok(())
    }
}

/// A field of a secret of this configuration: `db#password`, or `db` where the secret has one field only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueRef {
    /// The secret's name.
    pub secret: Name,
    /// The field, or none for the only one.
    pub field: Option<String>,
}

impl ValueRef {
    /// Parses `SECRET#FIELD` or `SECRET`.
    ///
    /// # Errors
    /// Says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (secret, field) = match text.split_once('#') {
            Some((secret, field)) => (secret, Some(parse_field(field)?)),
            None => (text, None),
        };
        Ok(Self { secret: Name::parse(secret)?, field })
    }
}

impl fmt::Display for ValueRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{}#{field}", self.secret),
            None => write!(f, "{}", self.secret),
        }
    }
}

fn parse_field(field: &str) -> Result<String, String> {
    if field.is_empty() || field.contains('#') || field.chars().any(char::is_control) {
        return Err(format!("`#{}` does not name a field", shorten(field)));
    }
    Ok(field.to_owned())
}

fn parse_version(query: &str) -> Result<u64, String> {
    query
        .strip_prefix("version=")
        .and_then(|number| number.parse().ok())
        .filter(|number| *number > 0)
        .ok_or_else(|| format!("`?{}` is not ?version=N with N from 1", shorten(query)))
}

fn parse_stage(stage: &str) -> Result<String, String> {
    let fine = !stage.is_empty()
        && stage.len() <= 256
        && stage.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte));
    if fine { Ok(stage.to_owned()) } else { Err(format!("`?stage={}` does not name a stage", shorten(stage))) }
}

fn parse_path(path: &str) -> Result<String, String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.is_empty() {
        return Err("the path of the secret is empty".to_owned());
    }
    if path.chars().any(char::is_control) {
        return Err("the path of the secret holds a control character".to_owned());
    }
    if path.split('/').any(|element| matches!(element, "" | "." | "..")) {
        return Err(format!("the path `{}` has an element that is empty, `.` or `..`", shorten(path)));
    }
    Ok(path.to_owned())
}

/// Cuts what a message quotes: somebody may have put the secret itself where its path belongs, and the terminal is not
/// ours to fill.
pub(crate) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_all_parts() {
        let reference = Reference::parse("vault:secret/web?version=3#db.password").unwrap();
        assert_eq!(reference.store.as_str(), "vault");
        assert_eq!(reference.path, "secret/web");
        assert_eq!(reference.version, Some(3));
        assert_eq!(reference.field.as_deref(), Some("db.password"));
        let reference = Reference::parse("cloud:secretsmanager/web?stage=AWSPREVIOUS#a").unwrap();
        assert_eq!((reference.stage.as_deref(), reference.version), (Some("AWSPREVIOUS"), None));
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, part) in [
            ("secret/web", "names no store"),
            (":secret", "1 to 40"),
            ("v:", "empty"),
            ("v:a//b", "empty"),
            ("v:a/../b", "`..`"),
            ("v:a?version=0", "version"),
            ("v:a?latest", "version"),
            ("v:a?stage=", "stage"),
            ("v:a?stage=a b", "stage"),
            ("v:a#", "field"),
            ("v:a#f?version=1", "behind"),
            ("-v:a", "begin and end"),
        ] {
            let (what, _) = Reference::parse(text).unwrap_err();
            assert!(what.contains(part), "{text}: {what}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(text in "[a-z]{1,4}:[a-z0-9/_ %-]{1,12}(\\?(version=[1-9][0-9]{0,3}|stage=[A-Z]{1,3}))?(#[a-z.é]{1,5})?") {
            if let Ok(reference) = Reference::parse(&text) {
                prop_assert_eq!(Reference::parse(&reference.to_string()).unwrap(), reference);
            }
        }

        #[test]
        fn never_panics(text in "\\PC{0,60}") {
            let _ = Reference::parse(&text);
            let _ = ValueRef::parse(&text);
        }
    }
}
