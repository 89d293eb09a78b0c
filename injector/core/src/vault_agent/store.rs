//! From Vault Agent's server and login to a store of our own configuration.
//!
//! Where our agent would do less than was asked, it is a warning; where it could not log in, or would trust a server that
//! nobody vouched for, it is an error.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{AwsProof, Ca, Login, Method, Sink, Translation, VaultServer, Warning};
use crate::config::{
    AwsCredentials, ClientCert, ConfigError, Literal, Removal, Scheme, Store, TokenFile, VaultAuth, VaultStore,
    Wrapping,
};

/// A store, and what will not be as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The store.
    pub store: Store,
    /// What is different, in plain words.
    pub warnings: Vec<Warning>,
}

impl Translation {
    /// Makes a store of the server and the login; `source` names the configuration in errors.
    ///
    /// # Errors
    /// Says what has no counterpart and cannot be left out, with the way out.
    pub fn store(&self, source: &str) -> Result<Stored, ConfigError> {
        let mut making = Making { source, warnings: Vec::new() };
        let store = making.store(&self.vault, &self.login, &self.sinks)?;
        Ok(Stored { store: Store::Vault(store), warnings: making.warnings })
    }
}

/// Gathers warnings while a store is made.
struct Making<'s> {
    source: &'s str,
    warnings: Vec<Warning>,
}

