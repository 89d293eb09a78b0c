//! Container images.

/// The hash of a path inside an image that layers' changes are kept by.
pub(crate) fn path_hash(path: &str) -> u64 {
    use std::sync::LazyLock;
    // New for each run: nobody can name a file so that it seems to be overwritten.
    static SEED: LazyLock<u64> = LazyLock::new(|| getrandom::u64().unwrap_or(0x6f61_6b75_6d21_2121));
    xxhash_rust::xxh3::xxh3_64_with_seed(path.as_bytes(), *SEED)
}
