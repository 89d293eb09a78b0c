//! What layers of images were found to hold, kept between runs in a folder (`--cache`): a file for each layer, rule set,
//! build and limits, so that a change of any of them is a miss. There is no secret in it: a finding is kept as its preview
//! and its fingerprint, and a layer that has a secret in the name of a file is not kept.
//!
//! Several processes may use the folder at once, and be killed at any moment: a file is written beside its place and
//! renamed, and one that is not whole, or that somebody wrote who does not have the folder's own key, is passed over.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::finding::{Preview, Span};
use crate::fingerprint::Fingerprint;
use crate::lint::Flaw;
use crate::origin::{Changes, Permissions};
use crate::source::Why;

const MAGIC: &[u8] = b"oakum.cache/1\n";
const MAC: usize = 32;
/// The largest file that is read back, in bytes.
const MOST: u64 = 512 << 20;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long a file stays that nobody asks for.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);

/// A layer, as far as a later scan needs it.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Of all its contents.
    pub(crate) bytes: u64,
    /// Its contents.
    pub(crate) blobs: u64,
    /// Those in which something was found.
    pub(crate) contents: Vec<Content>,
    /// What was passed over: how many, and the first few.
    pub(crate) skipped: Vec<(Why, u64, Vec<Way>)>,
    /// What is wrong with its files besides.
    pub(crate) flaws: Vec<(Flaw, Way)>,
    /// What it does to the layers below.
    #[serde(skip)]
    pub(crate) changes: Changes,
}

/// A file of the layer, or what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Way {
    /// The path of the file, and those of what is in one another in it.
    pub(crate) path: Vec<String>,
    pub(crate) permissions: Option<Permissions>,
}

/// A content with findings.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) hits: Vec<Kept>,
    pub(crate) ways: Vec<Way>,
}

/// What is kept of a finding in a content.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The rule's id.
    pub(crate) rule: String,
    /// 0 possible, 1 likely, 2 certain.
    pub(crate) confidence: u8,
    /// The same for the same secret, whichever rule finds it; keyed like the fingerprint.
    pub(crate) identity: Fingerprint,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) preview: Preview,
    pub(crate) span: Span,
    pub(crate) key: Option<String>,
    pub(crate) surprise: u32,
}

/// The folder.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    own: Own,
    /// The first thing that went wrong while it was written.
    problem: Mutex<Option<String>>,
}

/// The folder's own key.
struct Own(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Own(..)")
    }
}

impl Cache {
    /// Opens the folder, and makes it if it is not there.
    ///
    /// # Errors
    /// If it cannot be made or read.
    pub fn open(root: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        Ok(Self { root: root.to_owned(), own: Own(key_of(root)?), problem: Mutex::default() })
    }

    /// What went wrong while it was written, if anything did: the scan is as good without it.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().ok().and_then(|mut problem| problem.take())
    }

    /// The seed of hashes of paths, which layers' changes are kept by: whoever does not know it cannot name a file so that
    /// another seems to be overwritten.
    pub(crate) fn seed(&self) -> u64 {
        let mac = self.mac(&[b"paths"]);
        u64::from_le_bytes([mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], mac[6], mac[7]])
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; MAC] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.own.0).expect("HMAC takes a key of any length");
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(&name[..2]).join(&name[2..])
    }

    /// The entry of a name, which has 32 hex digits.
    pub(crate) fn load(&self, name: &str) -> Option<Entry> {
        let file = File::open(self.path(name)).ok()?;
        let metadata = file.metadata().ok()?;
        let length = usize::try_from(metadata.len()).ok().filter(|_| metadata.len() <= MOST)?;
        let mut bytes = Vec::with_capacity(length);
        (&file).take(MOST).read_to_end(&mut bytes).ok()?;
        let (body, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
        let mut expected = Hmac::<Sha256>::new_from_slice(&*self.own.0).ok()?;
        expected.update(name.as_bytes());
        expected.update(body);
        expected.verify_slice(mac).ok()?;
        let entry = decode(body)?;
        // Once a day is enough to tell what is in use. A folder that cannot be written to is read all the same.
        if metadata.modified().is_ok_and(|then| then.elapsed().is_ok_and(|age| age > DAY)) {
            drop(file.set_modified(SystemTime::now()));
        }
        Some(entry)
    }

    /// Keeps an entry.
    pub(crate) fn store(&self, name: &str, entry: &Entry) {
        if let Err(error) = self.write(name, entry)
            && let Ok(mut problem) = self.problem.lock()
        {
            problem.get_or_insert_with(|| format!("cannot write the cache {}: {error}", self.root.display()));
        }
    }

    fn write(&self, name: &str, entry: &Entry) -> io::Result<()> {
        let mut bytes = encode(entry)?;
        let mac = self.mac(&[name.as_bytes(), &bytes]);
        bytes.extend_from_slice(&mac);
        if bytes.len() as u64 > MOST {
            return Ok(());
        }
        let path = self.path(name);
        let folder = path.parent().unwrap_or(&self.root);
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let temporary = temporary(&self.root);
        let written = private(&temporary).and_then(|mut file| file.write_all(&bytes));
        written.and_then(|()| fs::rename(&temporary, &path)).inspect_err(|_| drop(fs::remove_file(&temporary)))
    }

    /// Removes, once a day, what nobody has asked for in a month, and what killed processes left.
    pub fn sweep(&self) {
        let mark = self.root.join("swept");
        let age = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).ok().and_then(|then| then.elapsed().ok());
        if age(&mark).is_some_and(|age| age < DAY) || File::create(&mark).is_err() {
            return;
        }
        let list = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        for path in list(&self.root) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if name.starts_with("tmp-") && age(&path).is_some_and(|age| age > DAY) {
                drop(fs::remove_file(&path));
            } else if name.len() == 2 && path.is_dir() {
                list(&path).filter(|path| age(path).is_some_and(|age| age > UNUSED)).for_each(|path| {
                    drop(fs::remove_file(path));
                });
            }
        }
    }
}

