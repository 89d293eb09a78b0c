//! Tells the program what it was built from, so that what an earlier build wrote into a cache is not taken for its own.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// All that decides what is found. Where the workspace is not there, the version in the package tells.
const SOURCES: [&str; 5] = ["src", "../patterns/src", "../patterns/rules", "../patterns/surprisal", "../Cargo.lock"];

#[allow(clippy::print_stdout, reason = "cargo's protocol")]
fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut hasher = DefaultHasher::new();
    for source in SOURCES {
        let path = here.join(source);
        if path.exists() {
            println!("cargo::rerun-if-changed={source}");
            hash(&path, &mut hasher)?;
        }
    }
    println!("cargo::rustc-env=OAKUM_BUILD={:016x}", hasher.finish());
    Ok(())
}

fn hash(path: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    if path.is_dir() {
        let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        return entries.iter().try_for_each(|entry| hash(&entry.path(), hasher));
    }
    path.file_name().hash(hasher);
    fs::read(path)?.hash(hasher);
    Ok(())
}
