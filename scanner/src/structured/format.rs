//! Which format a file has, by its name, or by its first bytes where a program wrote it. What a JSON or YAML file means is
//! told by what is in it; see [`super::document`].

use oakum_patterns::check::begins_key_store;

use super::reading::Reading;
use super::syntax::{self, Dialect};
use super::value::Path;
use super::{binary, compiled, document, lines, markup, settings, sql, table};

/// A format that is read, and not only searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Format {
    /// JSON of any meaning.
    Json = 1,
    /// YAML of any meaning.
    Yaml,
    /// TOML of any meaning.
    Toml,
    /// XML: Maven's settings, .NET's configuration, Jenkins' credentials.
    Xml,
    /// HCL of any meaning: Terraform, Packer, Nomad.
    Hcl,
    /// Statements of SQL: what is put into tables, and by which columns.
    Sql,
    /// Sections of settings: `.my.cnf`, `.pypirc`, systemd units, inventories of Ansible.
    Ini,
    /// Java's and Gradle's properties.
    Properties,
    /// `.env` and its kin.
    Env,
    /// `.npmrc`.
    Npmrc,
    /// `.netrc`.
    Netrc,
    /// `.pgpass`.
    Pgpass,
    /// `.git-credentials`.
    GitCredentials,
    /// `.htpasswd`.
    Htpasswd,
    /// `/etc/shadow`.
    Shadow,
    /// The users of a connection pool, `userlist.txt`.
    UserList,
    /// Whom a mail server relays as: `sasl_passwd`, `passwd.client`.
    Relay,
    /// `rsyncd.secrets`.
    RsyncSecrets,
    /// `chap-secrets`, `pap-secrets`.
    ChapSecrets,
    /// `.erlang.cookie`.
    ErlangCookie,
    /// JKS, JCEKS or PKCS#12.
    KeyStore,
    /// A macaroon as bytes.
    Macaroon,
    /// A class of Java's.
    JavaClass,
    /// A module of Python's, compiled.
    PythonBytecode,
    /// A database of SQLite.
    Sqlite,
    /// A text for people, with tables: Markdown and its kin, wikis, notes.
    Text,
    /// A page of HTML.
    Html,
    /// Fields divided by commas, with a line that names them.
    Csv,
    /// The same, divided by tabs.
    Tsv,
}

/// Names of files that tell it.
const NAMES: &[(&[u8], Format)] = &[
    (b".npmrc", Format::Npmrc),
    (b"npmrc", Format::Npmrc),
    (b".netrc", Format::Netrc),
    (b"_netrc", Format::Netrc),
    (b"netrc", Format::Netrc),
    (b".pgpass", Format::Pgpass),
    (b"pgpass.conf", Format::Pgpass),
    (b".git-credentials", Format::GitCredentials),
    (b".htpasswd", Format::Htpasswd),
    (b"htpasswd", Format::Htpasswd),
    (b"shadow", Format::Shadow),
    (b"shadow-", Format::Shadow),
    (b"gshadow", Format::Shadow),
    (b"gshadow-", Format::Shadow),
    (b"userlist.txt", Format::UserList),
    (b"sasl_passwd", Format::Relay),
    (b"relay_passwd", Format::Relay),
    (b"passwd.client", Format::Relay),
    (b"rsyncd.secrets", Format::RsyncSecrets),
    (b"chap-secrets", Format::ChapSecrets),
    (b"pap-secrets", Format::ChapSecrets),
    (b".erlang.cookie", Format::ErlangCookie),
    (b"mosquitto_passwd", Format::Htpasswd),
    (b".authinfo", Format::Netrc),
    (b".my.cnf", Format::Ini),
    (b".mylogin.cnf", Format::Ini),
    (b".pypirc", Format::Ini),
    (b".s3cfg", Format::Ini),
    (b".boto", Format::Ini),
    (b"credentials", Format::Ini),
    (b"hosts", Format::Ini),
    (b"inventory", Format::Ini),
    (b".dockercfg", Format::Json),
    (b".dockerconfigjson", Format::Json),
    (b"Pipfile", Format::Toml),
];

