//! The formats, their names, and the names that each takes. Declared here once: the configuration, messages and tests
//! go by this list.

use super::{Draft, RenderError, Rows};
use super::{dotenv, json, my_cnf, netrc, pem, pgpass, pkcs12, properties, shell, toml, url, xml, yaml};
use crate::config::{EnvName, list_names};
use crate::reference::shorten;
use crate::secret::Secret;
use crate::template::Outside;

/// How a file holds several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A JSON object.
    Json,
    /// A YAML mapping.
    Yaml,
    /// A TOML document.
    Toml,
    /// Lines of `NAME='value'`.
    Dotenv,
    /// Java's properties.
    Properties,
    /// Lines of `export NAME='value'`.
    Shell,
    /// Entities that an XML document includes.
    Xml,
    /// The password file of PostgreSQL's clients.
    Pgpass,
    /// An option file of MySQL's and MariaDB's clients.
    MyCnf,
    /// The password file of ftp, curl and git.
    Netrc,
    /// A private key, a certificate and its chain in PEM.
    Pem,
    /// The same as a key store, PKCS#12.
    Pkcs12,
    /// One URL.
    Url,
}

/// A value that a format has a place for.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    names: &'static [&'static str],
    needed: bool,
    secret: bool,
}

impl Part {
    pub(super) const fn needed(names: &'static [&'static str]) -> Self {
        Self { names, needed: true, secret: false }
    }

    pub(super) const fn optional(names: &'static [&'static str]) -> Self {
        Self { names, needed: false, secret: false }
    }

    pub(super) const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// Gives the first of its names.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.names.first().expect("a part has a name")
    }

    /// Tells whether a file cannot do without.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        self.needed
    }

    /// Tells whether it has no place in a configuration.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// Tells whether a name is one of its names.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    pub(super) fn rank(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|one| *one == name)
    }
}

impl Format {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Json,
        Self::Yaml,
        Self::Toml,
        Self::Dotenv,
        Self::Properties,
        Self::Shell,
        Self::Xml,
        Self::Pgpass,
        Self::MyCnf,
        Self::Netrc,
        Self::Pem,
        Self::Pkcs12,
        Self::Url,
    ];

    /// Gives the name that a configuration has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Toml => "toml",
            Self::Dotenv => "dotenv",
            Self::Properties => "properties",
            Self::Shell => "shell",
            Self::Xml => "xml",
            Self::Pgpass => "pgpass",
            Self::MyCnf => "my.cnf",
            Self::Netrc => "netrc",
            Self::Pem => "pem",
            Self::Pkcs12 => "pkcs12",
            Self::Url => "url",
        }
    }

    /// Finds a format by its name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.name() == name)
    }

    /// Gives the parts of a format that has places of its own; none where any name will do.
    #[must_use]
    pub fn parts(self) -> Option<&'static [Part]> {
        match self {
            Self::Pgpass => Some(pgpass::PARTS),
            Self::MyCnf => Some(my_cnf::PARTS),
            Self::Netrc => Some(netrc::PARTS),
            Self::Pem => Some(pem::PARTS),
            Self::Pkcs12 => Some(pkcs12::PARTS),
            Self::Url => Some(url::PARTS),
            Self::Json | Self::Yaml | Self::Toml | Self::Dotenv | Self::Properties | Self::Shell | Self::Xml => None,
        }
    }

    /// Finds the part that a name means.
    #[must_use]
    pub fn part(self, name: &str) -> Option<&'static Part> {
        self.parts()?.iter().find(|part| part.is(name))
    }

    /// Looks whether a name may stand in the file.
    ///
    /// # Errors
    /// Says what is wrong with it, and the way out.
    pub fn check_name(self, name: &str) -> Result<(), (String, Option<String>)> {
        let plain = |why: String| (why, None);
        if self.part(name).is_some() {
            return Ok(());
        }
        match self {
            Self::Dotenv | Self::Shell => EnvName::parse(name).map(drop).map_err(plain),
            Self::Xml => xml::check_name(name).map_err(plain),
            Self::Yaml => yaml::check_name(name).map_err(plain),
            Self::MyCnf => my_cnf::check_name(name).map_err(plain),
            Self::Json | Self::Toml | Self::Properties => Ok(()),
            Self::Pgpass | Self::Netrc | Self::Pem | Self::Pkcs12 | Self::Url => {
                let names: Vec<&str> =
                    self.parts().unwrap_or_default().iter().flat_map(|part| part.names).copied().collect();
                let near = crate::config::closest_name(name, &names);
                let hint = near.map_or_else(
                    || format!("the names are {}", list_names(&names)),
                    |near| format!("did you mean `{near}`?"),
                );
                Err((format!("{} has no place for `{}`", self.name(), shorten(name)), Some(hint)))
            }
        }
    }

    /// Says which parts a file cannot do without.
    #[must_use]
    pub fn needs(self) -> String {
        let needed: Vec<&str> =
            self.parts().unwrap_or_default().iter().filter(|part| part.needed).map(Part::name).collect();
        format!("{} needs {}", self.name(), list_names(&needed))
    }

    /// Tells whether the reader of the file ignores it when its group may read it.
    #[must_use]
    pub fn is_for_its_owner(self) -> bool {
        // libpq: "permissions should be u=rw (0600) or less".
        self == Self::Pgpass
    }

    pub(super) fn render(self, rows: &Rows<'_>, outside: &dyn Outside) -> Result<Secret, RenderError> {
        let mut out = Draft::default();
        match self {
            Self::Json => json::render(rows, &mut out)?,
            Self::Yaml => yaml::render(rows, &mut out)?,
            Self::Toml => toml::render(rows, &mut out)?,
            Self::Dotenv => dotenv::render(rows, &mut out)?,
            Self::Properties => properties::render(rows, &mut out)?,
            Self::Shell => shell::render(rows, &mut out)?,
            Self::Xml => xml::render(rows, &mut out)?,
            Self::Pgpass => pgpass::render(rows, &mut out)?,
            Self::MyCnf => my_cnf::render(rows, &mut out)?,
            Self::Netrc => netrc::render(rows, &mut out)?,
            Self::Pem => pem::render(rows, &mut out)?,
            Self::Pkcs12 => pkcs12::render(rows, outside, &mut out)?,
            Self::Url => url::render(rows, &mut out)?,
        }
        Ok(out.finish())
    }
}
