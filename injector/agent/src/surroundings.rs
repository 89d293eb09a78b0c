//! What templates see of the world beside their secrets: variables, files, hashes and the time.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use oakum_inject::Secret;
use oakum_inject::template::Outside;
use oakum_inject::vault_agent::Around;
use ring::{digest, hmac};

use crate::output;

/// The most that a template may read of a file, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Where programs are looked for that are named without a path, on the command line or in a configuration of Vault Agent.
/// The variable `PATH` is not asked: whoever could set it could run what they like.
pub(crate) const PROGRAMS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// This process, and the machine that it is on.
pub(crate) struct Surroundings;

impl Outside for Surroundings {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &str) -> Result<Secret, String> {
        let path = Path::new(path);
        let failed = |error: &std::io::Error| format!("cannot read {}: {}", path.display(), output::reason(error));
        let size = std::fs::metadata(path).map_err(|error| failed(&error))?.len();
        if size > MAX_FILE {
            return Err(format!("{} is larger than {MAX_FILE} bytes", path.display()));
        }
        std::fs::read(path).map(Secret::from).map_err(|error| failed(&error))
    }

    fn sha256(&self, bytes: &[u8]) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        out
    }

    fn sha1(&self, bytes: &[u8]) -> [u8; 20] {
        let mut out = [0; 20];
        out.copy_from_slice(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref());
        out
    }

    fn sha512(&self, bytes: &[u8]) -> [u8; 64] {
        let mut out = [0; 64];
        out.copy_from_slice(digest::digest(&digest::SHA512, bytes).as_ref());
        out
    }

    fn hmac_sha256(&self, key: &[u8], bytes: &[u8]) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes).as_ref());
        out
    }

    fn now(&self) -> (i64, u32) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos())
    }
}

impl Around for Surroundings {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read(&self, path: &Path) -> std::io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn program(&self, name: &str) -> Option<PathBuf> {
        program(Path::new(name))
    }
}

/// Finds a program that is named without its path.
pub(crate) fn program(name: &Path) -> Option<PathBuf> {
    PROGRAMS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}
