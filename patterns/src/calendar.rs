//! Days as the calendar has them. There is no clock here.

/// The year, month and day of so many days since 1970.
///
/// Counted from 1 March 0000, so that a leap day is a year's last: Howard Hinnant, "chrono-compatible low-level date
/// algorithms", `civil_from_days`.
///
/// ```
/// assert_eq!(oakum_patterns::civil(11_016), (2000, 2, 29));
/// ```
#[must_use]
pub fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let year = year + era * 400;
    if month < 10 { (year, month + 3, date) } else { (year + 1, month - 9, date) }
}
