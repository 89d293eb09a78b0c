//! The only place that writes to standard output and standard error. Names and counts, never a value, a request or a
//! response. Whatever came from elsewhere is escaped here once more, so that it cannot move a terminal.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use oakum_inject::config::LogFormat;
use oakum_providers::date;

use crate::Failure;

/// The version of the Elastic Common Schema that names the fields of JSON.
const ECS: &str = "8.11.0";
/// What Kubernetes shows of a container's last words.
const LAST_WORDS: usize = 4096;

static LAST: Mutex<Option<File>> = Mutex::new(None);
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Chooses how logs are written, once.
pub(crate) fn set_format(format: LogFormat) {
    let _ = FORMAT.set(format);
}

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Info,
    Warn,
    /// Somebody has to look now.
    Error,
}

/// Writes a line of the log to standard error. `event` is a stable name; the fields are names and counts.
pub(crate) fn log(level: Level, event: &str, message: &str, fields: &[(&str, String)]) {
    let line = line(FORMAT.get().copied().unwrap_or_default(), SystemTime::now(), level, event, message, fields);
    // Nobody is left to tell when standard error is gone.
    let _ = io::stderr().write_all(line.as_bytes());
}

fn line(
    format: LogFormat,
    now: SystemTime,
    level: Level,
    event: &str,
    message: &str,
    fields: &[(&str, String)],
) -> String {
    let time = timestamp(now);
    let level = match level {
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    };
    match format {
        LogFormat::Json => {
            let mut object = serde_json::Map::new();
            for (key, value) in [
                ("@timestamp", time.as_str()),
                ("log.level", level),
                ("event.action", event),
                ("message", message),
                ("ecs.version", ECS),
                ("service.name", "oakum-agent"),
            ] {
                object.insert(key.to_owned(), value.into());
            }
            for (key, value) in fields {
                // The Elastic Common Schema has a place for some, and the rest are our own.
                let key = if key.contains('.') { (*key).to_owned() } else { format!("oakum.{key}") };
                object.insert(key, value.as_str().into());
            }
            format!("{}\n", serde_json::Value::from(object))
        }
        LogFormat::Text => {
            let fields: String = fields.iter().map(|(key, value)| format!(" {key}={}", plain(value))).collect();
            format!("{time} {level} {}{fields}\n", plain(message))
        }
    }
}

/// Writes how the program ends when it does not end well.
pub(crate) fn fail(what: &str, hint: Option<&str>) {
    if FORMAT.get() == Some(&LogFormat::Json) {
        // Whoever reads the log reads all of it as JSON.
        let hint: Vec<_> = hint.iter().map(|hint| ("hint", (*hint).to_owned())).collect();
        return log(Level::Error, "agent.failed", what, &hint);
    }
    let mut text = format!("error: {}\n", plain(what));
    if let Some(hint) = hint {
        text.push_str(&format!("hint: {}\n", plain(hint)));
    }
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Opens the file of our last words, before the sandbox closes it off.
///
/// # Errors
/// Whatever the system says.
pub(crate) fn open_last_words(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).truncate(true).open(path)?;
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
    Ok(())
}

/// Leaves a message for whoever asks why the container ended: `kubectl describe pod` shows it.
pub(crate) fn last_words(text: &str) {
    let text = plain_lines(text);
    let end = (0..=text.len().min(LAST_WORDS)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    if let Some(mut file) = LAST.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = file.write_all(&text.as_bytes()[..end]);
    }
}

fn plain_lines(text: &str) -> String {
    text.lines().map(|line| plain(line) + "\n").collect()
}

/// Writes to standard output what was asked for.
pub(crate) fn say(text: &str) -> Result<u8, Failure> {
    match writeln!(io::stdout(), "{text}") {
        Ok(()) => Ok(0),
        // `| head` closes early and means no harm.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(error) => Err(Failure::usage(format!("cannot write to standard output: {}", reason(&error)))),
    }
}

/// Says what the system said, without its number.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Escapes what would move a terminal, and keeps everything on one line.
pub(crate) fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_debug().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// Writes a time as RFC 3339 in UTC, to the millisecond.
fn timestamp(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date::civil(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        second / 3600,
        second / 60 % 60,
        second % 60,
        since.subsec_millis()
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_is_written_as_rfc_3339() {
        let at = |seconds| timestamp(UNIX_EPOCH + Duration::from_millis(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_400_001), "2000-02-29T00:00:00.001Z");
        assert_eq!(at(1_735_689_599_999), "2024-12-31T23:59:59.999Z");
    }

    #[test]
    fn a_line_stays_one_line_in_both_formats() {
        let fields = [("secret", "d\nb".to_owned())];
        let text = line(LogFormat::Text, UNIX_EPOCH, Level::Warn, "a.b", "x\u{1b}[2J\ny", &fields);
        assert_eq!(text, "1970-01-01T00:00:00.000Z warn x\\u{1b}[2J\\ny secret=d\\nb\n");
        let json = line(LogFormat::Json, UNIX_EPOCH, Level::Info, "a.b", "x\ny", &fields);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((json["event.action"].as_str(), json["oakum.secret"].as_str()), (Some("a.b"), Some("d\nb")));
    }
}
