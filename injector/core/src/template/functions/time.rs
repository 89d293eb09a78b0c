//! The time, in UTC, by Go's layouts: `2006-01-02T15:04:05Z07:00` is the moment whose parts stand for themselves.

use super::{Function, Value, function, text_of};

pub(super) const TABLE: &[Function] = &[function("timestamp", 0, 1, |a, around| {
    let (seconds, nanos) = around.outside().now();
    Ok(Value::text(match a.first().map(text_of).transpose()? {
        None => layout("2006-01-02T15:04:05Z07:00", seconds, nanos),
        Some("unix") => seconds.to_string(),
        Some(text) => layout(text, seconds, nanos),
    }))
})];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Writes a moment by a layout. The calendar is Hinnant's `civil_from_days`.
fn layout(layout: &str, seconds: i64, nanos: u32) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let part = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * part + 2) / 5 + 1;
    let month = if part < 10 { part + 3 } else { part - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let name = |names: &'static [&'static str], at: i64| {
        usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or_default()
    };
    let (month_name, day_name) = (name(&MONTHS, month - 1), name(&DAYS, (days + 4).rem_euclid(7)));
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    // Longer ones stand before those that they begin with.
    let parts: [(&str, String); 27] = [
        ("2006", format!("{year:04}")),
        ("January", month_name.to_owned()),
        ("Jan", month_name[..3].to_owned()),
        ("Monday", day_name.to_owned()),
        ("Mon", day_name[..3].to_owned()),
        ("MST", "UTC".to_owned()),
        ("01", format!("{month:02}")),
        ("02", format!("{day:02}")),
        ("03", format!("{twelve:02}")),
        ("04", format!("{minute:02}")),
        ("05", format!("{second:02}")),
        ("06", format!("{:02}", year.rem_euclid(100))),
        ("15", format!("{hour:02}")),
        ("PM", if hour < 12 { "AM" } else { "PM" }.to_owned()),
        ("pm", if hour < 12 { "am" } else { "pm" }.to_owned()),
        ("Z07:00", "Z".to_owned()),
        ("Z0700", "Z".to_owned()),
        ("-07:00", "+00:00".to_owned()),
        ("-0700", "+0000".to_owned()),
        ("-07", "+00".to_owned()),
        ("_2", format!("{day:2}")),
        (".000000000", format!(".{nanos:09}")),
        (".000000", format!(".{:06}", nanos / 1000)),
        (".000", format!(".{:03}", nanos / 1_000_000)),
        ("1", month.to_string()),
        ("2", day.to_string()),
        ("3", twelve.to_string()),
    ];
    let mut out = String::new();
    let mut rest = layout;
    while let Some(c) = rest.chars().next() {
        match parts.iter().find(|(part, _)| rest.starts_with(part)) {
            Some((part, text)) => {
                out.push_str(text);
                rest = &rest[part.len()..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::layout;

    #[test]
    fn layouts_are_those_of_go() {
        let at = 1_709_166_645; // 2024-02-29 00:30:45 UTC, a Thursday.
        assert_eq!(layout("2006-01-02T15:04:05Z07:00", at, 0), "2024-02-29T00:30:45Z");
        assert_eq!(layout("Mon Jan _2 15:04:05 2006", at, 0), "Thu Feb 29 00:30:45 2024");
        assert_eq!(layout("3:04PM 1/2/06 .000", at, 7_000_000), "12:30AM 2/29/24 .007");
    }
}
