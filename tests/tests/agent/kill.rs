//! Invariant 7 on the real program: killed at every call that changes the volume, it always recovers, and a reader never
//! sees half.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

use e2e::agent::Place;
use e2e::programs::program;

use crate::{Until, again_and_again};

/// The calls by which a volume is changed. At each one of each kind the agent is killed once.
const CALLS: &[&str] = &["mkdirat", "openat", "fchmod", "write", "symlinkat", "renameat", "unlinkat", "linkat"];

/// What a published file holds: its value, long enough for several writes, and an end.
fn text(value: u32) -> String {
    format!("{}end", format!("{value} ").repeat(3000))
}

fn put(place: &Place, value: u32) {
    // One file is one secret, so the two files come from two reads, and still belong together.
    for name in ["a", "b"] {
        fs::write(place.path("store").join(name), text(value)).unwrap();
    }
}

/// Both files of the published generation; none if there is no generation.
fn published(place: &Place) -> Option<(String, String)> {
    let generation = fs::read_link(place.volume().join("..data")).ok()?;
    let read = |name: &str| fs::read_to_string(place.volume().join(&generation).join(name)).ok();
    Some((read("a")?, read("dir/b")?))
}

fn is_whole(content: &str) -> bool {
    let value = content.split(' ').next().and_then(|value| value.parse().ok());
    value.is_some_and(|value| content == text(value))
}

fn once(place: &Place, kill: Option<(&str, u32)>) -> std::process::ExitStatus {
    let agent = program("oakum-agent").unwrap();
    let mut command = match kill {
        None => Command::new(&agent),
        Some((call, nth)) => {
            let mut command = Command::new("strace");
            command.args(["-f", "-qq", "-o", "/dev/null", "-e"]).arg(format!("trace={call}"));
            command.arg("-e").arg(format!("inject={call}:signal=KILL:when={nth}")).arg(&agent);
            command
        }
    };
    command.args(["once", "--config"]).arg(place.path("config.yaml"));
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()
}

#[test]
fn after_a_kill_at_any_call_it_recovers_and_readers_see_whole_generations() {
    let place = Place::new();
    fs::create_dir(place.path("store")).unwrap();
    place.file("store/c", "constant");
    let rest = format!(
        "stores: {{ files: {{ file: {{ path: {} }} }} }}
secrets: {{ a: {{ from: \"files:a\" }}, b: {{ from: \"files:b\" }}, c: {{ from: \"files:c\" }} }}
files: {{ a: a, dir/b: b, c: c }}
",
        place.path("store").display()
    );
    let config = place.config(&rest);
    // Nothing waits here: the generation before goes at once.
    fs::write(&config, fs::read_to_string(&config).unwrap().replace("grace: 1s", "grace: 0s")).unwrap();
    put(&place, 0);
    assert!(once(&place, None).success());
    assert!(published(&place).is_some());

    let done = AtomicBool::new(false);
    let (kills, seen) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            again_and_again(&done, || {
                let Some((a, b)) = published(&place) else { return };
                // What is being wiped after its grace of nothing is not whole any more; the published one always is.
                if published(&place).as_ref() == Some(&(a.clone(), b.clone())) {
                    assert!(is_whole(&a) && a == b, "half a generation: {} and {} bytes", a.len(), b.len());
                    seen.insert(a.split(' ').next().unwrap().to_owned());
                }
            });
            seen
        });
        let until = Until(&done);
        let (mut kills, mut value) = (0, 0);
        for call in CALLS {
            for nth in 1.. {
                value += 1;
                put(&place, value);
                let status = once(&place, Some((*call, nth)));
                let killed = status.signal() == Some(9) || status.code() == Some(137);
                let (a, b) = published(&place).expect("a generation is published at any moment");
                assert!(is_whole(&a) && a == b, "{call} {nth}");
                if !killed {
                    assert!(status.success(), "{call} {nth}: {status}");
                    break;
                }
                kills += 1;
                // The next start makes good what was left.
                assert!(once(&place, None).success(), "after {call} {nth}");
                assert_eq!(published(&place), Some((text(value), text(value))), "after {call} {nth}");
                assert_eq!(place.names().len(), 5, "after {call} {nth}: {:?}", place.names());
            }
        }
        drop(until);
        (kills, reader.join().unwrap())
    });
    assert!(kills >= 20, "only {kills} kills");
    assert!(seen.len() > 5, "the reader saw only {seen:?}");
}
