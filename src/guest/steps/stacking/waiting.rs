// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls that wait, for a pipe or for a frozen disk, and what they must not keep others from.

use std::fs::{self, File, Permissions};
use std::io::{Read, Write, pipe};
use std::num::NonZeroUsize;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use rustix::pipe::{SpliceFlags, splice};

use super::names::outcome;
use super::trial::Trial;
use crate::guest::mounts::{mount_fuse, stop_fuse};
use crate::guest::steps::stage::{Lower, Stage};
use crate::system::deadline::{doze, wait_for};

pub const TRIALS: &[Trial] = &[
    Trial {
        name: "a splice that waits for its pipe keeps nobody from the file",
        lower: Lower::Tmpfs,
        work: splice_from_an_empty_pipe,
        expected: "chmod ok, unlink ok, listing ok, then spliced 5, hello",
    },
    Trial {
        name: "a splice takes what is in the pipe",
        lower: Lower::Tmpfs,
        work: splice_what_is_there,
        expected: "not waiting EAGAIN, 4 of 10, then 6, at the end 0, \0\0abcdefghij",
    },
    Trial {
        name: "a name that changes beneath while a removal waits",
        lower: Lower::Tmpfs,
        work: changed_while_waiting,
        expected: "renamed ok, removed ok, then ENOENT, listing ok",
    },
    Trial {
        name: "who waits for a write to a frozen disk can be killed",
        lower: Lower::Ext4,
        work: kill_who_waits,
        expected: "killed",
    },
];

/// How long what waits for nothing may take.
const SOON: Duration = Duration::from_secs(2);
/// How long it takes until another thread waits.
const MEANWHILE: Duration = Duration::from_millis(200);

/// `ok`, an errno's name, or `hangs`. What hangs is left to itself.
fn soon(work: impl FnOnce() -> std::io::Result<()> + Send + 'static) -> String {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(work()));
    match wait_for("it", SOON, || Ok(receiver.try_recv().ok())) {
        Ok(result) => outcome(result),
        Err(_) => "hangs".to_owned(),
    }
}

fn splice_from_an_empty_pipe(stage: &Stage) -> Result<String> {
    let root = stage.root().to_owned();
    let file = root.join("vectors.fvecs");
    fs::write(&file, "")?;
    let (target, mut written) = (File::options().write(true).open(&file)?, File::open(&file)?);
    let (reader, mut writer) = pipe()?;
    let splicing =
        thread::spawn(move || splice(&reader, None, &target, None, 100, SpliceFlags::empty()));
    doze(MEANWHILE);

    let path = file.clone();
    let chmod = soon(move || fs::set_permissions(path, Permissions::from_mode(0o600)));
    let unlink = soon(move || fs::remove_file(file));
    let listing = soon(move || fs::read_dir(root).map(|names| names.for_each(drop)));
    writer.write_all(b"hello")?;
    let spliced = splicing.join().expect("it does not panic")?;
    let mut content = String::new();
    written.read_to_string(&mut content)?;
    Ok(format!(
        "chmod {chmod}, unlink {unlink}, listing {listing}, then spliced {spliced}, {content}"
    ))
}

fn splice_what_is_there(stage: &Stage) -> Result<String> {
    let file = stage.root().join("file");
    let target = File::create(&file)?;
    let (reader, mut writer) = pipe()?;
    let mut at = 2;
    let mut take = |length, flags| splice(&reader, None, &target, Some(&mut at), length, flags);

    let nothing = take(10, SpliceFlags::NONBLOCK).map(drop);
    writer.write_all(b"abcdefghij")?;
    let four = take(4, SpliceFlags::empty())?;
    let rest = take(100, SpliceFlags::empty())?;
    drop(writer);
    let end = take(100, SpliceFlags::empty())?;
    Ok(format!(
        "not waiting {}, {four} of 10, then {rest}, at the end {end}, {}",
        outcome(nothing.map_err(Into::into)),
        fs::read_to_string(&file)?,
    ))
}

