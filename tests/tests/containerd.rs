//! Images in containerd's own store, read in place while it runs and after.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;

use e2e::images::Builder;
use e2e::planted::Planted;
use e2e::programs::{oakum, tool};
use e2e::servers::containerd::Containerd;
use serde_json::Value;

const NAME: &str = "docker.io/library/web:1";

#[test]
fn a_store_of_containerd_is_read_in_place() {
    let builder = Builder::new().unwrap();
    let secret = Planted::password();
    builder.file("app.env", &format!("DB_PASSWORD={}\n", secret.text())).unwrap();
    let dockerfile = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY app.env /app/.env\nRUN [\"/bin/busybox\", \"rm\", \"/app/.env\"]\n";
    builder.build("web", dockerfile, &[]);
    builder.push("web", "oci", "oci");
    builder.copy(&[], "oci:oci:web:latest", &format!("oci-archive:web.tar:{NAME}"));
    let mut containerd = Containerd::start().unwrap();
    let archive = builder.path().join("web.tar");
    tool(containerd.ctr().args(["images", "import", "--no-unpack"]).arg(&archive));
    tool(containerd.ctr().args(["--namespace", "k8s.io", "images", "import", "--no-unpack"]).arg(&archive));
    // Names enough that they are on many pages of the database.
    for number in 0..200 {
        tool(containerd.ctr().args(["images", "tag", NAME, &format!("example.com/team/web:{number:0100}")]));
    }
    let key = builder.path().join("key");
    fs::write(&key, "one key for all of them").unwrap();
    let scan =
        |target: &str| oakum(builder.path(), ["scan", "--format", "json", "--key-file", key.to_str().unwrap(), target]);
    let local = scan("oci:oci").json();
    let layer = |report: &Value| report["findings"][0]["places"][0]["layer"].clone();
    let root = containerd.root().display().to_string();
    let manifest = {
        let listed = tool(containerd.ctr().args(["images", "ls", &format!("name=={NAME}")]));
        listed.split_whitespace().find(|word| word.starts_with("sha256:")).unwrap().to_owned()
    };
    for (target, name) in [
        (format!("containerd:[{root}]web:1"), NAME),
        (format!("containerd:[k8s.io@{root}]{NAME}"), NAME),
        (format!("containerd:[k8s.io@{root}]"), NAME),
        (format!("containerd:[default@{root}]"), NAME),
        (format!("containerd:[{root}]{manifest}"), NAME),
        (format!("containerd:[{root}]example.com/team/web:{:0100}", 199), "example.com"),
    ] {
        let ran = scan(&target);
        assert_eq!(ran.code, 1, "{target}: {}{}", ran.err, ran.out);
        let report = ran.json();
        assert_eq!(report["complete"], true, "{target}: {report:#}");
        assert_eq!(report["findings"].as_array().unwrap().len(), 1, "{target}: {report:#}");
        assert_eq!(report["findings"][0]["fingerprint"], local["findings"][0]["fingerprint"], "{target}");
        let place = &report["findings"][0]["places"][0];
        assert_eq!((&place["state"], &place["path"]), (&"deleted".into(), &"app/.env".into()), "{report:#}");
        assert!(layer(&report)["image"].as_str().unwrap().starts_with(name), "{report:#}");
        assert_eq!(layer(&report)["digest"], layer(&local)["digest"], "{target}");
        assert_eq!(secret.trace_in(format!("{}{}", ran.out, ran.err).as_bytes()), None);
    }
    let missing = scan(&format!("containerd:[k8s.io@{root}]other"));
    assert!(missing.code == 2 && missing.err.contains(&format!("it has {NAME}")), "{}", missing.err);

    // A layer that containerd has thrown away is a gap.
    let digest = layer(&local)["digest"].as_str().unwrap().to_owned();
    for namespace in ["default", "k8s.io"] {
        tool(containerd.ctr().args(["--namespace", namespace, "content", "rm", &digest]));
    }
    tool(containerd.ctr().args(["images", "tag", NAME, "example.com/other:1"]));
    tool(containerd.ctr().args(["images", "rm", "--sync", "example.com/other:1"]));
    let collected = scan(&format!("containerd:[{root}]web:1"));
    let report = collected.json();
    assert_eq!((collected.code, &report["complete"]), (3, &false.into()), "{report:#}");
    let skipped = &report["summary"]["skipped"][0];
    assert_eq!((&skipped["why"], &skipped["count"]), (&"missing from the image".into(), &1.into()), "{report:#}");

    // What is left when it has ended, and then without its database.
    tool(containerd.ctr().args(["images", "import", "--no-unpack"]).arg(&archive));
    containerd.stop();
    assert_eq!(scan(&format!("containerd:[{root}]web:1")).code, 1);
    let database = containerd.root().join("io.containerd.metadata.v1.bolt/meta.db");
    let file = OpenOptions::new().write(true).open(&database).unwrap();
    file.write_all_at(&[0; 16384], 0).unwrap();
    let broken = scan(&format!("containerd:[{root}]web:1"));
    assert!(broken.code == 2 && broken.err.contains("by the digest of its manifest"), "{}", broken.err);
    assert_eq!(scan(&format!("containerd:[{root}]{manifest}")).code, 1);
    fs::remove_file(&database).unwrap();
    assert_eq!(scan(&format!("containerd:[{root}]{manifest}")).code, 1);
}
