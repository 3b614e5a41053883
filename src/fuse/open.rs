// SPDX-License-Identifier: MIT OR Apache-2.0
//! Open files and directories of the lower filesystem, and what is done through them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use rustix::fs::{AtFlags, FallocateFlags, FileType, RawDir, SeekFrom};
use rustix::io::ReadWriteFlags;

use super::inodes::{Inode, Inodes, VectorName};
use super::lower::Held;
use super::passthrough::Way;
use super::vectors::OpenVectors;
use crate::store::sent::Sent;
use crate::store::serve;

/// The most bytes that one copy takes: a smaller step than the kernel asks for lets searches in between.
const COPY_AT_MOST: u64 = 16 << 20;

/// An open regular file.
pub(super) struct OpenFile {
    pub(super) file: File,
    pub(super) inode: Arc<Inode>,
    /// Keeps the inode's descriptor open: a file that is removed has no other way back.
    pub(super) _held: Held,
    pub(super) readable: bool,
    /// The name under which the file was opened, if it is that of a vector file.
    pub(super) vector_name: Option<Arc<VectorName>>,
    pub(super) way: Way,
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.inode.ways().leave(&self.way);
    }
}

impl OpenFile {
    /// Reads up to `size` bytes, and fewer only at the end of the file or before a bad block.
    pub(super) fn read(&self, offset: u64, size: u32) -> io::Result<Vec<u8>> {
        let mut data = vec![0; size as usize];
        let mut filled = 0;
        while filled < data.len() {
            match self
                .file
                .read_at(&mut data[filled..], offset + filled as u64)
            {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What was read before a bad block is still good.
                Err(_) if filled > 0 => break,
                Err(error) => return Err(error),
            }
        }
        data.truncate(filled);
        Ok(data)
    }

    /// Writes `data` at `offset`, or at the end of the file if `append` is set.
    pub(super) fn write(&self, offset: u64, data: &[u8], append: bool) -> io::Result<u32> {
        // Where it appends, it touches what the file becomes longer by.
        let (flags, touches) = match append {
            true => (ReadWriteFlags::APPEND, 0..0),
            false => (ReadWriteFlags::empty(), reach(offset, data.len() as u64)),
        };
        let written = self.inode.content().change(&self.file, touches, || {
            let data = [IoSlice::new(data)];
            rustix::io::pwritev2(&self.file, &data, offset, flags)
        })?;
        Ok(written as u32)
    }

    pub(super) fn truncate(&self, size: u64) -> io::Result<()> {
        let truncate = || rustix::fs::ftruncate(&self.file, size);
        Ok(self.inode.content().change(&self.file, 0..0, truncate)?)
    }

    pub(super) fn allocate(
        &self,
        offset: u64,
        length: u64,
        mode: FallocateFlags,
    ) -> io::Result<()> {
        let allocate = || rustix::fs::fallocate(&self.file, mode, offset, length);
        let moves = FallocateFlags::COLLAPSE_RANGE | FallocateFlags::INSERT_RANGE;
        let touches = match mode.intersects(moves) {
            true => offset..u64::MAX,
            false => reach(offset, length),
        };
        let content = self.inode.content();
        Ok(content.change(&self.file, touches, allocate)?)
    }

    /// Copies up to `length` bytes from here at `from` into the file `to` at `to_offset`.
    pub(super) fn copy(
        &self,
        mut from: u64,
        to: &OpenFile,
        mut to_offset: u64,
        length: u64,
    ) -> io::Result<u32> {
        let length = length.min(COPY_AT_MOST) as usize;
        let touches = reach(to_offset, length as u64);
        let copied = to.inode.content().change(&to.file, touches, || {
            rustix::fs::copy_file_range(
                &self.file,
                Some(&mut from),
                &to.file,
                Some(&mut to_offset),
                length,
            )
        })?;
        Ok(copied as u32)
    }

    /// Finds the next data or the next hole.
    pub(super) fn seek(&self, offset: i64, whence: i32) -> io::Result<u64> {
        let start = u64::try_from(offset).map_err(|_| io::Error::from_raw_os_error(libc::ENXIO))?;
        let target = match whence {
            libc::SEEK_DATA => SeekFrom::Data(start),
            libc::SEEK_HOLE => SeekFrom::Hole(start),
            _ => return Err(io::Error::from_raw_os_error(libc::EINVAL)),
        };
        Ok(rustix::fs::seek(&self.file, target)?)
    }

    pub(super) fn sync(&self, only_data: bool) -> io::Result<()> {
        match only_data {
            true => self.file.sync_data(),
            false => self.file.sync_all(),
        }
    }

    /// Closes a duplicate of the file, to report what a lower filesystem reports on close only, such as write errors.
    pub(super) fn flush(&self) -> io::Result<()> {
        let duplicate = OwnedFd::from(self.file.try_clone()?);
        Ok(nix::unistd::close(duplicate)?)
    }

    /// The answer of the search ABI to an ioctl on this file.
    pub(super) fn ioctl(
        &self,
        inodes: &Inodes,
        sent: Sent,
        command: u32,
        request: &[u8],
    ) -> io::Result<Vec<u8>> {
        let vectors = self.vector_name.as_ref().map(|name| OpenVectors {
            inodes,
            file: &self.file,
            inode: &self.inode,
            name,
            sent,
        });
        let vectors = vectors.as_ref().map(|vectors| vectors as &dyn serve::Open);
        Ok(serve::ioctl(command, request, self.readable, vectors)?)
    }
}

/// So many bytes from `offset` on.
fn reach(offset: u64, length: u64) -> Range<u64> {
    offset..offset.saturating_add(length)
}

/// An open directory.
pub(super) struct OpenDirectory {
    /// The stream of entries. The lock keeps a position and the entries read from it together.
    stream: Mutex<OwnedFd>,
}

/// An entry of a directory.
pub(super) struct Entry<'a> {
    pub(super) inode: u64,
    /// The position of the entry that follows.
    pub(super) next: u64,
    pub(super) file_type: FileType,
    pub(super) name: &'a OsStr,
}

impl OpenDirectory {
    pub(super) fn new(stream: OwnedFd) -> Self {
        OpenDirectory {
            stream: Mutex::new(stream),
        }
    }

    /// Passes on the entries from position `offset` on, until `is_full` says that no other has room.
    pub(super) fn list(
        &self,
        offset: u64,
        mut is_full: impl FnMut(Entry) -> bool,
    ) -> io::Result<()> {
        let stream = self.stream.lock().expect("a thread panicked");
        rustix::fs::seek(&*stream, SeekFrom::Start(offset))?;
        let mut buffer = Vec::with_capacity(32 << 10);
        let mut entries = RawDir::new(stream.as_fd(), buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            let file_type = match entry.file_type() {
                FileType::Unknown => match type_of(&stream, name) {
                    Ok(file_type) => file_type,
                    // It has been removed meanwhile.
                    Err(rustix::io::Errno::NOENT) => continue,
                    Err(error) => return Err(error.into()),
                },
                known => known,
            };
            let entry = Entry {
                inode: entry.ino(),
                next: entry.next_entry_cookie(),
                file_type,
                name,
            };
            if is_full(entry) {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn sync(&self, only_data: bool) -> io::Result<()> {
        let stream = self.stream.lock().expect("a thread panicked");
        match only_data {
            true => rustix::fs::fdatasync(&*stream)?,
            false => rustix::fs::fsync(&*stream)?,
        }
        Ok(())
    }
}

fn type_of(directory: &OwnedFd, name: &OsStr) -> rustix::io::Result<FileType> {
    let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}
