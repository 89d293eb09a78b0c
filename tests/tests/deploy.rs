//! What `deploy/` holds is built and run with what the machine has: Buildah, runc, the real API server, pre-commit,
//! systemd-analyze. Never Docker's engine: what Compose would tell it is told to runc. systemd itself runs the units in
//! `systemd.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use e2e::agent::SOON;
use e2e::images::Builder;
use e2e::planted::Planted;
use e2e::programs::{Ran, finish, oakum, program, tool};
use e2e::servers::kubernetes::Kubernetes;
use e2e::servers::vault::Vault;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A folder with a static build of a program, as the Dockerfiles expect it. `tests/run` builds it.
fn static_program(name: &str) -> PathBuf {
    let folder = std::env::var_os("OAKUM_STATIC_BIN_DIR")
        .map(PathBuf::from)
        .expect("OAKUM_STATIC_BIN_DIR names the static programs; tests/run builds them");
    let path = folder.join(name);
    assert!(path.is_file(), "{} is not built; run tests/run", path.display());
    path
}

/// A folder for runc with an image in it, and how the image wants to be run.
fn unpack(builder: &Builder, name: &str) -> (PathBuf, Value) {
    let bundle = builder.path().join(format!("{name}-bundle"));
    builder.push(name, "oci", &format!("{name}-oci"));
    let image = format!("{}:{name}:latest", builder.path().join(format!("{name}-oci")).display());
    tool(Command::new("umoci").args(["unpack", "--image", &image]).arg(&bundle));
    let mut spec: Value = serde_json::from_slice(&fs::read(bundle.join("config.json")).unwrap()).unwrap();
    spec["process"]["terminal"] = false.into();
    (bundle, spec)
}

fn mount(spec: &mut Value, from: &Path, to: &str, how: &str) {
    let mounts = spec["mounts"].as_array_mut().unwrap();
    mounts.push(json!({"type": "bind", "source": from, "destination": to, "options": ["rbind", how]}));
}

/// Has the image's own entry point run with our arguments in place of its command.
fn arguments(spec: &mut Value, args: impl IntoIterator<Item = String>) {
    let process = &mut spec["process"];
    let entry = process["args"][0].clone();
    process["args"] = std::iter::once(entry).chain(args.into_iter().map(Value::from)).collect();
}

/// A folder in memory, as the agent's own is.
fn memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap()
}

/// runc, with what it knows of containers in a folder of the builder's.
fn runc(builder: &Builder) -> Command {
    let mut command = Command::new("runc");
    command.arg("--root").arg(builder.path().join("runc"));
    command
}

/// Runs an image by runc with nothing in it but what the image holds.
fn run_image(builder: &Builder, name: &str, args: &[&str], mounts: &[(&Path, &str)]) -> Ran {
    let (bundle, mut spec) = unpack(builder, name);
    arguments(&mut spec, args.iter().map(|&arg| arg.to_owned()));
    let process = &mut spec["process"];
    assert_eq!(process["user"]["uid"], 65532, "the image's user is a number and not root");
    process["capabilities"] = json!({});
    process["noNewPrivileges"] = true.into();
    spec["root"]["readonly"] = true.into();
    for (from, to) in mounts {
        mount(&mut spec, from, to, "ro");
    }
    fs::write(bundle.join("config.json"), spec.to_string()).unwrap();
    let id = format!("oakum-test-{name}-{}", std::process::id());
    finish(runc(builder).args(["run", "--bundle"]).arg(&bundle).arg(id), b"")
}

fn build(builder: &Builder, name: &str) {
    fs::copy(static_program(name), builder.path().join("context").join(name)).unwrap();
    let dockerfile = fs::read_to_string(repository().join(format!("deploy/docker/{name}.Dockerfile"))).unwrap();
    builder.build(name, &dockerfile, &[]);
}

