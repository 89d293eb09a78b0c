//! The small values of a configuration: file names, modes, durations, addresses. Each is checked once, here.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::reference::{Name, shorten};

/// The path of a file inside the volume, such as `db.env` or `conf/app.json`, or `VOLUME:PATH` where there are several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName {
    volume: Option<Name>,
    path: String,
}

impl FileName {
    /// Parses a relative path that stays inside the volume and cannot be taken for one of the volume's own entries,
    /// which all begin with `..`. A `:` in its first element parts the name of a volume from it.
    ///
    /// # Errors
    /// Says which element is wrong and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("the file name `{}` {why}", shorten(text)));
        let (volume, text) = match text.split_once(':').filter(|(volume, _)| !volume.contains('/')) {
            Some((volume, path)) => match Name::parse(volume) {
                Ok(volume) => (Some(volume), path),
                Err(_) => return wrong("has a `:`, and no name of a volume before it"),
            },
            None => (None, text),
        };
        if text.is_empty() {
            return wrong("is empty");
        }
        if text.starts_with('/') {
            return wrong("must be relative to the volume");
        }
        if text.len() > 1024 {
            return wrong("is longer than 1024 bytes");
        }
        if text.chars().any(char::is_control) {
            return wrong("holds a control character");
        }
        for element in text.split('/') {
            match element {
                "" => return wrong("has an empty element"),
                "." => return wrong("has the element `.`"),
                _ if element.starts_with("..") => return wrong("has an element that begins with `..`"),
                _ if element.len() > 255 => return wrong("has an element longer than 255 bytes"),
                _ => {}
            }
        }
        if text.split('/').count() > 16 {
            return wrong("is deeper than 16 folders");
        }
        Ok(Self { volume, path: text.to_owned() })
    }

    /// Gives the same path in a volume that has a name.
    #[must_use]
    pub fn within(self, volume: Name) -> Self {
        Self { volume: Some(volume), ..self }
    }

    /// Gives the volume, if it is not the one without a name.
    #[must_use]
    pub fn volume(&self) -> Option<&Name> {
        self.volume.as_ref()
    }

    /// Gives the path inside the volume.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Gives the first element: what is seen in the volume itself.
    #[must_use]
    pub fn top(&self) -> &str {
        self.path.split('/').next().unwrap_or(&self.path)
    }

    /// Goes through the folders above the file, outermost first.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.path.match_indices('/').map(|(at, _)| &self.path[..at])
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.volume {
            Some(volume) => write!(f, "{volume}:{}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

/// The name of a variable in an environment: `[A-Za-z_][A-Za-z0-9_]*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvName(String);

impl EnvName {
    /// Parses a name.
    ///
    /// # Errors
    /// Says what a name may hold.
    pub fn parse(text: &str) -> Result<Self, String> {
        let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        if !first || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(format!(
                "the variable name `{}` may hold only letters, digits and `_`, and no digit first",
                shorten(text)
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Gives the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The permission bits of a file: three octal digits, the owner may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(u32);

impl Mode {
    /// What files have when nothing is said: the owner and the group may read, nobody may write.
    pub const DEFAULT: Self = Self(0o440);
    /// Nobody but the owner may read.
    pub const OWNER: Self = Self(0o400);

    /// Parses an octal number such as `0440`.
    ///
    /// # Errors
    /// Says what a mode looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("0o").or_else(|| text.strip_prefix('0')).unwrap_or(text);
        let bits = if digits.len() == 3 { u32::from_str_radix(digits, 8).ok() } else { None };
        match bits {
            Some(bits) if bits & 0o400 != 0 => Ok(Self(bits)),
            Some(_) => Err(format!("with the mode `{}` the owner cannot read the file", shorten(text))),
            None => Err(format!("the mode `{}` is not three octal digits such as \"0440\"", shorten(text))),
        }
    }

    /// Gives the bits of a file.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Gives the bits of a folder that holds such files: who may read a file may enter; only the owner may change.
    #[must_use]
    pub fn folder_bits(self) -> u32 {
        let read = self.0 & 0o444;
        0o700 | read | (read >> 2)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

/// Parses a duration such as `250ms`, `30s`, `5m`, `1h` or `1h30m`.
///
/// # Errors
/// Says what a duration looks like.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{}` is not a duration such as 30s, 5m or 1h30m", shorten(text));
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let unit = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let millis: u64 = match &rest[..unit] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        rest = &rest[unit..];
        total = number
            .checked_mul(millis)
            .and_then(|part| total.checked_add(Duration::from_millis(part)))
            .filter(|sum| *sum <= Duration::from_secs(10 * 365 * 86_400))
            .ok_or_else(|| format!("`{}` is longer than ten years", shorten(text)))?;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(total) }
}

/// Writes a duration so that [`parse_duration`] reads it back.
pub(super) fn print_duration(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{}s", duration.as_secs())
    } else {
        format!("{}ms", duration.as_millis())
    }
}

/// Whether an address is spoken to under TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain: anybody on the way can read it.
    Http,
    /// TLS.
    Https,
}

/// The address of a server: `https://HOST[:PORT]`.
///
/// Plain `http://` is taken only for a loopback host: everything that Vault says in the clear is a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Plain or TLS.
    pub scheme: Scheme,
    /// A name, or an IP address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Address {
    /// Parses an address; `plain` says where `http://` may go.
    ///
    /// # Errors
    /// Says what is wrong, and a hint where there is one.
    pub fn parse(text: &str, plain: PlainHttp) -> Result<Self, (String, Option<String>)> {
        let bad = |why: &str| {
            (format!("the address `{}` {why}", shorten(text)), Some("write it as https://HOST:PORT".to_owned()))
        };
        let (scheme, rest) = if let Some(rest) = text.strip_prefix("https://") {
            (Scheme::Https, rest)
        } else if let Some(rest) = text.strip_prefix("http://") {
            (Scheme::Http, rest)
        } else {
            return Err(bad("begins with neither https:// nor http://"));
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@']) {
            return Err(bad("holds more than a host and a port"));
        }
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, port) =
                    rest.split_once(']').ok_or_else(|| bad("has an IPv6 host without its closing bracket"))?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| bad("has no IPv6 address in its brackets"))?;
                (host, port.strip_prefix(':').or(if port.is_empty() { Some("") } else { None }))
            }
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, Some("")),
            },
        };
        let port = match port {
            Some("") if rest.ends_with(':') => return Err(bad("has no port behind its colon")),
            Some("") if scheme == Scheme::Https => 443,
            Some("") => 80,
            Some(port) => {
                port.parse().ok().filter(|port| *port != 0).ok_or_else(|| bad("has no port from 1 to 65535"))?
            }
            None => return Err(bad("has something behind its bracket that is no port")),
        };
        let host_ok = host.parse::<IpAddr>().is_ok()
            || (!host.is_empty()
                && host.len() <= 253
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')));
        if !host_ok {
            return Err(bad("has no host name or IP address"));
        }
        let address = Self { scheme, host: host.to_owned(), port };
        if scheme == Scheme::Http && plain == PlainHttp::LoopbackOnly && !address.is_loopback() {
            return Err((
                format!("the address `{}` would send secrets in the clear", shorten(text)),
                Some("use https://, or say `allow_plain_http: true` if something else protects the way".to_owned()),
            ));
        }
        Ok(address)
    }

    /// Tells whether the address cannot leave the machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Gives host and port as a `Host` header or a connection wants them.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.authority())
    }
}

