//! What a scan ends with: findings, each secret once with all its places, in which no text of strangers has a secret.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use super::contents::WithHits;
use super::hit::{Hit, rank};
use super::{Outcome, Scan, Skipped, Summary, lock};
use crate::finding::{Finding, Place};
use crate::lint::Flaw;
use crate::origin::{Image, Layer, Origin, State};
use crate::source::{Sink as _, Why};

impl<'e> Scan<'e> {
    /// Ends the scan: findings in order, each secret once, with all its places.
    #[must_use]
    pub fn finish(self) -> Outcome {
        let contents = std::mem::take(&mut *lock(&self.contents));
        let mut images = Images::default();
        let mut secrets: HashMap<u128, (Hit<'e>, Vec<Place>)> = HashMap::new();
        for WithHits { hits, origins, .. } in contents.with_hits {
            origins.iter().filter(|o| matches!(o, Origin::Config { .. })).for_each(|o| self.flaw(Flaw::Credential, o));
            for origin in &origins.iter().flat_map(|o| self.everywhere(o)).collect::<Vec<_>>() {
                let state = state(origin);
                let origin = self.clear_origin(origin, &mut images);
                for hit in &hits {
                    let place = Place { origin: origin.clone(), span: hit.span, key: hit.key.clone(), state };
                    let (best, places) = secrets.entry(hit.identity).or_insert_with(|| (hit.clone(), Vec::new()));
                    // Of equals the same one in whatever order they came.
                    if (rank(hit), &hit.preview) > (rank(best), &best.preview) {
                        *best = hit.clone();
                    }
                    places.push(place);
                }
            }
        }
        let mut findings: Vec<Finding> = secrets
            .into_values()
            .map(|(hit, mut places)| {
                places.sort();
                places.dedup();
                Finding {
                    places,
                    reason: hit.reason(),
                    ..Finding::new(hit.rule, hit.confidence, hit.fingerprint, hit.preview)
                }
            })
            .collect();
        findings.sort_by(|a, b| (&a.places, &a.rule).cmp(&(&b.places, &b.rule)));
        let flaws = std::mem::take(&mut *lock(&self.flaws));
        let place = |o: Origin, images: &mut Images| (self.clear_origin(&o, images), state(&o));
        let lint = flaws.finish(|o| self.everywhere(o).into_iter().map(|o| place(o, &mut images)).collect());
        let progress = self.progress();
        let summary = Summary {
            findings: findings.len() as u64,
            known: 0,
            bytes: progress.bytes,
            blobs: progress.blobs,
            skipped: self.cleared_skipped(),
            started: SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |now| now.saturating_sub(self.started.elapsed()).as_secs()),
            seconds: self.started.elapsed().as_secs_f64(),
        };
        Outcome { findings, lint: self.options.lint.then_some(lint), summary }
    }

    /// An origin, and the same in the other images that have its layer.
    fn everywhere(&self, origin: &Origin) -> Vec<Origin> {
        let mut all = vec![origin.clone()];
        if let (Origin::Layer { image, index, .. }, _) = origin.split() {
            let shared = lock(&self.shared);
            if let Some(shared) = shared.get(&(Arc::as_ptr(image).addr(), *index)) {
                all.extend(shared.with.iter().map(|(image, index)| origin.shared_with(image, *index)));
            }
        }
        all
    }

    /// What was passed over, with the examples cleared of secrets.
    fn cleared_skipped(&self) -> BTreeMap<Why, Skipped> {
        let mut skipped = std::mem::take(&mut *lock(&self.skipped));
        for entry in skipped.values_mut() {
            for example in &mut entry.examples {
                *example = self.clear(example);
            }
        }
        skipped
    }

    fn clear_origin(&self, origin: &Origin, images: &mut Images) -> Origin {
        match origin {
            Origin::File(path) => Origin::File(self.clear(&path.to_string_lossy()).into()),
            Origin::Stdin => Origin::Stdin,
            Origin::Layer { image, index, path, permissions } => Origin::Layer {
                image: images.cleared(image, self),
                index: *index,
                path: self.clear(path),
                permissions: *permissions,
            },
            Origin::Config { image, field } => {
                Origin::Config { image: images.cleared(image, self), field: self.clear(field) }
            }
            Origin::Member { outer, path } => {
                Origin::Member { outer: Box::new(self.clear_origin(outer, images)), path: self.clear(path) }
            }
        }
    }
}

/// Whether a file of a layer can still be read.
fn state(origin: &Origin) -> Option<State> {
    match origin.split().0 {
        Origin::Layer { image, index, path, .. } => {
            Some(image.state(*index, path, |p| crate::source::image::path_hash(p)))
        }
        _ => None,
    }
}

/// Images whose instructions have been cleared of secrets, each once.
#[derive(Default)]
struct Images(HashMap<usize, Arc<Image>>);

impl Images {
    fn cleared(&mut self, image: &Arc<Image>, scan: &Scan<'_>) -> Arc<Image> {
        let address = Arc::as_ptr(image).addr();
        let cleared = self.0.entry(address).or_insert_with(|| {
            let layers = image.layers.iter().map(|l| Layer {
                digest: l.digest.clone(),
                diff_id: l.diff_id.clone(),
                history: l.history,
                created_by: scan.clear(&l.created_by),
                base: l.base,
                changes: Arc::default(),
            });
            Arc::new(Image {
                name: scan.clear(&image.name),
                tags: image.tags.iter().map(|t| scan.clear(t)).collect(),
                platform: image.platform.clone(),
                digest: image.digest.clone(),
                base_by: image.base_by,
                layers: layers.collect(),
            })
        });
        Arc::clone(cleared)
    }
}
