//! What `deploy/` holds is built and run with what the machine has: Buildah, runc, the real API server, pre-commit.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::images::Builder;
use e2e::planted::Planted;
use e2e::programs::{finish, oakum, program, tool};
use e2e::servers::kubernetes::Kubernetes;
use serde_json::json;
use tempfile::tempdir;

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

/// Runs an image by runc with nothing in it but what the image holds.
fn run_image(builder: &Builder, name: &str, args: &[&str], mounts: &[(&Path, &str)]) -> e2e::programs::Ran {
    let bundle = builder.path().join(format!("{name}-bundle"));
    builder.push(name, "oci", &format!("{name}-oci"));
    let image = format!("{}:{name}:latest", builder.path().join(format!("{name}-oci")).display());
    tool(Command::new("umoci").args(["unpack", "--image", &image]).arg(&bundle));
    let config = bundle.join("config.json");
    let mut spec: serde_json::Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    let process = &mut spec["process"];
    process["terminal"] = false.into();
    // The image's own entry point, with our arguments in place of its command.
    let entry = process["args"][0].clone();
    process["args"] = std::iter::once(entry).chain(args.iter().map(|a| (*a).into())).collect();
    assert_eq!(process["user"]["uid"], 65532, "the image's user is a number and not root");
    process["capabilities"] = serde_json::json!({});
    process["noNewPrivileges"] = true.into();
    spec["root"]["readonly"] = true.into();
    for (from, to) in mounts {
        spec["mounts"]
            .as_array_mut()
            .unwrap()
            .push(serde_json::json!({"type": "bind", "source": from, "destination": to, "options": ["rbind", "ro"]}));
    }
    fs::write(&config, spec.to_string()).unwrap();
    let id = format!("oakum-test-{name}-{}", std::process::id());
    finish(
        Command::new("runc")
            .args(["--root"])
            .arg(builder.path().join("runc"))
            .args(["run", "--bundle"])
            .arg(&bundle)
            .arg(id),
        b"",
    )
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
    fs::set_permissions(tree.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
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
fn run_image_again(builder: &Builder, name: &str, args: &[&str]) -> e2e::programs::Ran {
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
    let folder = tempdir().unwrap();
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
