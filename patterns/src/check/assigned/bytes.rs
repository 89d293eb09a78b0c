//! Keys that are written as lists of bytes: `{ 0x3a, 0x91, … }`, `[58, 145, …]`.

/// The fewest and the most bytes of a key.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=128;

/// The bytes that a list has, if it is one: numbers of one byte, and commas.
pub(super) fn listed(value: &[u8]) -> Option<Vec<u8>> {
    // Most values are told by their first bytes.
    if !value.first()?.is_ascii_digit() || !value.iter().take(8).any(|b| *b == b',') {
        return None;
    }
    let number = |part: &[u8]| {
        let part = std::str::from_utf8(part.trim_ascii()).ok()?;
        match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
            Some(hex) => u8::from_str_radix(hex, 16).ok(),
            None => part.parse().ok(),
        }
    };
    let body = value.trim_ascii_end();
    let body = body.strip_suffix(b",").unwrap_or(body);
    let bytes: Vec<u8> = body.split(|b| *b == b',').map(number).collect::<Option<_>>()?;
    LENGTHS.contains(&bytes.len()).then_some(bytes)
}

/// Whether a machine drew them: most differ, and they are no row of numbers.
pub(super) fn are_drawn(bytes: &[u8]) -> bool {
    let mut seen = [false; 256];
    bytes.iter().for_each(|b| seen[usize::from(*b)] = true);
    let different = seen.iter().filter(|seen| **seen).count();
    let steps: Vec<u8> = bytes.windows(2).map(|two| two[1].wrapping_sub(two[0])).collect();
    let alike = steps.iter().filter(|step| **step == steps[0]).count();
    // No text has bytes beyond ASCII in the same row.
    LENGTHS.contains(&bytes.len())
        && different * 4 >= bytes.len().min(64) * 3
        && alike * 2 < steps.len()
        && bytes.iter().any(|b| *b >= 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_bytes_are_read() {
        let drawn = listed(b"0x3a, 0x91,0x07, 0xEE, 18, 0xc4, 0x5d, 0xf0,").unwrap();
        assert_eq!(drawn, [0x3a, 0x91, 0x07, 0xee, 18, 0xc4, 0x5d, 0xf0]);
        assert!(are_drawn(&drawn));
        assert!(!are_drawn(&[0, 1, 2, 3, 4, 5, 6, 250]));
        assert!(!are_drawn(&[0; 16]));
        for value in ["1,2,3", "0x3a, x", "1, 2, 300, 4, 5, 6, 7, 8", "12", ""] {
            assert_eq!(listed(value.as_bytes()), None, "{value}");
        }
    }
}
