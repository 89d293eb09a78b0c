//! Whose an AWS key id is. Behind its first four letters it is base32 (RFC 4648) of ten bytes; in ids as they are given since
//! 2019 or so the first bit is set, and the forty that follow are the account's number. AWS publishes `sts get-access-key-info`
//! for the same question and not the layout; that was found by A. Steele (awsteele.com, 2020), T. Be'ery (2023) and, for the
//! first bit, WithSecure (2023).

/// The number of the account that a key id belongs to; none of an older id, which does not tell it.
pub(super) fn account(id: &[u8]) -> Option<u64> {
    let letters = id.get(4..20)?;
    let mut bits = 0u128;
    for letter in letters {
        let five = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        bits = bits << 5 | u128::from(five);
    }
    // Eighty bits: the mark, the account, and thirty-nine that nobody has told the meaning of.
    let account = u64::try_from(bits >> 39 & ((1 << 40) - 1)).ok()?;
    (bits >> 79 == 1 && account < 1_000_000_000_000).then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_id_tells_its_account() {
        // The id that the articles above print, and its account; in parts, so that nobody takes it for a key.
        let published = ["ASIA", "Y34FZKBO", "KMUTVV7A"].concat();
        assert_eq!(account(published.as_bytes()), Some(609_629_065_308));
    }

    #[test]
    fn an_older_id_tells_none() {
        // Its first bit is not set.
        assert_eq!(account(&[b"AKIA".as_slice(), b"IOSFODNN7", b"QRSTUVW"].concat()), None);
        // Above the largest number of twelve digits.
        assert_eq!(account(&[b"AKIA".as_slice(), &[b'7'; 16]].concat()), None);
        assert_eq!(account(b"AKIA"), None);
        assert_eq!(account(b"AKIA0189-------------"), None);
    }
}
