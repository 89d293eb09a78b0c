//! A directory by its descriptor. Every name is taken relative to it and no link is followed, so that nothing planted in
//! the volume can lead us elsewhere.
//!
//! Each call that changes something passes [`Dir::burn`] first. In tests it stands for the moment of a kill: from the
//! chosen call on, nothing happens any more.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use oakum_inject::Secret;
use rustix::fs::{self, AtFlags, FileType, FlockOperation, Gid, Mode, OFlags};

const OPEN_DIR: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A name in a directory, as the system has it.
pub(super) type Entry = Vec<u8>;

/// An open directory.
pub(super) struct Dir {
    fd: OwnedFd,
    #[cfg(test)]
    fuse: Fuse,
}

/// What a file is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) size: u64,
    pub(super) links: u64,
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Dir {
    /// Opens a directory by its path; the last element may not be a link.
    pub(super) fn open_root(path: &Path) -> io::Result<Self> {
        let fd = fs::open(path, OPEN_DIR, Mode::empty())?;
        Ok(Self {
            fd,
            #[cfg(test)]
            fuse: Fuse::default(),
        })
    }

    #[cfg(test)]
    pub(super) fn with_fuse(mut self, fuse: &Fuse) -> Self {
        self.fuse = fuse.clone();
        self
    }

    /// Stands for a kill in tests, and for nothing otherwise.
    #[cfg_attr(
        not(test),
        expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "it does something in tests")
    )]
    fn burn(&self) -> io::Result<()> {
        #[cfg(test)]
        self.fuse.burn()?;
        Ok(())
    }

    fn child(&self, fd: OwnedFd) -> Self {
        Self {
            fd,
            #[cfg(test)]
            fuse: self.fuse.clone(),
        }
    }

    /// Says which file system it is on.
    pub(super) fn file_system(&self) -> io::Result<u32> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "magic numbers have 32 bits")]
        Ok(fs::fstatfs(&self.fd)?.f_type as u32)
    }

    /// Takes the lock that keeps a second agent out. It goes with the descriptor, so a kill releases it.
    pub(super) fn lock(&self) -> io::Result<()> {
        Ok(fs::flock(&self.fd, FlockOperation::NonBlockingLockExclusive)?)
    }

    /// Gives the device that it is on.
    pub(super) fn device(&self) -> io::Result<u64> {
        Ok(fs::fstat(&self.fd)?.st_dev)
    }

    pub(super) fn stat(&self) -> io::Result<Stat> {
        Ok(fs::fstat(&self.fd)?.into())
    }

    pub(super) fn open(&self, name: &[u8]) -> io::Result<Self> {
        Ok(self.child(fs::openat(&self.fd, name, OPEN_DIR, Mode::empty())?))
    }

    /// Makes a directory that only its owner can enter, and opens it.
    pub(super) fn make(&self, name: &[u8]) -> io::Result<Self> {
        self.burn()?;
        fs::mkdirat(&self.fd, name, Mode::RWXU)?;
        self.open(name)
    }

    /// Gives the directory itself its mode and group.
    pub(super) fn set(&self, bits: u32, group: Option<u32>) -> io::Result<()> {
        self.burn()?;
        set(&self.fd, bits, group)
    }

    /// Writes a new file. Its mode and group are final before its first byte.
    pub(super) fn write(&self, name: &[u8], bits: u32, group: Option<u32>, content: &Secret) -> io::Result<()> {
        self.burn()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::openat(&self.fd, name, flags, Mode::RUSR | Mode::WUSR)?;
        self.burn()?;
        set(&file, bits, group)?;
        for half in halves(content.expose()) {
            self.burn()?;
            write_all(&file, half)?;
        }
        Ok(())
    }

    /// Puts a file of this directory into another under the same name.
    pub(super) fn link_into(&self, name: &[u8], to: &Self) -> io::Result<()> {
        self.burn()?;
        Ok(fs::linkat(&self.fd, name, &to.fd, name, AtFlags::empty())?)
    }

    pub(super) fn symlink(&self, target: &[u8], name: &[u8]) -> io::Result<()> {
        self.burn()?;
        Ok(fs::symlinkat(target, &self.fd, name)?)
    }

    /// Gives what a link points to; none if there is no such name, or it is no link.
    pub(super) fn read_link(&self, name: &[u8]) -> io::Result<Option<Entry>> {
        match fs::readlinkat(&self.fd, name, Vec::new()) {
            Ok(target) => Ok(Some(target.into_bytes())),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::INVAL) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn rename(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        self.burn()?;
        Ok(fs::renameat(&self.fd, from, &self.fd, to)?)
    }

    pub(super) fn unlink(&self, name: &[u8]) -> io::Result<()> {
        self.burn()?;
        Ok(fs::unlinkat(&self.fd, name, AtFlags::empty())?)
    }

    pub(super) fn remove(&self, name: &[u8]) -> io::Result<()> {
        self.burn()?;
        Ok(fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR)?)
    }

    /// Lists what is in the directory, without `.` and `..`.
    pub(super) fn entries(&self) -> io::Result<Vec<(Entry, FileType)>> {
        let mut all = Vec::new();
        for entry in fs::Dir::read_from(&self.fd)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                all.push((name.to_vec(), entry.file_type()));
            }
        }
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }

    /// Says what a name is; none if there is nothing.
    pub(super) fn kind(&self, name: &[u8]) -> io::Result<Option<FileType>> {
        match fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a file as it is.
    pub(super) fn read(&self, name: &[u8]) -> io::Result<(Stat, Secret)> {
        let file = self.open_file(name, OFlags::RDONLY)?;
        let stat: Stat = fs::fstat(&file)?.into();
        let mut bytes = Vec::with_capacity(usize::try_from(stat.size).unwrap_or(0) + 1);
        io::Read::read_to_end(&mut std::fs::File::from(file), &mut bytes)?;
        Ok((stat, Secret::from(bytes)))
    }

    fn open_file(&self, name: &[u8], access: OFlags) -> io::Result<OwnedFd> {
        // Not to be kept waiting by a pipe that somebody planted.
        let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        Ok(fs::openat(&self.fd, name, flags, Mode::empty())?)
    }

    /// Overwrites a file's pages, if this is its last name, and takes the name away. Unlinking alone would leave the
    /// bytes in free memory until somebody needs it.
    pub(super) fn wipe_file(&self, name: &[u8]) -> io::Result<()> {
        // Most of a generation is in the next one too.
        let about: Stat = fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)?.into();
        if about.links == 1 {
            let file = self.open_file(name, OFlags::RDONLY)?;
            let stat: Stat = fs::fstat(&file)?.into();
            self.burn()?;
            // The owner of a file with mode 0440 may not write it, but may change that.
            fs::fchmod(&file, Mode::RUSR | Mode::WUSR)?;
            let file = self.open_file(name, OFlags::WRONLY)?;
            self.burn()?;
            let zeros = [0; 4096];
            let mut left = stat.size;
            while left > 0 {
                let part = usize::try_from(left).map_or(zeros.len(), |left| left.min(zeros.len()));
                write_all(&file, &zeros[..part])?;
                left -= part as u64;
            }
        }
        self.unlink(name)
    }

    /// Wipes everything in a folder of this directory, and the folder.
    pub(super) fn wipe_tree(&self, name: &[u8]) -> io::Result<()> {
        let folder = self.open(name)?;
        for (entry, kind) in folder.entries()? {
            match kind {
                FileType::Directory => folder.wipe_tree(&entry)?,
                FileType::RegularFile => folder.wipe_file(&entry)?,
                _ => folder.unlink(&entry)?,
            }
        }
        self.remove(name)
    }
}

