//! Macaroons, as libmacaroons and those after it write them: version 1 in packets of text, version 2 in fields of bytes
//! (github.com/rescrv/libmacaroons, `doc/format.txt`). PyPI's tokens and those of Lightning nodes (LND) are such. Where one
//! counts and what it allows stands in it in the clear; what is secret is the signature at its end.

use base64::Engine as _;

use super::about::{date, plain};
use super::lenient::URL_SAFE;

/// The largest that is looked into, as text.
const MOST: usize = 16 * 1024;

/// What one tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Macaroon<'b> {
    location: &'b [u8],
    identifier: &'b [u8],
    /// The first parties': conditions in words.
    caveats: Vec<&'b [u8]>,
    /// Of third parties, who have to agree.
    others: usize,
}

/// The bytes of one: itself, hex, or base64 of either alphabet, behind a prefix as PyPI's.
fn bytes(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > MOST {
        return None;
    }
    if text.starts_with(&[2]) {
        return Some(text.to_vec());
    }
    if text.starts_with(b"02") {
        let digit = |b: u8| char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (pairs, rest) = text.as_chunks::<2>();
        let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
        return if rest.is_empty() { bytes } else { None };
    }
    let text = text.strip_prefix(b"pypi-").unwrap_or(text);
    let url = |b: &u8| match b {
        b'+' => b'-',
        b'/' => b'_',
        other => *other,
    };
    URL_SAFE.decode(text.iter().map(url).collect::<Vec<u8>>()).ok()
}

fn parse(bytes: &[u8]) -> Option<Macaroon<'_>> {
    if bytes.first() == Some(&2) { version_2(&bytes[1..]) } else { version_1(bytes) }
}

/// Packets: four hex digits of their length, a key, a blank, a value, a newline.
fn version_1(mut rest: &[u8]) -> Option<Macaroon<'_>> {
    let mut macaroon = Macaroon::default();
    for at in 0.. {
        let length = usize::from_str_radix(std::str::from_utf8(rest.get(..4)?).ok()?, 16).ok()?;
        let packet = rest.get(4..length)?.strip_suffix(b"\n")?;
        rest = &rest[length..];
        let blank = packet.iter().position(|b| *b == b' ')?;
        let (key, value) = (&packet[..blank], &packet[blank + 1..]);
        match (at, key) {
            (0, b"location") => macaroon.location = value,
            (1, b"identifier") => macaroon.identifier = value,
            (2.., b"cid") => macaroon.caveats.push(value),
            (2.., b"vid") => {
                macaroon.caveats.pop()?;
                macaroon.others += 1;
            }
            (2.., b"cl") => {}
            (2.., b"signature") => return (value.len() == 32 && rest.is_empty()).then_some(macaroon),
            _ => return None,
        }
    }
    None
}

const END: u8 = 0;
const LOCATION: u8 = 1;
const IDENTIFIER: u8 = 2;
const VERIFICATION: u8 = 4;
const SIGNATURE: u8 = 6;

/// A field: its kind, its value, and what follows. The end of a section has no value.
fn field(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&kind, mut rest) = bytes.split_first()?;
    if kind == END {
        return Some((kind, &[], rest));
    }
    let mut length = 0;
    // Seven bits a byte; no field needs more than three of them.
    for shift in [0, 7, 14] {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            let (value, rest) = rest.split_at_checked(length)?;
            return Some((kind, value, rest));
        }
    }
    None
}

/// Sections of fields that end with a mark, of which an empty one is the last, and the signature.
fn version_2(mut rest: &[u8]) -> Option<Macaroon<'_>> {
    let mut macaroon = Macaroon::default();
    let mut head = true;
    loop {
        let (mut location, mut identifier, mut other) = (&b""[..], None, false);
        loop {
            let (kind, value, after) = field(rest)?;
            rest = after;
            match kind {
                END => break,
                LOCATION => location = value,
                IDENTIFIER => identifier = Some(value),
                VERIFICATION if !head => other = true,
                _ => return None,
            }
        }
        match identifier {
            Some(identifier) if head => (macaroon.location, macaroon.identifier) = (location, identifier),
            Some(_) if other => macaroon.others += 1,
            Some(condition) => macaroon.caveats.push(condition),
            None if head => return None,
            None => break,
        }
        head = false;
    }
    let (kind, value, rest) = field(rest)?;
    (kind == SIGNATURE && value.len() == 32 && rest.is_empty()).then_some(macaroon)
}

/// Whether bytes are a whole macaroon, as they are or in hex or base64.
///
/// ```
/// assert!(!oakum_patterns::check::is_macaroon(b"\x02\x01\x03lnd"));
/// ```
#[must_use]
pub fn is_macaroon(text: &[u8]) -> bool {
    bytes(text).is_some_and(|bytes| parse(&bytes).is_some())
}

