//! Images straight from a registry. What a registry has is laid out as an OCI image layout is, with manifests and
//! configurations held and layers streamed: their digests are checked on the way, nothing is written to disk, and each
//! distinct layer is pulled once for all the images that are asked for together.

mod base;
mod client;
mod credentials;
mod hosts;
mod mirrors;
mod name;
mod refusal;
mod token;
mod trust;
mod way;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::PathBuf;

use serde_json::{Value, json};

use base::{Asked, Pulled};
use client::Client;
pub use mirrors::{Mirror, MirrorError};
pub use name::{Name, NameError, Namespace, Wanted};

use refusal::Refusal;

use super::image::base::Said;
use super::image::config::platform;
use super::image::digest::Digest;
use super::image::manifest::{digest_of, is_other};
use super::image::store::{Fetch, RemotePart};
use super::image::unfold::gap;
use super::image::{Images, Kind};
use super::{Limits, SourceError, Why};

/// How deep indexes may nest.
const MOST_DEPTH: usize = 8;
/// How many manifests and configurations are held, and how many bytes of them.
const MOST_DOCUMENTS: usize = 20_000;
const MOST_HELD: u64 = 64 << 20;
/// How often a blob is asked for anew, if each time some of it comes.
const MOST_RESUMED: u32 = 20;
/// How much has to come for that.
const PROGRESS: u64 = 64 << 10;

/// How registries are spoken to.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// A file with the token that is shown, in place of a user and a password.
    pub token_file: Option<PathBuf>,
    /// A file with certificates, in PEM, of authorities to trust besides the system's.
    pub ca: Option<PathBuf>,
    /// Whether to speak without TLS.
    pub plain_http: bool,
    /// Whether a name is a repository of which all tags are meant.
    pub all_tags: bool,
    /// Whether to ask for the images that others say they are built on.
    pub bases: bool,
    /// Where else images may be had, besides what files say.
    pub mirrors: Vec<Mirror>,
    /// The file that says so, in place of those where programs look.
    pub registries_conf: Option<PathBuf>,
    /// A folder of what containerd is told of registries, in place of all that.
    pub hosts: Option<PathBuf>,
}

/// Finds out what images are made of, and makes them one source.
///
/// # Errors
/// If a registry cannot be reached, does not have an image that is named, or answers nonsense. An image that was found by
/// a list of tags or repositories, and then is not to be had, is a gap.
pub fn pull(wanted: &[Wanted], access: &Access, limits: &Limits) -> Result<Images, SourceError> {
    let target = wanted.first().map_or_else(String::new, |name| format!("docker://{name}"));
    let client = Client::new(access).map_err(|error| SourceError::Form {
        target,
        why: error.to_string(),
        hint: Some(error.hint().into()),
    })?;
    let mut found = Found {
        limits,
        client: &client,
        parts: BTreeMap::new(),
        layers: BTreeMap::new(),
        held: 0,
        roots: Vec::new(),
        known: BTreeSet::new(),
        missed: Vec::new(),
        images: Vec::new(),
    };
    for target in wanted {
        let done = match target {
            Wanted::Image(name) if access.all_tags && !name.is_whole() => found.tags(name),
            Wanted::Image(name) => found.root(name),
            Wanted::Namespace(namespace) => found.namespace(namespace),
        };
        done.map_err(|refusal| SourceError::Form {
            target: format!("docker://{target}"),
            why: refusal.to_string(),
            hint: Some(refusal.hint().into()),
        })?;
    }
    let Found { mut parts, layers, roots, missed, images, .. } = found;
    let asked = if access.bases { base::ask(&client, limits, &parts, &images) } else { Asked::default() };
    let index = json!({"schemaVersion": 2, "manifests": roots}).to_string().into_bytes();
    parts.insert("index.json".into(), index);
    let held = parts.into_iter().map(|(name, bytes)| RemotePart::Held { name, bytes });
    let pulled = layers.iter().map(|(digest, (_, size))| RemotePart::Pulled { name: digest.part(), size: *size });
    let remote: Vec<_> = held.chain(pulled).collect();
    let layers = layers.into_iter().map(|(digest, (name, _))| (digest.part(), (name, digest))).collect();
    let names: Vec<String> = wanted.iter().map(ToString::to_string).collect();
    let name = format!("//{}", names.join(" "));
    let fetch = Box::new(Layers { client, layers });
    let mut images = Images::remote(Kind::Registry, &name, remote, fetch, limits, &asked.built_on)?;
    for (name, why) in asked.missed {
        images.miss(Why::Base, name, why);
    }
    for (name, why) in missed {
        images.miss(Why::Unreadable, name, why);
    }
    Ok(images)
}

