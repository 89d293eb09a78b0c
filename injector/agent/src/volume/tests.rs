//! The volume on a real tmpfs, and under a kill at each of its steps.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::Duration;

use tempfile::TempDir;

use super::dir::Fuse;
use super::*;

/// A directory in memory. `/dev/shm` is one on every Linux that the tests run on.
fn memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap()
}

fn spec(path: &Path) -> VolumeSpec {
    VolumeSpec { path: path.to_owned(), mode: Mode::parse("0440").unwrap(), group: None, grace: Duration::ZERO }
}

fn open(path: &Path) -> Volume {
    Volume::open(&spec(path)).unwrap()
}

fn name(text: &str) -> FileName {
    FileName::parse(text).unwrap()
}

fn new(content: &str) -> Part {
    Part::New(Mode::parse("0440").unwrap(), Secret::from(content.to_owned()))
}

fn set(files: &[(&str, &str)]) -> BTreeMap<FileName, Part> {
    files.iter().map(|(file, content)| (name(file), new(content))).collect()
}

fn entries(path: &Path) -> Vec<String> {
    let mut all: Vec<String> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    all.sort();
    all
}

fn read(path: &Path, file: &str) -> Option<String> {
    fs::read_to_string(path.join(file)).ok()
}

#[test]
fn files_appear_with_their_mode_under_their_names() {
    let root = memory();
    let mut volume = open(root.path());
    assert_eq!(volume.publish(&set(&[("a", "1"), ("conf/b", "2")]), 1).unwrap(), Published::First);
    assert_eq!(entries(root.path()), ["..data", "..oakum-0000000000000001", "a", "conf"]);
    assert_eq!(read(root.path(), "conf/b").unwrap(), "2");
    let mode = |path: &str| fs::metadata(root.path().join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("a"), mode("..data/"), mode("conf")), (0o440, 0o750, 0o750));
}

#[test]
fn a_generation_replaces_the_one_before_and_takes_away_what_is_not_in_it() {
    let root = memory();
    let mut volume = open(root.path());
    volume.publish(&set(&[("a", "1"), ("b", "1")]), 1).unwrap();
    assert_eq!(volume.publish(&set(&[("a", "2"), ("c", "2")]), 2).unwrap(), Published::Replaced);
    assert_eq!(
        (read(root.path(), "a").unwrap(), read(root.path(), "b"), read(root.path(), "c").unwrap()),
        ("2".into(), None, "2".into())
    );
    // The generation before can still be read by whoever opened its folder, until it is swept.
    assert_eq!(read(root.path(), "..oakum-0000000000000001/b").unwrap(), "1");
    volume.sweep().unwrap();
    assert_eq!(entries(root.path()), ["..data", "..oakum-0000000000000002", "a", "c"]);
}

#[test]
fn what_is_kept_is_the_same_file_and_survives_the_sweep() {
    let root = memory();
    let mut volume = open(root.path());
    volume.publish(&set(&[("a", "1"), ("d/b", "1")]), 1).unwrap();
    let before = fs::metadata(root.path().join("d/b")).unwrap().ino();
    let next = BTreeMap::from([(name("a"), new("2")), (name("d/b"), Part::Kept), (name("never"), Part::Kept)]);
    volume.publish(&next, 2).unwrap();
    volume.sweep().unwrap();
    assert_eq!(read(root.path(), "d/b").unwrap(), "1");
    assert_eq!(fs::metadata(root.path().join("d/b")).unwrap().ino(), before);
    assert_eq!(read(root.path(), "never"), None);
}

#[test]
fn the_same_bytes_make_no_new_generation() {
    let root = memory();
    let mut volume = open(root.path());
    volume.publish(&set(&[("a", "1"), ("d/b", "1")]), 1).unwrap();
    assert_eq!(volume.publish(&set(&[("a", "1"), ("d/b", "1")]), 2).unwrap(), Published::Same);
    assert_eq!(volume.publish(&set(&[("a", "1")]), 3).unwrap(), Published::Replaced);
    let mode = BTreeMap::from([(name("a"), Part::New(Mode::parse("0400").unwrap(), Secret::from("1".to_owned())))]);
    assert_eq!(volume.publish(&mode, 4).unwrap(), Published::Replaced, "a mode that changed is a change");
}

#[test]
fn what_is_swept_is_overwritten_first() {
    let root = memory();
    let mut volume = open(root.path());
    volume.publish(&set(&[("a", "xyzzy")]), 1).unwrap();
    // A second name shows what becomes of the pages when ours is the last but one, and then the last.
    let held = fs::File::open(root.path().join("a")).unwrap();
    volume.publish(&set(&[("a", "other")]), 2).unwrap();
    volume.sweep().unwrap();
    let mut bytes = [1; 5];
    std::os::unix::fs::FileExt::read_exact_at(&held, &mut bytes, 0).unwrap();
    assert_eq!(bytes, [0; 5]);
}

