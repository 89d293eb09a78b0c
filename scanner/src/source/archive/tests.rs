use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use super::*;
use crate::origin::Image;

/// Writes down what a walk gives.
#[derive(Default)]
pub(super) struct Notes {
    contents: Mutex<Vec<(String, Vec<u8>)>>,
    /// What is scanned as it stands.
    pub(super) plain: Mutex<Vec<u8>>,
    skipped: Mutex<Vec<(Why, String)>>,
}

impl Sink for Notes {
    fn content(&self, origin: Origin, content: &mut dyn Read) -> io::Result<()> {
        let mut bytes = Vec::new();
        let read = content.take(1 << 20).read_to_end(&mut bytes).and_then(|_| io::copy(content, &mut io::sink()));
        let (_, members) = origin.split();
        self.contents.lock().unwrap().push((members.join(" › "), bytes));
        read.map(drop)
    }

    fn bytes(&self, _: Origin, content: &mut dyn Read) -> io::Result<()> {
        content.read_to_end(&mut self.plain.lock().unwrap()).map(drop)
    }

    fn skipped(&self, why: Why, origin: &Origin) {
        self.skipped.lock().unwrap().push((why, origin.split().1.join(" › ")));
    }

    fn shared(&self, _: &Arc<Image>, _: usize, _: &Arc<Image>, _: usize) {}
}

impl Notes {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self::named("outer.bin", bytes)
    }

    pub(super) fn named(name: &str, bytes: &[u8]) -> Self {
        let notes = Self::default();
        let kind = Kind::of(&bytes[..bytes.len().min(HEAD)]).expect("an archive");
        walk(kind, &Origin::File(name.into()), bytes, &mut io::empty(), &Limits::default(), &notes).unwrap();
        notes
    }

    pub(super) fn names(&self) -> Vec<String> {
        let contents = self.contents.lock().unwrap();
        contents.iter().map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn text(&self, name: &str) -> Vec<u8> {
        let contents = self.contents.lock().unwrap();
        contents.iter().find(|(known, _)| known == name).map(|(_, bytes)| bytes.clone()).unwrap_or_default()
    }

    pub(super) fn skipped(&self) -> Vec<(Why, String)> {
        self.skipped.lock().unwrap().clone()
    }
}

/// Runs a program in a folder with a file `a.txt` and a folder `b` with `c.txt`, and gives what it wrote to `out`.
fn made_by(script: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "first").unwrap();
    std::fs::create_dir(folder.path().join("b")).unwrap();
    std::fs::write(folder.path().join("b/c.txt"), "second ".repeat(20_000)).unwrap();
    let ran = Command::new("sh").args(["-ec", script]).current_dir(folder.path()).stderr(Stdio::inherit()).status();
    assert!(ran.unwrap().success(), "{script}");
    std::fs::read(folder.path().join("out")).unwrap()
}

const ZIP: &str = "python3 -c \"
import zipfile
with zipfile.ZipFile('out', 'w', zipfile.METHOD) as z:
    z.write('a.txt'); z.write('b/c.txt')
\"";

#[test]
fn members_of_every_kind_are_read() {
    let second = "second ".repeat(20_000).into_bytes();
    for script in [
        ZIP.replace("METHOD", "ZIP_STORED").as_str(),
        &ZIP.replace("METHOD", "ZIP_DEFLATED"),
        &ZIP.replace("METHOD", "ZIP_BZIP2"),
        // Sizes behind the data, as everything writes that cannot go back.
        "python3 -c \"
import zipfile, sys
with zipfile.ZipFile(sys.stdout.buffer, 'w', zipfile.ZIP_DEFLATED) as z:
    z.write('a.txt'); z.write('b/c.txt')
\" | cat > out",
        "python3 -c \"
import zipfile, sys
with zipfile.ZipFile(sys.stdout.buffer, 'w', zipfile.ZIP_STORED) as z:
    z.write('a.txt'); z.write('b/c.txt')
\" | cat > out",
        "tar -cf out a.txt b/c.txt",
        "tar -czf out a.txt b/c.txt",
        "tar -cjf out a.txt b/c.txt",
        "tar -cJf out a.txt b/c.txt",
        "tar --zstd -cf out a.txt b/c.txt",
        "tar --lzma -cf out a.txt b/c.txt",
    ] {
        let notes = Notes::of(&made_by(script));
        assert_eq!(notes.names(), ["a.txt", "b/c.txt"], "{script}");
        assert_eq!((notes.text("a.txt"), notes.text("b/c.txt") == second), (b"first".to_vec(), true), "{script}");
        assert_eq!(notes.skipped(), [], "{script}");
    }
}

