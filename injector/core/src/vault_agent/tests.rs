//! Configurations in both forms, what they ask for, and what each mistake says.

mod counterpart;
mod errors;
mod pairs;
mod store;
mod warnings;

use super::*;

/// A login for configurations that are about something else, in both forms.
const HCL_LOGIN: &str = "auto_auth {\n  method \"kubernetes\" {\n    config = { role = \"web\" }\n  }\n}\n";
const JSON_LOGIN: &str = r#""auto_auth": {"method": {"type": "kubernetes", "config": {"role": "web"}}}"#;
/// An address, for those that say none.
const ADDRESS: &str = "https://vault.example.com:8200";

fn environment(name: &str) -> Option<String> {
    (name == "VAULT_ADDR").then(|| ADDRESS.to_owned())
}

/// Reads HCL, with a login in front if it has none.
fn hcl(text: &str) -> Result<VaultAgentConfig, ConfigError> {
    let login = if text.contains("auto_auth {") { "" } else { HCL_LOGIN };
    VaultAgentConfig::parse(&format!("{text}\n{login}"), "agent.hcl")
}

/// Reads the inside of a JSON object in the same way.
fn json(text: &str) -> Result<VaultAgentConfig, ConfigError> {
    let (comma, login) = match (text.contains("\"auto_auth\""), text.is_empty()) {
        (true, _) => ("", ""),
        (false, true) => ("", JSON_LOGIN),
        (false, false) => (",", JSON_LOGIN),
    };
    VaultAgentConfig::parse(&format!("{{{text}{comma}{login}}}"), "agent.json")
}

/// Says what a configuration asks for, with the lines taken off its warnings: they differ between the forms.
fn asked(config: Result<VaultAgentConfig, ConfigError>) -> Translation {
    let config = config.unwrap_or_else(|error| panic!("{error}"));
    let mut translation = config.translate(environment).unwrap_or_else(|error| panic!("{error}"));
    translation.warnings.iter_mut().for_each(|warning| warning.line = None);
    translation.warnings.sort_by(|a, b| a.what.cmp(&b.what));
    translation
}

/// Reads a configuration in both forms, which must ask for the same.
fn same(in_hcl: &str, in_json: &str) -> Translation {
    let translation = asked(hcl(in_hcl));
    assert_eq!(translation, asked(json(in_json)), "{in_hcl}");
    translation
}

/// The same, for those that lose nothing on the way.
fn same_in_full(in_hcl: &str, in_json: &str) -> Translation {
    let translation = same(in_hcl, in_json);
    assert_eq!(translation.warnings, [], "{in_hcl}");
    translation
}