/// Where it counts, what it is called there, how many conditions it has, and when it ends if one of them says so.
pub(super) fn about(text: &[u8]) -> Option<String> {
    let bytes = bytes(text)?;
    let macaroon = parse(&bytes)?;
    let mut said = vec![match plain(macaroon.location, 120) {
        Some(location) => format!("macaroon of {location}"),
        None => "macaroon".into(),
    }];
    said.extend(plain(macaroon.identifier, 80).map(|identifier| format!("identifier {identifier}")));
    match macaroon.caveats.len() + macaroon.others {
        0 => {}
        1 => said.push("1 caveat".into()),
        many => said.push(format!("{many} caveats")),
    }
    said.extend(macaroon.caveats.iter().find_map(|caveat| end(caveat)).map(|day| format!("expires {day}")));
    Some(said.join(", "))
}

/// The day that a condition on time names: `time < 2021-03-04T…`, `time-before 2021-03-04T…`, or as PyPI has it `[0, end, begin]`
/// and before that `{"nbf": begin, "exp": end}`.
fn end(caveat: &[u8]) -> Option<String> {
    if let Ok(json) = serde_json::from_slice::<serde_json::Value>(caveat) {
        let kind = json.get(0).and_then(serde_json::Value::as_u64);
        let end = if kind == Some(0) { json.get(1) } else { json.get("exp") };
        return date(end?.as_f64()?);
    }
    let text = std::str::from_utf8(caveat).ok()?;
    let moment = text.strip_prefix("time < ").or_else(|| text.strip_prefix("time-before "))?;
    let day = moment.get(..10)?;
    let digits = |b: (usize, u8)| if matches!(b.0, 4 | 7) { b.1 == b'-' } else { b.1.is_ascii_digit() };
    day.bytes().enumerate().all(digits).then(|| day.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(key: &str, value: &[u8]) -> Vec<u8> {
        let body = [key.as_bytes(), b" ", value, b"\n"].concat();
        [format!("{:04x}", body.len() + 4).into_bytes(), body].concat()
    }

    fn fields(fields: &[(u8, &[u8])]) -> Vec<u8> {
        let one = |(kind, value): &(u8, &[u8])| match *kind {
            END => vec![END],
            kind => [&[kind, value.len() as u8], *value].concat(),
        };
        fields.iter().flat_map(one).collect()
    }

    fn second(caveats: &[&[u8]]) -> Vec<u8> {
        let head = fields(&[(LOCATION, b"pypi.org"), (IDENTIFIER, b"0f8e-11"), (END, b"")]);
        let caveats = caveats.iter().flat_map(|caveat| fields(&[(IDENTIFIER, caveat), (END, b"")])).collect();
        [vec![2], head, caveats, fields(&[(END, b""), (SIGNATURE, &[9; 32])])].concat()
    }

    #[test]
    fn the_first_version_tells_itself_in_packets() {
        let all = [
            packet("location", b"https://lsat.test"),
            packet("identifier", b"key-7"),
            packet("cid", b"account = 3"),
            packet("cid", b"time < 2021-03-04T05:06:07Z"),
            packet("cid", b"of another"),
            packet("vid", &[7; 40]),
            packet("cl", b"https://other.test"),
            packet("signature", &[9; 32]),
        ]
        .concat();
        let said = "macaroon of https://lsat.test, identifier key-7, 3 caveats, expires 2021-03-04";
        for text in [URL_SAFE.encode(&all), base64::engine::general_purpose::STANDARD.encode(&all)] {
            assert_eq!(about(text.as_bytes()).as_deref(), Some(said));
        }
        let cut = URL_SAFE.encode(&all[..all.len() - 4]);
        assert!(!is_macaroon(cut.as_bytes()));
    }

    #[test]
    fn the_second_version_tells_itself_in_fields() {
        for (caveats, said) in [
            (&[][..], "macaroon of pypi.org, identifier 0f8e-11"),
            (&[br#"[1, ["a"]]"#.as_slice()][..], "macaroon of pypi.org, identifier 0f8e-11, 1 caveat"),
            (
                &[br#"{"version": 1, "permissions": "user"}"#.as_slice(), b"[0, 1614864000, 1583328000]"],
                "macaroon of pypi.org, identifier 0f8e-11, 2 caveats, expires 2021-03-04",
            ),
            (
                &[br#"{"nbf": 1583328000, "exp": 1614864000}"#.as_slice()],
                "macaroon of pypi.org, identifier 0f8e-11, 1 caveat, expires 2021-03-04",
            ),
        ] {
            let bytes = second(caveats);
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            for text in [format!("pypi-{}", URL_SAFE.encode(&bytes)), hex] {
                assert_eq!(about(text.as_bytes()).as_deref(), Some(said));
            }
            assert_eq!(about(&bytes).as_deref(), Some(said));
            assert!(!is_macaroon(&bytes[..bytes.len() - 1]) && !is_macaroon(&[&bytes[..], b"x"].concat()));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..80) {
            let _ = about(&bytes);
            bytes.insert(0, 2);
            let _ = about(&bytes);
            let mut whole = second(&[b"a"]);
            let at = at % whole.len();
            whole.splice(at..=at, bytes);
            let _ = about(&whole);
            let _ = parse(&[packet("location", b"x"), whole].concat());
        }
    }
}
