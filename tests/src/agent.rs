//! The agent as a pod runs it: a volume in memory, a configuration, a process.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process::Process;
use crate::programs::{Ran, finish, program, tool};

/// How long something may take that takes a moment: other tests run beside this one.
pub const SOON: Duration = Duration::from_secs(30);

/// A tmpfs of its own, and a folder for what belongs to the agent beside it.
#[derive(Debug)]
pub struct Place {
    folder: TempDir,
}

impl Place {
    /// An empty one.
    ///
    /// # Panics
    /// If nothing can be mounted: the tests of the agent need root.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("the folder is ours");
        let place = Self { folder };
        fs::create_dir(place.volume()).expect("the folder is ours");
        tool(Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m,mode=0755", "oakum-test"]).arg(place.volume()));
        place
    }

    /// Where files are published.
    #[must_use]
    pub fn volume(&self) -> PathBuf {
        self.folder.path().join("volume")
    }

    /// A path beside the volume.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file beside the volume, and gives its path.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("the folder is ours");
        path
    }

    /// A published file, as a reader sees it; none if it is not there.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.volume().join(name)).ok()
    }

    /// All that is in the volume, hidden names included.
    ///
    /// # Panics
    /// If the volume is gone.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.volume()).expect("the volume is mounted");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The generations that are there.
    #[must_use]
    pub fn generations(&self) -> Vec<String> {
        self.names().into_iter().filter(|name| name.starts_with("..oakum-")).collect()
    }

    /// Writes a configuration: the head that all have, with this place's volume, and the rest.
    #[must_use]
    pub fn config(&self, rest: &str) -> PathBuf {
        let volume = self.volume();
        let head = format!(
            "apiVersion: oakum.dev/v1\nkind: Injection\nvolume: {{ path: {}, mode: \"0440\", grace: 1s }}\n",
            volume.display()
        );
        self.file("config.yaml", &(head + rest))
    }

    /// Runs the agent to its end.
    ///
    /// # Panics
    /// If it is not built.
    #[must_use]
    pub fn run(&self, command: &str, rest: &str, more: &[&str]) -> Ran {
        let config = self.config(rest);
        finish(
            Command::new(program("oakum-agent").expect("the agent is built"))
                .arg(command)
                .arg("--config")
                .arg(config)
                .args(more),
            b"",
        )
    }

    /// Starts the agent and leaves it running.
    ///
    /// # Panics
    /// If it is not built.
    #[must_use]
    pub fn start(&self, command: &str, rest: &str, more: &[&str]) -> Agent {
        self.start_by(Command::new(program("oakum-agent").expect("the agent is built")), command, rest, more)
    }

    /// Starts the agent with the configuration that was written last.
    ///
    /// # Panics
    /// If it is not built.
    #[must_use]
    pub fn start_as_it_is(&self, command: &str) -> Agent {
        let program = Command::new(program("oakum-agent").expect("the agent is built"));
        self.spawn(program, command, &self.path("config.yaml"), &[])
    }

    /// Starts the agent by a command that has it as its last argument, such as one that changes the user.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start_by(&self, program: Command, command: &str, rest: &str, more: &[&str]) -> Agent {
        let config = self.config(rest);
        self.spawn(program, command, &config, more)
    }

    fn spawn(&self, mut program: Command, command: &str, config: &Path, more: &[&str]) -> Agent {
        let (out, err) = (self.path("stdout"), self.path("stderr"));
        let file = |path: &Path| fs::File::create(path).expect("the folder is ours");
        program.arg(command).arg("--config").arg(config).args(more);
        let child = program.stdin(Stdio::null()).stdout(file(&out)).stderr(file(&err)).spawn();
        Agent { child: child.expect("the agent can be started"), out, err }
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Lazily: a reader of a failed test may still be in there.
        let _ = Command::new("umount").arg("-l").arg(self.volume()).output();
    }
}

/// A running agent. It is killed at the end of the test at the latest.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Agent {
    /// The process.
    #[must_use]
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// What it has written to standard output so far.
    #[must_use]
    pub fn out(&self) -> String {
        fs::read_to_string(&self.out).unwrap_or_default()
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn err(&self) -> String {
        fs::read_to_string(&self.err).unwrap_or_default()
    }

    /// Waits until something holds.
    ///
    /// # Panics
    /// If it does not hold soon, or the agent ends, with what it said.
    pub fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !done(self) {
            let ended = self.child.try_wait().expect("a child that was started can be waited for");
            assert!(ended.is_none(), "waited for {what}, and the agent has ended ({ended:?}):\n{}", self.err());
            assert!(began.elapsed() < SOON, "waited for {what} in vain:\n{}", self.err());
            sleep(Duration::from_millis(10));
        }
    }

    /// Waits until it says that something happened, at least a number of times.
    pub fn until_said(&mut self, words: &str, times: usize) {
        self.until(words, |agent| agent.err().matches(words).count() >= times);
    }

    /// Tells it to stop and waits for its end.
    ///
    /// # Panics
    /// If it does not end soon.
    pub fn stop(mut self) -> Ran {
        self.process().signal("TERM");
        let status = self.wait();
        self.ran(status)
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not come soon.
    pub fn end(mut self) -> Ran {
        let status = self.wait();
        self.ran(status)
    }

    fn wait(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child that was started can be waited for") {
                return status;
            }
            assert!(began.elapsed() < SOON, "the agent does not end:\n{}", self.err());
            sleep(Duration::from_millis(10));
        }
    }

    fn ran(&self, status: ExitStatus) -> Ran {
        Ran { code: status.code().unwrap_or(-1), out: self.out(), err: self.err() }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
