//! Walks a layer: every content goes to the sink, whatever later layers do to it; what the layer itself does to those
//! below is noted; and the digests are checked on the way. A layer that breaks costs what is behind the break, and is
//! told of; it never ends the scan.

use std::io::{self, Read};
use std::sync::{Arc, OnceLock};

use super::digest::{Digest, Hashes};
use super::entries::{Entries, Entry, Kind, normal};
use super::path_hash;
use super::store::{Opened, PartId};
use super::unfold::{Unfolded, why};
use crate::lint::layer::LayerFlaws;
use crate::lint::{Flaw, of_entry};
use crate::origin::{Changes, Image, Origin, Permissions};
use crate::source::{Flow, Limits, Sink, Why};

/// A stored blob, which is read once for all the images that have it.
#[derive(Debug)]
pub(super) struct Blob {
    pub(super) part: PartId,
    /// At least one.
    pub(super) uses: Vec<Use>,
    /// What it does to the layers below, for all who have it.
    pub(super) changes: Arc<OnceLock<Changes>>,
}

/// An image that has a blob.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) image: Arc<Image>,
    pub(super) index: usize,
    /// What the blob is said to be, as it is stored.
    pub(super) digest: Option<Digest>,
    /// What it is said to be when it is unfolded.
    pub(super) diff_id: Option<Digest>,
    /// If it is not said to be a tar: under which name it is reported.
    pub(super) field: Option<String>,
}

impl Use {
    /// A file of it, or with an empty path the whole.
    pub(super) fn origin(&self, path: String) -> Origin {
        match &self.field {
            Some(field) if path.is_empty() => Origin::Config { image: Arc::clone(&self.image), field: field.clone() },
            _ => Origin::Layer { image: Arc::clone(&self.image), index: self.index, path, permissions: None },
        }
    }
}

/// Why a walk ended, and where.
struct Broken(Why, Origin);

impl Blob {
    /// Takes what an earlier scan knows of it. `false` if none does, and it is to be read.
    pub(super) fn recall(&self, sink: &dyn Sink) -> bool {
        let first = self.first();
        let known = self.named().and_then(|layer| sink.known(&first.image, first.index, &layer));
        let Some(changes) = known else { return false };
        self.share(sink);
        // It is not walked, so nobody else sets it.
        let _ = self.changes.set(changes);
        true
    }

    /// What names all that decides what is in it: its digests, and whether others are below it. None if it is no layer,
    /// or if those who have it do not agree on what it is.
    fn named(&self) -> Option<String> {
        let first = self.first();
        let same = |u: &Use| u.digest == first.digest && u.diff_id == first.diff_id && u.field.is_none();
        if !self.uses.iter().all(same) || (first.digest.is_none() && first.diff_id.is_none()) {
            return None;
        }
        let text = |digest: &Option<Digest>| digest.as_ref().map_or("-", Digest::as_str).to_owned();
        let role = if self.is_above() { "above others" } else { "lowest" };
        Some(format!("{} {} {role}", text(&first.digest), text(&first.diff_id)))
    }

    /// Whether layers are below it.
    fn is_above(&self) -> bool {
        self.uses.iter().any(|u| u.index > 0)
    }

    fn share(&self, sink: &dyn Sink) {
        let first = self.first();
        for other in &self.uses[1..] {
            sink.shared(&first.image, first.index, &other.image, other.index);
        }
    }

    /// Reads it.
    pub(super) fn read(&self, opened: Opened<'_>, limits: &Limits, sink: &dyn Sink) {
        self.share(sink);
        let digests = Hashes::of(self.uses.iter().filter_map(|u| u.digest.as_ref()));
        let diff_ids = Hashes::of(self.uses.iter().filter_map(|u| u.diff_id.as_ref()));
        let unfolded = opened.and_then(|input| Unfolded::new(input, digests, diff_ids, limits.unfolded));
        let walked = match unfolded {
            Ok(unfolded) => self.walk(unfolded, limits, sink),
            Err(error) => Err(Broken(why(&error), self.whole())),
        };
        if let Err(Broken(why, origin)) = walked {
            sink.skipped(why, &origin);
        }
    }