#[test]
fn the_scanners_image_runs_from_scratch_and_scans() {
    let builder = Builder::new().unwrap();
    build(&builder, "oakum");
    let tree = tempdir().unwrap();
    fs::set_permissions(tree.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(tree.path().join("a.env"), format!("DB_PASSWORD={}\n", Planted::password().text())).unwrap();
    let ran = run_image(&builder, "oakum", &["scan", ".", "--format", "json"], &[(tree.path(), "/scan")]);
    assert_eq!(ran.code, 1, "{}{}", ran.err, ran.out);
    assert_eq!(ran.json()["findings"][0]["places"][0]["path"], "a.env");
    assert_eq!(run_image_again(&builder, "oakum", &["--version"]).code, 0);
    // Nothing is in our own image.
    let own = oakum(builder.path(), ["scan", "oci:oakum-oci"]);
    assert_eq!(own.code, 0, "{}", own.out);
}

/// Runs a second container of an image that was unpacked before.
fn run_image_again(builder: &Builder, name: &str, args: &[&str]) -> Ran {
    fs::remove_dir_all(builder.path().join(format!("{name}-bundle"))).unwrap();
    fs::remove_dir_all(builder.path().join(format!("{name}-oci"))).unwrap();
    run_image(builder, name, args, &[])
}

#[test]
fn the_agents_image_runs_from_scratch() {
    let builder = Builder::new().unwrap();
    build(&builder, "oakum-agent");
    let ran = run_image(&builder, "oakum-agent", &["--version"], &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    // A configuration that is not there is a clear error, not a crash of a program without a shell or a home.
    let ran = run_image_again(&builder, "oakum-agent", &["check", "--config", "/etc/oakum/agent.yaml"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("error: ") && ran.err.contains("/etc/oakum/agent.yaml"), "{}", ran.err);
}

#[test]
fn the_pods_configuration_is_one_that_the_agent_accepts() {
    let text = fs::read_to_string(repository().join("deploy/kubernetes/pod.yaml")).unwrap();
    let start = text.find("agent.yaml: |\n").unwrap() + "agent.yaml: |\n".len();
    let config: String =
        text[start..].lines().take_while(|l| l.starts_with("    ")).map(|l| format!("{}\n", &l[4..])).collect();
    let (folder, own) = (tempdir().unwrap(), memory());
    let config = config.replace("/run/oakum/", &format!("{}/", own.path().display()));
    fs::write(folder.path().join("agent.yaml"), config).unwrap();
    let ran = finish(
        Command::new(program("oakum-agent").unwrap()).args(["check", "--config"]).arg(folder.path().join("agent.yaml")),
        b"",
    );
    assert_eq!(ran.code, 0, "{}{}", ran.err, ran.out);
    // The probe of the sidecar asks by a command that there is, and is told that nothing has been published.
    let probe = ["check", "--published", "--config"];
    assert!(text.contains(r#""check", "--published", "--config""#));
    let probed =
        finish(Command::new(program("oakum-agent").unwrap()).args(probe).arg(folder.path().join("agent.yaml")), b"");
    assert_eq!(probed.code, 5, "{}{}", probed.err, probed.out);
}

#[test]
fn the_pod_is_one_that_a_strict_cluster_takes() {
    let cluster = Kubernetes::start().unwrap();
    let labels = json!({ "pod-security.kubernetes.io/enforce": "restricted" });
    let namespace = json!({ "metadata": { "name": "shop", "labels": labels } });
    cluster.call("POST", "/api/v1/namespaces", Some(namespace));
    let manifest = repository().join("deploy/kubernetes/pod.yaml");
    let applied = cluster.kubectl(&["--namespace=shop", "apply"], Some(&manifest));
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    assert!(!applied.err.contains("Warning"), "{}", applied.err);
    let pod = cluster.call("GET", "/api/v1/namespaces/shop/pods/web", None);
    // What the server made of it: a native sidecar, a volume in memory, a token for Vault's ears only.
    let sidecar = &pod["spec"]["initContainers"][0];
    assert_eq!((&sidecar["name"], &sidecar["restartPolicy"]), (&json!("oakum-agent"), &json!("Always")));
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    assert!(volumes.iter().any(|v| v["emptyDir"]["medium"] == "Memory"), "{volumes:?}");
    let token = volumes.iter().find_map(|v| v["projected"]["sources"][0].get("serviceAccountToken")).unwrap();
    assert_eq!(token["audience"], "vault");
    // The strictness is real: the same pod with a container that may become root is refused.
    let mut loose = json!({ "metadata": { "name": "loose" }, "spec": pod["spec"] });
    loose["spec"]["containers"][0]["securityContext"] = json!({ "allowPrivilegeEscalation": true, "runAsUser": 0 });
    let refused = cluster.ask_as(cluster.token(), "POST", "/api/v1/namespaces/shop/pods", Some(loose));
    assert_eq!(refused.status, 403, "{}", refused.body);
}

/// A file of `deploy/`, as Python reads its YAML.
fn yaml(path: &str) -> Value {
    let python = std::env::var_os("OAKUM_AWS_PYTHON").expect("OAKUM_AWS_PYTHON is set; tests/run installs it");
    let script = "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)";
    let text = tool(Command::new(python).args(["-c", script]).arg(repository().join("deploy").join(path)));
    serde_json::from_str(&text).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list")).iter().map(|v| text(v).to_owned()).collect()
}

fn check(config: &Path, more: &[&str]) -> Ran {
    let mut command = Command::new(program("oakum-agent").unwrap());
    finish(command.arg("check").args(more).arg("--config").arg(config), b"")
}

/// What Docker makes of `compose.yaml`: its volume, its files, and containers by runc.
struct Compose<'a> {
    file: Value,
    builder: &'a Builder,
    /// What stands in for the folder of `compose.yaml`.
    folder: TempDir,
    volume: PathBuf,
}

impl<'a> Compose<'a> {
    fn new(builder: &'a Builder) -> Self {
        let (file, folder) = (yaml("compose/compose.yaml"), tempdir().unwrap());
        let volume = folder.path().join("volume");
        fs::create_dir(&volume).unwrap();
        let options = &file["volumes"]["secrets"]["driver_opts"];
        tool(
            Command::new("mount")
                .args(["-t", text(&options["type"]), "-o", text(&options["o"]), text(&options["device"])])
                .arg(&volume),
        );
        Self { file, builder, folder, volume }
    }

    /// Starts a service as it stands there, but for its image's name and for the host's network, where the store is.
    fn start(&self, service: &str, image: &str, command: Vec<String>) -> Container<'a> {
        let wanted = &self.file["services"][service];
        let (bundle, mut spec) = unpack(self.builder, image);
        arguments(&mut spec, command);
        let process = &mut spec["process"];
        let (user, group) = text(&wanted["user"]).split_once(':').unwrap();
        let number = |text: &str| text.parse::<u32>().unwrap();
        let more: Vec<u32> =
            wanted.get("group_add").map_or(vec![], |all| texts(all).iter().map(|one| number(one)).collect());
        process["user"] = json!({ "uid": number(user), "gid": number(group), "additionalGids": more });
        if texts(&wanted["cap_drop"]) == ["ALL"] {
            process["capabilities"] = json!({});
        }
        process["noNewPrivileges"] =
            texts(&wanted["security_opt"]).contains(&"no-new-privileges:true".to_owned()).into();
        spec["root"]["readonly"] = wanted["read_only"].clone();
        spec["linux"]["namespaces"].as_array_mut().unwrap().retain(|namespace| namespace["type"] != "network");
        for volume in wanted["volumes"].as_array().unwrap() {
            let from = match text(&volume["type"]) {
                "volume" if volume["source"] == "secrets" => self.volume.clone(),
                "bind" => self.folder.path().join(text(&volume["source"])),
                _ => panic!("{volume} is neither the volume nor a file"),
            };
            mount(&mut spec, &from, text(&volume["target"]), if volume["read_only"] == true { "ro" } else { "rw" });
        }
        for secret in wanted.get("secrets").and_then(Value::as_array).into_iter().flatten() {
            let from = self.folder.path().join(text(&self.file["secrets"][text(&secret["source"])]["file"]));
            mount(&mut spec, &from, text(&secret["target"]), "ro");
        }
        fs::write(bundle.join("config.json"), spec.to_string()).unwrap();
        let id = format!("oakum-test-{service}-{}", std::process::id());
        let log = self.folder.path().join(format!("{service}.log"));
        let mut command = runc(self.builder);
        command.args(["run", "--bundle"]).arg(&bundle).arg(&id).stdin(Stdio::null());
        let to = || fs::File::create(&log).unwrap();
        let child = command.stdout(to()).stderr(to()).spawn().unwrap();
        Container { builder: self.builder, id, child, log }
    }
}

impl Drop for Compose<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.volume).output();
    }
}

