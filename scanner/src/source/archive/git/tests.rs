use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::room::LARGE;
use crate::origin::Origin;
use crate::source::archive::tests::Notes;
use crate::source::archive::{HEAD, Kind, walk};
use crate::source::{Limits, Why};

/// A repository that real git keeps.
struct Repository(tempfile::TempDir);

impl Repository {
    fn new(options: &[&str]) -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&[&["init", "-q", "-b", "main"], options].concat());
        repository
    }

    /// One whose file `src/app.conf` was written, got a password, lost it, and went on for many versions; with another file, a
    /// tag and a file that is nowhere in a tree but below its own name.
    fn with_a_past() -> Self {
        Self::new(&[]).grown()
    }

    fn grown(self) -> Self {
        for version in 0..40 {
            self.write("src/app.conf", &conf(version));
            self.write("README", &format!("version {version}\n"));
            self.commit(&format!("version {version}"));
        }
        self.git(&["tag", "-a", "-m", "a tag with walnut", "v1"]);
        self
    }

    fn git_in(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let mut git = Command::new("git");
        for name in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{name}_NAME"), "a").env(format!("GIT_{name}_EMAIL"), "a@example.com");
            git.env(format!("GIT_{name}_DATE"), "1700000000 +0000");
        }
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        git.args(args).current_dir(self.0.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = git.spawn().unwrap();
        running.stdin.take().unwrap().write_all(input).unwrap();
        let out = running.wait_with_output().unwrap();
        assert!(out.status.success(), "{args:?}");
        out.stdout
    }

    fn git(&self, args: &[&str]) -> String {
        String::from_utf8(self.git_in(args, b"")).unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    /// All that is in it, by the beginning of its name: kind, content, and a path.
    fn objects(&self) -> BTreeMap<String, (String, Vec<u8>, String)> {
        let listed = self.git(&["rev-list", "--objects", "--all"]);
        let one = |line: &str| {
            let (id, path) = line.split_once(' ').unwrap_or((line, ""));
            let kind = self.git(&["cat-file", "-t", id]).trim().to_owned();
            let content = self.git_in(&["cat-file", &kind, id], b"");
            (id[..12].to_owned(), (kind, content, path.to_owned()))
        };
        listed.lines().map(one).filter(|(_, (kind, ..))| kind != "tree").collect()
    }

    /// The only pack, and how many objects in it are changes of others.
    fn packed(&self, options: &[&str]) -> (Vec<u8>, usize) {
        self.git(&[&["repack", "-adfq", "--window=50", "--depth=50"], options].concat());
        let folder = self.0.path().join(".git/objects/pack");
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let pack: Vec<_> = names.filter(|path| path.extension().is_some_and(|end| end == "pack")).collect();
        assert_eq!(pack.len(), 1);
        let listed = self.git(&["verify-pack", "-v", pack[0].to_str().unwrap()]);
        let changes = listed.lines().filter(|line| line.split_whitespace().count() == 7).count();
        (std::fs::read(&pack[0]).unwrap(), changes)
    }

    /// Holds what a walk gave against all that is in it.
    fn is_all_in(&self, notes: &Notes) {
        let objects = self.objects();
        for (id, (kind, content, path)) in &objects {
            let name = format!("{kind} {id}");
            let name = if path.is_empty() || kind != "blob" { name } else { format!("{name} › {path}") };
            assert!(notes.text(&name) == *content, "{name} is not among {:?}", notes.names());
        }
        assert_eq!((notes.names().len(), notes.skipped()), (objects.len(), vec![]));
    }
}

/// A version of a file that is large enough to be kept as a change of another. One has a password.
fn conf(version: usize) -> String {
    let lines = (0..200).map(|line| match line {
        77 if version == 20 => "password = Walnut!942\n".to_owned(),
        77 => format!("password = {}\n", "@".repeat(version)),
        _ => format!("setting_{line} = {}\n", line * (1 + version / 10)),
    });
    lines.collect()
}

#[test]
fn all_of_a_pack_is_read_with_the_paths_that_its_trees_tell() {
    let repository = Repository::with_a_past();
    let (pack, changes) = repository.packed(&[]);
    assert!(changes > 30, "{changes}");
    let notes = Notes::of(&pack);
    repository.is_all_in(&notes);
    // What was deleted later is there, in the version that had it.
    let with_it: Vec<_> = notes.names().into_iter().filter(|name| notes.text(name) == conf(20).into_bytes()).collect();
    assert!(with_it.len() == 1 && with_it[0].ends_with(" › src/app.conf"), "{with_it:?}");
    // Without a tag, blobs come before the trees that name them.
    repository.git(&["tag", "-d", "v1"]);
    repository.is_all_in(&Notes::of(&repository.packed(&[]).0));
    // A pack that is packed once more is one too.
    repository.is_all_in(&Notes::named("a.pack.gz", &gzip(&repository.packed(&[]).0)));
}