impl Making<'_> {
    fn warn(&mut self, what: impl Into<String>) {
        self.warnings.push(Warning { line: None, what: what.into() });
    }

    fn error(&self, what: impl Into<String>, hint: &str) -> ConfigError {
        ConfigError { source_name: self.source.to_owned(), line: None, what: what.into(), hint: Some(hint.to_owned()) }
    }

    fn store(&mut self, server: &VaultServer, login: &Login, sinks: &[Sink]) -> Result<VaultStore, ConfigError> {
        let VaultServer { address, namespace, ca, client: _, server_name, tls_skip_verify } = server;
        if *tls_skip_verify && address.scheme == Scheme::Https {
            return Err(self.error(
                "`tls_skip_verify` has no counterpart: a server is never taken unseen",
                "name the file of the authority's certificate as `ca_cert`",
            ));
        }
        let mut ca = match ca {
            None => None,
            Some(Ca::File(path)) => Some(self.absolute("ca_cert", path)?),
            Some(Ca::Pem(_)) => {
                return Err(self.error(
                    "certificates in VAULT_CACERT_BYTES have no counterpart",
                    "put them into a file, and name that in VAULT_CACERT",
                ));
            }
        };
        let client = self.shown(server, &login.method, &mut ca)?;
        if login.namespace.is_some() && login.namespace != *namespace {
            return Err(self.error(
                "the login is in another namespace than the block `vault`",
                "let both name the namespace of the login, and begin paths of secrets with the rest",
            ));
        }
        let auth = self.auth(login)?;
        if matches!(auth, VaultAuth::Cert { .. }) && client.is_none() {
            return Err(self.error("the method `cert` needs TLS", "let the address begin with https://"));
        }
        let (address, namespace, server_name) = (address.clone(), namespace.clone(), server_name.clone());
        let write_token = self.sinks(sinks)?;
        Ok(VaultStore {
            address,
            namespace,
            ca,
            client,
            server_name,
            keep_token: None,
            keep_unwrapped: None,
            write_token,
            auth,
        })
    }

    /// Finds the certificate that is shown. What only the login was to show or to trust holds for every connection here.
    fn shown(
        &mut self,
        server: &VaultServer,
        method: &Method,
        ca: &mut Option<PathBuf>,
    ) -> Result<Option<ClientCert>, ConfigError> {
        let mut client = server.client.clone();
        if let Method::Cert { ca_cert, client_cert, client_key, .. } = method {
            if let (Some(cert), Some(key)) = (client_cert, client_key) {
                let own = ClientCert { cert: cert.clone(), key: key.clone() };
                if client.as_ref() != Some(&own) {
                    self.warn(
                        "the certificate of the method `cert` is shown on every connection, not at the login only",
                    );
                }
                client = Some(own);
            }
            if let Some(path) = ca_cert {
                let path = self.absolute("ca_cert", path)?;
                match &*ca {
                    None => {
                        self.warn("the `ca_cert` of the method `cert` is trusted for every connection");
                        *ca = Some(path);
                    }
                    Some(ca) if *ca != path => {
                        return Err(self.error(
                            "the method `cert` trusts another `ca_cert` than the block `vault`",
                            "put both certificates into one file, and name that in `vault`",
                        ));
                    }
                    Some(_) => {}
                }
            }
            if client.is_none() {
                return Err(self.error(
                    "the method `cert` has no certificate to log in with",
                    "give `client_cert` and `client_key`, there or in the block `vault`",
                ));
            }
        }
        if let Some(ClientCert { cert, key }) = &client {
            self.absolute("client_cert", cert)?;
            self.absolute("client_key", key)?;
            if server.address.scheme == Scheme::Http {
                self.warn("the client certificate is not shown: the address begins with http://");
                client = None;
            }
        }
        Ok(client)
    }

    fn auth(&mut self, login: &Login) -> Result<VaultAuth, ConfigError> {
        let Login { method, mount, namespace: _, wrap_ttl, min_backoff, max_backoff, exit_on_err } = login;
        if wrap_ttl.is_some() {
            self.warn("`wrap_ttl` of the method has no counterpart: the token goes to the agent alone, and by TLS");
        }
        if (*min_backoff, *max_backoff) != (Duration::from_secs(1), Duration::from_secs(300)) {
            self.warn("`min_backoff` and `max_backoff` have no counterpart: logins are tried again by our own rules");
        }
        if *exit_on_err {
            self.warn("`exit_on_err` has no counterpart: a login that fails is tried again, and files stay");
        }
        let mount = mount.clone();
        Ok(match method {
            Method::Kubernetes { role, token_path } => {
                VaultAuth::Kubernetes { mount, role: role.clone(), token: self.absolute("token_path", token_path)? }
            }
            Method::AppRole {
                role_id_file_path,
                secret_id_file_path,
                secret_id_response_wrapping_path,
                remove_secret_id_file_after_reading,
            } => {
                let Some(secret_id) = secret_id_file_path else {
                    return Err(self.error(
                        "a role without a secret id cannot log in",
                        "give `secret_id_file_path`, and let the role want it (`bind_secret_id`)",
                    ));
                };
                let secret_id = self.absolute("secret_id_file_path", secret_id)?;
                let wrapped = secret_id_response_wrapping_path
                    .as_ref()
                    .map(|path| Wrapping { creation_path: Some(path.trim_matches('/').to_owned()), keep: None });
                let remove = *remove_secret_id_file_after_reading && wrapped.is_none();
                let role_id = Literal::File(self.absolute("role_id_file_path", role_id_file_path)?);
                VaultAuth::AppRole { mount, role_id, secret_id, wrapped, remove }
            }
            Method::Jwt { path, role, remove_jwt_after_reading, remove_jwt_follows_symlinks } => {
                let remove = match (*remove_jwt_after_reading, *remove_jwt_follows_symlinks) {
                    (false, _) => Removal::Never,
                    (true, false) => Removal::File,
                    (true, true) => Removal::Target,
                };
                VaultAuth::Jwt { mount, role: role.clone(), token: self.absolute("path", path)?, remove }
            }
            Method::Cert { name, .. } => VaultAuth::Cert { mount, name: name.clone() },
            Method::TokenFile { token_file_path } => {
                VaultAuth::TokenFile(self.absolute("token_file_path", token_file_path)?)
            }
            Method::Aws { role, proof: AwsProof::Iam { region, header_value } } => {
                if let Some(Err(what)) = region.as_deref().map(crate::config::aws::region) {
                    return Err(self.error(what, "`region` is lower-case letters, digits and `-`"));
                }
                let (role, region, header) = (role.clone(), region.clone(), header_value.clone());
                VaultAuth::Aws { mount, role, credentials: AwsCredentials::Chain, region, header }
            }
            Method::Aws { proof: AwsProof::Ec2 { .. }, .. } => {
                return Err(self.error(
                    "the type `ec2` of the method `aws` has no counterpart",
                    "use the type `iam`: let a role of Vault be bound to the role of the instance",
                ));
            }
        })
    }

    /// Takes over the files that the token is written to.
    fn sinks(&self, sinks: &[Sink]) -> Result<Vec<TokenFile>, ConfigError> {
        let file = |Sink { path, mode, uid, gid, wrap_ttl }: &Sink| {
            // Vault counts whole seconds, and none at all would not be wrapped.
            let wrap = wrap_ttl.filter(|ttl| !ttl.is_zero()).map(|ttl| ttl.max(Duration::from_secs(1)));
            Ok(TokenFile { path: self.absolute("path", path)?, mode: *mode, user: *uid, group: *gid, wrap })
        };
        sinks.iter().map(file).collect()
    }

    fn absolute(&self, key: &str, path: &Path) -> Result<PathBuf, ConfigError> {
        if path.is_absolute() && !path.components().any(|part| part == std::path::Component::ParentDir) {
            return Ok(path.to_owned());
        }
        Err(self.error(format!("`{key}` must be an absolute path without `..`"), "begin it with `/`"))
    }
}
