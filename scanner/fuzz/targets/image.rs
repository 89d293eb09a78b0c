//! Any file as an image archive: the walker of tars, manifests and configurations, and layers of each compression.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use oakum::fingerprint::Key;
use oakum::scan::{Options, Scan};
use oakum::source::image::{Images, Kind, Reference};
use oakum::source::{Limits, Source, Why};
use oakum_patterns::{Engine, Rule};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(Rule::builtin().to_vec()).expect("the rules are good"));

/// A tar's header, with its checksum, before so many bytes.
fn header(name: &str, size: usize) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    header[257..263].copy_from_slice(b"ustar\0");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header
}

fuzz_target!(|data: &[u8]| {
    let (kind, rest) = data.split_at(data.len().min(1));
    let file = tempfile::NamedTempFile::new().expect("there is room");
    // As it is, or as the parts of a good archive: a manifest that names a configuration and a layer.
    let text = if kind.first().is_none_or(|kind| kind % 2 == 0) {
        rest.to_vec()
    } else {
        let manifest = br#"[{"Config": "c.json", "RepoTags": ["a:1"], "Layers": ["l/layer.tar"]}]"#;
        let (config, layer) = rest.split_at(rest.len() / 2);
        let part = |name: &str, bytes: &[u8]| {
            let mut part = [header(name, bytes.len()), bytes.to_vec()].concat();
            part.resize(part.len().next_multiple_of(512), 0);
            part
        };
        [part("manifest.json", manifest), part("c.json", config), part("l/layer.tar", layer), vec![0; 1024]].concat()
    };
    std::fs::write(file.path(), text).expect("there is room");
    let limits = Limits { unfolded: 1 << 20, jobs: 1, ..Limits::default() };
    for kind in [Kind::DockerArchive, Kind::OciArchive] {
        if let Ok(images) = Images::open(&Reference::all(kind, file.path()), &limits) {
            let scan = Scan::new(&ENGINE, Key::constant(), Options { limits: limits.clone(), ..Options::default() });
            let _ = images.walk(&limits, &scan);
            assert!(!scan.finish().summary.skipped.contains_key(&Why::Fault), "a panic on the way");
        }
    }
});