/// Ends of names that tell it.
const ENDS: &[(&[u8], Format)] = &[
    (b".json", Format::Json),
    (b".tfstate", Format::Json),
    (b".tfstate.backup", Format::Json),
    (b".ipynb", Format::Json),
    (b".har", Format::Json),
    (b".yaml", Format::Yaml),
    (b".yml", Format::Yaml),
    (b".kubeconfig", Format::Yaml),
    (b"kubeconfig", Format::Yaml),
    (b".eyaml", Format::Yaml),
    (b".toml", Format::Toml),
    (b".xml", Format::Xml),
    (b".config", Format::Xml),
    (b".resx", Format::Xml),
    (b".pubxml", Format::Xml),
    (b".tf", Format::Hcl),
    (b".tfvars", Format::Hcl),
    (b".hcl", Format::Hcl),
    (b".nomad", Format::Hcl),
    (b".sql", Format::Sql),
    (b".properties", Format::Properties),
    (b".ini", Format::Ini),
    (b".cfg", Format::Ini),
    (b".cnf", Format::Ini),
    (b".service", Format::Ini),
    (b".env", Format::Env),
    (b".htpasswd", Format::Htpasswd),
    (b".pgpass", Format::Pgpass),
    (b".netrc", Format::Netrc),
    (b".npmrc", Format::Npmrc),
    (b".git-credentials", Format::GitCredentials),
    (b".md", Format::Text),
    (b".markdown", Format::Text),
    (b".mdx", Format::Text),
    (b".rst", Format::Text),
    (b".adoc", Format::Text),
    (b".asciidoc", Format::Text),
    (b".org", Format::Text),
    (b".txt", Format::Text),
    (b".text", Format::Text),
    (b".wiki", Format::Text),
    (b".mediawiki", Format::Text),
    (b".confluence", Format::Text),
    (b".textile", Format::Text),
    (b".feature", Format::Text),
    (b".html", Format::Html),
    (b".htm", Format::Html),
    (b".csv", Format::Csv),
    (b".tsv", Format::Tsv),
];

/// What lists versions and hashes, by the thousand, and nothing that anyone wrote.
const LOCKS: &[&[u8]] =
    &[b"package-lock.json", b"composer.lock", b"npm-shrinkwrap.json", b"pnpm-lock.yaml", b"Cargo.lock"];

impl Format {
    /// The format of a file with this path.
    pub(crate) fn of_path(path: &[u8]) -> Option<Self> {
        let name = path.rsplit(|b| matches!(b, b'/' | b'\\')).next()?;
        if LOCKS.contains(&name) {
            return None;
        }
        if let Some((_, format)) = NAMES.iter().find(|(known, _)| name == *known) {
            return Some(*format);
        }
        // `.env.production`, and `config` as kubectl and docker have it.
        let folder = path.len().checked_sub(name.len() + 1).map_or(&b""[..], |end| &path[..end]);
        if name == b"config" && folder.ends_with(b".kube") {
            return Some(Self::Yaml);
        }
        Self::of_end(name)
    }

