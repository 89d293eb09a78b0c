//! SHA-1, which key stores are sealed with. It is broken as a signature and guards nothing here: with it is only told whether
//! a known password opens a store.

use sha1::{Digest, Sha1};

/// Of pieces that belong together.
pub(super) fn sha1(pieces: &[&[u8]]) -> [u8; 20] {
    pieces.iter().fold(Sha1::new(), Digest::chain_update).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(pieces: &[&[u8]]) -> String {
        sha1(pieces).iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn digests_agree_with_fips_180() {
        assert_eq!(hex(&[b"abc"]), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(hex(&[]), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        let two = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(hex(&[two]), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
        assert_eq!(hex(&[&[b'a'; 1_000_000]]), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    }

    #[test]
    fn pieces_are_as_one() {
        let text = [7; 200];
        for cut in [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 200] {
            assert_eq!(sha1(&[&text[..cut], &text[cut..]]), sha1(&[&text]));
        }
    }
}
