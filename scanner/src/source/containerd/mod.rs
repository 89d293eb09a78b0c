//! Images in containerd's own store, read in place, whether it runs or not: what they are called is in its database, and
//! manifests, configurations and layers lie beside it as files, named by their digests. Layers that containerd threw away
//! once it had unpacked them (`discard_unpacked_layers`) are gaps.

mod bolt;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::image::base::BuiltOn;
use super::image::config::platform;
use super::image::digest::Digest;
use super::image::manifest::{digest_of, is_other};
use super::image::store::{Fetch, RemotePart};
use super::image::unfold::gap;
use super::image::{Images, Kind};
use super::storage::{is_called, within};
use super::{Limits, SourceError, Why};
use bolt::{Fault, Item, Tree};

/// Where the store is if nobody says where: containerd's, that of one user, that of k3s, and that of Docker.
const ROOT: &str = "/var/lib/containerd";
const OWN_ROOT: &str = ".local/share/containerd";
const OTHER_ROOTS: [&str; 2] = ["/var/lib/rancher/k3s/agent/containerd", "/var/lib/docker/containerd/daemon"];
const DATABASE: &str = "io.containerd.metadata.v1.bolt/meta.db";
const CONTENT: &str = "io.containerd.content.v1.content";
/// How deep indexes may nest.
const MOST_DEPTH: usize = 8;
/// How many images a store may name, and how many blobs these may have.
const MOST_IMAGES: usize = 100_000;
const MOST_BLOBS: usize = 1_000_000;
/// How many names a message lists.
const MOST_LISTED: usize = 10;
/// The shortest beginning of an id that is one.
const SHORTEST_ID: usize = 12;

/// What a target says: `[NAMESPACE@ROOT]NAME`, of which either part of the bracket, or all of it, may be missing.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    namespace: Option<&'a str>,
    root: Option<&'a Path>,
    name: &'a str,
}

impl<'a> Place<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let Some(rest) = text.strip_prefix('[') else {
            return Some(Self { namespace: None, root: None, name: text });
        };
        let (place, name) = rest.split_once(']')?;
        // No namespace has a slash in it, and a folder that is given alone has one.
        let (namespace, root) = match place.split_once('@') {
            Some((namespace, root)) => (Some(namespace), Some(root)),
            None if place.contains('/') => (None, Some(place)),
            None => (Some(place), None),
        };
        if root == Some("") || (namespace.is_none_or(str::is_empty) && root.is_none()) {
            return None;
        }
        Some(Self { namespace: namespace.filter(|name| !name.is_empty()), root: root.map(Path::new), name })
    }

    fn root(&self) -> PathBuf {
        if let Some(root) = self.root {
            return root.to_owned();
        }
        let own = std::env::var_os("HOME").map(|home| Path::new(&home).join(OWN_ROOT));
        let others = OTHER_ROOTS.into_iter().map(PathBuf::from);
        let mut all = [PathBuf::from(ROOT)].into_iter().chain(own).chain(others);
        all.find(|root| root.join(CONTENT).exists()).unwrap_or_else(|| ROOT.into())
    }
}