#[test]
fn changes_of_what_is_named_are_made_too() {
    let repository = Repository::with_a_past();
    let pack = repository.git_in(&["pack-objects", "-q", "--stdout", "--revs", "--no-reuse-delta", "--all"], b"");
    repository.is_all_in(&Notes::of(&pack));
}

#[test]
fn objects_are_named_by_the_hash_that_their_repository_has() {
    let repository = Repository::new(&["--object-format=sha256"]).grown();
    let (pack, changes) = repository.packed(&[]);
    assert!(changes > 30, "{changes}");
    repository.is_all_in(&Notes::of(&pack));
    let pack = repository.git_in(&["pack-objects", "-q", "--stdout", "--revs", "--all"], b"");
    repository.is_all_in(&Notes::of(&pack));
}

#[test]
fn what_changes_an_object_elsewhere_is_told_and_its_new_text_is_scanned() {
    let repository = Repository::with_a_past();
    repository.write("src/app.conf", &conf(20));
    repository.commit("again");
    repository.write("src/app.conf", &format!("{}and Walnut!943 at the end\n", conf(20)));
    repository.commit("more");
    let pack = repository.git_in(&["pack-objects", "-q", "--stdout", "--revs", "--thin"], b"HEAD\n^HEAD~1\n");
    let notes = Notes::of(&pack);
    let skipped = notes.skipped();
    assert!(
        skipped.iter().any(|(why, name)| *why == Why::NoBase && name.starts_with("change at byte ")),
        "{skipped:?}"
    );
    assert!(String::from_utf8_lossy(&notes.plain.lock().unwrap()).contains("and Walnut!943 at the end\n"));
}

#[test]
fn loose_objects_are_read_by_what_they_begin_with() {
    let repository = Repository::new(&[]);
    repository.write("a/.env", "PASSWORD=Walnut!942\n");
    repository.write("empty", "");
    repository.write("large", &"line\n".repeat(50_000));
    repository.commit("a message with walnut");
    repository.git(&["tag", "-a", "-m", "a tag", "v1"]);
    for level in ["0", "1", "9"] {
        let mut read = 0;
        for (short, (kind, content, _)) in repository.objects() {
            let id = repository.git(&["rev-parse", &short]);
            let (folder, file) = id.trim().split_at(2);
            let path = repository.0.path().join(".git/objects").join(folder).join(file);
            std::fs::remove_file(&path).unwrap();
            let args = ["-c", &format!("core.looseCompression={level}"), "hash-object", "-w", "--stdin", "-t", &kind];
            repository.git_in(&args, &content);
            let notes = Notes::of(&std::fs::read(&path).unwrap());
            assert_eq!((notes.names(), notes.skipped()), (vec![kind.clone()], vec![]), "{level}");
            assert!(notes.text(&kind) == content);
            read += 1;
        }
        assert_eq!(read, 5);
    }
    // A tree is a folder: it has nothing of its own.
    let tree = repository.git(&["rev-parse", "HEAD^{tree}"]);
    let bytes =
        std::fs::read(repository.0.path().join(".git/objects").join(&tree[..2]).join(tree[2..].trim())).unwrap();
    let notes = Notes::of(&bytes);
    assert_eq!((notes.names().len(), notes.skipped()), (0, vec![]));
    // A size that is not so, an end that is missing, and one that is no end.
    let object = zlib(b"blob 99\0Walnut!942");
    assert_eq!(
        (Notes::of(&object).text("blob"), Notes::of(&object).skipped()[0].0),
        (b"Walnut!942".to_vec(), Why::Malformed)
    );
    let object = zlib(&[&b"blob 100000\0"[..], &noise(100_000, 7)].concat());
    assert_eq!(Notes::of(&object[..1000]).skipped()[0].0, Why::Truncated);
    let object = [zlib(b"blob 10\0Walnut!942"), b"behind it".to_vec()].concat();
    assert_eq!(
        (Notes::of(&object).skipped(), Notes::of(&object).plain.lock().unwrap().clone()),
        (vec![], b"behind it".to_vec())
    );
}

