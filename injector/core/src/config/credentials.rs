//! Files that systemd gives to a service: a store may name them by the variable that says where they are, since that has
//! the unit's name in it. Nothing else in a configuration is a variable.

use std::path::Path;

use super::map::{Fault, Result};
use crate::yaml::{Kind, Node};

/// What stands before the name of a file.
const FOLDER: &str = "$CREDENTIALS_DIRECTORY/";

/// Puts the folder in the place of its variable, wherever a store of the document has it.
pub(super) fn place(document: &mut Node, folder: Option<&Path>) -> Result<()> {
    let Kind::Map(entries) = &mut document.kind else { return Ok(()) };
    entries.iter_mut().filter(|(key, _)| key.text == "stores").try_for_each(|(_, stores)| put(stores, folder))
}

fn put(node: &mut Node, folder: Option<&Path>) -> Result<()> {
    match &mut node.kind {
        Kind::Scalar { text, .. } => {
            let Some(name) = text.strip_prefix(FOLDER) else { return Ok(()) };
            let folder = folder.and_then(Path::to_str).ok_or_else(|| {
                Fault::new(node.line, "a credential of systemd is named, and CREDENTIALS_DIRECTORY is not set")
                    .hint("start the agent by systemd, with `LoadCredential=` in its unit")
            })?;
            *text = format!("{folder}/{name}");
            Ok(())
        }
        Kind::List(items) => items.iter_mut().try_for_each(|node| put(node, folder)),
        Kind::Map(entries) => entries.iter_mut().try_for_each(|(_, node)| put(node, folder)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Injection, Store, VaultAuth};
    use super::*;

    fn parse(secret_id: &str, folder: Option<&str>) -> std::result::Result<Injection, String> {
        let text = format!(
            "apiVersion: oakum.dev/v1
kind: Injection
stores:
  v: {{ vault: {{ address: 'https://v:8200', auth: {{ approle: {{ role_id: x, secret_id_file: {secret_id} }} }} }} }}
secrets: {{ a: 'v:secret/a' }}
files: {{ a: {{ template: '$CREDENTIALS_DIRECTORY/{{{{ .a.b }}}}' }} }}
"
        );
        let variable = |name: &str| folder.filter(|_| name == "CREDENTIALS_DIRECTORY").map(str::to_owned);
        Injection::parse_among(&text, "c", &variable).map_err(|error| error.to_string())
    }

    fn secret_id(injection: &Injection) -> &Path {
        match &injection.stores["v"] {
            Store::Vault(vault) => match &vault.auth {
                VaultAuth::AppRole { secret_id, .. } => secret_id,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_store_finds_what_systemd_gives() {
        let folder = Some("/run/credentials/a.service");
        let injection = parse("$CREDENTIALS_DIRECTORY/id", folder).unwrap();
        assert_eq!(secret_id(&injection), Path::new("/run/credentials/a.service/id"));
        assert_eq!(secret_id(&parse("/etc/id", folder).unwrap()), Path::new("/etc/id"));
        for elsewhere in ["$CREDENTIALS_DIRECTORY/../id", "$HOME/id", "$CREDENTIALS_DIRECTORY"] {
            assert!(parse(elsewhere, folder).is_err(), "{elsewhere}");
        }
    }

    #[test]
    fn without_systemd_it_is_said_what_is_missing() {
        let error = parse("$CREDENTIALS_DIRECTORY/id", None).unwrap_err();
        assert_eq!(error, "c:4: a credential of systemd is named, and CREDENTIALS_DIRECTORY is not set");
        assert!(parse("/etc/id", None).is_ok());
    }
}
