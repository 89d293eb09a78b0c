//! Owner and mode from a tar's header, as the runtimes' own reader has them.

use tar::Header;

use crate::origin::Permissions;

/// What a header says, with owner and group as the attributes before it may have them.
pub(super) fn permissions(header: &Header, uid: Option<u64>, gid: Option<u64>) -> Option<Permissions> {
    let old = header.as_old();
    let mode = u16::try_from(number(&old.mode)? & 0o7777).ok()?;
    Some(Permissions { mode, uid: uid.or_else(|| number(&old.uid))?, gid: gid.or_else(|| number(&old.gid))? })
}

/// A number of a header: octal digits among blanks, none at all for zero, or, as GNU has it, binary behind a set bit.
fn number(field: &[u8; 8]) -> Option<u64> {
    if field[0] == 0x80 {
        return Some(field[1..].iter().fold(0, |n, &b| n << 8 | u64::from(b)));
    }
    let blank = |b: &u8| matches!(b, 0 | b' ');
    let start = field.iter().position(|b| !blank(b)).unwrap_or(field.len());
    let digits = &field[start..];
    let digits = &digits[..digits.iter().position(blank).unwrap_or(digits.len())];
    digits.iter().try_fold(0u64, |n, b| b.is_ascii_digit().then(|| n << 3 | u64::from(b - b'0')).filter(|_| *b < b'8'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_binary() {
        assert_eq!(number(b"0004755\0"), Some(0o4755));
        assert_eq!(number(b"   755 \0"), Some(0o755));
        assert_eq!(number(&[0; 8]), Some(0));
        assert_eq!(number(b"0000649\0"), None);
        assert_eq!(number(b"-1\0\0\0\0\0\0"), None);
        assert_eq!(number(&[0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]), Some(0x7fff_ffff));
    }

    #[test]
    fn attributes_are_before_the_header() {
        let mut header = Header::new_ustar();
        header.set_mode(0o10_6711);
        header.set_uid(1000);
        header.set_gid(7);
        assert_eq!(permissions(&header, None, None), Some(Permissions { mode: 0o6711, uid: 1000, gid: 7 }));
        let large = Some(1 << 40);
        assert_eq!(permissions(&header, large, None), Some(Permissions { mode: 0o6711, uid: 1 << 40, gid: 7 }));
        header.as_old_mut().mode = *b"nonsense";
        assert_eq!(permissions(&header, None, None), None);
    }
}
