// SPDX-License-Identifier: MIT OR Apache-2.0
//! A sandbox that a program makes for itself.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

use anyhow::Result;
use nix::errno::Errno;

/// All rights on files that the first version of Landlock knows.
pub const ALL_RIGHTS: u64 = (1 << 13) - 1;
/// To open files for reading, and to list directories.
pub const READING: u64 = 1 << 2 | 1 << 3;
const PATH_BENEATH: u32 = 1;

/// Whether this kernel has Landlock, or why not.
pub fn is_there() -> Result<(), Errno> {
    const VERSION: u32 = 1;
    // SAFETY: without a ruleset the call asks for the version.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0, 0, VERSION) };
    Errno::result(version).map(drop)
}

/// Takes from this thread all rights on files but these, which it keeps below `dir`.
pub fn restrict_to(dir: &Path, rights: u64) -> Result<()> {
    #[repr(C, packed)]
    struct PathBeneath {
        allowed: u64,
        parent: i32,
    }
    let dir = File::open(dir)?;
    let beneath = PathBeneath {
        allowed: rights,
        parent: dir.as_raw_fd(),
    };
    nix::sys::prctl::set_no_new_privs()?;
    // SAFETY: the two structures are the kernel's, and the descriptors are open. The thread alone is restricted.
    unsafe {
        let size = size_of_val(&ALL_RIGHTS);
        let rules = libc::syscall(libc::SYS_landlock_create_ruleset, &ALL_RIGHTS, size, 0);
        let rules = Errno::result(rules)?;
        let added = libc::syscall(
            libc::SYS_landlock_add_rule,
            rules,
            PATH_BENEATH,
            &beneath,
            0,
        );
        Errno::result(added)?;
        let restricted = libc::syscall(libc::SYS_landlock_restrict_self, rules, 0);
        Errno::result(restricted)?;
        libc::close(i32::try_from(rules)?);
    }
    Ok(())
}
