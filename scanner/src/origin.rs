//! Where bytes came from.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

/// Where a content came from. Ordered as reports list it: files and images by name, layers by place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A file of a tree, by the path that the user would type.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// A file in a layer of an image.
    Layer {
        /// The image.
        image: Arc<Image>,
        /// The layer, from the bottom, counted from zero.
        index: usize,
        /// The path in the image, without a leading slash; empty for the layer as a whole.
        path: String,
        /// What the layer says of the file besides, if it is one.
        permissions: Option<Permissions>,
    },
    /// A field of an image's configuration.
    Config {
        /// The image.
        image: Arc<Image>,
        /// The field, such as `Env[3] DB_PASSWORD`.
        field: String,
    },
    /// A file inside another.
    Member {
        /// The file that holds it.
        outer: Box<Origin>,
        /// Its path there.
        path: String,
    },
}

/// Whose a file is, and who may do what with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Permissions {
    /// The lower twelve bits of its mode: setuid, setgid, sticky, and three for each of owner, group and others.
    pub mode: u16,
    /// The owner.
    pub uid: u64,
    /// The group.
    pub gid: u64,
}

/// An image of one platform: its manifest and configuration, as far as findings tell of them.
#[derive(Debug, Default)]
pub struct Image {
    /// The image as the user named it, or its first tag in the archive.
    pub name: String,
    /// All its tags there.
    pub tags: Vec<String>,
    /// `os/architecture` and the variant if there is one.
    pub platform: String,
    /// The digest of its manifest, where it has one; of its configuration otherwise.
    pub digest: String,
    /// How it is known which of its layers are another image's, where it is.
    pub base_by: Option<BaseBy>,
    /// Its layers, from the bottom.
    pub layers: Vec<Layer>,
}

/// How it is known which layers belong to the image that another is built on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseBy {
    /// They are the layers of an image that was said to be a base.
    Given,
    /// They are in a list of digests of layers of such images.
    Digests,
    /// The image says by its annotations or labels (`org.opencontainers.image.base.digest`) what it is built on, and that
    /// image is there too.
    Labels,
    /// An image ends with what it runs: what comes before such an entry of the history is guessed to be another's.
    History,
}

/// A layer of an image.
#[derive(Debug, Default)]
pub struct Layer {
    /// The digest of the layer as it is stored.
    pub digest: String,
    /// The digest of its uncompressed tar, from the configuration; empty if that does not say.
    pub diff_id: String,
    /// The entry of the history that made it, counted from zero.
    pub history: Option<usize>,
    /// The instruction that made it, as written: it may hold secrets, so it is redacted before anyone sees it.
    pub created_by: String,
    /// Whether it belongs to the base image, where that is known.
    pub base: Option<bool>,
    /// What it did to the layers below, once it has been walked. All images that have the layer share it.
    pub changes: Arc<OnceLock<Changes>>,
}

/// What a layer puts, deletes and hides, by keyed hashes of paths, so that a layer of a million entries costs 8 MB.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Paths that it puts a file (or anything but a folder) at; sorted.
    pub puts: Vec<u64>,
    /// Paths that it has a folder at, which replaces a file there but not what is in a folder there; sorted.
    pub folders: Vec<u64>,
    /// Paths that it deletes by a whiteout; sorted.
    pub deletes: Vec<u64>,
    /// Folders whose lower contents it hides; sorted.
    pub hides: Vec<u64>,
}

/// Whether what a layer put somewhere can still be read in the image's file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It is there.
    Present,
    /// A later layer put another content at its path.
    Overwritten {
        /// That layer.
        by: usize,
    },
    /// A later layer deleted it, or a folder above it.
    Deleted {
        /// That layer.
        by: usize,
    },
}

impl Image {
    /// The state of `path` as the layer at `index` put it. `hash` is the hash of paths that the changes were made with.
    #[must_use]
    pub fn state(&self, index: usize, path: &str, hash: impl Fn(&str) -> u64) -> State {
        let whole = hash(path);
        let above: Vec<u64> = path.match_indices('/').map(|(i, _)| hash(&path[..i])).chain([hash("")]).collect();
        let has = |list: &[u64], h: u64| list.binary_search(&h).is_ok();
        for (by, layer) in self.layers.iter().enumerate().skip(index + 1) {
            let Some(changes) = layer.changes.get() else { continue };
            let gone = has(&changes.deletes, whole)
                || above.iter().any(|&h| has(&changes.deletes, h) || has(&changes.hides, h) || has(&changes.puts, h));
            // A layer that deletes a path and puts a file there has replaced it.
            if has(&changes.puts, whole) || has(&changes.folders, whole) {
                return State::Overwritten { by };
            }
            if gone {
                return State::Deleted { by };
            }
        }
        State::Present
    }
}