    fn of_end(name: &[u8]) -> Option<Self> {
        if name.starts_with(b".env.") || name.starts_with(b".env-") {
            return Some(Self::Env);
        }
        // Of most ends the last letter tells that they are another's.
        let last = name.last().map(u8::to_ascii_lowercase);
        let ends = |end: &[u8]| name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end);
        ENDS.iter().find(|(end, _)| end.last().copied() == last && ends(end)).map(|(_, format)| *format)
    }

    /// The format of a file that a program wrote, whatever it is called.
    pub(crate) fn of_start(text: &[u8]) -> Option<Self> {
        if begins_key_store(text) {
            return Some(Self::KeyStore);
        }
        if binary::begins_macaroon(text) {
            return Some(Self::Macaroon);
        }
        compiled::of_start(text)
    }

    /// Whether a program wrote it, for programs.
    pub(crate) fn is_compiled(self) -> bool {
        matches!(self, Self::JavaClass | Self::PythonBytecode | Self::Sqlite)
    }

    /// The format of a text without a telling name: a manifest, or a kubeconfig.
    pub(crate) fn of_text(text: &[u8]) -> Option<Self> {
        let start = text.strip_prefix(b"---\n").unwrap_or(text);
        let begins = |word: &[u8]| start.starts_with(word);
        let versioned = |text: &[u8]| memchr::memmem::find(&text[..text.len().min(4096)], b"\napiVersion:").is_some();
        (begins(b"apiVersion:") || (begins(b"kind: ") && versioned(start))).then_some(Self::Yaml)
    }

    /// Reads a text of it.
    pub(crate) fn read<'t>(self, text: &'t [u8], reading: &mut Reading<'t, '_>) {
        match self {
            Self::Json => syntax::json(text).iter().for_each(|value| document::read(value, reading)),
            Self::Yaml => syntax::yaml(text).iter().for_each(|value| document::read(value, reading)),
            Self::Toml => {
                if let Some(value) = syntax::toml(text) {
                    reading.named(&value, &mut Path::default());
                }
            }
            Self::Xml => markup::read(&syntax::xml(text), reading),
            Self::Hcl => document::settings(&syntax::hcl(text), reading),
            Self::Sql => sql::read(text, reading),
            Self::Ini => settings::ini(&syntax::ini(text, Dialect::Ini), reading),
            Self::Npmrc => settings::npmrc(&syntax::ini(text, Dialect::Ini), reading),
            Self::Properties => reading.named(&syntax::ini(text, Dialect::Properties), &mut Path::default()),
            Self::Env => reading.named(&syntax::ini(text, Dialect::Env), &mut Path::default()),
            Self::Netrc => lines::netrc(text, reading),
            Self::Pgpass => lines::pgpass(text, reading),
            Self::GitCredentials => lines::git_credentials(text, reading),
            Self::Htpasswd => lines::htpasswd(text, reading),
            Self::Shadow => lines::shadow(text, reading),
            Self::UserList => lines::user_list(text, reading),
            Self::Relay => lines::relay(text, reading),
            Self::RsyncSecrets => lines::rsync_secrets(text, reading),
            Self::ChapSecrets => lines::chap_secrets(text, reading),
            Self::ErlangCookie => lines::erlang_cookie(text, reading),
            Self::KeyStore => binary::key_store_file(text, reading),
            Self::Macaroon => binary::macaroon_file(text, reading),
            Self::JavaClass => compiled::java_class(text, reading),
            Self::PythonBytecode => compiled::python(text, reading),
            Self::Sqlite => compiled::sqlite(text, reading),
            Self::Text => table::text(text, reading),
            Self::Html => table::html(text, reading),
            Self::Csv => table::csv(text, reading),
            Self::Tsv => table::tsv(text, reading),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_format() {
        for (path, format) in [
            ("a/.npmrc", Some(Format::Npmrc)),
            (".kube/config", Some(Format::Yaml)),
            ("home/.docker/config.json", Some(Format::Json)),
            ("k8s/Secret.YAML", Some(Format::Yaml)),
            (".env.production", Some(Format::Env)),
            ("etc/shadow", Some(Format::Shadow)),
            ("etc/postfix/sasl_passwd", Some(Format::Relay)),
            ("Web.config", Some(Format::Xml)),
            ("README.md", Some(Format::Text)),
            ("export.CSV", Some(Format::Csv)),
            ("infra/prod.auto.tfvars", Some(Format::Hcl)),
            ("dump.SQL", Some(Format::Sql)),
            ("package-lock.json", None),
            (".git/config", None),
            ("main.rs", None),
            ("", None),
        ] {
            assert_eq!(Format::of_path(path.as_bytes()), format, "{path}");
        }
    }

    #[test]
    fn a_manifest_is_known_without_its_name() {
        assert_eq!(Format::of_text(b"---\napiVersion: v1\n"), Some(Format::Yaml));
        assert_eq!(Format::of_text(b"fn main() {}"), None);
    }
}
