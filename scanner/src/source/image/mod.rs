//! Container images in files and folders: what `docker save`, skopeo and Buildah write. Every layer is walked,
//! whatever later layers do to it, and every text of the configuration and the manifests is a content of its own.
//! Nothing is unpacked, and each stored blob is read once for all the images that have it.

pub(super) mod base;
pub(super) mod config;
pub(super) mod digest;
pub(super) mod entries;
mod layer;
pub(super) mod manifest;
mod permissions;
mod reference;
pub(super) mod store;
pub(super) mod unfold;

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use base::BuiltOn;
use config::fields;
pub(crate) use digest::is_digest;
use layer::Blob;
use manifest::{Plan, Text};
pub use reference::{Kind, Pick, Reference, recognise};
use store::{PartId, Store};
use unfold::why;

use super::{Flow, Limits, Sink, Source, SourceError, Why};
use crate::origin::{Image, Origin};

/// What paths are hashed with. New for each run, or a cache's own: nobody can name a file so that it seems to be
/// overwritten.
static SEED: OnceLock<u64> = OnceLock::new();

/// The hash of a path inside an image that layers' changes are kept by.
pub(crate) fn path_hash(path: impl AsRef<str>) -> u64 {
    let seed = SEED.get_or_init(|| getrandom::u64().unwrap_or(0x6f61_6b75_6d21_2121));
    xxhash_rust::xxh3::xxh3_64_with_seed(path.as_ref().as_bytes(), *seed)
}

/// Has all paths of this process hashed with a seed. `false` if another is in use.
pub(crate) fn seed_paths(seed: u64) -> bool {
    *SEED.get_or_init(|| seed) == seed
}

/// Images that were found at one place.
#[derive(Debug)]
pub struct Images {
    store: Store,
    plan: Plan,
}

impl Images {
    /// Opens the archive or folder, and reads which images are in it.
    ///
    /// # Errors
    /// If it cannot be opened, is not in the form that was said, or does not have the image that is meant.
    pub fn open(reference: &Reference, limits: &Limits) -> Result<Self, SourceError> {
        let store = Store::open(reference, limits)?;
        let plan = manifest::plan(&store, reference, limits, &BuiltOn::new())?;
        Ok(Self { store, plan })
    }

    /// Of parts that somebody else has, under a name that the user would know. They are called as in an OCI layout, or,
    /// for a [`Kind::Storage`], as in an archive of Docker's.
    ///
    /// # Errors
    /// If what is there says nothing of images.
    pub(super) fn remote(
        kind: Kind,
        name: &str,
        parts: Vec<store::RemotePart>,
        fetch: Box<dyn store::Fetch>,
        limits: &Limits,
        built_on: &BuiltOn,
    ) -> Result<Self, SourceError> {
        let reference = Reference::all(kind, std::path::Path::new(name));
        let store = Store::remote(parts, fetch);
        let plan = manifest::plan(&store, &reference, limits, built_on)?;
        Ok(Self { store, plan })
    }

    /// Of an archive as Docker saves it, which comes from its beginning each time.
    ///
    /// # Errors
    /// If it cannot be had, or is no such archive.
    pub(super) fn stream(target: &str, again: Box<dyn store::Reopen>, limits: &Limits) -> Result<Self, SourceError> {
        let name = target.strip_prefix("docker-daemon:").unwrap_or(target);
        let reference = Reference::all(Kind::DockerDaemon, std::path::Path::new(name));
        let open = |error| SourceError::Open { target: target.to_owned(), error };
        let store = Store::stream(again, limits).map_err(open)?;
        let plan = manifest::plan(&store, &reference, limits, &BuiltOn::new())?;
        Ok(Self { store, plan })
    }

    /// Notes an image that was wanted and could not be had, so that it is told of as what was passed over.
    pub(super) fn miss(&mut self, why: Why, name: String, said: String) {
        let image = Arc::new(Image { name, ..Image::default() });
        self.plan.skipped.push((why, Origin::Config { image, field: said }));
    }

    /// For each image the digests of its layers, unfolded, from the bottom.
    #[must_use]
    pub fn diff_ids(&self) -> Vec<Vec<String>> {
        let images = self.plan.texts.iter().map(|text| &text.image).filter(|image| !image.layers.is_empty());
        let mut all: Vec<Vec<String>> =
            images.map(|image| image.layers.iter().map(|layer| layer.diff_id.clone()).collect()).collect();
        all.dedup();
        all
    }

    fn texts(&self, limits: &Limits, sink: &dyn Sink) {
        let mut said = HashSet::new();
        for text in &self.plan.texts {
            if sink.flow() == Flow::Stop {
                return;
            }
            self.text(text, &mut said, limits, sink);
        }
    }

    /// Gives the fields of a document to the sink. `said` has the hashes of what images' own documents say.
    fn text(&self, text: &Text, said: &mut HashSet<u64>, limits: &Limits, sink: &dyn Sink) {
        let whole = || Origin::Config {
            image: text.image.clone(),
            field: text.stray.clone().unwrap_or_else(|| text.document.to_string()),
        };
        let json = match self.store.small(text.part, limits.json) {
            Ok(json) => json,
            // It is too large to be told apart by fields, and is read as it stands.
            Err(Why::Limit) => return self.raw(text.part, &whole(), sink),
            Err(why) => return sink.skipped(why, &whole()),
        };
        if text.digest.as_ref().is_some_and(|digest| !digest.fits(&json)) {
            sink.skipped(Why::Digest, &whole());
        }
        let (mut any, mut news) = (false, false);
        let read = fields(&json, text.document, &mut |field, content| {
            any = true;
            let new = said.insert(path_hash(&content));
            if text.stray.is_some() && !new {
                return;
            }
            news = true;
            let field = text.stray.as_ref().map_or_else(|| field.clone(), |name| format!("{name} {field}"));
            let origin = Origin::Config { image: text.image.clone(), field };
            // A content in memory cannot fail to be read.
            drop(sink.content(origin, &mut content.as_bytes()));
        });
        if read.is_err() {
            sink.skipped(Why::Malformed, &whole());
            drop(sink.content(whole(), &mut json.as_slice()));
        } else if any && !news {
            sink.skipped(Why::Legacy, &whole());
        }
    }

    fn raw(&self, part: PartId, whole: &Origin, sink: &dyn Sink) {
        let read =
            self.store.one(part, |opened| opened.and_then(|mut reader| sink.content(whole.clone(), &mut reader)));
        if let Err(error) = read {
            sink.skipped(why(&error), whole);
        }
    }
}

impl Source for Images {
    fn walk(&self, limits: &Limits, sink: &dyn Sink) -> Result<(), SourceError> {
        for (why, origin) in &self.plan.skipped {
            sink.skipped(*why, origin);
        }
        for (flaw, origin) in &self.plan.flaws {
            sink.flaw(*flaw, origin);
        }
        self.texts(limits, sink);
        let blobs: Vec<&Blob> = self.plan.blobs.iter().filter(|blob| !blob.recall(sink)).collect();
        let parts: Vec<PartId> = blobs.iter().map(|blob| blob.part).collect();
        self.store.each(&parts, limits.jobs, sink, &|at, opened| blobs[at].read(opened, limits, sink));
        Ok(())
    }

    fn identity(&self) -> Option<String> {
        self.plan.identity.clone()
    }
}

#[cfg(test)]
mod tests;