#[test]
fn what_is_packed_by_zlib_alone_is_read_and_what_only_begins_so_is_text() {
    let notes = Notes::named("logs/app.log.zlib", &[zlib(b"first\n"), b"second".to_vec()].concat());
    assert_eq!((notes.text("app.log"), notes.skipped()), (b"first\n".to_vec(), vec![]));
    assert_eq!(*notes.plain.lock().unwrap(), b"second");
    assert_eq!(Notes::of(&zlib(&noise(90_000, 3))).text("outer.bin").len(), 90_000);
    let text = "x^2 + y^2 = z^2, and so on\n".repeat(40);
    assert!(text.as_bytes()[0] == 0x78 && u16::from_be_bytes(*b"x^").is_multiple_of(31));
    assert_eq!(Kind::of(&text.as_bytes()[..HEAD]), None);
    // Too little to be sure.
    assert_eq!(Kind::of(&zlib(&noise(4000, 3))[..300]), None);
}

/// What stands before an object of a pack.
fn before(kind: u8, size: usize) -> Vec<u8> {
    let mut bytes = vec![kind << 4 | (size & 15) as u8];
    let mut left = size >> 4;
    while left > 0 {
        *bytes.last_mut().unwrap() |= 0x80;
        bytes.push((left & 0x7f) as u8);
        left >>= 7;
    }
    bytes
}

