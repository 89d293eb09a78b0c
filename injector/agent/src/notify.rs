//! What systemd hears of us, where it started us as a service of `Type=notify`: that every secret is delivered, that we
//! read our configuration again, that we stop, that we are alive, and a line of how things are. Names and counts only.
//!
//! The socket is connected before the sandbox holds, and nothing is opened for it later. Nobody waits for systemd: what
//! it does not take now is said again at the next occasion. <https://www.freedesktop.org/software/systemd/man/sd_notify.html>

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::ClockId;

use crate::machine::outlook::Outlook;
use crate::output::{self, Level};

/// What systemd tells its services by, and what is not for the children of one.
pub(crate) const VARIABLES: [&str; 3] = [SOCKET, "WATCHDOG_USEC", "WATCHDOG_PID"];
const SOCKET: &str = "NOTIFY_SOCKET";

/// The longest line of how things are, in bytes; `systemctl status` shows it in one.
const STATUS: usize = 400;

/// Whoever started us, if it wants to hear of us.
#[derive(Debug, Default)]
pub(crate) struct Notify {
    socket: Option<UnixDatagram>,
    /// How often it has to hear that we are alive.
    watchdog: Option<Duration>,
    /// Whether it knows that we are ready.
    ready: bool,
    /// Whether a reload ends with what was read: we were not ready before it, and need not be soon.
    impatient: bool,
    stopping: bool,
    /// Whether it could not be told what it does not know yet.
    owes: bool,
    /// The line that it has.
    status: String,
}

impl Notify {
    /// Connects to whoever the environment names. One who cannot be reached is told of in the log, and nothing else.
    pub(crate) fn open(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let Some(name) = variable(SOCKET).filter(|name| !name.is_empty()) else { return Self::default() };
        match connect(name.as_bytes()) {
            Ok(socket) => {
                let number =
                    |name| variable(name).and_then(|text: OsString| text.to_str().and_then(|text| text.parse().ok()));
                let ours = number("WATCHDOG_PID").is_none_or(|pid: u64| pid == u64::from(std::process::id()));
                // Twice in the time that it waits.
                let watchdog = number("WATCHDOG_USEC").filter(|time| ours && *time > 1);
                let watchdog = watchdog.map(|time| Duration::from_micros(time / 2));
                Self { socket: Some(socket), watchdog, ..Self::default() }
            }
            Err(error) => {
                let what = format!("cannot tell whoever started us how we are: {}", output::reason(&error));
                output::log(Level::Warn, "notify.unreachable", &what, &[]);
                Self::default()
            }
        }
    }

    /// How often [`Notify::alive`] has to be called; none if nobody asks for it.
    pub(crate) fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Whether there is something to say that it did not take.
    pub(crate) fn owes(&self) -> bool {
        self.owes
    }

    /// Says how things are, if that is not known already.
    pub(crate) fn tell(&mut self, outlook: impl FnOnce() -> Outlook) {
        if self.socket.is_none() || self.stopping {
            return;
        }
        let outlook = outlook();
        let mut news = Vec::new();
        if outlook.ready && !self.ready {
            news.push("READY=1".to_owned());
        }
        let status = short(&outlook.to_string());
        if status != self.status {
            news.push(format!("STATUS={status}"));
        }
        let told = news.is_empty() || self.send(&news.join("\n"));
        self.owes = !told;
        if told {
            self.ready |= outlook.ready;
            self.status = status;
        }
    }

    /// Says that the configuration is read again. We are ready again when every secret is delivered, with which
    /// `systemctl reload` ends; if we were not ready before, nobody waits for that.
    pub(crate) fn reloading(&mut self, before: &Outlook) {
        if !self.ready {
            return;
        }
        let now = rustix::time::clock_gettime(ClockId::Monotonic);
        let now = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
        if self.send(&format!("RELOADING=1\nMONOTONIC_USEC={now}")) {
            self.ready = false;
            self.impatient = !before.ready;
        }
    }

    /// Says that the configuration was read, whatever came of it.
    pub(crate) fn reloaded(&mut self, outlook: impl FnOnce() -> Outlook) {
        self.tell(outlook);
        if std::mem::take(&mut self.impatient) && !self.ready {
            self.ready = self.send("READY=1");
        }
    }

    /// Says that we are going.
    pub(crate) fn stopping(&mut self) {
        if !self.stopping {
            self.stopping = self.send("STOPPING=1\nSTATUS=giving back what was leased, and wiping");
        }
    }

    /// Says that the main loop goes round.
    pub(crate) fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    fn send(&self, text: &str) -> bool {
        self.socket.as_ref().is_some_and(|socket| socket.send(text.as_bytes()).is_ok())
    }
}

