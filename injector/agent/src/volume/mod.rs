//! A directory in memory whose files are replaced all at once, one generation at a time.
//!
//! ```text
//! /run/secrets/oakum/
//!   ..oakum-5f0c…/          a generation: the files themselves
//!       db.env  conf/app.json
//!   ..data -> ..oakum-5f0c… the published one; renaming this link is the moment of publication
//!   db.env -> ..data/db.env
//!   conf   -> ..data/conf
//! ```
//!
//! A reader sees the old set or the new, never a mix, and new names appear together: their links are made before the
//! rename and lead nowhere until it. After a kill at any point the next start finds either generation published, and
//! takes away everything else ([`Volume::open`]). It is the layout of the kubelet's own volumes (`AtomicWriter`), so that
//! what watches those works here.
//!
//! What is taken away is overwritten first. A file that did not change is the same file in the next generation (a hard
//! link), and is overwritten when its last name goes.

mod dir;
mod many;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use oakum_inject::Secret;
use oakum_inject::config::{FileName, Mode, VolumeSpec};
use rustix::fs::FileType;

use self::dir::{Dir, Entry};
pub(crate) use self::many::Volumes;

const DATA: &[u8] = b"..data";
const DATA_TMP: &[u8] = b"..data_tmp";
const GENERATION: &[u8] = b"..oakum-";

/// Why a volume cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VolumeError {
    #[error("cannot use {path}: {why}")]
    Unusable { path: PathBuf, why: String },
    #[error("cannot write {path}: the volume is on {file_system}, not in memory")]
    NotInMemory { path: PathBuf, file_system: String },
    #[error("cannot use {path}: another agent has it")]
    InUse { path: PathBuf },
    #[error("cannot use {path}: `{name}` is there and is not ours")]
    Occupied { path: PathBuf, name: String },
    #[error("cannot write {path}: {error}")]
    Io { path: PathBuf, error: io::Error },
}

impl VolumeError {
    /// Gives the way out.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unusable { .. } => Some("make the directory, or mount a memory emptyDir there"),
            Self::NotInMemory { .. } => Some(oakum_providers::memory::HINT),
            Self::InUse { .. } => Some("give each agent a volume of its own"),
            Self::Occupied { .. } => Some("give the agent a volume of its own, in which nothing else is put"),
            Self::Io { error, .. } => match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
                Some(rustix::io::Errno::PERM) => Some(
                    "an agent that is not root can give files only to a group that it is in: set fsGroup or supplementalGroups",
                ),
                Some(rustix::io::Errno::NOSPC) => Some("raise the sizeLimit of the emptyDir; two generations must fit"),
                Some(rustix::io::Errno::ROFS) => Some("mount the volume without readOnly in the agent's container"),
                Some(rustix::io::Errno::ACCESS) => Some("let the agent's user write the directory"),
                _ => None,
            },
        }
    }
}

/// A file that is to be in the next generation.
#[derive(Debug)]
pub(crate) enum Part {
    /// New bytes.
    New(Mode, Secret),
    /// What the published generation has under that name, if it has.
    Kept,
}

/// What a publication did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Published {
    /// Nothing was there before.
    First,
    /// An earlier generation was replaced, and is to be swept after the grace.
    Replaced,
    /// The published generation is already what was asked for.
    Same,
}

/// A directory in memory that nobody else writes.
pub(crate) struct Volume {
    root: Dir,
    path: PathBuf,
    mode: Mode,
    group: Option<u32>,
    /// The name of the published generation.
    current: Option<Entry>,
    /// Whether we made the directory, and so take it away.
    made: bool,
}

/// Says what a path is on, without changing anything.
pub(crate) fn inspect(path: &Path) -> Result<(), VolumeError> {
    let root = Dir::open_root(path).map_err(|error| unusable(path, &error))?;
    in_memory(&root, path)
}

impl AsFd for Volume {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }
}

impl Volume {
    /// Opens a volume, takes its lock, and takes away whatever an agent that was killed left half done.
    ///
    /// # Errors
    /// Refuses what is not in memory, what another agent uses, and what holds entries in our way that are not ours.
    pub(crate) fn open(spec: &VolumeSpec) -> Result<Self, VolumeError> {
        let path = spec.path.as_path();
        let made = make_if_missing(path, spec)?;
        let root = Dir::open_root(path).map_err(|error| unusable(path, &error))?;
        Self::with_root(root, spec, made)
    }

