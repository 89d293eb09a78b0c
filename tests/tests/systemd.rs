//! The units of `deploy/systemd/` run by systemd itself: it is the first process of a container by runc, which has the
//! machine's programs, a `/etc` and a `/run` of its own, and the network that the store is in. The machine's own systemd, if
//! it has one, is not spoken to.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use e2e::agent::SOON;
use e2e::planted::Planted;
use e2e::programs::{Ran, finish, program, tool};
use e2e::servers::vault::Vault;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

/// The machine's own units that are there beside ours: what a boot without hardware and without logins takes.
const UNITS: &[&str] = &[
    "basic.target",
    "final.target",
    "local-fs-pre.target",
    "local-fs.target",
    "multi-user.target",
    "network-online.target",
    "network.target",
    "nss-user-lookup.target",
    "paths.target",
    "shutdown.target",
    "slices.target",
    "sockets.target",
    "swap.target",
    "sysinit.target",
    "systemd-journald-dev-log.socket",
    "systemd-journald.service",
    "systemd-journald.socket",
    "timers.target",
    "umount.target",
];
/// What systemd does for services as the first process. Not to set up the network, and nothing of the machine.
const CAPABILITIES: &[&str] = &[
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_IPC_LOCK",
    "CAP_KILL",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_ADMIN",
    "CAP_SYS_CHROOT",
    "CAP_SYS_NICE",
    "CAP_SYS_PTRACE",
];
/// The one that raises limits, such as how much memory a service may lock, and its number
/// (<https://man7.org/linux/man-pages/man7/capabilities.7.html>). Not every machine that runs tests has it to give.
const RAISES_LIMITS: (&str, u32) = ("CAP_SYS_RESOURCE", 24);
/// An app that notes what it was given, its file or its environment.
const APP: &str = "#!/bin/sh
if [ $# = 1 ]; then cat \"$1\"; else printf %s \"$DB_PASSWORD\"; fi >/tmp/seen
exec sleep 600
";

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/systemd")
}

/// Whether limits can be raised here.
fn can_raise_limits() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let set = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).unwrap().trim();
    u64::from_str_radix(set, 16).unwrap() >> RAISES_LIMITS.1 & 1 == 1
}

/// A system that systemd has started, with our units in it and none of them started.
struct System {
    folder: TempDir,
    id: String,
}

impl System {
    fn boot(name: &str, vault: &Vault) -> Self {
        let folder = tempdir().unwrap();
        let own = |name: &str| folder.path().join(name);
        for name in ["units/sockets.target.wants", "generators", "bin"] {
            fs::create_dir_all(own(name)).unwrap();
        }
        for name in ["etc/oakum", "etc/systemd/system", "etc/sysusers.d", "tmp", "usr", "var/log", "var/tmp"] {
            fs::create_dir_all(own("root").join(name)).unwrap();
        }
        // Where these are folders of the machine's and no links, they are there below /usr all the same.
        for name in ["bin", "lib", "lib64", "sbin"] {
            symlink(format!("usr/{name}"), own("root").join(name)).unwrap();
        }
        for unit in UNITS {
            fs::copy(Path::new("/usr/lib/systemd/system").join(unit), own("units").join(unit)).unwrap();
        }
        for socket in ["systemd-journald.socket", "systemd-journald-dev-log.socket"] {
            symlink(format!("../{socket}"), own("units/sockets.target.wants").join(socket)).unwrap();
        }
        let system = Self { id: format!("oakum-test-{name}-{}", std::process::id()), folder };
        symlink("/usr/lib/systemd/system/multi-user.target", system.etc("systemd/system/default.target")).unwrap();
        for (name, text) in [
            ("passwd", "root:x:0:0::/root:/bin/sh\n"),
            ("group", "root:x:0:\n"),
            ("nsswitch.conf", "passwd: files systemd\ngroup: files systemd\n"),
            ("machine-id", ""),
        ] {
            fs::write(system.etc(name), text).unwrap();
        }
        system.install(vault);
        system.start();
        system
    }

    /// A file of its `/etc`.
    fn etc(&self, name: &str) -> PathBuf {
        self.folder.path().join("root/etc").join(name)
    }

