//! What is wrong with an ADD, as far as the history tells: the file itself is not in it, and by its name alone it is known
//! to be an archive, which only ADD unpacks, or to be none.

use super::Flaw;

/// What an ADD gets wrong with these arguments: flags, sources and a destination.
pub(super) fn flaw(arguments: &str) -> Option<Flaw> {
    let text = arguments.trim();
    let text = text.strip_suffix("# buildkit").unwrap_or(text);
    let checked = text.contains("--checksum=");
    let words: Vec<&str> = text.split_whitespace().filter(|word| !word.starts_with("--")).collect();
    if words.iter().any(|word| is_remote(word)) {
        return (!checked).then_some(Flaw::AddUrl);
    }
    let (sources, to) = match words.as_slice() {
        // As builders before BuildKit have it: what was added has a hash in place of its name.
        [source, "in", to] => (std::slice::from_ref(source), *to),
        [sources @ .., to] => (sources, *to),
        [] => return None,
    };
    (!sources.is_empty() && sources.iter().all(|source| is_plain(source, to))).then_some(Flaw::AddFile)
}

fn is_remote(word: &str) -> bool {
    ["http://", "https://", "git@", "git://", "ssh://"].iter().any(|scheme| word.starts_with(scheme))
}

/// Whether a source is known to be what COPY would take too: a folder, or a file that is no archive.
fn is_plain(source: &str, to: &str) -> bool {
    if source.starts_with("dir:") {
        return true;
    }
    // An archive is unpacked into a folder, which nobody calls as a file.
    if source.starts_with("file:") {
        return !to.ends_with('/') && is_file(name(to));
    }
    // What a pattern or a variable stands for is not told, nor is what stands in the Dockerfile itself.
    if source.contains(['*', '?', '[', '$', '<']) || source.starts_with("multi:") {
        return false;
    }
    let own = name(source);
    let same = !to.ends_with('/') && own == name(to) && !is_archive(own);
    source.ends_with('/') || matches!(own, "." | "..") || is_file(own) || same
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a name has an end by which it is a file, and no archive.
fn is_file(name: &str) -> bool {
    let end = name.rsplit_once('.').map(|(_, end)| end);
    // A number is of a version: `app-1.2` may be a folder.
    end.is_some_and(|end| !end.is_empty() && end.len() <= 10 && !end.starts_with(|c: char| c.is_ascii_digit()))
        && !is_archive(name)
}

/// Whether ADD may unpack it, by its name. What is packed alone is left as it is, but nobody is told so by the name.
fn is_archive(name: &str) -> bool {
    const ENDS: [&str; 16] =
        ["tar", "tgz", "taz", "tbz", "tbz2", "tb2", "tz2", "txz", "tlz", "tzst", "gz", "bz2", "xz", "zst", "lzma", "z"];
    let name = name.to_ascii_lowercase();
    name.split('.').skip(1).any(|end| ENDS.contains(&end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_add_is_told_where_copy_would_do() {
        for plain in [
            "app.conf /etc/app/ # buildkit",
            "--chown=1000:0 --link app.conf run.sh /srv/ # buildkit",
            ". /app # buildkit",
            "src/ /app/src",
            "Gemfile /app/Gemfile # buildkit",
            ".bashrc /root/.bashrc",
            "dir:0123 in /app ",
            "file:0123 in /usr/bin/run.sh ",
        ] {
            assert_eq!(flaw(plain), Some(Flaw::AddFile), "{plain}");
        }
        for unknown in [
            "file:0123 in / ",
            "file:0123 in /opt/app-1.2 ",
            "multi:0123 in /app/ ",
            "rootfs.tar.xz / # buildkit",
            "app.conf layer.tgz /srv/ # buildkit",
            "rootfs / # buildkit",
            "*.conf /etc/ # buildkit",
            "$NAME.sh /run.sh",
            "<<EOF /run.sh # buildkit",
            "alone.sh",
            "",
        ] {
            assert_eq!(flaw(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn what_is_fetched_is_to_be_checked() {
        for (arguments, told) in [
            ("https://example.com/a /a", true),
            ("git@example.com:team/web.git /src # buildkit", true),
            ("--checksum=sha256:aa https://example.com/a.sh /a.sh # buildkit", false),
        ] {
            assert_eq!(flaw(arguments), told.then_some(Flaw::AddUrl), "{arguments}");
        }
    }
}