    fn with_root(root: Dir, spec: &VolumeSpec, made: bool) -> Result<Self, VolumeError> {
        let path = spec.path.clone();
        in_memory(&root, &path)?;
        root.lock().map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => VolumeError::InUse { path: path.clone() },
            _ => unusable(&path, &error),
        })?;
        let mut volume = Self { root, path, mode: spec.mode, group: spec.group, current: None, made };
        volume.recover()?;
        Ok(volume)
    }

    /// Gives what is published from now on to other readers.
    fn readers(&mut self, spec: &VolumeSpec) {
        (self.mode, self.group) = (spec.mode, spec.group);
    }

    /// Gives the device that it is on.
    fn device(&self) -> Result<u64, VolumeError> {
        self.io(self.root.device())
    }

    fn io<T>(&self, result: io::Result<T>) -> Result<T, VolumeError> {
        result.map_err(|error| VolumeError::Io { path: self.path.clone(), error })
    }

    fn occupied(&self, name: &[u8]) -> VolumeError {
        VolumeError::Occupied {
            path: self.path.clone(),
            name: String::from_utf8_lossy(name).escape_debug().to_string(),
        }
    }

    /// Puts right what a kill left: a link that was never renamed, generations that are not the published one, links
    /// that lead nowhere.
    fn recover(&mut self) -> Result<(), VolumeError> {
        match self.io(self.root.kind(DATA_TMP))? {
            None => {}
            Some(FileType::Symlink) => self.io(self.root.unlink(DATA_TMP))?,
            Some(_) => return Err(self.occupied(DATA_TMP)),
        }
        self.current = match self.io(self.root.kind(DATA))? {
            None => None,
            Some(FileType::Symlink) => self.published_generation()?,
            Some(_) => return Err(self.occupied(DATA)),
        };
        self.sweep()?;
        self.tidy_links()
    }

    fn published_generation(&self) -> Result<Option<Entry>, VolumeError> {
        let target = self.io(self.root.read_link(DATA))?.unwrap_or_default();
        if !is_generation(&target) {
            return Err(self.occupied(DATA));
        }
        match self.io(self.root.kind(&target))? {
            Some(FileType::Directory) => {
                let stat = self.io(self.root.open(&target).and_then(|dir| dir.stat()))?;
                if stat.uid == rustix::process::geteuid().as_raw() {
                    Ok(Some(target))
                } else {
                    Err(self.occupied(&target))
                }
            }
            Some(_) => Err(self.occupied(&target)),
            None => self.io(self.root.unlink(DATA)).map(|()| None),
        }
    }

    /// Wipes every generation but the published one.
    pub(crate) fn sweep(&mut self) -> Result<(), VolumeError> {
        for (name, kind) in self.io(self.root.entries())? {
            if is_generation(&name) && kind == FileType::Directory && self.current.as_ref() != Some(&name) {
                self.io(self.root.wipe_tree(&name))?;
            }
        }
        Ok(())
    }

    /// Takes away links of ours that lead nowhere, and makes those that are missing.
    fn tidy_links(&self) -> Result<(), VolumeError> {
        let tops: BTreeSet<Entry> = match &self.current {
            Some(name) => {
                self.io(self.root.open(name).and_then(|dir| dir.entries()))?.into_iter().map(|(name, _)| name).collect()
            }
            None => BTreeSet::new(),
        };
        self.unlink_others(&tops)?;
        tops.iter().try_for_each(|top| self.link(top))
    }

    /// Takes away links of ours to what a generation has not.
    fn unlink_others(&self, tops: &BTreeSet<Entry>) -> Result<(), VolumeError> {
        for (name, kind) in self.io(self.root.entries())? {
            if kind == FileType::Symlink
                && name != DATA
                && !tops.contains(&name)
                && self.io(self.root.read_link(&name))? == Some(link_target(&name))
            {
                self.io(self.root.unlink(&name))?;
            }
        }
        Ok(())
    }

    /// Makes the link that a reader opens, unless it is there.
    fn link(&self, top: &[u8]) -> Result<(), VolumeError> {
        match self.io(self.root.kind(top))? {
            None => self.io(self.root.symlink(&link_target(top), top)),
            Some(FileType::Symlink) if self.io(self.root.read_link(top))? == Some(link_target(top)) => Ok(()),
            Some(_) => Err(self.occupied(top)),
        }
    }

    /// Replaces every file in the volume at once. A reader sees the old set or the new, never a mix. Files that are not
    /// named are gone afterwards. `id` makes the generation's name and may not have been used before.
    ///
    /// # Errors
    /// What was published before is still there, and nothing of the new set.
    pub(crate) fn publish(&mut self, files: &BTreeMap<FileName, Part>, id: u64) -> Result<Published, VolumeError> {
        if self.changes(files)?.is_empty() {
            return Ok(Published::Same);
        }
        let mut name = GENERATION.to_vec();
        name.extend_from_slice(format!("{id:016x}").as_bytes());
        match self.publish_as(&name, files) {
            Ok(tops) => {
                let before = self.current.replace(name);
                // The moment has passed: what is left undone here is done at the next start or publication.
                let _ = self.unlink_others(&tops);
                Ok(if before.is_some() { Published::Replaced } else { Published::First })
            }
            Err(error) => {
                let _ = self.root.unlink(DATA_TMP);
                let _ = self.root.wipe_tree(&name);
                let _ = self.tidy_links();
                Err(error)
            }
        }
    }

    fn publish_as(&self, name: &[u8], files: &BTreeMap<FileName, Part>) -> Result<BTreeSet<Entry>, VolumeError> {
        let generation = self.io(self.root.make(name))?;
        let tops = self.fill(&generation, files)?;
        tops.iter().try_for_each(|top| self.link(top))?;
        if self.io(self.root.kind(DATA_TMP))?.is_some() {
            self.io(self.root.unlink(DATA_TMP))?;
        }
        self.io(self.root.symlink(name, DATA_TMP))?;
        self.io(self.root.rename(DATA_TMP, DATA))?;
        Ok(tops)
    }

    /// Writes a generation's files and gives it its mode, so that it is complete before anybody can see it.
    fn fill(&self, generation: &Dir, files: &BTreeMap<FileName, Part>) -> Result<BTreeSet<Entry>, VolumeError> {
        let before = self.io(self.current.as_ref().map(|name| self.root.open(name)).transpose())?;
        // Thousands of files may be in one folder, and come one after the other.
        let (mut from, mut into) = (Folder::default(), Folder::default());
        let mut folders: BTreeMap<&str, u32> = BTreeMap::new();
        let mut tops = BTreeSet::new();
        for (name, part) in files {
            let kept = match (part, &before) {
                (Part::New(..), _) => None,
                (Part::Kept, Some(before)) => match self.io(from.if_there(before, parent(name)))? {
                    Some(folder) if self.io(folder.kind(base(name)))? == Some(FileType::RegularFile) => Some(folder),
                    _ => continue,
                },
                (Part::Kept, None) => continue,
            };
            for folder in name.folders() {
                if !folders.contains_key(folder) {
                    let (above, last) = folder.rsplit_once('/').unwrap_or(("", folder));
                    let above = self.io(descend(generation, above))?;
                    self.io(above.make(last.as_bytes()))?;
                }
                let bits = if let Part::New(mode, _) = part { mode.folder_bits() } else { self.mode.folder_bits() };
                *folders.entry(folder).or_default() |= bits;
            }
            let folder = self.io(into.of(generation, parent(name)))?;
            match (part, kept) {
                (Part::New(mode, content), _) => self.io(folder.write(base(name), mode.bits(), self.group, content))?,
                (Part::Kept, Some(kept)) => self.io(kept.link_into(base(name), folder))?,
                (Part::Kept, None) => {}
            }
            tops.insert(name.top().as_bytes().to_vec());
        }
        for (folder, bits) in folders.iter().rev() {
            self.io(descend(generation, folder).and_then(|dir| dir.set(*bits, self.group)))?;
        }
        let open = files
            .values()
            .filter_map(|part| if let Part::New(mode, _) = part { Some(mode.folder_bits()) } else { None });
        let bits = open.fold(self.mode.folder_bits(), |all, one| all | one);
        self.io(generation.set(bits, self.group))?;
        Ok(tops)
    }

    /// Lists the files that would be others than in the published generation: their bytes, their mode or group, or that
    /// they are there at all.
    pub(crate) fn changes(&self, files: &BTreeMap<FileName, Part>) -> Result<BTreeSet<String>, VolumeError> {
        let new = |part: &Part| matches!(part, Part::New(..));
        let Some(current) = &self.current else {
            return Ok(files.iter().filter(|(_, part)| new(part)).map(|(name, _)| name.path().to_owned()).collect());
        };
        let generation = self.io(self.root.open(current))?;
        let mut there = BTreeSet::new();
        self.io(list(&generation, "", &mut there))?;
        let mut changed = BTreeSet::new();
        for (name, part) in files {
            let was_there = there.remove(name.path());
            let Part::New(mode, content) = part else { continue };
            if was_there {
                let folder = self.io(descend(&generation, parent(name)))?;
                let (stat, bytes) = self.io(folder.read(base(name)))?;
                let group = self.group.is_none_or(|group| group == stat.gid);
                if stat.mode == mode.bits() && group && bytes.expose() == content.expose() {
                    continue;
                }
            }
            changed.insert(name.path().to_owned());
        }
        changed.extend(there);
        Ok(changed)
    }

    /// Takes away the directory, if we made it and nothing has been published.
    fn leave(&mut self) {
        if self.made && self.current.is_none() {
            let _ = rustix::fs::rmdir(&self.path);
        }
    }

    /// Takes away everything that was published. The link goes first, so that readers see all of it or nothing.
    pub(crate) fn wipe(&mut self) -> Result<(), VolumeError> {
        if self.current.take().is_some() {
            self.io(self.root.unlink(DATA))?;
        }
        self.sweep()?;
        self.tidy_links()?;
        self.leave();
        Ok(())
    }
}

