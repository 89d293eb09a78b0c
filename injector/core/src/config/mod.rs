//! The configuration `oakum.dev/v1`: what is fetched from where, and which files it becomes.
//!
//! It is parsed at the edge into types that cannot be wrong: a name that a secret refers to exists, a path stays inside
//! the volume, a mode is a mode. An error says the file, the line, what is wrong and, where it is known, the way out.
//! Unknown keys are errors, and so are keys that a later version will know: nothing is ignored.

pub(crate) mod aws;
mod credentials;
pub(crate) mod decode;
pub(crate) mod encode;
mod file;
pub(crate) mod found;
pub(crate) mod hook;
mod kubernetes;
pub(crate) mod map;
pub(crate) mod template;
mod value;
mod vault;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use aws::{AwsCredentials, AwsStore};
pub use found::{Found, Further, Pace};
pub use hook::{Hook, Receiver, SignalName, Tell};
pub use kubernetes::{KUBERNETES_CA, KUBERNETES_NAMESPACE, KUBERNETES_TOKEN, KubernetesStore};
pub use template::TemplateSpec;
pub use value::{Address, EnvName, FileName, Mode, PlainHttp, Scheme, parse_duration};
pub use vault::{ClientCert, Literal, Removal, TokenFile, VaultAuth, VaultStore, Wrapping};

pub(crate) use hook::DEFAULT_DEBOUNCE;

pub(crate) use map::{closest as closest_name, list as list_names};

use crate::format::Format;
use crate::provider::Manner;
use crate::reference::{Name, Reference, ValueRef};
use crate::template::Variables;

/// The version that every configuration begins with.
pub const API_VERSION: &str = "oakum.dev/v1";
/// How often a secret is looked at, unless it says otherwise.
pub const DEFAULT_REFRESH: Duration = Duration::from_secs(30);
/// How often a path is written to again that gives neither a lease nor an end, unless it says otherwise.
pub const DEFAULT_REWRITE: Duration = Duration::from_secs(300);
/// How long a previous generation of files stays readable, unless the volume says otherwise.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// Where files are published, unless the volume says otherwise.
pub const DEFAULT_PATH: &str = "/run/secrets/oakum";
/// Where the webhook mounts the token that only the agent sees.
pub const DEFAULT_TOKEN: &str = "/var/run/secrets/oakum/token";

/// All that a pod asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Injection {
    /// Where secrets come from, by a name of one's own.
    pub stores: BTreeMap<Name, Store>,
    /// Where files are published that name no volume.
    pub volume: VolumeSpec,
    /// Where others are, by names of one's own.
    pub volumes: BTreeMap<Name, VolumeSpec>,
    /// What is fetched.
    pub secrets: BTreeMap<Name, SecretSpec>,
    /// What the app gets as files.
    pub files: BTreeMap<FileName, FileSpec>,
    /// What the app gets as environment, in `exec`.
    pub env: BTreeMap<EnvName, EnvSource>,
    /// Who is told when files have changed.
    pub on_change: Vec<Hook>,
    /// Where health and metrics are served; always a loopback address.
    pub listen: Option<SocketAddr>,
    /// How logs are written.
    pub log: LogFormat,
    /// Whether every access to a secret leaves a line in the log, and how it names paths.
    pub audit: Option<Audit>,
}

impl Injection {
    /// Parses a configuration; `source` names it in errors.
    ///
    /// # Errors
    /// Says the line, what is wrong there and, where it is known, the way out.
    pub fn parse(text: &str, source: &str) -> Result<Self, ConfigError> {
        decode::injection(text, source, None)
    }

    /// Parses a configuration as [`Injection::parse`] does, for a process with these variables. What a store names as
    /// `$CREDENTIALS_DIRECTORY/NAME` is a file of that folder, in which systemd gives credentials to a service; and the
    /// path of a secret in a template may hold `env "NAME"`.
    ///
    /// # Errors
    /// As [`Injection::parse`], and where such a file is named and there is no folder.
    pub fn parse_among(text: &str, source: &str, variables: Variables<'_>) -> Result<Self, ConfigError> {
        decode::injection(text, source, Some(variables))
    }

    /// Writes the configuration as JSON, which is YAML too; reading it back gives an equal one.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        encode::injection(self)
    }

    /// Lists the templates, each with the file that it makes; none for a variable of the environment.
    pub fn templates(&self) -> impl Iterator<Item = (Option<&FileName>, &TemplateSpec)> {
        let in_files = self.files.iter().filter_map(|(name, file)| match &file.content {
            Content::Template(template) => Some((Some(name), template)),
            _ => None,
        });
        let in_env = self.env.values().filter_map(|source| match source {
            EnvSource::Template(template) => Some((None, template)),
            EnvSource::Value(_) => None,
        });
        in_files.chain(in_env)
    }

    /// Gives the volume that a file is in.
    #[must_use]
    pub fn volume_of(&self, file: &FileName) -> &VolumeSpec {
        file.volume().and_then(|name| self.volumes.get(name)).unwrap_or(&self.volume)
    }

    /// Gives the whole path of a file.
    #[must_use]
    pub fn path_of(&self, file: &FileName) -> PathBuf {
        self.volume_of(file).path.join(file.path())
    }

    /// Lists the volumes that hold a file, each under its name.
    #[must_use]
    pub fn used_volumes(&self) -> BTreeMap<Option<&Name>, &VolumeSpec> {
        self.files.keys().map(|file| (file.volume(), self.volume_of(file))).collect()
    }
}

