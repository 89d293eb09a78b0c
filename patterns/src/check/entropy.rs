//! Shannon entropy of a string's own bytes.

/// Bits a byte: 0 for `aaaa`, 4 at most for hex, 6 at most for base64.
///
/// ```
/// assert_eq!(oakum_patterns::check::entropy(b"aabb"), 1.0);
/// ```
#[must_use]
pub fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for &b in value {
        counts[usize::from(b)] += 1;
    }
    #[allow(clippy::cast_precision_loss, reason = "lengths are far below 2^52")]
    let total = value.len() as f64;
    counts.iter().filter(|&&n| n > 0).map(|&n| f64::from(n) / total).map(|p| -p * p.log2()).sum()
}
