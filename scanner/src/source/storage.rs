//! Images in the store of Podman, Buildah and CRI-O (containers/storage), read in place. A layer lies there as a folder of
//! files, and beside it what else its tar had (tar-split: headers, padding, deleted files): together they are that tar
//! again, to the byte, so that its digest is checked like any other's.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::json;

use super::image::base::BuiltOn;
use super::image::digest::Digest;
use super::image::entries::normal;
use super::image::store::{Fetch, RemotePart};
use super::image::unfold::gap;
use super::image::{Images, Kind};
use super::{Limits, SourceError, Why};

/// Where the store is if nobody says where.
const ROOT: &str = "/var/lib/containers/storage";
const OWN_ROOT: &str = ".local/share/containers/storage";
/// The drivers that keep layers as folders, and where.
const DRIVERS: [(&str, &str, &str); 2] = [("overlay", "overlay", "diff"), ("vfs", "vfs/dir", "")];
/// The largest list of images or layers that is read, in bytes.
const MOST_LIST: u64 = 256 << 20;
const MOST_LAYERS: usize = 10_000;
/// The longest stretch of a tar that is no file's content, as one entry has it.
const MOST_SEGMENT: u64 = 64 << 20;

#[derive(Deserialize)]
struct StoredImage {
    id: String,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    layer: String,
}

#[derive(Deserialize)]
struct StoredLayer {
    id: String,
    #[serde(default)]
    parent: String,
    #[serde(default, rename = "diff-size")]
    size: u64,
}

/// A store, as a target names it: `[DRIVER@ROOT+RUNROOT]NAME`, of which the bracket may be missing.
struct Place {
    root: PathBuf,
    driver: Option<String>,
    name: String,
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        let Some(rest) = text.strip_prefix('[') else {
            let own = std::env::var_os("HOME").map(|home| Path::new(&home).join(OWN_ROOT));
            let root = [Some(PathBuf::from(ROOT)), own].into_iter().flatten().find(|root| root.is_dir());
            return Some(Self { root: root.unwrap_or_else(|| ROOT.into()), driver: None, name: text.to_owned() });
        };
        let (place, name) = rest.split_once(']')?;
        let (driver, place) = match place.split_once('@') {
            Some((driver, place)) => (Some(driver.to_owned()), place),
            None => (None, place),
        };
        let root = place.split(['+', ':']).next().filter(|root| !root.is_empty())?;
        Some(Self { root: root.into(), driver, name: name.to_owned() })
    }
}

