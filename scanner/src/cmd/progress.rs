//! Progress on standard error, when a person is looking.

use std::io::IsTerminal as _;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::scan::Scan;

/// Nothing is shown for a scan that is over sooner.
const PATIENCE: Duration = Duration::from_millis(300);
const EVERY: Duration = Duration::from_millis(100);

/// A bar that goes away when it is dropped.
pub(super) struct Progress<'s> {
    thread: Option<(Sender<()>, ScopedJoinHandle<'s, ()>)>,
}

impl<'s> Progress<'s> {
    /// Shows how far `scan` is, if standard error is a terminal and `wanted`.
    pub(super) fn of<'env, 'e>(scope: &'s Scope<'s, 'env>, scan: &'env Scan<'e>, wanted: bool) -> Self {
        if !wanted || !std::io::stderr().is_terminal() {
            return Self { thread: None };
        }
        let (done, waits) = channel::<()>();
        let thread = scope.spawn(move || {
            if waits.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(
                ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            while waits.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                let p = scan.progress();
                let found = if p.found == 0 { String::new() } else { format!(", {} found", HumanCount(p.found)) };
                bar.set_message(format!("{} contents, {}{found}", HumanCount(p.blobs), HumanBytes(p.bytes)));
                bar.tick();
            }
            bar.finish_and_clear();
        });
        Self { thread: Some((done, thread)) }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some((done, thread)) = self.thread.take() {
            drop(done);
            // A bar that failed is no reason to fail.
            let _ = thread.join();
        }
    }
}
