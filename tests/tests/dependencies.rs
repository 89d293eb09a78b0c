//! The crates that run with secrets in their hands are a list that changes only on purpose.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::programs::tool;

/// What a program links: every crate of its normal dependencies, and those that only run when it is built left out.
fn linked(package: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--package", package, "--edges", "normal,no-proc-macro", "--prefix", "none"]);
    cargo.args(["--target", "x86_64-unknown-linux-musl", "--format", "{p}"]).current_dir(root);
    tool(&mut cargo)
        .lines()
        .map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect()
}

fn compare(package: &str, folder: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(folder).join("dependencies.txt");
    let now: String = linked(package).iter().map(|line| format!("{line}\n")).collect();
    if std::env::var_os("OAKUM_BLESS").is_some() {
        fs::write(&path, &now).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let (written, now): (BTreeSet<&str>, BTreeSet<&str>) = (written.lines().collect(), now.lines().collect());
    let more: Vec<_> = now.difference(&written).collect();
    let less: Vec<_> = written.difference(&now).collect();
    assert!(
        more.is_empty() && less.is_empty(),
        "{package} links other crates than {folder}/dependencies.txt says: more {more:?}, less {less:?}\n\
         if that is meant: OAKUM_BLESS=1 cargo test -p e2e --test dependencies"
    );
}

#[test]
fn the_agent_links_what_its_list_says() {
    compare("oakum-agent", "injector/agent");
}

#[test]
fn the_webhook_links_what_its_list_says_and_no_provider() {
    compare("oakum-webhook", "injector/webhook");
    let linked = linked("oakum-webhook");
    let found: Vec<_> = linked
        .iter()
        .filter(|line| ["oakum-providers ", "vaultrs ", "hyper "].iter().any(|p| line.starts_with(p)))
        .collect();
    assert!(found.is_empty(), "the webhook can reach a secret store by {found:?}");
}
