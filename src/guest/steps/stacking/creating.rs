// SPDX-License-Identifier: MIT OR Apache-2.0
//! Creating in the store, where memory does not suffice for the module's part of it.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use nix::mount::{MsFlags, mount};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

use super::trial::Trial;
use crate::guest::steps::stage::{Lower, Stage};

pub const TRIALS: &[Trial] = &[Trial {
    name: "a create that fails leaves nothing",
    lower: Lower::Tmpfs,
    work: create_without_memory,
    expected: "0 left something",
}];

/// What is created at most under one limit.
const CREATES: usize = 3000;
/// How many of them failed is an exit status, so it is told modulo this.
const MODULUS: usize = 200;
const NONE_FAILED: usize = MODULUS + 1;
/// How many limits are tried, and how many creates must have failed for the case to say something.
const LIMITS: usize = 40;
const FAILURES: u32 = 20;

/// Each limit of memory is met at another place in the kernel. Nobody in the control group may be killed, so who asks
/// for more is told so.
fn create_without_memory(stage: &Stage) -> Result<String> {
    let groups = stage.lower().with_file_name("groups");
    fs::create_dir(&groups)?;
    mount(
        Some("groups"),
        &groups,
        Some("cgroup2"),
        MsFlags::empty(),
        None::<&str>,
    )
    .context("no control groups")?;
    fs::write(groups.join("cgroup.subtree_control"), "+memory")?;

    let (mut failures, mut left) = (0, 0);
    for kib in (200..).step_by(30).take(LIMITS) {
        let directory = format!("{kib}");
        let (lower, group) = (stage.lower().join(&directory), groups.join(&directory));
        fs::create_dir(&lower)?;
        fs::create_dir(&group)?;
        fs::write(group.join("memory.max"), format!("{kib}K"))?;
        let created = fill(&group, &stage.root().join(&directory))?;
        fs::remove_dir(&group)?;
        if let Some(created) = created {
            failures += 1;
            if fs::read_dir(&lower)?.count() % MODULUS != created {
                left += 1;
            }
        }
        fs::remove_dir_all(lower)?;
    }
    ensure!(failures >= FAILURES, "only {failures} creates have failed");
    Ok(format!("{left} left something"))
}

/// Creates names in `directory` until one fails, by a member of `group`. Returns how many it made, modulo `MODULUS`.
fn fill(group: &Path, directory: &Path) -> Result<Option<usize>> {
    let paths: Vec<_> = (0..CREATES)
        .map(|name| CString::new(directory.join(name.to_string()).as_os_str().as_bytes()))
        .collect::<Result<_, _>>()?;
    // SAFETY: this process has no other thread.
    let child = match unsafe { fork() }? {
        ForkResult::Child => {
            let status = join(group).map_or(0, |()| match create_until_failure(&paths) {
                Some(created) => created % MODULUS + 1,
                None => NONE_FAILED,
            });
            // SAFETY: nothing of the parent's is to be dropped in the child.
            unsafe { libc::_exit(status as libc::c_int) }
        }
        ForkResult::Parent { child } => child,
    };
    let WaitStatus::Exited(_, status) = waitpid(child, None)? else {
        bail!("it did not exit");
    };
    match usize::try_from(status)? {
        0 => bail!("it cannot join the control group"),
        NONE_FAILED => Ok(None),
        status => Ok(Some(status - 1)),
    }
}

fn join(group: &Path) -> Result<()> {
    fs::write("/proc/self/oom_score_adj", "-1000")?;
    let members: PathBuf = group.join("cgroup.procs");
    Ok(fs::write(members, "0")?)
}

/// How many were created before one failed. Takes no memory of its own.
fn create_until_failure(paths: &[CString]) -> Option<usize> {
    paths.iter().enumerate().position(|(number, path)| {
        // SAFETY: the paths end with a zero and outlive the calls.
        let created = unsafe {
            match number % 3 {
                0 => libc::mkdir(path.as_ptr(), 0o755),
                1 => libc::mknod(path.as_ptr(), libc::S_IFREG | 0o644, 0),
                _ => libc::symlink(c"target".as_ptr(), path.as_ptr()),
            }
        };
        created != 0
    })
}
