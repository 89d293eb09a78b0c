//! A filter over system calls: what an agent never needs and an intruder would is answered with "not permitted".
//!
//! It denies and does not allow: a list of all that a runtime, a libc and a kernel may come to need breaks with the next
//! of them. What is denied is what leads out of the process or deep into the kernel.

use std::io;

use super::kernel;

/// Whether programs may be started. This is the one place to say so: commands that run on a change would need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exec {
    /// Commands run when a file has changed.
    Allowed,
    Forbidden,
}

/// `AUDIT_ARCH_*` of `linux/audit.h`: the machine, 64 bits, little endian. None where the filter is not written for.
const ARCHITECTURE: Option<u32> = if cfg!(all(target_arch = "x86_64", target_pointer_width = "64")) {
    Some(0xc000_003e)
} else if cfg!(all(target_arch = "aarch64", target_endian = "little", target_pointer_width = "64")) {
    Some(0xc000_00b7)
} else {
    None
};

/// On `x86_64`, numbers from here on are those of x32, a second way to every call.
const X32: u32 = 0x4000_0000;

/// What starts another program in our place or beside us.
pub(super) const STARTING: &[libc::c_long] = &[libc::SYS_execve, libc::SYS_execveat];

/// What is denied whatever its arguments are.
pub(super) const DENIED: &[libc::c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Keys of the kernel.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Mounts, roots and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_unshare,
    libc::SYS_setns,
    // The machine.
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    // What kernels have been broken by.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_personality,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // `kexec_file_load`, which libc does not name everywhere.
    #[cfg(target_arch = "x86_64")]
    320,
    #[cfg(target_arch = "aarch64")]
    294,
];

/// Flags of `clone` that make a namespace.
const NAMESPACES: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWCGROUP) as u32;

/// Families that a socket may be of. Without netlink, the C library takes it that both IPv4 and IPv6 are there.
const FAMILIES: [libc::c_int; 3] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];

// Where a field of `struct seccomp_data` is; of an argument, its lower half.
const NUMBER: u32 = 0;
const MACHINE: u32 = 4;
const FIRST_ARGUMENT: u32 = 16;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const IF_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const IF_ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Puts all threads under the filter.
///
/// # Errors
/// When the kernel has no filters, or there is none for this machine.
pub(super) fn apply(exec: Exec) -> io::Result<()> {
    let machine = ARCHITECTURE.ok_or(io::ErrorKind::Unsupported)?;
    kernel::install_filter(&program(machine, exec))
}

/// Tells whether [`apply`] would succeed.
pub(super) fn available() -> bool {
    ARCHITECTURE.is_some() && kernel::seccomp_answers_with_errors()
}

const fn answer(error: libc::c_int) -> libc::sock_filter {
    plain(RETURN, libc::SECCOMP_RET_ERRNO | error.cast_unsigned())
}

const fn plain(code: u16, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt: 0, jf: 0, k }
}

/// Goes on with the next instruction if the test holds, and over `skip` of them if not.
const fn unless(code: u16, k: u32, skip: u8) -> libc::sock_filter {
    libc::sock_filter { code, jt: 0, jf: skip, k }
}

fn number(call: libc::c_long) -> u32 {
    u32::try_from(call).expect("numbers of system calls are small")
}

/// Writes the filter. It is straight: each test is followed by its answer, so that no jump is longer than a few steps.
fn program(machine: u32, exec: Exec) -> Vec<libc::sock_filter> {
    let denied = answer(libc::EPERM);
    let allowed = plain(RETURN, libc::SECCOMP_RET_ALLOW);
    let starting = if exec == Exec::Forbidden { STARTING } else { &[] };
    // A call in another machine's numbers, such as 32 bits on 64, would be mistaken for what it is not.
    let mut out = vec![plain(LOAD, MACHINE), libc::sock_filter { code: IF_EQUAL, jt: 1, jf: 0, k: machine }, denied];
    out.push(plain(LOAD, NUMBER));
    if cfg!(target_arch = "x86_64") {
        out.extend([unless(IF_AT_LEAST, X32, 1), denied]);
    }
    for call in DENIED.iter().chain(starting) {
        out.extend([unless(IF_EQUAL, number(*call), 1), denied]);
    }
    // Its flags are in memory, where no filter sees them. Told that there is no such call, a libc takes `clone`.
    out.extend([unless(IF_EQUAL, number(libc::SYS_clone3), 1), answer(libc::ENOSYS)]);
    out.extend([
        unless(IF_EQUAL, number(libc::SYS_clone), 4),
        plain(LOAD, FIRST_ARGUMENT),
        unless(IF_ANY_BIT, NAMESPACES, 1),
        denied,
        allowed,
    ]);
    out.extend([unless(IF_EQUAL, number(libc::SYS_socket), 8), plain(LOAD, FIRST_ARGUMENT)]);
    for family in FAMILIES {
        out.extend([unless(IF_EQUAL, family.cast_unsigned(), 1), allowed]);
    }
    out.extend([denied, allowed]);
    out
}
