//! Archives and layouts made by hand, for what the usual programs do not write.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::digest::Digest;
use super::*;

/// Notes what a source gives.
#[derive(Default)]
struct Recorder {
    contents: Mutex<BTreeSet<(String, String)>>,
    skipped: Mutex<BTreeSet<(Why, String)>>,
    shared: Mutex<usize>,
    flaws: Mutex<BTreeSet<(&'static str, String)>>,
}

impl Sink for Recorder {
    fn content(&self, origin: Origin, content: &mut dyn Read) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        let read = content.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        self.contents.lock().unwrap().insert((origin.describe(), text));
        read.map(|_| ())
    }

    fn skipped(&self, why: Why, origin: &Origin) {
        self.skipped.lock().unwrap().insert((why, origin.describe()));
    }

    fn shared(&self, _: &Arc<Image>, _: usize, _: &Arc<Image>, _: usize) {
        *self.shared.lock().unwrap() += 1;
    }

    fn lints(&self) -> bool {
        true
    }

    fn flaw(&self, flaw: crate::lint::Flaw, origin: &Origin) {
        self.flaws.lock().unwrap().insert((flaw.id(), origin.describe()));
    }
}

impl Recorder {
    fn of(target: &str) -> Result<Self, SourceError> {
        let recorder = Self::default();
        let limits = Limits { jobs: 2, ..Limits::default() };
        Images::open(&Reference::parse(target).unwrap(), &limits)?.walk(&limits, &recorder)?;
        Ok(recorder)
    }

    /// Whether some content with that text came from an origin with that name in it.
    #[track_caller]
    fn has(&self, origin: &str, text: &str) {
        let contents = self.contents.lock().unwrap();
        let found = contents.iter().any(|(o, t)| o.contains(origin) && t == text);
        assert!(found, "no '{text}' at '{origin}' in {contents:#?}");
    }

    fn gaps(&self) -> Vec<(Why, String)> {
        self.skipped.lock().unwrap().iter().filter(|(why, _)| why.is_gap()).cloned().collect()
    }
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A folder in the OCI layout.
struct Layout(TempDir);

impl Layout {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("blobs/sha256")).unwrap();
        fs::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        Self(folder)
    }

    /// Stores a blob and gives its descriptor.
    fn blob(&self, media: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes);
        fs::write(self.0.path().join(digest.part()), bytes).unwrap();
        json!({ "mediaType": media, "digest": digest.to_string(), "size": bytes.len() })
    }

    fn json(&self, media: &str, value: &Value) -> Value {
        self.blob(media, value.to_string().as_bytes())
    }

    /// An image with one layer, and the descriptor of its manifest.
    fn image(&self, architecture: &str, files: &[(&str, &[u8])]) -> Value {
        self.image_of(architecture, &tar(files))
    }

    fn image_of(&self, architecture: &str, layer: &[u8]) -> Value {
        let config = json!({ "os": "linux", "architecture": architecture, "config": { "Env": [format!("ARCH={architecture}")] },
            "rootfs": { "diff_ids": [Digest::of(layer).to_string()] }, "history": [{ "created_by": "COPY" }] });
        let config = self.json("application/vnd.oci.image.config.v1+json", &config);
        let layer = self.blob("application/vnd.oci.image.layer.v1.tar", layer);
        self.json("application/vnd.oci.image.manifest.v1+json", &json!({ "config": config, "layers": [layer] }))
    }

    fn index(&self, manifests: &[Value]) {
        fs::write(self.0.path().join("index.json"), json!({ "manifests": manifests }).to_string()).unwrap();
    }

    fn target(&self, more: &str) -> String {
        format!("oci:{}{more}", self.0.path().display())
    }
}

fn named(mut descriptor: Value, name: &str) -> Value {
    descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
    descriptor
}

fn on(mut descriptor: Value, architecture: &str) -> Value {
    descriptor["platform"] = json!({ "os": "linux", "architecture": architecture });
    descriptor
}