#[test]
fn wiping_leaves_nothing() {
    let root = memory();
    let mut volume = open(root.path());
    volume.publish(&set(&[("a", "1"), ("d/b", "1")]), 1).unwrap();
    volume.publish(&set(&[("a", "2")]), 2).unwrap();
    volume.wipe().unwrap();
    assert_eq!(entries(root.path()), [""; 0]);
}

#[test]
fn a_directory_that_was_missing_is_made_and_taken_away() {
    let root = memory();
    let path = root.path().join("made");
    let mut volume = open(&path);
    volume.publish(&set(&[("a", "1")]), 1).unwrap();
    assert!(path.join("a").exists());
    volume.wipe().unwrap();
    assert!(!path.exists());
}

#[test]
fn what_is_not_in_memory_is_refused() {
    let error = Volume::open(&spec(Path::new("/proc/self"))).err().unwrap();
    assert!(matches!(error, VolumeError::Unusable { .. }), "the last element is a link: {error}");
    let error = Volume::open(&spec(Path::new("/proc/sys"))).err().unwrap();
    assert_eq!(error.to_string(), "cannot write /proc/sys: the volume is on proc, not in memory");
    let error = Volume::open(&spec(Path::new("/proc/nothing"))).err().unwrap();
    assert!(matches!(error, VolumeError::NotInMemory { .. }), "{error}");
}

#[test]
fn a_second_agent_is_kept_out() {
    let root = memory();
    let _first = open(root.path());
    assert!(matches!(Volume::open(&spec(root.path())), Err(VolumeError::InUse { .. })));
}

#[test]
fn nothing_planted_in_the_volume_leads_us_elsewhere() {
    let outside = memory();
    fs::write(outside.path().join("victim"), "precious").unwrap();
    let plant = |root: &Path, at: &str| symlink(outside.path().join("victim"), root.join(at)).unwrap();

    // In place of a file: it is neither followed nor replaced.
    let root = memory();
    plant(root.path(), "a");
    let error = open(root.path()).publish(&set(&[("a", "1")]), 1).err().unwrap();
    assert!(matches!(error, VolumeError::Occupied { .. }), "{error}");
    assert_eq!(entries(root.path()), ["a"]);

    // In place of the published link.
    let root = memory();
    symlink(outside.path(), root.path().join("..data")).unwrap();
    assert!(matches!(Volume::open(&spec(root.path())), Err(VolumeError::Occupied { .. })));

    // As a generation: what is not a directory is not touched, and what is in one is unlinked, not followed.
    let root = memory();
    symlink(outside.path(), root.path().join("..oakum-00000000000000aa")).unwrap();
    fs::create_dir(root.path().join("..oakum-00000000000000bb")).unwrap();
    plant(root.path(), "..oakum-00000000000000bb/x");
    symlink(outside.path(), root.path().join("..oakum-00000000000000bb/y")).unwrap();
    let mut volume = open(root.path());
    volume.publish(&set(&[("a", "1")]), 1).unwrap();
    volume.wipe().unwrap();
    assert_eq!(entries(root.path()), ["..oakum-00000000000000aa"]);

    // In place of the temporary link: it is replaced, not followed.
    let root = memory();
    plant(root.path(), "..data_tmp");
    open(root.path()).publish(&set(&[("a", "1")]), 1).unwrap();

    assert_eq!(read(outside.path(), "victim").unwrap(), "precious");
    assert_eq!(entries(outside.path()), ["victim"]);
}

#[test]
fn a_full_volume_keeps_what_was_published() {
    let root = memory();
    let mut volume = open(root.path());
    volume.publish(&set(&[("a", "1")]), 1).unwrap();
    // A file and a folder cannot have one name: the second write fails half-way through the generation.
    let clash = BTreeMap::from([(name("a"), new("2")), (name("a/b"), new("2"))]);
    assert!(volume.publish(&clash, 2).is_err());
    assert_eq!(entries(root.path()), ["..data", "..oakum-0000000000000001", "a"]);
    assert_eq!(read(root.path(), "a").unwrap(), "1");
}

/// What a reader may see: every file of one generation, and none of another.
fn check_reader(path: &Path) {
    let seen: Vec<String> = ["a", "b", "d/c", "e"].iter().filter_map(|file| read(path, file)).collect();
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "a mix of generations: {seen:?}");
    match seen.first().map(String::as_str) {
        None => {}
        Some("one") => assert_eq!(seen.len(), 3),
        Some("two") => assert_eq!(seen.len(), 3),
        other => panic!("half a file: {other:?}"),
    }
}

