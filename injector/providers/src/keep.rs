//! A file in memory that keeps a secret of the agent's own for its next process: a secret id that can be had only once, a
//! token that then need not be asked for again.
//!
//! It is refused on a disk, only its owner can read it, and it is replaced as a whole. Its first line says what the secret
//! belongs to, by a hash, so that it is used for nothing else; its second line is the secret.

use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use oakum_inject::config::TokenFile;
use oakum_inject::{Class, ProviderError, Secret};
use ring::digest;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid};

use crate::file::reason;
use crate::memory;

/// The most that such a file holds, in bytes: more than any answer that is kept.
const MAX_KEPT: u64 = 5 << 20;
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// What only its owner can read.
const ALONE: Mode = Mode::RUSR.union(Mode::WUSR);

/// The file's place.
pub(crate) struct Keep {
    path: PathBuf,
    folder: OwnedFd,
    name: String,
}

/// What is in the file.
pub(crate) struct Kept {
    /// What the secret belongs to ([`hash`]).
    pub(crate) of: String,
    pub(crate) secret: Secret,
}

impl Keep {
    /// Looks at the folder, which must be there and in memory. The file need not be.
    pub(crate) fn open(path: &Path) -> Result<Self, ProviderError> {
        let misconfigured = |what: String| ProviderError::new(Class::Misconfigured, what);
        let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return Err(misconfigured(format!("{} is no place for a file", path.display())));
        };
        let unusable = |error: rustix::io::Errno| {
            misconfigured(format!("cannot use {}: {}", folder.display(), reason(&error.into())))
                .hint("make the directory, or mount a memory emptyDir there")
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(folder, flags, Mode::empty()).map_err(unusable)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "magic numbers have 32 bits")]
        let magic = rustix::fs::fstatfs(&fd).map_err(unusable)?.f_type as u32;
        memory::in_memory(magic).map_err(|file_system| {
            misconfigured(format!("cannot keep a secret in {}: it is on {file_system}, not in memory", path.display()))
                .hint(memory::HINT)
        })?;
        Ok(Self { path: path.to_owned(), folder: fd, name: name.to_owned() })
    }

    /// The place of another file beside this one.
    pub(crate) fn beside(&self, name: &str) -> Result<Self, ProviderError> {
        let folder = self.folder.try_clone().map_err(|error| self.failed("use", &error))?;
        Ok(Self { path: self.path.with_file_name(name), folder, name: name.to_owned() })
    }

    /// Reads what is there; none if there is no file, or it is none of ours by its form.
    ///
    /// # Errors
    /// [`Class::Misconfigured`] when it is somebody else's, or somebody else could read it.
    pub(crate) fn read(&self) -> Result<Option<Kept>, ProviderError> {
        let Some(file) = self.file(OFlags::RDONLY).map_err(|error| self.failed("read", &error))? else {
            return Ok(None);
        };
        let about = rustix::fs::fstat(&file).map_err(|error| self.failed("read", &error.into()))?;
        let ours = about.st_uid == rustix::process::geteuid().as_raw() && about.st_mode & 0o077 == 0;
        if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile || !ours {
            let what = format!("{} is not a file that we alone can read", self.path.display());
            return Err(ProviderError::new(Class::Misconfigured, what).hint("take it away, and look who put it there"));
        }
        let mut bytes = Vec::with_capacity(1024);
        let read = std::fs::File::from(file).take(MAX_KEPT).read_to_end(&mut bytes);
        let whole = Secret::from(bytes);
        read.map_err(|error| self.failed("read", &error))?;
        Ok(whole
            .expose_str()
            .and_then(|text| text.strip_suffix('\n')?.split_once('\n'))
            .map(|(of, secret)| Kept { of: of.to_owned(), secret: Secret::from(secret.to_owned()) }))
    }

    /// Puts a secret there in place of what was there, whole or not at all.
    pub(crate) fn write(&self, of: &str, secret: &Secret) -> Result<(), ProviderError> {
        let parts = [of.as_bytes(), b"\n", secret.expose(), b"\n"];
        self.replace(&parts, ALONE, (None, None)).map_err(|error| self.failed("write", &error))
    }

    /// Puts a secret alone there, for others to read.
    pub(crate) fn give(&self, secret: &Secret, to: &TokenFile) -> Result<(), ProviderError> {
        let readers = Mode::from_raw_mode(to.mode.bits());
        self.replace(&[secret.expose()], readers, (to.user, to.group)).map_err(|error| {
            let failed = self.failed("write", &error);
            match (error.kind(), to.user) {
                (io::ErrorKind::PermissionDenied, Some(_)) => failed.hint(
                    "only root may give a file to another user: name a `group` that may read it, and not a `user`",
                ),
                _ => failed,
            }
        })
    }

    fn replace(&self, parts: &[&[u8]], readers: Mode, owner: (Option<u32>, Option<u32>)) -> io::Result<()> {
        let new = format!(".{}.new", self.name);
        // What a process left that was killed.
        let _ = rustix::fs::unlinkat(&self.folder, &new, AtFlags::empty());
        let flags = FILE | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let file = rustix::fs::openat(&self.folder, &new, flags, ALONE)?;
        // Before its first byte, and the owner first: changing it would clear bits of the mode.
        if let (Some(_), _) | (_, Some(_)) = owner {
            rustix::fs::fchown(&file, owner.0.map(Uid::from_raw), owner.1.map(Gid::from_raw))?;
        }
        if readers != ALONE {
            rustix::fs::fchmod(&file, readers)?;
        }
        let mut file = std::fs::File::from(file);
        parts.iter().try_for_each(|part| file.write_all(part))?;
        // One whose mode lets nobody write is only taken away.
        let before = self.file(OFlags::WRONLY).ok().flatten();
        rustix::fs::renameat(&self.folder, &new, &self.folder, &self.name)?;
        before.map_or(Ok(()), wipe)
    }

    /// Overwrites the file and takes it away. If that fails, what is in it ends by itself.
    pub(crate) fn remove(&self) {
        if let Ok(Some(file)) = self.file(OFlags::WRONLY) {
            let _ = wipe(file);
        }
        let _ = rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty());
    }

    fn file(&self, access: OFlags) -> io::Result<Option<OwnedFd>> {
        match rustix::fs::openat(&self.folder, &self.name, FILE | access, Mode::empty()) {
            Ok(fd) => Ok(Some(fd)),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn failed(&self, doing: &str, error: &io::Error) -> ProviderError {
        ProviderError::new(Class::Misconfigured, format!("cannot {doing} {}: {}", self.path.display(), reason(error)))
    }
}

/// Overwrites what a file holds: its pages would keep it until somebody needs them.
fn wipe(file: OwnedFd) -> io::Result<()> {
    let mut file = std::fs::File::from(file);
    let size = usize::try_from(file.metadata()?.len().min(MAX_KEPT)).unwrap_or(0);
    file.write_all(&vec![0; size])
}

/// Names what a secret belongs to without telling it: SHA-256 of all parts, each with its length in front.
pub(crate) fn hash(parts: &[&[u8]]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn place() -> tempfile::TempDir {
        tempfile::tempdir_in("/dev/shm").unwrap()
    }

    #[test]
    fn what_is_kept_is_read_back_and_replaced_and_only_ours() {
        let folder = place();
        let path = folder.path().join("kept");
        let keep = Keep::open(&path).unwrap();
        assert!(keep.read().unwrap().is_none());
        for word in ["first", "second and longer"] {
            keep.write(&hash(&[b"x"]), &Secret::from(word.to_owned())).unwrap();
            let kept = keep.read().unwrap().unwrap();
            assert_eq!((kept.secret.expose_str(), kept.of), (Some(word), hash(&[b"x"])));
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(keep.read().err().unwrap().class, Class::Misconfigured);
        keep.remove();
        assert!(!path.exists() && keep.read().unwrap().is_none());
    }

    #[test]
    fn a_link_is_not_followed_and_a_file_of_another_form_is_nothing() {
        let folder = place();
        let (path, other) = (folder.path().join("kept"), folder.path().join("other"));
        let keep = Keep::open(&path).unwrap();
        fs::write(&other, "a\nb\n").unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        assert!(keep.read().is_err());
        fs::remove_file(&path).unwrap();
        fs::write(&path, "half").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(keep.read().unwrap().is_none());
    }

    #[test]
    fn a_disk_is_refused_and_so_is_a_folder_that_is_not_there() {
        let error = Keep::open(Path::new("/proc/kept")).err().unwrap();
        assert_eq!(error.to_string(), "cannot keep a secret in /proc/kept: it is on proc, not in memory");
        assert!(Keep::open(Path::new("/nonexistent/kept")).err().unwrap().hint.is_some());
    }

    #[test]
    fn what_a_secret_belongs_to_is_told_apart_wherever_its_parts_begin() {
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
    }
}
