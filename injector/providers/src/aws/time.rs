//! Moments as AWS writes them, in UTC. Days are counted as in [`date`].

use std::time::{SystemTime, UNIX_EPOCH};

use crate::date;

const DAY: u64 = 86_400;

/// Seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment that this machine's clock shows.
    #[must_use]
    pub fn now() -> Self {
        Self(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }

    /// Writes the moment as `X-Amz-Date` has it: `20150830T123600Z`. The first eight characters are the day.
    #[must_use]
    pub fn stamp(self) -> String {
        let (days, rest) = (self.0 / DAY, self.0 % DAY);
        let (year, month, day) = date::civil(days);
        let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
        format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
    }

    /// Reads `2026-11-26T22:00:00Z`, with or without a fraction of a second; none if it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, zone) = (text.get(..19)?, text.get(19..)?);
        let zone = zone.strip_prefix('.').map_or(zone, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        if !matches!(zone, "Z" | "+00:00") {
            return None;
        }
        let mut parts = whole
            .split(['-', 'T', ':'])
            .map(|part| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u64>().ok()).flatten());
        let mut next = |least, most| parts.next()?.filter(|part| (least..=most).contains(part));
        let (year, month, day) = (next(1970, 9999)?, next(1, 12)?, next(1, 31)?);
        let (hour, minute, second) = (next(0, 23)?, next(0, 59)?, next(0, 60)?);
        Some(Self(date::days(year, month, day)? * DAY + hour * 3_600 + minute * 60 + second))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn knows_the_days_on_which_calendars_go_wrong() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_440_938_160, "20150830T123600Z"),
            (1_709_251_199, "20240229T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(Moment(seconds).stamp(), text);
        }
        assert_eq!(Moment::parse("2015-08-30T12:36:00.123Z"), Some(Moment(1_440_938_160)));
        for text in ["", "2015-08-30", "2015-08-30T12:36:00", "2015-13-30T12:36:00Z", "2015-08-30T12:36:00+02:00"] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in 0u64..200_000_000_000) {
            let stamp = Moment(seconds).stamp();
            let (date, time) = (&stamp[..8], &stamp[9..15]);
            let text = format!(
                "{}-{}-{}T{}:{}:{}Z", &date[..4], &date[4..6], &date[6..], &time[..2], &time[2..4], &time[4..]
            );
            prop_assert_eq!(Moment::parse(&text), Some(Moment(seconds)));
        }

        #[test]
        fn never_panics(text in "\\PC{0,30}") {
            let _ = Moment::parse(&text);
        }
    }
}
