//! What a target's text means, before anything is opened.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::args::RegistryArgs;
use super::hinted;
use crate::source::daemon::export;
use crate::source::image::{Images, Reference, recognise};
use crate::source::registry::{Access, NameError, Wanted, pull};
use crate::source::{Files, Limits, Source, SourceError, Stdin, containerd, storage};

/// A target as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A folder or file, or a file that is an image archive.
    Path(PathBuf),
    /// `-`.
    Stdin,
    /// An unpacked file system, whatever its files may be called.
    Dir(PathBuf),
    /// Images in a form that is named.
    Image(Reference),
    /// An image in a registry, or all below a path.
    Registry(Wanted),
    /// An image in a store of Podman's.
    Storage(String),
    /// An image in containerd's store.
    Containerd(String),
    /// An image that an engine has.
    Daemon(String),
    /// A name in a registry that is none.
    NoName(String),
    /// A scheme that other versions know.
    Unsupported(String, String),
}

/// Schemes of the contract that this version cannot read yet.
const LATER: &[&str] = &["git"];

impl FromStr for Target {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if let Some(reference) = Reference::parse(text) {
            return Ok(Self::Image(reference));
        }
        if let Some(name) = text.strip_prefix("docker://") {
            return Ok(name.parse().map_or_else(|_| Self::NoName(text.into()), Self::Registry));
        }
        if let Some(path) = text.strip_prefix("dir:") {
            return Ok(Self::Dir(path.into()));
        }
        if let Some(name) = text.strip_prefix("docker-daemon:") {
            return Ok(Self::Daemon(name.into()));
        }
        if let Some(name) = text.strip_prefix("containers-storage:") {
            return Ok(Self::Storage(name.into()));
        }
        if let Some(name) = text.strip_prefix("containerd:") {
            return Ok(Self::Containerd(name.into()));
        }
        if let Some((scheme, _)) = text.split_once(':')
            && LATER.contains(&scheme)
        {
            return Ok(Self::Unsupported(scheme.into(), text.into()));
        }
        Ok(Self::Path(text.into()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("-"),
            Self::Image(reference) => reference.fmt(f),
            Self::Registry(name) => write!(f, "docker://{name}"),
            Self::Dir(path) => write!(f, "dir:{}", path.display()),
            Self::Storage(name) => write!(f, "containers-storage:{name}"),
            Self::Containerd(name) => write!(f, "containerd:{name}"),
            Self::Daemon(name) => write!(f, "docker-daemon:{name}"),
            Self::NoName(text) | Self::Unsupported(_, text) => f.write_str(text),
        }
    }
}

impl Target {
    /// Opens what it names.
    fn open(&self, respect_gitignore: bool, access: &Access, limits: &Limits) -> anyhow::Result<Box<dyn Source>> {
        match self {
            Self::Registry(name) => Ok(Box::new(pull(std::slice::from_ref(name), access, limits)?)),
            Self::Dir(path) => Ok(Box::new(Files::unpacked(path))),
            Self::Storage(name) => Ok(Box::new(storage::open(name, limits)?)),
            Self::Containerd(name) => Ok(Box::new(containerd::open(name, limits)?)),
            Self::Daemon(name) => Ok(Box::new(export(name, limits)?)),
            Self::NoName(text) => {
                Err(hinted(format!("cannot scan {text}: it is no name of an image"), NameError.to_string()))
            }
            Self::Stdin => Ok(Box::new(Stdin)),
            Self::Image(reference) => Ok(Box::new(Images::open(reference, limits)?)),
            Self::Path(path) => {
                let open = |error| SourceError::Open { target: path.display().to_string(), error };
                match recognise(path).map_err(open)? {
                    Some(kind) => Ok(Box::new(Images::open(&Reference::all(kind, path), limits)?)),
                    None => Ok(Box::new(Files::new(path).respect_gitignore(respect_gitignore))),
                }
            }
            Self::Unsupported(scheme, text) => Err(hinted(
                format!("cannot scan {text}: this version does not read {scheme}: targets"),
                "scan the working tree by its path",
            )),
        }
    }
}

impl Target {
    /// The layers of the images that it names, unfolded, as digests.
    pub(super) fn diff_ids(&self, access: &Access, limits: &Limits) -> anyhow::Result<Vec<Vec<String>>> {
        let images = match self {
            Self::Registry(name) => pull(std::slice::from_ref(name), access, limits)?,
            Self::Image(reference) => Images::open(reference, limits)?,
            Self::Storage(name) => storage::open(name, limits)?,
            Self::Containerd(name) => containerd::open(name, limits)?,
            Self::Daemon(name) => export(name, limits)?,
            Self::Path(path) => {
                let open = |error| SourceError::Open { target: path.display().to_string(), error };
                let kind = recognise(path).map_err(open)?;
                let no_image = || {
                    hinted(
                        format!("{} is no image", path.display()),
                        "a base is an image, as in oci:DIR or docker://NAME",
                    )
                };
                Images::open(&Reference::all(kind.ok_or_else(no_image)?, path), limits)?
            }
            other => {
                return Err(hinted(
                    format!("{other} is no image"),
                    "a base is an image, as in oci:DIR or docker://NAME",
                ));
            }
        };
        Ok(images.diff_ids())
    }
}

impl From<RegistryArgs> for Access {
    fn from(args: RegistryArgs) -> Self {
        Self {
            token_file: args.registry_token_file,
            ca: args.registry_ca,
            plain_http: args.registry_plain_http,
            all_tags: args.all_tags,
            bases: false,
            mirrors: args.registry_mirrors,
            registries_conf: args.registries_conf,
            hosts: args.registry_hosts_dir,
        }
    }
}

/// Opens all of them. Images in registries are one source, so that what they share is pulled once.
pub(super) fn open_all(
    targets: &[Target],
    respect_gitignore: bool,
    access: &Access,
    limits: &Limits,
) -> anyhow::Result<Vec<Box<dyn Source>>> {
    let names: Vec<Wanted> = targets
        .iter()
        .filter_map(|target| if let Target::Registry(name) = target { Some(name.clone()) } else { None })
        .collect();
    let mut pulled = false;
    let mut all: Vec<Box<dyn Source>> = Vec::new();
    for target in targets {
        if !matches!(target, Target::Registry(_)) {
            all.push(target.open(respect_gitignore, access, limits)?);
        } else if !std::mem::replace(&mut pulled, true) {
            all.push(Box::new(pull(&names, access, limits)?));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::source::image::Kind;

    #[test]
    fn schemes_are_told_from_paths() {
        let parse = |text: &str| text.parse::<Target>().unwrap();
        assert_eq!(parse("-"), Target::Stdin);
        assert_eq!(parse("a/b"), Target::Path("a/b".into()));
        assert_eq!(parse("c:/x"), Target::Path("c:/x".into()));
        assert_eq!(parse("oci:dir"), Target::Image(Reference::all(Kind::Oci, Path::new("dir"))));
        assert!(matches!(parse("docker://example.com/x"), Target::Registry(_)));
        assert!(matches!(parse("docker://example.com/team/"), Target::Registry(Wanted::Namespace(_))));
        assert!(matches!(parse("docker://Example/X y"), Target::NoName(_)));
        assert!(matches!(parse("docker-daemon:x"), Target::Daemon(_)));
        assert!(matches!(parse("containers-storage:x"), Target::Storage(_)));
        assert!(matches!(parse("containerd:[k8s.io]x"), Target::Containerd(_)));
        assert!(matches!(parse("git:x"), Target::Unsupported(..)));
    }
}