#[test]
fn every_platform_of_a_nested_index_is_read_and_attestations_too() {
    let layout = Layout::new();
    let absent =
        json!({ "digest": Digest::of(b"absent").to_string(), "platform": { "os": "linux", "architecture": "s390x" } });
    let statement = layout.json("application/vnd.in-toto+json", &json!({ "predicate": { "args": "BUILD=one" } }));
    let config = layout.json("application/vnd.oci.image.config.v1+json", &json!({ "os": "unknown" }));
    let attestation =
        layout.json("application/vnd.oci.image.manifest.v1+json", &json!({ "config": config, "layers": [statement] }));
    let inner = json!({ "manifests": [
        on(layout.image("amd64", &[("a", b"first")]), "amd64"),
        on(layout.image("arm64", &[("b", b"second")]), "arm64"),
        absent,
        attestation,
    ] });
    let inner = layout.json("application/vnd.oci.image.index.v1+json", &inner);
    layout.index(&[named(inner, "team/web:1")]);
    let seen = Recorder::of(&layout.target("")).unwrap();
    seen.has("team/web:1 layer 0: a", "first");
    seen.has("team/web:1 layer 0: b", "second");
    seen.has("Env[0] ARCH", "ARCH=arm64");
    seen.has("layers[0]", &json!({ "predicate": { "args": "BUILD=one" } }).to_string());
    assert_eq!(seen.gaps(), [], "an image of another platform that was not saved is no gap");
    assert!(seen.skipped.lock().unwrap().iter().any(|(why, _)| *why == Why::OtherPlatform));
}

#[test]
fn one_image_of_several_is_picked_by_its_name_or_digest() {
    let layout = Layout::new();
    let (one, two) = (layout.image("amd64", &[("a", b"first")]), layout.image("amd64", &[("a", b"second")]));
    let digest = two["digest"].as_str().unwrap().to_owned();
    layout.index(&[named(one, "docker.io/library/web:1"), named(two, "web:2")]);
    let only = |more: &str, text: &str, other: &str| {
        let seen = Recorder::of(&layout.target(more)).unwrap();
        seen.has("layer 0: a", text);
        assert!(!seen.contents.lock().unwrap().iter().any(|(_, t)| t == other), "{more}");
    };
    only(":web:1", "first", "second");
    only(":web:2", "second", "first");
    only(&format!("@{digest}"), "second", "first");
    let error = Recorder::of(&layout.target(":web:3")).err().unwrap();
    assert!(error.to_string().contains("no image web:3"), "{error}");
    assert_eq!(error.hint().unwrap(), "it has docker.io/library/web:1, web:2");
}

#[test]
fn a_layer_that_no_image_names_is_read_and_one_that_is_missing_is_told() {
    let layout = Layout::new();
    layout.blob("", &tar(&[("left", b"behind")]));
    let config = layout.json("", &json!({ "os": "linux" }));
    let gone = json!({ "mediaType": "tar", "digest": Digest::of(b"gone").to_string() });
    let image = layout.json("", &json!({ "config": config, "layers": [gone] }));
    layout.index(&[named(image, "web:1")]);
    let seen = Recorder::of(&layout.target("")).unwrap();
    seen.has("left", "behind");
    assert_eq!(seen.gaps(), [(Why::Missing, "web:1 layer 0".to_owned())]);
}

#[test]
fn an_index_that_leads_to_itself_ends() {
    let layout = Layout::new();
    // A digest cannot be of what holds it, so the blob is not what it is called; nor would a hostile one be.
    let digest = Digest::of(b"itself");
    let index = json!({ "manifests": [{ "digest": digest.to_string() }, { "digest": digest.to_string() }] });
    fs::write(layout.0.path().join(digest.part()), index.to_string()).unwrap();
    layout.index(&[json!({ "digest": digest.to_string() })]);
    let seen = Recorder::of(&layout.target("")).unwrap();
    assert!(seen.gaps().iter().any(|(why, _)| *why == Why::Limit), "{:?}", seen.gaps());
}

