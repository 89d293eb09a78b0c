//! `oakum-agent` against a real Vault, with a real volume in memory, as an app and an operator see it. It needs root,
//! and `OAKUM_VAULT` (tests/run sets it).

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod aws;
mod child;
mod config;
mod delivery;
mod drop_in;
mod dynamic;
mod faults;
mod hooks;
mod identity;
mod kill;
mod kubernetes;
mod logins;
mod memory;
mod notify;
mod outage;
mod outside;
mod refusal;
mod reload;
mod sandbox;
mod templates;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use e2e::agent::Place;
use e2e::servers::vault::{AppRole, Vault};
use serde_json::json;

/// What every role here may read.
const MAY_READ: &str = r#"
path "secret/*" { capabilities = ["read"] }
path "old/*" { capabilities = ["read"] }
"#;

/// A role whose tokens hold for an hour.
fn role(vault: &Vault) -> AppRole {
    vault.approle("web", MAY_READ, &json!({"token_ttl": "1h"}))
}

/// The `stores` of a configuration with a login by AppRole, whose secret id lies beside the volume.
fn approle_store(vault: &Vault, place: &Place, role: &AppRole) -> String {
    let secret_id = place.file("secret-id", &role.secret_id);
    store(vault, &format!("{{ approle: {{ role_id: {}, secret_id_file: {} }} }}", role.role_id, secret_id.display()))
}

/// The `stores` of a configuration with a token that lies in a file.
fn token_store(vault: &Vault, token_file: &Path) -> String {
    store(vault, &format!("{{ token_file: {} }}", token_file.display()))
}

fn store(vault: &Vault, auth: &str) -> String {
    store_at(vault.address(), vault.ca().as_deref(), auth)
}

fn store_at(address: &str, ca: Option<&Path>, auth: &str) -> String {
    let ca = ca.map(|ca| format!("ca: {}, ", ca.display())).unwrap_or_default();
    format!("stores: {{ vault: {{ vault: {{ address: \"{address}\", {ca}auth: {auth} }} }} }}\n")
}

/// Tells a reader that it may end, also when the test fails: a scope waits for its threads.
struct Until<'d>(&'d AtomicBool);

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Goes on until the test says so, and once more after that.
fn again_and_again(done: &AtomicBool, mut each: impl FnMut()) {
    let mut last = false;
    while !last {
        last = done.load(Ordering::Relaxed);
        each();
    }
}
