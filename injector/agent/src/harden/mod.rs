//! What makes the process hard to rob. This folder is the only place in the agent where `unsafe` is allowed, and only
//! its allocator needs it.
//!
//! | measure | what it stops |
//! |---|---|
//! | not dumpable | a debugger or a read of `/proc/PID/mem` by the same user, and core files |
//! | no core files | values on a disk after a crash, also where the dumpable flag is set again |
//! | no new privileges | a set-uid program as a way out |
//! | locked memory | values on a swap device |
//! | [`alloc::Wiping`] | values in memory that was freed: buffers of TLS, HTTP and JSON that are not ours to wipe |
//!
//! None of it stops root on the node.

#[allow(unsafe_code, reason = "a global allocator is unsafe to write; every block says why it is sound")]
pub(crate) mod alloc;

use rustix::mm::MlockAllFlags;
use rustix::process::{DumpableBehavior, Resource, Rlimit};

use crate::output::{self, Level};

/// What could be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Report {
    not_dumpable: bool,
    no_cores: bool,
    no_new_privileges: bool,
    locked: bool,
}

/// Does all that the system allows.
pub(crate) fn apply() -> Report {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    Report {
        not_dumpable: rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok(),
        no_cores: rustix::process::setrlimit(Resource::Core, none).is_ok(),
        no_new_privileges: rustix::thread::set_no_new_privs(true).is_ok(),
        locked: may_lock_everything() && lock().is_ok(),
    }
}

impl Report {
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
mod tests {
    use super::*;

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
