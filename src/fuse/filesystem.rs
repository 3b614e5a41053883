// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every operation of the FUSE protocol, carried out on the lower filesystem.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, CopyFileRangeFlags, Errno, FileAttr, FileHandle, Filesystem, FopenFlags,
    Generation, INodeNo, InitFlags, IoctlFlags, KernelConfig, LockOwner, OpenFlags, RenameFlags,
    ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyIoctl,
    ReplyLseek, ReplyOpen, ReplyStatfs, ReplyWrite, ReplyXattr, Request, TimeOrNow, WriteFlags,
};
use rustix::fs::{
    AtFlags, CWD, FallocateFlags, FileType, Gid, Mode, OFlags, RawDir, SeekFrom, Timestamps, Uid,
    XattrFlags,
};
use rustix::io::ReadWriteFlags;

use super::attributes;
use super::caller::create_as;
use super::handles::{Handles, OpenDirectory, OpenFile};
use super::inodes::{Inode, Inodes};
use super::vectors::OpenVectors;
use crate::store::serve;

/// Nothing is cached by the kernel without asking: the store may change beneath the mount at any time.
const NO_CACHING: Duration = Duration::ZERO;

/// A node number is never in use for two inodes at once, so that generations are not needed.
const GENERATION: Generation = Generation(0);

/// The kernel asks for at most this much in one copy; a smaller step lets searches in between.
const COPY_AT_MOST: u64 = 16 << 20;

pub(super) struct StoreFilesystem {
    inodes: Inodes,
    files: Handles<OpenFile>,
    directories: Handles<OpenDirectory>,
}

