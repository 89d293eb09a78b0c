//! The volumes of a configuration together. Each replaces its own files at once; what one refuses holds up no other.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;

use oakum_inject::Injection;
use oakum_inject::config::FileName;
use oakum_inject::reference::Name;

use super::{Part, Published, Volume, VolumeError};

/// All volumes that hold files, by their names.
pub(crate) struct Volumes {
    all: BTreeMap<Option<Name>, Volume>,
    /// What some of them did while others could not be written, and nobody has heard of.
    untold: Done,
}

/// What a publication came to.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// The files that are others than before.
    pub(crate) changed: BTreeSet<FileName>,
    /// Whether anything is otherwise at all.
    pub(crate) published: bool,
    /// Whether an earlier generation was replaced, and is to be swept after the grace.
    pub(crate) replaced: bool,
}

impl Volumes {
    /// Opens every volume that a configuration puts files into.
    ///
    /// # Errors
    /// Says which cannot be used and why. None of them is left behind that was made here.
    pub(crate) fn open(injection: &Injection) -> Result<Self, VolumeError> {
        let mut volumes = Self { all: BTreeMap::new(), untold: Done::default() };
        for (name, spec) in injection.used_volumes() {
            match Volume::open(spec) {
                Ok(volume) => drop(volumes.all.insert(name.cloned(), volume)),
                Err(error) => {
                    volumes.leave();
                    return Err(error);
                }
            }
        }
        Ok(volumes)
    }

    /// Whether there are no files at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether every file of a configuration goes into a volume that is open.
    pub(crate) fn hold(&self, injection: &Injection) -> bool {
        injection
            .used_volumes()
            .into_iter()
            .all(|(name, spec)| self.all.get(&name.cloned()).is_some_and(|volume| volume.path == spec.path))
    }

    /// Gives each directory with the device that it is on.
    pub(crate) fn places(&self) -> Result<Vec<(BorrowedFd<'_>, u64)>, VolumeError> {
        self.all.values().map(|volume| Ok((volume.as_fd(), volume.device()?))).collect()
    }

    /// Lists the directories that are ours to take away.
    pub(crate) fn made(&self) -> impl Iterator<Item = &Path> {
        self.all.values().filter(|volume| volume.made).map(|volume| volume.path.as_path())
    }

    /// Gives what is published from now on to the readers that a configuration says.
    pub(crate) fn readers(&mut self, injection: &Injection) {
        for (name, spec) in injection.used_volumes() {
            if let Some(volume) = self.all.get_mut(&name.cloned()) {
                volume.readers(spec);
            }
        }
    }

    /// Replaces the files of every volume. `id` makes the generations' names and may not have been used before.
    ///
    /// # Errors
    /// The first of what went wrong. The other volumes have been published, and what that came to is told the next time.
    pub(crate) fn publish(&mut self, parts: BTreeMap<FileName, Part>, id: u64) -> Result<Done, VolumeError> {
        let mut by_volume: BTreeMap<Option<Name>, BTreeMap<FileName, Part>> = BTreeMap::new();
        for (file, part) in parts {
            by_volume.entry(file.volume().cloned()).or_default().insert(file, part);
        }
        let mut refused = None;
        for (name, volume) in &mut self.all {
            let parts = by_volume.remove(name).unwrap_or_default();
            // What cannot be told now will be when the volume can be written again.
            let changed = volume.changes(&parts).unwrap_or_default();
            match volume.publish(&parts, id) {
                Ok(published) => {
                    let named = changed.into_iter().filter_map(|path| FileName::parse(&path).ok());
                    self.untold.changed.extend(named.map(|file| match name {
                        Some(name) => file.within(name.clone()),
                        None => file,
                    }));
                    self.untold.published |= published != Published::Same;
                    self.untold.replaced |= published == Published::Replaced;
                }
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        match refused {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut self.untold)),
        }
    }

    /// Wipes every generation but the published ones.
    pub(crate) fn sweep(&mut self) -> Result<(), VolumeError> {
        self.each(Volume::sweep)
    }

    /// Takes away everything that was published.
    pub(crate) fn wipe(&mut self) -> Result<(), VolumeError> {
        self.each(Volume::wipe)
    }

    /// Takes away the directories that we made and have published nothing in.
    pub(crate) fn leave(&mut self) {
        self.all.values_mut().for_each(Volume::leave);
    }

    /// Does something to each volume, whatever comes of it for the others.
    fn each(&mut self, act: fn(&mut Volume) -> Result<(), VolumeError>) -> Result<(), VolumeError> {
        self.all.values_mut().map(act).fold(Ok(()), Result::and)
    }
}
