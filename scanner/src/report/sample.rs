//! An outcome with every kind of place in it, and with text of the kind that strangers send.

use std::collections::BTreeMap;
use std::sync::Arc;

use oakum_patterns::{Confidence, Severity};

use crate::finding::{Finding, Place, Preview, Reason, Span};
use crate::fingerprint::Key;
use crate::lint::{Flaw, Lint};
use crate::origin::{BaseBy, Image, Layer, Origin, Permissions, State};
use crate::scan::{Outcome, Skipped, Summary};
use crate::source::Why;

pub(super) fn place(origin: Origin, line: u64, key: Option<&str>, state: Option<State>) -> Place {
    let span = Span { line, column: 7, end_line: line, end_column: 47 };
    Place { origin, span, key: key.map(Into::into), state }
}

fn file(path: &str) -> Origin {
    Origin::File(path.into())
}

fn member(outer: Origin, path: &str) -> Origin {
    Origin::Member { outer: Box::new(outer), path: path.into() }
}

fn image() -> Arc<Image> {
    let layer = |digit: &str, created_by: &str, base| Layer {
        digest: format!("sha256:{}", digit.repeat(64)),
        diff_id: format!("sha256:{}", "d".repeat(64)),
        history: Some(digit.parse().unwrap()),
        created_by: created_by.into(),
        base,
        ..Layer::default()
    };
    Arc::new(Image {
        base_by: Some(BaseBy::History),
        tags: Vec::new(),
        name: "shop/web:1.4".into(),
        platform: "linux/amd64".into(),
        digest: format!("sha256:{}", "e".repeat(64)),
        layers: vec![
            layer("0", "/bin/sh -c #(nop) ADD file:rootfs in / ", Some(true)),
            layer("1", "COPY .env /app/.env # buildkit", Some(false)),
            layer(
                "2",
                "RUN /bin/sh -c apt-get update && apt-get install -y curl ca-certificates && rm -rf /var/lib/apt/lists/* # buildkit",
                None,
            ),
        ],
    })
}

fn finding(rule: &str, name: &str, severity: Severity, confidence: Confidence, places: Vec<Place>) -> Finding {
    Finding {
        rule: rule.into(),
        name: name.into(),
        service: rule.split('.').next().unwrap().into(),
        why: "Acts as its owner on every repository and organisation that its scopes reach, and on what they publish.".into(),
        rotate: "Revoke it under Settings, Developer settings, Personal access tokens, then make a new one with fewer scopes and an expiry.".into(),
        severity,
        confidence,
        fingerprint: Key::constant().fingerprint("sample", rule.as_bytes()),
        preview: Preview::of(&[b"tok_".as_slice(), &[b'x'; 36]].concat(), 4),
        reason: Reason { name: places[0].key.clone(), checks: vec!["mixed".into()], surprise: Some(512) },
        known: false,
        places,
    }
}

/// What the image gets wrong, in a field, in files and in more than are listed.
pub(super) fn lint() -> Vec<Lint> {
    let image = image();
    let file = |path: &str| {
        let permissions = Some(Permissions { mode: 0o4755, uid: 0, gid: 0 });
        let origin = Origin::Layer { image: Arc::clone(&image), index: 1, path: path.into(), permissions };
        (origin, Some(State::Present))
    };
    let user = Origin::Config { image: Arc::clone(&image), field: "User".into() };
    vec![
        Lint { flaw: Flaw::Root, places: vec![(user, None)], more: 0 },
        Lint { flaw: Flaw::SetId, places: vec![file("bin/\x1b[31m,\n::error::x<b>{0}"), file("bin/su")], more: 3 },
    ]
}

/// Findings in every kind of place.
pub(super) fn outcome() -> Outcome {
    let image = image();
    let permissions = |index| Some(Permissions { mode: 0o640, uid: index as u64, gid: 1000 });
    let layer = |index, path: &str| Origin::Layer {
        image: Arc::clone(&image),
        index,
        path: path.into(),
        permissions: permissions(index),
    };
    let token = finding(
        "acme.token",
        "Acme access token",
        Severity::Critical,
        Confidence::Certain,
        vec![
            place(file("./a/.env"), 3, Some("ACME_TOKEN"), None),
            place(layer(0, "etc/acme/token"), 1, None, Some(State::Deleted { by: 1 })),
            place(layer(1, "app/.env"), 12, Some("ACME_TOKEN"), Some(State::Overwritten { by: 2 })),
            place(layer(2, "app/settings.py"), 140, Some("acme.token"), Some(State::Present)),
            place(
                Origin::Config { image: Arc::clone(&image), field: "Env[3] ACME_TOKEN".into() },
                1,
                Some("ACME_TOKEN"),
                None,
            ),
            place(Origin::Stdin, 9, None, None),
            place(
                member(member(file("/srv/dist/app.tar"), "lib/app.jar"), "x.properties"),
                2,
                Some("acme.token"),
                None,
            ),
            place(member(layer(2, "opt/app.jar"), "config/application.yml"), 8, None, Some(State::Present)),
        ],
    );
    let hostile = finding(
        "generic.password",
        "Password in an assignment",
        Severity::Medium,
        Confidence::Likely,
        vec![place(
            file("b/\x1b[31m\u{202e}gpj.\n::error::x, y/<b>&'\".env"),
            1,
            Some("=cmd|'{0}'![x](http://x)"),
            None,
        )],
    );
    let low = finding(
        "acme.public-key",
        "Acme publishable key",
        Severity::Low,
        Confidence::Possible,
        vec![place(file("c d/#1/ü.js"), 88, None, None)],
    );
    let known = Finding {
        known: true,
        ..finding(
            "acme.old",
            "Acme old token",
            Severity::High,
            Confidence::Likely,
            vec![place(file("d.env"), 1, None, None)],
        )
    };
    let skipped = |count, examples: &[&str]| Skipped { count, examples: examples.iter().map(|&e| e.into()).collect() };
    let summary = Summary {
        findings: 3,
        known: 1,
        bytes: 1_234_567,
        blobs: 42,
        skipped: BTreeMap::from([
            (Why::Symlink, skipped(12, &["a/link", "b/link", "c/link", "d/link", "e/link"])),
            (Why::GitFolder, skipped(1, &[".git"])),
            (Why::Unreadable, skipped(1, &["secret\x1b]0;owned\x07.pem"])),
            (Why::Truncated, skipped(2, &["shop/web:1.4 layer 2: opt/app.jar", "x.tar"])),
        ]),
        started: 1_767_225_599,
        seconds: 1.25049,
    };
    Outcome { findings: vec![token, hostile, low, known], lint: None, summary }
}