impl StoreFilesystem {
    /// A filesystem that presents the directory `root`.
    pub(super) fn new(root: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            inodes: Inodes::new(root)?,
            files: Handles::new(),
            directories: Handles::new(),
        })
    }

    fn find(&self, parent: &Arc<Inode>, name: &OsStr) -> io::Result<FileAttr> {
        self.inodes.lookup(parent, name)?.attributes()
    }

    fn make(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        umask: u32,
        make: impl FnOnce(&Inode) -> rustix::io::Result<()>,
    ) -> io::Result<FileAttr> {
        let parent = self.inodes.get(parent)?;
        create_as(request, umask, || Ok(make(&parent)?))?;
        self.find(&parent, name)
    }

    fn create_file(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: Mode,
        umask: u32,
        flags: i32,
    ) -> io::Result<(FileAttr, Opened)> {
        let parent = self.inodes.get(parent)?;
        let exclusive = lower_flags(flags) | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let created = create_as(request, umask, || {
            Ok(rustix::fs::openat(&*parent, name, exclusive, mode)?)
        });
        let file = match created {
            Ok(file) => File::from(file),
            // Somebody else created it since the kernel looked: it has to look, and check permissions, again.
            Err(error) if is(&error, libc::EEXIST) && flags & libc::O_EXCL == 0 => {
                return Err(errno(libc::ESTALE));
            }
            Err(error) => return Err(error),
        };
        let inode = self.inodes.adopt(&file, &parent, name)?;
        Ok((inode.attributes()?, self.keep_open(inode, file, flags)))
    }

    fn open_file(&self, node: INodeNo, flags: i32) -> io::Result<Opened> {
        let inode = self.inodes.get(node)?;
        let file = inode.open(lower_flags(flags))?;
        Ok(self.keep_open(inode, file, flags))
    }

    fn keep_open(&self, inode: Arc<Inode>, file: File, flags: i32) -> Opened {
        let vector_name = inode.vector_name();
        let is_vector_file = vector_name.is_some();
        let handle = self.files.insert(OpenFile {
            file,
            inode,
            readable: flags & libc::O_ACCMODE != libc::O_WRONLY,
            vector_name,
        });
        // Through the page cache a write that starts within a page arrives as two (fuse_fill_write_pages), and a search in
        // between would find half a row. Past the cache it arrives whole, up to the largest request (1 MiB).
        let options = if is_vector_file {
            FopenFlags::FOPEN_DIRECT_IO
        } else {
            FopenFlags::empty()
        };
        (handle, options)
    }

    fn read_file(&self, handle: FileHandle, offset: u64, size: u32) -> io::Result<Vec<u8>> {
        let open = self.files.get(handle)?;
        let mut data = vec![0; size as usize];
        let mut filled = 0;
        while filled < data.len() {
            match open
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

    fn write_file(
        &self,
        handle: FileHandle,
        offset: u64,
        data: &[u8],
        append: bool,
    ) -> io::Result<u32> {
        let open = self.files.get(handle)?;
        let flags = if append {
            ReadWriteFlags::APPEND
        } else {
            ReadWriteFlags::empty()
        };
        let written = open.inode.content().change(|| {
            let data = [IoSlice::new(data)];
            rustix::io::pwritev2(&open.file, &data, offset, flags)
        })?;
        Ok(written as u32)
    }

    fn truncate(&self, inode: &Inode, handle: Option<FileHandle>, size: u64) -> io::Result<()> {
        let content = inode.content();
        if let Some(handle) = handle {
            let open = self.files.get(handle)?;
            return Ok(content.change(|| rustix::fs::ftruncate(&open.file, size))?);
        }
        let size = i64::try_from(size).map_err(|_| errno(libc::EFBIG))?;
        Ok(content.change(|| nix::unistd::truncate(&inode.path(), size))?)
    }

    fn copy(
        &self,
        (from, mut from_offset): (FileHandle, u64),
        (to, mut to_offset): (FileHandle, u64),
        length: u64,
    ) -> io::Result<u32> {
        let (from, to) = (self.files.get(from)?, self.files.get(to)?);
        let length = length.min(COPY_AT_MOST) as usize;
        let copied = to.inode.content().change(|| {
            rustix::fs::copy_file_range(
                &from.file,
                Some(&mut from_offset),
                &to.file,
                Some(&mut to_offset),
                length,
            )
        })?;
        Ok(copied as u32)
    }

    fn answer(&self, handle: FileHandle, command: u32, input: &[u8]) -> io::Result<Vec<u8>> {
        let open = self.files.get(handle)?;
        let vectors = open.vector_name.as_ref().map(|name| OpenVectors {
            inodes: &self.inodes,
            open: &open,
            name,
        });
        let vectors = vectors.as_ref().map(|vectors| vectors as &dyn serve::Open);
        Ok(serve::ioctl(command, input, open.readable, vectors)?)
    }

    fn open_directory(&self, node: INodeNo) -> io::Result<FileHandle> {
        let inode = self.inodes.get(node)?;
        let stream = inode.open(OFlags::RDONLY | OFlags::DIRECTORY)?;
        Ok(self.directories.insert(OpenDirectory {
            stream: Mutex::new(stream.into()),
        }))
    }

    fn list(&self, handle: FileHandle, offset: u64, reply: &mut ReplyDirectory) -> io::Result<()> {
        let directory = self.directories.get(handle)?;
        let stream = directory.stream.lock().expect("a thread panicked");
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
            let ino = INodeNo(entry.ino());
            let next = entry.next_entry_cookie();
            if reply.add(ino, next, attributes::kind(file_type), name) {
                break;
            }
        }
        Ok(())
    }
}

/// The flags with which to open the lower file. Appending is decided at each write, since it can be switched on and off,
/// and direct I/O would need aligned buffers; the rest has been done when a request to open arrives.
fn lower_flags(flags: i32) -> OFlags {
    let done = OFlags::APPEND
        | OFlags::DIRECT
        | OFlags::CREATE
        | OFlags::EXCL
        | OFlags::TRUNC
        | OFlags::NOCTTY
        | OFlags::NOFOLLOW;
    OFlags::from_bits_retain(flags as u32) - done
}

fn type_of(directory: &OwnedFd, name: &OsStr) -> rustix::io::Result<FileType> {
    let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}

fn errno(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

fn is(error: &io::Error, code: i32) -> bool {
    error.raw_os_error() == Some(code)
}

fn reply_entry(result: io::Result<FileAttr>, reply: ReplyEntry) {
    match result {
        Ok(attributes) => reply.entry(&NO_CACHING, &attributes, GENERATION),
        Err(error) => reply.error(error.into()),
    }
}

fn reply_attributes(result: io::Result<FileAttr>, reply: ReplyAttr) {
    match result {
        Ok(attributes) => reply.attr(&NO_CACHING, &attributes),
        Err(error) => reply.error(error.into()),
    }
}

fn reply_opened(result: io::Result<Opened>, reply: ReplyOpen) {
    match result {
        Ok((handle, options)) => reply.opened(handle, options),
        Err(error) => reply.error(error.into()),
    }
}

fn reply_written(result: io::Result<u32>, reply: ReplyWrite) {
    match result {
        Ok(count) => reply.written(count),
        Err(error) => reply.error(error.into()),
    }
}

fn reply_data(result: io::Result<Vec<u8>>, reply: ReplyData) {
    match result {
        Ok(data) => reply.data(&data),
        Err(error) => reply.error(error.into()),
    }
}

fn reply_done(result: io::Result<()>, reply: ReplyEmpty) {
    match result {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error.into()),
    }
}