struct Container<'a> {
    builder: &'a Builder,
    id: String,
    child: Child,
    log: PathBuf,
}

impl Container<'_> {
    fn exec(&self, args: &[String]) -> Ran {
        finish(runc(self.builder).arg("exec").arg(&self.id).args(args), b"")
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Runs a command in it, for as long as it fails; a container that has ended is not waited for.
    fn until(&mut self, args: &[String]) -> Ran {
        let began = Instant::now();
        loop {
            let ran = self.exec(args);
            if ran.code == 0 {
                return ran;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < SOON, "{args:?}: {ran:?}\n{}", self.log());
            sleep(Duration::from_millis(50));
        }
    }

    fn stop(&mut self) -> Option<i32> {
        tool(runc(self.builder).args(["kill", &self.id, "TERM"]));
        self.child.wait().unwrap().code()
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        let _ = runc(self.builder).args(["delete", "--force", &self.id]).output();
        let _ = self.child.wait();
    }
}

#[test]
fn the_compose_file_brings_an_app_its_secrets() {
    let (vault, word) = (Vault::start().unwrap(), Planted::password());
    let builder = Builder::new().unwrap();
    build(&builder, "oakum-agent");
    builder.build("web", "FROM scratch\nCOPY busybox /bin/busybox\nENTRYPOINT [\"/bin/busybox\"]\n", &[]);
    let compose = Compose::new(&builder);
    let (agent, web) = (&compose.file["services"]["oakum-agent"], &compose.file["services"]["web"]);

    // The example as it is.
    let ran = check(&repository().join("deploy/compose/agent.yaml"), &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.err, ran.out);
    // With the store that there is, which knows the role by the name that the example has.
    let mut config = yaml("compose/agent.yaml");
    let store = &mut config["stores"]["vault"]["vault"];
    let role = store["auth"]["approle"]["role_id"].clone();
    store["address"] = vault.address().into();
    let id = vault.approle("web", "path \"secret/*\" { capabilities = [\"read\"] }", &json!({})).secret_id;
    vault.write("auth/approle/role/web/role-id", &json!({ "role_id": role }));
    fs::write(compose.folder.path().join("agent.yaml"), config.to_string()).unwrap();
    // As its README says: 0400, and the agent's own.
    let secret = compose.folder.path().join(text(&compose.file["secrets"]["secret-id"]["file"]));
    fs::write(&secret, id).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o400)).unwrap();
    let user = text(&agent["user"]).split_once(':').unwrap().0.parse().unwrap();
    std::os::unix::fs::chown(&secret, Some(user), None).unwrap();

    // The store has no such secret yet: the agent runs and is not healthy, and so the app does not start.
    let probe = texts(&agent["healthcheck"]["test"]);
    let (how, probe) = probe.split_first().unwrap();
    assert_eq!((how.as_str(), &web["depends_on"]["oakum-agent"]["condition"]), ("CMD", &json!("service_healthy")));
    let mut running = compose.start("oakum-agent", "oakum-agent", texts(&agent["command"]));
    let began = Instant::now();
    while !running.log().contains("missing") {
        assert!(began.elapsed() < SOON, "{}", running.log());
        sleep(Duration::from_millis(50));
    }
    assert_eq!(running.exec(probe).code, 5, "{}", running.log());
    vault.put("web", &json!({ "password": word.text() }));
    running.until(probe);

    // The app reads, and can do no more.
    let busybox = |words: &str| ["/bin/busybox"].iter().copied().chain(words.split(' ')).map(str::to_owned).collect();
    let mut app = compose.start("web", "web", vec!["sleep".to_owned(), "600".to_owned()]);
    let target = text(&web["volumes"][0]["target"]);
    let file = format!("{target}/{}", config["files"].as_object().unwrap().keys().next().unwrap());
    let read: Vec<String> = busybox(&format!("cat {file}"));
    let read = app.until(&read).json();
    assert!(read["password"] == word.text(), "the app reads something else");
    let write: Vec<String> = busybox(&format!("touch {target}/mine"));
    assert!(app.exec(&write).err.contains("Read-only file system"));
    // Who is not of the group does not even get there.
    assert_eq!(fs::metadata(&compose.volume).unwrap().mode() & 0o7, 0);

    // Compose stops the app first; then nothing is left, and nothing was told.
    drop(app);
    assert_eq!(running.stop(), Some(0), "{}", running.log());
    assert_eq!(word.trace_in(running.log().as_bytes()), None);
    let left: Vec<_> = fs::read_dir(&compose.volume).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("app.json")), "{left:?}");
}

