//! Where contents come from. A source walks what it was pointed at, with as many threads as the limits allow, and
//! hands over every content as a reader; it never holds one whole, and never passes one by without saying so.

pub(crate) mod archive;
pub mod containerd;
mod crew;
pub mod daemon;
mod files;
pub mod image;
pub mod registry;
mod stdin;
pub mod storage;
mod tls;

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read};

pub use files::Files;
pub use stdin::Stdin;

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::lint::Flaw;
use crate::origin::{Changes, Image, Origin};

/// How much a source may do at once, and how far it may go into what somebody else made.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Threads that read and scan.
    pub jobs: usize,
    /// The most entries of one archive or layer.
    pub entries: u64,
    /// The most bytes that one compressed archive or layer may unfold to.
    pub unfolded: u64,
    /// How deep archives are opened that are in one another.
    pub depth: usize,
    /// Of images for several platforms, the only one that is read: `linux/arm64`.
    pub platform: Option<String>,
    /// The layers of images that others are built on, from the bottom, by the digests of their tars.
    pub bases: Vec<Vec<String>>,
    /// Layers that are of such images wherever they are: digests as they are stored, or of their tars.
    pub base_digests: BTreeSet<String>,
    /// The largest manifest or configuration that is read, in bytes.
    pub json: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            entries: 10_000_000,
            unfolded: 256 << 30,
            depth: 8,
            platform: None,
            bases: Vec::new(),
            base_digests: BTreeSet::new(),
            // What registries accept of a manifest; a configuration is smaller yet.
            json: 4 << 20,
        }
    }
}

/// Something that can be walked.
pub trait Source {
    /// Hands every content to the sink, and what is passed over with the reason.
    ///
    /// # Errors
    /// What keeps the walk from beginning: a missing path, an archive that is none. What goes wrong on the way is
    /// told to the sink, and the walk goes on.
    fn walk(&self, limits: &Limits, sink: &dyn Sink) -> Result<(), SourceError>;

    /// What stays the same from one scan of this target to the next: an image's repository name, a repository's
    /// root commit. Fingerprints are keyed by it when the user gives no key.
    fn identity(&self) -> Option<String> {
        None
    }
}

/// Takes contents, from several threads.
pub trait Sink: Sync {
    /// Reads a content to its end and scans it.
    ///
    /// # Errors
    /// What the reader says. What came before the error has been scanned; the caller says what is missing by
    /// [`Sink::skipped`].
    fn content(&self, origin: Origin, content: &mut dyn Read) -> io::Result<()>;

    /// Reads a content to its end and scans it as it stands, whatever it may hold.
    ///
    /// # Errors
    /// As [`Sink::content`].
    fn bytes(&self, origin: Origin, content: &mut dyn Read) -> io::Result<()> {
        self.content(origin, content)
    }

    /// Counts something that is not scanned, or not to its end.
    fn skipped(&self, why: Why, origin: &Origin);

    /// Says that the layer at `index` of an image is also the layer at `other_index` of another, or of the same: it is
    /// read once, and each place in the one is a place in the other too.
    fn shared(&self, image: &Arc<Image>, index: usize, other: &Arc<Image>, other_index: usize);

    /// Whether flaws are asked for.
    fn lints(&self) -> bool {
        false
    }

    /// Takes down what an image gets wrong besides.
    fn flaw(&self, _flaw: Flaw, _origin: &Origin) {}

    /// Takes what an earlier scan knows of a layer as if it were read now, and says what it does to those below. `layer`
    /// names all that decides what is in it.
    fn known(&self, _image: &Arc<Image>, _index: usize, _layer: &str) -> Option<Changes> {
        None
    }

    /// Says that a layer has been read to its end and is what `layer` names.
    fn walked(&self, _image: &Arc<Image>, _index: usize, _layer: &str, _changes: &Arc<OnceLock<Changes>>) {}

    /// Lends this thread, which has nothing left to walk, until none of those is walking that are counted.
    fn lend(&self, _walking: &AtomicUsize) {}

    /// Whether to go on.
    fn flow(&self) -> Flow {
        Flow::Go
    }
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Yes.
    Go,
    /// The user has asked to end.
    Stop,
}

/// Why something was passed over. The words are part of the report's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Why {
    /// A link; what it points at is scanned where it is.
    Symlink,
    /// Another name of a file; its content is scanned where it is.
    HardLink,
    /// A socket, device or pipe.
    Special,
    /// A part of an image archive that only repeats what others say, in a form that old programs read.
    Legacy,
    /// Git's own folder; its history is another target.
    GitFolder,
    /// An ignore file names it and `--respect-gitignore` was given.
    Ignored,
    /// It could not be opened or read.
    Unreadable,
    /// It ended before it should.
    Truncated,
    /// It is not what its digest says.
    Digest,
    /// It is encrypted.
    Encrypted,
    /// Its compression is not known.
    Compression,
    /// It is not in the form that it should be.
    Malformed,
    /// It goes beyond a limit.
    Limit,
    /// A layer that the archive names but does not hold.
    Missing,
    /// An object of git's that is kept as a change of another, which is not there.
    NoBase,
    /// An image that another says it is built on: its registry did not give it, so it is not known whose the layers are.
    Base,
    /// An image of another platform: the index names it but the archive was saved without it, or it was not asked for.
    OtherPlatform,
    /// The scanner itself failed on it.
    Fault,
    /// The user ended the scan.
    Stopped,
}

impl Why {
    /// Whether something that might hold a secret was not looked at.
    #[must_use]
    pub fn is_gap(self) -> bool {
        !matches!(
            self,
            Self::Symlink
                | Self::HardLink
                | Self::Special
                | Self::Legacy
                | Self::GitFolder
                | Self::Ignored
                | Self::Base
                | Self::OtherPlatform
        )
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Symlink => "symbolic link",
            Self::HardLink => "hard link",
            Self::Legacy => "repeats other parts of the image",
            Self::Special => "not a regular file",
            Self::GitFolder => "git folder",
            Self::Ignored => "ignored by an ignore file",
            Self::Unreadable => "cannot be read",
            Self::Truncated => "ends too early",
            Self::Digest => "does not match its digest",
            Self::Encrypted => "encrypted",
            Self::Compression => "unknown compression",
            Self::Malformed => "malformed",
            Self::Limit => "beyond a limit",
            Self::Missing => "missing from the image",
            Self::NoBase => "change of a git object that is not there",
            Self::Base => "base image cannot be had",
            Self::OtherPlatform => "image of another platform",
            Self::Fault => "the scanner failed on it",
            Self::Stopped => "the scan was stopped",
        })
    }
}

/// Why a walk could not begin.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Nothing is there.
    #[error("cannot scan {target}: {error}")]
    Open {
        /// What the user named.
        target: String,
        /// What the system says.
        error: io::Error,
    },
    /// Something is there, but not what it was said to be.
    #[error("cannot scan {target}: {why}")]
    Form {
        /// What the user named.
        target: String,
        /// What is wrong.
        why: String,
        /// The way out, where we know one.
        hint: Option<String>,
    },
}

impl SourceError {
    /// The way out, where we know one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Open { error, .. } if error.kind() == io::ErrorKind::NotFound => {
                Some("check the path; images are named with a scheme, such as docker-archive:FILE or oci:DIR".into())
            }
            Self::Open { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
                Some("run as a user who may read it".into())
            }
            Self::Open { .. } => None,
            Self::Form { hint, .. } => hint.clone(),
        }
    }
}
