//! The file that tells others the number of our process, as Vault Agent's `pid_file`.
//!
//! It is made before the sandbox holds, which lets it be taken away at the end where that says nothing about other folders
//! (`Reach::take_out`). Elsewhere it is left empty.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::output;

/// The file, open for as long as we run.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
    file: File,
}

impl PidFile {
    /// Writes our number into a file, in place of what it held. A link is not followed.
    ///
    /// # Errors
    /// Says why it cannot be written.
    pub(crate) fn write(path: &Path) -> Result<Self, Failure> {
        let failed = |error: &std::io::Error| {
            Failure::usage(format!("cannot write `pid_file` {}: {}", path.display(), output::reason(error)))
                .hint("name a file in a folder that the agent may write, or take `pid_file` out")
        };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o644).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
        let mut file = options.open(path).map_err(|error| failed(&error))?;
        file.write_all(std::process::id().to_string().as_bytes()).map_err(|error| failed(&error))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Gives where it is.
    pub(crate) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Empties the file and takes it away, as far as we may.
    pub(crate) fn remove(&self) {
        let _ = self.file.set_len(0);
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_there_while_the_process_is_and_replaces_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.pid");
        std::fs::write(&path, "an older and longer text").unwrap();
        let file = PidFile::write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), std::process::id().to_string());
        file.remove();
        assert!(!path.exists());
    }

    #[test]
    fn a_link_is_refused_and_so_is_a_folder_that_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("link"), folder.path().join("target"));
        std::fs::write(&target, "theirs").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        for path in [link, folder.path().join("none/agent.pid")] {
            let failure = PidFile::write(&path).unwrap_err();
            assert!(failure.code == 2 && failure.hint.is_some(), "{failure:?}");
        }
        assert_eq!(std::fs::read_to_string(target).unwrap(), "theirs");
    }
}
