//! The sandbox tried from inside. It cannot be lifted, so each test runs itself once more as a process of its own.

#![allow(unsafe_code, reason = "calls that are to be denied have no safe form")]

use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::io::Errno;

use super::*;

/// Names the test's folder to the process that is to shut itself in.
const INSIDE: &str = "OAKUM_TEST_SANDBOX";

/// Gives the folder, inside. Outside it runs the test of that name in a process of its own, and sees it pass.
fn inside(test: &str, folder: &Path) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(INSIDE) {
        return Some(folder.into());
    }
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("harden::sandbox_tests::{test}"), "--test-threads=1"])
        .env(INSIDE, folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&ran.stderr));
    None
}

/// Makes a call, and gives the error that it ends with, if any.
fn call(number: libc::c_long, first: usize) -> Option<Errno> {
    // SAFETY: every pointer among the arguments is null, so a call that is let through reads and writes nothing.
    let result = unsafe { libc::syscall(number, first, 0usize, 0usize, 0usize, 0usize, 0usize) };
    (result < 0).then(|| Errno::from_io_error(&io::Error::last_os_error()).unwrap())
}

fn error<T>(result: io::Result<T>) -> Option<Errno> {
    result.err().map(|error| Errno::from_io_error(&error).unwrap())
}

fn family(number: libc::c_int) -> usize {
    usize::try_from(number).unwrap()
}

#[test]
fn the_filter_denies_what_leads_out_and_nothing_else() {
    let Some(_) = inside("the_filter_denies_what_leads_out_and_nothing_else", Path::new("/")) else { return };
    let new_user = usize::try_from(libc::CLONE_NEWUSER | libc::CLONE_FS).unwrap();
    // The control: none of these is denied without the filter.
    assert_eq!(call(libc::SYS_execve, 0), Some(Errno::FAULT));
    assert_eq!(call(libc::SYS_unshare, 0), None);
    assert_eq!(call(libc::SYS_personality, 0xffff_ffff), None);
    assert_eq!(call(libc::SYS_clone, new_user), Some(Errno::INVAL));

    let waiting = std::thread::spawn(|| {
        std::thread::park();
        call(libc::SYS_unshare, 0)
    });
    rustix::thread::set_no_new_privs(true).unwrap();
    seccomp::apply(Exec::Forbidden).unwrap();
    for number in seccomp::DENIED.iter().chain(seccomp::STARTING) {
        assert_eq!(call(*number, 0), Some(Errno::PERM), "{number}");
    }
    assert_eq!(call(libc::SYS_clone, new_user), Some(Errno::PERM));
    assert_eq!(call(libc::SYS_clone3, 0), Some(Errno::NOSYS));
    for number in [libc::AF_NETLINK, libc::AF_PACKET, libc::AF_ALG, libc::AF_VSOCK] {
        assert_eq!(call(libc::SYS_socket, family(number)), Some(Errno::PERM), "{number}");
    }
    #[cfg(target_arch = "x86_64")]
    assert_eq!(call(libc::SYS_getpid | 0x4000_0000, 0), Some(Errno::PERM), "x32");
    assert_eq!(error(Command::new("/bin/true").status()), Some(Errno::PERM));
    // A thread that was there before is under it too.
    waiting.thread().unpark();
    assert_eq!(waiting.join().unwrap(), Some(Errno::PERM));

    // What the agent does goes on.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    UdpSocket::bind("127.0.0.1:0").unwrap();
    UnixStream::pair().unwrap();
    fs::read("/proc/self/status").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let found = runtime.block_on(async { tokio::net::lookup_host("localhost:80").await.map(Iterator::count) });
    assert!(found.unwrap() > 0);
}

#[test]
fn programs_start_where_the_filter_lets_them() {
    let Some(_) = inside("programs_start_where_the_filter_lets_them", Path::new("/")) else { return };
    rustix::thread::set_no_new_privs(true).unwrap();
    seccomp::apply(Exec::Allowed).unwrap();
    assert!(Command::new("/bin/true").status().unwrap().success());
    assert_eq!(call(libc::SYS_unshare, 0), Some(Errno::PERM));
}

