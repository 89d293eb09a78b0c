//! Files and directories as a store: laptops, tests, and secrets that something else mounts.
//!
//! A file is a secret of one field, named as the file. A directory is a secret of as many fields as it has files; names
//! that begin with `..` (the machinery of atomic volumes) are not fields, and folders in it are not entered.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use oakum_inject::config::FileStore;
use oakum_inject::provider::{Answer, Grant, Session, Term, Want};
use oakum_inject::{Class, Fetched, Field, Fields, ProviderError, Secret, SecretProvider};

use crate::fingerprint;

/// The most that is read of one file, in bytes.
pub const MAX_FILE: u64 = 1 << 20;

/// A directory that secrets are read from.
#[derive(Debug)]
pub struct Files {
    root: PathBuf,
}

impl Files {
    /// Takes a directory as a store.
    #[must_use]
    pub fn new(spec: &FileStore) -> Self {
        Self { root: spec.path.clone() }
    }

    fn read(&self, want: &Want) -> Result<Fetched, ProviderError> {
        // The path has no `..` and no empty element (`Reference`), so joining cannot leave the directory.
        let path = self.root.join(&want.path);
        let failed = |error: &io::Error| failure(&path, error);
        let fields: Fields = if fs::metadata(&path).map_err(|error| failed(&error))?.is_dir() {
            directory(&path).map_err(|error| failed(&error))?
        } else {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            [(name, Field::Text(read_capped(&path, MAX_FILE).map_err(|error| failed(&error))?))].into_iter().collect()
        };
        let version = fingerprint::of(&fields)?;
        Ok(if want.known == Some(version) {
            Fetched::Unchanged
        } else {
            Fetched::Changed { fields, version, term: Term::Open }
        })
    }
}

fn directory(path: &Path) -> io::Result<Fields> {
    let mut fields = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Follow links: in a Kubernetes volume every file is one.
        if !name.starts_with("..") && fs::metadata(entry.path())?.is_file() {
            fields.push((name, Field::Text(read_capped(&entry.path(), MAX_FILE)?)));
        }
    }
    Ok(fields.into_iter().collect())
}

/// Reads a file that may not be larger than a limit.
pub(crate) fn read_capped(path: &Path, limit: u64) -> io::Result<Secret> {
    let file = fs::File::open(path)?;
    let size = file.metadata()?.len().min(limit);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    file.take(limit + 1).read_to_end(&mut bytes)?;
    let secret = Secret::from(bytes);
    if secret.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {limit} bytes")));
    }
    Ok(secret)
}

/// Says what cannot be read, and why.
pub(crate) fn failure(path: &Path, error: &io::Error) -> ProviderError {
    let class = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Class::Missing,
        io::ErrorKind::PermissionDenied => Class::Refused,
        _ => Class::Unreachable,
    };
    ProviderError::new(class, format!("cannot read {}: {}", path.display(), reason(error)))
}

/// Says what the system said, without its number.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

impl SecretProvider for Files {
    fn login(&self) -> Answer<'_, Session> {
        Box::pin(async { Ok(Session::NONE) })
    }

    fn fetch<'a>(&'a self, want: &'a Want) -> Answer<'a, Fetched> {
        Box::pin(async { self.read(want) })
    }

    fn renew<'a>(&'a self, _grant: &'a Grant) -> Answer<'a, Session> {
        Box::pin(async { Ok(Session::NONE) })
    }

    fn revoke<'a>(&'a self, _grant: &'a Grant) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use oakum_inject::provider::Manner;

    use super::*;

    fn want(path: &str, known: Option<oakum_inject::Version>) -> Want {
        Want {
            path: path.to_owned(),
            pinned: None,
            stage: None,
            known,
            with: BTreeMap::new(),
            manner: Manner::default(),
        }
    }

    #[test]
    fn a_file_is_one_field_and_a_directory_many() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("d/sub")).unwrap();
        fs::write(root.path().join("d/a"), "1").unwrap();
        fs::write(root.path().join("d/b"), "2").unwrap();
        fs::write(root.path().join("d/..hidden"), "3").unwrap();
        let files = Files::new(&FileStore { path: root.path().to_owned() });
        let Fetched::Changed { fields, version, .. } = files.read(&want("d", None)).unwrap() else { panic!("changed") };
        assert_eq!(fields.names(), ["a", "b"]);
        assert!(matches!(files.read(&want("d", Some(version))).unwrap(), Fetched::Unchanged));
        fs::write(root.path().join("d/b"), "4").unwrap();
        assert!(matches!(files.read(&want("d", Some(version))).unwrap(), Fetched::Changed { .. }));
        let Fetched::Changed { fields, .. } = files.read(&want("d/a", None)).unwrap() else { panic!("changed") };
        assert_eq!(fields.only().unwrap().bytes().expose(), b"1");
    }

    #[test]
    fn what_is_not_there_is_missing_and_what_is_too_large_is_said() {
        let root = tempfile::tempdir().unwrap();
        let files = Files::new(&FileStore { path: root.path().to_owned() });
        assert_eq!(files.read(&want("nothing", None)).unwrap_err().class, Class::Missing);
        fs::write(root.path().join("big"), vec![b'x'; MAX_FILE as usize + 1]).unwrap();
        assert!(files.read(&want("big", None)).unwrap_err().to_string().contains("larger than"));
    }
}
