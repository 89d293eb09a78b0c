//! Finds out which images there are, from an archive's `manifest.json` or a layout's `index.json`, and plans what is
//! read: each stored blob once, for all the images that have it, and every document. What no image names is read too,
//! if no one image was asked for: a layer that was left behind is still in the file.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::base::{self, Base, BuiltOn, Said, Wanted};
use super::config::{Config, Document, platform};
use super::digest::Digest;
use super::layer::{Blob, Use};
use super::reference::{Kind, Pick, Reference};
use super::store::{HINT, PartId, Store, without};
use super::unfold::Compression;
use crate::lint::Flaw;
use crate::origin::{Image, Layer, Origin};
use crate::source::{Limits, SourceError, Why};

/// How deep indexes may nest, and how many images they may name in all.
const MOST_DEPTH: usize = 8;
const MOST_IMAGES: usize = 100_000;
/// How many names a message lists.
const MOST_LISTED: usize = 10;

/// What is to be read.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Each with all the images that have it.
    pub(super) blobs: Vec<Blob>,
    /// In the order of the images; those that no image names last.
    pub(super) texts: Vec<Text>,
    /// What is known before anything is read to be a gap.
    pub(super) skipped: Vec<(Why, Origin)>,
    /// What is wrong with the images besides.
    pub(super) flaws: Vec<(Flaw, Origin)>,
    /// The repository that all the images are of.
    pub(super) identity: Option<String>,
}

/// A document whose fields are contents.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) image: Arc<Image>,
    pub(super) part: PartId,
    pub(super) document: Document,
    pub(super) digest: Option<Digest>,
    /// The name of a part that no image names. Often it repeats, for old programs, what others say.
    pub(super) stray: Option<String>,
}

/// Where an image's part should be.
#[derive(Debug, Default)]
struct Located {
    part: Option<PartId>,
    digest: Option<Digest>,
    /// Whether it is said to be a layer, and not, say, an attestation.
    layer: bool,
}

/// An image, as its manifest has it.
#[derive(Debug, Default)]
struct Found {
    tags: Vec<String>,
    platform: String,
    manifest: Option<(PartId, Digest)>,
    /// The image that it is built on, as its annotations have it.
    base: Said,
    config: Located,
    layers: Vec<Located>,
}

/// A manifest that an index names.
struct Named {
    digest: Digest,
    tags: Vec<String>,
    platform: String,
}

/// An index, and what those that led to it say.
struct IndexAt<'a> {
    part: PartId,
    digest: Option<Digest>,
    tags: &'a [String],
    /// Whether it was asked for, and so all that is in it.
    picked: bool,
    depth: usize,
}

struct Planner<'s> {
    store: &'s Store,
    reference: &'s Reference,
    limits: &'s Limits,
    built_on: &'s BuiltOn,
    plan: Plan,
    used: HashSet<PartId>,
    /// The place in the plan of each blob.
    blobs: HashMap<PartId, usize>,
    repositories: BTreeSet<Option<String>>,
    /// Names of all images, for those who ask for one that is not there.
    names: BTreeSet<String>,
    picked: bool,
}

/// Plans the reading of what `reference` means. `built_on` is what is known of images that are not there.
///
/// # Errors
/// If there is nothing that says which images there are, or the one that is meant is not among them.
pub(super) fn plan(
    store: &Store,
    reference: &Reference,
    limits: &Limits,
    built_on: &BuiltOn,
) -> Result<Plan, SourceError> {
    let mut planner = Planner {
        store,
        reference,
        limits,
        built_on,
        plan: Plan::default(),
        used: HashSet::new(),
        blobs: HashMap::new(),
        repositories: BTreeSet::new(),
        names: BTreeSet::new(),
        picked: false,
    };
    let read = match reference.kind {
        Kind::DockerArchive | Kind::DockerDaemon | Kind::Storage => planner.docker(),
        Kind::Oci | Kind::OciArchive | Kind::Registry | Kind::Containerd => planner.oci(),
    };
    let archive = Origin::File(reference.path.clone());
    match (read, store.broken()) {
        (Ok(()), _) => {}
        // What is left of it is read all the same.
        (Err(_), Some(why)) if reference.pick.is_none() => planner.plan.skipped.push((why, archive.clone())),
        (Err(error), _) => return Err(error),
    }
    match store.broken() {
        Some(why) if !planner.plan.skipped.iter().any(|(w, o)| (*w, o) == (why, &archive)) => {
            planner.plan.skipped.push((why, archive));
        }
        _ => {}
    }
    match &reference.pick {
        // What was not asked for is no stray.
        None if limits.platform.is_some() => {}
        None => planner.strays(),
        Some(pick) if !planner.picked => return Err(planner.not_there(pick)),
        Some(_) => {}
    }
    let mut repositories = planner.repositories.into_iter();
    planner.plan.identity = repositories.next().flatten().filter(|_| repositories.next().is_none());
    Ok(planner.plan)
}

