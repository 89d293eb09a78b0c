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
const FILES: [(&str, &[u8]); 28] = [
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
    // Of git's, whatever the fuzzer makes of them, and two that it fills: see below.
    ("a.pack", b"PACK\0\0\0\x02\0\0\0\x02"),
    ("a.zlib", &[0x78, 0x01]),
    (PACK, b""),
    (LOOSE, b""),
    ("a.txt", b""),
];

const PACK: &str = "filled.pack";
const LOOSE: &str = "filled";

/// A stream with its checksum, which a fuzzer does not find: what is in it is reached.
fn zlib(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    let content = &content[..usize::from(length)];
    let (a, b) = content.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65521;
        (a, (b + a) % 65521)
    });
    let stored = [&[0x78, 0x01, 1][..], &length.to_le_bytes(), &(!length).to_le_bytes()].concat();
    [&stored, content, &(b << 16 | a).to_be_bytes()].concat()
}

/// A pack: of each object a byte says its kind, one its base, and one how long it is.
fn pack(mut data: &[u8]) -> Vec<u8> {
    let (mut bytes, mut starts) = (Vec::new(), Vec::new());
    while let [kind, base, length, rest @ ..] = data {
        let (content, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        data = rest;
        starts.push(bytes.len());
        let length = u8::try_from(content.len()).unwrap_or(u8::MAX);
        bytes.extend([kind % 8 << 4 | 0x80 | (length & 15), length >> 4]);
        match kind % 8 {
            6 => {
                let back = bytes.len() - 2 - starts[usize::from(*base) % starts.len()];
                // What is farther than 128 bytes is told by two, of which the first counts from one.
                if back >= 128 {
                    bytes.push(0x80 | (((back - 128) >> 7) & 0x7f) as u8);
                }
                bytes.push((back & 0x7f) as u8);
            }
            7 => bytes.extend([*base; 20]),
            _ => {}
        }
        bytes.extend(zlib(content));
    }
    let count = u32::try_from(starts.len()).unwrap_or(u32::MAX);
    [&b"PACK\0\0\0\x02"[..], &count.to_be_bytes(), &bytes, &[0; 20]].concat()
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else { return };
    let (name, begin) = FILES[usize::from(*kind) % FILES.len()];
    let text = match name {
        PACK => pack(rest),
        LOOSE => zlib(&[b"blob 9\0", rest].concat()),
        _ => [begin, rest].concat(),
    };
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
