//! Images made by Buildah and moved by skopeo, in a store of their own that goes away with the test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::programs::tool;

/// A folder to build in, and a store for what is built.
#[derive(Debug)]
pub struct Builder {
    folder: TempDir,
}

impl Builder {
    /// An empty one.
    ///
    /// # Errors
    /// When no folder can be made, or there is no static busybox to run in images.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let context = folder.path().join("context");
        fs::create_dir(&context)?;
        fs::copy("/bin/busybox", context.join("busybox"))
            .context("no /bin/busybox; tests/run installs busybox-static")?;
        fs::write(folder.path().join("policy.json"), r#"{"default":[{"type":"insecureAcceptAnything"}]}"#)?;
        Ok(Self { folder })
    }

    /// Where files for the build and archives go.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a file into the build's context.
    ///
    /// # Errors
    /// What the system says.
    pub fn file(&self, name: &str, text: &str) -> anyhow::Result<()> {
        Ok(fs::write(self.path().join("context").join(name), text)?)
    }

    fn buildah(&self) -> Command {
        let mut command = Command::new("buildah");
        command.env("BUILDAH_ISOLATION", "chroot").arg("--root").arg(self.path().join("store"));
        command.arg("--runroot").arg(self.path().join("run")).args(["--storage-driver", "overlay"]);
        command
    }

    /// Writes a `buildah` to be called by its name that uses this store, as a user's own would use theirs.
    ///
    /// # Errors
    /// What the system says.
    pub fn wrapper(&self, path: &Path) -> anyhow::Result<()> {
        let mut real = None;
        for folder in std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()) {
            real = real.or(Some(folder.join("buildah")).filter(|p| p.is_file()));
        }
        let real = real.context("no buildah on PATH; tests/run installs it")?;
        let (here, real) = (self.path().display(), real.display());
        // Its options differ by subcommand: a signature policy belongs to those that move images.
        let script = format!(
            "#!/bin/sh\nexport BUILDAH_ISOLATION=chroot\ncommand=$1; shift\nexec {real} --root {here}/store --runroot {here}/run \\\n  \
             --storage-driver overlay \"$command\" --signature-policy {here}/policy.json \"$@\"\n"
        );
        fs::write(path, script)?;
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        Ok(())
    }

    /// Builds a Dockerfile, one layer a step.
    ///
    /// # Panics
    /// If Buildah refuses, with all that it says.
    pub fn build(&self, name: &str, dockerfile: &str, args: &[(&str, &str)]) {
        self.build_with(&[], name, dockerfile, args);
    }

    /// The same with more options, such as those to pull what it is built on.
    ///
    /// # Panics
    /// As [`Builder::build`].
    pub fn build_with(&self, more: &[&str], name: &str, dockerfile: &str, args: &[(&str, &str)]) {
        let path = self.path().join("Dockerfile");
        fs::write(&path, dockerfile).expect("the folder is ours");
        let mut command = self.buildah();
        command
            .args(["bud", "--layers", "--quiet", "--tag", name, "--signature-policy"])
            .arg(self.path().join("policy.json"));
        for (key, value) in args {
            command.arg("--build-arg").arg(format!("{key}={value}"));
        }
        tool(command.args(more).arg("-f").arg(path).arg(self.path().join("context")));
    }

    /// Pushes a built image to a place such as `docker-archive:FILE:TAG`, and gives the place.
    ///
    /// # Panics
    /// If Buildah refuses.
    pub fn push(&self, name: &str, scheme: &str, file: &str) -> PathBuf {
        let path = self.path().join(file);
        let to = format!("{scheme}:{}:{name}:latest", path.display());
        tool(
            self.buildah()
                .args(["push", "--quiet", "--signature-policy"])
                .arg(self.path().join("policy.json"))
                .args([name, &to]),
        );
        path
    }

    /// Copies an image between places by skopeo.
    ///
    /// # Panics
    /// If skopeo refuses.
    pub fn copy(&self, more: &[&str], from: &str, to: &str) {
        tool(
            Command::new("skopeo")
                .current_dir(self.path())
                .arg("--policy")
                .arg(self.path().join("policy.json"))
                .args(["copy", "--quiet"])
                .args(more)
                .args([from, to]),
        );
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        // The store's overlay mount of itself would keep the folder from being removed.
        for mounted in ["store/overlay", "store"] {
            let _ = Command::new("umount").arg("-q").arg(self.path().join(mounted)).output();
        }
    }
}