/// The units of `deploy/systemd/`, with the programs that they start in a folder of ours: they have to be there.
fn units() -> TempDir {
    let folder = tempdir().unwrap();
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::copy(program("oakum-agent").unwrap(), bin.join("oakum-agent")).unwrap();
    fs::copy("/bin/busybox", bin.join("web")).unwrap();
    for entry in fs::read_dir(repository().join("deploy/systemd")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "service") {
            let unit = fs::read_to_string(&path).unwrap().replace("/usr/local/bin", bin.to_str().unwrap());
            fs::write(folder.path().join(path.file_name().unwrap()), unit).unwrap();
        }
    }
    folder
}

/// The values of a setting of a unit, `%i` being `web`.
fn setting(unit: &str, name: &str) -> Vec<String> {
    let lines = unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    lines.map(|value| value.replace("%i", "web")).collect()
}

#[test]
fn systemd_takes_the_units_and_finds_them_well_shut_in() {
    let folder = units();
    // In tenths of ten points, of which none is best.
    for (unit, threshold) in [("oakum-agent@web.service", 16), ("web-exec.service", 23), ("web.service", 23)] {
        let path = folder.path().join(unit);
        let analyze = || {
            let mut command = Command::new("systemd-analyze");
            command.env("SYSTEMD_COLORS", "0");
            command
        };
        // An instance of a template is a file of that name.
        if let Some((template, _)) = unit.split_once("web.").filter(|(before, _)| before.ends_with('@')) {
            fs::copy(folder.path().join(format!("{template}.service")), &path).unwrap();
        }
        let verified = finish(analyze().args(["verify", "--man=no"]).arg(&path), b"");
        // What it does not know it passes over, with a line about it.
        assert!(verified.code == 0 && verified.err.is_empty() && verified.out.is_empty(), "{unit}: {verified:?}");
        let mut security = analyze();
        security.args(["security", "--no-pager", "--offline=true", &format!("--threshold={threshold}")]).arg(&path);
        let ran = finish(&mut security, b"");
        assert_eq!(ran.code, 0, "{unit}\n{}{}", ran.out, ran.err);
    }
    // The check is one: what is misspelt is told of.
    let unit = fs::read_to_string(folder.path().join("web.service")).unwrap();
    let wrong = folder.path().join("wrong.service");
    fs::write(&wrong, unit.replace("LimitCORE=", "LimitCORES=")).unwrap();
    let told = finish(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&wrong), b"");
    assert!(told.err.contains("LimitCORES"), "{told:?}");
}

