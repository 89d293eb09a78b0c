//! Credentials that lie in files. They are read at each use, since they rotate.

use std::path::Path;

use oakum_inject::{Class, ProviderError, Secret};

use crate::file::{failure, read_capped};

/// The most that a credential may hold: a service account's token has a few thousand bytes.
const MAX_CREDENTIAL: u64 = 64 << 10;

/// Reads a credential, without the end of its line.
pub(crate) fn credential(path: &Path) -> Result<Secret, ProviderError> {
    let secret = read_capped(path, MAX_CREDENTIAL).map_err(|error| {
        let mut failure = failure(path, &error);
        failure.class = Class::Misconfigured;
        failure
    })?;
    let secret = secret.trimmed_end();
    if secret.is_empty() {
        return Err(ProviderError::new(Class::Misconfigured, format!("{} is empty", path.display())));
    }
    Ok(secret)
}

/// Takes a credential for the text that it must be.
pub(crate) fn text<'s>(secret: &'s Secret, path: &Path) -> Result<&'s str, ProviderError> {
    secret
        .expose_str()
        .ok_or_else(|| ProviderError::new(Class::Misconfigured, format!("{} does not hold text", path.display())))
}
