//! The real servers that tests talk to: started on loopback, in a folder of their own, ended by their own process id.
//! `tests/servers/ensure` gets the programs, and names each in a variable.

pub mod aws;
pub mod containerd;
pub mod faults;
pub mod http;
pub mod kubernetes;
mod process;
pub mod redis;
pub mod registry;
mod tls;
pub mod vault;

pub use process::{Process, free_port};
pub use tls::Authority;

use std::path::PathBuf;

use anyhow::Context as _;

/// The program that a variable names.
///
/// # Errors
/// When the variable is not set: `tests/run` sets all of them.
pub fn program(variable: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os(variable).with_context(|| {
        format!("{variable} names no program; run tests/run, or first: eval \"$(tests/servers/ensure)\"")
    })?;
    Ok(path.into())
}