    /// Puts everything where the README of the units says. The examples differ in the address of the store alone, and in
    /// how often it is asked.
    fn install(&self, vault: &Vault) {
        let bin = self.folder.path().join("bin");
        fs::copy(program("oakum-agent").unwrap(), bin.join("oakum-agent")).unwrap();
        fs::write(bin.join("web"), APP).unwrap();
        fs::set_permissions(bin.join("web"), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["oakum-agent@.service", "web.service", "web-exec.service"] {
            fs::copy(deploy().join(name), self.etc("systemd/system").join(name)).unwrap();
        }
        fs::copy(deploy().join("oakum-web.conf"), self.etc("sysusers.d/oakum-web.conf")).unwrap();
        for name in ["web.yaml", "web-exec.yaml"] {
            let text = fs::read_to_string(deploy().join(name)).unwrap();
            let text = text.replace("https://vault.example.com:8200", vault.address());
            fs::write(self.etc("oakum").join(name), text.replace("secret/web\"", "secret/web\", refresh: 1s")).unwrap();
        }
        let id = vault.approle("web", "path \"secret/*\" { capabilities = [\"read\"] }", &json!({})).secret_id;
        vault.write("auth/approle/role/web/role-id", &json!({ "role_id": "web" }));
        fs::write(self.etc("oakum/web.secret-id"), id).unwrap();
        fs::set_permissions(self.etc("oakum/web.secret-id"), fs::Permissions::from_mode(0o400)).unwrap();
    }

    fn runc(&self) -> Command {
        let mut command = Command::new("runc");
        command.arg("--root").arg(self.folder.path().join("runc"));
        command
    }

    fn start(&self) {
        let folder = self.folder.path();
        tool(Command::new("runc").arg("spec").current_dir(folder));
        let mut spec: Value = serde_json::from_slice(&fs::read(folder.join("config.json")).unwrap()).unwrap();
        let raises = can_raise_limits().then_some(&RAISES_LIMITS.0);
        let all: Vec<_> = CAPABILITIES.iter().chain(raises).collect();
        let capabilities = json!({ "bounding": all, "effective": all, "permitted": all });
        let process = spec["process"].as_object_mut().unwrap();
        process.insert("terminal".to_owned(), false.into());
        process.insert("args".to_owned(), json!(["/usr/lib/systemd/systemd"]));
        process.insert("env".to_owned(), json!(["PATH=/usr/sbin:/usr/bin", "container=oci"]));
        process.insert("capabilities".to_owned(), capabilities);
        process.insert("noNewPrivileges".to_owned(), false.into());
        process.remove("rlimits");
        spec["root"] = json!({ "path": "root", "readonly": false });
        let linux = &mut spec["linux"];
        linux["cgroupsPath"] = format!("/{}", self.id).into();
        // The store listens on the machine's own loopback.
        linux["namespaces"] = ["pid", "ipc", "uts", "mount", "cgroup"].map(|kind| json!({ "type": kind })).into();
        let mounts = spec["mounts"].as_array_mut().unwrap();
        mounts.retain(|mount| mount["destination"] != "/sys/fs/cgroup");
        let options = ["nosuid", "noexec", "nodev", "relatime", "rw"];
        mounts
            .push(json!({ "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": options }));
        // systemd mounts a credential where only one of its own processes sees it, and moves it to /run: that reaches the
        // others by propagation, as on a machine, where all of / is shared.
        let options = ["nosuid", "nodev", "mode=755", "shared"];
        mounts.push(json!({ "destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": options }));
        for (from, to) in [
            (Path::new("/usr"), "/usr"),
            (&folder.join("units"), "/usr/lib/systemd/system"),
            (&folder.join("generators"), "/usr/lib/systemd/system-generators"),
            (&folder.join("bin"), "/usr/local/bin"),
        ] {
            let options = ["rbind", "rprivate", "ro"];
            mounts.push(json!({ "destination": to, "type": "bind", "source": from, "options": options }));
        }
        fs::write(folder.join("config.json"), spec.to_string()).unwrap();
        let log = || fs::File::create(folder.join("runc.log")).unwrap();
        let mut command = self.runc();
        command.args(["run", "--detach", "--bundle"]).arg(folder).arg(&self.id);
        // Not captured: what it starts keeps these open.
        let status = command.stdin(Stdio::null()).stdout(log()).stderr(log()).status().unwrap();
        assert!(status.success(), "{}", fs::read_to_string(folder.join("runc.log")).unwrap());
        self.until("the system", || self.exec("systemctl is-system-running").out == "running\n");
        self.must("systemd-sysusers");
        self.must("systemctl daemon-reload");
    }

    fn exec(&self, words: &str) -> Ran {
        finish(self.runc().arg("exec").arg(&self.id).args(words.split(' ')), b"")
    }

    fn must(&self, words: &str) -> String {
        let ran = self.exec(words);
        assert_eq!(ran.code, 0, "{words}: {}{}\n{}", ran.out, ran.err, self.journal());
        ran.out
    }

    fn journal(&self) -> String {
        self.exec("journalctl --no-pager --output=cat").out
    }

    /// What systemd knows of a unit.
    fn is(&self, unit: &str, property: &str) -> String {
        self.must(&format!("systemctl show --value --property={property} {unit}")).trim().to_owned()
    }

    /// What the app of a unit has noted: as it sees the files, and not as we do.
    fn seen(&self, unit: &str) -> String {
        self.exec(&format!("cat /proc/{}/root/tmp/seen", self.is(unit, "MainPID"))).out
    }

    fn until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < SOON, "waited for {what} in vain:\n{}", self.journal());
            sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for System {
    fn drop(&mut self) {
        let _ = self.runc().args(["kill", &self.id, "KILL"]).output();
        let _ = self.runc().args(["delete", "--force", &self.id]).output();
    }
}

#[test]
fn an_agent_and_its_app_are_two_services() {
    const AGENT: &str = "oakum-agent@web.service";
    let (vault, word) = (Vault::start().unwrap(), Planted::password());
    let system = System::boot("beside", &vault);

    // The store has no such secret yet: the agent is not ready and says why, and the app waits.
    system.must("systemctl start --no-block oakum-agent@web.service web.service");
    let waiting = "0 of 1 secret delivered; app: missing";
    system.until("its status", || system.is(AGENT, "StatusText") == waiting);
    assert_eq!(
        (system.is(AGENT, "ActiveState"), system.is("web", "ActiveState")),
        ("activating".into(), "inactive".into())
    );
    vault.put("web", &json!({ "password": word.text() }));
    system.until("the app", || system.is("web", "ActiveState") == "active");
    assert_eq!(
        (system.is(AGENT, "ActiveState"), system.is(AGENT, "StatusText")),
        ("active".into(), "1 secret delivered".into())
    );
    system.until("what the app has", || system.seen("web").contains("}"));
    let seen: Value = serde_json::from_str(&system.seen("web")).unwrap();
    assert!(seen["password"] == word.text(), "the app reads something else");
    assert_eq!(system.must("stat --format=%a:%U:%G /run/oakum-web"), "750:oakum-web:oakum-web\n");
    // All that the unit gives is used, and the sandbox is whole inside of it.
    let journal = system.journal();
    assert!(journal.contains("landlock=files+net seccomp=on"), "{journal}");
    if can_raise_limits() {
        assert!(!journal.contains("not hardened in full"), "{journal}");
    }

    // What is new is there when a reload has ended.
    let config = system.etc("oakum/web.yaml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text + "  again.json: { format: json, secret: app }\n").unwrap();
    system.must("systemctl reload oakum-agent@web.service");
    system.must("cat /run/oakum-web/again.json");

    // An agent that is killed is started again. The app goes on, with its files.
    let (app, login) = (system.is("web", "MainPID"), vault.sessions());
    system.must("systemctl kill --signal=KILL oakum-agent@web.service");
    system.until("its next start", || system.is(AGENT, "NRestarts") == "1");
    system.must("cat /run/oakum-web/app.json");
    system.until("the agent", || system.is(AGENT, "ActiveState") == "active");
    let now = (system.is("web", "MainPID"), system.is("web", "ActiveState"));
    assert_eq!(now, (app, "active".into()), "{}", system.journal());

    // In the session that it had.
    assert_eq!((vault.sessions(), login.len()), (login, 1));

    // Where all is stopped at once, as at the machine's end, the app is first. No file is left, and no session. (Not by
    // `stop` with both names: those are two requests, and the first may have ended before the second is made.)
    system.must("systemctl isolate multi-user.target");
    system.until("the end of both", || [AGENT, "web"].iter().all(|unit| system.is(unit, "ActiveState") == "inactive"));
    assert_eq!((system.is(AGENT, "ActiveState"), system.is(AGENT, "Result")), ("inactive".into(), "success".into()));
    assert_eq!((system.is("web", "ActiveState"), system.is("web", "Result")), ("inactive".into(), "success".into()));
    let journal = system.journal();
    let at = |words: &str| journal.find(words).unwrap_or_else(|| panic!("{words}: {journal}"));
    assert!(at("Stopped web.service") < at("Stopping oakum-agent@web.service"), "{journal}");
    for folder in ["/run/oakum-web", "/run/oakum-web-own"] {
        assert_eq!(system.exec(&format!("ls {folder}")).code, 2, "{folder}");
    }
    assert_eq!(vault.sessions().len(), 0);
    assert_eq!(word.trace_in(system.journal().as_bytes()), None);
}

#[test]
fn an_agent_around_its_app_is_one_service() {
    const UNIT: &str = "web-exec.service";
    let (vault, words) = (Vault::start().unwrap(), [Planted::password(), Planted::password()]);
    let system = System::boot("around", &vault);
    vault.put("web", &json!({ "password": words[0].text() }));
    system.must("systemctl start web-exec.service");
    system.until("the app", || system.seen(UNIT) == words[0].text());
    let agent = system.is(UNIT, "MainPID");
    vault.put("web", &json!({ "password": words[1].text() }));
    system.until("the app with what is new", || system.seen(UNIT) == words[1].text());
    assert_eq!((system.is(UNIT, "MainPID"), system.is(UNIT, "NRestarts")), (agent, "0".into()));

    // An app that is ended by the signal has ended well.
    system.must("systemctl stop web-exec.service");
    assert_eq!((system.is(UNIT, "ActiveState"), system.is(UNIT, "Result")), ("inactive".into(), "success".into()));
    assert_eq!(vault.sessions().len(), 0);
    let journal = system.journal();
    for word in &words {
        assert_eq!(word.trace_in(journal.as_bytes()), None);
    }
}
