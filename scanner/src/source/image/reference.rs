//! What the user types to name an image: `docker-archive:FILE`, `oci:DIR`, `oci-archive:FILE`, each with an optional
//! `:TAG` or `@DIGEST` that picks one; and what a file without a scheme is.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::digest::Digest;
use super::entries::{Entries, Kind as EntryKind};
use super::store::Cursor;
use super::unfold::{Compression, HEAD, Unfolded};
use crate::source::image::digest::Hashes;

/// In what form images are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What `docker save` writes.
    DockerArchive,
    /// A folder in the OCI image layout.
    Oci,
    /// That folder as a tar.
    OciArchive,
    /// What an engine gives, as `docker save` writes it.
    DockerDaemon,
    /// What a store of Podman has, as such an archive would have it.
    Storage,
    /// What a registry has, as such a folder would have it.
    Registry,
    /// What containerd's store has, as such a folder would have it.
    Containerd,
}

impl Kind {
    /// Its scheme, without the colon.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Self::DockerArchive => "docker-archive",
            Self::Oci => "oci",
            Self::OciArchive => "oci-archive",
            Self::DockerDaemon => "docker-daemon",
            Self::Storage => "containers-storage",
            Self::Registry => "docker",
            Self::Containerd => "containerd",
        }
    }
}

/// Where images are, and which of them is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The form.
    pub kind: Kind,
    /// The file or folder.
    pub path: PathBuf,
    /// One image of those; all without it.
    pub pick: Option<Pick>,
}

/// Which image of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// By its name or tag.
    Tag(String),
    /// By the digest of its manifest, or of an index that leads to it.
    Digest(String),
}

impl Reference {
    /// All images at `path`.
    #[must_use]
    pub fn all(kind: Kind, path: &Path) -> Self {
        Self { kind, path: path.to_owned(), pick: None }
    }

    /// Reads `SCHEME:PATH`, `SCHEME:PATH:TAG` or `SCHEME:PATH@DIGEST`. `None` if there is no such scheme. A path that
    /// exists as it stands is taken whole, whatever colons are in it.
    #[must_use]
    pub fn parse(target: &str) -> Option<Self> {
        let (scheme, rest) = target.split_once(':')?;
        let kind =
            [Kind::DockerArchive, Kind::Oci, Kind::OciArchive].into_iter().find(|kind| kind.scheme() == scheme)?;
        if Path::new(rest).exists() {
            return Some(Self::all(kind, Path::new(rest)));
        }
        if let Some((path, digest)) = rest.rsplit_once('@').filter(|(_, digest)| Digest::parse(digest).is_some()) {
            return Some(Self { kind, path: path.into(), pick: Some(Pick::Digest(digest.into())) });
        }
        // A tag may have colons too (`registry:5000/web:1`), so the longest path that exists is the path.
        let cut = rest.rmatch_indices(':').map(|(i, _)| i).find(|&i| Path::new(&rest[..i]).exists());
        Some(match cut {
            Some(i) if i + 1 < rest.len() => {
                Self { kind, path: rest[..i].into(), pick: Some(Pick::Tag(rest[i + 1..].into())) }
            }
            _ => Self::all(kind, Path::new(rest)),
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.scheme(), self.path.display())?;
        match &self.pick {
            None => Ok(()),
            Some(Pick::Tag(tag)) => write!(f, ":{tag}"),
            Some(Pick::Digest(digest)) => write!(f, "@{digest}"),
        }
    }
}

/// How many entries of a tar are looked at before it is taken for something else.
const MOST_ENTRIES: u64 = 4096;
/// How much of a compressed tar is unfolded before it is taken for something else, unless its names are an image's.
const MOST_UNFOLDED: u64 = 64 << 20;

/// Whether a path that was given without a scheme is an image, by what is in it.
///
/// # Errors
/// If it cannot be opened.
pub fn recognise(path: &Path) -> std::io::Result<Option<Kind>> {
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Ok(is_layout_folder(path).then_some(Kind::Oci));
    }
    // A pipe is read once, by whoever scans it.
    if !metadata.is_file() {
        return Ok(None);
    }
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let cursor = Cursor::new(file)?;
    Ok(match Compression::of(&head) {
        Compression::Plain => marks(Entries::new(cursor, MOST_ENTRIES), false),
        Compression::Unknown(_) => None,
        _ => Unfolded::new(cursor, Hashes::default(), Hashes::default(), u64::MAX)
            .ok()
            .and_then(|stream| marks(Entries::new(stream, MOST_ENTRIES), true)),
    })
}