/// How far back a base is.
fn back(mut distance: usize) -> Vec<u8> {
    let mut bytes = vec![(distance & 0x7f) as u8];
    while distance >> 7 > 0 {
        distance = (distance >> 7) - 1;
        bytes.push(0x80 | (distance & 0x7f) as u8);
    }
    bytes.reverse();
    bytes
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn number(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(0x80 | (number & 0x7f) as u8);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A change that copies all of its base, so often, and inserts a text behind.
fn change(base: usize, times: usize, text: &[u8]) -> Vec<u8> {
    let length = base.to_le_bytes();
    let copy = [0xf0, length[0], length[1], length[2]].repeat(times);
    let insert = if text.is_empty() { Vec::new() } else { [&[text.len() as u8], text].concat() };
    [number(base), number(base * times + text.len()), copy, insert].concat()
}

/// Bytes that nothing packs.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[derive(Default)]
struct Pack {
    bytes: Vec<u8>,
    count: u32,
}

impl Pack {
    /// Adds an object of a kind, with what stands between its size and its stream. Gives where it begins.
    fn add(&mut self, kind: u8, between: &[u8], content: &[u8]) -> usize {
        let at = 12 + self.bytes.len();
        self.bytes.extend([before(kind, content.len()), between.to_vec(), zlib(content)].concat());
        self.count += 1;
        at
    }

    fn change(&mut self, base: usize, content: &[u8]) -> usize {
        let between = back(12 + self.bytes.len() - base);
        self.add(6, &between, content)
    }

    fn whole(&self) -> Vec<u8> {
        [&b"PACK\0\0\0\x02"[..], &self.count.to_be_bytes(), &self.bytes, &[0; 20]].concat()
    }
}

const BLOB: u8 = 3;

#[test]
fn a_base_may_come_behind_its_changes() {
    let base = super::object::Hash::Sha1.name(super::object::Type::Blob, b"password = ");
    let mut name = Vec::new();
    name.extend(base.bytes(20));
    let second = super::object::Hash::Sha1.name(super::object::Type::Blob, b"password = Walnut!942");
    let mut pack = Pack::default();
    // One of one that waits itself.
    pack.add(7, second.bytes(20), &change(21, 1, b"\nand more"));
    pack.add(7, &name, &change(11, 1, b"Walnut!942"));
    pack.add(BLOB, &[], b"password = ");
    let notes = Notes::of(&pack.whole());
    assert_eq!(notes.text(&format!("blob {second}")), b"password = Walnut!942");
    assert!(notes.names().len() == 3 && notes.skipped().is_empty());
    // Without it, what is new is read.
    let mut pack = Pack::default();
    pack.add(7, &name, &change(11, 1, b"Walnut!942"));
    let notes = Notes::of(&pack.whole());
    assert_eq!(notes.skipped(), [(Why::NoBase, "change at byte 12".into())]);
    assert_eq!(*notes.plain.lock().unwrap(), b"\nWalnut!942");
}

#[test]
fn what_there_is_no_room_for_is_told_and_its_new_text_is_scanned() {
    let mut pack = Pack::default();
    let first = pack.add(BLOB, &[], b"password = ");
    let second = pack.change(first, &change(11, 1, b"Walnut!941"));
    for seed in 0..2 + LARGE.stored as u64 / (1 << 20) {
        pack.add(BLOB, &[], &noise(1 << 20, seed));
    }
    // The small ones are worth more than the large ones that nobody asked for.
    pack.change(second, &change(21, 1, b"!"));
    let last = pack.add(BLOB, &[], &noise(LARGE.object, 99));
    pack.change(last, &change(LARGE.object, 1, b" Walnut!942"));
    let notes = Notes::of(&pack.whole());
    assert_eq!(notes.names().iter().filter(|name| notes.text(name) == b"password = Walnut!941!").count(), 1);
    assert!(
        matches!(&notes.skipped()[..], [(Why::Limit, name)] if name.starts_with("change at byte ")),
        "{:?}",
        notes.skipped()
    );
    assert!(notes.plain.lock().unwrap().ends_with(b"\n Walnut!942"));
    // Of one in another less is held.
    let mut inner = Pack::default();
    let base = inner.add(BLOB, &[], b"password = ");
    for _ in 0..6000 {
        // Each of them asks for the one before, and none for the first.
        inner.add(BLOB, &[], &noise(300, u64::from(inner.count)));
    }
    inner.change(base, &change(11, 1, b"Walnut!943"));
    let mut outer = Pack::default();
    outer.add(BLOB, &[], &inner.whole());
    assert_eq!(Notes::of(&inner.whole()).skipped(), []);
    let notes = Notes::of(&outer.whole());
    assert!(
        matches!(&notes.skipped()[..], [(Why::Limit, name)] if name.contains(" › change at byte ")),
        "{:?}",
        notes.skipped()
    );
    assert_eq!((notes.names().len(), notes.plain.lock().unwrap().clone()), (6001, b"\nWalnut!943".to_vec()));
}

#[test]
fn a_large_blob_is_read_as_it_comes() {
    let large = [noise(LARGE.object, 1), b"password = Walnut!942".to_vec()].concat();
    let mut pack = Pack::default();
    let at = pack.add(BLOB, &[], &large);
    pack.add(BLOB, &[], b"next");
    let notes = Notes::of(&pack.whole());
    assert_eq!(
        (notes.names().len(), notes.names()[0].clone(), notes.skipped()),
        (2, format!("blob at byte {at}"), vec![])
    );
    assert!(notes.text(&format!("blob at byte {at}"))[..] == large[..1 << 20]);
}

#[test]
fn bombs_and_absurd_numbers_end() {
    // A hundred times more from each than from the one before, for a few bytes.
    let mut pack = Pack::default();
    let (mut at, mut size) = (pack.add(BLOB, &[], &[b'a'; 1000]), 1000);
    while size * 20 < LARGE.object {
        at = pack.change(at, &change(size, 20, b""));
        size *= 20;
    }
    for _ in 0..2000 {
        pack.change(at, &change(size, LARGE.object / size, b""));
    }
    let notes = Notes::of(&pack.whole());
    assert!(notes.skipped().iter().any(|(why, _)| *why == Why::Limit));
    assert!(notes.names().len() < 500, "{}", notes.names().len());
    // More than may be made of one.
    let mut pack = Pack::default();
    let at = pack.add(BLOB, &[], &[b'a'; 0xffff]);
    pack.change(at, &change(0xffff, LARGE.object / 0xffff + 1, b"Walnut!942"));
    let notes = Notes::of(&pack.whole());
    assert!(notes.skipped()[0].0 == Why::Limit && notes.plain.lock().unwrap().ends_with(b"\nWalnut!942"));
    // Changes that are none of their base, of themselves, of one before the pack, and of what is in another.
    for bad in [
        &b""[..],
        b"\x01",
        b"\x04\x04\x91",
        b"\x04\x04\xb0\x00\x05",
        b"\x04\x04\0",
        b"\x05\x04\x90\x04",
        b"\x04\x05\x90\x04",
    ] {
        let mut pack = Pack::default();
        let at = pack.add(BLOB, &[], b"1234");
        pack.change(at, bad);
        pack.add(BLOB, &[], b"next");
        let notes = Notes::of(&pack.whole());
        assert!(notes.skipped().iter().any(|(why, _)| *why == Why::Malformed), "{bad:?}: {:?}", notes.skipped());
        assert_eq!(notes.names().len(), 2, "{bad:?}");
    }
    for distance in [0, 13, 1 << 40] {
        let mut pack = Pack::default();
        pack.add(6, &back(distance), &change(4, 1, b""));
        assert_eq!(Notes::of(&pack.whole()).skipped(), [(Why::Malformed, String::new())]);
    }
    // Numbers of too many bits, kinds that are none, and more objects than there are.
    for object in [&[0xb0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1][..], &[0x50], &[0]] {
        let bytes = [b"PACK\0\0\0\x02\0\0\0\x01", object, &[0; 20]].concat();
        assert_eq!(Notes::of(&bytes).skipped(), [(Why::Malformed, String::new())]);
    }
    let mut pack = Pack::default();
    pack.add(BLOB, &[], b"password = Walnut!942");
    pack.count = u32::MAX;
    let notes = Notes::of(&pack.whole());
    assert_eq!((notes.names().len(), notes.skipped()), (1, vec![(Why::Malformed, String::new())]));
    // And fewer.
    let more = [pack.bytes.clone(), pack.bytes.clone()].concat();
    let notes = Notes::of(&Pack { bytes: more, count: 1 }.whole());
    assert_eq!((notes.names().len(), notes.skipped()), (1, vec![(Why::Malformed, String::new())]));
    // What is said of a size is not believed.
    let pack = Pack { bytes: [before(BLOB, 1 << 50), zlib(b"password = Walnut!942")].concat(), count: 1 };
    let notes = Notes::of(&pack.whole());
    assert!(notes.text(&notes.names()[0]) == b"password = Walnut!942" && notes.skipped()[0].0 == Why::Malformed);
}

#[test]
fn a_pack_that_ends_anywhere_is_told() {
    let mut pack = Pack::default();
    let at = pack.add(BLOB, &[], &noise(600, 1));
    let next = pack.change(at, &change(600, 1, b"Walnut!942"));
    pack.add(7, &[7; 20], &change(600, 1, b"Walnut!943"));
    pack.change(next, &change(610, 1, b"Walnut!944"));
    let whole = pack.whole();
    for end in 12..whole.len() {
        let skipped = Notes::of(&whole[..end]).skipped();
        assert!(skipped.iter().any(|(why, _)| matches!(why, Why::Truncated | Why::Malformed)), "{end}: {skipped:?}");
    }
    assert_eq!(Notes::of(&whole).skipped().len(), 1);
}

/// A small repository's pack.
static SMALL_PACK: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
    let repository = Repository::new(&[]);
    for version in 0..3 {
        repository.write("src/app.conf", &conf(version));
        repository.commit("next");
    }
    repository.packed(&[]).0
});