/// Opens an image of a store, by its name or a digest; without a name all that have one.
///
/// # Errors
/// If there is no store, or no such image in it.
pub fn open(text: &str, limits: &Limits) -> Result<Images, SourceError> {
    let target = format!("containerd:{text}");
    let form = |why: String, hint: &str| SourceError::Form { target: target.clone(), why, hint: Some(hint.to_owned()) };
    let place = Place::parse(text).ok_or_else(|| {
        form(
            "it is no name of an image".into(),
            "as in containerd:docker.io/library/web:1, or [k8s.io@ROOT]NAME for one namespace of a store elsewhere",
        )
    })?;
    let root = place.root();
    let content = root.join(CONTENT);
    match std::fs::metadata(&content) {
        Ok(metadata) if metadata.is_dir() => {}
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(SourceError::Open { target, error });
        }
        _ => {
            let why = format!("there is no store of containerd in {}", root.display());
            return Err(form(why, "`containerd config dump` says where its root is: containerd:[ROOT]NAME"));
        }
    }
    let digest = Digest::parse(place.name.rsplit('@').next().unwrap_or(place.name));
    let digest = digest.filter(|digest| content.join(digest.part()).is_file());
    let wanted = match named(&root.join(DATABASE)) {
        Ok(all) => all.wanted(&place, digest).map_err(|why| form(why, &all.listed(&place)))?,
        // What an image is called is not needed by whoever knows its digest.
        Err(fault) => match digest {
            Some(digest) => BTreeMap::from([(digest, BTreeSet::new())]),
            None => {
                let why = format!("its names, in {DATABASE}, cannot be read: {fault}");
                return Err(form(why, "an image can be had by the digest of its manifest, as containerd:sha256:HEX"));
            }
        },
    };
    let mut found = Found { content: &content, limits, parts: BTreeMap::new() };
    let mut roots = Vec::new();
    for (digest, names) in wanted {
        found.document(&digest, 0);
        let of = |name: Option<String>| {
            let annotations = name.map(|name| json!({"io.containerd.image.name": name}));
            json!({"digest": digest.as_str(), "annotations": annotations})
        };
        if names.is_empty() {
            roots.push(of(None));
        }
        roots.extend(names.into_iter().map(|name| of(Some(name))));
    }
    let index = json!({"schemaVersion": 2, "manifests": roots}).to_string().into_bytes();
    let parts = found.parts.into_iter().map(|(name, size)| RemotePart::Pulled { name, size });
    let parts = parts.chain([RemotePart::Held { name: "index.json".into(), bytes: index }]).collect();
    Images::remote(Kind::Containerd, text, parts, Box::new(Blobs { content }), limits, &BuiltOn::new())
}

/// The images of a store: of each its namespace, name, and digest.
struct Named(Vec<(String, String, Digest)>);

fn named(database: &Path) -> Result<Named, Fault> {
    let file = File::open(database)?;
    bolt::read(&file, |tree| {
        let mut all = Vec::new();
        let mut namespaces = Vec::new();
        let Some(version) = tree.bucket(&tree.root(), b"v1")? else { return Ok(Named(all)) };
        buckets(tree, &version, &mut namespaces)?;
        for (namespace, bucket) in namespaces {
            let mut images = Vec::new();
            let Some(bucket) = tree.bucket(&bucket, b"images")? else { continue };
            buckets(tree, &bucket, &mut images)?;
            for (name, image) in images {
                let Some(target) = tree.bucket(&image, b"target")? else { continue };
                if let Some(Item::Value(digest)) = tree.find(&target, b"digest")?
                    && let Some(digest) = std::str::from_utf8(&digest).ok().and_then(Digest::parse)
                {
                    all.push((namespace.clone(), name, digest));
                }
            }
        }
        Ok(Named(all))
    })
}

/// The buckets in a bucket.
fn buckets(tree: &Tree<'_>, bucket: &bolt::Bucket, all: &mut Vec<(String, bolt::Bucket)>) -> Result<(), Fault> {
    tree.each(bucket, &mut |key, item| {
        if let Item::Bucket(bucket) = item {
            if all.len() >= MOST_IMAGES {
                return Err(Fault::Limit);
            }
            all.push((String::from_utf8_lossy(key).into_owned(), bucket));
        }
        Ok(())
    })
}

