//! Images that real tools made: every layer is looked at, and every finding says who put it there and whether it can
//! still be read.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use e2e::images::Builder;
use e2e::planted::Planted;
use e2e::programs::{Ran, oakum, tool};
use serde_json::Value;

const DOCKERFILE: &str = r#"FROM scratch
COPY busybox /bin/busybox
COPY one.env /app/.env
COPY two.env /app/.env
ARG BUILD_PASSWORD
RUN ["/bin/busybox", "rm", "/app/.env"]
ENV PORT=80 API_PASSWORD=@env@
"#;

/// An image with a credential added in one layer, overwritten in the next and deleted in a third, one in its
/// environment and one in a build argument.
struct Proof {
    builder: Builder,
    secrets: BTreeMap<&'static str, Planted>,
}

impl Proof {
    fn build() -> Self {
        let builder = Builder::new().unwrap();
        let secrets: BTreeMap<_, _> = ["one", "two", "env", "arg"].map(|name| (name, Planted::password())).into();
        let line = |name: &str| format!("DB_PASSWORD={}\n", secrets[name].text());
        builder.file("one.env", &line("one")).unwrap();
        builder.file("two.env", &line("two")).unwrap();
        let dockerfile = DOCKERFILE.replace("@env@", secrets["env"].text());
        builder.build("proof", &dockerfile, &[("BUILD_PASSWORD", secrets["arg"].text())]);
        Self { builder, secrets }
    }

    fn scan(&self, target: &str) -> Ran {
        let ran = oakum(self.builder.path(), ["scan", target, "--format", "json"]);
        assert_eq!(ran.code, 1, "{target}: {}{}", ran.err, ran.out);
        for (name, secret) in &self.secrets {
            assert_eq!(secret.trace_in(ran.out.as_bytes()), None, "{name}: {}", ran.out);
        }
        ran
    }
}

/// A place in a few words: `layer 1 app/.env overwritten by 2`, `config Env[1] API_PASSWORD`.
fn places(report: &Value) -> Vec<String> {
    let mut all: Vec<String> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|f| f["places"].as_array().unwrap())
        .map(|p| match p["kind"].as_str().unwrap() {
            "layer" => {
                let state = p["state"].as_str().unwrap();
                let by = p["state_by"].as_u64().map(|by| format!(" by {by}")).unwrap_or_default();
                format!("layer {} {} {state}{by}", p["layer"]["index"], p["path"].as_str().unwrap())
            }
            "config" => format!("config {}", p["field"].as_str().unwrap()),
            other => other.to_owned(),
        })
        .collect();
    all.sort();
    all
}

#[test]
fn every_layer_is_seen_in_every_form_of_an_image() {
    let proof = Proof::build();
    let builder = &proof.builder;
    builder.push("proof", "docker-archive", "docker.tar");
    builder.push("proof", "oci", "oci");
    builder.push("proof", "oci-archive", "oci.tar");
    builder.copy(
        &["--dest-compress-format", "zstd", "--dest-compress"],
        "docker-archive:docker.tar",
        "oci:zstd:proof:latest",
    );
    tool(Command::new("gzip").args(["-k", "docker.tar"]).current_dir(builder.path()));

    let expected = |places: &[String]| {
        for place in
            ["layer 1 app/.env overwritten by 2", "layer 2 app/.env deleted by 3", "config Env[2] API_PASSWORD"]
        {
            assert!(places.iter().any(|p| p == place), "{place} is not in {places:#?}");
        }
        assert!(places.iter().any(|p| p.starts_with("config history[")), "no build argument in {places:#?}");
    };
    let mut fingerprints = Vec::new();
    for target in [
        "docker-archive:docker.tar",
        "docker.tar",
        "docker.tar.gz",
        "oci:oci",
        "oci-archive:oci.tar",
        "oci.tar",
        "oci:zstd",
    ] {
        let report = proof.scan(target).json();
        assert_eq!(report["complete"], true, "{target}: {report}");
        assert_eq!(report["findings"].as_array().unwrap().len(), 4, "{target}: {report:#}");
        expected(&places(&report));
        let mut prints: Vec<_> =
            report["findings"].as_array().unwrap().iter().map(|f| f["fingerprint"].to_string()).collect();
        prints.sort();
        fingerprints.push((target, prints));
    }
    // The same secrets have the same names, whichever way the image came.
    for (target, prints) in &fingerprints {
        assert_eq!(prints, &fingerprints[0].1, "{target}");
    }
}

