//! What git keeps of a project's past is in many an image: a password that was deleted long ago is read there, loose or
//! packed, in a layer and in a file system. In a tree it is another target's matter.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use e2e::images::Builder;
use e2e::planted::Planted;
use e2e::process::Process;
use e2e::programs::{Ran, oakum, program, tool};
use serde_json::{Value, json};

fn git(folder: &Path, args: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    tool(command.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(args));
}

/// A repository whose `app/.env` had the one password for a version, and whose history has the other in a message.
fn repository(folder: &Path, deleted: &Planted, told: &Planted) {
    fs::create_dir_all(folder.join("app")).unwrap();
    git(folder, &["init", "-q"]);
    let env = |secret: &str| {
        let mut text: String = (0..300).map(|line| format!("SETTING_{line}={}\n", line * 7)).collect();
        text += &format!("DB_PASSWORD={secret}\n");
        fs::write(folder.join("app/.env"), text).unwrap();
    };
    for (secret, message) in
        [("", "first".to_owned()), (deleted.text(), "second".into()), ("", format!("password: {}", told.text()))]
    {
        env(secret);
        git(folder, &["add", "-A"]);
        git(folder, &["commit", "-q", "-m", &message]);
    }
}

/// Where each secret is: path, members and line.
fn places(report: &Value) -> Vec<(String, Value, u64)> {
    let findings = report["findings"].as_array().unwrap();
    let places = findings.iter().flat_map(|finding| finding["places"].as_array().unwrap());
    places
        .map(|place| {
            (place["path"].as_str().unwrap().to_owned(), place["member"].clone(), place["line"].as_u64().unwrap())
        })
        .collect()
}

#[test]
fn what_was_deleted_in_a_repository_is_found_in_the_image_that_has_it() {
    let builder = Builder::new().unwrap();
    let (deleted, told) = (Planted::password(), Planted::password());
    let context = builder.path().join("context");
    repository(&context.join("srv"), &deleted, &told);
    let id = |object: &str| {
        let mut command = Command::new("git");
        let ran = command.args(["rev-parse", "--short=12", object]).current_dir(context.join("srv")).output().unwrap();
        String::from_utf8(ran.stdout).unwrap().trim().to_owned()
    };
    let (blob, commit) = (id("HEAD~1:app/.env"), id("HEAD"));
    let scan = |name: &str| {
        builder.build(
            name,
            "FROM scratch\nCOPY busybox /bin/busybox\nCOPY srv /srv\nRUN [\"/bin/busybox\", \"rm\", \"-r\", \"/srv/.git\"]\n",
            &[],
        );
        builder.push(name, "oci", name);
        let target = format!("oci:{name}");
        let ran = oakum(builder.path(), ["scan", &target, "--format", "json"]);
        assert_eq!(ran.code, 1, "{}{}", ran.err, ran.out);
        for secret in [&deleted, &told] {
            assert_eq!(secret.trace_in(ran.out.as_bytes()), None, "{}", ran.out);
        }
        let report = ran.json();
        assert_eq!(report["complete"], true, "{report:#}");
        let state = &report["findings"][0]["places"][0]["state"];
        assert_eq!(state, "deleted", "{report:#}");
        (report, target)
    };

    let (report, _) = scan("loose");
    let found = places(&report);
    let has = |kind: &str, at: u64| {
        found.iter().any(|(path, member, line)| {
            path.starts_with("srv/.git/objects/") && *member == json!([kind]) && *line == at
        })
    };
    assert!(has("blob", 301) && has("commit", 6), "{found:#?}");

    git(&context.join("srv"), &["gc", "-q"]);
    // The message is in a file beside them too.
    fs::remove_dir_all(context.join("srv/.git/logs")).unwrap();
    fs::remove_file(context.join("srv/.git/COMMIT_EDITMSG")).unwrap();
    let (report, target) = scan("packed");
    let found = places(&report);
    let has = |member: Value, at: u64| {
        found.iter().any(|(path, known, line)| path.ends_with(".pack") && *known == member && *line == at)
    };
    assert!(has(json!([format!("blob {blob}"), "app/.env"]), 301), "{blob}: {found:#?}");
    assert!(has(json!([format!("commit {commit}")]), 6), "{commit}: {found:#?}");
    assert_eq!(found.len(), 2, "{found:#?}");
    // Every form of a report says where it is.
    for format in ["text", "jsonl", "sarif", "junit", "csv", "gitlab", "github", "html"] {
        let ran = oakum(builder.path(), ["scan", &target, "--format", format]);
        assert!(ran.out.contains(&format!("blob {blob}")), "{format}: {}", ran.out);
    }
}