// Images are compared by what a report shows of them.
impl PartialEq for Image {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Image {}

impl PartialOrd for Image {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Image {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.name, &self.platform, &self.digest).cmp(&(&other.name, &other.platform, &other.digest))
    }
}

impl Origin {
    /// How messages name it; unescaped.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::File(path) => path.to_string_lossy().into_owned(),
            Self::Stdin => "standard input".into(),
            Self::Layer { image, index, path, .. } if path.is_empty() => format!("{} layer {index}", image.name),
            Self::Layer { image, index, path, .. } => format!("{} layer {index}: {path}", image.name),
            Self::Config { image, field } => format!("{} configuration: {field}", image.name),
            Self::Member { outer, path } => format!("{} › {path}", outer.describe()),
        }
    }

    /// The place in an image or tree, whichever image and layer it is: what stays the same from one build to the next.
    #[must_use]
    pub(crate) fn spot(&self) -> String {
        match self {
            Self::File(path) => path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            Self::Stdin => String::new(),
            Self::Layer { path, .. } => path.clone(),
            Self::Config { field, .. } => format!("configuration {field}"),
            Self::Member { outer, path } => format!("{} › {path}", outer.spot()),
        }
    }

    /// The path of the file that it is, as far as it is one; unescaped.
    pub(crate) fn path(&self) -> Option<std::borrow::Cow<'_, str>> {
        match self {
            Self::File(path) => Some(path.to_string_lossy()),
            Self::Layer { path, .. } | Self::Member { path, .. } => Some(path.into()),
            Self::Stdin | Self::Config { .. } => None,
        }
    }

    /// The same place in another image that has the layer too, as its layer at `index`.
    #[must_use]
    pub fn shared_with(&self, image: &Arc<Image>, index: usize) -> Self {
        match self {
            Self::Layer { path, permissions, .. } => {
                Self::Layer { image: Arc::clone(image), index, path: path.clone(), permissions: *permissions }
            }
            Self::Member { outer, path } => {
                Self::Member { outer: Box::new(outer.shared_with(image, index)), path: path.clone() }
            }
            other => other.clone(),
        }
    }

    /// The outermost origin, and the path of members that leads to this one.
    #[must_use]
    pub fn split(&self) -> (&Self, Vec<&str>) {
        match self {
            Self::Member { outer, path } => {
                let (root, mut members) = outer.split();
                members.push(path);
                (root, members)
            }
            other => (other, Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(path: &str) -> u64 {
        path.bytes().fold(7, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)))
    }

    fn changes(puts: &[&str], deletes: &[&str], hides: &[&str]) -> Changes {
        let of = |list: &[&str]| {
            let mut all: Vec<u64> = list.iter().map(|p| hash(p)).collect();
            all.sort_unstable();
            all
        };
        Changes { puts: of(puts), folders: Vec::new(), deletes: of(deletes), hides: of(hides) }
    }

    fn image(all: Vec<Changes>) -> Image {
        let layers =
            all.into_iter().map(|c| Layer { changes: Arc::new(OnceLock::from(c)), ..Layer::default() }).collect();
        Image { layers, ..Image::default() }
    }

    #[test]
    fn a_later_layer_overwrites_deletes_and_hides() {
        let image = image(vec![
            changes(&["a/b", "c", "d/e", "f/g"], &[], &[]),
            changes(&["a/b"], &["c"], &["d"]),
            changes(&["f"], &["a/b"], &[]),
        ]);
        assert_eq!(image.state(0, "a/b", hash), State::Overwritten { by: 1 });
        assert_eq!(image.state(1, "a/b", hash), State::Deleted { by: 2 });
        assert_eq!(image.state(0, "c", hash), State::Deleted { by: 1 });
        assert_eq!(image.state(0, "d/e", hash), State::Deleted { by: 1 });
        // A file in place of a folder takes away all that was in it.
        assert_eq!(image.state(0, "f/g", hash), State::Deleted { by: 2 });
        assert_eq!(image.state(2, "f", hash), State::Present);
    }

    #[test]
    fn a_folder_replaces_a_file_but_not_what_is_in_a_folder() {
        let over = Changes { folders: vec![hash("a")], ..Changes::default() };
        let image = image(vec![changes(&["a", "a/b"], &[], &[]), over]);
        assert_eq!(image.state(0, "a", hash), State::Overwritten { by: 1 });
        assert_eq!(image.state(0, "a/b", hash), State::Present);
    }

    #[test]
    fn an_opaque_root_hides_everything_below() {
        let image = image(vec![changes(&["a"], &[], &[]), changes(&[], &[], &[""])]);
        assert_eq!(image.state(0, "a", hash), State::Deleted { by: 1 });
    }
}
