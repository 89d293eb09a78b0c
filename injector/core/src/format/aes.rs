//! AES-256 in CBC (FIPS 197, SP 800-38A), to encrypt only: what a PKCS#12 store is made with. `ring`, which the agent
//! links, has no CBC, and the password of a store is all that this protects; it is no place for anything else.
//!
//! The cipher is that of RustCrypto, which looks nothing up in tables and wipes its keys.

use ::aes::Aes256;
use cbc::Encryptor;
use cbc::cipher::{BlockModeEncrypt as _, KeyIvInit as _};
use zeroize::Zeroizing;

use super::Draft;

const BLOCK: usize = 16;

/// Encrypts with the padding of PKCS#7.
pub(super) fn encrypt(key: &[u8; 32], iv: &[u8; BLOCK], plain: &[u8], out: &mut Draft) {
    let mut cipher = Encryptor::<Aes256>::new(key.into(), iv.into());
    let padding = BLOCK - plain.len() % BLOCK;
    let mut bytes = plain.iter().copied().chain(std::iter::repeat_n(padding as u8, padding));
    for _ in 0..plain.len() / BLOCK + 1 {
        let mut block = Zeroizing::new([0; BLOCK]);
        block.fill_with(|| bytes.next().expect("the padding fills the last block"));
        cipher.encrypt_block((&mut *block).into());
        out.bytes(block.as_slice());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encrypted(key: [u8; 32], iv: [u8; 16], plain: &[u8]) -> Vec<u8> {
        let mut out = Draft::default();
        encrypt(&key, &iv, plain, &mut out);
        out.finish().expose().to_vec()
    }

    #[test]
    fn the_example_of_fips_197_comes_out() {
        // Appendix C.3; counting bytes are the key and the block.
        let key = std::array::from_fn(|at| at as u8);
        let plain: [u8; 16] = std::array::from_fn(|at| at as u8 * 0x11);
        let out = encrypted(key, [0; 16], &plain);
        assert_eq!(out.len(), 32);
        let expected: u128 = 0x8ea2_b7ca_5167_45bf_eafc_4990_4b49_6089;
        assert_eq!(out[..16], expected.to_be_bytes());
    }

    #[test]
    fn the_example_of_sp_800_38a_comes_out() {
        // Section F.2.5, its first two blocks.
        let halves: [u128; 2] = [0x603d_eb10_15ca_71be_2b73_aef0_857d_7781, 0x1f35_2c07_3b61_08d7_2d98_10a3_0914_dff4];
        let key: Vec<u8> = halves.iter().flat_map(|half| half.to_be_bytes()).collect();
        let iv = std::array::from_fn(|at| at as u8);
        let plain: [u128; 2] = [0x6bc1_bee2_2e40_9f96_e93d_7e11_7393_172a, 0xae2d_8a57_1e03_ac9c_9eb7_6fac_45af_8e51];
        let plain: Vec<u8> = plain.iter().flat_map(|block| block.to_be_bytes()).collect();
        let cipher: [u128; 2] = [0xf58c_4c04_d6e5_f1ba_779e_abfb_5f7b_fbd6, 0x9cfc_4e96_7edb_808d_679f_777b_c670_2c7d];
        let expected: Vec<u8> = cipher.iter().flat_map(|block| block.to_be_bytes()).collect();
        assert_eq!(encrypted(key.try_into().unwrap(), iv, &plain)[..32], expected);
    }

    #[test]
    fn the_padding_fills_a_block_and_is_never_left_out() {
        for (size, blocks) in [(0, 1), (1, 1), (15, 1), (16, 2), (17, 2), (32, 3)] {
            assert_eq!(encrypted([0; 32], [0; 16], &vec![7; size]).len(), blocks * 16, "{size}");
        }
    }
}
