//! Any content: as an archive of each kind, as a file of each known format, as text with codes in it. Nothing panics (the
//! scan counts what does as a fault), and what is scanned twice gives the same.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use oakum::fingerprint::Key;
use oakum::origin::Origin;
use oakum::scan::{Options, Scan};
use oakum::source::{Limits, Sink, Why};
use oakum_patterns::{Engine, Rule};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(Rule::builtin().to_vec()).expect("the rules are good"));

/// Names that say of what format a file is, and beginnings that say of what kind an archive.
const FILES: [(&str, &[u8]); 24] = [
    ("a.json", b"{\""),
    ("a.yaml", b"a: "),
    ("a.toml", b"a = "),
    ("a.xml", b"<a>"),
    ("a.ini", b"[a]\na="),
    ("a.properties", b"a="),
    (".env", b"A="),
    (".netrc", b"machine a login b password "),
    (".pgpass", b"a:1:b:c:"),
    ("config.json", b"{\"auths\": {"),
    ("a.ipynb", b"{\"cells\": ["),
    ("terraform.tfstate", b"{\"resources\": ["),
    ("a.zip", b"PK\x03\x04"),
    ("a.a", b"!<arch>\n"),
    ("a.cpio", b"070701"),
    ("a.rpm", &[0xed, 0xab, 0xee, 0xdb]),
    ("a.gz", &[0x1f, 0x8b, 8]),
    ("a.bz2", b"BZh91AY&SY"),
    ("a.xz", &[0xfd, b'7', b'z', b'X', b'Z', 0]),
    // A class with a constant; modules of two versions, which begin with their code; a database of small pages.
    ("A.class", b"\xca\xfe\xba\xbe\0\0\0\x3d\0\x10\x01\0\x08password\x01\0\x0dConstantValue\x08\0\x01"),
    ("a.pyc", b"\x61\x0d\r\n\0\0\0\0\0\0\0\0\0\0\0\0\xe3"),
    ("a.pyc", b"\xf3\x0d\r\n\0\0\0\0\0\0\0\0\0\0\0\0\xe3"),
    ("a.db", b"SQLite format 3\0\x02\0\x01\x01\0\x40\x20\x20"),
    ("a.txt", b""),
];

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else { return };
    let (name, begin) = FILES[usize::from(*kind) % FILES.len()];
    let text = [begin, rest].concat();
    let found = || {
        let limits = Limits { unfolded: 1 << 20, ..Limits::default() };
        let scan = Scan::new(&ENGINE, Key::constant(), Options { limits, ..Options::default() });
        // A content in memory fails only where it is malformed, which is told.
        let _ = scan.content(Origin::File(name.into()), &mut text.as_slice());
        let outcome = scan.finish();
        assert!(!outcome.summary.skipped.contains_key(&Why::Fault), "a panic on the way");
        format!("{:?}", outcome.findings)
    };
    assert_eq!(found(), found());
});
