//! What images say that they are built on (`org.opencontainers.image.base.*`), asked of the registries that have it: a
//! manifest and a configuration, never a layer.
//!
//! Whoever made an image chose that name. So it is asked once and as a mirror is, with the credentials for its own host
//! alone, by TLS, and never on this machine or by an address, unless the user named that host too. What cannot be had is
//! told of, and changes nothing else.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read as _;
use std::net::IpAddr;

use super::client::Client;
use super::mirrors::{Endpoint, Source as By};
use super::name::Name;
use super::refusal::Refusal;
use crate::source::Limits;
use crate::source::image::base::{BuiltOn, Said, Wanted, layers};
use crate::source::image::config::Config;
use crate::source::image::digest::Digest;

/// How many are asked for, and how many may fail: a list of images could name no end of them.
const MOST: usize = 1000;
const MOST_FAILED: usize = 8;

/// An image that was pulled.
#[derive(Debug)]
pub(super) struct Pulled {
    pub(super) name: Name,
    pub(super) manifest: Digest,
    pub(super) config: Digest,
    /// What its manifest says that it is built on.
    pub(super) said: Said,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) built_on: BuiltOn,
    /// The images whose bases could not be had, and why.
    pub(super) missed: Vec<(String, String)>,
}

/// Asks for the bases of images. `parts` are the documents that were pulled: a base that is among them is known.
pub(super) fn ask(client: &Client, limits: &Limits, parts: &BTreeMap<String, Vec<u8>>, images: &[Pulled]) -> Asked {
    let asking = Asking { client, limits, hosts: images.iter().map(|image| image.name.host()).collect() };
    let mut asked = Asked::default();
    let mut known: HashMap<(Name, String), Result<Vec<String>, String>> = HashMap::new();
    for image in images {
        let Some(config) = parts.get(&image.config.part()).and_then(|json| Config::parse(json)) else { continue };
        let said = image.said.clone().or(&config.base);
        let is_here = said.digest.as_ref().is_some_and(|digest| parts.contains_key(&digest.part()));
        let Some(name) = said.name.as_deref().filter(|name| !is_here && !is_local(name)) else { continue };
        let Ok(base) = name.parse::<Name>() else {
            asked.missed.push((image.name.to_string(), format!("{name:?} is no name of an image")));
            continue;
        };
        let base = said.digest.as_ref().map_or_else(|| base.clone(), |digest| base.with_digest(digest));
        let failed = known.values().filter(|answer| answer.is_err()).count();
        let enough = known.len() >= MOST || failed >= MOST_FAILED;
        let key = (base, config.platform);
        let answer = match known.get(&key) {
            Some(answer) => answer.clone(),
            None if enough => Err("it is one too many to be asked for".into()),
            None => {
                let answer = asking.layers(&key.0, &key.1);
                known.insert(key.clone(), answer.clone());
                answer
            }
        };
        match answer {
            Ok(layers) => drop(asked.built_on.insert(image.manifest.clone(), layers)),
            Err(why) => asked.missed.push((image.name.to_string(), format!("{}: {why}", key.0))),
        }
    }
    asked
}

struct Asking<'a> {
    client: &'a Client,
    limits: &'a Limits,
    /// Those that the user named.
    hosts: BTreeSet<&'a str>,
}

impl Asking<'_> {
    /// The digests of its unfolded layers, or why they cannot be had.
    fn layers(&self, name: &Name, platform: &str) -> Result<Vec<String>, String> {
        if !self.hosts.contains(name.host()) && !is_public(name.host()) {
            return Err(format!("{} is not asked: only the image names it, and it is no public name", name.host()));
        }
        let found = self.fetch(name, platform).map_err(|refusal| refusal.to_string())?;
        found.ok_or_else(|| format!("it has none for {platform}"))
    }

    fn fetch(&self, name: &Name, platform: &str) -> Result<Option<Vec<String>>, Refusal> {
        let all = self.endpoints(name)?;
        let most = self.limits.json;
        let nonsense = |why: &str| Refusal::Nonsense { host: name.api().into(), why: why.into() };
        let (manifest, _) = self.client.manifest_of(all.clone(), name.wanted(), most)?;
        let manifest = serde_json::from_slice(&manifest).map_err(|_| nonsense("sends a manifest that is no JSON"))?;
        layers(manifest, platform, |wanted| match wanted {
            Wanted::Manifest(digest) => Ok(self.client.manifest_of(all.clone(), digest.as_str(), most)?.0),
            Wanted::Config(digest) => {
                let response = self.client.blob_of(all.clone(), digest.as_str(), 0)?;
                let mut bytes = Vec::new();
                let read = response.into_body().into_reader().take(most + 1).read_to_end(&mut bytes);
                read.map_err(|error| nonsense(&format!("breaks off in a configuration: {error}")))?;
                if digest.fits(&bytes) {
                    Ok(bytes)
                } else {
                    Err(nonsense(&format!("sends another blob than {digest}")))
                }
            }
        })
    }

    fn endpoints(&self, name: &Name) -> Result<Vec<Endpoint>, Refusal> {
        let mut all = self.client.endpoints(name)?;
        for at in &mut all {
            // Each is asked once, has to answer with what is wanted, and is not asked again if it cannot be reached.
            at.mirror = true;
            if at.by == By::User && !self.hosts.contains(at.host.as_str()) {
                at.by = By::Image;
            }
        }
        Ok(all)
    }
}

/// Whether it is what Buildah and Podman call an image that no registry has, or no image at all.
fn is_local(name: &str) -> bool {
    name == "scratch" || name.starts_with("localhost/")
}

/// Whether a host has a name by which others reach it.
fn is_public(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_end_matches('.').to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    // What ends in a number is an address, however it is written.
    let is_number = last.starts_with(|c: char| c.is_ascii_digit());
    let is_address = name.contains([':', '[']) || name.parse::<IpAddr>().is_ok();
    name.contains('.') && last != "localhost" && !is_number && !is_address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_names_are_asked_for_strangers() {
        for host in ["registry.example.com", "registry.example.com:5000", "docker.io"] {
            assert!(is_public(host), "{host}");
        }
        for host in [
            "localhost:5000",
            "a.localhost",
            "127.0.0.1",
            "10.1.2.3:443",
            "[::1]:5000",
            "127.1",
            "0x7f.0x1",
            "a.localhost.",
            "::1",
        ] {
            assert!(!is_public(host), "{host}");
        }
        assert!(is_local("localhost/base:latest") && is_local("scratch") && !is_local("localhost:5000/base"));
    }
}
