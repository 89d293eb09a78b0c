//! What the README shows is what a newcomer sees: its console blocks are run, in order, in an empty folder.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::images::Builder;
use e2e::programs::{finish, program};

/// The console blocks: commands, each with the output that is shown for it.
fn tour(readme: &str) -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    for block in readme.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push((command.to_owned(), String::new())),
                None => steps.last_mut().unwrap().1.push_str(&format!("{line}\n")),
            }
        }
    }
    steps
}

/// What differs from run to run: fingerprints, digests, times, and how much there is in an image.
fn settled(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let line = &without_hashes(line);
        let line = match (line.split_once("fingerprint "), line.strip_prefix("scanned ")) {
            (Some((before, _)), _) => format!("{before}fingerprint …"),
            (_, Some(_)) => "scanned …".to_owned(),
            _ => line.to_owned(),
        };
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Hashes are cut short where a report shows them, and end with an ellipsis.
fn without_hashes(line: &str) -> String {
    line.split_inclusive(':')
        .map(|part| {
            let hex = part.bytes().take_while(u8::is_ascii_hexdigit).count();
            if hex >= 12 { &part[hex..] } else { part }
        })
        .collect()
}

#[test]
fn the_tour_shows_what_is_there() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("README.md");
    let steps = tour(&fs::read_to_string(readme).unwrap());
    assert!(steps.len() >= 5, "{steps:?}");
    // Its store goes away with the test; `buildah` on the PATH is told of it.
    let builder = Builder::new().unwrap();
    let bin = builder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(program("oakum").unwrap(), bin.join("oakum")).unwrap();
    builder.wrapper(&bin.join("buildah")).unwrap();
    let folder = builder.path().join("tour");
    fs::create_dir(&folder).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    for (command, expected) in steps {
        let mut bash = Command::new("bash");
        bash.args(["-c", &command]).current_dir(&folder).env("PATH", &path).env_remove("OAKUM_KEY");
        let ran = finish(&mut bash, b"");
        assert_eq!(settled(&ran.out), settled(&expected), "{command}\n{}", ran.err);
    }
}