/// A cpio as its manual describes it, which is in no basic installation.
fn cpio(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in files.iter().chain([&("TRAILER!!!", &b""[..])]) {
        let fields = [0, 0o100_644, 0, 0, 1, 0, bytes.len(), 0, 0, 0, 0, name.len() + 1, 0];
        out.extend(b"070701");
        fields.iter().for_each(|field| out.extend(format!("{field:08x}").bytes()));
        out.extend(name.bytes());
        out.push(0);
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend(*bytes);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    out
}

#[test]
fn initial_file_systems_and_packages_of_rpm_are_read() {
    let first = cpio(&[("./etc/a", b"first"), ("b", b"second")]);
    // One behind another, as boot loaders take them.
    let notes = Notes::of(&[first.clone(), vec![0; 300], gzip(&cpio(&[("c", b"third")]))].concat());
    assert_eq!(notes.names(), ["etc/a", "b", "c"]);
    assert_eq!(notes.skipped(), []);
    let header = |data: &[u8]| {
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&[0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0, 0, 0, 0, 0], &length[..], data].concat()
    };
    let lead = [&[0xed, 0xab, 0xee, 0xdb][..], &[0; 92]].concat();
    let rpm = [lead, header(b"12345"), vec![0; 3], header(b"echo script"), gzip(&first)].concat();
    let notes = Notes::of(&rpm);
    assert_eq!(notes.names(), ["etc/a", "b"]);
    assert_eq!(*notes.plain.lock().unwrap(), b"12345echo script");
    assert_eq!(notes.skipped(), []);
}

#[test]
fn one_packed_file_is_called_by_its_stem() {
    for (program, ending) in [("gzip", "gz"), ("bzip2", "bz2"), ("xz", "xz"), ("zstd -q", "zst")] {
        let notes = Notes::named(&format!("logs/app.log.{ending}"), &made_by(&format!("{program} -c b/c.txt > out")));
        assert_eq!(notes.names(), ["app.log"], "{program}");
        assert_eq!(notes.text("app.log").len(), 140_000);
    }
}

#[test]
fn a_package_of_debian_has_all_its_members() {
    let notes = Notes::of(&made_by(
        "mkdir -p p/DEBIAN p/etc; echo secret > p/etc/app.conf; \
         printf 'Package: a\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@example.com>\\nDescription: a\\n' > p/DEBIAN/control; \
         dpkg-deb -Zxz --root-owner-group -b p out >/dev/null",
    ));
    assert_eq!(notes.names(), ["debian-binary", "control.tar.xz › control", "data.tar.xz › etc/app.conf"]);
}

#[test]
fn archives_in_archives_are_opened() {
    let notes = Notes::of(&made_by(
        "python3 -c \"
import zipfile
with zipfile.ZipFile('app.jar', 'w') as z: z.write('a.txt')
with zipfile.ZipFile('app.war', 'w', zipfile.ZIP_DEFLATED) as z: z.write('app.jar', 'WEB-INF/lib/app.jar')
\"; tar -czf out app.war",
    ));
    assert_eq!(notes.names(), ["app.war › WEB-INF/lib/app.jar › a.txt"]);
    assert_eq!(notes.skipped(), []);
}

#[test]
fn what_cannot_be_read_is_told() {
    // A cut off end.
    let zip = made_by(&ZIP.replace("METHOD", "ZIP_DEFLATED"));
    let notes = Notes::of(&zip[..zip.len() / 3]);
    assert!(notes.skipped().iter().any(|(why, _)| *why == Why::Truncated), "{:?}", notes.skipped());
    // A method that nobody knows, and a member behind it.
    let mut odd = made_by(&ZIP.replace("METHOD", "ZIP_STORED"));
    odd[8] = 77;
    let notes = Notes::of(&odd);
    assert_eq!((notes.skipped(), notes.names()), (vec![(Why::Compression, "a.txt".into())], vec!["b/c.txt".into()]));
    odd[6] |= 1;
    assert_eq!(Notes::of(&odd).skipped(), [(Why::Encrypted, "a.txt".into())]);
    assert_eq!(Notes::of(b"7z\xbc\xaf\x27\x1c....").skipped(), [(Why::Compression, String::new())]);
}

