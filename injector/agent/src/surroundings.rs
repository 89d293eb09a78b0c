//! What templates see of the world beside their secrets: variables, files, hashes and the time.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use oakum_inject::Secret;
use oakum_inject::template::Outside;
use ring::{digest, hmac};

use crate::output;

/// The most that a template may read of a file, in bytes.
const MAX_FILE: u64 = 1 << 20;

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