impl Named {
    fn of<'a>(&'a self, place: &'a Place<'_>) -> impl Iterator<Item = (&'a str, &'a Digest)> {
        let here = |namespace: &str| place.namespace.is_none_or(|wanted| wanted == namespace);
        self.0.iter().filter(move |(namespace, ..)| here(namespace)).map(|(_, name, digest)| (name.as_str(), digest))
    }

    /// The digests that a target means, each with all that it is called. One that is asked for by its digest need have
    /// no name.
    fn wanted(&self, place: &Place<'_>, digest: Option<Digest>) -> Result<BTreeMap<Digest, BTreeSet<String>>, String> {
        let meant = |name: &str, known: &Digest| {
            place.name.is_empty() || is_wanted(name, place.name) || digest.as_ref() == Some(known)
        };
        let mut wanted: BTreeMap<Digest, BTreeSet<String>> = BTreeMap::new();
        for (name, known) in self.of(place).filter(|(name, known)| meant(name, known)) {
            let names = wanted.entry(known.clone()).or_default();
            // Kubernetes names an image by its digests too.
            if Digest::parse(name).is_none() {
                names.insert(name.to_owned());
            }
        }
        match (wanted.is_empty(), digest) {
            (false, _) => Ok(wanted),
            (true, Some(digest)) if place.namespace.is_none() => Ok(BTreeMap::from([(digest, BTreeSet::new())])),
            (true, _) => {
                let namespace = place.namespace.map(|name| format!(" in {name}")).unwrap_or_default();
                let name = if place.name.is_empty() { String::new() } else { format!(" {}", place.name) };
                Err(format!("the store has no image{name}{namespace}"))
            }
        }
    }

    /// What there is, for those who asked for something else.
    fn listed(&self, place: &Place<'_>) -> String {
        let list = |all: BTreeSet<&str>| all.into_iter().take(MOST_LISTED).collect::<Vec<_>>().join(", ");
        let names = list(self.of(place).map(|(name, _)| name).collect());
        if names.is_empty() {
            return format!("it has the namespaces {}", list(self.0.iter().map(|(name, ..)| name.as_str()).collect()));
        }
        format!("it has {names}")
    }
}

/// Whether an image that is called so is meant: by its name, or by the beginning of the id that Kubernetes calls it by.
fn is_wanted(known: &str, name: &str) -> bool {
    let id = name.strip_prefix("sha256:").unwrap_or(name);
    let is_id = id.len() >= SHORTEST_ID && id.bytes().all(|b| b.is_ascii_hexdigit());
    is_called(known, name) || (is_id && known.strip_prefix("sha256:").is_some_and(|whole| whole.starts_with(id)))
}

/// What was found so far of what images are made of.
struct Found<'a> {
    content: &'a Path,
    limits: &'a Limits,
    /// By their names in a layout, with their sizes.
    parts: BTreeMap<String, u64>,
}

