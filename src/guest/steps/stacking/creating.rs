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

use super::Trial;
use super::stage::{Lower, Stage};

pub(super) const TRIALS: &[Trial] = &[Trial {
    name: "a create that fails leaves nothing",
    lower: Lower::Tmpfs,
    work: create_without_memory,
    expected: "0 left something",
}];

/// What is created at most under one limit. The number of the one that failed is an exit status.
const CREATES: u8 = 250;
/// How many must have failed for the case to say something.
const FAILURES: u32 = 20;

/// Each limit of memory is met at another place in the kernel. Nobody in the control group may be killed, so whoever asks
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

    let names: Vec<_> = (0..CREATES).map(|name| name.to_string()).collect();
    let (mut failures, mut left) = (0, 0);
    for kib in (200..).step_by(5) {
        let directory = format!("{kib}");
        fs::create_dir(stage.lower().join(&directory))?;
        let group = groups.join(&directory);
        fs::create_dir(&group)?;
        fs::write(group.join("memory.max"), format!("{kib}K"))?;
        let failed = fill(&group, &stage.root().join(&directory), &names)?;
        fs::remove_dir(&group)?;
        let Some(name) = names.get(failed) else {
            break;
        };
        failures += 1;
        if fs::symlink_metadata(stage.lower().join(&directory).join(name)).is_ok() {
            left += 1;
        }
    }
    ensure!(failures >= FAILURES, "only {failures} creates have failed");
    Ok(format!("{left} left something"))
}

/// Creates these names in `directory`, by a member of `group`. Returns which one failed, or how many there are.
fn fill(group: &Path, directory: &Path, names: &[String]) -> Result<usize> {
    let paths: Vec<_> = names
        .iter()
        .map(|name| CString::new(directory.join(name).as_os_str().as_bytes()))
        .collect::<Result<_, _>>()?;
    // SAFETY: this process has no other thread.
    let child = match unsafe { fork() }? {
        ForkResult::Child => {
            let failed = join(group).is_ok().then(|| create_until_failure(&paths));
            // SAFETY: nothing of the parent's is to be dropped in the child.
            unsafe { libc::_exit(failed.map_or(0, |failed| i32::from(failed) + 1)) }
        }
        ForkResult::Parent { child } => child,
    };
    match waitpid(child, None)? {
        WaitStatus::Exited(_, 0) => bail!("it cannot join the control group"),
        WaitStatus::Exited(_, status) => Ok(usize::try_from(status)? - 1),
        status => bail!("{status:?}"),
    }
}

fn join(group: &Path) -> Result<()> {
    fs::write("/proc/self/oom_score_adj", "-1000")?;
    let members: PathBuf = group.join("cgroup.procs");
    Ok(fs::write(members, "0")?)
}

/// The number of the first one that failed, or of all. Takes no memory of its own.
fn create_until_failure(paths: &[CString]) -> u8 {
    for (number, path) in (0..).zip(paths) {
        // SAFETY: the paths end with a zero and outlive the calls.
        let created = unsafe {
            match number % 3 {
                0 => libc::mkdir(path.as_ptr(), 0o755),
                1 => libc::mknod(path.as_ptr(), libc::S_IFREG | 0o644, 0),
                _ => libc::symlink(c"target".as_ptr(), path.as_ptr()),
            }
        };
        if created != 0 {
            return number;
        }
    }
    CREATES
}
