//! What makes the process hard to rob. This folder is the only place in the agent where `unsafe` is allowed, and only
//! its allocator and its system calls need it.
//!
//! | measure | what it stops |
//! |---|---|
//! | not dumpable | a debugger or a read of `/proc/PID/mem` by the same user, and core files |
//! | no core files | values on a disk after a crash, also where the dumpable flag is set again |
//! | no new privileges | a set-uid program as a way out |
//! | locked memory | values on a swap device |
//! | [`alloc::Wiping`] | values in memory that was freed: buffers of TLS, HTTP and JSON that are not ours to wipe |
//! | [`landlock`] | reading files and connecting to ports that the configuration does not name |
//! | [`seccomp`] | starting a program, looking into others, namespaces, mounts, the kernel's wider surface |
//!
//! The last two cannot be lifted, and children inherit them. So in `exec` there is no Landlock, and the filter comes when
//! the child has started.
//!
//! None of it stops root on the node.

#[allow(unsafe_code, reason = "a global allocator is unsafe to write; every block says why it is sound")]
pub(crate) mod alloc;

#[allow(unsafe_code, reason = "system calls that no safe crate has; every block says why it is sound")]
mod kernel;
mod landlock;
pub(crate) mod reach;
mod seccomp;
mod swap;

use std::os::fd::BorrowedFd;

use rustix::mm::MlockAllFlags;
use rustix::process::{DumpableBehavior, Resource, Rlimit};

use self::landlock::Landlock;
use self::reach::Reach;
pub(crate) use self::seccomp::Exec;
use self::swap::Swap;
use crate::machine::plan::Mode;
use crate::output::{self, Level};

/// What could be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "measures, each done or not, and told by name")]
pub(crate) struct Report {
    not_dumpable: bool,
    no_cores: bool,
    no_new_privileges: bool,
    locked: bool,
    landlock: Landlock,
    seccomp: Seccomp,
    swap: Swap,
}

/// Whether the filter holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seccomp {
    Off,
    On,
}

impl Seccomp {
    fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
        }
    }
}

/// Does all that the system allows.
pub(crate) fn apply() -> Report {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    Report {
        not_dumpable: rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok(),
        no_cores: rustix::process::setrlimit(Resource::Core, none).is_ok(),
        no_new_privileges: rustix::thread::set_no_new_privs(true).is_ok(),
        locked: may_lock_everything() && lock().is_ok(),
        landlock: Landlock::None,
        seccomp: Seccomp::Off,
        swap: Swap::None,
    }
}

/// Says what [`Report::enclose`] would come to, without doing it.
pub(crate) fn would_be(exec: Exec) -> String {
    let seccomp = if seccomp::available() { Seccomp::On } else { Seccomp::Off }.name();
    match exec {
        Exec::Forbidden => format!("landlock {} (none in `exec`), seccomp {seccomp}", landlock::available().name()),
        Exec::Allowed => format!("landlock none (commands that run on a change would inherit it), seccomp {seccomp}"),
    }
}

