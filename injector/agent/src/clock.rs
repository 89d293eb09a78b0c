//! The clock that the machine's moments come from. Whoever sets the wall clock does not move it, and it goes on while the
//! whole machine sleeps: after that, what has ended meanwhile is seen to have ended.
//!
//! Timers stand still with a sleeping machine. The look at the configuration's files, every few seconds, wakes the main
//! loop soon after.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::machine::Moment;

/// A clock that began at nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    began: Duration,
}

impl Clock {
    /// Begins.
    pub(crate) fn begin() -> Self {
        Self { began: since_boot() }
    }

    /// Gives the time since it began.
    pub(crate) fn now(self) -> Moment {
        since_boot().saturating_sub(self.began)
    }
}

fn since_boot() -> Duration {
    // It is never negative, and Linux has it since 2.6.39.
    clock_gettime(ClockId::Boottime).try_into().unwrap_or_default()
}
