//! Where secrets come from. A provider is one file (or folder) and one feature.
//!
//! A provider makes the calls that it is asked to make, and classifies what comes back by what one can do about it. It
//! never waits before trying again (the agent's state machine decides that), never logs, and never puts a value, a
//! token or a credential into an error.

#[cfg(feature = "http")]
mod answer;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "http")]
mod credential;
#[cfg(feature = "http")]
pub mod date;
#[cfg(feature = "file")]
pub mod file;
mod fingerprint;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "http")]
mod idle;
#[cfg(feature = "vault")]
mod keep;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
pub mod memory;
#[cfg(test)]
#[cfg(feature = "http")]
mod scripted;
#[cfg(feature = "http")]
mod stream;
#[cfg(feature = "http")]
mod tls;
#[cfg(feature = "vault")]
pub mod vault;

use oakum_inject::config::Store;
use oakum_inject::{Class, ProviderError, SecretProvider};

/// Opens the provider that a store of the configuration asks for. Nothing is sent yet.
///
/// # Errors
/// [`Class::Misconfigured`] when a file that the store names cannot be used, or the provider is not built in.
pub fn open(store: &Store) -> Result<Box<dyn SecretProvider>, ProviderError> {
    match store {
        #[cfg(feature = "vault")]
        Store::Vault(spec) => Ok(Box::new(vault::Vault::open(spec)?)),
        #[cfg(feature = "file")]
        Store::File(spec) => Ok(Box::new(file::Files::new(spec))),
        #[cfg(feature = "aws")]
        Store::Aws(spec) => Ok(Box::new(aws::Aws::open(spec)?)),
        #[cfg(feature = "kubernetes")]
        Store::Kubernetes(spec) => Ok(Box::new(kubernetes::Kubernetes::open(spec)?)),
        #[allow(unreachable_patterns, reason = "stores of features that are off, and of later versions")]
        _ => Err(ProviderError::new(Class::Misconfigured, "this program was built without that kind of store")),
    }
}