impl Report {
    /// Shuts the process in, before it talks to anybody: in `exec` later, when the child is out.
    ///
    /// It has to be called before there is a second thread, which Landlock would not bring along. Where commands run when
    /// a file has changed there is no Landlock: they would inherit it, and may need what we may not have.
    pub(crate) fn enclose(&mut self, mode: Mode, exec: Exec, reach: &Reach, volumes: &[(BorrowedFd<'_>, u64)]) {
        if let Some(worst) = volumes.iter().map(|(_, device)| swap::of(*device)).max() {
            self.swap = worst;
        }
        if !mode.has_app() {
            // A thread that is not under the rules could do the work of one that is.
            if threads() == 1 && exec == Exec::Forbidden {
                self.landlock =
                    landlock::apply(reach, volumes.iter().map(|(volume, _)| *volume)).unwrap_or(Landlock::None);
            }
            self.filter(exec);
        }
    }

    /// Puts the filter over what is called from now on.
    pub(crate) fn filter(&mut self, exec: Exec) {
        if seccomp::apply(exec).is_ok() {
            self.seccomp = Seccomp::On;
        }
    }

    /// Whether what can be read and connected to is settled for good.
    pub(crate) fn confines(&self) -> bool {
        self.landlock != Landlock::None
    }

    /// Lists what of the sandbox is not there: in `exec`, of what there can be. An app that may be started again would inherit
    /// the filter, so with `restarts` there is none.
    pub(crate) fn missing(&self, mode: Mode, restarts: bool) -> Vec<&'static str> {
        let exec = mode.has_app();
        let seccomp = self.seccomp == Seccomp::On || (exec && !restarts && seccomp::available());
        [
            (self.not_dumpable, "the process can be dumped"),
            (self.no_cores, "core files are on"),
            (self.no_new_privileges, "new privileges can be had"),
            (exec || self.landlock != Landlock::None, "Landlock restricts no files"),
            (exec || self.landlock == Landlock::FilesAndNet, "Landlock restricts no connections"),
            (seccomp, "seccomp filters no system calls"),
        ]
        .into_iter()
        .filter_map(|(done, what)| (!done).then_some(what))
        .collect()
    }

    /// Gives each part with its level.
    pub(crate) fn levels(&self) -> [(&'static str, &'static str); 3] {
        [("landlock", self.landlock.name()), ("seccomp", self.seccomp.name()), ("swap", self.swap.name())]
    }

    /// Says once how far the sandbox goes, and whether what is in the volume can get to a disk.
    pub(crate) fn tell_sandbox(&self) {
        let fields = self.levels().map(|(part, level)| (part, level.to_owned()));
        output::log(Level::Info, "harden.report", "sandbox", &fields);
        if self.swap == Swap::Swappable {
            let hint = "turn swap off on the node, or mount the volume with `noswap` (Linux 6.4)".to_owned();
            output::log(
                Level::Warn,
                "volume.swappable",
                "swap is on, and the volume's pages may be written to it",
                &[("hint", hint)],
            );
        }
    }

    /// Says once what could not be done.
    pub(crate) fn tell(self) {
        let missing: Vec<&str> = [
            (self.not_dumpable, "the process can be dumped"),
            (self.no_cores, "core files are on"),
            (self.no_new_privileges, "new privileges can be had"),
            (self.locked, "memory is not locked, and may be swapped"),
        ]
        .into_iter()
        .filter_map(|(done, what)| (!done).then_some(what))
        .collect();
        if !missing.is_empty() {
            output::log(Level::Warn, "harden.degraded", &format!("not hardened in full: {}", missing.join("; ")), &[]);
        }
    }
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Overwrites what functions that have returned left on the stack: hashes and ciphers keep pieces of what they are given in
/// variables of their own, which nobody wipes.
#[inline(never)]
pub(crate) fn wipe_stack() {
    // Deeper than any of them, and no more than a fraction of the smallest stack.
    let mut below = [0_u8; 64 << 10];
    std::hint::black_box(&mut below);
}

/// Locks what is there and what comes, each page when it is first touched: a stack of 2 MiB costs what is used of it.
fn lock() -> rustix::io::Result<()> {
    rustix::mm::mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT)
}

/// With a small limit, locking what comes would make a later allocation fail, and the agent with it.
fn may_lock_everything() -> bool {
    let unlimited = rustix::process::getrlimit(Resource::Memlock).current.is_none();
    unlimited
        || rustix::thread::capabilities(None)
            .is_ok_and(|sets| sets.effective.contains(rustix::thread::CapabilitySet::IPC_LOCK))
}

#[cfg(test)]
#[path = "sandbox_tests.rs"]
mod sandbox_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_and_not_asked_of_exec() {
        let bare = Report {
            not_dumpable: true,
            no_cores: true,
            no_new_privileges: true,
            locked: false,
            landlock: Landlock::None,
            seccomp: Seccomp::Off,
            swap: Swap::Swappable,
        };
        assert_eq!(bare.missing(Mode::Run, false).len(), 3);
        assert_eq!(
            Report { landlock: Landlock::Files, seccomp: Seccomp::On, ..bare }.missing(Mode::Once, false),
            ["Landlock restricts no connections"]
        );
        assert_eq!(
            Report { landlock: Landlock::FilesAndNet, seccomp: Seccomp::On, ..bare }.missing(Mode::Run, false),
            [""; 0]
        );
        assert_eq!(bare.missing(Mode::Exec, false), [""; 0]);
        assert_eq!(bare.missing(Mode::Exec, true), ["seccomp filters no system calls"]);
        assert_eq!(Report { no_cores: false, ..bare }.missing(Mode::Exec, false), ["core files are on"]);
    }

    #[test]
    fn the_process_is_hardened_as_far_as_the_system_shows_it() {
        let report = apply();
        assert!(report.not_dumpable && report.no_cores && report.no_new_privileges);
        // The flag is a thread's own, and new threads inherit it; tests run in threads.
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        assert!(status.contains("NoNewPrivs:\t1"));
        assert_eq!(rustix::process::getrlimit(Resource::Core).current, Some(0));
        assert_eq!(rustix::process::dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        let locked: u64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmLck:"))
            .unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap();
        assert_eq!(report.locked, locked > 0);
    }
}
