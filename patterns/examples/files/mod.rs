//! What the examples read.

use std::path::{Path, PathBuf};

/// Adds the files at and below a path, in the order of their names; links are not followed.
pub(crate) fn files(path: &Path, all: &mut Vec<PathBuf>) {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return };
    if metadata.is_file() {
        all.push(path.to_owned());
    } else if metadata.is_dir() {
        let mut entries: Vec<_> = std::fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.path()).collect();
        entries.sort();
        entries.iter().for_each(|entry| files(entry, all));
    }
}
