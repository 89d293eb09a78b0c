//! Invariant 11: the crates that the agent and the webhook link are the ones that their `dependencies.txt` lists, so that
//! a new one is seen by whoever reviews the change.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::programs::tool;

/// What is linked into a program: no build scripts, no macros, no tests.
fn linked(package: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above");
    let tree = tool(
        Command::new(env!("CARGO"))
            .args([
                "tree",
                "--locked",
                "--offline",
                "--edges",
                "normal,no-proc-macro",
                "--prefix",
                "none",
                "--no-dedupe",
            ])
            .args(["--target", "x86_64-unknown-linux-gnu", "--format", "{p}", "--package", package])
            .current_dir(root),
    );
    // `name v1.2.3 (/where/it/is)`: the place is this machine's own business.
    let name = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ").replace(" v", " ");
    tree.lines().filter(|line| !line.is_empty()).map(name).collect()
}

fn assert_listed(package: &str, folder: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace is above")
        .join(folder)
        .join("dependencies.txt");
    let linked = linked(package);
    let text = linked.iter().map(|line| format!("{line}\n")).collect::<String>();
    if std::env::var_os("OAKUM_RENEW").is_some() {
        fs::write(&path, &text).expect("the list can be written");
    }
    let listed: BTreeSet<String> = fs::read_to_string(&path).unwrap_or_default().lines().map(str::to_owned).collect();
    let (new, gone): (Vec<_>, Vec<_>) = (linked.difference(&listed).collect(), listed.difference(&linked).collect());
    assert!(
        new.is_empty() && gone.is_empty(),
        "{} does not list what {package} links\nnew: {new:?}\ngone: {gone:?}\nhint: look at each new crate; then OAKUM_RENEW=1 cargo test -p e2e --test dependencies",
        path.display()
    );
    for framework in ["clap ", "kube ", "k8s-openapi ", "aws-lc-rs ", "openssl "] {
        assert!(!linked.iter().any(|line| line.starts_with(framework)), "{package} links {framework}");
    }
}

#[test]
fn the_agent_links_what_its_list_says() {
    assert_listed("oakum-agent", "injector/agent");
}

#[test]
fn the_webhook_links_what_its_list_says_and_no_provider() {
    assert_listed("oakum-webhook", "injector/webhook");
    assert!(!linked("oakum-webhook").iter().any(|line| line.starts_with("oakum-providers ")));
}
