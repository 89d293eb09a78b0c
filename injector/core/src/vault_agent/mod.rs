//! The configuration of HashiCorp's Vault Agent, HCL or JSON, as what our own agent must do, and as one of our own.
//!
//! Reading never ignores: a key that does not exist is an error with the key that was meant, and a key that has no
//! counterpart here becomes a [`Warning`] that says so in plain words. Where going on without a key would leave less
//! protected than was asked for (an encrypted sink), it is an error.
//!
//! No secret stands in such a configuration; the few keys where one could (`access_key` of AWS) are refused.
//! Facts: <https://developer.hashicorp.com/vault/docs/agent-and-proxy/agent>.
//!
//! ```
//! use oakum_inject::vault_agent::VaultAgentConfig;
//!
//! let text = r#"
//!     vault { address = "https://vault.example.com:8200" }
//!     auto_auth { method "kubernetes" { config = { role = "web" } } }
//!     template { destination = "/vault/secrets/db", contents = "{{ with secret \"secret/db\" }}{{ .Data }}{{ end }}" }
//! "#;
//! let config = VaultAgentConfig::parse(text, "agent.hcl")?;
//! let todo = config.translate(|_| None)?;
//! assert_eq!(todo.login.mount, "kubernetes");
//! assert!(todo.warnings.is_empty());
//! # Ok::<(), oakum_inject::ConfigError>(())
//! ```

mod auto_auth;
mod command;
mod counterpart;
mod read;
mod store;
mod template;
mod translate;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use crate::config::{Address, ConfigError, EnvName, LogFormat, Mode};

pub use crate::config::ClientCert;
pub use counterpart::{Around, Counterpart};
pub use store::Stored;
pub use translate::{Ca, Translation, VaultServer};

/// What a configuration says, key by key, with the defaults of Vault Agent where it says nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct VaultAgentConfig {
    /// The file, or the variable, that it stands in; for messages.
    pub source: String,
    /// The block `vault`.
    pub vault: VaultBlock,
    /// The block `auto_auth`: its method.
    pub login: Login,
    /// The block `auto_auth`: its sinks.
    pub sinks: Vec<Sink>,
    /// The blocks `template`.
    pub templates: Vec<Template>,
    /// The blocks `env_template`; each name comes once.
    pub env_templates: Vec<EnvTemplate>,
    /// The block `exec`; always there when there are `env_template`s.
    pub exec: Option<Exec>,
    /// The block `template_config`.
    pub template_config: TemplateConfig,
    /// Whether the agent ends once everything is rendered.
    pub exit_after_auth: bool,
    /// Where the number of the process is written.
    pub pid_file: Option<PathBuf>,
    /// How much is logged.
    pub log_level: LogLevel,
    /// How logs are written.
    pub log_format: LogFormat,
    /// What has no counterpart, in the order of lines.
    pub warnings: Vec<Warning>,
}

impl VaultAgentConfig {
    /// Parses a configuration, JSON if it begins with `{` and HCL if not; `source` names it in errors.
    ///
    /// # Errors
    /// Says the line, what is wrong there and, where it is known, the way out.
    pub fn parse(text: &str, source: &str) -> Result<Self, ConfigError> {
        read::config(text, source)
    }

    /// Says what our agent must do for this configuration. `lookup` finds variables of the environment, by which
    /// `VAULT_ADDR`, `VAULT_NAMESPACE`, `VAULT_CACERT`, `VAULT_CACERT_BYTES`, `VAULT_CLIENT_CERT`, `VAULT_CLIENT_KEY`,
    /// `VAULT_TLS_SERVER_NAME` and `VAULT_SKIP_VERIFY` stand before what the block `vault` says.
    ///
    /// # Errors
    /// Names the variable that cannot be read, or the half of a client certificate that is missing.
    pub fn translate(&self, lookup: impl Fn(&str) -> Option<String>) -> Result<Translation, ConfigError> {
        translate::translation(self, &lookup)
    }

    /// Writes the configuration of our own that does the same, as far as there is one.
    ///
    /// # Errors
    /// Says what has no counterpart and cannot be left out, or which template is wrong.
    pub fn counterpart(&self, around: &dyn Around) -> Result<Counterpart, ConfigError> {
        counterpart::counterpart(self, around)
    }

