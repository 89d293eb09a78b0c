//! Threads that walk a source together. One that has nothing left to walk scans what the others read, so that one large
//! layer, or an archive that can only be read from its beginning, keeps all cores busy to its end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::Sink;

/// What is walked in less than this, in bytes, is done before another thread has begun.
const WORTH_A_THREAD: u64 = 1 << 20;

/// How many threads are worth it for so many parts of so many bytes in all.
pub(super) fn hands(jobs: usize, parts: usize, bytes: u64) -> usize {
    let more = usize::try_from(bytes / WORTH_A_THREAD).unwrap_or(usize::MAX);
    jobs.min(parts.saturating_add(more)).max(1)
}

/// Has `walk` run in so many threads; one in which it has ended lends itself to the sink until all have.
pub(super) fn together(hands: usize, sink: &dyn Sink, walk: &(dyn Fn() + Sync)) {
    crew(hands, hands, sink, walk, walk);
}

/// Has `walk` run in this thread, with so many in all: the others lend themselves to the sink until it has ended.
pub(super) fn alone(hands: usize, sink: &dyn Sink, walk: impl FnOnce()) {
    crew(hands, 1, sink, walk, &|| {});
}

fn crew(hands: usize, walkers: usize, sink: &dyn Sink, own: impl FnOnce(), others: &(dyn Fn() + Sync)) {
    let walking = &AtomicUsize::new(walkers);
    thread::scope(|scope| {
        for nth in 1..hands {
            scope.spawn(move || {
                if nth < walkers {
                    let _walks = Walks(walking);
                    others();
                }
                sink.lend(walking);
            });
        }
        let walks = Walks(walking);
        own();
        drop(walks);
        sink.lend(walking);
    });
}

/// A thread that walks, until it ends in whatever way.
struct Walks<'a>(&'a AtomicUsize);

impl Drop for Walks<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}
