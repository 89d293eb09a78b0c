//! What a pod asks for: stores, secrets, files and formats; and how anything that holds secrets is spoken to.
//!
//! Nothing here does I/O, reads a clock or draws a random number: bytes, time and chance are arguments. That keeps the
//! parsers fit for fuzzing, and lets the webhook use the same [`Injection`] as the agent without being able to link a
//! secret provider.
//!
//! ```
//! let text = "
//! apiVersion: oakum.dev/v1
//! kind: Injection
//! stores: { vault: { vault: { address: https://vault.example.com:8200, auth: { token_file: /run/token } } } }
//! volume: { path: /run/secrets/oakum }
//! secrets: { db: 'vault:secret/web' }
//! files: { password: { value: 'db#password' } }
//! ";
//! let injection = oakum_inject::Injection::parse(text, "example.yaml")?;
//! assert_eq!(injection.files.len(), 1);
//! # Ok::<(), oakum_inject::ConfigError>(())
//! ```

pub mod annotations;
pub mod config;
pub mod format;
pub mod hcl;
pub mod provider;
mod quoting;
pub mod reference;
pub mod secret;
pub mod template;
pub mod vault_agent;
pub mod yaml;

pub use config::{ConfigError, Injection};
pub use provider::{Alarm, Class, Fetched, ProviderError, SecretProvider, Version};
pub use reference::{Reference, ValueRef};
pub use secret::{Field, Fields, Secret};
