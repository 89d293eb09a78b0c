//! The system calls of Landlock and seccomp, which no crate that we link has. What they are given is decided elsewhere,
//! without `unsafe`; what they do is tried from inside in `tests.rs`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// `struct landlock_ruleset_attr` of `linux/landlock.h`. An older kernel takes a longer one if what it does not know is 0.
#[repr(C)]
pub(super) struct RulesetAttr {
    pub(super) handled_files: u64,
    pub(super) handled_net: u64,
    pub(super) scoped: u64,
}

/// `struct landlock_path_beneath_attr`, which is packed.
#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: i32,
}

/// `struct landlock_net_port_attr`.
#[repr(C)]
struct NetPort {
    allowed: u64,
    port: u64,
}

const CREATE_RULESET_VERSION: u32 = 1;
const RULE_PATH_BENEATH: u32 = 1;
const RULE_NET_PORT: u32 = 2;

fn done(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Asks which version of Landlock the kernel has; an error where it has none.
pub(super) fn landlock_abi() -> io::Result<u32> {
    let nothing = std::ptr::null::<RulesetAttr>();
    // SAFETY: with this flag the call reads no memory, and wants a null pointer of size 0.
    let result = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0usize, CREATE_RULESET_VERSION) };
    Ok(u32::try_from(done(result)?).unwrap_or(0))
}

pub(super) fn create_ruleset(attr: &RulesetAttr) -> io::Result<OwnedFd> {
    let size = size_of::<RulesetAttr>();
    // SAFETY: the structure is valid for reads of its own size, and the kernel keeps no pointer to it.
    let result = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::from_ref(attr), size, 0u32) };
    let fd = i32::try_from(done(result)?).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    // SAFETY: the call has just given us this descriptor, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(super) fn allow_beneath(ruleset: BorrowedFd<'_>, parent: BorrowedFd<'_>, allowed: u64) -> io::Result<()> {
    let rule = PathBeneath { allowed, parent: parent.as_raw_fd() };
    add_rule(ruleset, RULE_PATH_BENEATH, &rule)
}

pub(super) fn allow_port(ruleset: BorrowedFd<'_>, port: u16, allowed: u64) -> io::Result<()> {
    add_rule(ruleset, RULE_NET_PORT, &NetPort { allowed, port: port.into() })
}

fn add_rule<R>(ruleset: BorrowedFd<'_>, kind: u32, rule: &R) -> io::Result<()> {
    let rule = std::ptr::from_ref(rule);
    // SAFETY: both callers pass the structure that belongs to the kind, as the kernel declares it; it is only read.
    let result = unsafe { libc::syscall(libc::SYS_landlock_add_rule, ruleset.as_raw_fd(), kind, rule, 0u32) };
    done(result).map(drop)
}

/// Puts this thread, and those that it starts from now on, under the rules for good.
pub(super) fn restrict_self(ruleset: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the call takes numbers alone.
    done(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0u32) }).map(drop)
}

/// Tells whether the kernel has filters that answer with an error, without installing one.
pub(super) fn seccomp_answers_with_errors() -> bool {
    let action = libc::SECCOMP_RET_ERRNO;
    // SAFETY: the call reads the number that it is pointed at, which outlives it.
    let result =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0u32, std::ptr::from_ref(&action)) };
    result == 0
}

/// Puts every thread of the process under a filter for good.
pub(super) fn install_filter(program: &[libc::sock_filter]) -> io::Result<()> {
    let len = u16::try_from(program.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let program = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    let flags = libc::SECCOMP_FILTER_FLAG_TSYNC;
    // SAFETY: the structure and the program of `len` instructions behind it outlive the call, which copies and checks
    // them, and writes to neither.
    let result =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, std::ptr::from_ref(&program)) };
    // With TSYNC, a positive number is a thread that could not be brought along, and nothing has been done.
    if done(result)? == 0 { Ok(()) } else { Err(io::ErrorKind::ResourceBusy.into()) }
}