/// Opens an image of a store, by a name or the beginning of its id; without a name all that have one.
///
/// # Errors
/// If there is no store, or no such image in it.
pub fn open(text: &str, limits: &Limits) -> Result<Images, SourceError> {
    let target = format!("containers-storage:{text}");
    let form =
        |why: &str, hint: &str| SourceError::Form { target: target.clone(), why: why.into(), hint: Some(hint.into()) };
    let place = Place::parse(text).ok_or_else(|| {
        form(
            "it is no name of an image",
            "as in containers-storage:localhost/web:1, or [overlay@ROOT]NAME for another store",
        )
    })?;
    let open = |error| SourceError::Open { target: target.clone(), error };
    let known = |driver: &str| place.driver.as_ref().is_none_or(|wanted| wanted == driver);
    let driver = DRIVERS
        .into_iter()
        .filter(|(driver, ..)| known(driver))
        .find(|(driver, ..)| place.root.join(format!("{driver}-images")).is_dir())
        .ok_or_else(|| {
            form("there is no store of overlay or vfs", "podman info says where it is: [overlay@ROOT]NAME")
        })?;
    let (driver, layers_at, diff) = driver;
    let images: Vec<StoredImage> = list(&place.root.join(format!("{driver}-images/images.json"))).map_err(open)?;
    let layers: Vec<StoredLayer> = list(&place.root.join(format!("{driver}-layers/layers.json"))).map_err(open)?;
    let layers: HashMap<String, StoredLayer> = layers.into_iter().map(|layer| (layer.id.clone(), layer)).collect();
    let wanted: Vec<&StoredImage> = images.iter().filter(|image| is_wanted(image, &place.name)).collect();
    if wanted.is_empty() {
        let mut names: Vec<&str> = images.iter().flat_map(|image| image.names.iter().map(String::as_str)).collect();
        names.sort_unstable();
        names.truncate(10);
        return Err(form(&format!("the store has no image {}", place.name), &format!("it has {}", names.join(", "))));
    }

    let (mut parts, mut manifest) = (Vec::new(), Vec::new());
    let mut stored = HashMap::new();
    for image in wanted {
        let folder = place.root.join(format!("{driver}-images")).join(&image.id);
        let read = |name: &str| small(&folder.join(file_of(name)), limits.json);
        let Some(id) = Digest::of_hex(&image.id) else { continue };
        let config = format!("{}.json", image.id);
        if let Ok(bytes) = read(id.as_str()) {
            parts.push(RemotePart::Held { name: config.clone(), bytes });
        }
        if let Ok(bytes) = read("manifest") {
            parts.push(RemotePart::Held { name: format!("{}-manifest.json", image.id), bytes });
        }
        let mut chain = VecDeque::new();
        let mut at = image.layer.as_str();
        while let Some(layer) = layers.get(at).filter(|_| chain.len() < MOST_LAYERS) {
            // A name that leads elsewhere is none.
            let safe = layer.id.bytes().all(|b| b.is_ascii_alphanumeric());
            let name = format!("{}/layer.tar", layer.id);
            if safe && !stored.contains_key(&name) {
                parts.push(RemotePart::Pulled { name: name.clone(), size: layer.size });
                let files = place.root.join(layers_at).join(&layer.id).join(diff);
                let split = place.root.join(format!("{driver}-layers")).join(format!("{}.tar-split.gz", layer.id));
                stored.insert(name.clone(), Stored { files, split });
            }
            chain.push_front(name);
            at = &layer.parent;
        }
        manifest.push(json!({"Config": config, "RepoTags": image.names, "Layers": chain}));
    }
    parts.push(RemotePart::Held { name: "manifest.json".into(), bytes: json!(manifest).to_string().into_bytes() });
    Images::remote(Kind::Storage, text, parts, Box::new(Layers { stored }), limits, &BuiltOn::new())
}

fn is_wanted(image: &StoredImage, name: &str) -> bool {
    if name.is_empty() {
        return !image.names.is_empty();
    }
    let id = name.strip_prefix("sha256:").unwrap_or(name);
    let is_id = id.len() >= 12 && id.bytes().all(|b| b.is_ascii_hexdigit()) && image.id.starts_with(id);
    is_id || image.names.iter().any(|known| is_called(known, name))
}

/// Whether a name that is short, or has no tag, is that of an image.
pub(super) fn is_called(known: &str, name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    let tagged = if last.contains(':') || name.contains('@') { name.to_owned() } else { format!("{name}:latest") };
    let hosts = ["localhost/", "docker.io/library/", "docker.io/"];
    known == tagged || hosts.iter().any(|host| known.strip_prefix(host) == Some(&tagged))
}

/// What a part of an image is called in its folder.
fn file_of(name: &str) -> String {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    if plain { name.to_owned() } else { format!("={}", STANDARD.encode(name)) }
}

fn small(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn list<T: for<'de> Deserialize<'de>>(path: &Path) -> io::Result<Vec<T>> {
    serde_json::from_reader(BufReader::new(File::open(path)?).take(MOST_LIST)).map_err(io::Error::from)
}

/// A layer: its files, and what else its tar had.
#[derive(Debug)]
struct Stored {
    files: PathBuf,
    split: PathBuf,
}

#[derive(Debug)]
struct Layers {
    stored: HashMap<String, Stored>,
}

impl Fetch for Layers {
    fn open(&self, part: &str, _: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let stored = self.stored.get(part).ok_or_else(|| gap(Why::Missing))?;
        let split = File::open(&stored.split).map_err(|_| gap(Why::Missing))?;
        let split = MultiGzDecoder::new(BufReader::new(split));
        let entries = serde_json::Deserializer::from_reader(BufReader::new(split)).into_iter();
        Ok(Box::new(Assembled { files: &stored.files, entries, now: Box::new(io::empty()), left: 0 }))
    }
}

/// What tar-split writes down of a tar, one after another.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    name_raw: Option<String>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    payload: Option<String>,
}

/// A file of the layer, as [`Entry::kind`] has it; the other kind is a stretch of the tar as it is.
const FILE: u8 = 1;

