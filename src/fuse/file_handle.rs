// SPDX-License-Identifier: MIT OR Apache-2.0
//! File handles (`open_by_handle_at(2)`): a name for an inode that needs no descriptor, and is never another inode's.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags};

/// The most bytes that a handle has (`MAX_HANDLE_SZ`).
const BYTES: usize = 128;

/// What the kernel calls `struct file_handle`, with room for every handle.
#[derive(Clone, Copy)]
#[repr(C)]
struct Raw {
    bytes: libc::c_uint,
    kind: libc::c_int,
    handle: [u8; BYTES],
}

/// A handle of an inode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileHandle {
    kind: libc::c_int,
    handle: Box<[u8]>,
}

impl FileHandle {
    /// The handle of an open inode. Not every filesystem has handles.
    pub(super) fn of(inode: BorrowedFd<'_>) -> io::Result<Self> {
        let mut raw = Raw {
            bytes: BYTES as libc::c_uint,
            kind: 0,
            handle: [0; BYTES],
        };
        let mut mount = 0;
        // SAFETY: the path is an empty string. `raw` is laid out as the kernel's struct and has as much room behind it
        // as its first field says. The kernel writes there and into `mount`, and keeps neither.
        let result = unsafe {
            libc::name_to_handle_at(
                inode.as_raw_fd(),
                c"".as_ptr(),
                (&raw mut raw).cast(),
                &raw mut mount,
                libc::AT_EMPTY_PATH,
            )
        };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        let handle = raw.handle.get(..raw.bytes as usize);
        Ok(FileHandle {
            kind: raw.kind,
            handle: handle.unwrap_or_default().into(),
        })
    }

    /// Opens the inode with `O_PATH`; `ESTALE` if it is no more.
    fn open(&self, mount: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        let mut raw = Raw {
            bytes: self.handle.len() as libc::c_uint,
            kind: self.kind,
            handle: [0; BYTES],
        };
        raw.handle[..self.handle.len()].copy_from_slice(&self.handle);
        let flags = libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        // SAFETY: `raw` is laid out as the kernel's struct, and the kernel only reads it during the call.
        let descriptor =
            unsafe { libc::open_by_handle_at(mount.as_raw_fd(), (&raw mut raw).cast(), flags) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor for us.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    }
}

/// A filesystem of which inodes can be opened by their handles.
#[derive(Debug)]
pub(super) struct Handled(File);

impl Handled {
    /// The filesystem of this directory, if it has handles and this process may open inodes by them.
    pub(super) fn new(root: BorrowedFd<'_>) -> Option<Self> {
        let handle = FileHandle::of(root).ok()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mount = rustix::fs::openat(
            CWD,
            format!("/proc/self/fd/{}", root.as_raw_fd()),
            flags,
            Mode::empty(),
        )
        .ok()?;
        handle.open(mount.as_fd()).ok()?;
        Some(Handled(mount.into()))
    }

    pub(super) fn open(&self, handle: &FileHandle) -> io::Result<OwnedFd> {
        handle.open(self.0.as_fd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_one_inodes_own() {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let file = |name: &str| File::create(folder.path().join(name)).unwrap();
        let [a, b] = ["a", "b"].map(file);
        let handle = |file: &File| FileHandle::of(file.as_fd()).unwrap();
        assert_eq!(handle(&a), handle(&a));
        assert_ne!(handle(&a), handle(&b));
    }
}
