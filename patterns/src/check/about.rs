//! What a credential says of itself to whoever has to find out whose it is and whether it still counts. Nothing of it can be
//! used to sign in.

use super::{aws, jwt, key_store, macaroon, private_key, readable};
use crate::calendar::civil;
use crate::rule::{Check, Rule};

/// What may be told of a secret that a rule found: a key's kind and size, an account's number. None where it tells nothing.
///
/// What comes out of the secret itself is text of strangers: whoever shows it clears and escapes it.
///
/// ```
/// use oakum_patterns::{Rule, check::about};
/// let rule = Rule::builtin().iter().find(|rule| rule.id == "aws.access-key-id").unwrap();
/// let id = format!("ASIA{}", "QAAAAAAA".repeat(2));
/// assert_eq!(about(rule, id.as_bytes()).as_deref(), Some("account 000000000001"));
/// ```
#[must_use]
pub fn about(rule: &Rule, secret: &[u8]) -> Option<String> {
    let said = rule.checks.iter().find_map(|check| match check {
        Check::PrivateKey => private_key(secret).map(|key| key.to_string()),
        Check::AwsKeyId => aws::account(secret).map(|account| format!("account {account:012}")),
        Check::Macaroon => macaroon::about(secret),
        Check::KeyStore => key_store(secret).map(|store| store.to_string()),
        Check::Base64Json => readable::about_json(secret),
        Check::Discord => readable::about_discord(secret),
        _ => None,
    });
    // Such a token tells of itself whichever rule it is found by.
    said.or_else(|| secret.starts_with(b"eyJ").then(|| jwt::about(secret)).flatten())
}

/// Text of a secret that may be told: of the signs that names, addresses and numbers are made of, and no longer than they are.
pub(super) fn plain(text: &[u8], most: usize) -> Option<String> {
    let usual = |b: &u8| b.is_ascii_alphanumeric() || b"-._:/@".contains(b);
    let fits = (1..=most).contains(&text.len()) && text.iter().all(usual);
    fits.then(|| String::from_utf8_lossy(text).into_owned())
}

/// The day of a time in seconds since 1970, or milliseconds where seconds would be far off; none beyond the year 9999.
pub(super) fn date(time: f64) -> Option<String> {
    // 1973 in milliseconds, 5138 in seconds.
    let seconds = if time > 1e11 { time / 1000.0 } else { time };
    if !(0.0..253_402_300_800.0).contains(&seconds) {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "of the range above")]
    let days = (seconds / 86_400.0) as u64;
    let (year, month, day) = civil(days);
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        for (time, day) in [
            (0.0, "1970-01-01"),
            (951_782_400.0, "2000-02-29"),
            (1_614_864_000.0, "2021-03-04"),
            (1_735_689_599.9, "2024-12-31"),
            (1_735_689_600.0, "2025-01-01"),
            (1_735_689_600_000.0, "2025-01-01"),
        ] {
            assert_eq!(date(time).as_deref(), Some(day));
        }
        for time in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(date(time), None);
        }
    }
}
