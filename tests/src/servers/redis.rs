//! Debian's Redis: a database in which Vault can make users that end.

use std::process::Command;

use tempfile::TempDir;

use super::{Process, free_port};
use crate::planted::Planted;
use crate::programs::tool;

/// A running database.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    _folder: TempDir,
    port: u16,
    password: Planted,
}

impl Redis {
    /// Starts it, empty, and waits until it answers.
    ///
    /// # Errors
    /// When there is none, or it does not come up.
    pub fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (port, password) = (free_port()?, Planted::password());
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"]);
        command.arg("--port").arg(port.to_string()).arg("--requirepass").arg(password.text());
        let process = Process::start("redis-server", command.arg("--dir").arg(folder.path()), folder.path())?;
        let mut own = Self { process, _folder: folder, port, password };
        let (port, password) = (own.port, own.password.text().to_owned());
        own.process.wait(|| accepts(port, "default", &password))?;
        Ok(own)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The password of the user `default`, who may do everything.
    #[must_use]
    pub fn password(&self) -> &Planted {
        &self.password
    }

    /// Tells whether somebody can log in.
    #[must_use]
    pub fn accepts(&self, user: &str, password: &str) -> bool {
        accepts(self.port, user, password)
    }

    /// The users that there are, without the first.
    ///
    /// # Panics
    /// If the database does not answer.
    #[must_use]
    pub fn users(&self) -> Vec<String> {
        let port = self.port.to_string();
        let said = tool(Command::new("redis-cli").env("REDISCLI_AUTH", self.password.text()).args([
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "--raw",
            "ACL",
            "USERS",
        ]));
        said.lines().filter(|user| *user != "default" && !user.is_empty()).map(str::to_owned).collect()
    }
}

fn accepts(port: u16, user: &str, password: &str) -> bool {
    let port = port.to_string();
    let ran = Command::new("redis-cli")
        .env("REDISCLI_AUTH", password)
        .args(["-h", "127.0.0.1", "-p", &port, "--user", user, "--raw", "PING"])
        .output();
    ran.is_ok_and(|ran| ran.stdout.starts_with(b"PONG"))
}