impl From<fs::Stat> for Stat {
    fn from(stat: fs::Stat) -> Self {
        Self {
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            #[allow(clippy::unnecessary_cast, reason = "it has 32 bits on other machines")]
            links: stat.st_nlink as u64,
        }
    }
}

fn set(fd: &OwnedFd, bits: u32, group: Option<u32>) -> io::Result<()> {
    // The group first: changing it would clear bits of the mode.
    if let Some(group) = group {
        fs::fchown(fd, None, Some(Gid::from_raw(group)))?;
    }
    Ok(fs::fchmod(fd, Mode::from_raw_mode(bits))?)
}

/// In tests, a file is written in two parts, so that a kill may come between them.
fn halves(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let middle = if cfg!(test) { content.len() / 2 } else { 0 };
    let (first, second) = content.split_at(middle);
    [first, second].into_iter().filter(|half| !half.is_empty())
}

fn write_all(file: impl AsFd, mut content: &[u8]) -> io::Result<()> {
    while !content.is_empty() {
        match rustix::io::write(&file, content) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => content = &content[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Counts the calls that change something, and lets none through from a chosen one on.
#[cfg(test)]
#[derive(Clone, Default)]
pub(super) struct Fuse(std::rc::Rc<std::cell::Cell<Option<u32>>>);

#[cfg(test)]
impl Fuse {
    pub(super) fn after(calls: u32) -> Self {
        Self(std::rc::Rc::new(std::cell::Cell::new(Some(calls))))
    }

    pub(super) fn is_burnt(&self) -> bool {
        self.0.get() == Some(0)
    }

    fn burn(&self) -> io::Result<()> {
        match self.0.get() {
            None => Ok(()),
            Some(0) => Err(io::Error::other("killed")),
            Some(left) => {
                self.0.set(Some(left - 1));
                Ok(())
            }
        }
    }
}