/// A value, or with a `size` of 0 only its length. `fill` gets the room that there is and returns the length.
fn reply_xattr(size: u32, reply: ReplyXattr, fill: impl FnOnce(&mut [u8]) -> io::Result<usize>) {
    let mut value = vec![0; size as usize];
    match fill(&mut value) {
        Ok(length) if size == 0 => reply.size(length as u32),
        Ok(length) => reply.data(&value[..length]),
        Err(error) => reply.error(error.into()),
    }
}

/// An open file, and how the kernel is to treat it.
type Opened = (FileHandle, FopenFlags);

impl Filesystem for StoreFilesystem {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let wanted = [
            // The lower filesystem applies the umask, for it knows whether a default ACL takes its place.
            InitFlags::FUSE_DONT_MASK,
            InitFlags::FUSE_POSIX_ACL,
            // Cached pages are dropped when the lower file has changed.
            InitFlags::FUSE_AUTO_INVAL_DATA,
            InitFlags::FUSE_PARALLEL_DIROPS,
            InitFlags::FUSE_ASYNC_DIO,
            // Vector files are open for direct I/O and can be mapped all the same.
            InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP,
        ];
        for capability in wanted {
            // A kernel that lacks one works without it.
            let _ = config.add_capabilities(capability);
        }
        Ok(())
    }

    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let result = self
            .inodes
            .get(parent)
            .and_then(|parent| self.find(&parent, name));
        reply_entry(result, reply);
    }

    fn forget(&self, _request: &Request, node: INodeNo, lookups: u64) {
        self.inodes.forget(node, lookups);
    }

    fn getattr(
        &self,
        _request: &Request,
        node: INodeNo,
        _handle: Option<FileHandle>,
        reply: ReplyAttr,
    ) {
        let result = self.inodes.get(node).and_then(|inode| inode.attributes());
        reply_attributes(result, reply);
    }

    fn setattr(
        &self,
        _request: &Request,
        node: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        handle: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let set = || {
            let inode = self.inodes.get(node)?;
            // The order matters: a new owner clears the set-user-id bit, a new size sets the times.
            if uid.is_some() || gid.is_some() {
                let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
                rustix::fs::chownat(&*inode, "", uid, gid, AtFlags::EMPTY_PATH)?;
            }
            if let Some(mode) = mode {
                let mode = Mode::from_raw_mode(mode);
                rustix::fs::chmodat(CWD, inode.path(), mode, AtFlags::empty())?;
            }
            if let Some(size) = size {
                self.truncate(&inode, handle, size)?;
            }
            if atime.is_some() || mtime.is_some() {
                let times = Timestamps {
                    last_access: attributes::timespec(atime),
                    last_modification: attributes::timespec(mtime),
                };
                rustix::fs::utimensat(CWD, inode.path(), &times, AtFlags::empty())?;
            }
            inode.attributes()
        };
        reply_attributes(set(), reply);
    }

    fn readlink(&self, _request: &Request, node: INodeNo, reply: ReplyData) {
        let result = self.inodes.get(node).and_then(|inode| {
            let target = rustix::fs::readlinkat(&*inode, "", Vec::new())?;
            Ok(target.into_bytes())
        });
        reply_data(result, reply);
    }

    fn mknod(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        rdev: u32,
        reply: ReplyEntry,
    ) {
        let result = self.make(request, parent, name, umask, |parent| {
            let file_type = FileType::from_raw_mode(mode);
            let mode = Mode::from_raw_mode(mode);
            rustix::fs::mknodat(parent, name, file_type, mode, rdev.into())
        });
        reply_entry(result, reply);
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let result = self.make(request, parent, name, umask, |parent| {
            rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(mode))
        });
        reply_entry(result, reply);
    }

    fn unlink(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let result = self
            .inodes
            .get(parent)
            .and_then(|parent| Ok(rustix::fs::unlinkat(&*parent, name, AtFlags::empty())?));
        reply_done(result, reply);
    }

    fn rmdir(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let result = self
            .inodes
            .get(parent)
            .and_then(|parent| Ok(rustix::fs::unlinkat(&*parent, name, AtFlags::REMOVEDIR)?));
        reply_done(result, reply);
    }

    fn symlink(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let result = self.make(request, parent, name, 0, |parent| {
            rustix::fs::symlinkat(target, parent, name)
        });
        reply_entry(result, reply);
    }

    fn rename(
        &self,
        _request: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let rename = || {
            let (parent, new_parent) = (self.inodes.get(parent)?, self.inodes.get(new_parent)?);
            let flags = rustix::fs::RenameFlags::from_bits_retain(flags.bits());
            rustix::fs::renameat_with(&*parent, name, &*new_parent, new_name, flags)?;
            Ok(())
        };
        reply_done(rename(), reply);
    }

    fn link(
        &self,
        _request: &Request,
        node: INodeNo,
        new_parent: INodeNo,
        new_name: &OsStr,
        reply: ReplyEntry,
    ) {
        let link = || {
            let (inode, parent) = (self.inodes.get(node)?, self.inodes.get(new_parent)?);
            let follow = AtFlags::SYMLINK_FOLLOW;
            rustix::fs::linkat(CWD, inode.path(), &*parent, new_name, follow)?;
            self.find(&parent, new_name)
        };
        reply_entry(link(), reply);
    }

    fn open(&self, _request: &Request, node: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        reply_opened(self.open_file(node, flags.0), reply);
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let mode = Mode::from_raw_mode(mode);
        match self.create_file(request, parent, name, mode, umask, flags) {
            Ok((attributes, (handle, options))) => {
                reply.created(&NO_CACHING, &attributes, GENERATION, handle, options);
            }
            Err(error) => reply.error(error.into()),
        }
    }

    fn read(
        &self,
        _request: &Request,
        _node: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        reply_data(self.read_file(handle, offset, size), reply);
    }

    fn write(
        &self,
        _request: &Request,
        _node: INodeNo,
        handle: FileHandle,
        offset: u64,
        data: &[u8],
        write_flags: WriteFlags,
        flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        // A mapped page goes where it was mapped from, even if it arrives through a handle that appends.
        let is_mapped = write_flags.contains(WriteFlags::FUSE_WRITE_CACHE);
        let append = flags.0 & libc::O_APPEND != 0 && !is_mapped;
        reply_written(self.write_file(handle, offset, data, append), reply);
    }

    fn flush(
        &self,
        _request: &Request,
        _node: INodeNo,
        handle: FileHandle,
        _lock_owner: LockOwner,
        reply: ReplyEmpty,
    ) {
        // Closing a duplicate makes a lower filesystem that reports write errors on close report them now.
        let result = self.files.get(handle).and_then(|open| {
            let duplicate = OwnedFd::from(open.file.try_clone()?);
            Ok(nix::unistd::close(duplicate)?)
        });
        reply_done(result, reply);
    }

    fn release(
        &self,
        _request: &Request,
        _node: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.files.remove(handle);
        reply.ok();
    }

    fn fsync(
        &self,
        _request: &Request,
        _node: INodeNo,
        handle: FileHandle,
        datasync: bool,
        reply: ReplyEmpty,
    ) {
        let result = self.files.get(handle).and_then(|open| match datasync {
            true => open.file.sync_data(),
            false => open.file.sync_all(),
        });
        reply_done(result, reply);
    }

    fn opendir(&self, _request: &Request, node: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        let opened = self.open_directory(node);
        reply_opened(opened.map(|handle| (handle, FopenFlags::empty())), reply);
    }

    fn readdir(
        &self,
        _request: &Request,
        _node: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        match self.list(handle, offset, &mut reply) {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error.into()),
        }
    }

    fn releasedir(
        &self,
        _request: &Request,
        _node: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.directories.remove(handle);
        reply.ok();
    }

    fn fsyncdir(
        &self,
        _request: &Request,
        _node: INodeNo,
        handle: FileHandle,
        datasync: bool,
        reply: ReplyEmpty,
    ) {
        let result = self.directories.get(handle).and_then(|directory| {
            let stream = directory.stream.lock().expect("a thread panicked");
            match datasync {
                true => rustix::fs::fdatasync(&*stream)?,
                false => rustix::fs::fsync(&*stream)?,
            }
            Ok(())
        });
        reply_done(result, reply);
    }

    fn statfs(&self, _request: &Request, node: INodeNo, reply: ReplyStatfs) {
        let result = self
            .inodes
            .get(node)
            .and_then(|inode| Ok(rustix::fs::fstatvfs(&*inode)?));
        match result {
            Ok(stat) => reply.statfs(
                stat.f_blocks,
                stat.f_bfree,
                stat.f_bavail,
                stat.f_files,
                stat.f_ffree,
                stat.f_bsize as u32,
                stat.f_namemax as u32,
                stat.f_frsize as u32,
            ),
            Err(error) => reply.error(error.into()),
        }
    }

    fn setxattr(
        &self,
        _request: &Request,
        node: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        _position: u32,
        reply: ReplyEmpty,
    ) {
        let result = self.inodes.get(node).and_then(|inode| {
            let flags = XattrFlags::from_bits_retain(flags as u32);
            Ok(rustix::fs::setxattr(inode.path(), name, value, flags)?)
        });
        reply_done(result, reply);
    }

    fn getxattr(
        &self,
        _request: &Request,
        node: INodeNo,
        name: &OsStr,
        size: u32,
        reply: ReplyXattr,
    ) {
        reply_xattr(size, reply, |value| {
            let path = self.inodes.get(node)?.path();
            Ok(rustix::fs::getxattr(path, name, value)?)
        });
    }

    fn listxattr(&self, _request: &Request, node: INodeNo, size: u32, reply: ReplyXattr) {
        reply_xattr(size, reply, |names| {
            let path = self.inodes.get(node)?.path();
            Ok(rustix::fs::listxattr(path, names)?)
        });
    }

    fn removexattr(&self, _request: &Request, node: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let result = self
            .inodes
            .get(node)
            .and_then(|inode| Ok(rustix::fs::removexattr(inode.path(), name)?));
        reply_done(result, reply);
    }

    fn ioctl(
        &self,
        _request: &Request,
        _node: INodeNo,
        handle: FileHandle,
        flags: IoctlFlags,
        command: u32,
        input: &[u8],
        _output_size: u32,
        reply: ReplyIoctl,
    ) {
        if flags.contains(IoctlFlags::FUSE_IOCTL_DIR) {
            return reply.error(Errno::ENOTTY);
        }
        match self.answer(handle, command, input) {
            Ok(answer) => reply.ioctl(0, &answer),
            Err(error) => reply.error(error.into()),
        }
    }

    fn fallocate(
        &self,
        _request: &Request,
        _node: INodeNo,
        handle: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let result = self.files.get(handle).and_then(|open| {
            let mode = FallocateFlags::from_bits_retain(mode as u32);
            let allocate = || rustix::fs::fallocate(&open.file, mode, offset, length);
            Ok(open.inode.content().change(allocate)?)
        });
        reply_done(result, reply);
    }

    fn lseek(
        &self,
        _request: &Request,
        _node: INodeNo,
        handle: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        let seek = || {
            let open = self.files.get(handle)?;
            let start = u64::try_from(offset).map_err(|_| errno(libc::ENXIO))?;
            let target = match whence {
                libc::SEEK_DATA => SeekFrom::Data(start),
                libc::SEEK_HOLE => SeekFrom::Hole(start),
                _ => return Err(errno(libc::EINVAL)),
            };
            Ok(rustix::fs::seek(&open.file, target)?)
        };
        match seek() {
            Ok(position) => reply.offset(position as i64),
            Err(error) => reply.error(error.into()),
        }
    }

    fn copy_file_range(
        &self,
        _request: &Request,
        _from_node: INodeNo,
        from: FileHandle,
        from_offset: u64,
        _to_node: INodeNo,
        to: FileHandle,
        to_offset: u64,
        length: u64,
        _flags: CopyFileRangeFlags,
        reply: ReplyWrite,
    ) {
        let copied = self.copy((from, from_offset), (to, to_offset), length);
        reply_written(copied, reply);
    }
}
