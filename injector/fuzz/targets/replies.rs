//! Any answer of Vault, through every reader that there is.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use oakum_providers::vault::{kv, lease, list, reply};

fuzz_target!(|body: &[u8]| {
    let _ = kv::mount(body);
    let _ = kv::v1(body);
    let _ = kv::v2(body);
    let _ = kv::gone(body);
    let _ = kv::metadata(body);
    let _ = kv::custom(body);
    let _ = kv::versioned(body);
    let _ = list::names(body);
    let _ = lease::any(body, Duration::from_secs(1_700_000_000));
    let _ = reply::lookup(body, true);
    if let Ok(envelope) = reply::Envelope::parse(body) {
        let _ = envelope.lease();
    }
});
