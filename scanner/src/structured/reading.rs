//! What reading a file gathers: the credentials in it and, for those that the engine found already, the way to them.

use std::borrow::Cow;
use std::ops::Range;

use oakum_patterns::check::{is_placeholder, judge_setting, refers};
use oakum_patterns::{Confidence, Engine, Rule};

use super::drawn::Drawn;
use super::meaning::{self, tells};
use super::value::{Kind, Path, Scalar, Value, walk};

/// The most credentials that are taken from one file.
const MOST: usize = 10_000;
/// The shortest value that is a key, where the name says no more than that.
const SHORTEST_KEY: usize = 24;
/// The longest value that is one.
pub(super) const LONGEST: usize = 16 * 1024;

/// A credential that reading found. Its secret is gone as soon as the scan has made a finding of it.
pub(crate) struct Found<'e> {
    pub(crate) rule: &'e Rule,
    pub(crate) confidence: Confidence,
    /// The secret, as it is used: decoded.
    pub(crate) secret: Vec<u8>,
    /// How many first bytes of it are its format's prefix.
    pub(crate) public: usize,
    /// Where in the file it stands.
    pub(crate) range: Range<usize>,
    /// The way to it.
    pub(crate) key: String,
    /// Who says so.
    pub(crate) by: By,
}

/// What reading a file gave.
pub(crate) struct Read<'e> {
    /// The credentials in it, in order.
    pub(crate) found: Vec<Found<'e>>,
    /// For each place where the engine found one, the way to it.
    pub(crate) keys: Vec<Option<String>>,
    /// Whether there are more than are taken.
    pub(crate) cut: bool,
}

/// Who says that a value is a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// A rule that matched its text.
    Pattern,
    /// The format, of which it is the place of a credential.
    Format,
    /// Its name alone.
    Name,
}

/// A file that is being read.
pub(crate) struct Reading<'r, 'e> {
    pub(super) engine: &'e Engine,
    pub(crate) text: &'r [u8],
    /// Where the engine found something, in order.
    plain: &'r [Range<usize>],
    /// For each of these, the way to it.
    pub(super) keys: Vec<Option<String>>,
    pub(super) found: Vec<Found<'e>>,
    /// Whether there are more than are taken.
    pub(super) cut: bool,
    /// Names and values for the engine to look at.
    pub(super) drawn: Drawn<'r>,
}

impl<'r, 'e> Reading<'r, 'e> {
    pub(crate) fn new(engine: &'e Engine, text: &'r [u8], plain: &'r [Range<usize>]) -> Self {
        let keys = vec![None; plain.len()];
        Self { engine, text, plain, keys, found: Vec::new(), cut: false, drawn: Drawn::default() }
    }

    /// Takes a value that the format says is a credential, unless it is nobody's.
    pub(crate) fn credential(&mut self, rule: &str, confidence: Confidence, path: &Path<'_>, scalar: &Scalar<'r>) {
        self.names(path, scalar);
        let Some(rule) = self.rule(rule).filter(|_| is_somebodys(scalar)) else { return };
        self.take(rule, confidence, By::Format, path, scalar);
        self.draw(path, scalar);
    }

    /// Takes all of a content as a credential.
    pub(crate) fn whole(&mut self, rule: &str, confidence: Confidence, key: &str) {
        let Some(rule) = self.rule(rule) else { return };
        let (secret, range, key) = (self.text.to_vec(), 0..self.text.len(), key.to_owned());
        self.add(Found { rule, confidence, secret, public: 0, range, key, by: By::Format });
    }

