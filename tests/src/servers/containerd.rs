//! Debian's containerd, with its store, state and socket in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::Process;
use crate::programs::finish;

/// A running containerd, without the part that Kubernetes speaks to.
#[derive(Debug)]
pub struct Containerd {
    process: Process,
    folder: TempDir,
}

impl Containerd {
    /// Starts it, empty, and waits until it answers.
    ///
    /// # Errors
    /// When there is none, or it does not come up.
    pub fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "version = 2\nroot = {:?}\nstate = {:?}\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
             [grpc]\naddress = {:?}\n[ttrpc]\naddress = {:?}\n",
            path("root"),
            path("state"),
            path("socket"),
            path("socket.ttrpc")
        );
        fs::write(folder.path().join("config.toml"), config)?;
        let mut command = Command::new("containerd");
        let process = Process::start("containerd", command.arg("--config").arg(path("config.toml")), folder.path())?;
        let mut own = Self { process, folder };
        let socket = own.folder.path().join("socket");
        own.process.wait(|| finish(ctr(&socket).arg("version"), b"").code == 0)?;
        Ok(own)
    }

    /// Where its store is.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Its own client.
    #[must_use]
    pub fn ctr(&self) -> Command {
        ctr(&self.folder.path().join("socket"))
    }

    /// Ends it.
    pub fn stop(&mut self) {
        self.process.stop();
    }
}

fn ctr(socket: &Path) -> Command {
    let mut command = Command::new("ctr");
    command.arg("--address").arg(socket);
    command
}
