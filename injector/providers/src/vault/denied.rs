//! What is said when we may not do something, or cannot say who we are: in the words of whoever writes the policy.

use oakum_inject::config::{Literal, VaultAuth};
use oakum_inject::{Class, ProviderError};

use super::Vault;
use crate::answer::quote;

/// How errors begin that say which path was read.
pub(super) const READING: &str = "cannot read ";

impl Vault {
    /// Says of a refusal to read a path who may not.
    pub(super) fn denied(&self, mut error: ProviderError, path: &str) -> ProviderError {
        if error.class == Class::Refused && error.status == Some(403) {
            error.what = format!("{READING}{path}: 403: {} may not read it: {}", self.who(), error.what);
        }
        error
    }

    /// Names us as Vault does.
    fn who(&self) -> String {
        match &self.auth {
            VaultAuth::Kubernetes { role, .. } | VaultAuth::Jwt { role, .. } | VaultAuth::Aws { role, .. } => {
                format!("role {role}")
            }
            VaultAuth::TokenFile(path) => format!("the token in {}", path.display()),
            _ => match &self.state().role {
                Some(role) => format!("role {}", quote(role, &[])),
                None => "our role".to_owned(),
            },
        }
    }

    /// Says what to do where a credential could not be read.
    pub(super) fn without_credential(&self, error: ProviderError) -> ProviderError {
        if error.class != Class::Misconfigured || error.hint.is_some() {
            return error;
        }
        match &self.auth {
            VaultAuth::AppRole { role_id: Literal::File(_), .. } => {
                error.hint("put the id of the role and its secret id where `role_id_file` and `secret_id_file` say")
            }
            VaultAuth::AppRole { .. } => error.hint("put a secret id of the role where `secret_id_file` says"),
            VaultAuth::Kubernetes { .. } => error.hint(
                "mount a projected token of the service account there, for the audience that the role names, \
                 or say in `token` where one is",
            ),
            VaultAuth::Jwt { .. } => error.hint("say in `token` where the token lies"),
            VaultAuth::TokenFile(_) => error.hint("`token_file` must have been written by something else before"),
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::sync::mpsc::Receiver;

    use oakum_inject::SecretProvider as _;
    use oakum_inject::provider::{Manner, Want};

    use super::super::tests::{file, store};
    use super::*;
    use crate::scripted::scripted;

    const DENIED: &str = r#"403 {"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#;

    fn kubernetes(token: &Path) -> VaultAuth {
        VaultAuth::Kubernetes { mount: "kubernetes".to_owned(), role: "web".to_owned(), token: token.to_owned() }
    }

    fn approle(secret_id: &Path) -> VaultAuth {
        let role_id = Literal::Here("id".to_owned());
        VaultAuth::AppRole {
            mount: "approle".to_owned(),
            role_id,
            secret_id: secret_id.to_owned(),
            wrapped: None,
            remove: false,
        }
    }

    async fn open(auth: VaultAuth, answers: Vec<&'static str>) -> (Vault, Receiver<String>) {
        let (address, asked) = scripted(answers).await;
        let vault = Vault::open(&store(address, auth));
        (vault.unwrap(), asked)
    }

    #[tokio::test]
    async fn a_refusal_says_which_path_which_status_and_who() {
        let file = file("proof");
        let kv = r#"200 {"data":{"path":"secret/","type":"kv","options":{"version":"2"}}}"#;
        for (auth, granted, who) in [
            (kubernetes(file.path()), r#"200 {"auth":{"client_token":"t-1"}}"#, "role web"),
            (
                approle(file.path()),
                r#"200 {"auth":{"client_token":"t-1","metadata":{"role_name":"shop"}}}"#,
                "role shop",
            ),
            (approle(file.path()), r#"200 {"auth":{"client_token":"t-1","metadata":null}}"#, "our role"),
            (approle(file.path()), r#"200 {"auth":{"client_token":"t-1","metadata":{"role_name":7}}}"#, "our role"),
        ] {
            let (vault, _asked) = open(auth, vec![granted, kv, DENIED]).await;
            vault.login().await.unwrap();
            let want = Want {
                path: "secret/web".to_owned(),
                pinned: None,
                stage: None,
                known: None,
                with: BTreeMap::new(),
                manner: Manner::default(),
            };
            let error = vault.fetch(&want).await.unwrap_err();
            let begins = format!("cannot read secret/data/web: 403: {who} may not read it: http://127.0.0.1:");
            assert!(error.what.starts_with(&begins), "{error}");
            assert_eq!(error.hint.as_deref(), Some("let a policy of the role read secret/data/web"));
        }
    }

    #[tokio::test]
    async fn a_credential_that_is_not_there_is_told_with_the_way_out() {
        let nowhere = Path::new("/nonexistent/credential");
        for (auth, hint) in [
            (kubernetes(nowhere), "mount a projected token"),
            (approle(nowhere), "put a secret id of the role where `secret_id_file` says"),
            (VaultAuth::TokenFile(nowhere.to_owned()), "`token_file` must have been written"),
        ] {
            let error = open(auth, Vec::new()).await.0.login().await.unwrap_err();
            assert!(error.what.starts_with("cannot log in: cannot read /nonexistent/credential: "), "{error}");
            assert!(error.hint.as_deref().is_some_and(|said| said.starts_with(hint)), "{error:?}");
        }
    }
}