/// Where a mark is in an archive, behind its first byte.
fn mark(archive: &[u8], mark: &[u8]) -> usize {
    memchr::memmem::find(&archive[1..], mark).unwrap() + 1
}

#[test]
fn what_the_directory_of_a_zip_names_is_read_or_told() {
    let zip = made_by(&ZIP.replace("METHOD", "ZIP_DEFLATED"));
    let (second, directory) = (mark(&zip, b"PK\x03\x04"), mark(&zip, b"PK\x01\x02"));
    let second_text = "second ".repeat(20_000).into_bytes();
    // Something between members, as where they are aligned, or before the directory, as where a package is signed.
    for at in [second, directory] {
        let notes = Notes::of(&[&zip[..at], b"hidden PK and PK\x03\x04\xff\xff", &zip[at..]].concat());
        assert_eq!((notes.names(), notes.skipped()), (vec!["a.txt".into(), "b/c.txt".into()], vec![]), "{at}");
        assert!(notes.plain.lock().unwrap().starts_with(b"hidden PK and PK\x03\x04\xff\xff"));
        assert!(notes.text("b/c.txt") == second_text);
    }
    // One behind another: other programs begin at the end.
    let other = made_by("python3 -c \"import zipfile; zipfile.ZipFile('out', 'w').write('a.txt', 'd.txt')\"");
    let notes = Notes::of(&[&zip[..], &other].concat());
    assert_eq!((notes.names().join(" "), notes.skipped()), ("a.txt b/c.txt d.txt".into(), vec![]));
    // A directory that is none ends nothing.
    let notes = Notes::of(&[&zip[..second], b"PK\x05\x06", &[0; 18], &zip[second..]].concat());
    assert_eq!(notes.names(), ["a.txt", "b/c.txt"]);
    // One that leads to where no member begins.
    let mut lost = zip.clone();
    lost[second] = b'X';
    let notes = Notes::of(&lost);
    assert_eq!((notes.names(), notes.skipped()), (vec!["a.txt".into()], vec![(Why::Malformed, "b/c.txt".into())]));
    assert!(notes.plain.lock().unwrap().starts_with(b"XK\x03\x04"));
    // More breaks than anything has.
    let notes = Notes::of(&[&zip[..second], &[b"PK\x05\x06", &[0; 18][..], b"x"].concat().repeat(2000)].concat());
    assert_eq!(notes.skipped(), [(Why::Malformed, String::new())]);
}

#[test]
fn what_was_stored_without_a_size_ends_where_that_is_said() {
    let script = |write: &str| {
        format!(
            "python3 -c \"
import zipfile, sys
with zipfile.ZipFile(sys.stdout.buffer, 'w', zipfile.ZIP_STORED) as z:
    {write}
\" | cat > out"
        )
    };
    // One in another, which has descriptors of its own, and a folder.
    let inner = made_by(&script("z.write('a.txt')"));
    let folder = script("z.write('b'); z.write('inner', 'x.zip'); z.write('b/c.txt')");
    let hex: String = inner.iter().map(|b| format!("{b:02x}")).collect();
    let bytes = format!("python3 -c \"open('inner', 'wb').write(bytes.fromhex('{hex}'))\"; {folder}");
    let notes = Notes::of(&made_by(&bytes));
    assert_eq!((notes.names(), notes.skipped()), (vec!["x.zip › a.txt".into(), "b/c.txt".into()], vec![]));
    assert_eq!(notes.text("x.zip › a.txt"), b"first");
    assert_eq!(notes.text("b/c.txt").len(), 140_000);
    // Without its end it is read to that of the archive.
    let notes = Notes::of(&inner[..inner.len() / 4]);
    assert!(notes.skipped().iter().any(|(why, _)| *why == Why::Truncated), "{:?}", notes.skipped());
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
fn bombs_end() {
    // Packed again and again: what is beyond the depth is not opened.
    let deep = (0..20).fold(vec![0; 1000], |inner, _| gzip(&inner));
    let notes = Notes::of(&deep);
    assert!(notes.skipped().iter().any(|(why, _)| *why == Why::Limit), "{:?}", notes.skipped());
    // A gigabyte of zeros and more, in a few kilobytes.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..1100 {
        packed.write_all(&zeros).unwrap();
    }
    let notes = Notes::of(&gzip(&packed.finish().unwrap()));
    assert!(notes.skipped().iter().any(|(why, _)| *why == Why::Limit), "{:?}", notes.skipped());
    // A window of a gigabyte.
    let notes = Notes::of(&[0x28, 0xb5, 0x2f, 0xfd, 0, 20 << 3, 0, 0, 0, 0]);
    assert_eq!(notes.skipped(), [(Why::Limit, String::new())]);
    // An archive whose rest looks like the same archive.
    let mut block = vec![0; 512];
    block[257..262].copy_from_slice(b"ustar");
    assert_eq!(Notes::of(&block.repeat(4)).skipped(), [(Why::Malformed, String::new())]);
}

