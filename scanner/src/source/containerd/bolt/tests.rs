//! Databases made by hand, after the format; `tests/tests/containerd.rs` reads one of containerd's own.

use proptest::prelude::*;

use super::*;

const SIZE: usize = 512;

/// A page of elements: each a key, a value, and whether that is a bucket.
fn leaf_page(number: u64, items: &[(&[u8], Vec<u8>, bool)]) -> Vec<u8> {
    let mut page = header(number, LEAF, items.len());
    let mut data = Vec::new();
    for (index, (key, value, is_bucket)) in items.iter().enumerate() {
        let from = (items.len() - index) * ELEMENT + data.len();
        for number in [usize::from(*is_bucket), from, key.len(), value.len()] {
            page.extend(u32::try_from(number).unwrap().to_le_bytes());
        }
        data.extend_from_slice(key);
        data.extend_from_slice(value);
    }
    page.extend(data);
    page
}

fn branch_page(number: u64, children: &[u64]) -> Vec<u8> {
    let mut page = header(number, BRANCH, children.len());
    for child in children {
        page.extend([0; 8]);
        page.extend(child.to_le_bytes());
    }
    page
}

fn header(number: u64, flags: u16, count: usize) -> Vec<u8> {
    let mut page = number.to_le_bytes().to_vec();
    page.extend(flags.to_le_bytes());
    page.extend(u16::try_from(count).unwrap().to_le_bytes());
    page.extend([0; 4]);
    page
}

fn meta_page(number: u64, root: u64, end: u64, transaction: u64) -> Vec<u8> {
    let mut meta = Vec::new();
    for word in [MAGIC, VERSION, u32::try_from(SIZE).unwrap(), 0] {
        meta.extend(word.to_le_bytes());
    }
    for word in [root, 0, 0, end, transaction] {
        meta.extend(word.to_le_bytes());
    }
    let sum = checksum(&meta);
    meta.extend(sum.to_le_bytes());
    [header(number, 4, 0), meta].concat()
}

fn inline(items: &[(&[u8], Vec<u8>, bool)]) -> Vec<u8> {
    [vec![0; BUCKET_HEADER], leaf_page(0, items)].concat()
}

fn bucket_at(root: u64) -> Vec<u8> {
    [root.to_le_bytes(), [0; 8]].concat()
}

fn file(pages: &[Vec<u8>]) -> Vec<u8> {
    let mut all = Vec::new();
    for page in pages {
        let mut page = page.clone();
        page.resize(page.len().next_multiple_of(SIZE), 0);
        all.extend(page);
    }
    all
}

/// Of containerd's shape: `v1`, a namespace, its images, one whose target is inline.
pub(crate) fn of_images(namespace: &str, images: &[(&str, &str)]) -> Vec<u8> {
    let images: Vec<_> = images
        .iter()
        .map(|(name, digest)| {
            let target = inline(&[(b"digest", digest.as_bytes().to_vec(), false)]);
            (name.as_bytes(), target)
        })
        .collect();
    // What is inline holds no buckets, so each image has a page.
    let mut pages = vec![
        meta_page(0, 2, 1000, 1),
        meta_page(1, 2, 1000, 2),
        leaf_page(2, &[(b"v1", bucket_at(3), true)]),
        leaf_page(3, &[(namespace.as_bytes(), bucket_at(4), true), (b"version", vec![3], false)]),
        leaf_page(4, &[(b"images", bucket_at(5), true)]),
        branch_page(5, &(6..6 + images.len() as u64).collect::<Vec<_>>()),
    ];
    let first = pages.len() + images.len();
    for (index, (name, _)) in images.iter().enumerate() {
        let (number, root) = (pages.len() as u64, (first + index) as u64);
        pages.push(leaf_page(number, &[(name, bucket_at(root), true)]));
    }
    for (_, target) in images {
        let number = pages.len() as u64;
        pages.push(leaf_page(number, &[(b"createdat", vec![1; 15], false), (b"target", target, true)]));
    }
    file(&pages)
}

fn keys(bytes: &Vec<u8>) -> Result<Vec<String>, Fault> {
    fn list(tree: &Tree<'_>, bucket: &Bucket, depth: usize, before: &str, all: &mut Vec<String>) -> Result<(), Fault> {
        let mut inner = Vec::new();
        tree.each(bucket, &mut |key, item| {
            let key = format!("{before}/{}", String::from_utf8_lossy(key));
            match item {
                Item::Value(value) => all.push(format!("{key}={}", value.len())),
                Item::Bucket(bucket) => inner.push((key, bucket)),
            }
            Ok(())
        })?;
        for (key, bucket) in inner.into_iter().filter(|_| depth < 8) {
            list(tree, &bucket, depth + 1, &key, all)?;
        }
        Ok(())
    }
    read(bytes, |tree| {
        let mut all = Vec::new();
        list(tree, &tree.root(), 0, "", &mut all)?;
        Ok(all)
    })
}