#[test]
fn images_of_one_archive_share_what_they_share() {
    let folder = tempfile::tempdir().unwrap();
    let base = tar(&[("base", b"shared")]);
    let config =
        json!({ "os": "linux", "config": { "Env": ["A=b"] }, "history": [{ "created_by": "ADD" }] }).to_string();
    let hex = "1".repeat(64);
    let manifest = json!([
        { "Config": "one.json", "RepoTags": ["web:1"], "Layers": [format!("{hex}/layer.tar")] },
        { "Config": "two.json", "RepoTags": ["web:2"], "Layers": [format!("{hex}/layer.tar")] },
    ]);
    let legacy = format!("{hex}/json");
    let archive = tar(&[
        (&format!("{hex}/layer.tar"), &base),
        ("one.json", config.as_bytes()),
        ("two.json", config.as_bytes()),
        // What old programs read; it says nothing that the configuration does not.
        (&legacy, br#"{"config":{"Env":["A=b"]}}"#),
        ("manifest.json", manifest.to_string().as_bytes()),
    ]);
    let plain = folder.path().join("plain.tar");
    fs::write(&plain, &archive).unwrap();
    let packed = folder.path().join("packed.tar.gz");
    let mut encoder = flate2::write::GzEncoder::new(fs::File::create(&packed).unwrap(), flate2::Compression::fast());
    encoder.write_all(&archive).unwrap();
    encoder.finish().unwrap();
    for path in [&plain, &packed] {
        assert_eq!(recognise(path).unwrap(), Some(Kind::DockerArchive));
        let seen = Recorder::of(&format!("docker-archive:{}", path.display())).unwrap();
        seen.has("web:1 layer 0: base", "shared");
        seen.has("web:2 configuration: Env[0] A", "A=b");
        assert_eq!(*seen.shared.lock().unwrap(), 1, "the layer is read once, for both");
        assert_eq!(seen.gaps(), []);
        assert!(seen.skipped.lock().unwrap().iter().any(|(why, name)| *why == Why::Legacy && name.contains(&legacy)));
    }
}

#[test]
fn what_is_no_image_is_told_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("files.tar"), tar(&[("a", b"b")])).unwrap();
    fs::write(path("text"), "text").unwrap();
    let layout = Layout::new();
    layout.index(&[]);
    let fails = |target: String, words: &str| {
        let error = Recorder::of(&target).err().unwrap();
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.hint().is_some(), "{error}");
    };
    fails(format!("docker-archive:{}", path("files.tar").display()), "has no manifest.json");
    fails(format!("oci-archive:{}", path("text").display()), "it is not a tar");
    fails(format!("docker-archive:{}", layout.0.path().display()), "has no manifest.json");
    fails(format!("oci:{}", path("none").display()), "cannot scan");
    assert_eq!(recognise(&path("files.tar")).unwrap(), None);
    assert_eq!(recognise(layout.0.path()).unwrap(), Some(Kind::Oci));
    fs::write(layout.0.path().join("main.rs"), "").unwrap();
    assert_eq!(recognise(layout.0.path()).unwrap(), None, "a source tree that has a layout's files is a tree");
    assert_eq!(recognise(Path::new("/dev/null")).unwrap(), None);
}

#[test]
fn of_two_entries_of_one_path_the_later_is_judged_and_links_as_what_they_link() {
    let mut builder = tar::Builder::new(Vec::new());
    let mut put = |kind: tar::EntryType, path: &str, mode: u32, link: &str| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        if link.is_empty() {
            builder.append_data(&mut header, path, &b""[..]).unwrap();
        } else {
            builder.append_link(&mut header, path, link).unwrap();
        }
    };
    use tar::EntryType::{Directory, Link, Regular, Symlink};
    put(Regular, "bin/mended", 0o4755, "");
    put(Regular, "bin/spoilt", 0o755, "");
    put(Regular, "bin/su", 0o4755, "");
    // By the target's mode, and by its own where the target is elsewhere.
    put(Link, "bin/sudo", 0o755, "./bin/su");
    put(Link, "bin/other", 0o4755, "bin/elsewhere");
    put(Link, "bin/plain", 0o755, "bin/spoilt");
    put(Symlink, "bin/link", 0o777, "su");
    put(Directory, "srv", 0o777, "");
    put(Directory, "srv", 0o755, "");
    put(Regular, "bin/mended", 0o755, "");
    put(Regular, "bin/spoilt", 0o4755, "");
    let layout = Layout::new();
    layout.index(&[layout.image_of("amd64", &builder.into_inner().unwrap())]);
    let seen = Recorder::of(&layout.target("")).unwrap();
    let flaws = seen.flaws.lock().unwrap();
    let set_id: Vec<&str> =
        flaws.iter().filter(|(id, _)| *id == "image.set-id").map(|(_, at)| at.rsplit(' ').next().unwrap()).collect();
    assert_eq!(set_id, ["bin/other", "bin/spoilt", "bin/su", "bin/sudo"], "{flaws:?}");
    assert!(!flaws.iter().any(|(id, _)| *id == "image.writable"), "{flaws:?}");
}
