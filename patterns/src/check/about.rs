//! What a credential says of itself to whoever has to find out whose it is and whether it still counts. Nothing of it can be
//! used to sign in.

use super::{aws, private_key};
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
    rule.checks.iter().find_map(|check| match check {
        Check::PrivateKey => private_key(secret).map(|key| key.to_string()),
        Check::AwsKeyId => aws::account(secret).map(|account| format!("account {account:012}")),
        _ => None,
    })
}