#[test]
fn a_layers_place_is_the_contract_to_the_letter() {
    let proof = Proof::build();
    proof.builder.push("proof", "oci", "oci");
    let report = proof.scan("oci:oci").json();
    let place = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|f| f["places"].as_array().unwrap())
        .find(|p| p["state"] == "overwritten")
        .unwrap();
    assert_eq!((&place["mode"], &place["uid"], &place["gid"]), (&"0644".into(), &0.into(), &0.into()), "{place:#}");
    let layer = place["layer"].as_object().unwrap();
    let mut keys: Vec<_> = layer.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["base", "base_by", "created_by", "diff_id", "digest", "history", "image", "index", "platform"]);
    assert_eq!((&place["kind"], &place["path"], &place["state_by"]), (&"layer".into(), &"app/.env".into(), &2.into()));
    assert!(
        layer["digest"].as_str().unwrap().starts_with("sha256:")
            && layer["diff_id"].as_str().unwrap().starts_with("sha256:")
    );
    assert_eq!(layer["platform"], "linux/amd64");
    assert!(layer["created_by"].as_str().unwrap().contains("COPY"), "{layer:?}");
    // Layer 1 was made by the second instruction that is not empty.
    assert_eq!(layer["history"], 1);
}

#[test]
fn a_broken_archive_is_a_gap_and_never_clean() {
    let proof = Proof::build();
    let path = proof.builder.push("proof", "oci-archive", "oci.tar");
    proof.builder.push("proof", "oci", "oci");
    // Cut off in the middle.
    let whole = fs::read(&path).unwrap();
    fs::write(proof.builder.path().join("cut.tar"), &whole[..whole.len() / 2]).unwrap();
    let cut = oakum(proof.builder.path(), ["scan", "oci-archive:cut.tar", "--format=json"]);
    assert!(cut.code != 0, "{}", cut.out);
    assert!(cut.code == 2 && cut.err.contains("hint: ") || cut.json()["complete"] == false, "{}{}", cut.err, cut.out);
    // A layer whose digest is wrong is looked at all the same, and said.
    let blobs = proof.builder.path().join("oci/blobs/sha256");
    let manifest: Value = fs::read_dir(&blobs)
        .unwrap()
        .filter_map(|e| serde_json::from_slice(&fs::read(e.unwrap().path()).unwrap()).ok())
        .find(|m: &Value| m["layers"].is_array())
        .unwrap();
    let digests: Vec<&str> = manifest["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap())
        .collect();
    fs::copy(blobs.join(digests[1]), blobs.join(digests[2])).unwrap();
    let wrong = oakum(proof.builder.path(), ["scan", "oci:oci", "--format=json"]);
    let report = wrong.json();
    assert_eq!((wrong.code, &report["complete"]), (1, &false.into()));
    assert!(
        report["summary"]["skipped"].as_array().unwrap().iter().any(|s| s["why"] == "does not match its digest"),
        "{report:#}"
    );
    // And one that is missing.
    fs::remove_file(blobs.join(digests[1])).unwrap();
    let missing = oakum(proof.builder.path(), ["scan", "oci:oci", "--format=json"]).json();
    assert!(
        missing["summary"]["skipped"].as_array().unwrap().iter().any(|s| s["why"] == "missing from the image"),
        "{missing:#}"
    );
}

/// Makes archives of one another: `secret` is in a properties file of a jar, which is in a war.
const WAR: &str = "
import sys, zipfile
with zipfile.ZipFile('context/app.jar', 'w', zipfile.ZIP_DEFLATED) as z:
    z.writestr('config/app.properties', 'spring.datasource.password=' + sys.argv[1] + '\\n')
with zipfile.ZipFile('context/app.war', 'w', zipfile.ZIP_DEFLATED) as z:
    z.write('context/app.jar', 'WEB-INF/lib/app.jar')
";

#[test]
fn an_archive_in_a_layer_is_opened_and_says_which_member() {
    let builder = Builder::new().unwrap();
    let secret = Planted::password();
    tool(Command::new("python3").args(["-c", WAR, secret.text()]).current_dir(builder.path()));
    builder.build(
        "war",
        "FROM scratch\nCOPY busybox /bin/busybox\nCOPY app.war /srv/app.war\nRUN [\"/bin/busybox\", \"rm\", \"/srv/app.war\"]\n",
        &[],
    );
    builder.push("war", "oci", "oci");
    let ran = oakum(builder.path(), ["scan", "oci:oci", "--format", "json"]);
    assert_eq!((ran.code, secret.trace_in(ran.out.as_bytes())), (1, None), "{}{}", ran.err, ran.out);
    let report = ran.json();
    let place = &report["findings"][0]["places"][0];
    assert_eq!(place["member"], serde_json::json!(["WEB-INF/lib/app.jar", "config/app.properties"]), "{report:#}");
    assert_eq!((&place["path"], &place["layer"]["index"]), (&"srv/app.war".into(), &1.into()));
    assert_eq!((&place["state"], &place["line"]), (&"deleted".into(), &1.into()));
    assert_eq!(place["key"], "spring.datasource.password");
    assert_eq!(report["complete"], true, "{report:#}");
}

#[test]
fn layers_of_every_compression_are_read() {
    let proof = Proof::build();
    proof.builder.push("proof", "docker-archive", "docker.tar");
    let whole = proof.scan("docker-archive:docker.tar").json();
    for program in ["bzip2", "xz"] {
        // Nobody's tool pushes these, but runtimes of old read them: the layers of the archive are packed anew.
        let script = format!(
            "rm -rf x; mkdir x; tar -C x -xf docker.tar; cd x; for layer in *.tar; do test -h $layer || {{ {program} $layer; mv $layer.* $layer; }}; done; tar -cf ../{program}.tar *"
        );
        tool(Command::new("sh").args(["-ec", &script]).current_dir(proof.builder.path()));
        let report = proof.scan(&format!("docker-archive:{program}.tar")).json();
        assert_eq!(places(&report), places(&whole), "{program}: {report:#}");
        assert_eq!(report["complete"], true, "{program}: {report:#}");
    }
}

#[test]
fn a_bomb_ends_soon_and_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    // Three gigabytes of zeros, packed twice.
    let script = "head -c 3000000000 /dev/zero | gzip -1 | gzip -9 > bomb.gz";
    tool(Command::new("sh").args(["-c", script]).current_dir(folder.path()));
    let began = std::time::Instant::now();
    let ran = oakum(folder.path(), ["scan", ".", "--format", "json"]);
    assert_eq!(ran.code, 3, "{}{}", ran.err, ran.out);
    assert_eq!(ran.json()["summary"]["skipped"][0]["why"], "beyond a limit", "{}", ran.out);
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

#[test]
fn a_comparison_tells_what_is_left_of_an_image() {
    let builder = Builder::new().unwrap();
    let [kept, moved, gone, new] = std::array::from_fn(|_| Planted::password());
    let image = |name: &str, files: &[(&str, String)], env: &str| {
        let mut dockerfile = "FROM scratch\n".to_owned();
        for (file, text) in files {
            builder.file(file, text).unwrap();
            dockerfile += &format!("COPY {file} /app/{file}\n");
        }
        builder.build(name, &format!("{dockerfile}ENV PORT=80 {env}\n"), &[]);
        builder.push(name, "oci", name);
    };
    let line = |secret: &Planted| format!("DB_PASSWORD={}\n", secret.text());
    image("old", &[("kept.env", line(&kept)), ("moved.env", line(&moved)), ("gone.env", line(&gone))], "A=1");
    image("new", &[("kept.env", line(&kept)), ("new.env", line(&new))], &format!("API_PASSWORD={}", moved.text()));
    image("clean", &[("new.env", line(&new))], "A=1");

    let ran = oakum(builder.path(), ["compare", "oci:old", "oci:new", "--format", "json"]);
    assert_eq!(ran.code, 1, "{}{}", ran.err, ran.out);
    let report = ran.json();
    let places = |group: &str, side: &str| -> Vec<String> {
        let entries = report[group].as_array().unwrap();
        let of =
            |entry: &Value| entry[side].as_array().unwrap().iter().map(|p| p.as_str().unwrap().to_owned()).collect();
        entries.iter().flat_map(|entry| -> Vec<String> { of(entry) }).collect()
    };
    let has = |places: Vec<String>, what: &str| assert!(places.iter().any(|p| p.contains(what)), "{what}: {report:#}");
    has(places("there", "new"), "app/kept.env");
    has(places("moved", "old"), "app/moved.env");
    has(places("moved", "new"), "API_PASSWORD");
    has(places("gone", "old"), "app/gone.env");
    has(places("new", "new"), "app/new.env");
    assert_eq!((&report["clean"], &report["complete"]), (&false.into(), &true.into()));
    for secret in [&kept, &moved, &gone, &new] {
        assert_eq!(secret.trace_in(ran.out.as_bytes()), None);
    }
    let text = oakum(builder.path(), ["compare", "oci:old", "oci:new"]);
    assert!(text.out.contains("1 still there, 1 moved, 1 new, 1 gone"), "{}", text.out);
    let clean = oakum(builder.path(), ["compare", "oci:old", "oci:clean"]);
    assert_eq!(clean.code, 0, "{}{}", clean.err, clean.out);
}

#[test]
fn layers_of_a_base_are_told_apart_and_gated_apart() {
    let builder = Builder::new().unwrap();
    let [below, above] = std::array::from_fn(|_| Planted::password());
    builder.file("base.env", &format!("DB_PASSWORD={}\n", below.text())).unwrap();
    builder.file("app.env", &format!("DB_PASSWORD={}\n", above.text())).unwrap();
    builder.build(
        "base",
        "FROM scratch\nCOPY busybox /bin/busybox\nCOPY base.env /etc/base.env\nCMD [\"/bin/busybox\"]\n",
        &[],
    );
    builder.build("app", "FROM localhost/base\nCOPY app.env /app/.env\nCMD [\"/bin/busybox\", \"sh\"]\n", &[]);
    builder.build("clean", "FROM localhost/base\nCOPY busybox /app/busybox\nCMD [\"/bin/busybox\", \"sh\"]\n", &[]);
    for name in ["base", "app", "clean"] {
        builder.push(name, "oci", name);
    }
    let bases = |arguments: &[&str]| -> Vec<(String, Value)> {
        let ran = oakum(builder.path(), [&["scan", "--format", "json"], arguments].concat());
        let report = ran.json();
        let places =
            report["findings"].as_array().unwrap().iter().flat_map(|f| f["places"].as_array().unwrap().clone());
        let mut all: Vec<_> =
            places.map(|p| (p["path"].as_str().unwrap().to_owned(), p["layer"]["base"].clone())).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    let told = [("app/.env".to_owned(), Value::from(false)), ("etc/base.env".to_owned(), true.into())];
    assert_eq!(bases(&["oci:app"]), told, "by the history");
    assert_eq!(bases(&["oci:app", "--base", "oci:base"]), told, "by the image that is given");
    let text = oakum(builder.path(), ["scan", "oci:app", "--base", "oci:base"]);
    assert!(text.out.contains("of the base image\n"), "{}", text.out);
    // A list of digests knows a layer wherever it is, and a mistake in it is told with its line.
    let report = oakum(builder.path(), ["scan", "--format", "json", "oci:base"]).json();
    let layer = &report["findings"][0]["places"][0]["layer"];
    for digest in ["digest", "diff_id"] {
        fs::write(builder.path().join("list"), format!("# bases\n{}\n", layer[digest].as_str().unwrap())).unwrap();
        assert_eq!(bases(&["oci:app", "--base-digests", "list"]), told, "by {digest}");
        let report = oakum(builder.path(), ["scan", "oci:app", "--base-digests", "list", "--format", "json"]).json();
        assert_eq!(report["findings"][0]["places"][0]["layer"]["base_by"], "digests", "{report:#}");
    }
    fs::write(builder.path().join("list"), "# bases\n\nsha256:12\n").unwrap();
    let wrong = oakum(builder.path(), ["scan", "oci:app", "--base-digests", "list"]);
    assert!(wrong.code == 2 && wrong.err.contains("cannot use list: line 3 is no digest\nhint:"), "{}", wrong.err);
    let code = |arguments: &[&str]| oakum(builder.path(), [&["scan", "-q"], arguments].concat()).code;
    assert_eq!(
        [code(&["oci:clean"]), code(&["oci:clean", "--fail-on", "app"]), code(&["oci:app", "--fail-on", "app"])],
        [1, 0, 1]
    );
    assert_eq!(code(&["oci:app", "--base", "."]), 2);
}

#[test]
fn one_platform_of_several_is_picked() {
    let builder = Builder::new().unwrap();
    let [amd, arm] = std::array::from_fn(|_| Planted::password());
    for (name, secret) in [("amd64", &amd), ("arm64", &arm)] {
        builder.file("app.env", &format!("DB_PASSWORD={}\n", secret.text())).unwrap();
        builder.build(name, "FROM scratch\nCOPY app.env /app/.env\n", &[]);
        builder.push(name, "oci", name);
    }
    // Both in one index, as buildx would have it.
    let script = r#"
import json, shutil
a, b = (json.load(open(n + '/index.json'))['manifests'][0] for n in ('amd64', 'arm64'))
shutil.copytree('arm64/blobs', 'amd64/blobs', dirs_exist_ok=True)
for d, arch in ((a, 'amd64'), (b, 'arm64')):
    d['platform'] = {'os': 'linux', 'architecture': arch}
json.dump({'schemaVersion': 2, 'manifests': [a, b]}, open('amd64/index.json', 'w'))
"#;
    tool(Command::new("python3").args(["-c", script]).current_dir(builder.path()));
    let findings = |arguments: &[&str]| {
        let report = oakum(builder.path(), [&["scan", "oci:amd64", "--format", "json"], arguments].concat()).json();
        assert_eq!(report["complete"], true, "{report:#}");
        report["findings"].as_array().unwrap().len()
    };
    assert_eq!(
        [findings(&[]), findings(&["--platform", "linux/arm64"]), findings(&["--platform", "linux/s390x"])],
        [2, 1, 0]
    );
}

/// A report without how long it took.
fn timeless(report: &Value) -> Value {
    let mut report = report.clone();
    report["summary"].as_object_mut().unwrap().remove("seconds");
    report
}

/// All that is in a folder, one after another.
fn all_bytes(folder: &std::path::Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        all.extend_from_slice(path.to_string_lossy().as_bytes());
        all.extend(if path.is_dir() { all_bytes(&path) } else { fs::read(&path).unwrap() });
    }
    all
}

/// How many entries a cache has.
fn entries(cache: &std::path::Path) -> usize {
    let folders = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    folders.map(|folder| fs::read_dir(folder).unwrap().count()).sum()
}

#[test]
fn a_cache_tells_the_same_without_reading_a_layer_again() {
    let proof = Proof::build();
    let builder = &proof.builder;
    builder.push("proof", "oci", "oci");
    builder.push("proof", "docker-archive", "docker.tar");
    let cache = builder.path().join("kept");
    let scan = |target: &str, more: &[&str]| {
        let args = ["scan", target, "--format", "json", "--cache", "kept"];
        let ran = oakum(builder.path(), args.iter().chain(more));
        assert_eq!((ran.code, ran.err.contains("warning")), (1, false), "{}{}", ran.err, ran.out);
        ran.json()
    };
    let plain = timeless(&proof.scan("oci:oci").json());
    for run in ["cold", "warm"] {
        assert_eq!(timeless(&scan("oci:oci", &[])), plain, "{run}");
    }
    let kept = entries(&cache);
    assert!(kept >= 3, "{kept}");
    let bytes = all_bytes(&cache);
    for (name, secret) in &proof.secrets {
        assert_eq!(secret.trace_in(&bytes), None, "{name}");
    }

    // Layers that are known are not read: the report is the same when they cannot be.
    let blobs = builder.path().join("oci/blobs/sha256");
    let manifest = |value: &Value| value["findings"][0]["places"][0]["layer"].clone();
    assert!(manifest(&plain).is_object());
    for place in plain["findings"].as_array().unwrap().iter().flat_map(|f| f["places"].as_array().unwrap()) {
        if let Some(digest) = place["layer"]["digest"].as_str() {
            let blob = blobs.join(digest.strip_prefix("sha256:").unwrap());
            let length = fs::metadata(&blob).unwrap().len();
            fs::write(&blob, vec![0; usize::try_from(length).unwrap()]).unwrap();
        }
    }
    assert_eq!(timeless(&scan("oci:oci", &[])), plain);
    // What is asked for otherwise is a miss, and then it shows what has become of the layers.
    let ran = oakum(builder.path(), ["scan", "oci:oci", "--format", "json", "--cache", "kept", "--disable", "github"]);
    assert_eq!(ran.json()["complete"], false, "{}", ran.out);
    // A layer that is not what it is said to be is not kept.
    assert_eq!(timeless(&scan("oci:oci", &[])), plain);

    // Other fingerprints cannot be had from what is kept of these.
    fs::write(builder.path().join("key"), "0123456789abcdef-of-a-test").unwrap();
    let own = |more: &[&str]| {
        let args = ["scan", "docker-archive:docker.tar", "--format", "json", "--key-file", "key"];
        timeless(&oakum(builder.path(), args.iter().chain(more)).json())
    };
    let expected = own(&[]);
    assert_ne!(expected["findings"][0]["fingerprint"], plain["findings"][0]["fingerprint"]);
    for run in ["cold", "warm"] {
        assert_eq!(own(&["--cache", "kept"]), expected, "{run}");
    }
}

#[test]
fn a_broken_cache_costs_time_and_nothing_else() {
    let proof = Proof::build();
    let builder = &proof.builder;
    builder.push("proof", "oci", "oci");
    let cache = builder.path().join("kept");
    let args = ["scan", "oci:oci", "--format", "json", "--cache", "kept"];
    let plain = timeless(&proof.scan("oci:oci").json());
    // Several at once make the folder, and share it.
    std::thread::scope(|scope| {
        let ran = [(); 4].map(|()| scope.spawn(|| oakum(builder.path(), args)));
        ran.into_iter().for_each(|ran| assert_eq!(timeless(&ran.join().unwrap().json()), plain));
    });
    let folders = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    for (at, file) in folders.flat_map(|folder| fs::read_dir(folder).unwrap()).map(Result::unwrap).enumerate() {
        let bytes = fs::read(file.path()).unwrap();
        match at % 3 {
            0 => fs::write(file.path(), &bytes[..bytes.len() / 2]).unwrap(),
            1 => fs::write(file.path(), "").unwrap(),
            _ => fs::write(file.path(), bytes.iter().map(|b| b ^ 1).collect::<Vec<_>>()).unwrap(),
        }
    }
    let ran = oakum(builder.path(), args);
    assert_eq!((timeless(&ran.json()), ran.err.as_str()), (plain.clone(), ""));
    let ran = oakum(builder.path(), ["scan", "oci:oci", "--cache", "oci/index.json"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("cannot use the cache oci/index.json"), "{}", ran.err);
    // Killed at any moment, it leaves nothing that is taken for an entry.
    fs::remove_dir_all(&cache).unwrap();
    for pause in 0..12 {
        let mut command = Command::new(e2e::programs::program("oakum").unwrap());
        let command = command.args(args).current_dir(builder.path()).stdout(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(pause * 3));
        drop(child.kill());
        child.wait().unwrap();
        assert_eq!(timeless(&oakum(builder.path(), args).json()), plain, "{pause}");
    }
}

/// An OCI layout in `slow`: a layer with a credential, and one that takes many seconds to read.
const SLOW: &str = r#"
import gzip, hashlib, io, json, os, sys, tarfile
os.makedirs('slow/blobs/sha256')
def blob(bytes, kind):
    digest = hashlib.sha256(bytes).hexdigest()
    open('slow/blobs/sha256/' + digest, 'wb').write(bytes)
    return {'mediaType': 'application/vnd.oci.image.' + kind, 'digest': 'sha256:' + digest, 'size': len(bytes)}
def header(name, size):
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf(tarfile.GNU_FORMAT)
# The larger blob is read first.
text = sys.argv[1].encode() + b'\n'
first = header('app/.env', len(text)) + text.ljust(512, b'\0') + header('app/noise', 8 << 20) + os.urandom(8 << 20) + bytes(1024)
second = gzip.compress(header('app/zeros', 100 << 26)) + gzip.compress(bytes(1 << 26)) * 100 + gzip.compress(bytes(1024))
layers = [blob(first, 'layer.v1.tar'), blob(second, 'layer.v1.tar+gzip')]
ids = [layers[0]['digest'], 'sha256:' + '0' * 64]
config = blob(json.dumps({'architecture': 'amd64', 'os': 'linux', 'rootfs': {'type': 'layers', 'diff_ids': ids}}).encode(), 'config.v1+json')
manifest = blob(json.dumps({'schemaVersion': 2, 'config': config, 'layers': layers}).encode(), 'manifest.v1+json')
json.dump({'schemaVersion': 2, 'manifests': [manifest]}, open('slow/index.json', 'w'))
json.dump({'imageLayoutVersion': '1.0.0'}, open('slow/oci-layout', 'w'))
print(*(layer['digest'].split(':')[1] for layer in layers))
"#;

#[test]
fn a_scan_that_is_killed_has_kept_the_layers_that_it_read() {
    let folder = tempfile::tempdir().unwrap();
    let secret = Planted::password();
    let line = format!("DB_PASSWORD={}", secret.text());
    let digests = tool(Command::new("python3").args(["-c", SLOW, &line]).current_dir(folder.path()));
    let blobs: Vec<_> =
        digests.split_whitespace().map(|name| folder.path().join("slow/blobs/sha256").join(name)).collect();
    let cache = folder.path().join("kept");
    let args = ["scan", "oci:slow", "--format", "json", "--cache", "kept", "--jobs", "1"];
    let mut command = Command::new(e2e::programs::program("oakum").unwrap());
    let command = command.args(args).current_dir(folder.path()).stdout(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    while !cache.is_dir() || entries(&cache) == 0 {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before anything was kept");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None, "it had ended by itself");
    let bytes = all_bytes(&cache);
    assert_eq!(secret.trace_in(&bytes), None);

    // What it read is known without being read, and what it was at is not.
    let length = usize::try_from(fs::metadata(&blobs[0]).unwrap().len()).unwrap();
    fs::write(&blobs[0], vec![0; length]).unwrap();
    fs::write(&blobs[1], "").unwrap();
    let report = oakum(folder.path(), args).json();
    assert_eq!(places(&report), ["layer 0 app/.env present"]);
    assert_eq!(report["complete"], false);
}

#[test]
fn what_an_image_gets_wrong_besides_is_told_and_fails_only_if_asked() {
    let builder = Builder::new().unwrap();
    let secret = Planted::password();
    builder.file("tool", "#!/bin/sh\n").unwrap();
    let bad = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY tool /gone\nCOPY tool /bin/tool\n\
        RUN [\"/bin/busybox\", \"chmod\", \"4755\", \"/gone\"]\nRUN [\"/bin/busybox\", \"chmod\", \"2755\", \"/bin/tool\"]\n\
        RUN [\"/bin/busybox\", \"rm\", \"/gone\"]\nCOPY tool /root/.netrc\nADD tool /bin/tool.sh\nENV PASSWORD=@env@\n";
    builder.build("bad", &bad.replace("@env@", secret.text()), &[]);
    builder.build("good", "FROM scratch\nCOPY busybox /bin/busybox\nUSER 1000\n", &[]);
    builder.push("bad", "oci", "bad");
    builder.push("good", "oci", "good");
    let scan = |more: &[&str]| oakum(builder.path(), ["scan"].iter().chain(more));

    let ran = scan(&["oci:bad", "--lint", "--format", "json"]);
    let report = ran.json();
    assert_eq!((ran.code, secret.trace_in(ran.out.as_bytes())), (1, None), "{}", ran.err);
    let told: BTreeMap<String, Vec<String>> = report["lint"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lint| {
            let place = |place: &Value| match place["path"].as_str() {
                Some(path) => format!("{path} {}", place["state"].as_str().unwrap()),
                None => place["field"].as_str().unwrap().to_owned(),
            };
            let cis = lint["cis"].as_str().unwrap_or("-");
            let places = lint["places"].as_array().unwrap().iter().map(place).collect();
            (format!("{} {cis}", lint["id"].as_str().unwrap()), places)
        })
        .collect();
    assert_eq!(told["image.root 4.1"], ["User"]);
    assert_eq!(told["image.no-healthcheck 4.6"], ["Healthcheck"]);
    assert_eq!(told["image.add-file 4.9"].len(), 1, "{told:?}");
    // What a later layer deleted is no program any more.
    assert_eq!(told["image.set-id 4.8"], ["bin/tool present"]);
    assert_eq!(told["image.credential-file -"], ["root/.netrc present"]);
    assert!(told["image.credential 4.10"].iter().any(|field| field.starts_with("Env[")), "{told:?}");
    assert!(!told.contains_key("image.update-alone 4.7"), "{told:?}");
    // It is told only if asked for, the same with a cache, and in every form that has room for it.
    assert!(scan(&["oci:bad", "--format", "json"]).json().get("lint").is_none());
    for run in ["cold", "warm"] {
        let cached = scan(&["oci:bad", "--lint", "--format", "json", "--cache", "kept"]).json();
        assert_eq!(timeless(&cached), timeless(&report), "{run}");
    }
    for format in ["text", "jsonl", "html", "sarif", "junit", "csv", "gitlab", "github"] {
        let ran = scan(&["oci:bad", "--lint", "--format", format]);
        assert!(ran.out.contains("image.set-id") && ran.out.contains("bin/tool"), "{format}: {}", ran.out);
    }
    // No health check: that fails nothing unless it is asked to.
    let codes = [&["--lint"][..], &["--fail-on", "lint"], &[]].map(|more| scan(&[&["oci:good"], more].concat()).code);
    assert_eq!(codes, [0, 1, 0]);
}

#[test]
fn an_image_that_says_what_it_is_built_on_is_told_apart_by_it() {
    let builder = Builder::new().unwrap();
    let [below, above] = std::array::from_fn(|_| Planted::password());
    builder.file("base.env", &format!("DB_PASSWORD={}\n", below.text())).unwrap();
    builder.file("app.env", &format!("DB_PASSWORD={}\n", above.text())).unwrap();
    // Without a command the history tells nothing.
    builder.build("base", "FROM scratch\nCOPY busybox /bin/busybox\nCOPY base.env /etc/base.env\n", &[]);
    // Buildah makes a name of the path, which must be lower case.
    let name = format!("oakum-base-{}", std::process::id());
    let folder = tempfile::Builder::new().prefix(&name).rand_bytes(0).tempdir().unwrap();
    let all = folder.path().join("all").display().to_string();
    builder.push("base", "oci", &all);
    // Buildah notes the digest of what it builds on, as it was pulled.
    let pulled = format!("FROM oci:{all}:base:latest\nCOPY app.env /app/.env\n");
    builder.build("app", &pulled, &[]);
    builder.push("app", "oci", &all);
    let ran = oakum(folder.path(), ["scan", "oci:all:app:latest", "--format", "json"]);
    let report = ran.json();
    let places = report["findings"].as_array().unwrap().iter().flat_map(|f| f["places"].as_array().unwrap());
    let told: BTreeMap<_, _> = places
        .map(|p| (p["path"].as_str().unwrap(), (p["layer"]["base"].clone(), p["layer"]["base_by"].clone())))
        .collect();
    let labels = |base: bool| (Value::from(base), Value::from("labels"));
    assert_eq!(told, BTreeMap::from([("app/.env", labels(false)), ("etc/base.env", labels(true))]), "{}", ran.err);
}