fn temporary(root: &Path) -> PathBuf {
    root.join(format!("tmp-{}-{:016x}", std::process::id(), getrandom::u64().unwrap_or_default()))
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// The folder's key. Of several processes that make one at once, all get the same.
fn key_of(root: &Path) -> io::Result<Zeroizing<[u8; 32]>> {
    let path = root.join("key");
    let mut key = Zeroizing::new([0; 32]);
    if !path.exists() {
        getrandom::fill(&mut *key).map_err(|error| io::Error::other(error.to_string()))?;
        let temporary = temporary(root);
        let made = private(&temporary).and_then(|mut file| {
            file.write_all(&*key)?;
            file.sync_all()?;
            fs::hard_link(&temporary, &path)
        });
        drop(fs::remove_file(&temporary));
        match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other?,
        }
    }
    File::open(&path)?.read_exact(&mut *key)?;
    Ok(key)
}

fn encode(entry: &Entry) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(entry)?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&(json.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&json);
    let changes = &entry.changes;
    for list in [&changes.puts, &changes.folders, &changes.deletes, &changes.hides] {
        bytes.extend_from_slice(&(list.len() as u64).to_le_bytes());
        list.iter().for_each(|hash| bytes.extend_from_slice(&hash.to_le_bytes()));
    }
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Option<Entry> {
    let mut rest = bytes.strip_prefix(MAGIC)?;
    let json = count(&mut rest)?;
    let mut entry: Entry = serde_json::from_slice(take(&mut rest, json)?).ok()?;
    let changes = &mut entry.changes;
    for list in [&mut changes.puts, &mut changes.folders, &mut changes.deletes, &mut changes.hides] {
        let length = count(&mut rest)?.checked_mul(8)?;
        *list = take(&mut rest, length)?.as_chunks::<8>().0.iter().map(|hash| u64::from_le_bytes(*hash)).collect();
    }
    rest.is_empty().then_some(entry)
}

fn take<'b>(rest: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn count(rest: &mut &[u8]) -> Option<usize> {
    usize::try_from(u64::from_le_bytes(take(rest, 8)?.try_into().ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Key;

    const NAME: &str = "0123456789abcdef0123456789abcdef";

    fn way(path: &[&str]) -> Way {
        let permissions = Some(Permissions { mode: 0o644, uid: 1, gid: 2 });
        Way { path: path.iter().map(|part| (*part).to_owned()).collect(), permissions }
    }

    fn entry() -> Entry {
        let fingerprint = Key::constant().fingerprint("x", b"y");
        let hit = Kept {
            rule: "a.b".into(),
            confidence: 1,
            identity: fingerprint,
            fingerprint,
            preview: Preview::of(b"0123456789", 2).about("x"),
            span: Span { line: 1, column: 2, end_line: 3, end_column: 4 },
            key: Some("k".into()),
            surprise: 5,
        };
        Entry {
            bytes: 7,
            blobs: 2,
            contents: vec![Content { hits: vec![hit], ways: vec![way(&["a", "b"])] }],
            skipped: vec![(Why::Symlink, 3, vec![way(&["c"])])],
            flaws: vec![(Flaw::SetId, way(&["d"]))],
            changes: Changes { puts: vec![1, u64::MAX], folders: vec![], deletes: vec![2], hides: vec![3] },
        }
    }

    #[test]
    fn an_entry_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        assert_eq!(cache.load(NAME), None);
        cache.store(NAME, &entry());
        assert_eq!(cache.problem(), None);
        assert_eq!(cache.load(NAME), Some(entry()));
        let again = Cache::open(folder.path()).unwrap();
        assert_eq!((again.load(NAME), again.seed()), (Some(entry()), cache.seed()));
    }

    #[test]
    fn what_is_not_whole_or_not_ours_is_a_miss() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        cache.store(NAME, &entry());
        let path = cache.path(NAME);
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(cache.load(NAME), None, "{length}");
        }
        for at in 0..whole.len() {
            let mut other = whole.clone();
            other[at] ^= 1;
            fs::write(&path, other).unwrap();
            assert_eq!(cache.load(NAME), None, "{at}");
        }
        // One in the place of another.
        let other = NAME.replace('0', "9");
        fs::create_dir_all(cache.path(&other).parent().unwrap()).unwrap();
        fs::write(cache.path(&other), &whole).unwrap();
        assert_eq!(cache.load(&other), None);
        // Without the check that would refuse it, no text makes the reader fail.
        for length in 0..whole.len() - MAC {
            assert_eq!(decode(&whole[..length]), None, "{length}");
        }
        assert_eq!(decode(&whole[..whole.len() - MAC]), Some(entry()));
    }

    #[test]
    fn what_nobody_uses_goes_after_a_month() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let other = NAME.replace('0', "9");
        cache.store(NAME, &entry());
        cache.store(&other, &entry());
        let old = |path: &Path| {
            File::options().write(true).open(path).unwrap().set_modified(SystemTime::now() - UNUSED - DAY).unwrap();
        };
        let left = folder.path().join("tmp-1-2");
        fs::write(&left, "half").unwrap();
        [cache.path(NAME), cache.path(&other), left.clone()].iter().for_each(|path| old(path));
        // It is in use again.
        assert!(cache.load(&other).is_some());
        cache.sweep();
        assert!(!cache.path(NAME).exists() && !left.exists());
        assert!(cache.path(&other).exists() && folder.path().join("key").exists());
    }
}
