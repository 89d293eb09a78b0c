//! A database of containerd's in which bytes are changed, and any bytes as one: the reader of bolt's trees, and what is
//! made of the names in it.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use oakum::source::{Limits, containerd};

/// Small, so that a short input reaches all of it.
const PAGE: usize = 512;
const BUCKET: u32 = 1;
const LEAF: u64 = 2;
const META: u64 = 4;

/// A store, which each run writes its database into.
static STORE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("there is room");
    let content = folder.path().join("io.containerd.content.v1.content/blobs/sha256");
    for folder in [&content, &folder.path().join("io.containerd.metadata.v1.bolt")] {
        std::fs::create_dir_all(folder).expect("there is room");
    }
    std::fs::write(content.join("0".repeat(64)), b"{\"manifests\": []}").expect("there is room");
    folder
});

/// A page's header: its number, what it is, and how many elements it has.
fn header(number: u64, kind: u64, count: u64) -> Vec<u8> {
    [number.to_le_bytes(), (kind | count << 16).to_le_bytes()].concat()
}

/// A meta whose checksum fits: nothing behind one that does not is ever looked at.
fn meta(number: u64, transaction: u64, pages: u64) -> Vec<u8> {
    let mut meta = Vec::new();
    for word in [0xED0C_DAED_u32, 2, 512, 0] {
        meta.extend(word.to_le_bytes());
    }
    for word in [2, 0, 0, pages, transaction] {
        meta.extend(word.to_le_bytes());
    }
    let sum = meta
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    meta.extend(sum.to_le_bytes());
    [header(number, META, 0), meta].concat()
}

/// A leaf with one element, which is a bucket or a value.
fn leaf(number: u64, kind: u32, key: &str, value: &[u8]) -> Vec<u8> {
    let mut page = header(number, LEAF, 1);
    for word in [kind, 16, key.len() as u32, value.len() as u32] {
        page.extend(word.to_le_bytes());
    }
    [page.as_slice(), key.as_bytes(), value].concat()
}

/// A bucket within what holds it.
fn inline(page: &[u8]) -> Vec<u8> {
    [&[0; 16], page].concat()
}

/// An image `web:1` of the namespace `default`.
fn database() -> Vec<u8> {
    let digest = format!("sha256:{}", "0".repeat(64));
    let mut page = leaf(0, 0, "digest", digest.as_bytes());
    for key in ["target", "web:1", "images", "default"] {
        page = leaf(0, BUCKET, key, &inline(&page));
    }
    let root = leaf(2, BUCKET, "v1", &inline(&page));
    let pages = 2 + root.len().div_ceil(PAGE) as u64;
    [meta(0, 1, pages), meta(1, 2, pages), root]
        .map(|mut page| {
            page.resize(page.len().next_multiple_of(PAGE), 0);
            page
        })
        .concat()
}

fuzz_target!(|data: &[u8]| {
    // As it is, or with good metas before it and each page's number in its place, or as places and what is put there.
    let (kind, rest) = data.split_at(data.len().min(1));
    let text = match kind.first().map_or(0, |kind| kind % 8) {
        0 => rest.to_vec(),
        1 => {
            let pages = rest.len().div_ceil(PAGE) as u64 + 2;
            let mut text = [meta(0, 1, pages), meta(1, 2, pages)]
                .map(|mut page| {
                    page.resize(PAGE, 0);
                    page
                })
                .concat();
            for (number, page) in (2_u64..).zip(rest.chunks(PAGE)) {
                let mut page = page.to_vec();
                page.resize(PAGE, 0);
                page[..8].copy_from_slice(&number.to_le_bytes());
                text.extend(page);
            }
            text
        }
        _ => {
            let mut text = database();
            for change in rest.chunks_exact(3) {
                // The metas stay: their checksums would not fit.
                let places = text.len() - 2 * PAGE;
                let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % places;
                text[2 * PAGE + at] = change[2];
            }
            text
        }
    };
    let root = STORE.path();
    std::fs::write(root.join("io.containerd.metadata.v1.bolt/meta.db"), &text).expect("there is room");
    let unchanged = kind == [2] && rest.len() < 3;
    for name in ["", "web:1", &format!("sha256:{}", "0".repeat(64))] {
        let opened = containerd::open(&format!("[{}]{name}", root.display()), &Limits::default());
        // What the changes are made to is a database that is read.
        assert!(!unchanged || opened.is_ok(), "{name}: {opened:?}");
    }
});
