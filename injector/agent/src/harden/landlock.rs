//! Landlock: which files the process may open, and which ports it may connect to, from now on and for good.
//!
//! What the kernel does not know yet is left out, and the level says so. <https://docs.kernel.org/userspace-api/landlock.html>

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{Mode, OFlags};

use super::kernel::{self, RulesetAttr};
use super::reach::Reach;

/// How far Landlock holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Landlock {
    None,
    /// Files are restricted, and connections are not.
    Files,
    FilesAndNet,
}

impl Landlock {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Files => "files",
            Self::FilesAndNet => "files+net",
        }
    }
}

// `LANDLOCK_ACCESS_FS_*`.
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const REMOVE_DIR: u64 = 1 << 4;
const REMOVE_FILE: u64 = 1 << 5;
const MAKE_DIR: u64 = 1 << 7;
const MAKE_REG: u64 = 1 << 8;
const MAKE_SYM: u64 = 1 << 12;
/// All of version 1: the bits from `EXECUTE` to `MAKE_SYM`.
const VERSION_1: u64 = (1 << 13) - 1;
/// Links and renames from one folder to another; version 2. In version 1 they are denied whatever the rules are.
const REFER: u64 = 1 << 13;
/// Version 3.
const TRUNCATE: u64 = 1 << 14;
/// Version 5.
const IOCTL_DEV: u64 = 1 << 15;

// `LANDLOCK_ACCESS_NET_*`, version 4.
const BIND_TCP: u64 = 1 << 0;
const CONNECT_TCP: u64 = 1 << 1;

// `LANDLOCK_SCOPE_*`, version 6: abstract sockets of, and signals to, whoever is not in here.
const ABSTRACT_SOCKETS: u64 = 1 << 0;
const SIGNALS: u64 = 1 << 1;

/// The first version under which a volume can be kept: a file that has not changed is linked from one generation into
/// the next, which is another folder.
const OLDEST: u32 = 2;

/// What the kernel could do.
pub(super) fn available() -> Landlock {
    level(kernel::landlock_abi().unwrap_or(0))
}

fn level(abi: u32) -> Landlock {
    match abi {
        ..OLDEST => Landlock::None,
        OLDEST..4 => Landlock::Files,
        4.. => Landlock::FilesAndNet,
    }
}

fn handled_files(abi: u32) -> u64 {
    [(2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)]
        .into_iter()
        .filter_map(|(since, right)| (abi >= since).then_some(right))
        .fold(VERSION_1, |all, right| all | right)
}

/// Puts the calling thread under the rules; those that it starts later are under them too, and others are not.
///
/// # Errors
/// Nothing is restricted then.
pub(super) fn apply<'a>(reach: &Reach, volumes: impl Iterator<Item = BorrowedFd<'a>>) -> io::Result<Landlock> {
    let abi = kernel::landlock_abi()?;
    let level = level(abi);
    if level == Landlock::None {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let files = handled_files(abi);
    let net = if level == Landlock::FilesAndNet { BIND_TCP | CONNECT_TCP } else { 0 };
    let ruleset = kernel::create_ruleset(&RulesetAttr {
        handled_files: files,
        handled_net: net,
        scoped: if abi < 6 { 0 } else { scoped(reach) },
    })?;
    let ruleset = ruleset.as_fd();
    let change = WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SYM | REFER | TRUNCATE;
    for volume in volumes {
        kernel::allow_beneath(ruleset, volume, files & (READ_FILE | READ_DIR | change))?;
    }
    for above in &reach.above_volumes {
        allow(ruleset, above, REMOVE_DIR)?;
    }
    for folder in &reach.remove {
        allow(ruleset, folder, REMOVE_FILE)?;
    }
    for path in &reach.read {
        // A folder may be listed, and what is no folder may only be read.
        let right = if path.is_dir() { READ_FILE | READ_DIR } else { READ_FILE };
        allow(ruleset, path, right)?;
    }
    for path in &reach.write {
        allow(ruleset, path, files & (READ_FILE | WRITE_FILE | REMOVE_FILE | MAKE_REG | TRUNCATE))?;
    }
    if net != 0 {
        for port in &reach.ports {
            kernel::allow_port(ruleset, *port, CONNECT_TCP)?;
        }
    }
    kernel::restrict_self(ruleset)?;
    Ok(level)
}

/// Whoever is told of changes by a signal is not in here.
fn scoped(reach: &Reach) -> u64 {
    if reach.signals { ABSTRACT_SOCKETS } else { ABSTRACT_SOCKETS | SIGNALS }
}

/// What is not there, or may not be looked at, needs no rule: without one it cannot be opened either.
fn allow(ruleset: BorrowedFd<'_>, path: &std::path::Path, right: u64) -> io::Result<()> {
    match rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
        Ok(fd) => kernel::allow_beneath(ruleset, fd.as_fd(), right),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_kernel_is_asked_for_what_it_knows() {
        assert_eq!(
            [0, 1, 2, 3, 4, 7].map(|abi| level(abi).name()),
            ["none", "none", "files", "files", "files+net", "files+net"]
        );
        assert_eq!(handled_files(2), 0x3fff);
        assert_eq!(handled_files(3), 0x7fff);
        assert_eq!(handled_files(7), 0xffff);
    }
}