/// A tar that is put together again.
struct Assembled<'a, R: Read> {
    files: &'a Path,
    entries: serde_json::StreamDeserializer<'static, serde_json::de::IoRead<R>, Entry>,
    now: Box<dyn Read + Send>,
    /// Of the stretch that is being read.
    left: u64,
}

impl<R: Read> Assembled<'_, R> {
    /// Begins the next stretch. `false` at the end.
    fn next(&mut self) -> io::Result<bool> {
        let Some(entry) = self.entries.next() else { return Ok(false) };
        let entry = entry.map_err(|_| gap(Why::Malformed))?;
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| gap(Why::Malformed));
        if entry.kind == FILE {
            self.left = entry.size.unwrap_or(0);
            if self.left > 0 {
                let name = match entry.name_raw {
                    Some(raw) => decode(&raw)?,
                    None => entry.name.unwrap_or_default().into_bytes(),
                };
                self.now = Box::new(within(self.files, &normal(&name))?);
            }
        } else {
            let bytes = decode(&entry.payload.unwrap_or_default())?;
            if bytes.len() as u64 > MOST_SEGMENT {
                return Err(gap(Why::Limit));
            }
            self.left = bytes.len() as u64;
            self.now = Box::new(Cursor::new(bytes));
        }
        Ok(true)
    }
}

impl<R: Read> Read for Assembled<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 {
            if !self.next()? {
                return Ok(0);
            }
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let n = self.now.read(&mut buffer[..most])?;
        // A file that is shorter than it was is not the layer's any more.
        if n == 0 && most > 0 {
            return Err(gap(Why::Truncated));
        }
        self.left -= n as u64;
        Ok(n)
    }
}

/// Opens a file below a folder. Names come from the image: no link on the way is followed, so that none leads out.
pub(super) fn within(folder: &Path, name: &str) -> io::Result<File> {
    const O_NONBLOCK: i32 = 0o4000;
    const O_NOFOLLOW: i32 = 0o400_000;
    let mut path = folder.to_owned();
    for part in name.split('/') {
        if !std::fs::symlink_metadata(&path)?.is_dir() || part == ".." {
            return Err(gap(Why::Malformed));
        }
        path.push(part);
    }
    let file = std::fs::OpenOptions::new().read(true).custom_flags(O_NONBLOCK | O_NOFOLLOW).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(gap(Why::Malformed)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_skopeo_reads_them() {
        let place = Place::parse("[vfs@/a/b+/run/x:opt=1]localhost/web:1").unwrap();
        assert_eq!(
            (place.root, place.driver.as_deref(), place.name.as_str()),
            (PathBuf::from("/a/b"), Some("vfs"), "localhost/web:1")
        );
        assert_eq!(Place::parse("[/a/b]web").unwrap().root, PathBuf::from("/a/b"));
        assert!(Place::parse("[overlay@").is_none());
        assert_eq!(Place::parse("web").unwrap().name, "web");
    }

    #[test]
    fn images_are_found_as_podman_finds_them() {
        let image = StoredImage {
            id: "ca1ca5135bc08d7a".repeat(4),
            names: vec!["localhost/web:latest".into(), "docker.io/library/web:1".into()],
            layer: String::new(),
        };
        for name in ["web", "localhost/web", "web:1", "docker.io/library/web:1", "ca1ca5135bc0", ""] {
            assert!(is_wanted(&image, name), "{name}");
        }
        for name in ["web:2", "eb", "ca1ca", "other"] {
            assert!(!is_wanted(&image, name), "{name}");
        }
        assert_eq!((file_of("manifest"), file_of("a:b")), ("manifest".into(), "=YTpi".into()));
    }

    #[test]
    fn no_name_leads_out_of_a_layer() {
        let folder = tempfile::tempdir().unwrap();
        let layer = folder.path().join("layer");
        std::fs::create_dir_all(layer.join("etc")).unwrap();
        std::fs::write(layer.join("etc/a"), "inside").unwrap();
        std::fs::write(folder.path().join("b"), "outside").unwrap();
        std::os::unix::fs::symlink(folder.path(), layer.join("out")).unwrap();
        std::os::unix::fs::symlink("../b", layer.join("b")).unwrap();
        assert!(within(&layer, "etc/a").is_ok());
        for name in ["out/b", "b", "../b", "etc", "etc/../../b"] {
            assert!(within(&layer, name).is_err(), "{name}");
        }
    }
}