    /// The whole of it.
    pub(super) fn whole(&self) -> Origin {
        self.first().origin(String::new())
    }

    fn first(&self) -> &Use {
        &self.uses[0]
    }

    fn origin(&self, path: String, permissions: Option<Permissions>) -> Origin {
        let first = self.first();
        Origin::Layer { image: Arc::clone(&first.image), index: first.index, path, permissions }
    }

    fn walk<R: Read>(&self, unfolded: Unfolded<R>, limits: &Limits, sink: &dyn Sink) -> Result<(), Broken> {
        let mut entries = Entries::new(unfolded, limits.entries);
        // Nothing is below the first layer.
        let mut seen = Seen { changes: self.is_above().then(Changes::default), flaws: LayerFlaws::default() };
        let walked = self.walk_entries(&mut entries, &mut seen, limits, sink);
        seen.flaws.finish(|flaw, origin| sink.flaw(flaw, origin));
        if let Some(changes) = seen.changes {
            // A blob is walked once, so nobody has set it before.
            let _ = self.changes.set(sorted(changes));
        }
        walked?;
        if sink.flow() == Flow::Stop {
            return Ok(());
        }
        let whole = |error: io::Error| Broken(why(&error), self.whole());
        let (stored, unfolded) = entries.into_inner().finish().map_err(whole)?;
        let mut all_fit = true;
        for u in &self.uses {
            let fits = |hashed: &super::digest::Hashed, digest: &Option<Digest>| {
                digest.as_ref().is_none_or(|digest| hashed.fits(digest))
            };
            if !fits(&stored, &u.digest) || !fits(&unfolded, &u.diff_id) {
                all_fit = false;
                sink.skipped(Why::Digest, &u.origin(String::new()));
            }
        }
        if let Some(layer) = self.named().filter(|_| all_fit) {
            let first = self.first();
            sink.walked(&first.image, first.index, &layer, &self.changes);
        }
        Ok(())
    }

    fn walk_entries<R: Read>(
        &self,
        entries: &mut Entries<Unfolded<R>>,
        seen: &mut Seen,
        limits: &Limits,
        sink: &dyn Sink,
    ) -> Result<(), Broken> {
        while sink.flow() == Flow::Go {
            match entries.next() {
                Ok(None) => break,
                Ok(Some(entry)) => {
                    // Behind the end of the archive no runtime looks.
                    let seen = Some(&mut *seen).filter(|_| !entries.ended());
                    self.entry(entry, entries, seen, sink)?;
                }
                Err(error) => return self.no_entry(why(&error), entries, limits, sink),
            }
        }
        Ok(())
    }

