//! How long to wait, with chance as an argument. Nothing here draws a number or reads a clock.

use std::time::Duration;

/// The least between two attempts at something that fails: never more than one call a second.
pub(crate) const LEAST: Duration = Duration::from_secs(1);
/// The most between two attempts: an outage that ends is noticed within a minute.
pub(crate) const MOST: Duration = Duration::from_secs(60);
/// Over how long reads are spread that follow a login after an outage.
const APART: Duration = Duration::from_secs(10);

/// Says how long to wait after a number of failures in a row: full jitter over a window that doubles, so that a thousand
/// agents that failed together do not come back together. A store's own wish is obeyed, with jitter on top.
pub(crate) fn after_failure(failures: u32, retry_after: Option<Duration>, chance: f64) -> Duration {
    let wait = LEAST + (window(failures) - LEAST).mul_f64(chance.clamp(0.0, 1.0));
    match retry_after {
        Some(asked) => wait.max(asked + LEAST.mul_f64(chance.clamp(0.0, 1.0))),
        None => wait,
    }
}

/// Says how long to put off what could be read at once, now that a session is open again after a number of failures: a
/// thousand agents that come back from one outage would read all that they have as they log in.
pub(crate) fn after_outage(failures: u32, chance: f64) -> Duration {
    match failures {
        0 => Duration::ZERO,
        failures => window(failures).min(APART).mul_f64(chance.clamp(0.0, 1.0)),
    }
}

fn window(failures: u32) -> Duration {
    LEAST.saturating_mul(1 << failures.min(16)).min(MOST)
}

/// Says when to look again at something that is well: a little before the whole interval, so that what is refreshed
/// every 30 s is never older than that, and agents that began together drift apart.
pub(crate) fn refresh(interval: Duration, chance: f64) -> Duration {
    interval.mul_f64(1.0 - 0.2 * chance.clamp(0.0, 1.0))
}

/// Says when to renew what holds for a time: at two thirds of it, not at its end. A failover of Vault may take a minute,
/// and a token that has expired cannot renew itself.
pub(crate) fn renewal(ttl: Duration, chance: f64) -> Duration {
    (ttl * 2 / 3).mul_f64(1.0 - 0.1 * chance.clamp(0.0, 1.0)).max(LEAST)
}

/// Chance that is the same for the same seed (SplitMix64; Steele, Lea and Flood, 2014). It spreads load and hides
/// nothing, so it need not be hard to guess.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// Draws a number from 0 up to, but not including, 1.
    pub(crate) fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit into a double")]
        let high = (mixed >> 11) as f64;
        high / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_window_doubles_up_to_a_minute() {
        assert_eq!(after_failure(1, None, 1.0), Duration::from_secs(2));
        assert_eq!(after_failure(3, None, 1.0), Duration::from_secs(8));
        assert_eq!(after_failure(100, None, 1.0), MOST);
        assert_eq!(after_failure(100, None, 0.0), LEAST);
    }

    proptest! {
        #[test]
        fn no_wait_is_shorter_than_a_second_or_than_was_asked(failures in 0u32..100, chance in 0.0f64..1.0, asked in 0u64..4000) {
            prop_assert!(after_failure(failures, None, chance) >= LEAST);
            let asked = Duration::from_secs(asked);
            prop_assert!(after_failure(failures, Some(asked), chance) >= asked.max(LEAST));
        }

        #[test]
        fn renewal_comes_before_the_end(ttl in 2u64..1_000_000, chance in 0.0f64..1.0) {
            prop_assert!(renewal(Duration::from_secs(ttl), chance) < Duration::from_secs(ttl));
        }

        #[test]
        fn chance_stays_in_its_range(seed in any::<u64>()) {
            let mut chance = Chance::from_seed(seed);
            for _ in 0..100 {
                prop_assert!((0.0..1.0).contains(&chance.draw()));
            }
        }
    }
}