/// Whoever lists the directory beneath holds its lock until the page is there that the names are put into. Behind it
/// waits a rename beneath, and behind that our removal, which has looked the name up already.
fn changed_while_waiting(stage: &Stage) -> Result<String> {
    let (root, lower) = (stage.root(), stage.lower());
    let [file, new] = ["file", "new"].map(|name| lower.join(name));
    fs::write(&file, "old")?;
    fs::write(&new, "new")?;
    fs::read(root.join("file"))?;
    let (source, fuse) = (Path::new("/store/source"), Path::new("/mnt/fuse"));
    fs::create_dir(source)?;
    fs::create_dir_all(fuse)?;
    fs::write(source.join("page"), [1; PAGE])?;
    let mut daemon = mount_fuse(source, fuse)?;
    let page = File::open(fuse.join("page"))?;
    let directory = File::open(lower)?;

    let server = stop_fuse(&daemon)?;
    let (listed, renamed, removed) = thread::scope(|scope| {
        let listing = scope.spawn(|| list_into(&page, &directory));
        thread::sleep(MEANWHILE);
        let renaming = scope.spawn(|| fs::rename(&new, &file));
        thread::sleep(MEANWHILE);
        let removing = scope.spawn(|| fs::remove_file(root.join("file")));
        thread::sleep(MEANWHILE);
        let woken = kill(server, Signal::SIGCONT);
        let listed = listing.join().expect("it does not panic");
        let renamed = renaming.join().expect("it does not panic");
        let removed = removing.join().expect("it does not panic");
        woken.map(|()| (listed, renamed, removed))
    })?;
    listed?;
    drop((page, directory));
    umount2(fuse, MntFlags::empty())?;
    daemon.wait()?;
    Ok(format!(
        "renamed {}, removed {}, then {}, listing {}",
        outcome(renamed),
        outcome(removed),
        outcome(fs::read(root.join("file")).map(drop)),
        outcome(fs::read_dir(root).map(|names| names.for_each(drop))),
    ))
}

const PAGE: usize = 4096;

/// Lists `directory` into a page that must be read from `page` first.
fn list_into(page: &File, directory: &File) -> Result<()> {
    let length = NonZeroUsize::new(PAGE).context("it is empty")?;
    let rights = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new private mapping of a file that nobody truncates. The kernel writes at most its length to it, and it
    // is unmapped once.
    unsafe {
        let buffer = mmap(None, length, rights, MapFlags::MAP_PRIVATE, page, 0)?;
        let (directory, at) = (directory.as_raw_fd(), buffer.as_ptr());
        let listed = libc::syscall(libc::SYS_getdents64, directory, at, PAGE);
        munmap(buffer, PAGE)?;
        Errno::result(listed).map(drop)?;
    }
    Ok(())
}

mod ioctl {
    nix::ioctl_readwrite!(freeze, b'X', 119, libc::c_int);
    nix::ioctl_readwrite!(thaw, b'X', 120, libc::c_int);
}

/// A write waits for the disk with the inode locked, as on every filesystem. The next one waits for that lock.
fn kill_who_waits(stage: &Stage) -> Result<String> {
    let path = stage.root().join("file");
    let mut first = File::create(&path)?;
    // A file of its own: its position is locked, too.
    let file = File::options().write(true).open(&path)?;
    let disk = File::open(stage.lower())?;
    // SAFETY: the request takes no argument.
    unsafe { ioctl::freeze(disk.as_raw_fd(), &mut 0) }.context("the disk cannot be frozen")?;

    let writing = thread::spawn(move || first.write_all(b"first"));
    doze(MEANWHILE);
    // SAFETY: the child makes two system calls and touches no memory that another thread may have locked.
    let second = match unsafe { fork() }? {
        ForkResult::Child => {
            let text = b"second";
            // SAFETY: the text outlives the call; the process ends without running anything else.
            unsafe {
                libc::write(file.as_raw_fd(), text.as_ptr().cast(), text.len());
                libc::_exit(0)
            }
        }
        ForkResult::Parent { child } => child,
    };
    doze(MEANWHILE);
    kill(second, Signal::SIGKILL)?;
    let killed = wait_for("the end of the second", SOON, || {
        let status = waitpid(second, Some(WaitPidFlag::WNOHANG))?;
        Ok((status != WaitStatus::StillAlive).then_some(status))
    });

    // SAFETY: the request takes no argument.
    unsafe { ioctl::thaw(disk.as_raw_fd(), &mut 0) }.context("the disk cannot be thawed")?;
    writing.join().expect("it does not panic")?;
    Ok(match killed {
        Ok(WaitStatus::Signaled(_, Signal::SIGKILL, _)) => "killed".to_owned(),
        Ok(status) => format!("{status:?}"),
        Err(error) => {
            waitpid(second, None)?;
            format!("{error:#}")
        }
    })
}