    fn entry<R: Read>(
        &self,
        entry: Entry,
        entries: &mut Entries<Unfolded<R>>,
        mut seen: Option<&mut Seen>,
        sink: &dyn Sink,
    ) -> Result<(), Broken> {
        let whiteout = note(&entry, seen.as_mut().and_then(|seen| seen.changes.as_mut()));
        let target = (entry.kind == Kind::HardLink).then(|| path_hash(normal(entry.link.as_bytes())));
        let origin = self.origin(entry.path, entry.permissions);
        if entry.cut {
            sink.skipped(Why::Limit, &origin);
        }
        if let Some(seen) = seen.filter(|_| sink.lints() && !whiteout) {
            lint(entry.kind, entry.size, target, &origin, &mut seen.flaws, sink);
        }
        match entry.kind {
            Kind::Folder => {}
            Kind::HardLink if !whiteout => sink.skipped(Why::HardLink, &origin),
            Kind::Symlink if !whiteout => sink.skipped(Why::Symlink, &origin),
            Kind::Special if !whiteout => sink.skipped(Why::Special, &origin),
            // A whiteout is empty, if nobody hid something in it.
            Kind::File if !whiteout || entry.size > 0 => {
                if let Err(error) = sink.content(origin.clone(), &mut entries.content()) {
                    return Err(Broken(why(&error), origin));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What is where an entry should be is read as it stands, so that nothing is lost but its name.
    fn no_entry<R: Read>(
        &self,
        reason: Why,
        entries: &mut Entries<Unfolded<R>>,
        limits: &Limits,
        sink: &dyn Sink,
    ) -> Result<(), Broken> {
        let first = entries.is_first();
        let raw = reason == Why::Malformed || (reason == Why::Truncated && first);
        if !raw {
            return Err(Broken(reason, self.whole()));
        }
        let expected = self.uses.iter().any(|u| u.field.is_none());
        if !entries.ended() && (expected || !first) {
            sink.skipped(reason, &self.whole());
        }
        let read = if first && !expected {
            self.read_fields(&mut entries.rest(), limits, sink)
        } else {
            sink.content(self.origin(String::new(), None), &mut entries.rest())
        };
        read.map_err(|error| Broken(why(&error), self.whole()))
    }

    /// Reads a blob that is no tar, and is not said to be one, as a field of each image that has it.
    fn read_fields(&self, rest: &mut dyn Read, limits: &Limits, sink: &dyn Sink) -> io::Result<()> {
        if self.uses.len() == 1 {
            return sink.content(self.whole(), rest);
        }
        let mut text = Vec::new();
        let small = rest.take(limits.json).read_to_end(&mut text)? < usize::try_from(limits.json).unwrap_or(usize::MAX);
        for (at, u) in self.uses.iter().enumerate() {
            if small {
                sink.content(u.origin(String::new()), &mut text.as_slice())?;
            } else if at == 0 {
                sink.content(u.origin(String::new()), &mut text.as_slice().chain(&mut *rest))?;
            } else {
                sink.skipped(Why::Limit, &u.origin(String::new()));
            }
        }
        Ok(())
    }
}

/// What is known of a layer when it has been walked.
struct Seen {
    /// What it does to the layers below, if there are some.
    changes: Option<Changes>,
    flaws: LayerFlaws,
}

/// Notes what is wrong with an entry besides.
fn lint(kind: Kind, size: u64, target: Option<u64>, origin: &Origin, flaws: &mut LayerFlaws, sink: &dyn Sink) {
    let Origin::Layer { path, permissions, .. } = origin else { return };
    // A symbolic link lets everybody do everything, and means nothing by it.
    let has_mode = matches!(kind, Kind::File | Kind::Folder | Kind::HardLink);
    let mode = permissions.filter(|_| has_mode).map_or(0, |permissions| permissions.mode);
    // An empty file holds no credential, and of a hard link it is told where the file is.
    let is_so = |flaw: &Flaw| *flaw != Flaw::CredentialFile || (kind == Kind::File && size > 0);
    let own = of_entry(path, mode, kind == Kind::Folder).filter(is_so);
    flaws.put(path_hash(path), target, own, origin, &mut |flaw, origin| sink.flaw(flaw, origin));
}

/// Notes what an entry does to the layers below. Whether it is a whiteout, which has no content of its own.
fn note(entry: &Entry, changes: Option<&mut Changes>) -> bool {
    let (folder, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
    let hidden = name.strip_prefix(".wh.");
    let Some(changes) = changes else { return hidden.is_some() };
    match hidden {
        Some(".wh..opq") => changes.hides.push(path_hash(folder)),
        // What old storage drivers kept for themselves.
        Some(own) if own.starts_with(".wh.") => {}
        Some(name) if folder.is_empty() => changes.deletes.push(path_hash(name)),
        Some(name) => changes.deletes.push(path_hash(format!("{folder}/{name}").trim_end_matches('/'))),
        None if entry.path.is_empty() => {}
        None if entry.kind == Kind::Folder => changes.folders.push(path_hash(&entry.path)),
        None => changes.puts.push(path_hash(&entry.path)),
    }
    hidden.is_some()
}

fn sorted(mut changes: Changes) -> Changes {
    for list in [&mut changes.puts, &mut changes.folders, &mut changes.deletes, &mut changes.hides] {
        list.sort_unstable();
        list.dedup();
        list.shrink_to_fit();
    }
    changes
}