    /// The rule of this name.
    pub(super) fn rule(&self, id: &str) -> Option<&'e Rule> {
        self.engine.rules().find(|rule| rule.id == id)
    }

    /// Takes a value as a credential.
    pub(super) fn take(
        &mut self,
        rule: &'e Rule,
        confidence: Confidence,
        by: By,
        path: &Path<'_>,
        scalar: &Scalar<'r>,
    ) {
        let (secret, range, key) = (scalar.text.to_vec(), scalar.range.clone(), path.to_string());
        self.add(Found { rule, confidence, secret, public: 0, range, key, by });
    }

    /// Adds a credential, if there is room for one more.
    pub(super) fn add(&mut self, found: Found<'e>) {
        if self.found.len() < MOST {
            self.found.push(found);
        } else {
            self.cut = true;
        }
    }

    /// Goes through all of a value that no format knows more of: what has a telling name, or was found already.
    pub(crate) fn named(&mut self, value: &Value<'r>, path: &mut Path<'_>) {
        // A path borrows from the value, which this one outlives.
        let mut path = path.clone();
        walk(value, &mut path, &mut |path, scalar, within| self.leaf(path, scalar, within));
    }

    /// One value with a name. `within` is the map that it stands in.
    pub(crate) fn leaf(&mut self, path: &Path<'_>, scalar: &Scalar<'r>, within: Option<&Value<'r>>) {
        self.names(path, scalar);
        if scalar.text.len() < 4 || scalar.text.len() > LONGEST || scalar.kind == Kind::Tagged {
            return;
        }
        // A block of YAML ends in a line end that is none of the value.
        let block = matches!(scalar.text.last(), Some(b'\n'));
        let scalar = &*if block { Cow::Owned(scalar.trimmed()) } else { Cow::Borrowed(scalar) };
        let name = &*meaning::name(path);
        let telling = tells(name);
        if scalar.is_decoded() || telling {
            self.draw(path, scalar);
        }
        if !telling || !is_somebodys(scalar) || is_named_like_it(&scalar.text) {
            return;
        }
        // A word counts as a password where the record says where one signs in with it.
        let (own, outer) = path.last_keys();
        let full: Cow<'_, [u8]> = match within {
            Some(record) if own == name && is_login(record, name) => [outer, b".", name].concat().into(),
            _ => name.into(),
        };
        let Some(confidence) = judge_setting(&full, &scalar.text) else { return };
        // What is only called a key, of whatever, has to look like one.
        let any = |rule: &&Rule| rule.near.iter().all(|word| word != "key") || scalar.text.len() >= SHORTEST_KEY;
        let Some(rule) = self.rule_of_name(name).filter(any) else { return };
        self.take(rule, confidence, By::Name, path, scalar);
    }

    /// Notes the way to what the engine found within a value.
    pub(crate) fn names(&mut self, path: &Path<'_>, scalar: &Scalar<'_>) {
        let from = self.plain.partition_point(|plain| plain.end <= scalar.range.start);
        for (at, plain) in self.plain.iter().enumerate().skip(from) {
            if plain.start >= scalar.range.end {
                break;
            }
            // The narrowest value that holds it is the last that is told.
            if plain.start >= scalar.range.start && plain.end <= scalar.range.end + 1 {
                self.keys[at] = Some(path.to_string());
            }
        }
    }

    /// The generic rule of a name: the first that is near such a one.
    fn rule_of_name(&self, name: &[u8]) -> Option<&'e Rule> {
        let name = format!("\"{}\"", String::from_utf8_lossy(name).to_ascii_lowercase());
        let rules = self.engine.rules().filter(|r| r.is_generic());
        let mut near = rules.filter(|r| r.near.iter().any(|word| name.contains(word)));
        near.next()
    }
}

/// Whether a value is somebody's credential, as far as it can be told by itself: no reference, hole, mask or example.
pub(crate) fn is_somebodys(scalar: &Scalar<'_>) -> bool {
    let value = scalar.text.trim_ascii();
    let starts = [
        b"ENC[".as_slice(),
        b"vault:",
        b"op://",
        b"arn:",
        b"ssm:",
        b"AQICAH",
        b"$ANSIBLE_VAULT",
        b"{{",
        b"$(",
        b"-----BEGIN AGE",
        b"-----BEGIN PGP MESSAGE",
        b"-----BEGIN CERT",
        b"-----BEGIN PUBLIC",
        b"secretsmanager:",
        b"env:",
        b"ref+",
    ];
    (3..=LONGEST).contains(&value.len())
        && scalar.kind != Kind::Tagged
        && !starts.iter().any(|start| value.starts_with(start))
        && !refers(value)
        && !is_placeholder(value)
        && value.iter().all(|b| *b >= b' ' || matches!(b, b'\n' | b'\r' | b'\t'))
}

/// `Passwort`, `Mot de passe`, `PasswordField`: the word for a password in some language, as a form shows it.
fn is_named_like_it(value: &[u8]) -> bool {
    let words =
        [b"passwor".as_slice(), b"kennwort", b"passe", b"contrase", b"senha", b"wachtwoord", b"parola", b"haslo"];
    let begins = |word: &&[u8]| value.len() >= word.len() && value[..word.len()].eq_ignore_ascii_case(word);
    words.iter().any(begins) && !value.iter().any(u8::is_ascii_digit)
}

/// Whether a record tells where its password signs in: beside it stand a user and a host, or a URL or port.
fn is_login(record: &Value<'_>, name: &[u8]) -> bool {
    let mut seen = 0;
    for (key, value) in record.entries().iter().take(64) {
        let Some(scalar) = value.scalar().filter(|_| *key.text != *name) else { continue };
        let key: Vec<u8> = key.text.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect();
        let ends = |words: &[&str]| words.iter().any(|word| key.ends_with(word.as_bytes()));
        let text = &*scalar.text;
        let word = !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || b"_.@-".contains(b));
        let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        let place = ends(&["url", "uri", "jdbcurl"]) && memchr::memmem::find(text, b":").is_some();
        if place || (ends(&["port"]) && digits) {
            seen += 2;
        } else if word
            && (ends(&["host", "hostname", "server", "address", "database", "dbname", "driver", "driverclassname"])
                || (ends(&["user", "username", "login"]) && !text[0].is_ascii_uppercase()))
        {
            seen += 1;
        }
    }
    seen >= 2
}
