//! Which file systems keep what is written to them in memory.

const TMPFS: u32 = 0x0102_1994;
const RAMFS: u32 = 0x8584_58f6;

/// What to do about a file system that is on a disk.
pub const HINT: &str = "set `medium: Memory` on the emptyDir, or use a directory under /run or /dev/shm";

/// Tells by its magic number (`statfs`) whether a file system is in memory.
///
/// # Errors
/// Its name, if it is not.
pub fn in_memory(magic: u32) -> Result<(), String> {
    Err(match magic {
        TMPFS | RAMFS => return Ok(()),
        0xef53 => "ext4".to_owned(),
        0x5846_5342 => "xfs".to_owned(),
        0x9123_683e => "btrfs".to_owned(),
        0x794c_7630 => "overlayfs".to_owned(),
        0x6969 => "nfs".to_owned(),
        0x2fc1_2fc1 => "zfs".to_owned(),
        0xf2f5_2010 => "f2fs".to_owned(),
        0x6573_5546 => "fuse".to_owned(),
        0x9fa0 => "proc".to_owned(),
        other => format!("a file system of type {other:#x}"),
    })
}