/// Where secrets come from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "there are a few of them, and most are of Vault")]
pub enum Store {
    /// HashiCorp Vault or OpenBao.
    Vault(VaultStore),
    /// Files and directories: laptops, tests, and secrets that something else mounts.
    File(FileStore),
    /// AWS Secrets Manager and SSM Parameter Store.
    Aws(AwsStore),
    /// Secrets and ConfigMaps of Kubernetes.
    Kubernetes(KubernetesStore),
}

/// A directory that secrets are read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStore {
    /// The directory; paths of secrets are taken from here.
    pub path: PathBuf,
}

/// Where files are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSpec {
    /// An absolute path to a directory in memory.
    pub path: PathBuf,
    /// The mode of files that have none of their own.
    pub mode: Mode,
    /// The group that files belong to; else the agent's own.
    pub group: Option<u32>,
    /// How long the previous generation stays readable before it is wiped; the same for all volumes.
    pub grace: Duration,
}

impl Default for VolumeSpec {
    fn default() -> Self {
        Self { path: DEFAULT_PATH.into(), mode: Mode::DEFAULT, group: None, grace: DEFAULT_GRACE }
    }
}

/// A secret that is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSpec {
    /// Where it is.
    pub from: Reference,
    /// How often it is looked at; at least a second. What is leased is renewed or replaced by its own time instead.
    pub refresh: Duration,
    /// What is sent along, where the path is one that is written to: `common_name` of a certificate.
    pub with: BTreeMap<String, String>,
    /// How old it may become while its store cannot be asked; for ever if none.
    pub max_stale: Option<Duration>,
    /// What happens then.
    pub on_stale: OnStale,
    /// How it is asked for, and what of the answer is wanted.
    pub manner: Manner,
}

impl SecretSpec {
    /// A secret that is looked at as often as most.
    #[must_use]
    pub fn new(from: Reference) -> Self {
        let with = BTreeMap::new();
        Self {
            from,
            refresh: Self::default_refresh(&with),
            with,
            max_stale: None,
            on_stale: OnStale::default(),
            manner: Manner::default(),
        }
    }

    /// How often a secret is looked at that does not say so itself.
    #[must_use]
    pub fn default_refresh(with: &BTreeMap<String, String>) -> Duration {
        if with.is_empty() { DEFAULT_REFRESH } else { DEFAULT_REWRITE }
    }
}

/// What happens to a secret that has become older than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnStale {
    /// Its files stay; metrics tell.
    #[default]
    Keep,
    /// Its files stay, and the agent says that it is not ready.
    Unready,
    /// Its files are taken away until it can be had again, and the agent says that it is not ready.
    Remove,
    /// The agent wipes everything and ends.
    Exit,
}

impl OnStale {
    /// All of them, by their names in a configuration.
    pub const NAMES: &[(&str, Self)] =
        &[("keep", Self::Keep), ("unready", Self::Unready), ("remove", Self::Remove), ("exit", Self::Exit)];

    /// Gives the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, one)| *one == self).map_or("keep", |(name, _)| name)
    }
}

/// A file that the app gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSpec {
    /// What it holds.
    pub content: Content,
    /// Its mode, where it is not the volume's.
    pub mode: Option<Mode>,
}

impl FileSpec {
    /// How secrets are had that its template asks for while it is rendered, if it does.
    #[must_use]
    pub fn further(&self) -> Option<&Further> {
        match &self.content {
            Content::Template(template) => template.further.as_ref(),
            _ => None,
        }
    }

    /// Lists the secrets that the file is made of; one may come more than once.
    pub fn secrets(&self) -> Vec<&Name> {
        match &self.content {
            Content::Raw(value) => vec![&value.secret],
            Content::Fields { source: Source::Secret(name), .. } => vec![name],
            Content::Fields { source: Source::Values(values), .. } => {
                values.values().map(|value| &value.secret).collect()
            }
            Content::Template(template) => template.secrets(),
        }
    }
}

/// What a file holds, by its format.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// One value as it is, with nothing added.
    Raw(ValueRef),
    /// Several values in a format.
    Fields {
        /// How they are written.
        format: Format,
        /// Which they are.
        source: Source,
        /// What the configuration gives itself, and is no secret: the host of a database.
        with: BTreeMap<String, String>,
    },
    /// What a template says.
    Template(TemplateSpec),
}

/// Which values go into a file that holds several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// All fields of a secret, under their own names.
    Secret(Name),
    /// Chosen values under chosen names.
    Values(BTreeMap<String, ValueRef>),
}

/// What a variable of the environment holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvSource {
    /// One value as it is.
    Value(ValueRef),
    /// What a template says.
    Template(TemplateSpec),
}

impl EnvSource {
    /// Lists the secrets that the variable is made of; one may come more than once.
    pub fn secrets(&self) -> Vec<&Name> {
        match self {
            Self::Value(value) => vec![&value.secret],
            Self::Template(template) => template.secrets(),
        }
    }
}

/// How an access to a secret names the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audit {
    /// As it is.
    Plain,
    /// By its SHA-256, so that lines can be told apart and found without a word about what an organisation has.
    Hashed,
}

impl Audit {
    /// All of them, by their names in a configuration.
    pub const NAMES: &[(&str, Self)] = &[("plain", Self::Plain), ("hashed", Self::Hashed)];

    /// Gives the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, one)| *one == self).map_or("plain", |(name, _)| name)
    }
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// What is wrong with a configuration, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file, or the annotation.
    pub source_name: String,
    /// The line, from 1; none where the whole is meant.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// The way out.
    pub hint: Option<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source_name)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.what)
    }
}