/// Members of both kinds whose sizes are behind them, and a directory.
static STREAMED: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
    made_by(
        "python3 -c \"
import zipfile, sys
with zipfile.ZipFile(sys.stdout.buffer, 'w') as z:
    z.write('a.txt'); z.write('b/c.txt', compress_type=zipfile.ZIP_DEFLATED)
\" | cat > out",
    )
});

proptest::proptest! {
    #[test]
    fn no_change_of_a_zip_makes_it_panic(changes in proptest::collection::vec(proptest::prelude::any::<(u16, u8)>(), 1..6), cut: u16) {
        let mut bytes = STREAMED.clone();
        for (at, byte) in changes {
            // The mark at the beginning stays, or it is no zip.
            let at = 4 + usize::from(at) % (bytes.len() - 4);
            if byte.is_multiple_of(3) { bytes.insert(at, byte) } else { bytes[at] = byte }
        }
        bytes.truncate(HEAD.max(bytes.len() - usize::from(cut) % 64));
        let notes = Notes::default();
        walk(Kind::Zip, &Origin::Stdin, &bytes, &mut io::empty(), &Limits::default(), &notes).unwrap();
    }

    #[test]
    fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 600..1200), kind in 0usize..6) {
        let magics: [&[u8]; 6] =
            [b"PK\x03\x04", b"!<arch>\n", b"070701", &[0xed, 0xab, 0xee, 0xdb], &[0x1f, 0x8b, 8], b"BZh91AY"];
        bytes[..magics[kind].len()].copy_from_slice(magics[kind]);
        if let Some(kind) = Kind::of(&bytes[..HEAD]) {
            let notes = Notes::default();
            walk(kind, &Origin::Stdin, &bytes, &mut io::empty(), &Limits::default(), &notes).unwrap();
        }
    }
}

#[test]
fn what_a_script_carries_is_opened_and_the_script_is_read() {
    let zipapp = made_by(
        "mkdir app; mv a.txt app/; echo 'print(1)' > app/__main__.py; python3 -m zipapp app -p /bin/python3 -o out",
    );
    let notes = Notes::of(&zipapp);
    assert_eq!(notes.text("a.txt"), b"first");
    assert!(notes.plain.lock().unwrap().starts_with(b"#!/bin/python3\n"));
    // Its directory counts from the beginning of the script.
    assert_eq!(notes.skipped(), []);
    let installer = made_by("printf '#!/bin/sh\ntail -n +3 $0 | tar xz\n' > out; tar c a.txt b | gzip >> out");
    let notes = Notes::of(&installer);
    assert_eq!((notes.text("a.txt"), notes.skipped()), (b"first".to_vec(), Vec::new()));
    assert_eq!(notes.text("b/c.txt").len(), 7 * 20_000);
    // What only looks like one.
    assert_eq!(Kind::of(b"#!/bin/sh\nPK\x03\x04 is how a zip begins\nBZh9"), None);
    assert_eq!(Kind::of(b"#!/bin/sh\necho PK"), None);
    let notes = Notes::of(b"#!/bin/sh\n\x1f\x8b\x08\0 and no more");
    assert!(notes.plain.lock().unwrap().starts_with(b"#!/bin/sh\n"));
    assert_eq!(notes.skipped()[0].1, "");
}
