//! Secrets that tests plant, and the search for any trace of them. They are made at run time from their shapes; none
//! is written down.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A planted secret: what only its name marks as one.
#[derive(Clone)]
pub struct Planted(String);

impl std::fmt::Debug for Planted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Planted({} bytes)", self.0.len())
    }
}

impl Planted {
    /// One that no other test has.
    #[must_use]
    pub fn password() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut state = u64::from(now) << 32 | u64::from(std::process::id()) << 8 | count;
        let mut text = String::from("Pl!");
        for _ in 0..20 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push(char::from(
                b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"[(state >> 33) as usize % 56],
            ));
        }
        Self(text + "+/7")
    }

    /// One that somebody else made, such as a token of Vault.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// It and its forms in base64 (at each of three offsets), hex and percent-encoding.
    #[must_use]
    pub fn forms(&self) -> Vec<Vec<u8>> {
        let bytes = self.0.as_bytes();
        let hex = |upper: bool| {
            bytes.iter().map(|b| if upper { format!("{b:02X}") } else { format!("{b:02x}") }).collect::<String>()
        };
        let percent: String = bytes
            .iter()
            .map(|&b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect();
        let mut forms = vec![bytes.to_vec(), hex(false).into_bytes(), hex(true).into_bytes(), percent.into_bytes()];
        for offset in 0..3 {
            // The letters that depend on the secret alone, whatever stands before and after it.
            let skip = (3 - offset) % 3;
            let whole = (bytes.len() - skip) / 3 * 3;
            forms.push(base64(&bytes[skip..skip + whole]).into_bytes());
        }
        forms
    }

    /// The first form that is in `text`, if any.
    #[must_use]
    pub fn trace_in(&self, text: &[u8]) -> Option<String> {
        self.forms()
            .into_iter()
            .find(|form| contains(text, form))
            .map(|form| format!("a trace of {} bytes", form.len()))
    }
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    places(text, needle).next().is_some()
}

/// Where some bytes are, each place once. By their first byte, since what is searched may be all memory of a process.
pub fn places<'t>(text: &'t [u8], needle: &'t [u8]) -> impl Iterator<Item = usize> + 't {
    let first = needle[0];
    let firsts = text.iter().enumerate().filter(move |(_, byte)| **byte == first);
    firsts.map(|(at, _)| at).filter(move |at| text[*at..].starts_with(needle))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks_exact(3)
        .flat_map(|c| {
            let n = u32::from(c[0]) << 16 | u32::from(c[1]) << 8 | u32::from(c[2]);
            [18, 12, 6, 0].map(|shift| char::from(LETTERS[(n >> shift & 63) as usize]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_found_in_every_form() {
        let secret = Planted::password();
        for form in secret.forms() {
            let text = [b"some text ".as_slice(), &form, b" more"].concat();
            assert!(secret.trace_in(&text).is_some());
        }
        for before in ["", "a", "ab", "abc"] {
            let mut text = format!("{before}{}zz", secret.text()).into_bytes();
            text.truncate(text.len() / 3 * 3);
            assert!(secret.trace_in(base64(&text).as_bytes()).is_some());
        }
        assert_eq!(secret.trace_in(b"nothing of it"), None);
    }
}