    /// Goes through the files that templates stand in.
    pub fn sources(&self) -> impl Iterator<Item = &std::path::Path> {
        let bodies = self.templates.iter().map(|one| &one.body).chain(self.env_templates.iter().map(|one| &one.body));
        bodies.filter_map(|body| match &body.text {
            TemplateText::Source(path) => Some(path.as_path()),
            TemplateText::Contents(_) => None,
        })
    }

    /// Tells whether a text means to be a configuration of Vault Agent: nothing else has a block `auto_auth`.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        if text.trim_start().starts_with('{') {
            // JSON may stand in one line, with its keys in any order.
            let is_key = |rest: &str| rest.trim_start().starts_with(':');
            let has = |name: &str| text.match_indices(name).any(|(at, name)| is_key(&text[at + name.len()..]));
            return has("\"auto_auth\"") && !has("\"apiVersion\"");
        }
        let is_block = |line: &str| {
            let line = line.trim_start();
            let rest = line.strip_prefix("\"auto_auth\"").or_else(|| line.strip_prefix("auto_auth"));
            rest.is_some_and(|rest| matches!(rest.trim_start().as_bytes().first(), None | Some(b'{' | b'=' | b':')))
        };
        !text.lines().any(|line| line.starts_with("apiVersion")) && text.lines().any(is_block)
    }
}

/// Something that was asked for and will not be as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The line, from 1; none where a variable of the environment is meant.
    pub line: Option<usize>,
    /// What it is, in plain words.
    pub what: String,
}

/// Where the Vault server is, as far as the file says it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VaultBlock {
    /// The line of the block, or 1.
    pub line: usize,
    /// The address.
    pub address: Option<Address>,
    /// The namespace.
    pub namespace: Option<String>,
    /// A file of certificates in PEM that are trusted.
    pub ca_cert: Option<PathBuf>,
    /// Our own certificate, in PEM.
    pub client_cert: Option<PathBuf>,
    /// The key of our own certificate, in PEM.
    pub client_key: Option<PathBuf>,
    /// The name that the server's certificate must bear.
    pub tls_server_name: Option<String>,
    /// Whether the server's certificate is taken unseen.
    pub tls_skip_verify: Option<bool>,
}

/// How the agent logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// By what.
    pub method: Method,
    /// Where the method is mounted, without `auth/`.
    pub mount: String,
    /// The namespace of the login, where it is not the server's.
    pub namespace: Option<String>,
    /// Asks for the token wrapped, for this long.
    pub wrap_ttl: Option<Duration>,
    /// The pause after the first failure.
    pub min_backoff: Duration,
    /// The longest pause between two tries.
    pub max_backoff: Duration,
    /// Whether a failure to log in ends the agent.
    pub exit_on_err: bool,
}

/// What an agent logs in by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// The token of a service account.
    Kubernetes {
        /// The role.
        role: String,
        /// The file that holds the token.
        token_path: PathBuf,
    },
    /// A role's id and a secret id.
    AppRole {
        /// The file that holds the role's id.
        role_id_file_path: PathBuf,
        /// The file that holds the secret id; none where the role needs none.
        secret_id_file_path: Option<PathBuf>,
        /// The path that must have wrapped the secret id; none where it is not wrapped.
        secret_id_response_wrapping_path: Option<String>,
        /// Whether the file of the secret id is removed once it is read.
        remove_secret_id_file_after_reading: bool,
    },
    /// A JSON Web Token that something else writes to a file.
    Jwt {
        /// The file that holds it.
        path: PathBuf,
        /// The role.
        role: String,
        /// Whether the file is removed once it is read.
        remove_jwt_after_reading: bool,
        /// Whether what a symbolic link points to is removed, rather than the link.
        remove_jwt_follows_symlinks: bool,
    },
    /// A client certificate; what is not said here is as in the block `vault`.
    Cert {
        /// The name of the certificate's role in Vault.
        name: Option<String>,
        /// The authorities that the server must be signed by.
        ca_cert: Option<PathBuf>,
        /// Our certificate.
        client_cert: Option<PathBuf>,
        /// Its key.
        client_key: Option<PathBuf>,
        /// Whether the files are read again at each login.
        reload: bool,
    },
    /// A token that something else writes to a file.
    TokenFile {
        /// The file.
        token_file_path: PathBuf,
    },
    /// An identity in AWS.
    Aws {
        /// The role.
        role: String,
        /// What proves the identity.
        proof: AwsProof,
    },
}