/// Tells whether a name is one that we give to generations.
fn is_generation(name: &[u8]) -> bool {
    name.strip_prefix(GENERATION).is_some_and(|id| id.len() == 16 && id.iter().all(u8::is_ascii_hexdigit))
}

fn link_target(top: &[u8]) -> Entry {
    [DATA, b"/", top].concat()
}

fn base(name: &FileName) -> &[u8] {
    name.path().rsplit('/').next().unwrap_or(name.path()).as_bytes()
}

/// Opens a folder below a directory, one element at a time, so that no link is followed on the way.
fn descend(dir: &Dir, path: &str) -> io::Result<Dir> {
    let mut here = dir.open(b".")?;
    for element in path.split('/').filter(|element| !element.is_empty()) {
        here = here.open(element.as_bytes())?;
    }
    Ok(here)
}

/// The folder that a file is in, from the generation on.
fn parent(name: &FileName) -> &str {
    name.folders().last().unwrap_or("")
}

/// The folder of a generation that was opened last.
#[derive(Default)]
struct Folder(Option<(String, Dir)>);

impl Folder {
    /// Opens a folder below a directory, unless it is the same as before.
    fn of(&mut self, dir: &Dir, path: &str) -> io::Result<&Dir> {
        let found = match self.0.take() {
            Some(last) if last.0 == path => last,
            _ => (path.to_owned(), descend(dir, path)?),
        };
        Ok(&self.0.insert(found).1)
    }

