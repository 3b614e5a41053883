// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel reads from an inode or a superblock of the module without asking: sizes, and errors of writing back.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use nix::unistd::syncfs;
use rustix::fs::copy_file_range;

use super::trial::Trial;
use crate::guest::loop_disk::mount_ext4;
use crate::guest::steps::stage::{Lower, Stage, mount_module};

pub const TRIALS: &[Trial] = &[
    Trial {
        name: "the size of an open file that grows beneath",
        lower: Lower::Tmpfs,
        work: grown,
        expected: "after read 3 left, after seek 4 copied, after open 12 left",
    },
    Trial {
        name: "an error of writing back that syncfs tells once",
        lower: Lower::Tmpfs,
        work: writing_back_fails,
        expected: "beneath fails, through fails, again ok, another file fails",
    },
];

nix::ioctl_read_bad!(left_to_read, libc::FIONREAD, libc::c_int);

fn left(file: &File) -> Result<libc::c_int> {
    let mut left = 0;
    // SAFETY: the kernel writes one integer.
    unsafe { left_to_read(file.as_raw_fd(), &mut left) }?;
    Ok(left)
}

fn grown(stage: &Stage) -> Result<String> {
    let (root, lower) = (stage.root(), stage.lower());
    fs::write(lower.join("file"), "0123")?;
    let mut beneath = File::options().append(true).open(lower.join("file"))?;
    let mut file = File::open(root.join("file"))?;
    let copy = File::create(root.join("copy"))?;

    beneath.write_all(b"4567")?;
    file.read_exact(&mut [0; 5])?;
    let read = left(&file)?;
    beneath.write_all(b"89ab")?;
    file.seek(SeekFrom::Start(8))?;
    let copied = copy_file_range(&file, None, &copy, None, 100)?;
    beneath.write_all(b"cdef")?;
    file.seek(SeekFrom::Start(4))?;
    drop(File::open(root.join("file"))?);
    let opened = left(&file)?;
    Ok(format!(
        "after read {read} left, after seek {copied} copied, after open {opened} left"
    ))
}

/// A store on a disk that is larger than what its file may hold.
fn writing_back_fails(stage: &Stage) -> Result<String> {
    let store = stage.lower().parent().context("the store has no parent")?;
    let (full, disk) = (store.join("full"), store.join("broken"));
    let mounted = Path::new("/mnt/broken");
    fs::create_dir(&full)?;
    fs::create_dir(&disk)?;
    mount(
        Some("full"),
        &full,
        Some("tmpfs"),
        MsFlags::empty(),
        Some("size=3m"),
    )?;
    mount_ext4(&full.join("disk"), &disk)?;
    mount_module(&disk, mounted, MsFlags::empty(), "")?;

    let mut file = File::create(mounted.join("file"))?;
    let (beneath, through) = (File::open(&disk)?, File::open(mounted)?);
    file.write_all(&vec![7; 6 << 20])?;
    // Blocks of the journal may be among those that find no room, so the errno varies.
    let told = |of: &File| if syncfs(of).is_ok() { "ok" } else { "fails" };
    let [beneath, through, again, another] = [&beneath, &through, &through, &file].map(told);
    Ok(format!(
        "beneath {beneath}, through {through}, again {again}, another file {another}"
    ))
}