/// A folder is an image only if it is nothing else: a source tree that has a layout's files at its root is a tree.
fn is_layout_folder(path: &Path) -> bool {
    let layout = std::fs::read(path.join("oci-layout")).is_ok_and(|text| is_layout(&text));
    layout
        && path.join("index.json").is_file()
        && std::fs::read_dir(path)
            .is_ok_and(|mut all| all.all(|entry| entry.is_ok_and(|e| is_part(&e.file_name().to_string_lossy()))))
}

/// Looks for the files that make a tar an image archive. To pass over the others costs nothing in a file, but in a
/// compressed one all of it, so there it ends soon unless the names so far are those of an image. An archive that
/// breaks off before it has said what it is is taken for what its names look like: to take it for a file like any
/// other would be to find nothing in it, and say nothing.
fn marks<R: super::entries::Advance>(mut entries: Entries<R>, costly: bool) -> Option<Kind> {
    let (mut like_an_image, mut blobs, mut any) = (true, false, false);
    loop {
        let entry = match entries.next() {
            Ok(Some(entry)) => entry,
            Ok(None) => return None,
            Err(_) if any && like_an_image && !entries.ended() => {
                return Some(if blobs { Kind::OciArchive } else { Kind::DockerArchive });
            }
            Err(_) => return None,
        };
        like_an_image &= is_part(&entry.path);
        blobs |= entry.path.starts_with("blobs");
        any = true;
        let passed = entry.offset.saturating_add(entry.size);
        if entry.kind == EntryKind::File && matches!(entry.path.as_str(), "manifest.json" | "oci-layout") {
            let mut text = Vec::new();
            entries.content().take(4 << 20).read_to_end(&mut text).ok()?;
            if entry.path == "oci-layout" && is_layout(&text) {
                return Some(Kind::OciArchive);
            }
            if entry.path == "manifest.json" && is_docker_manifest(&text) {
                return Some(Kind::DockerArchive);
            }
        }
        if costly && !like_an_image && passed > MOST_UNFOLDED {
            return None;
        }
    }
}

/// Whether an image archive may have a part of that name.
pub(super) fn is_part(name: &str) -> bool {
    let first = name.split('/').next().unwrap_or(name);
    let hex = first.strip_prefix("sha256:").unwrap_or(first).split('.').next().unwrap_or(first);
    matches!(first, "blobs" | "oci-layout" | "index.json" | "manifest.json" | "repositories")
        || Digest::of_hex(hex).is_some()
}

fn is_layout(text: &[u8]) -> bool {
    let layout: Option<serde_json::Value> = serde_json::from_slice(text).ok();
    layout.is_some_and(|layout| layout.get("imageLayoutVersion").is_some())
}

fn is_docker_manifest(text: &[u8]) -> bool {
    let manifest: Option<serde_json::Value> = serde_json::from_slice(text).ok();
    let items = manifest.as_ref().and_then(|manifest| manifest.as_array());
    items.is_some_and(|items| items.iter().any(|item| item.get("Layers").is_some() && item.get("Config").is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_what_follows_a_path_that_exists() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a:b");
        std::fs::create_dir(&path).unwrap();
        let parse = |rest: &str| Reference::parse(&format!("oci:{}{rest}", path.display())).unwrap();
        assert_eq!(parse(""), Reference::all(Kind::Oci, &path));
        let tag = parse(":registry:5000/web:1");
        assert_eq!((tag.path, tag.pick), (path.clone(), Some(Pick::Tag("registry:5000/web:1".into()))));
        let digest = parse("@sha256:00");
        assert_eq!(digest.to_string(), format!("oci:{}@sha256:00", path.display()));
        assert_eq!(digest.pick, Some(Pick::Digest("sha256:00".into())));
        assert_eq!(Reference::parse("docker-archive:none.tar").unwrap().path, Path::new("none.tar"));
        assert_eq!(Reference::parse("git:."), None);
        assert_eq!(Reference::parse("none.tar"), None);
    }

    #[test]
    fn names_of_parts_are_known() {
        let hex = "0".repeat(64);
        for name in [
            "manifest.json",
            "blobs/sha256/00",
            &format!("{hex}/layer.tar"),
            &format!("sha256:{hex}"),
            &format!("{hex}.tar.gz"),
        ] {
            assert!(is_part(name), "{name}");
        }
        for name in ["src/main.rs", "etc/passwd", "manifest"] {
            assert!(!is_part(name), "{name}");
        }
    }
}