fn connect(name: &[u8]) -> io::Result<UnixDatagram> {
    let address = match name {
        [b'@', abstract_name @ ..] => SocketAddr::from_abstract_name(abstract_name)?,
        [b'/', ..] => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))?,
        _ => return Err(io::Error::new(io::ErrorKind::Unsupported, "it is no socket of this machine")),
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// One line, and not too long.
fn short(text: &str) -> String {
    let text = output::plain(text);
    if text.len() <= STATUS {
        return text;
    }
    let end = (0..=STATUS).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A systemd, and an agent that it has started.
    fn pair(watchdog: &str) -> (UnixDatagram, Notify) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        systemd.set_nonblocking(true).unwrap();
        let notify = Notify::open(|name| match name {
            SOCKET => Some(path.clone().into()),
            "WATCHDOG_USEC" => Some(watchdog.into()),
            _ => None,
        });
        (systemd, notify)
    }

    fn heard(systemd: &UnixDatagram) -> String {
        let mut bytes = [0; 1000];
        let length = systemd.recv(&mut bytes).unwrap_or(0);
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    fn outlook(ready: bool, delivered: usize) -> Outlook {
        Outlook { ready, secrets: 2, delivered, faults: Vec::new() }
    }

    #[test]
    fn says_each_thing_once() {
        let (systemd, mut notify) = pair("");
        notify.tell(|| outlook(false, 1));
        assert_eq!(heard(&systemd), "STATUS=1 of 2 secrets delivered");
        notify.tell(|| outlook(false, 1));
        assert_eq!(heard(&systemd), "");
        notify.tell(|| outlook(true, 2));
        assert_eq!(heard(&systemd), "READY=1\nSTATUS=2 secrets delivered");
        notify.tell(|| outlook(true, 2));
        assert_eq!(heard(&systemd), "");
        notify.stopping();
        notify.stopping();
        notify.tell(|| outlook(false, 0));
        assert!(heard(&systemd).starts_with("STOPPING=1\n"));
        assert_eq!(heard(&systemd), "");
    }

    #[test]
    fn is_ready_again_when_what_is_new_is_delivered() {
        let (systemd, mut notify) = pair("");
        notify.reloading(&outlook(false, 1));
        assert_eq!(heard(&systemd), "", "systemd waits for the start, and not for this");
        notify.tell(|| outlook(true, 2));
        heard(&systemd);
        notify.reloading(&outlook(true, 2));
        let text = heard(&systemd);
        let (reloading, time) = text.split_once("\nMONOTONIC_USEC=").unwrap();
        assert_eq!((reloading, time.parse::<u64>().is_ok()), ("RELOADING=1", true));
        notify.reloaded(|| outlook(false, 1));
        assert_eq!(heard(&systemd), "STATUS=1 of 2 secrets delivered");
        notify.tell(|| outlook(true, 2));
        assert_eq!(heard(&systemd), "READY=1\nSTATUS=2 secrets delivered");

        notify.reloading(&outlook(false, 1));
        heard(&systemd);
        notify.reloaded(|| outlook(false, 1));
        assert_eq!((heard(&systemd).contains("STATUS="), heard(&systemd).as_str()), (true, "READY=1"));
    }

    #[test]
    fn is_asked_to_show_life_at_half_the_time_and_only_if_it_is_meant() {
        let (systemd, notify) = pair("3000000");
        assert_eq!(notify.watchdog(), Some(Duration::from_millis(1500)));
        notify.alive();
        assert_eq!(heard(&systemd), "WATCHDOG=1");
        assert_eq!(pair("soon").1.watchdog(), None);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let _systemd = UnixDatagram::bind(&path).unwrap();
        let of = |pid: String| {
            let open = Notify::open(|name| match name {
                SOCKET => Some(path.clone().into()),
                "WATCHDOG_USEC" => Some("10".into()),
                _ => Some(pid.clone().into()),
            });
            open.watchdog()
        };
        assert_eq!((of("1".to_owned()), of(std::process::id().to_string())), (None, Some(Duration::from_micros(5))));
    }

    #[test]
    fn whoever_does_not_listen_is_not_waited_for() {
        let (systemd, mut notify) = pair("");
        // More than any queue takes.
        for number in 0..5000 {
            notify.tell(|| outlook(false, number));
        }
        notify.tell(|| outlook(true, 2));
        assert!(!notify.ready);
        while !heard(&systemd).is_empty() {}
        notify.tell(|| outlook(true, 2));
        assert_eq!(heard(&systemd), "READY=1\nSTATUS=2 secrets delivered");
        drop(systemd);
        notify.stopping();
        Notify::open(|_| Some("vsock:2:1".into())).alive();
        Notify::open(|_| Some("/nonexistent/notify".into())).alive();
    }

    #[test]
    fn a_name_without_a_file_is_a_socket_too() {
        let name = format!("oakum-test-{}", std::process::id());
        let systemd = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        Notify::open(|variable| (variable == SOCKET).then(|| format!("@{name}").into())).alive();
        assert_eq!(heard(&systemd), "WATCHDOG=1");
    }
}