impl Found<'_> {
    /// Notes a blob, if it is there; whether it was not known before.
    fn blob(&mut self, digest: &Digest) -> Option<u64> {
        let part = digest.part();
        if self.parts.contains_key(&part) || self.parts.len() >= MOST_BLOBS {
            return None;
        }
        // What cannot be read is told of when it is read; what is missing by whoever reads the index.
        let metadata = std::fs::symlink_metadata(self.content.join(&part)).ok()?;
        self.parts.insert(part, metadata.len());
        Some(metadata.len())
    }

    /// Notes a manifest or an index, and all that it names.
    fn document(&mut self, digest: &Digest, depth: usize) {
        let size = self.blob(digest);
        if depth > MOST_DEPTH || size.is_none_or(|size| size > self.limits.json) {
            return;
        }
        let Some(json) = self.json(digest) else { return };
        let list = |key: &str| json.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for descriptor in list("manifests") {
            let other = descriptor.get("platform").map(platform).unwrap_or_default();
            if self.limits.platform.as_ref().is_some_and(|wanted| is_other(&other, wanted)) {
                continue;
            }
            if let Some(inner) = digest_of(descriptor) {
                self.document(&inner, depth + 1);
            }
        }
        for descriptor in json.get("config").into_iter().chain(list("layers")).chain(list("blobs")) {
            if let Some(inner) = digest_of(descriptor) {
                self.blob(&inner);
            }
        }
    }

    fn json(&self, digest: &Digest) -> Option<Value> {
        let mut bytes = Vec::new();
        within(self.content, &digest.part()).ok()?.take(self.limits.json).read_to_end(&mut bytes).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

/// The blobs of a store.
#[derive(Debug)]
struct Blobs {
    content: PathBuf,
}

impl Fetch for Blobs {
    fn open(&self, part: &str, _: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        match within(&self.content, part) {
            Ok(file) => Ok(Box::new(file)),
            // It was collected meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(gap(Why::Missing)),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        let place =
            |namespace, root: Option<&'static str>, name| Some(Place { namespace, root: root.map(Path::new), name });
        for (text, expected) in [
            ("web:1", place(None, None, "web:1")),
            ("", place(None, None, "")),
            ("[k8s.io]web", place(Some("k8s.io"), None, "web")),
            ("[/a/b]web", place(None, Some("/a/b"), "web")),
            ("[./b]", place(None, Some("./b"), "")),
            ("[moby@b]web", place(Some("moby"), Some("b"), "web")),
            ("[@b]web", place(None, Some("b"), "web")),
            ("[moby@]web", None),
            ("[]web", None),
            ("[/a", None),
        ] {
            assert_eq!(Place::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn images_are_found_by_name_and_id() {
        let id = format!("sha256:{}", "ab".repeat(32));
        for (known, name) in [
            ("docker.io/library/web:1", "web:1"),
            ("docker.io/library/web:latest", "web"),
            ("docker.io/team/web:1", "team/web:1"),
            ("registry.example.com/web:1", "registry.example.com/web:1"),
            (&id, "abababababab"),
            (&id, &id),
        ] {
            assert!(is_wanted(known, name), "{known} {name}");
        }
        for (known, name) in [("docker.io/library/web:1", "web"), (&id, "ababab"), (&id, "b"), ("a:1", "")] {
            assert!(!is_wanted(known, name), "{known} {name}");
        }
    }

    /// A store with an image of one layer, by its digest, and what the database is.
    fn store(database: Option<Vec<u8>>) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let blobs = folder.path().join(CONTENT).join("blobs/sha256");
        std::fs::create_dir_all(&blobs).unwrap();
        let blob = |bytes: &[u8]| {
            let digest = Digest::sha256_of(bytes);
            std::fs::write(folder.path().join(CONTENT).join(digest.part()), bytes).unwrap();
            digest.to_string()
        };
        let layer = blob(b"");
        let config = blob(json!({"rootfs": {"type": "layers", "diff_ids": [layer]}}).to_string().as_bytes());
        let manifest = json!({"config": {"digest": config}, "layers": [{"digest": layer}]});
        let manifest = blob(manifest.to_string().as_bytes());
        let database = database.unwrap_or_else(|| bolt::tests::of_images("default", &[("web:1", &manifest)]));
        std::fs::create_dir_all(folder.path().join(DATABASE).parent().unwrap()).unwrap();
        std::fs::write(folder.path().join(DATABASE), database).unwrap();
        (folder, manifest)
    }

    #[test]
    fn a_store_without_names_is_read_by_digest() {
        let limits = Limits::default();
        let (folder, manifest) = store(None);
        let root = folder.path().display();
        for name in ["web:1", "", &manifest] {
            let images = open(&format!("[{root}]{name}"), &limits).unwrap();
            assert_eq!(images.diff_ids().len(), 1, "{name}");
        }
        let other = open(&format!("[{root}]other"), &limits).unwrap_err();
        assert_eq!(other.hint().as_deref(), Some("it has web:1"));
        let other = open(&format!("[k8s.io@{root}]web:1"), &limits).unwrap_err();
        assert!(other.to_string().contains("in k8s.io") && other.hint().unwrap().contains("default"), "{other}");

        let (folder, manifest) = store(Some(vec![0; 9000]));
        let root = folder.path().display();
        assert_eq!(open(&format!("[{root}]{manifest}"), &limits).unwrap().diff_ids().len(), 1);
        let error = open(&format!("[{root}]web:1"), &limits).unwrap_err();
        assert!(error.to_string().contains("no bolt database"), "{error}");
        assert!(error.hint().unwrap().contains("by the digest"), "{error}");
        let nothing = open("[/nowhere]web:1", &limits).unwrap_err();
        assert!(nothing.to_string().contains("no store of containerd in /nowhere"), "{nothing}");
    }
}
