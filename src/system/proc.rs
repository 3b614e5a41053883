// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel says about itself in /proc, /sys and /dev/kmsg.

use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use procfs_core::FromRead;
use procfs_core::process::{MountInfo, MountInfos};

/// The content of a small text file, without the line's end.
pub fn read_trimmed(path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.trim_end().to_owned())
}

/// The kernel's taint mask.
pub fn taint() -> Result<u64> {
    let text = read_trimmed("/proc/sys/kernel/tainted")?;
    text.parse()
        .with_context(|| format!("not a taint mask: {text}"))
}

/// The memory that programs can have without anything being swapped out.
pub fn available_kib() -> Result<u64> {
    meminfo_kib(&read_trimmed("/proc/meminfo")?, "MemAvailable")
}

/// How often the kernel has killed a process for want of memory.
pub fn oom_kills() -> Result<u64> {
    let vmstat = read_trimmed("/proc/vmstat")?;
    vmstat
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
        .context("/proc/vmstat has no oom_kill")
}

/// A figure of /proc/meminfo, in KiB.
pub fn meminfo_kib(text: &str, name: &str) -> Result<u64> {
    text.lines()
        .find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key == name).then(|| value.trim().trim_end_matches(" kB").parse().ok())?
        })
        .with_context(|| format!("/proc/meminfo has no {name}"))
}

/// Active objects in the slab caches whose name contains `part`.
pub fn slab_objects(part: &str) -> Result<u64> {
    Ok(slab_objects_in(&read_trimmed("/proc/slabinfo")?, part))
}

fn slab_objects_in(slabinfo: &str, part: &str) -> u64 {
    slabinfo
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let name = fields.next()?;
            let active: u64 = fields.next()?.parse().ok()?;
            name.contains(part).then_some(active)
        })
        .sum()
}

/// The mounts, in the order of mounting.
pub fn mounts() -> Result<Vec<MountInfo>> {
    let MountInfos(mounts) = MountInfos::from_file("/proc/self/mountinfo")
        .context("the table of mounts cannot be read")?;
    Ok(mounts)
}

/// Whether something is mounted at `path`. The kernel's table tells, since the mount point of a dead driver cannot be
/// looked at.
pub fn is_mounted(path: &Path) -> Result<bool> {
    Ok(mounts()?.iter().any(|mount| mount.mount_point == path))
}

/// The names of all user processes other than this one's init, in the order of their ids.
pub fn user_processes() -> Result<Vec<(i32, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").context("cannot read /proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|n| n.parse().ok()) else {
            continue;
        };
        // A kernel thread has no command line; a process that ends meanwhile is of no interest.
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if pid != 1 && !command.is_empty() {
            let words: Vec<_> = command
                .split(|&byte| byte == 0)
                .filter(|word| !word.is_empty())
                .map(String::from_utf8_lossy)
                .collect();
            found.push((pid, words.join(" ")));
        }
    }
    found.sort();
    Ok(found)
}

/// A record of the kernel's ring buffer.
#[derive(Debug, PartialEq, Eq)]
pub struct LogRecord {
    pub sequence: u64,
    pub microseconds: u64,
    pub text: String,
}

impl LogRecord {
    /// The record as dmesg shows it.
    pub fn line(&self) -> String {
        let (seconds, fraction) = (self.microseconds / 1_000_000, self.microseconds % 1_000_000);
        format!("[{seconds:5}.{fraction:06}] {}", self.text)
    }
}

/// Reads the kernel's ring buffer from the record `first` on.
pub fn kernel_log_from(first: u64) -> Result<Vec<LogRecord>> {
    let mut device = fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/kmsg")
        .context("cannot open /dev/kmsg")?;
    let mut records = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        match device.read(&mut buffer) {
            Ok(length) => {
                let record = parse_log_record(&String::from_utf8_lossy(&buffer[..length]))
                    .context("/dev/kmsg gave a record of an unknown form")?;
                if record.sequence >= first {
                    records.push(record);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(records),
            // Records were overwritten meanwhile: the next read gives the oldest that is left.
            Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {}
            Err(error) => return Err(error).context("cannot read /dev/kmsg"),
        }
    }
}

/// The number of the record that the kernel will log next.
pub fn next_log_sequence() -> Result<u64> {
    Ok(kernel_log_from(0)?
        .last()
        .map_or(0, |record| record.sequence + 1))
}

/// Parses a record: `priority,sequence,microseconds,flags;text`, then lines of ` KEY=value`.
fn parse_log_record(record: &str) -> Option<LogRecord> {
    let (prefix, rest) = record.split_once(';')?;
    let mut fields = prefix.split(',').skip(1);
    Some(LogRecord {
        sequence: fields.next()?.parse().ok()?,
        microseconds: fields.next()?.parse().ok()?,
        text: rest.lines().next().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_of_meminfo() {
        let text = "MemTotal:        1000 kB\nMemFree:          200 kB\nHugePages_Total:       0\n";
        assert_eq!(meminfo_kib(text, "MemFree").unwrap(), 200);
        assert!(meminfo_kib(text, "Slab").is_err());
    }

    #[test]
    fn objects_of_the_caches_of_a_name() {
        let text = "slabinfo - version: 2.1\n# name <active_objs>\nvexfs_inode 7 8 9 : x\nvexfs_file 2 2 2\ndentry 5 5 5\n";
        assert_eq!(slab_objects_in(text, "vexfs"), 9);
    }

    #[test]
    fn what_is_mounted_here() {
        assert!(is_mounted(Path::new("/proc")).unwrap());
        assert!(!is_mounted(Path::new("/proc/self")).unwrap());
    }

    #[test]
    fn a_log_record_as_dmesg_shows_it() {
        let record = parse_log_record("6,339,5140900,-;vexfs: ready; go\n SUBSYSTEM=x\n").unwrap();
        assert_eq!(record.sequence, 339);
        assert_eq!(record.line(), "[    5.140900] vexfs: ready; go");
    }
}
