// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asks the watchers of a debug kernel what they have seen, and whether they have watched to the end.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::context::Context;
use crate::guest::{debugfs, kmod};
use crate::protocol::results::{LostMemory, Watchers};
use crate::system::proc::read_trimmed;

const KMEMLEAK: &str = "/sys/kernel/debug/kmemleak";

/// What is younger may still be on its way, and is not reported (`mm/kmemleak.c`, MSECS_MIN_AGE).
const OLD_ENOUGH: Duration = Duration::from_secs(6);

/// What is lost may be found by the second scan only: a stale pointer on a stack hides it from the first.
const SCANS: u32 = 2;

/// Watchers, each with a function that a kernel has only where it was built with that watcher.
const KNOWN: [(&str, &str); 6] = [
    ("KASAN", "__asan_report_load8_noabort"),
    ("UBSAN", "__ubsan_handle_out_of_bounds"),
    ("lockdep", "lock_acquire"),
    ("kmemleak", "kmemleak_alloc"),
    ("debug objects", "debug_object_activate"),
    ("list checks", "__list_add_valid_or_report"),
];

pub(super) fn observe(context: &Context) -> Result<Watchers> {
    // Loaded, the module is named by those who have allocated for it.
    kmod::ensure_loaded()?;
    debugfs::ensure_mounted()?;
    let symbols = fs::read_to_string("/proc/kallsyms").context("cannot read /proc/kallsyms")?;
    let has = |function: &str| {
        symbols
            .lines()
            .any(|line| line.ends_with(&format!(" {function}")))
    };
    let built_in = KNOWN.iter().filter(|(_, function)| has(function));

    sleep(OLD_ENOUGH);
    for scan in 0..SCANS {
        context.progress(scan, SCANS)?;
        fs::write(KMEMLEAK, "scan").context("this kernel does not look for lost memory")?;
    }
    let reports = fs::read_to_string(KMEMLEAK).context("cannot read what kmemleak has found")?;
    let lockdep = read_trimmed("/proc/lockdep_stats")?;
    Ok(Watchers {
        built_in: built_in.map(|(name, _)| (*name).to_owned()).collect(),
        lockdep_looks: lockdep_looks(&lockdep),
        lost: lost(&reports),
        scans: SCANS,
    })
}

/// Whether lockdep still looks, as `/proc/lockdep_stats` says.
fn lockdep_looks(stats: &str) -> bool {
    let value = stats
        .lines()
        .find_map(|line| line.trim().strip_prefix("debug_locks:"));
    value.is_some_and(|value| value.trim() == "1")
}

/// The reports of `/sys/kernel/debug/kmemleak`.
fn lost(reports: &str) -> Vec<LostMemory> {
    let mut all = Vec::new();
    for line in reports.lines() {
        if let Some(rest) = line.strip_prefix("unreferenced object ") {
            let bytes = rest
                .split_once("(size ")
                .and_then(|(_, size)| size.trim_end_matches("):").parse().ok())
                .unwrap_or_default();
            all.push(LostMemory {
                bytes,
                program: String::new(),
                trace: Vec::new(),
            });
        } else if let Some(last) = all.last_mut() {
            if let Some(function) = called(line) {
                last.trace.push(function.to_owned());
            } else if let Some(program) = program(line) {
                last.program = program.to_owned();
            }
        }
    }
    all
}

/// The program in a line `comm "NAME", pid 1, jiffies 4294937330`.
fn program(line: &str) -> Option<&str> {
    let (name, _) = line
        .trim()
        .strip_prefix("comm \"")?
        .rsplit_once("\", pid ")?;
    Some(name)
}

/// The function in a line of a trace: it stands behind its address.
fn called(line: &str) -> Option<&str> {
    let line = line.trim();
    let (address, function) = line.strip_prefix("[<")?.split_once(">]")?;
    match function.trim() {
        "" => Some(address),
        function => Some(function),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read_with_their_traces() {
        let reports = "\
unreferenced object 0x62e0e8a0 (size 32):
  comm \"vexfs-init\", pid 1, jiffies 4294937330
  hex dump (first 32 bytes):
    01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
  backtrace (crc 3d9b8d04):
    [<00000000a1b2>] __kmalloc_cache_noprof+0x1
    [<00000000a1b3>] vexfs_open+0x40/0x90 [vexfs]
unreferenced object 0x62e0e8b0 (size 8):
  backtrace (crc 0):
    [<0000000064a1>] 0x64a1
";
        let found = lost(reports);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].bytes, 32);
        assert_eq!(found[0].program, "vexfs-init");
        assert_eq!(found[0].trace[1], "vexfs_open+0x40/0x90 [vexfs]");
        assert_eq!(found[1].trace, ["0x64a1"]);
        assert!(lost("").is_empty());
    }

    #[test]
    fn lockdep_that_gave_up_is_told() {
        assert!(lockdep_looks(
            " lock-classes: 12\n debug_locks:             1\n"
        ));
        assert!(!lockdep_looks(" debug_locks:             0\n"));
        assert!(!lockdep_looks(""));
    }
}