proptest::proptest! {
    #[test]
    fn no_change_of_a_pack_makes_it_panic(changes in proptest::collection::vec(proptest::prelude::any::<(u16, u8)>(), 1..6)) {
        let mut bytes = SMALL_PACK.clone();
        for (at, byte) in changes {
            let at = 8 + usize::from(at) % (bytes.len() - 8);
            if byte.is_multiple_of(3) { bytes.insert(at, byte) } else { bytes[at] = byte }
        }
        let notes = Notes::default();
        walk(Kind::GitPack, &Origin::Stdin, &bytes, &mut std::io::empty(), &Limits::default(), &notes).unwrap();
    }

    #[test]
    fn a_change_gives_what_it_is_made_for(base in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), text in proptest::collection::vec(proptest::prelude::any::<u8>(), 1..100), times in 0usize..4) {
        // A stretch of nothing would be one of the largest.
        let times = if base.is_empty() { 0 } else { times };
        let mut made = vec![7];
        super::delta::apply(&base, &change(base.len(), times, &text), 4096, &mut made).unwrap();
        proptest::prop_assert_eq!(made, [base.repeat(times), text].concat());
    }
}

#[test]
fn git_reads_what_these_tests_make() {
    let repository = Repository::new(&[]);
    let mut pack = Pack::default();
    let at = pack.add(BLOB, &[], b"password = ");
    pack.change(at, &change(11, 3, b"Walnut!942"));
    let mut bytes = pack.whole();
    bytes.truncate(bytes.len() - 20);
    let sum = <sha1::Sha1 as sha1::Digest>::digest(&bytes);
    bytes.extend(sum);
    repository.git_in(&["unpack-objects", "-q"], &bytes);
    let notes = Notes::of(&bytes);
    for name in notes.names() {
        assert_eq!(repository.git_in(&["cat-file", "blob", &name[5..]], b""), notes.text(&name));
    }
    assert!(Path::new(&repository.0.path().join(".git")).is_dir() && notes.names().len() == 2);
}
