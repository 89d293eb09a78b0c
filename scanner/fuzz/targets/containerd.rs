//! Any pages as containerd's database: the reader of bolt's trees, and what is made of the names in it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oakum::source::{Limits, containerd};

/// Small, so that a short input has many pages.
const PAGE: usize = 512;

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
    let mut page = [number.to_le_bytes().to_vec(), 4_u64.to_le_bytes().to_vec(), meta].concat();
    page.resize(PAGE, 0);
    page
}

fuzz_target!(|data: &[u8]| {
    let folder = tempfile::tempdir().expect("there is room");
    let (content, database) = (
        folder.path().join("io.containerd.content.v1.content/blobs/sha256"),
        folder.path().join("io.containerd.metadata.v1.bolt"),
    );
    for folder in [&content, &database] {
        std::fs::create_dir_all(folder).expect("there is room");
    }
    // As it is, or with good metas before it and each page's number in its place.
    let (kind, rest) = data.split_at(data.len().min(1));
    let text = if kind.first().is_none_or(|kind| kind % 4 == 0) {
        rest.to_vec()
    } else {
        let pages = rest.len().div_ceil(PAGE) as u64 + 2;
        let mut text = [meta(0, 1, pages), meta(1, 2, pages)].concat();
        for (number, page) in (2_u64..).zip(rest.chunks(PAGE)) {
            let mut page = page.to_vec();
            page.resize(PAGE, 0);
            page[..8].copy_from_slice(&number.to_le_bytes());
            text.extend(page);
        }
        text
    };
    std::fs::write(database.join("meta.db"), text).expect("there is room");
    std::fs::write(content.join("00"), b"{\"manifests\": [{\"digest\": \"sha256:00\"}]}").expect("there is room");
    let root = folder.path().display();
    for name in ["", "web:1", "sha256:00"] {
        let _ = containerd::open(&format!("[{root}]{name}"), &Limits::default());
    }
});