#[test]
fn the_units_configurations_are_ones_that_the_agent_accepts() {
    let (folder, credentials, own) = (units(), tempdir().unwrap(), memory());
    for name in ["oakum-agent@.service", "web-exec.service"] {
        let unit = fs::read_to_string(folder.path().join(name)).unwrap();
        let start = setting(&unit, "ExecStart").remove(0);
        let words: Vec<&str> = start.split(' ').collect();
        let config = words.iter().skip_while(|word| **word != "--config").nth(1).unwrap();
        let config = config.strip_prefix("/etc/oakum/").unwrap();
        let text = fs::read_to_string(repository().join("deploy/systemd").join(config)).unwrap();
        let config = credentials.path().join(config);
        fs::write(&config, text.replace("/run/oakum-web-own", &own.path().display().to_string())).unwrap();

        let credential = setting(&unit, "LoadCredential").remove(0);
        fs::write(credentials.path().join(credential.split_once(':').unwrap().0), "none").unwrap();
        let mut command = Command::new(program("oakum-agent").unwrap());
        command.args(["check", "--config"]).arg(&config).env("CREDENTIALS_DIRECTORY", credentials.path());
        let ran = finish(&mut command, b"");
        assert_eq!(ran.code, 0, "{name}: {}{}", ran.err, ran.out);
        // The credential that it names is the one that the unit loads.
        let text = fs::read_to_string(&config).unwrap();
        let named = text.split_once("$CREDENTIALS_DIRECTORY/").unwrap().1;
        assert!(named.starts_with(credential.split_once(':').unwrap().0), "{named}");

        // The unit's own command is one that the agent has: all that it lacks is what systemd would bring.
        let mut command = Command::new(words[0]);
        for word in &words[1..] {
            match word.strip_prefix("/etc/oakum/") {
                Some(_) => command.arg(&config),
                None => command.arg(word),
            };
        }
        let ran = finish(command.env_remove("CREDENTIALS_DIRECTORY"), b"");
        assert_eq!(ran.code, 2, "{name}: {}", ran.err);
        assert!(ran.err.contains("CREDENTIALS_DIRECTORY is not set"), "{name}: {}", ran.err);
    }
    // The folders that systemd makes are the volume and the agent's own.
    let unit = fs::read_to_string(folder.path().join("oakum-agent@.service")).unwrap();
    let config = yaml("systemd/web.yaml");
    let folders = setting(&unit, "RuntimeDirectory").remove(0);
    let (volume, own) = folders.split_once(' ').unwrap();
    assert_eq!(config["volume"]["path"], format!("/run/{volume}"));
    assert_eq!(config["stores"]["vault"]["vault"]["keep_token"], format!("/run/{own}/token"));
    // And the user that it runs as is one that systemd-sysusers makes.
    let root = tempdir().unwrap();
    let mut sysusers = Command::new("systemd-sysusers");
    sysusers.arg("--dry-run").arg("--root").arg(root.path()).arg(repository().join("deploy/systemd/oakum-web.conf"));
    let ran = finish(&mut sysusers, b"");
    let user = setting(&unit, "User").remove(0);
    assert!(ran.code == 0 && format!("{}{}", ran.out, ran.err).contains(&format!("'{user}'")), "{user}: {ran:?}");
}

