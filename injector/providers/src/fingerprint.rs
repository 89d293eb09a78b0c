//! Tells two values of a secret apart without keeping either: HMAC-SHA-256 under a key that is drawn when the process
//! begins. It is not stored, so that a hash says nothing to whoever comes by it later.

use std::sync::OnceLock;

use oakum_inject::{Fields, ProviderError, Version};
use ring::{hmac, rand};

static KEY: OnceLock<hmac::Key> = OnceLock::new();

/// Hashes what a store calls a version, where that is a text.
#[cfg(feature = "aws")]
pub(crate) fn of_id(id: &str) -> Result<Version, ProviderError> {
    let mut context = context()?;
    context.update(id.as_bytes());
    Ok(digest(context))
}

/// Hashes names and values, each with its length in front, so that no two secrets give the same bytes.
pub(crate) fn of(fields: &Fields) -> Result<Version, ProviderError> {
    let mut context = context()?;
    for (name, field) in fields.iter() {
        for part in [name.as_bytes(), field.bytes().expose()] {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        context.update(&[u8::from(matches!(field, oakum_inject::Field::Json(_)))]);
    }
    Ok(digest(context))
}

fn context() -> Result<hmac::Context, ProviderError> {
    let key = match KEY.get() {
        Some(key) => key,
        None => {
            let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new()).map_err(|_| {
                ProviderError::new(oakum_inject::Class::Unreachable, "the system gives no random numbers")
            })?;
            KEY.get_or_init(|| key)
        }
    };
    Ok(hmac::Context::with_key(key))
}

fn digest(context: hmac::Context) -> Version {
    let mut digest = [0; 32];
    digest.copy_from_slice(context.sign().as_ref());
    Version::Digest(digest)
}

#[cfg(test)]
mod tests {
    use oakum_inject::{Field, Secret};

    use super::*;

    fn version(fields: &[(&str, &str)]) -> Version {
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Field::Text(Secret::from((*value).to_owned()))))
            .collect();
        of(&fields).unwrap()
    }

    #[test]
    fn tells_values_apart_wherever_their_border_is() {
        assert_eq!(version(&[("a", "1")]), version(&[("a", "1")]));
        assert_ne!(version(&[("a", "1")]), version(&[("a", "2")]));
        assert_ne!(version(&[("a", "12"), ("b", "")]), version(&[("a", "1"), ("b", "2")]));
        assert_ne!(version(&[("ab", "c")]), version(&[("a", "bc")]));
    }
}