#[test]
fn landlock_leaves_the_files_and_ports_that_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let Some(folder) = inside("landlock_leaves_the_files_and_ports_that_are_named", folder.path()) else { return };
    let at = |name: &str| folder.join(name);
    for name in ["named", "other", "volume", "kept", "removed"] {
        fs::create_dir(at(name)).unwrap();
        fs::write(at(name).join("file"), name).unwrap();
    }
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [named, other] = listeners.each_ref().map(|listener| listener.local_addr().unwrap());
    let reach = Reach {
        write: [at("kept")].into(),
        read: ["/proc/self".into(), at("named"), at("not there")].into(),
        ports: [named.port()].into(),
        above_volumes: Default::default(),
        remove: [at("removed")].into(),
        signals: false,
    };
    let volume = fs::File::open(at("volume")).unwrap();
    rustix::thread::set_no_new_privs(true).unwrap();
    assert_eq!(landlock::apply(&reach, [volume.as_fd()].into_iter()).unwrap(), Landlock::FilesAndNet);

    // Files: what is named is read and not written, the volume is changed in every way that publishing needs.
    assert_eq!(fs::read_to_string(at("named/file")).unwrap(), "named");
    assert_eq!(fs::read_dir(at("named")).unwrap().count(), 1);
    fs::read("/proc/self/status").unwrap();
    assert_eq!(error(fs::write(at("named/file"), "x")), Some(Errno::ACCESS));
    // What is kept is replaced as a whole and taken away, and nothing else is made there.
    fs::write(at("kept/new"), "x").unwrap();
    fs::rename(at("kept/new"), at("kept/file")).unwrap();
    fs::remove_file(at("kept/file")).unwrap();
    assert_eq!(error(fs::create_dir(at("kept/folder"))), Some(Errno::ACCESS));
    assert_eq!(error(fs::write(at("named/new"), "x")), Some(Errno::ACCESS));
    // What is there to be removed is not written, or read.
    assert_eq!(error(fs::write(at("removed/file"), "x")), Some(Errno::ACCESS));
    assert_eq!(error(fs::read(at("removed/file"))), Some(Errno::ACCESS));
    fs::remove_file(at("removed/file")).unwrap();
    for path in [at("other/file"), "/etc/passwd".into(), "/proc/1/status".into()] {
        assert_eq!(error(fs::read(&path)), Some(Errno::ACCESS), "{}", path.display());
    }
    assert_eq!(error(fs::read_dir(&folder)), Some(Errno::ACCESS));
    fs::create_dir(at("volume/next")).unwrap();
    fs::hard_link(at("volume/file"), at("volume/next/file")).unwrap();
    std::os::unix::fs::symlink("next", at("volume/data")).unwrap();
    fs::rename(at("volume/data"), at("volume/link")).unwrap();
    fs::write(at("volume/file"), "").unwrap();
    assert_eq!(fs::read_to_string(at("volume/link/file")).unwrap(), "");
    fs::remove_file(at("volume/next/file")).unwrap();
    fs::remove_dir(at("volume/next")).unwrap();
    assert!(error(fs::hard_link(at("named/file"), at("volume/named"))).is_some());

    // Ports.
    TcpStream::connect(named).unwrap();
    assert_eq!(error(TcpStream::connect(other)), Some(Errno::ACCESS));
    assert_eq!(error(TcpListener::bind("127.0.0.1:0")), Some(Errno::ACCESS));
    UdpSocket::bind("127.0.0.1:0").unwrap();

    // A thread that comes later has no more.
    let path = at("other/file");
    assert_eq!(std::thread::spawn(move || error(fs::read(path))).join().unwrap(), Some(Errno::ACCESS));
}
