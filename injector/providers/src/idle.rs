//! One connection to a server that stays open between calls, for a while.
//!
//! It must never have carried an answer that is a secret: the buffers of TLS keep what came last. What an agent does most
//! is covered, for renewals and looks at metadata are answered with none.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use crate::stream::Stream;

/// How long it stays open after a call. Servers and what stands before them close theirs after a minute or more, so that
/// ours is seldom closed under a request.
const IDLE: Duration = Duration::from_secs(10);

/// The place of a connection that nobody uses now.
#[derive(Default)]
pub(crate) struct Idle(Arc<Mutex<Place>>);

#[derive(Default)]
struct Place {
    kept: Option<Kept>,
    /// Whether a task sees to its end.
    watched: bool,
}

struct Kept {
    stream: Stream,
    /// What it was made with.
    by: Option<TlsConnector>,
    since: Instant,
}

impl Idle {
    /// Takes the connection out, if there is one that the server has not closed. One that was made with other certificates
    /// than those that hold now is of no use.
    pub(crate) fn take(&self, connector: Option<&TlsConnector>) -> Option<Stream> {
        let kept = place(&self.0).kept.take()?;
        let same = match (&kept.by, connector) {
            (None, None) => true,
            (Some(then), Some(now)) => Arc::ptr_eq(then.config(), now.config()),
            _ => false,
        };
        (same && kept.stream.is_silent()).then_some(kept.stream)
    }

    /// Leaves a connection for the next call. One is enough: of several at a time, the last stays.
    pub(crate) fn put(&self, stream: Stream, by: Option<TlsConnector>) {
        let mut place = place(&self.0);
        place.kept = Some(Kept { stream, by, since: Instant::now() });
        if !std::mem::replace(&mut place.watched, true) {
            // One task for as long as there is something to close, not a timer a call.
            tokio::spawn(watch(Arc::downgrade(&self.0)));
        }
    }
}

fn place(place: &Mutex<Place>) -> MutexGuard<'_, Place> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Closes the connection once it has been idle for long enough.
async fn watch(idle: Weak<Mutex<Place>>) {
    let mut ends = Instant::now() + IDLE;
    loop {
        tokio::time::sleep_until(ends).await;
        let Some(idle) = idle.upgrade() else { return };
        let mut place = place(&idle);
        match &place.kept {
            Some(kept) if kept.since + IDLE > Instant::now() => ends = kept.since + IDLE,
            _ => {
                // What is in use now is watched anew when it comes back.
                *place = Place::default();
                return;
            }
        }
    }
}

#[cfg(test)]
#[path = "idle_tests.rs"]
mod tests;
