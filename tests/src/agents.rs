//! `oakum-agent` as it runs in a pod: a volume in memory, a configuration, and what it says.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

use crate::programs::{Ran, finish, program, tool};

/// A folder with a file system in memory on it, for as long as the test runs.
#[derive(Debug)]
pub struct Memory {
    folder: TempDir,
}

impl Memory {
    /// Mounts one.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Panics
    /// If it cannot be mounted: tests of the agent run as root.
    pub fn mount() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        tool(Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m,mode=0755", "oakum-test"]).arg(folder.path()));
        Ok(Self { folder })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// All names in it, at any depth.
    ///
    /// # Errors
    /// What the system says.
    pub fn names(&self) -> anyhow::Result<Vec<String>> {
        let mut names: Vec<String> = fs::read_dir(self.path())?
            .map(|e| Ok(e?.file_name().to_string_lossy().into_owned()))
            .collect::<std::io::Result<_>>()?;
        names.sort();
        Ok(names)
    }

    /// What a file holds; empty if it is not there.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    /// Waits until a file holds what is wanted.
    ///
    /// # Errors
    /// When it does not after half a minute.
    pub fn wait_for(&self, name: &str, wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        wait(&format!("{name} in the volume"), || wanted(&self.read(name)))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).output();
    }
}

/// Waits until something holds.
///
/// # Errors
/// When it does not after half a minute.
pub fn wait(what: &str, mut holds: impl FnMut() -> bool) -> anyhow::Result<()> {
    let began = Instant::now();
    while !holds() {
        ensure!(began.elapsed() < Duration::from_secs(30), "{what}: not after half a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The agent with arguments, and none of our environment.
///
/// # Panics
/// If it is not built.
#[must_use]
pub fn command(args: &[&str], config: &Path) -> Command {
    let mut command = Command::new(program("oakum-agent").expect("oakum-agent is built"));
    command.arg(args[0]).arg("--config").arg(config).args(&args[1..]);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

/// Runs it to its end.
///
/// # Panics
/// If it cannot be started.
#[must_use]
pub fn run(args: &[&str], config: &Path) -> Ran {
    finish(&mut command(args, config), b"")
}

/// An agent that runs until it is told to stop.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    log: PathBuf,
}

impl Agent {
    /// Starts it, with all that it says in a file.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut command: Command, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join("agent.log");
        let out = File::options().create(true).append(true).open(&log)?;
        let err = out.try_clone()?;
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().context("cannot start the agent")?;
        Ok(Self { child, log })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it has said.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends a signal, by its name.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn signal(&self, name: &str) {
        tool(Command::new("kill").args(["-s", name, &self.id().to_string()]));
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When it has not after half a minute.
    pub fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if began.elapsed() > Duration::from_secs(30) {
                bail!("the agent does not end:\n{}", self.said());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A line of `/proc/PID/status`, without its name.
    #[must_use]
    pub fn status(&self, field: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.unwrap_or_default().trim().to_owned()
    }

    /// All memory of the process that can be read, region by region.
    ///
    /// # Errors
    /// When it is gone.
    pub fn memory(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        use std::os::unix::fs::FileExt as _;
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.id()))?;
        let memory = File::open(format!("/proc/{}/mem", self.id()))?;
        let mut regions = Vec::new();
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
            if !rights.starts_with('r') || line.ends_with("[vvar]") || line.ends_with("[vsyscall]") {
                continue;
            }
            let (from, to) = range.split_once('-').context("a range of addresses")?;
            let (from, to) = (u64::from_str_radix(from, 16)?, u64::from_str_radix(to, 16)?);
            let mut bytes = vec![0; usize::try_from(to - from)?];
            // A page that was never touched cannot be read in some regions; what can is.
            let read = memory.read_at(&mut bytes, from).unwrap_or(0);
            bytes.truncate(read);
            regions.push(bytes);
        }
        Ok(regions)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
