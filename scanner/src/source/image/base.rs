//! Which layers of an image are those of another that it is built on, and how that is known.

use std::collections::HashMap;

use serde_json::Value;

use super::config::{Config, platform};
use super::digest::Digest;
use super::manifest::{digest_of, is_other};
use crate::origin::{BaseBy, Layer};
use crate::source::Limits;

/// What was found out of the images that others are built on: by the digest of the manifest of such another, the digests
/// of the unfolded layers that it says it begins with.
pub(in crate::source) type BuiltOn = HashMap<Digest, Vec<String>>;

/// What an image says that it is built on, by the annotations that the OCI's image specification has for that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::source) struct Said {
    pub(in crate::source) name: Option<String>,
    pub(in crate::source) digest: Option<Digest>,
}

impl Said {
    /// What annotations or labels say.
    pub(in crate::source) fn of(labels: &Value) -> Self {
        let text = |key: &str| labels.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        Self {
            name: text("org.opencontainers.image.base.name").map(str::to_owned),
            digest: text("org.opencontainers.image.base.digest").and_then(Digest::parse),
        }
    }

    /// This, unless it says nothing.
    #[must_use]
    pub(in crate::source) fn or(self, other: &Self) -> Self {
        if self == Self::default() { other.clone() } else { self }
    }
}

/// What is asked for when layers are.
#[derive(Debug, Clone, Copy)]
pub(in crate::source) enum Wanted<'a> {
    Manifest(&'a Digest),
    Config(&'a Digest),
}

/// The digests of the unfolded layers of an image, or of the one in an index that is for a platform. `get` gives the
/// documents that its manifest names.
///
/// # Errors
/// What `get` says.
pub(in crate::source) fn layers<E>(
    mut manifest: Value,
    platform_wanted: &str,
    mut get: impl FnMut(Wanted<'_>) -> Result<Vec<u8>, E>,
) -> Result<Option<Vec<String>>, E> {
    if let Some(descriptors) = manifest.get("manifests").and_then(Value::as_array) {
        let own = |d: &&Value| d.get("platform").is_some_and(|p| !is_other(&platform(p), platform_wanted));
        let Some(digest) = descriptors.iter().find(own).and_then(digest_of) else { return Ok(None) };
        manifest = serde_json::from_slice(&get(Wanted::Manifest(&digest))?).unwrap_or_default();
    }
    let Some(config) = manifest.get("config").and_then(digest_of) else { return Ok(None) };
    let config = Config::parse(&get(Wanted::Config(&config))?).unwrap_or_default();
    let all: Option<Vec<String>> =
        config.diff_ids.into_iter().map(|diff_id| diff_id.map(|diff_id| diff_id.to_string())).collect();
    Ok(all.filter(|all| !all.is_empty()))
}

/// What is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base {
    /// For each layer, from the bottom, whether it is the other's.
    pub(super) layers: Vec<bool>,
    pub(super) by: BaseBy,
}

impl Base {
    /// What is known of an image of this configuration and these layers. `labelled` are the layers of the one that it says
    /// it is built on. Of several ways to know, the user's own comes first, and what is only guessed last.
    pub(super) fn of(
        config: &Config,
        layers: &[Layer],
        limits: &Limits,
        labelled: Option<&Vec<String>>,
    ) -> Option<Self> {
        let begins = |base: &&Vec<String>| {
            !base.is_empty()
                && base.len() <= config.diff_ids.len()
                && base
                    .iter()
                    .zip(&config.diff_ids)
                    .all(|(one, own)| own.as_ref().is_some_and(|own| own.as_str() == one))
        };
        let lowest = |count: usize| (0..layers.len()).map(move |at| at < count);
        let listed = |layer: &Layer| {
            [&layer.digest, &layer.diff_id].into_iter().any(|digest| limits.base_digests.contains(digest))
        };
        let given = limits.bases.iter().filter(begins).map(Vec::len).max();
        if given.is_some() || layers.iter().any(listed) {
            let lowest = lowest(given.unwrap_or_default());
            return Some(Self {
                layers: lowest.zip(layers).map(|(given, layer)| given || listed(layer)).collect(),
                by: if given.is_some() { BaseBy::Given } else { BaseBy::Digests },
            });
        }
        if let Some(base) = labelled.filter(begins) {
            return Some(Self { layers: lowest(base.len()).collect(), by: BaseBy::Labels });
        }
        Some(Self { layers: lowest(guessed(config)?).collect(), by: BaseBy::History })
    }
}

/// How many layers stand below the last command that another instruction follows: a base ends with what it runs.
fn guessed(config: &Config) -> Option<usize> {
    let told = config.history.len() == config.diff_ids.len();
    let last = config.history.last()?.0;
    let end = config.commands.iter().rev().find(|at| **at < last).filter(|_| told)?;
    Some(config.history.iter().filter(|(at, _)| at < end).count())
}

#[cfg(test)]
mod tests {
    use super::super::digest::Digest;
    use super::*;

    fn image() -> (Config, Vec<Layer>) {
        let diff_ids: Vec<_> = (0..3).map(|n| Digest::of(&[n])).collect();
        let layers = diff_ids.iter().enumerate().map(|(at, diff_id)| Layer {
            digest: format!("sha256:stored{at}"),
            diff_id: diff_id.to_string(),
            ..Layer::default()
        });
        let layers = layers.collect();
        (Config { diff_ids: diff_ids.into_iter().map(Some).collect(), ..Config::default() }, layers)
    }

    #[test]
    fn layers_are_known_by_what_the_user_gives_before_what_the_image_says() {
        let (config, layers) = image();
        let id = |at: usize| layers[at].diff_id.clone();
        let labelled = vec![id(0), id(1)];
        let of = |bases: &[&[String]], digests: &[String]| {
            let limits = Limits {
                bases: bases.iter().map(|base| base.to_vec()).collect(),
                base_digests: digests.iter().cloned().collect(),
                ..Limits::default()
            };
            Base::of(&config, &layers, &limits, Some(&labelled)).map(|base| (base.layers, base.by))
        };
        assert_eq!(of(&[], &[]), Some((vec![true, true, false], BaseBy::Labels)));
        assert_eq!(of(&[&[id(0)]], &[]), Some((vec![true, false, false], BaseBy::Given)));
        // By the digest as it is stored, and by the one of the tar; what is between is not said to be.
        assert_eq!(of(&[], &["sha256:stored0".into(), id(2)]), Some((vec![true, false, true], BaseBy::Digests)));
        assert_eq!(of(&[&[id(0)]], &[id(1)]), Some((vec![true, true, false], BaseBy::Given)));
        // A list that names none of its layers says nothing of this image.
        assert_eq!(of(&[&[id(1)]], &["sha256:other".into()]), of(&[], &[]));
    }
}