#[test]
fn a_file_system_is_read_with_its_past_and_a_tree_without() {
    let folder = tempfile::tempdir().unwrap();
    let (deleted, told) = (Planted::password(), Planted::password());
    let root = folder.path().join("root");
    repository(&root.join("srv"), &deleted, &told);
    git(&root.join("srv"), &["gc", "-q"]);
    let ran = oakum(folder.path(), ["scan", "dir:root", "--format", "json"]);
    let found = places(&ran.json());
    assert!(found.iter().any(|(_, member, line)| member[1] == "app/.env" && *line == 301), "{found:#?}");
    let ran = oakum(folder.path(), ["scan", "root", "--format", "json"]);
    let report = ran.json();
    assert_eq!((ran.code, &report["summary"]["skipped"][0]["why"]), (0, &"git folder".into()), "{report:#}");
    // A pack that is named is read, and so is one in an archive.
    let script = "cp root/srv/.git/objects/pack/*.pack a.pack && tar -czf b.tgz a.pack && rm -r root";
    tool(Command::new("sh").args(["-ec", script]).current_dir(folder.path()));
    for (target, member) in [("a.pack", 1), ("b.tgz", 2)] {
        let ran = oakum(folder.path(), ["scan", target, "--format", "json"]);
        let found = places(&ran.json());
        assert!(found.iter().any(|(_, path, _)| path[member] == "app/.env"), "{target}: {found:#?}");
    }
}

/// A pack of so many files, of which each has other bytes that deflate makes half of.
fn pack_of(folder: &Path, files: u64, seed: u64) -> Vec<u8> {
    git(folder, &["init", "-q", "--bare"]);
    let mut import = Command::new("git");
    import.args(["-c", "core.compression=1", "fast-import", "--quiet", "--depth=0"]).current_dir(folder);
    let mut import = import.stdin(Stdio::piped()).spawn().unwrap();
    let mut to = std::io::BufWriter::new(import.stdin.take().unwrap());
    to.write_all(b"commit refs/heads/main\ncommitter a <a@example.com> 1700000000 +0000\ndata 0\n").unwrap();
    let mut state = seed;
    for file in 0..files {
        let words = 32 + 64 * (file % 15);
        write!(to, "M 100644 inline {}/{file}\ndata {}\n", file % 50, words * 8).unwrap();
        for _ in 0..words {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            write!(to, "{:08x}", state >> 32).unwrap();
        }
        to.write_all(b"\n").unwrap();
    }
    drop(to);
    assert!(import.wait().unwrap().success());
    let names = fs::read_dir(folder.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    let pack = names.into_iter().find(|path| path.extension().is_some_and(|end| end == "pack")).unwrap();
    fs::read(pack).unwrap()
}

fn entry<W: Write>(tar: &mut tar::Builder<W>, name: &str, bytes: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, name, bytes).unwrap();
}

/// Writes an image as Docker saves it, with a layer for each file.
fn image(path: &Path, files: &[(String, Vec<u8>)]) {
    let mut image = tar::Builder::new(fs::File::create(path).unwrap());
    let (mut layers, mut digests) = (Vec::new(), Vec::new());
    for (nth, (name, bytes)) in files.iter().enumerate() {
        let mut layer = tar::Builder::new(Vec::new());
        entry(&mut layer, name, bytes);
        let (layer, file) = (layer.into_inner().unwrap(), path.with_extension("layer"));
        fs::write(&file, &layer).unwrap();
        let sum = tool(Command::new("sha256sum").arg(&file));
        digests.push(format!("sha256:{}", sum.split_whitespace().next().unwrap()));
        layers.push(format!("{nth}/layer.tar"));
        entry(&mut image, &layers[nth], &layer);
    }
    let config = json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": digests } });
    entry(&mut image, "config.json", config.to_string().as_bytes());
    let manifest = json!([{ "Config": "config.json", "RepoTags": ["packs:latest"], "Layers": layers }]);
    entry(&mut image, "manifest.json", manifest.to_string().as_bytes());
    image.finish().unwrap();
}

/// Runs `oakum`, and gives besides how much memory it had at most, in MiB.
fn most_memory(folder: &Path, args: &[&str]) -> (Ran, u64) {
    let mut command = Command::new(program("oakum").unwrap());
    command.args(args).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    let process = Process(running.id());
    let mut most = 0;
    while running.try_wait().unwrap().is_none() {
        most = process.peak().unwrap_or(most);
        std::thread::sleep(Duration::from_millis(5));
    }
    (running.wait_with_output().unwrap().into(), most >> 10)
}

#[test]
fn eight_threads_at_large_packs_share_the_memory_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let packs: Vec<_> = (0..8)
        .map(|nth| {
            let own = folder.path().join(nth.to_string());
            fs::create_dir(&own).unwrap();
            let pack = pack_of(&own, 3500, nth);
            fs::remove_dir_all(own).unwrap();
            // More than a thread holds for itself.
            assert!(pack.len() > 5 << 20, "{}", pack.len());
            (format!("srv/{nth}/.git/objects/pack/a.pack"), pack)
        })
        .collect();
    image(&folder.path().join("image.tar"), &packs);
    let scan = |jobs: &str| {
        let args = ["scan", "docker-archive:image.tar", "--jobs", jobs, "--format", "json"];
        let (ran, most) = most_memory(folder.path(), &args);
        assert_eq!(ran.code, 0, "{}{}", ran.err, ran.out);
        // Each has its files, and a commit.
        assert!(ran.json()["summary"]["blobs"].as_u64() > Some(8 * 3501), "{}", ran.out);
        most
    };
    let (one, eight) = (scan("1"), scan("8"));
    // What was read of a pack before its turn, buffers and stacks are there for each thread.
    assert!(eight < 112 && eight < one + 56, "{eight} MiB with eight threads, {one} MiB with one");
}
