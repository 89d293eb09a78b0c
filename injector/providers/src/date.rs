//! The moments that headers name (RFC 9110, 5.6.7), and the days of dates. Days are counted as Howard Hinnant does
//! (`chrono`-Compatible Low-Level Date Algorithms, 2013), which is right for every date of the Gregorian calendar.

use std::time::{Duration, UNIX_EPOCH};

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`, or one of the two forms of old, as the time since 1970; none if it is anything
/// else.
#[must_use]
pub fn parse(header: &[u8]) -> Option<Duration> {
    let moment = httpdate::parse_http_date(std::str::from_utf8(header).ok()?).ok()?;
    moment.duration_since(UNIX_EPOCH).ok()
}

/// Counts the days from 1970 to a date; none before that.
pub(crate) fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    // Years begin with March here, so that the day that some lack is the last.
    let year = year.checked_sub(u64::from(month <= 2))?;
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let of_era = year % 400 * 365 + year % 400 / 4 - year % 400 / 100 + (153 * shifted_month + 2) / 5 + day;
    (year / 400 * 146_097 + of_era).checked_sub(719_469)
}

/// The year, month and day of so many days since 1970: what [`days`] counts.
#[must_use]
pub fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_servers_write_and_nothing_else() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "now",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Thu, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, 00 Jan 0000 00:00:00 GMT",
            "Sun, 00 Mar 1994 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_day_is_counted_as_it_is_named(count in 0u64..3_000_000) {
            let (year, month, day) = civil(count);
            prop_assert_eq!(days(year, month, day), Some(count));
        }

        #[test]
        fn never_panics(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&text);
        }
    }
}
