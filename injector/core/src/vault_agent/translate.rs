//! From a configuration and the variables around it to what our agent must do.

use std::path::PathBuf;

use super::values::{boolean, namespace, path, string};
use super::{
    EnvTemplate, Exec, LogLevel, Login, Sink, Template, TemplateConfig, VaultAgentConfig, VaultBlock, Warning,
};
use crate::config::{Address, ClientCert, ConfigError, LogFormat, PlainHttp, Scheme};

/// Where Vault is when nobody says.
const DEFAULT_ADDRESS: &str = "https://127.0.0.1:8200";
/// Variables that Vault Agent follows and we do not, and what is done instead.
const LOST: &[(&str, &str)] = &[
    ("VAULT_CAPATH", "put the certificates into one file and name that in VAULT_CACERT"),
    ("VAULT_MAX_RETRIES", "requests are tried again by our own rules"),
    ("VAULT_CLIENT_TIMEOUT", "requests end after a time of our own"),
    ("VAULT_RATE_LIMIT", "requests are few, and are not held back"),
    ("VAULT_HTTP_PROXY", "the agent speaks to Vault itself"),
    ("VAULT_PROXY_ADDR", "the agent speaks to Vault itself"),
];

/// What our agent must do.
#[derive(Debug, Clone, PartialEq)]
pub struct Translation {
    /// The server that is spoken to.
    pub vault: VaultServer,
    /// How to log in there.
    pub login: Login,
    /// Where to leave the token.
    pub sinks: Vec<Sink>,
    /// The files to render.
    pub templates: Vec<Template>,
    /// The variables to render for the child process.
    pub env_templates: Vec<EnvTemplate>,
    /// The child process to run.
    pub exec: Option<Exec>,
    /// How to render.
    pub template_config: TemplateConfig,
    /// Whether to end once everything is rendered.
    pub exit_after_auth: bool,
    /// Where to write the number of the process.
    pub pid_file: Option<PathBuf>,
    /// How much to log.
    pub log_level: LogLevel,
    /// How to write logs.
    pub log_format: LogFormat,
    /// What will not be as it was asked for.
    pub warnings: Vec<Warning>,
}

/// The server that is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultServer {
    /// Where it listens.
    pub address: Address,
    /// The namespace.
    pub namespace: Option<String>,
    /// Who must have signed its certificate; without it, the system's authorities.
    pub ca: Option<Ca>,
    /// What we show to it.
    pub client: Option<ClientCert>,
    /// The name that its certificate must bear, where that is not the host of the address.
    pub server_name: Option<String>,
    /// Whether its certificate is taken unseen.
    pub tls_skip_verify: bool,
}

/// Certificates of authorities, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ca {
    /// The file that holds them.
    File(PathBuf),
    /// The certificates.
    Pem(String),
}

/// Puts together what the file and the variables say.
pub(super) fn translation(
    config: &VaultAgentConfig,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Translation, ConfigError> {
    let mut around = Around { lookup, warnings: config.warnings.clone() };
    let vault = around.server(&config.vault, &config.source)?;
    for (name, why) in LOST {
        if around.variable(name).is_some() {
            around.warn(format!("{name} has no counterpart: {why}"));
        }
    }
    Ok(Translation {
        vault,
        login: config.login.clone(),
        sinks: config.sinks.clone(),
        templates: config.templates.clone(),
        env_templates: config.env_templates.clone(),
        exec: config.exec.clone(),
        template_config: config.template_config,
        exit_after_auth: config.exit_after_auth,
        pid_file: config.pid_file.clone(),
        log_level: config.log_level,
        log_format: config.log_format,
        warnings: around.warnings,
    })
}

/// Says what is wrong with an address that is spoken to in the clear.
pub(super) fn plain_http(address: &Address) -> Option<String> {
    (address.scheme == Scheme::Http && !address.is_loopback())
        .then(|| format!("the address `{address}` sends secrets in the clear: use https://"))
}

/// The variables around a configuration.
struct Around<'l> {
    lookup: &'l dyn Fn(&str) -> Option<String>,
    warnings: Vec<Warning>,
}

impl Around<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    fn warn(&mut self, what: String) {
        self.warnings.push(Warning { line: None, what });
    }

    fn server(&mut self, block: &VaultBlock, source: &str) -> Result<VaultServer, ConfigError> {
        let address = match self.fill(&block.address, "VAULT_ADDR", address)? {
            Some(address) => address,
            None => {
                self.warn(format!("no address is given, in the file or in VAULT_ADDR: it is {DEFAULT_ADDRESS}"));
                Address::parse(DEFAULT_ADDRESS, PlainHttp::LoopbackOnly).expect("it is an address")
            }
        };
        if block.address.as_ref() != Some(&address) {
            self.warnings.extend(plain_http(&address).map(|what| Warning { line: None, what }));
        }
        let cert = self.fill(&block.client_cert, "VAULT_CLIENT_CERT", path)?;
        let key = self.fill(&block.client_key, "VAULT_CLIENT_KEY", path)?;
        let client = match (cert, key) {
            (Some(cert), Some(key)) => Some(ClientCert { cert, key }),
            (None, None) => None,
            (cert, _) => {
                let (there, missing) = if cert.is_some() { ("certificate", "key") } else { ("key", "certificate") };
                return Err(ConfigError {
                    source_name: source.to_owned(),
                    line: Some(block.line),
                    what: format!("there is a client {there} for Vault without its {missing}"),
                    hint: Some(
                        "give `client_cert` and `client_key`, or VAULT_CLIENT_CERT and VAULT_CLIENT_KEY".to_owned(),
                    ),
                });
            }
        };
        Ok(VaultServer {
            address,
            namespace: self.fill(&block.namespace, "VAULT_NAMESPACE", namespace)?,
            ca: self.ca(block)?,
            client,
            server_name: self.fill(&block.tls_server_name, "VAULT_TLS_SERVER_NAME", string)?,
            tls_skip_verify: self.fill(&block.tls_skip_verify, "VAULT_SKIP_VERIFY", boolean)?.unwrap_or(false),
        })
    }

    /// Finds the authorities. Vault's client, too, takes the bytes before the file.
    fn ca(&self, block: &VaultBlock) -> Result<Option<Ca>, ConfigError> {
        const PEM: &str = "VAULT_CACERT_BYTES";
        if let Some(pem) = self.variable(PEM) {
            return Ok(Some(Ca::Pem(pem)));
        }
        Ok(self.fill(&block.ca_cert, "VAULT_CACERT", path)?.map(Ca::File))
    }

    /// Takes what the variable says, and else the file: a variable is how a whole fleet is moved elsewhere.
    fn fill<T: Clone>(
        &self,
        own: &Option<T>,
        name: &str,
        parser: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        match self.variable(name) {
            Some(written) => parser(&written).map(Some).map_err(|what| ConfigError {
                source_name: format!("variable {name}"),
                line: None,
                what,
                hint: None,
            }),
            None => Ok(own.clone()),
        }
    }
}

fn address(text: &str) -> Result<Address, String> {
    Address::parse(text, PlainHttp::Anywhere).map_err(|(what, _)| what)
}