#[test]
fn keys_are_found_in_pages_branches_and_inline() {
    let all = keys(&of_images("default", &[("a", "sha256:1"), ("b", "sha256:22")])).unwrap();
    let expected = [
        "/v1/version=1",
        "/v1/default/images/a/createdat=15",
        "/v1/default/images/a/target/digest=8",
        "/v1/default/images/b/createdat=15",
        "/v1/default/images/b/target/digest=9",
    ];
    assert_eq!(all, expected);
}

#[test]
fn the_newest_meta_that_is_whole_counts() {
    let old = leaf_page(2, &[(b"old", vec![], false)]);
    let new = leaf_page(3, &[(b"new", vec![], false)]);
    let good = file(&[meta_page(0, 3, 4, 8), meta_page(1, 2, 4, 7), old, new]);
    assert_eq!(keys(&good).unwrap(), ["/new=0"]);
    for (broken, left) in [(0, "/old=0"), (SIZE, "/new=0")] {
        let mut bytes = good.clone();
        bytes[broken + HEADER + META] ^= 1;
        assert_eq!(keys(&bytes).unwrap(), [left]);
    }
    assert!(matches!(keys(&vec![0; 4096]), Err(Fault::Form)));
}

#[test]
fn what_leads_in_circles_or_nowhere_ends() {
    let circle = file(&[meta_page(0, 2, 4, 1), meta_page(1, 2, 4, 1), branch_page(2, &[2; 30])]);
    assert!(matches!(keys(&circle), Err(Fault::Page(2) | Fault::Limit)));
    // Two that name each other, and wide enough that no depth would end it in time.
    let wide = file(&[
        meta_page(0, 2, 9, 1),
        meta_page(1, 2, 9, 1),
        branch_page(2, &[4, 3, 3, 3]),
        branch_page(3, &[2, 2, 2]),
        leaf_page(4, &[(b"a", vec![], false)]),
    ]);
    assert!(keys(&wide).is_err());
    for child in [0, 1, 9, u64::MAX] {
        let bytes = file(&[meta_page(0, 2, 9, 1), meta_page(1, 2, 9, 1), branch_page(2, &[child])]);
        assert!(matches!(keys(&bytes), Err(Fault::Page(_))), "{child}");
    }
    // A page that says that it is larger than the file.
    let mut bytes = file(&[meta_page(0, 2, u64::MAX, 1), meta_page(1, 2, 9, 0), leaf_page(2, &[])]);
    bytes[2 * SIZE + 12..2 * SIZE + 16].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(keys(&bytes), Err(Fault::Limit)));
}

/// Gives another state each time that it is asked.
struct Busy(Vec<u8>, Cell<u64>, u64);

impl Bytes for Busy {
    fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        if at == 0 {
            self.1.set((self.1.get() + 1).min(self.2));
            let page = file(&[meta_page(0, 2, 3, self.1.get())]);
            return page.read(at, buffer);
        }
        self.0.read(at, buffer)
    }
}

#[test]
fn what_was_written_meanwhile_is_read_anew() {
    let bytes = file(&[vec![0; SIZE], vec![0; SIZE], leaf_page(2, &[(b"a", vec![], false)])]);
    let once = Cell::new(0);
    let count = |tree: &Tree<'_>| {
        once.set(once.get() + 1);
        tree.find(&tree.root(), b"a").map(|found| found.is_some())
    };
    assert!(read(&Busy(bytes.clone(), Cell::new(0), 4), count).unwrap());
    assert_eq!(once.get(), 3);
    assert!(matches!(read(&Busy(bytes, Cell::new(0), u64::MAX), count), Err(Fault::Moving)));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        changes in proptest::collection::vec((2 * SIZE..12 * SIZE, any::<u8>()), 1..40),
        length in 0..12 * SIZE,
    ) {
        let mut bytes = of_images("default", &[("a", "sha256:1"), ("b", "sha256:22")]);
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        let _ = keys(&bytes);
        bytes.truncate(length);
        let _ = keys(&bytes);
    }
}