#[test]
fn the_actions_step_fails_on_findings_and_writes_sarif() {
    let tree = tempdir().unwrap();
    fs::write(tree.path().join("a b.env"), format!("DB_PASSWORD={}\n", Planted::password().text())).unwrap();
    let step = |targets: &str, arguments: &str| {
        let mut command = Command::new(repository().join("deploy/ci/github/scan"));
        command.env("OAKUM", program("oakum").unwrap()).env("OAKUM_TARGETS", targets).env("OAKUM_ARGUMENTS", arguments);
        finish(command.current_dir(tree.path()), b"")
    };
    let ran = step("a b.env\n", "");
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.starts_with("::error file=a b.env,line=1"), "{}", ran.out);
    assert!(fs::read_to_string(tree.path().join("oakum.sarif")).unwrap().contains("partialFingerprints"));
    assert_eq!(step("a b.env", "--disable\ngeneric\n").code, 0);
    assert_eq!(step("missing", "").code, 2);
}

#[test]
fn the_pre_commit_hook_stops_a_commit() {
    let pre_commit =
        std::env::var_os("OAKUM_PRE_COMMIT").expect("OAKUM_PRE_COMMIT names the program; tests/run installs it");
    let work = tempdir().unwrap();
    let git = |folder: &Path, args: &[&str]| {
        tool(
            Command::new("git")
                .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
                .args(args)
                .current_dir(folder),
        )
    };
    // The hook's repository is a copy, so that the test does not depend on what is committed.
    let hooks = work.path().join("hooks");
    fs::create_dir(&hooks).unwrap();
    fs::copy(repository().join(".pre-commit-hooks.yaml"), hooks.join(".pre-commit-hooks.yaml")).unwrap();
    let tree = work.path().join("tree");
    fs::create_dir(&tree).unwrap();
    for folder in [&hooks, &tree] {
        git(folder, &["init", "--quiet"]);
        git(folder, &["add", "-A"]);
        git(folder, &["commit", "--quiet", "--allow-empty", "-m", "first"]);
    }
    let run = || {
        git(&tree, &["add", "-A"]);
        let path =
            format!("{}:{}", program("oakum").unwrap().parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(&pre_commit);
        command.args(["try-repo"]).arg(&hooks).args(["oakum", "--all-files", "--verbose"]).current_dir(&tree);
        finish(command.env("PATH", path).env("PRE_COMMIT_HOME", work.path().join("home")), b"")
    };
    fs::write(tree.join("a.txt"), "clean\n").unwrap();
    let clean = run();
    assert_eq!(clean.code, 0, "{}{}", clean.out, clean.err);
    fs::write(tree.join("b.env"), format!("DB_PASSWORD={}\n", Planted::password().text())).unwrap();
    let found = run();
    assert_eq!(found.code, 1, "{}{}", found.out, found.err);
    assert!(found.out.contains("b.env:1:13"), "{}", found.out);
}