/// What proves an identity in AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AwsProof {
    /// A signed request to STS.
    Iam {
        /// The region whose endpoint is signed for.
        region: Option<String>,
        /// The value of `X-Vault-AWS-IAM-Server-ID`.
        header_value: Option<String>,
    },
    /// The signed document of an instance.
    Ec2 {
        /// The nonce that a second login must bear.
        nonce: Option<String>,
    },
}

/// A file that the agent's own token is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink {
    /// The file.
    pub path: PathBuf,
    /// Its mode.
    pub mode: Mode,
    /// Its owner, where that is not the agent.
    pub uid: Option<u32>,
    /// Its group, where that is not the agent's.
    pub gid: Option<u32>,
    /// Wraps the token for this long, and writes what unwraps it.
    pub wrap_ttl: Option<Duration>,
}

/// The text of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateText {
    /// It stands in the configuration.
    Contents(String),
    /// It stands in a file.
    Source(PathBuf),
}

/// How a template's text is read, wherever its result goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateBody {
    /// The text.
    pub text: TemplateText,
    /// What begins an action.
    pub left_delimiter: String,
    /// What ends an action.
    pub right_delimiter: String,
    /// Whether a field that does not exist is an error, rather than `<no value>`.
    pub error_on_missing_key: bool,
}

/// A file that is rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// What is rendered.
    pub body: TemplateBody,
    /// The file.
    pub destination: PathBuf,
    /// Whether folders above the file are made.
    pub create_dest_dirs: bool,
    /// The file's mode; without one, that of a file which is already there, or 0644.
    pub perms: Option<Mode>,
    /// The file's owner.
    pub user: Option<Account>,
    /// The file's group.
    pub group: Option<Account>,
    /// How long changes are gathered before the file is rendered again.
    pub wait: Option<Wait>,
    /// What is run once the file has changed.
    pub command: Option<Command>,
}

/// An account of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// By number.
    Id(u32),
    /// By name, to be looked up where the agent runs.
    Name(String),
}

/// How long changes are gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// At least.
    pub min: Duration,
    /// At most.
    pub max: Duration,
}

/// A program with its arguments, run without a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments; at least one.
    pub argv: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// A variable that is rendered for the child process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvTemplate {
    /// The variable.
    pub name: EnvName,
    /// What is rendered.
    pub body: TemplateBody,
}

/// The child process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// The program and its arguments; at least one.
    pub argv: Vec<String>,
    /// What a changed secret does to it.
    pub restart_on_secret_changes: Restart,
    /// What it is stopped by before it is started again.
    pub restart_stop_signal: Signal,
}

/// What a changed secret does to a child process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// It is stopped and started again.
    Always,
    /// Nothing.
    Never,
}

/// A signal that stops a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of POSIX")]
pub enum Signal {
    Hup,
    Int,
    Quit,
    Kill,
    Usr1,
    Usr2,
    Term,
    Winch,
}

/// How templates are rendered as a whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TemplateConfig {
    /// Whether the agent ends when a secret cannot be read after all tries.
    pub exit_on_retry_failure: bool,
    /// How often secrets without a lease are read again.
    pub static_secret_render_interval: Duration,
    /// The part of a lease after which it is renewed, above 0 and at most 1.
    pub lease_renewal_threshold: f64,
}

impl Default for TemplateConfig {
    fn default() -> Self {
        Self {
            exit_on_retry_failure: false,
            static_secret_render_interval: Duration::from_secs(300),
            lease_renewal_threshold: 0.9,
        }
    }
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Trace,
    Debug,
    #[default]
    Info,
    Warn,
    Error,
}

#[cfg(test)]
mod tests;