/// Publishes a first set, kills at a step of what follows, and shows what the next start makes of it. Gives whether the
/// kill came at all.
fn killed_at(step: u32, what: impl Fn(&mut Volume)) -> bool {
    let root = memory();
    open(root.path()).publish(&set(&[("a", "one"), ("b", "one"), ("d/c", "one")]), 1).unwrap();
    let fuse = Fuse::after(step);
    {
        let dir = Dir::open_root(root.path()).unwrap().with_fuse(&fuse);
        match Volume::with_root(dir, &spec(root.path()), false) {
            Ok(mut volume) => what(&mut volume),
            Err(_) => assert!(fuse.is_burnt()),
        }
    }
    check_reader(root.path());

    // The next start: either set is published, whole, and nothing else is there.
    let mut volume = open(root.path());
    check_reader(root.path());
    let names = entries(root.path());
    let generations = names.iter().filter(|name| name.starts_with("..oakum-")).count();
    assert!(generations <= 1 && !names.iter().any(|name| name == "..data_tmp"), "step {step}: {names:?}");
    for name in &names {
        assert!(root.path().join(name).exists(), "step {step}: `{name}` leads nowhere: {names:?}");
    }
    volume.publish(&set(&[("a", "two"), ("d/c", "two"), ("e", "two")]), 3).unwrap();
    check_reader(root.path());
    volume.wipe().unwrap();
    assert_eq!(entries(root.path()), [""; 0], "step {step}");
    fuse.is_burnt()
}

#[test]
fn after_a_kill_at_any_step_of_publishing_the_next_start_recovers() {
    let publish = |volume: &mut Volume| {
        let _ = volume.publish(&set(&[("a", "two"), ("d/c", "two"), ("e", "two")]), 2);
        let _ = volume.sweep();
    };
    let steps = (0..).take_while(|step| killed_at(*step, publish)).count();
    assert!(steps > 25, "only {steps} steps were there to be killed at");
}

#[test]
fn after_a_kill_at_any_step_of_wiping_the_next_start_recovers() {
    let steps = (0..).take_while(|step| killed_at(*step, |volume| drop(volume.wipe()))).count();
    assert!(steps > 10, "only {steps} steps were there to be killed at");
}

/// A configuration with one volume that has no name, and one named `other`.
fn two(root: &Path) -> oakum_inject::Injection {
    let text = format!(
        "apiVersion: oakum.dev/v1\nkind: Injection\nstores: {{ s: {{ file: {{ path: /a }} }} }}\n\
         volume: {{ path: {0}/one }}\nvolumes: {{ other: {{ path: {0}/two }} }}\n\
         secrets: {{ a: s:x }}\nfiles: {{ x: a#x, 'other:x': a#x, 'other:y': a#x }}\n",
        root.display()
    );
    oakum_inject::Injection::parse(&text, "c").unwrap()
}

#[test]
fn several_volumes_have_each_its_own_files() {
    let root = memory();
    let mut volumes = Volumes::open(&two(root.path())).unwrap();
    let done = volumes.publish(set(&[("x", "1"), ("other:x", "2"), ("other:y", "2")]), 1).unwrap();
    assert!(done.published && !done.replaced && done.changed.len() == 3, "{done:?}");
    assert_eq!((read(root.path(), "one/x").unwrap(), read(root.path(), "two/x").unwrap()), ("1".into(), "2".into()));
    // What changes in one leaves the other's generation as it is.
    let next = BTreeMap::from([(name("x"), Part::Kept), (name("other:x"), new("3")), (name("other:y"), Part::Kept)]);
    let done = volumes.publish(next, 2).unwrap();
    assert!(done.replaced && done.changed == BTreeSet::from([name("other:x")]), "{done:?}");
    assert_eq!((entries(&root.path().join("one")).len(), entries(&root.path().join("two")).len()), (3, 5));
    volumes.sweep().unwrap();
    assert_eq!(entries(&root.path().join("two")), ["..data", "..oakum-0000000000000002", "x", "y"]);
    volumes.wipe().unwrap();
    assert_eq!(entries(root.path()), [""; 0]);
}

#[test]
fn what_one_volume_refuses_holds_up_no_other_and_is_told_when_it_is_there() {
    let root = memory();
    let mut volumes = Volumes::open(&two(root.path())).unwrap();
    volumes.publish(set(&[("x", "1"), ("other:x", "1")]), 1).unwrap();
    fs::create_dir(root.path().join("one/y")).unwrap();
    let next = || set(&[("y", "2"), ("other:x", "2")]);
    volumes.publish(next(), 2).unwrap_err();
    assert_eq!((read(root.path(), "one/x").unwrap(), read(root.path(), "two/x").unwrap()), ("1".into(), "2".into()));
    fs::remove_dir(root.path().join("one/y")).unwrap();
    let done = volumes.publish(next(), 3).unwrap();
    assert!(done.replaced && done.changed.contains(&name("other:x")) && done.changed.contains(&name("y")), "{done:?}");
}

#[test]
fn of_several_volumes_none_is_left_when_one_cannot_be_used() {
    let root = memory();
    fs::write(root.path().join("two"), "").unwrap();
    assert!(Volumes::open(&two(root.path())).is_err());
    assert_eq!(entries(root.path()), ["two"]);
}
