//! Any HCL or JSON: it is refused with a reason, or says what is to be done in place of Vault Agent.

#![no_main]

use std::io;
use std::path::{Path, PathBuf};

use libfuzzer_sys::fuzz_target;
use oakum_inject::vault_agent::{Around, VaultAgentConfig};

/// A machine with nothing on it.
struct Nowhere;

impl Around for Nowhere {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn read(&self, _: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn program(&self, _: &str) -> Option<PathBuf> {
        None
    }
}

const LOGIN: &str = "auto_auth {\n method \"kubernetes\" {\n config = { role = \"web\" }\n }\n}\n";

fuzz_target!(|text: &str| {
    let _ = VaultAgentConfig::is_meant(text);
    for text in [text.to_owned(), format!("{LOGIN}{text}")] {
        if let Ok(config) = VaultAgentConfig::parse(&text, "agent.hcl") {
            let _ = config.counterpart(&Nowhere);
        }
    }
});
