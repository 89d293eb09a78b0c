//! Whether what is in the volume may be written to a swap device: from what `/proc` says, without asking for anything.

use std::fs;

/// Where a volume's pages may go, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Swap {
    /// The machine has no swap.
    None,
    /// The volume keeps its pages in memory.
    NoswapVolume,
    Swappable,
}

impl Swap {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NoswapVolume => "noswap-volume",
            Self::Swappable => "swappable",
        }
    }
}

/// Looks how it is for the volume on this device. What cannot be read counts as the worse.
pub(super) fn of(device: u64) -> Swap {
    let swaps = fs::read_to_string("/proc/swaps");
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    judge(swaps.ok().as_deref(), &mounts, (rustix::fs::major(device), rustix::fs::minor(device)))
}

/// `swaps` has a heading, and then a line for each device. A line of `mounts` is
/// `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG...] - TYPE SOURCE OPTIONS`, the last of them those of the file system.
fn judge(swaps: Option<&str>, mounts: &str, device: (u32, u32)) -> Swap {
    if swaps.is_some_and(|swaps| swaps.lines().nth(1).is_none()) {
        return Swap::None;
    }
    let device = format!("{}:{}", device.0, device.1);
    let stays = mounts.lines().filter(|line| line.split(' ').nth(2) == Some(&device)).any(|line| {
        let mut system = line.split_once(" - ").map_or("", |(_, system)| system).split(' ');
        let (kind, options) = (system.next(), system.nth(1).unwrap_or_default());
        kind == Some("ramfs") || options.split(',').any(|option| option == "noswap")
    });
    if stays { Swap::NoswapVolume } else { Swap::Swappable }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
    const MOUNTS: &str = "\
23 28 0:22 / /proc rw,nosuid - proc proc rw
61 28 0:52 / /run/secrets/plain rw,relatime shared:3 - tmpfs tmpfs rw,size=4096k
62 28 0:53 / /run/secrets/kept rw,relatime shared:4 - tmpfs tmpfs rw,size=4096k,noswap
63 28 0:54 / /run/secrets/ram rw,relatime - ramfs ramfs rw
64 28 0:55 / /run/secrets/noswap rw,relatime - tmpfs noswap rw
";

    #[test]
    fn only_a_volume_that_says_so_stays_in_memory() {
        let on = format!("{HEADING}/dev/sda2 partition 1000 0 -2\n");
        for (minor, swap) in [
            (52, Swap::Swappable),
            (53, Swap::NoswapVolume),
            (54, Swap::NoswapVolume),
            (55, Swap::Swappable),
            (99, Swap::Swappable),
        ] {
            assert_eq!(judge(Some(&on), MOUNTS, (0, minor)), swap, "0:{minor}");
            assert_eq!(judge(None, MOUNTS, (0, minor)), swap, "0:{minor}");
            assert_eq!(judge(Some(HEADING), MOUNTS, (0, minor)), Swap::None);
        }
    }
}
