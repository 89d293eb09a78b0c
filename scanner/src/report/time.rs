//! Dates as reports write them, in UTC and without a time zone's name.

use oakum_patterns::civil;

/// `2026-01-31T12:00:00` from seconds since 1970.
pub(super) fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, date) = civil(days);
    format!("{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01T00:00:00");
        assert_eq!(utc(951_782_399), "2000-02-28T23:59:59");
        assert_eq!(utc(951_782_400), "2000-02-29T00:00:00");
        assert_eq!(utc(1_709_251_199), "2024-02-29T23:59:59");
        assert_eq!(utc(1_767_225_599), "2025-12-31T23:59:59");
        assert_eq!(utc(4_107_542_400), "2100-03-01T00:00:00");
    }
}
