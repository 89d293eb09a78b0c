//! Which runs of token bytes are text that somebody encoded: base64 or hex of what can be read. Nearly all other runs are
//! told by their first bytes, so that decoding costs a scan next to nothing.

/// How many characters of base64 are tried: nine bytes.
const BASE64: usize = 12;
/// How many hex digits are tried: ten bytes.
const HEX: usize = 20;

/// Whether the run at `at` may be an encoded text; see [`super::Stream::encoded`].
pub(super) fn may_begin(text: &[u8], at: usize) -> bool {
    let run = &text[at..];
    run.get(..HEX).is_some_and(is_hex_of_text)
        || run.get(..BASE64).is_some_and(|run| is_base64_of_text(run) || is_packed(run))
}

/// Of random bytes one in seventy million begin so.
fn is_base64_of_text(run: &[u8]) -> bool {
    let mut wide = 0;
    for four in run.chunks_exact(4) {
        let mut bits = 0u32;
        for b in four {
            let Some(six) = sextet(*b) else { return false };
            bits = bits << 6 | six;
        }
        for byte in bits.to_be_bytes().into_iter().skip(1) {
            match byte {
                b' '..=b'~' | b'\n' | b'\r' | b'\t' => {}
                // The upper half of UTF-16.
                0 => wide += 1,
                _ => return false,
            }
        }
    }
    wide == 0 || wide == 4 || wide == 5
}

/// Base64 of what gzip packed.
fn is_packed(run: &[u8]) -> bool {
    run.starts_with(b"H4sI")
}

fn is_hex_of_text(run: &[u8]) -> bool {
    run.chunks_exact(2).all(|two| {
        (matches!(two[0], b'2'..=b'7') && two[1].is_ascii_hexdigit()) || matches!(two, b"0a" | b"0A" | b"0d" | b"0D" | b"09")
    })
        // A row of digits is a number.
        && run.iter().any(u8::is_ascii_alphabetic)
}

fn sextet(b: u8) -> Option<u32> {
    Some(match b {
        b'A'..=b'Z' => u32::from(b - b'A'),
        b'a'..=b'z' => u32::from(b - b'a') + 26,
        b'0'..=b'9' => u32::from(b - b'0') + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn text_is_told_from_keys_and_names() {
        let of = |text: &[u8]| may_begin(STANDARD.encode(text).as_bytes(), 0);
        assert!(of(b"password=hunter2"));
        assert!(of(b"{\"auths\":\n {}}"));
        assert!(of("p\0a\0s\0s\0w\0o\0r\0d\0".as_bytes()));
        assert!(may_begin(b"70617373776f72643d78797a31", 0));
        assert!(may_begin(b"H4sIAAAAAAAAA0tMSgYAwkEkNQMAAAA=", 0));
        for other in [
            "some_function_name_of",
            "AnotherNameOfSomething",
            "d41d8cd98f00b204e9800998ecf8427e",
            "iVBORw0KGgoAAAANSUhEUg",
            "34567654345676543456765434",
        ] {
            assert!(!may_begin(other.as_bytes(), 0), "{other}");
        }
        assert!(!of(&[0x89, 0x50, 0x4e, 0x47, 1, 2, 3, 4, 5, 6]));
    }
}