    /// The same; none if there is no such folder.
    fn if_there(&mut self, dir: &Dir, path: &str) -> io::Result<Option<&Dir>> {
        match self.of(dir, path) {
            Ok(folder) => Ok(Some(folder)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Lists all files of a generation by their paths.
fn list(dir: &Dir, prefix: &str, files: &mut BTreeSet<String>) -> io::Result<()> {
    for (name, kind) in dir.entries()? {
        let path = format!("{prefix}{}", String::from_utf8_lossy(&name));
        if kind == FileType::Directory {
            list(&dir.open(&name)?, &format!("{path}/"), files)?;
        } else {
            files.insert(path);
        }
    }
    Ok(())
}

fn unusable(path: &Path, error: &io::Error) -> VolumeError {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "there is no such directory".to_owned(),
        io::ErrorKind::NotADirectory => "it is a link, or no directory".to_owned(),
        _ => error.to_string(),
    };
    VolumeError::Unusable { path: path.to_owned(), why }
}

/// Makes the last folder of the path where it is missing: in a pod the mount is there, on a laptop `/run/user/1000` is.
fn make_if_missing(path: &Path, spec: &VolumeSpec) -> Result<bool, VolumeError> {
    if std::fs::symlink_metadata(path).is_ok() {
        return Ok(false);
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(false) };
    // Checked before anything is made: nothing is left on a disk.
    let above = Dir::open_root(&parent.canonicalize().map_err(|error| unusable(path, &error))?)
        .map_err(|error| unusable(path, &error))?;
    in_memory(&above, path)?;
    let name = std::os::unix::ffi::OsStrExt::as_bytes(name);
    let made = above.make(name).and_then(|dir| dir.set(spec.mode.folder_bits(), spec.group));
    made.map(|()| true).map_err(|error| VolumeError::Io { path: path.to_owned(), error })
}

fn in_memory(dir: &Dir, path: &Path) -> Result<(), VolumeError> {
    let magic = dir.file_system().map_err(|error| unusable(path, &error))?;
    oakum_providers::memory::in_memory(magic)
        .map_err(|file_system| VolumeError::NotInMemory { path: path.to_owned(), file_system })
}

#[cfg(test)]
mod tests;
