//! What the kernel tells about a running process, its whole memory included. For root only.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};

use anyhow::Context as _;

use crate::planted::Planted;

/// A process by its number.
#[derive(Debug, Clone, Copy)]
pub struct Process(pub u32);

/// A stretch of memory, and what it is for.
#[derive(Debug)]
pub struct Region {
    /// Its line of `/proc/PID/maps`.
    pub line: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl Process {
    /// A file under `/proc/PID`.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn file(self, name: &str) -> Vec<u8> {
        fs::read(format!("/proc/{}/{name}", self.0)).unwrap_or_else(|e| panic!("/proc/{}/{name}: {e}", self.0))
    }

    /// A line of `/proc/PID/status`, without its name.
    ///
    /// # Panics
    /// If there is no such line.
    #[must_use]
    pub fn status(self, name: &str) -> String {
        let status = String::from_utf8(self.file("status")).expect("the kernel writes text");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {name} in {status}")).trim().to_owned()
    }

    /// How much memory it has had at most, in KiB; none if it has ended.
    #[must_use]
    pub fn peak(self) -> Option<u64> {
        let status = String::from_utf8(self.file("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    }

    /// All memory that can be read at all, while the process stands still.
    ///
    /// # Errors
    /// When it cannot be read, which root always can.
    pub fn memory(self) -> anyhow::Result<Vec<Region>> {
        self.signal("STOP");
        let result = self.read_memory();
        self.signal("CONT");
        result
    }

    fn read_memory(self) -> anyhow::Result<Vec<Region>> {
        let maps = String::from_utf8(self.file("maps"))?;
        let mut memory = fs::File::open(format!("/proc/{}/mem", self.0)).context("cannot open the memory")?;
        let mut regions = Vec::new();
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (Some(range), Some(access)) = (words.next(), words.next()) else { continue };
            // The kernel's own pages in every process; they cannot be read through `mem`.
            if !access.starts_with('r')
                || line.ends_with("[vvar]")
                || line.ends_with("[vvar_vclock]")
                || line.ends_with("[vsyscall]")
            {
                continue;
            }
            let (from, to) = range.split_once('-').context("a range has two ends")?;
            let (from, to) = (u64::from_str_radix(from, 16)?, u64::from_str_radix(to, 16)?);
            let mut bytes = vec![0; usize::try_from(to - from)?];
            memory.seek(SeekFrom::Start(from))?;
            memory.read_exact(&mut bytes).with_context(|| format!("cannot read {line}"))?;
            regions.push(Region { line: line.to_owned(), bytes });
        }
        Ok(regions)
    }

    /// Sends a signal by its name.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn signal(self, name: &str) {
        let sent = std::process::Command::new("kill").args([&format!("-{name}"), &self.0.to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot send {name} to {}", self.0);
    }
}

/// Where in memory a secret, or a form of it, is.
#[must_use]
pub fn traces(memory: &[Region], secret: &Planted) -> Vec<String> {
    memory
        .iter()
        .filter_map(|region| secret.trace_in(&region.bytes).map(|trace| format!("{trace} in {}", region.line)))
        .collect()
}

/// Every text in memory that begins with a prefix and goes on with letters, digits, `-`, `_` or `.`, as often as it is
/// there.
#[must_use]
pub fn words(memory: &[Region], prefix: &str) -> Vec<String> {
    let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let mut found = Vec::new();
    for region in memory {
        for at in crate::planted::places(&region.bytes, prefix.as_bytes()) {
            let word: Vec<u8> = region.bytes[at..].iter().take_while(is_word).copied().collect();
            found.push(String::from_utf8_lossy(&word).into_owned());
        }
    }
    found
}
