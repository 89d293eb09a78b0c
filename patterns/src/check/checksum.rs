//! Tokens that prove themselves: a checksum or a structure inside them. Recomputed on published examples
//! (`../shared/reference/scanner.md` part 1); none needs a network.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

use super::Verdict;
use crate::rule::Check;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn verdict(holds: bool) -> Verdict {
    if holds { Verdict::Certain } else { Verdict::Reject }
}

/// `value` in an alphabet, padded on the left to `width`, as bytes.
fn digits(mut value: u32, alphabet: &[u8], width: usize) -> Vec<u8> {
    let base = u32::try_from(alphabet.len()).expect("an alphabet has at most 62 letters");
    let mut out = vec![alphabet[0]; width];
    for slot in out.iter_mut().rev() {
        *slot = alphabet[(value % base) as usize];
        value /= base;
    }
    out
}

fn hex(bytes: &[u8], upper: bool) -> Vec<u8> {
    let alphabet = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    bytes.iter().flat_map(|b| [alphabet[usize::from(b >> 4)], alphabet[usize::from(b & 15)]]).collect()
}

/// The body after the last `_` of the prefix, and what the checksum of its first part should be.
fn after_prefix(value: &[u8]) -> &[u8] {
    value.iter().position(|&b| b == b'_').map_or(value, |p| &value[p + 1..])
}

fn crc32_base62_of(body: &[u8]) -> Vec<u8> {
    digits(crc32fast::hash(body), BASE62, 6)
}

/// GitHub classic tokens, npm, Vercel: the last six are the CRC-32 of the body.
pub(super) fn crc32_base62(value: &[u8]) -> Verdict {
    let body = after_prefix(value);
    match body.len().checked_sub(6) {
        Some(cut) if cut > 0 => verdict(crc32_base62_of(&body[..cut]) == body[cut..]),
        _ => Verdict::Reject,
    }
}

fn base32_start(digest: &[u8]) -> Vec<u8> {
    // Eight base32 letters are the first five bytes.
    let bits = digest[..5].iter().fold(0u64, |acc, &b| acc << 8 | u64::from(b));
    (0..8).map(|i| BASE32[(bits >> (35 - 5 * i) & 31) as usize]).collect()
}

const GITHUB_PREFIX: usize = "github_pat_".len();

/// `github_pat_`, 22, `_`, 43, then eight of the digest of all before, then the last eight... in that order the
/// first eight letters after 22 + `_` + 43 are the base32 of the SHA-256 of what precedes them.
pub(super) fn github_fine_grained(value: &[u8]) -> Verdict {
    let cut = GITHUB_PREFIX + 22 + 1 + 43;
    if value.len() < cut + 8 {
        return Verdict::Reject;
    }
    verdict(base32_start(&Sha256::digest(&value[..cut])) == value[cut..cut + 8])
}

/// GitLab's routable tokens: seven base36 letters of CRC-32 at the end.
pub(super) fn gitlab_routable(value: &[u8]) -> Verdict {
    match value.len().checked_sub(7) {
        Some(cut) => verdict(digits(crc32fast::hash(&value[..cut]), BASE36, 7) == value[cut..]),
        None => Verdict::Reject,
    }
}

/// `cflt`, 54, and the first six of base64(CRC-32 of the body, little-endian).
pub(super) fn confluent(value: &[u8]) -> Verdict {
    let Some(body) = value.strip_prefix(b"cflt").filter(|b| b.len() == 60) else { return Verdict::Reject };
    verdict(confluent_sum(&body[..54]) == body[54..])
}

fn confluent_sum(body: &[u8]) -> Vec<u8> {
    let mut text = STANDARD.encode(crc32fast::hash(body).to_le_bytes()).into_bytes();
    text.truncate(6);
    text
}

/// `zpka_<32>_<8>`: hex of the CRC-32 of the 32.
pub(super) fn zuplo(value: &[u8]) -> Verdict {
    let Some(rest) = value.strip_prefix(b"zpka_").filter(|r| r.len() == 41) else { return Verdict::Reject };
    verdict(hex(&crc32fast::hash(&rest[..32]).to_be_bytes(), false) == rest[33..])
}

/// `glsa_<32>_<8>`: little-endian hex of the CRC-32 of all before the last `_`.
pub(super) fn grafana(value: &[u8]) -> Verdict {
    match value.len().checked_sub(9) {
        Some(cut) => verdict(hex(&crc32fast::hash(&value[..cut]).to_le_bytes(), false) == value[cut + 1..]),
        None => Verdict::Reject,
    }
}

/// `ATATT…`, `ATCTT…`, `ATBB…`: upper-case hex of the CRC-32 of all before the last eight.
pub(super) fn atlassian(value: &[u8]) -> Verdict {
    match value.len().checked_sub(8) {
        Some(cut) => verdict(hex(&crc32fast::hash(&value[..cut]).to_be_bytes(), true) == value[cut..]),
        None => Verdict::Reject,
    }
}

/// Cloudflare's `cfut_…`: perhaps the last eight are hex of the CRC-32 of the body. It is nowhere confirmed.
pub(super) fn crc32_hex_hint(value: &[u8]) -> Verdict {
    match after_prefix(value).split_last_chunk::<8>() {
        Some((body, sum)) if hex(&crc32fast::hash(body).to_be_bytes(), false) == sum => Verdict::Certain,
        _ => Verdict::Pass,
    }
}

