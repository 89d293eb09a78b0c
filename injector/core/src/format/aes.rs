//! AES-256 in CBC (FIPS 197, SP 800-38A), to encrypt only: what a PKCS#12 store is made with. `ring`, which the agent
//! links, has no CBC, and the password of a store is all that this protects; it is no place for anything else.
//!
//! The S-box is computed and not looked up, so that no cache tells which bytes of a key were used.

use zeroize::Zeroizing;

use super::Draft;

const BLOCK: usize = 16;
const ROUNDS: usize = 14;

/// Encrypts with the padding of PKCS#7.
pub(super) fn encrypt(key: &[u8; 32], iv: &[u8; BLOCK], plain: &[u8], out: &mut Draft) {
    let keys = round_keys(key);
    let mut state = Zeroizing::new(*iv);
    let padding = BLOCK - plain.len() % BLOCK;
    let mut bytes = plain.iter().copied().chain(std::iter::repeat_n(padding as u8, padding));
    for _ in 0..plain.len() / BLOCK + 1 {
        for byte in state.iter_mut() {
            *byte ^= bytes.next().expect("the padding fills the last block");
        }
        encrypt_block(&keys, &mut state);
        out.bytes(state.as_slice());
    }
}

fn encrypt_block(keys: &[[u8; BLOCK]; ROUNDS + 1], state: &mut [u8; BLOCK]) {
    add(state, &keys[0]);
    for (round, key) in keys.iter().enumerate().skip(1) {
        let mut next = Zeroizing::new([0; BLOCK]);
        for column in 0..4 {
            // ShiftRows takes each row from another column.
            let from = |row: usize| substitute(state[4 * ((column + row) % 4) + row]);
            let bytes = Zeroizing::new([from(0), from(1), from(2), from(3)]);
            for row in 0..4 {
                let at = |n: usize| bytes[(row + n) % 4];
                next[4 * column + row] =
                    if round == ROUNDS { at(0) } else { double(at(0)) ^ double(at(1)) ^ at(1) ^ at(2) ^ at(3) };
            }
        }
        state.copy_from_slice(next.as_slice());
        add(state, key);
    }
}

fn add(state: &mut [u8; BLOCK], key: &[u8; BLOCK]) {
    for (byte, key) in state.iter_mut().zip(key) {
        *byte ^= key;
    }
}

fn round_keys(key: &[u8; 32]) -> Zeroizing<[[u8; BLOCK]; ROUNDS + 1]> {
    let mut words = Zeroizing::new([[0; 4]; 4 * (ROUNDS + 1)]);
    for (word, bytes) in words.iter_mut().zip(key.chunks_exact(4)) {
        word.copy_from_slice(bytes);
    }
    let mut constant = 1;
    for at in 8..words.len() {
        let mut word = words[at - 1];
        if at % 8 == 0 {
            word.rotate_left(1);
        }
        if at % 4 == 0 {
            word = word.map(substitute);
        }
        if at % 8 == 0 {
            word[0] ^= constant;
            constant = double(constant);
        }
        for (byte, before) in word.iter_mut().zip(words[at - 8]) {
            *byte ^= before;
        }
        words[at] = word;
    }
    let mut keys = Zeroizing::new([[0; BLOCK]; ROUNDS + 1]);
    for (at, word) in words.iter().enumerate() {
        keys[at / 4][at % 4 * 4..][..4].copy_from_slice(word);
    }
    keys
}

/// Multiplies by two in the field of AES, without a branch.
fn double(a: u8) -> u8 {
    (a << 1) ^ ((a >> 7) * 0x1b)
}

fn multiply(mut a: u8, b: u8) -> u8 {
    let mut product = 0;
    for bit in 0..8 {
        product ^= a * ((b >> bit) & 1);
        a = double(a);
    }
    product
}

/// The S-box: the inverse, which is the 254th power, and then an affine map.
fn substitute(a: u8) -> u8 {
    let mut power = a;
    for _ in 0..6 {
        power = multiply(multiply(power, power), a);
    }
    let inverse = multiply(power, power);
    (0..5).fold(0x63, |sum, by| sum ^ inverse.rotate_left(by))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_fips_197_comes_out() {
        // Appendix C.3; counting bytes are the key and the block.
        let key: [u8; 32] = std::array::from_fn(|at| at as u8);
        let plain: [u8; 16] = std::array::from_fn(|at| at as u8 * 0x11);
        let mut out = Draft::default();
        encrypt(&key, &[0; 16], &plain, &mut out);
        let out = out.finish();
        assert_eq!(out.len(), 32);
        let expected: u128 = 0x8ea2_b7ca_5167_45bf_eafc_4990_4b49_6089;
        assert_eq!(out.expose()[..16], expected.to_be_bytes());
    }
}
