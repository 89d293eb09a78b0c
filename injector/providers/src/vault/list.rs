//! The names below a path, as `secrets` of a template wants them. What is not there is an empty list, as for Vault Agent.

use oakum_inject::format::WHOLE;
use oakum_inject::provider::{Term, Want};
use oakum_inject::{Class, Fetched, Field, Fields, ProviderError, Secret};
use serde::Deserialize;

use super::Vault;
use super::endpoint::Get;
use super::kv::{Engine, Mount, found};
use super::reply::{Envelope, Nonsense};
use crate::answer::object;

impl Vault {
    /// Lists the names below a path.
    pub(super) async fn list(&self, want: &Want, token: &Secret) -> Result<Fetched, ProviderError> {
        let path = listed(&self.mount(&want.path, token).await?, &want.path);
        // Names are no secrets of their own: whoever may ask for a version sees as much.
        let reply = self.run_over_open(&Get { path: &format!("{path}?list=true") }, token).await?;
        let names = if (200..300).contains(&reply.status) {
            self.parse(names(reply.body.expose()))?
        } else {
            let error = self.refusal(&reply, &[token]);
            match error.class {
                Class::Missing => Vec::new(),
                Class::Refused => {
                    let error = self.denied(error, &path);
                    return Err(error.hint(format!("let a policy of the role list {path}")));
                }
                _ => return Err(error),
            }
        };
        let json = Secret::from(serde_json::Value::from(names).to_string());
        let fields: Fields = [(WHOLE.to_owned(), Field::Json(json))].into_iter().collect();
        found(want, &[], fields, Term::Open)
    }
}

/// The path that a list is read from: version 2 of the key-value engine has its names under `metadata/`.
fn listed(mount: &Mount, path: &str) -> String {
    let Mount { path: mount, engine } = mount;
    let rest = path.strip_prefix(mount.as_str()).unwrap_or_default().trim_start_matches('/');
    match engine {
        Engine::V2 if rest == "metadata" || rest.starts_with("metadata/") => path.to_owned(),
        Engine::V2 if rest.is_empty() => format!("{mount}/metadata"),
        Engine::V2 => format!("{mount}/metadata/{rest}"),
        _ => path.to_owned(),
    }
}

#[derive(Deserialize)]
struct Keys {
    #[serde(default)]
    keys: Vec<String>,
}

/// Reads the names of an answer, sorted.
///
/// # Errors
/// Says what is wrong with the answer.
pub fn names(body: &[u8]) -> Result<Vec<String>, Nonsense> {
    let Some(data) = Envelope::parse(body)?.data else { return Ok(Vec::new()) };
    let Keys { mut keys } = object(data.get().as_bytes())?;
    keys.sort_unstable();
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use oakum_inject::SecretProvider as _;
    use oakum_inject::config::VaultAuth;
    use oakum_inject::provider::Manner;

    use super::super::tests::{file, store};
    use super::*;
    use crate::scripted::scripted;

    #[test]
    fn names_lie_under_metadata_where_the_engine_has_versions() {
        let of = |engine, path| listed(&Mount { path: "kv/a".to_owned(), engine }, path);
        for (path, listed) in [
            ("kv/a", "kv/a/metadata"),
            ("kv/a/x", "kv/a/metadata/x"),
            ("kv/a/metadata", "kv/a/metadata"),
            ("kv/a/metadata/x", "kv/a/metadata/x"),
            ("kv/a/metadatas", "kv/a/metadata/metadatas"),
        ] {
            assert_eq!(of(Engine::V2, path), listed);
            assert_eq!((of(Engine::V1, path).as_str(), of(Engine::Other, path).as_str()), (path, path));
        }
        assert_eq!(names(br#"{"data":{"keys":["b","a/","a"]}}"#).unwrap(), ["a", "a/", "b"]);
        assert_eq!(names(br#"{"data":null}"#).unwrap(), [""; 0]);
        assert!(names(br#"{"data":{"keys":[1]}}"#).is_err() && names(b"<html>").is_err());
    }

    #[tokio::test]
    async fn a_list_is_known_again_and_what_is_not_there_has_no_names() {
        let kv = r#"200 {"data":{"path":"secret/","type":"kv","options":{"version":"2"}}}"#;
        let list = r#"200 {"data":{"keys":["b","a"]}}"#;
        let none = r#"404 {"errors":[]}"#;
        let denied = r#"403 {"errors":["permission denied"]}"#;
        let (address, asked) = scripted(vec![r#"200 {"data":{"ttl":0}}"#, kv, list, list, none, denied]).await;
        let token = file("t-1");
        let vault = Vault::open(&store(address, VaultAuth::TokenFile(token.path().to_owned()))).unwrap();
        vault.login().await.unwrap();
        let mut want = Want {
            path: "secret/app".to_owned(),
            pinned: None,
            stage: None,
            known: None,
            with: std::collections::BTreeMap::new(),
            manner: Manner::List,
        };
        let Fetched::Changed { fields, version, term } = vault.fetch(&want).await.unwrap() else { panic!("a list") };
        assert_eq!(fields.get(WHOLE).unwrap().bytes().expose_str(), Some(r#"["a","b"]"#));
        assert_eq!(term, Term::Open);
        want.known = Some(version);
        assert!(matches!(vault.fetch(&want).await.unwrap(), Fetched::Unchanged));
        let Fetched::Changed { fields, .. } = vault.fetch(&want).await.unwrap() else { panic!("another list") };
        assert_eq!(fields.get(WHOLE).unwrap().bytes().expose_str(), Some("[]"));
        let error = vault.fetch(&want).await.unwrap_err();
        assert!(error.what.starts_with("cannot read secret/metadata/app: 403: "), "{error}");
        assert_eq!(error.hint.as_deref(), Some("let a policy of the role list secret/metadata/app"));
        let asked: Vec<String> = asked.try_iter().collect();
        assert!(asked.iter().any(|request| request.contains("/v1/secret/metadata/app?list=true")), "{asked:?}");
    }
}
