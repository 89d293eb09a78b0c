//! A server's process: started with its output in a file, waited for until it answers, ended with the test.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// How much of a log an error shows.
const TAIL: usize = 3000;
/// Where servers listen.
const FIRST_PORT: u32 = 20_000;
const PORTS: u32 = 12_000;
/// How long a server has to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running server.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

/// A port of loopback that is free, as is the next, and is not given to another test: Vault listens on both. They lie
/// below those that the system gives to clients, which would take one before the server is up.
///
/// # Errors
/// When all are taken.
pub fn free_port() -> anyhow::Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..PORTS {
        let at = std::process::id().wrapping_mul(62).wrapping_add(NEXT.fetch_add(2, Ordering::Relaxed)) % PORTS;
        let port = u16::try_from(FIRST_PORT + at)?;
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port + 1) {
            return Ok(port);
        }
    }
    bail!("no port of loopback is free")
}

impl Process {
    /// Starts it, with its output in `FOLDER/NAME.log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &'static str, command: &mut Command, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let out = File::create(&log)?;
        let err = out.try_clone()?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .with_context(|| format!("cannot start {name}: {command:?}"))?;
        Ok(Self { name, child, log })
    }

    /// Waits until it answers.
    ///
    /// # Errors
    /// When it ends before, or takes more than a minute; with the end of its log.
    pub fn wait(&mut self, mut answers: impl FnMut() -> bool) -> anyhow::Result<()> {
        let began = Instant::now();
        while !answers() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.name, self.log_tail());
            }
            if began.elapsed() > Duration::from_secs(60) {
                bail!("{} does not answer after a minute:\n{}", self.name, self.log_tail());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// All that it has said.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let from = log.char_indices().rev().nth(TAIL).map_or(0, |(at, _)| at);
        log[from..].to_owned()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it: asks first, then does not.
    pub fn stop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        let began = Instant::now();
        while asked.is_ok() && began.elapsed() < PATIENCE {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}
