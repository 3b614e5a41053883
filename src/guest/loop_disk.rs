// SPDX-License-Identifier: MIT OR Apache-2.0
//! An ext4 on a loop device whose file lies on a tmpfs.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};

/// Where the initramfs has an empty ext4.
pub const IMAGE: &str = "/lib/vexfs/ext4.img";

/// Files of zeros are written as holes, in pieces of this size.
const PIECE: usize = 64 << 10;

mod ioctl {
    nix::ioctl_none_bad!(get_free, 0x4C82);
    nix::ioctl_write_int_bad!(set_fd, 0x4C00);
    nix::ioctl_none_bad!(clear_fd, 0x4C01);
}

/// Mounts a fresh ext4 on `root`, whose disk is the new file `disk`. The loop device goes with the mount.
pub fn mount_ext4(disk: &Path, root: &Path) -> Result<()> {
    copy_with_holes(Path::new(IMAGE), disk)?;
    let backing = File::options().read(true).write(true).open(disk)?;
    let control = File::open("/dev/loop-control").context("this kernel has no loop devices")?;
    // SAFETY: the request takes no argument.
    let number =
        unsafe { ioctl::get_free(control.as_raw_fd()) }.context("no loop device is free")?;
    let path = format!("/dev/loop{number}");
    // A kernel may refuse to mount what is open for writing.
    attach(&path, &backing)
        .with_context(|| format!("cannot attach {} to {path}", disk.display()))?;
    let mounted = mount(
        Some(path.as_str()),
        root,
        Some("ext4"),
        MsFlags::empty(),
        None::<&str>,
    )
    .with_context(|| format!("cannot mount {path} on {}", root.display()));
    let device = File::open(&path)?;
    // SAFETY: the request takes no argument. A device in use is cleared when its last user is gone.
    unsafe { ioctl::clear_fd(device.as_raw_fd()) }
        .with_context(|| format!("cannot release {path}"))?;
    mounted
}

/// Whether a loop device still has a file.
pub fn is_any_attached() -> Result<bool> {
    let devices = fs::read_dir("/sys/block").context("cannot list the disks")?;
    for device in devices {
        // A loop device has this directory for as long as it has a file.
        if device?.path().join("loop").exists() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn attach(path: &str, backing: &File) -> Result<()> {
    let device = File::options().read(true).write(true).open(path)?;
    // SAFETY: the argument is an open descriptor.
    unsafe { ioctl::set_fd(device.as_raw_fd(), backing.as_raw_fd()) }?;
    Ok(())
}

fn copy_with_holes(from: &Path, to: &Path) -> Result<()> {
    let content = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    let file = File::create(to).with_context(|| format!("cannot create {}", to.display()))?;
    file.set_len(content.len() as u64)?;
    for (at, piece) in (0..).step_by(PIECE).zip(content.chunks(PIECE)) {
        if piece.iter().any(|&byte| byte != 0) {
            file.write_all_at(piece, at)?;
        }
    }
    Ok(())
}