/// What was found out so far.
struct Found<'a> {
    limits: &'a Limits,
    client: &'a Client,
    /// Documents, by what they are called in a layout.
    parts: BTreeMap<String, Vec<u8>>,
    /// Of each layer a repository that has it, and its size.
    layers: BTreeMap<Digest, (Name, u64)>,
    held: u64,
    /// What an index says of each image.
    roots: Vec<Value>,
    /// What was asked for already.
    known: BTreeSet<String>,
    /// The images, each with what it says that it is built on.
    images: Vec<Pulled>,
    /// What a list has and is not to be had, and why.
    missed: Vec<(String, String)>,
}

impl Found<'_> {
    /// All repositories of a namespace, each with all of its tags: which are the newest, no registry tells.
    fn namespace(&mut self, namespace: &Namespace) -> Result<(), Refusal> {
        let listed = self
            .client
            .catalogue(namespace, self.limits.json)
            .map_err(|refusal| if refusal.is_final() { refusal } else { Refusal::NoCatalogue(Box::new(refusal)) })?;
        let names: BTreeSet<Name> = listed.iter().filter_map(|repository| namespace.repository(repository)).collect();
        if names.is_empty() {
            return Err(Refusal::Empty { host: namespace.host().into(), listed: listed.len() });
        }
        for name in names {
            match self.tags(&name) {
                Err(refusal) if !refusal.is_final() => self.missed.push((name.whole(), refusal.to_string())),
                done => done?,
            }
        }
        Ok(())
    }

    /// All tags of a repository.
    fn tags(&mut self, name: &Name) -> Result<(), Refusal> {
        for tag in self.client.tags(name, self.limits.json)? {
            let Ok(name) = name.with_tag(&tag) else { continue };
            match self.root(&name) {
                Err(refusal) if !refusal.is_final() => self.missed.push((name.to_string(), refusal.to_string())),
                done => done?,
            }
        }
        Ok(())
    }

    /// An image that is asked for.
    fn root(&mut self, name: &Name) -> Result<(), Refusal> {
        if self.known.insert(name.to_string()) {
            let root = self.image(name)?;
            self.roots.push(root);
        }
        Ok(())
    }

    /// Notes an image, and gives the descriptor by which an index names it.
    fn image(&mut self, name: &Name) -> Result<Value, Refusal> {
        let (bytes, kind) = self.client.manifest(name, name.wanted(), self.limits.json)?;
        let digest = Digest::sha256_of(&bytes);
        if let Some(wanted) = name.digest().filter(|wanted| !wanted.fits(&bytes)) {
            let why = format!("sends another manifest than {}", wanted.as_str());
            return Err(Refusal::Nonsense { host: name.api().into(), why });
        }
        let descriptor = json!({
            "mediaType": kind, "digest": digest.as_str(), "size": bytes.len(),
            "annotations": {"org.opencontainers.image.ref.name": name.to_string()},
        });
        self.document(name, &digest, bytes, 0)?;
        Ok(descriptor)
    }

    /// Notes a manifest or an index, and all that it names.
    fn document(&mut self, name: &Name, digest: &Digest, bytes: Vec<u8>, depth: usize) -> Result<(), Refusal> {
        let nonsense = |why: &str| Refusal::Nonsense { host: name.api().into(), why: why.into() };
        let json: Value = serde_json::from_slice(&bytes).map_err(|_| nonsense("sends a manifest that is no JSON"))?;
        self.hold(name, digest, bytes)?;
        let list = |key: &str| json.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        for descriptor in list("manifests") {
            let Some(inner) = digest_of(&descriptor) else { continue };
            let platform = descriptor.get("platform").map(platform).unwrap_or_default();
            if self.limits.platform.as_ref().is_some_and(|wanted| is_other(&platform, wanted)) {
                continue;
            }
            if depth >= MOST_DEPTH || self.parts.contains_key(&inner.part()) {
                continue;
            }
            // One that is not there is told of by whoever reads the index.
            match self.client.manifest(name, inner.as_str(), self.limits.json) {
                Ok((bytes, _)) => self.document(name, &inner, bytes, depth + 1)?,
                Err(refusal) if refusal.status().is_some() => {}
                Err(refusal) => return Err(refusal),
            }
        }
        if let Some(config) = json.get("config").and_then(digest_of)
            && !self.parts.contains_key(&config.part())
        {
            let response = self.client.blob(name, config.as_str(), 0)?;
            let mut bytes = Vec::new();
            let read = response.into_body().into_reader().take(self.limits.json + 1).read_to_end(&mut bytes);
            read.map_err(|error| nonsense(&format!("breaks off in a configuration: {error}")))?;
            self.hold(name, &config, bytes)?;
        }
        if let Some(config) = json.get("config").and_then(digest_of) {
            let said = json.get("annotations").map(Said::of).unwrap_or_default();
            self.images.push(Pulled { name: name.clone(), manifest: digest.clone(), config, said });
        }
        for descriptor in list("layers").iter().chain(&list("blobs")) {
            if let Some(layer) = digest_of(descriptor) {
                let size = descriptor.get("size").and_then(Value::as_u64).unwrap_or(self.limits.unfolded);
                self.layers.entry(layer).or_insert_with(|| (name.clone(), size));
            }
        }
        Ok(())
    }

    fn hold(&mut self, name: &Name, digest: &Digest, bytes: Vec<u8>) -> Result<(), Refusal> {
        self.held += bytes.len() as u64;
        if self.parts.len() >= MOST_DOCUMENTS || self.held > MOST_HELD {
            let why = "has more manifests of these images than can be held".to_owned();
            return Err(Refusal::Nonsense { host: name.api().into(), why });
        }
        self.parts.insert(digest.part(), bytes);
        Ok(())
    }
}