impl Planner<'_> {
    fn form(&self, why: impl Into<String>, hint: impl Into<String>) -> SourceError {
        SourceError::Form { target: self.reference.to_string(), why: why.into(), hint: Some(hint.into()) }
    }

    fn not_there(&self, pick: &Pick) -> SourceError {
        let (Pick::Tag(wanted) | Pick::Digest(wanted)) = pick;
        let mut listed: Vec<&str> = self.names.iter().map(String::as_str).take(MOST_LISTED).collect();
        if self.names.len() > MOST_LISTED {
            listed.push("…");
        }
        let hint = if listed.is_empty() {
            "its images have no names; leave the name out to scan all".to_owned()
        } else {
            format!("it has {}", listed.join(", "))
        };
        self.form(format!("it has no image {wanted}"), hint)
    }

    fn json(&self, part: PartId) -> Result<Value, Why> {
        let text = self.store.small(part, self.limits.json)?;
        serde_json::from_slice(&text).map_err(|_| Why::Malformed)
    }

    /// The document that says which images there are.
    fn root(&mut self, name: &str, hint: String) -> Result<(PartId, Value), SourceError> {
        let Some(part) = self.store.find(name) else { return Err(self.form(format!("it has no {name}"), hint)) };
        match self.json(part) {
            Ok(value) => Ok((part, value)),
            Err(why) => Err(self.form(format!("its {name}: {why}"), HINT)),
        }
    }

    fn docker(&mut self) -> Result<(), SourceError> {
        let other = self
            .store
            .find("oci-layout")
            .map(|_| format!("it may be read as oci-archive:{}", self.reference.path.display()));
        let (_, manifest) = self.root("manifest.json", other.unwrap_or_else(|| HINT.into()))?;
        let Some(items) = manifest.as_array() else { return Err(self.form("its manifest.json is no list", HINT)) };
        for item in items.iter().take(MOST_IMAGES) {
            let tags = strings(item.get("RepoTags"));
            self.names.extend(tags.iter().cloned());
            let name = item.get("Config").and_then(Value::as_str).unwrap_or_default();
            let config = Located { part: self.store.find(name), digest: named_digest(name), layer: false };
            if !self.is_picked(&tags, config.digest.as_ref()) {
                continue;
            }
            let layers = strings(item.get("Layers"));
            let layers = layers.iter().map(|name| Located {
                part: self.store.find(name),
                digest: Digest::of_part(name),
                layer: true,
            });
            self.image(Found { tags, config, layers: layers.collect(), ..Found::default() });
        }
        self.cut(items.len());
        Ok(())
    }

    fn oci(&mut self) -> Result<(), SourceError> {
        let other = self
            .store
            .find("manifest.json")
            .map(|_| format!("it may be read as docker-archive:{}", self.reference.path.display()));
        let (part, index) = self.root("index.json", other.unwrap_or_else(|| HINT.into()))?;
        if !index.get("manifests").is_some_and(Value::is_array) {
            return Err(self.form("its index.json names no manifests", HINT));
        }
        let mut all = Vec::new();
        self.index(&index, IndexAt { part, digest: None, tags: &[], picked: false, depth: 0 }, &mut all);
        // An image may have several names, and be in several indexes.
        let mut order: HashMap<Digest, usize> = HashMap::new();
        let mut images: Vec<Named> = Vec::new();
        for named in all {
            if let Some(&at) = order.get(&named.digest) {
                let known = &mut images[at].tags;
                for tag in named.tags {
                    if !known.contains(&tag) {
                        known.push(tag);
                    }
                }
            } else {
                order.insert(named.digest.clone(), images.len());
                images.push(named);
            }
        }
        for named in images {
            self.manifest(named);
        }
        Ok(())
    }

    /// Notes the images of an index, and of the indexes in it.
    fn index(&mut self, index: &Value, at: IndexAt<'_>, all: &mut Vec<Named>) {
        let IndexAt { part, digest, tags: outer, picked, depth } = at;
        let named = Image {
            name: self.name(outer),
            tags: outer.to_vec(),
            digest: digest.as_ref().map(ToString::to_string).unwrap_or_default(),
            ..Image::default()
        };
        self.used.insert(part);
        self.plan.texts.push(Text { image: Arc::new(named), part, document: Document::Index, digest, stray: None });
        let descriptors = index.get("manifests").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let is_there = |d: &Value| digest_of(d).is_some_and(|digest| self.store.find(&digest.part()).is_some());
        // Some programs save an index whole, but only one platform's image.
        let some_are_there = descriptors.iter().any(is_there);
        for descriptor in descriptors {
            if all.len() >= MOST_IMAGES {
                return self.cut(usize::MAX);
            }
            let mut tags = names_of(descriptor);
            self.names.extend(tags.iter().cloned());
            if tags.is_empty() {
                tags = outer.to_vec();
            }
            let platform = descriptor.get("platform").map(platform).unwrap_or_default();
            let Some(digest) = digest_of(descriptor) else {
                let image = Image { name: self.name(&tags), tags, platform, ..Image::default() };
                self.skip(Why::Malformed, &Arc::new(image), "index");
                continue;
            };
            let picked = picked || self.is_picked(&tags, Some(&digest));
            let other = self.limits.platform.as_ref().is_some_and(|wanted| is_other(&platform, wanted));
            if other {
                let image =
                    Image { name: self.name(&tags), tags, platform, digest: digest.to_string(), ..Image::default() };
                self.skip(Why::OtherPlatform, &Arc::new(image), "manifest");
                continue;
            }
            let found = self.store.find(&digest.part());
            let nested = found.and_then(|part| {
                self.json(part)
                    .ok()
                    .filter(|json| json.get("manifests").is_some_and(Value::is_array))
                    .map(|json| (part, json))
            });
            match (found, nested) {
                (None, _) if picked => {
                    let why = if some_are_there && !platform.is_empty() { Why::OtherPlatform } else { Why::Missing };
                    let image = Image {
                        name: self.name(&tags),
                        tags,
                        platform,
                        digest: digest.to_string(),
                        ..Image::default()
                    };
                    self.skip(why, &Arc::new(image), "manifest");
                }
                (Some(_), Some((part, json))) if depth < MOST_DEPTH => {
                    let at = IndexAt { part, digest: Some(digest), tags: &tags, picked, depth: depth + 1 };
                    self.index(&json, at, all);
                }
                (Some(_), Some(_)) => {
                    let image = Image {
                        name: self.name(&tags),
                        tags,
                        platform,
                        digest: digest.to_string(),
                        ..Image::default()
                    };
                    self.skip(Why::Limit, &Arc::new(image), "index");
                }
                (Some(_), None) if picked => all.push(Named { digest, tags, platform }),
                _ => {}
            }
        }
    }

    fn manifest(&mut self, named: Named) {
        let Named { digest, tags, platform } = named;
        let Some(part) = self.store.find(&digest.part()) else { return };
        match self.json(part) {
            Ok(manifest) => {
                let located = |descriptor: &Value| {
                    let digest = digest_of(descriptor);
                    let media = descriptor.get("mediaType").and_then(Value::as_str).unwrap_or("tar");
                    let part = digest.as_ref().and_then(|digest| self.store.find(&digest.part()));
                    Located { part, digest, layer: media.contains("tar") }
                };
                let config = manifest.get("config").map(located).unwrap_or_default();
                let list = |key| manifest.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                // `blobs` is what the manifests of artifacts had for a while.
                let layers = list("layers").iter().chain(list("blobs")).map(located).collect();
                let base = manifest.get("annotations").map(Said::of).unwrap_or_default();
                self.image(Found { tags, platform, manifest: Some((part, digest)), base, config, layers });
            }
            Err(why) => {
                self.used.insert(part);
                let name = self.name(&tags);
                let image = Arc::new(Image { name, tags, platform, digest: digest.to_string(), ..Image::default() });
                self.skip(why, &image, "manifest");
                self.text(&image, part, Document::Manifest, Some(digest));
            }
        }
    }

    /// The digests of the unfolded layers of an image that is there, or of the one in an index that is for a platform.
    fn layers_of(&self, digest: &Digest, wanted: &str) -> Option<Vec<String>> {
        let manifest = self.json(self.store.find(&digest.part())?).ok()?;
        let get = |wanted: Wanted<'_>| {
            let (Wanted::Manifest(digest) | Wanted::Config(digest)) = wanted;
            let part = self.store.find(&digest.part()).ok_or(Why::Missing)?;
            self.store.small(part, self.limits.json)
        };
        base::layers(manifest, wanted, get).ok().flatten()
    }

    /// Plans an image.
    fn image(&mut self, found: Found) {
        let Found { tags, platform, manifest, base, config: at, layers } = found;
        self.picked = true;
        self.repositories.insert(tags.first().and_then(|name| repository(name)));
        let read = at.part.map(|part| self.store.small(part, self.limits.json));
        let parsed = read.and_then(|read| {
            match read {
                Ok(json) => Config::parse(&json).ok_or(Why::Malformed).map_err(Some),
                Err(why) => Err(Some(why)),
            }
            .into()
        });
        let (mut config, fault) = match parsed {
            Some(Ok(config)) => (config, None),
            Some(Err(why)) => (Config::default(), why),
            None => (Config::default(), Some(Why::Missing)),
        };
        let config_flaws = std::mem::take(&mut config.flaws);
        // A history of another length (of a squashed image, say) does not tell which entry made which layer.
        let told = config.history.len() == layers.len();
        let labelled = base.or(&config.base).digest.and_then(|digest| self.layers_of(&digest, &config.platform));
        let asked = manifest.as_ref().and_then(|(_, digest)| self.built_on.get(digest));
        let mut made = Vec::new();
        for (index, located) in layers.iter().enumerate() {
            let diff_id = config.diff_ids.get(index).cloned().flatten();
            let (history, created_by) = match config.history.get(index).filter(|_| told) {
                Some((at, by)) => (Some(*at), by.clone()),
                None => (None, String::new()),
            };
            made.push(Layer {
                digest: self.stored_digest(located, diff_id.as_ref()),
                diff_id: diff_id.map(|d| d.to_string()).unwrap_or_default(),
                history,
                created_by,
                base: None,
                changes: located.part.map(|part| Arc::clone(&self.blob(part).changes)).unwrap_or_default(),
            });
        }
        let base = Base::of(&config, &made, self.limits, labelled.as_ref().or(asked));
        if let Some(base) = &base {
            made.iter_mut().zip(&base.layers).for_each(|(layer, is)| layer.base = Some(*is));
        }
        let digest = manifest.as_ref().map(|(_, digest)| digest).or(at.digest.as_ref());
        let image = Arc::new(Image {
            name: self.name(&tags),
            platform: if config.platform.is_empty() { platform } else { config.platform.clone() },
            digest: digest.map(ToString::to_string).unwrap_or_default(),
            tags,
            base_by: base.map(|base| base.by),
            layers: made,
        });
        // What is no image, such as an attestation or a chart, is not run, and does not say on what.
        let is_run = !config.platform.is_empty() && !config.platform.starts_with("unknown/");
        if is_run && layers.iter().any(|layer| layer.layer) {
            let config = |field| Origin::Config { image: Arc::clone(&image), field };
            self.plan.flaws.extend(config_flaws.into_iter().map(|(flaw, field)| (flaw, config(field))));
        }
        for (index, located) in layers.into_iter().enumerate() {
            match located.part {
                Some(part) => {
                    let diff_id = config.diff_ids.get(index).cloned().flatten().filter(|_| located.layer);
                    let field = (!located.layer).then(|| format!("layers[{index}]"));
                    let image = Arc::clone(&image);
                    self.blob(part).uses.push(Use { image, index, digest: located.digest, diff_id, field });
                }
                None => {
                    let (image, path) = (Arc::clone(&image), String::new());
                    self.plan.skipped.push((Why::Missing, Origin::Layer { image, index, path, permissions: None }));
                }
            }
        }
        if let Some((part, digest)) = manifest {
            self.text(&image, part, Document::Manifest, Some(digest));
        }
        if let Some(part) = at.part {
            self.text(&image, part, Document::Config, at.digest);
        }
        if let Some(why) = fault {
            self.skip(why, &image, "config");
        }
    }

    /// The digest of a layer as it is stored. A plain tar that no manifest gives a digest is what its diff id says.
    fn stored_digest(&self, located: &Located, diff_id: Option<&Digest>) -> String {
        let plain = |part: &PartId| Compression::of(self.store.head(*part)) == Compression::Plain;
        let digest = located.digest.as_ref().or(diff_id.filter(|_| located.part.as_ref().is_some_and(plain)));
        digest.map(ToString::to_string).unwrap_or_default()
    }

    fn blob(&mut self, part: PartId) -> &mut Blob {
        self.used.insert(part);
        let at = *self.blobs.entry(part).or_insert_with(|| {
            self.plan.blobs.push(Blob { part, uses: Vec::new(), changes: Arc::default() });
            self.plan.blobs.len() - 1
        });
        &mut self.plan.blobs[at]
    }

    fn text(&mut self, image: &Arc<Image>, part: PartId, document: Document, digest: Option<Digest>) {
        self.used.insert(part);
        self.plan.texts.push(Text { image: Arc::clone(image), part, document, digest, stray: None });
    }

    fn skip(&mut self, why: Why, image: &Arc<Image>, field: &str) {
        self.plan.skipped.push((why, Origin::Config { image: Arc::clone(image), field: field.into() }));
    }

    fn cut(&mut self, images: usize) {
        if images > MOST_IMAGES {
            self.plan.skipped.push((Why::Limit, Origin::File(self.reference.path.clone())));
        }
    }

    /// What no image names.
    fn strays(&mut self) {
        let target = self.reference.to_string();
        let archive = Arc::new(Image { name: target.clone(), ..Image::default() });
        for name in self.store.dangling() {
            let field = name.to_owned();
            self.plan.skipped.push((Why::Missing, Origin::Config { image: Arc::clone(&archive), field }));
        }
        for part in without(self.store.parts(), &self.used) {
            let name = self.store.name(part).to_owned();
            let digest = Digest::of_part(&name);
            if matches!(self.store.head(part).first(), Some(b'{' | b'[')) {
                let (image, document) = (Arc::clone(&archive), Document::Config);
                self.plan.texts.push(Text { image, part, document, digest, stray: Some(name) });
                continue;
            }
            let layer =
                Layer { digest: digest.as_ref().map(ToString::to_string).unwrap_or_default(), ..Layer::default() };
            let image = Image { name: target.clone(), digest: name.clone(), layers: vec![layer], ..Image::default() };
            let field = Some(name);
            let stray = Use { image: Arc::new(image), index: 0, digest, diff_id: None, field };
            self.blob(part).uses.push(stray);
        }
    }

    /// How an image is shown.
    fn name(&self, tags: &[String]) -> String {
        match tags.first() {
            Some(tag) if is_whole(tag) => tag.clone(),
            Some(tag) if self.reference.pick.is_none() => format!("{}:{tag}", self.reference),
            _ => self.reference.to_string(),
        }
    }

    fn is_picked(&self, tags: &[String], digest: Option<&Digest>) -> bool {
        match &self.reference.pick {
            None => true,
            Some(Pick::Tag(wanted)) => tags.iter().any(|tag| tag == wanted || full(tag) == full(wanted)),
            Some(Pick::Digest(wanted)) => digest.is_some_and(|digest| digest.as_str() == wanted),
        }
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

pub(in crate::source) fn digest_of(descriptor: &Value) -> Option<Digest> {
    descriptor.get("digest").and_then(Value::as_str).and_then(Digest::parse)
}

/// The digest that the name of an archive's part holds: `<hex>.json`, `blobs/sha256/<hex>`, `sha256:<hex>`.
fn named_digest(name: &str) -> Option<Digest> {
    let hex = name.strip_suffix(".json").unwrap_or(name);
    Digest::of_part(name).or_else(|| Digest::of_hex(hex.strip_prefix("sha256:").unwrap_or(hex)))
}

/// What a descriptor calls its image: the whole name as containerd writes it, or what `skopeo` and `buildah` were told.
fn names_of(descriptor: &Value) -> Vec<String> {
    let annotation = |key| descriptor.get("annotations").and_then(|a| a.get(key)).and_then(Value::as_str);
    let keys = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
    keys.into_iter().filter_map(annotation).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Whether a descriptor is of another platform than the one that is wanted; `linux/arm` is any of its variants. What has
/// no platform is an index or an attestation.
pub(in crate::source) fn is_other(platform: &str, wanted: &str) -> bool {
    let is_it = platform == wanted || platform.strip_prefix(wanted).is_some_and(|variant| variant.starts_with('/'));
    !is_it && !platform.is_empty() && platform != "unknown/unknown"
}

/// Whether a name has a repository, and is not a tag alone.
fn is_whole(name: &str) -> bool {
    name.contains(['/', ':'])
}

/// The repository of a name: `registry.example.com:5000/team/web:1` is of `registry.example.com:5000/team/web`. What
/// programs put before a short name is taken off, so that an image has one identity whichever of them saved it.
fn repository(name: &str) -> Option<String> {
    if !is_whole(name) {
        return None;
    }
    let name = name.split('@').next().unwrap_or(name);
    let slash = name.rfind('/').map_or(0, |i| i + 1);
    let name = name[slash..].find(':').map_or(name, |colon| &name[..slash + colon]);
    let name = name.strip_prefix("docker.io/").or_else(|| name.strip_prefix("localhost/")).unwrap_or(name);
    Some(name.strip_prefix("library/").unwrap_or(name).to_owned())
}

/// A name with its tag, to be compared.
fn full(name: &str) -> Option<(String, String)> {
    let slash = name.rfind('/').map_or(0, |i| i + 1);
    let tag = name[slash..].find(':').map_or("latest", |colon| &name[slash + colon + 1..]);
    Some((repository(name)?, tag.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_the_same_whoever_saved_it() {
        for name in ["web:1", "docker.io/library/web:2", "localhost/web:1", "library/web@sha256:00"] {
            assert_eq!(repository(name).as_deref(), Some("web"), "{name}");
        }
        assert_eq!(
            repository("registry.example.com:5000/team/web:1").as_deref(),
            Some("registry.example.com:5000/team/web")
        );
        assert_eq!(repository("latest"), None);
        assert_eq!(full("docker.io/library/web"), full("web:latest"));
        assert_ne!(full("web:1"), full("web:latest"));
    }

    #[test]
    fn digests_in_names_are_known() {
        let hex = "0".repeat(64);
        for name in [format!("{hex}.json"), format!("blobs/sha256/{hex}"), format!("sha256:{hex}")] {
            assert_eq!(named_digest(&name).map(|d| d.to_string()), Some(format!("sha256:{hex}")), "{name}");
        }
        assert_eq!(named_digest("config.json"), None);
    }
}
