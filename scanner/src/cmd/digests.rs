//! `--base-digests`: a list of layers that are known to be of bases.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::hinted;
use crate::source::image::is_digest;

/// The digests that a file lists.
pub(super) fn read(path: &Path) -> anyhow::Result<BTreeSet<String>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).map_err(|number| {
        hinted(
            format!("cannot use {}: line {number} is no digest", path.display()),
            "write one a line, as sha256: and 64 hex digits; # begins a comment",
        )
    })
}

/// One a line, with comments. In error the number of the line that is something else: a list with a mistake in it would
/// silently leave a layer to the app.
fn parse(text: &str) -> Result<BTreeSet<String>, usize> {
    let mut all = BTreeSet::new();
    for (at, line) in text.lines().enumerate() {
        let digest = line.split('#').next().unwrap_or_default().trim();
        if !digest.is_empty() {
            let digest = digest.to_ascii_lowercase();
            all.insert(Some(digest).filter(|digest| is_digest(digest)).ok_or(at + 1)?);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_to_its_first_mistake() {
        let (low, high) = (format!("sha256:{}", "ab".repeat(32)), format!("SHA256:{}", "AB".repeat(32)));
        let more = format!("sha512:{}", "0".repeat(128));
        let text = format!("# bases\r\n\n  {low}  # one\n{high}\n{more}");
        assert_eq!(parse(&text), Ok([low.clone(), more].into()));
        for wrong in ["sha256:ab", "ab", &"ab".repeat(32), &format!("{low} {low}"), &format!("md5:{}", "0".repeat(32))]
        {
            assert_eq!(parse(&format!("{low}\n#\n{wrong}\n")), Err(3), "{wrong}");
        }
    }
}
