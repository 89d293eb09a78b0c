//! Threads that have nothing left to walk: what others have read and is in memory as a whole they scan for them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::held::Held;
use super::{Hits, Scan, lock};
use crate::origin::Origin;
use crate::source::Why;
use crate::source::archive::Kind;
use crate::structured::Format;
use crate::window::{Read1, Reader};

/// How often a thread looks whether others walk still, in case one has ended without a word.
const LOOK: Duration = Duration::from_millis(100);

/// What a thread has read and another is to scan.
#[derive(Debug)]
pub(super) enum Given<'e> {
    /// A content in a reader's buffer, which its origins wait for; and whether it was read to its end.
    Content { reader: Reader<'e>, read: Read1, format: Option<Format>, whole: bool },
    /// An archive of that name.
    Archive { name: u128, kind: Kind, origin: Origin, held: Held },
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Crew<'e> {
    /// How many threads wait that nothing is meant for yet.
    idle: AtomicUsize,
    given: Mutex<Vec<Given<'e>>>,
    came: Condvar,
}

impl<'e> Crew<'e> {
    /// Whether a thread waits; if so, it waits for what the caller gives it.
    pub(super) fn reserve(&self) -> bool {
        self.idle.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |idle| idle.checked_sub(1)).is_ok()
    }

    /// Gives something to the thread that was reserved.
    pub(super) fn give(&self, given: Given<'e>) {
        lock(&self.given).push(given);
        self.came.notify_one();
    }

    /// Has this thread take what is given, until nobody walks who might give more.
    pub(super) fn lend(&self, walking: &AtomicUsize, take: impl Fn(Given<'e>)) {
        // This may have been the last that others wait for.
        self.came.notify_all();
        while walking.load(Ordering::Acquire) > 0 {
            self.idle.fetch_add(1, Ordering::Relaxed);
            let mut all = lock(&self.given);
            let given = loop {
                if let Some(given) = all.pop() {
                    break Some(given);
                }
                if walking.load(Ordering::Acquire) == 0 {
                    break None;
                }
                all = self.came.wait_timeout(all, LOOK).unwrap_or_else(PoisonError::into_inner).0;
            };
            drop(all);
            match given {
                Some(given) => take(given),
                None => {
                    self.reserve();
                }
            }
        }
    }
}

#[cfg(test)]
impl<'e> Crew<'e> {
    /// As if so many threads waited.
    pub(super) fn expect(&self, threads: usize) {
        self.idle.store(threads, Ordering::Relaxed);
    }

    /// What was given last.
    pub(super) fn next(&self) -> Option<Given<'e>> {
        lock(&self.given).pop()
    }
}

impl<'e> Scan<'e> {
    /// Scans what another thread has read.
    pub(super) fn take(&self, given: Given<'e>) {
        match given {
            Given::Content { reader, read, format, whole } => {
                let hash = read.hash;
                let scanned = catch_unwind(AssertUnwindSafe(|| self.scan_given(reader, read, format)));
                match scanned {
                    Ok((hits, cut)) => self.settle((hash, whole), None, hits, cut),
                    Err(_) => self.abandon(hash),
                }
            }
            Given::Archive { name, kind, origin, held } => {
                let walked = self.guard(&origin, None, |_| self.open_named(name, kind, &origin, held));
                if walked.is_err() {
                    // What is in memory can be read.
                    self.count_skipped(Why::Fault, origin.describe());
                }
                self.arrived(&[origin]);
            }
        }
    }

    fn scan_given(
        &self,
        mut reader: Reader<'e>,
        mut read: Read1,
        format: Option<Format>,
    ) -> (Vec<super::Hit<'e>>, bool) {
        let mut hits = Hits::new(self);
        reader.scan_left(&mut read, |m, text, span, via| hits.add(m, text, span, via));
        let judged = self.judged(hits, &reader, &read, format);
        lock(&self.readers).push(reader);
        judged
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use oakum_patterns::{Engine, Rule};

    use super::super::Options;
    use super::*;
    use crate::fingerprint::Key;
    use crate::source::Sink as _;

    fn tar(files: &[(String, String)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            tar.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap()
    }

    /// Two thirds of them have a password, half come twice, and every tenth is an archive.
    fn contents() -> Vec<(String, Vec<u8>)> {
        (0..300)
            .map(|at| {
                let nth = at / 2;
                let text = match nth % 3 {
                    0 => format!("nothing in {nth}\n"),
                    _ => format!("{}password = \"Walnut!{nth:03}\"\n", "a line\n".repeat(nth)),
                };
                match at % 10 {
                    9 => (format!("{at}.tar"), tar(&[("x.env".to_owned(), text)])),
                    _ => (format!("{at}.env"), text.into_bytes()),
                }
            })
            .collect()
    }

    /// Scans with so many threads that are lent, and gives the report without its times.
    fn report(engine: &Engine, lent: usize) -> String {
        let scan = Scan::new(engine, Key::constant(), Options::default());
        let walking = AtomicUsize::new(1);
        thread::scope(|scope| {
            for _ in 0..lent {
                scope.spawn(|| scan.lend(&walking));
            }
            while scan.crew.idle.load(Ordering::Relaxed) < lent {
                thread::yield_now();
            }
            for (path, text) in contents() {
                scan.content(Origin::File(path.into()), &mut text.as_slice()).unwrap();
            }
            walking.store(0, Ordering::Release);
            scan.lend(&walking);
        });
        let outcome = scan.finish();
        let (bytes, blobs, skipped) = (outcome.summary.bytes, outcome.summary.blobs, outcome.summary.skipped);
        format!("{:#?} {bytes} {blobs} {skipped:?}", outcome.findings)
    }

    #[test]
    fn the_report_is_the_same_whoever_scans() {
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        let alone = report(&engine, 0);
        assert!(alone.contains("299.tar") && alone.contains("2.env"), "{alone}");
        for lent in [1, 3] {
            assert_eq!(report(&engine, lent), alone);
        }
    }

    #[test]
    fn a_fault_on_what_was_given_is_told_of_all_that_have_it() {
        let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
        let scan = Scan::new(&engine, Key::constant(), Options::default());
        scan.crew.expect(1);
        for path in ["a", "b"] {
            scan.content(Origin::File(path.into()), &mut "password = \"Walnut!942\"\n".as_bytes()).unwrap();
        }
        let Some(Given::Content { reader, mut read, format, whole }) = scan.crew.next() else {
            panic!("nothing was given")
        };
        // There is not so much.
        read.bytes = u64::MAX;
        scan.take(Given::Content { reader, read, format, whole });
        let outcome = scan.finish();
        assert_eq!(outcome.summary.skipped[&Why::Fault].examples, ["a", "b"]);
        assert!(outcome.findings.is_empty());
    }

    #[test]
    fn who_waits_goes_when_nobody_walks() {
        let crew = Crew::default();
        let (walking, gone) = (AtomicUsize::new(1), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                crew.lend(&walking, |_| ());
                gone.store(true, Ordering::Relaxed);
            });
            while !crew.reserve() {
                thread::yield_now();
            }
            assert!(!gone.load(Ordering::Relaxed));
            walking.store(0, Ordering::Release);
        });
        assert!(gone.into_inner() && !crew.reserve());
    }
}