/// Where plain HTTP may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// To this machine only.
    LoopbackOnly,
    /// Anywhere, because the configuration says so.
    Anywhere,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn file_names_stay_inside_the_volume() {
        for name in ["a", "a/b.c", ".env", "a..b", "conf/.hidden"] {
            assert!(FileName::parse(name).is_ok(), "{name}");
        }
        for name in ["", "/a", "a/", "a//b", "./a", "a/.", "..", "../a", "a/../b", "..data", "a/..b", "a\nb", "a\0"] {
            assert!(FileName::parse(name).is_err(), "{name:?}");
        }
        let name = FileName::parse("a/b/c").unwrap();
        assert_eq!(name.folders().collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(name.top(), "a");
    }

    #[test]
    fn modes_give_folders_that_their_readers_can_enter() {
        assert_eq!(Mode::parse("0440").unwrap().folder_bits(), 0o750);
        assert_eq!(Mode::parse("400").unwrap().folder_bits(), 0o700);
        assert_eq!(Mode::parse("0o644").unwrap().folder_bits(), 0o755);
        for mode in ["", "44", "0999", "288", "+440", "1440", "0040", "-440"] {
            assert!(Mode::parse(mode).is_err(), "{mode}");
        }
    }

    #[test]
    fn durations_are_read_and_bounded() {
        assert_eq!(parse_duration("1h30m").unwrap(), Duration::from_secs(5400));
        assert_eq!(parse_duration("250ms").unwrap(), Duration::from_millis(250));
        for text in ["", "1", "s", "1x", "1s2", "-1s", "1.5s", "99999999999999999999s", "9999999d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn plain_http_stays_on_the_machine() {
        for address in ["http://127.0.0.1:8200", "http://[::1]:8200", "http://localhost:8200/"] {
            assert!(Address::parse(address, PlainHttp::LoopbackOnly).is_ok(), "{address}");
        }
        let (what, hint) = Address::parse("http://vault.example.com:8200", PlainHttp::LoopbackOnly).unwrap_err();
        assert!(what.contains("in the clear") && hint.unwrap().contains("allow_plain_http"));
        assert!(Address::parse("http://vault.example.com:8200", PlainHttp::Anywhere).is_ok());
    }

    #[test]
    fn addresses_hold_a_host_and_a_port_only() {
        assert_eq!(Address::parse("https://vault.example.com", PlainHttp::LoopbackOnly).unwrap().port, 443);
        for address in [
            "vault.example.com",
            "https://",
            "https://a:0",
            "https://a:70000",
            "https://a:",
            "https://u@a",
            "https://a/v1",
            "https://[::1",
            "https://[x]:1",
            "https://[::1]x",
            "https://a b",
            "https://::1:80",
        ] {
            assert!(Address::parse(address, PlainHttp::LoopbackOnly).is_err(), "{address}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(secs in 0u64..10_000_000, millis in 0u64..1000) {
            let duration = Duration::from_secs(secs) + Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&print_duration(duration)).unwrap(), duration);
        }

        #[test]
        fn never_panics(text in "\\PC{0,40}") {
            let _ = (FileName::parse(&text), EnvName::parse(&text), Mode::parse(&text), parse_duration(&text));
            let _ = Address::parse(&text, PlainHttp::LoopbackOnly);
            let _ = Address::parse(&format!("https://{text}"), PlainHttp::LoopbackOnly);
        }
    }
}