/// Pulls layers.
#[derive(Debug)]
struct Layers {
    client: Client,
    /// By the name in the layout: where it is, and its digest.
    layers: BTreeMap<String, (Name, Digest)>,
}

impl Fetch for Layers {
    fn open(&self, part: &str, size: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let (name, digest) = self.layers.get(part).ok_or_else(|| gap(Why::Missing))?;
        Ok(Box::new(Pull { client: &self.client, name, digest, size, at: 0, body: None, resumed: 0, before: 0 }))
    }
}

/// A layer that is being pulled. Where it breaks off it is asked for from there on.
struct Pull<'a> {
    client: &'a Client,
    name: &'a Name,
    digest: &'a Digest,
    size: u64,
    at: u64,
    body: Option<Box<dyn Read + Send>>,
    resumed: u32,
    /// Where it was when it was last asked for.
    before: u64,
}

impl Pull<'_> {
    fn begin(&mut self) -> io::Result<Box<dyn Read + Send>> {
        let response =
            self.client.blob(self.name, self.digest.as_str(), self.at).map_err(|refusal| match refusal.status() {
                Some(status) if status.as_u16() == 404 => gap(Why::Missing),
                _ => gap(Why::Unreadable),
            })?;
        let partial = response.status().as_u16() == 206;
        let mut body = response.into_body().into_reader();
        // A registry that knows no ranges begins again.
        if !partial && self.at > 0 {
            let passed = io::copy(&mut body.by_ref().take(self.at), &mut io::sink())?;
            if passed < self.at {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Box::new(body))
    }
}

impl Read for Pull<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = usize::try_from(self.size - self.at).unwrap_or(usize::MAX).min(buffer.len());
            if left == 0 {
                return Ok(0);
            }
            let read = match &mut self.body {
                Some(body) => body.read(&mut buffer[..left]),
                None => match self.begin() {
                    Ok(body) => {
                        self.body = Some(body);
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            match read {
                Ok(n) if n > 0 => {
                    self.at += n as u64;
                    return Ok(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // It broke off, or went silent.
                ended => {
                    let slow = self.at - self.before < PROGRESS;
                    if self.resumed >= MOST_RESUMED || (slow && self.resumed > 0) {
                        return Err(ended.err().map_or_else(|| gap(Why::Truncated), |_| gap(Why::Unreadable)));
                    }
                    self.resumed += 1;
                    self.before = self.at;
                    self.body = None;
                }
            }
        }
    }
}