/// Base64 of `user:password` with a password that is no placeholder (RFC 7617).
pub(super) fn basic_auth(value: &[u8]) -> Verdict {
    let trimmed: Vec<u8> = value.iter().copied().filter(|&b| b != b'=').collect();
    let Ok(pair) = STANDARD_NO_PAD.decode(&trimmed) else { return Verdict::Reject };
    let Some(colon) = pair.iter().position(|&b| b == b':') else { return Verdict::Reject };
    let password = &pair[colon + 1..];
    let printable = pair.iter().all(|&b| (0x20..0x7f).contains(&b))
        || std::str::from_utf8(&pair).is_ok_and(|s| !s.chars().any(char::is_control));
    // RFC 7617 and RFC 6749 print these.
    let published = pair.to_ascii_lowercase().starts_with(b"aladdin:open") || pair.starts_with(b"s6BhdRkqt3:");
    let real = password.len() >= 3 && !super::is_placeholder(password) && !super::reference::refers(password);
    if printable && real && !published { Verdict::Pass } else { Verdict::Reject }
}

/// Completes a sample: the checksum that belongs after `start`, for a rule with this check.
pub(crate) fn complete(check: Check, start: &[u8]) -> Option<Vec<u8>> {
    Some(match check {
        Check::Crc32Base62 | Check::Crc32Base62Hint => crc32_base62_of(after_prefix(start)),
        Check::GithubFineGrained => base32_start(&Sha256::digest(start)),
        Check::GitlabRoutable => digits(crc32fast::hash(start), BASE36, 7),
        Check::Confluent => confluent_sum(start.strip_prefix(b"cflt")?),
        Check::Zuplo => hex(&crc32fast::hash(start.strip_prefix(b"zpka_")?.strip_suffix(b"_")?).to_be_bytes(), false),
        Check::Grafana => hex(&crc32fast::hash(start.strip_suffix(b"_")?).to_le_bytes(), false),
        Check::Atlassian => hex(&crc32fast::hash(start).to_be_bytes(), true),
        Check::Crc32HexHint => hex(&crc32fast::hash(after_prefix(start)).to_be_bytes(), false),
        Check::Bech32 => super::bech32::complete(start)?,
        Check::AzureKey => super::azure::complete(start)?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_digits_are_padded_on_the_left() {
        assert_eq!(digits(0, BASE62, 6), b"000000");
        assert_eq!(digits(61, BASE62, 6), b"00000z");
        assert_eq!(digits(62, BASE62, 6), b"000010");
        // CRC-32 (IEEE) of "123456789" is 0xCBF43926 in every catalogue of checksums.
        assert_eq!(crc32fast::hash(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_sum_that_is_not_confirmed_makes_certain_and_rejects_nothing() {
        let mut token = [b"cfut_".as_slice(), &[b'a'; 40]].concat();
        token.extend(complete(Check::Crc32HexHint, &token).unwrap());
        assert_eq!(crc32_hex_hint(&token), Verdict::Certain);
        token[10] = b'b';
        assert_eq!(crc32_hex_hint(&token), Verdict::Pass);
        assert_eq!(crc32_hex_hint(b""), Verdict::Pass);
    }

    /// One for each row of the reference that has a checksum, but for those with a test of their own.
    #[test]
    fn every_checksum_accepts_what_it_completes_and_rejects_a_changed_letter() {
        let body = |length: usize| "q7R2".repeat(length / 4 + 1)[..length].to_owned();
        type Sum = fn(&[u8]) -> Verdict;
        for (check, start, after, sum) in [
            (Check::Crc32Base62, format!("npm_{}", body(30)), "", crc32_base62 as Sum),
            (Check::Crc32Base62, format!("vcp_{}", body(50)), "", crc32_base62),
            (Check::Crc32Base62, format!("ghr_{}", body(70)), "", crc32_base62),
            (
                Check::GithubFineGrained,
                format!("github_pat_{}_{}", body(22), body(43)),
                "q7R2q7R2",
                github_fine_grained,
            ),
            (Check::GitlabRoutable, format!("glpat-{}.01.1a", body(36)), "", gitlab_routable),
            (Check::Confluent, format!("cflt{}", body(54)), "", confluent),
            (Check::Zuplo, format!("zpka_{}_", body(32).to_lowercase()), "", zuplo),
            (Check::Grafana, format!("glsa_{}_", body(32)), "", grafana),
            (Check::Atlassian, format!("ATATT3xFfGF0{}=", body(172)), "", atlassian),
            (Check::Atlassian, format!("ATCTT3xFfG{}=", body(174)), "", atlassian),
            (Check::Atlassian, format!("ATBB{}", body(24)), "", atlassian),
        ] {
            let mut token = start.clone().into_bytes();
            token.extend(complete(check, start.as_bytes()).unwrap());
            token.extend(after.bytes());
            assert_eq!(sum(&token), Verdict::Certain, "{start}");
            token[12] ^= 1;
            assert_eq!(sum(&token), Verdict::Reject, "{start}");
        }
    }

    #[test]
    fn base32_agrees_with_rfc_4648() {
        assert_eq!(base32_start(b"fooba"), b"MZXW6YTB");
    }

    #[test]
    fn a_changed_letter_breaks_the_checksum() {
        let mut token = b"ghp_".to_vec();
        token.extend([b'a'; 30]);
        token.extend(complete(Check::Crc32Base62, &token).unwrap());
        assert_eq!(crc32_base62(&token), Verdict::Certain);
        token[10] = b'b';
        assert_eq!(crc32_base62(&token), Verdict::Reject);
        assert_eq!(crc32_base62(b"ghp_"), Verdict::Reject);
    }
}
