// SPDX-License-Identifier: MIT OR Apache-2.0
//! The callbacks for the requests of the FUSE protocol: each hands its request to an operation and replies.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::SystemTime;

use fuser::{
    BsdFileFlags, CopyFileRangeFlags, Errno, FileHandle, Filesystem, INodeNo, InitFlags,
    IoctlFlags, KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyLseek, ReplyOpen, ReplyStatfs,
    ReplyWrite, ReplyXattr, Request, TimeOrNow, WriteFlags,
};
use rustix::fs::{AtFlags, FallocateFlags, Gid, Mode, Uid, XattrFlags};

use super::attributes;
use super::caller::Caller;
use super::operations::{NewAttributes, Operations};
use super::options::MountOptions;
use super::replies;

/// A filesystem that presents a store, as fuser serves it.
pub(super) struct StoreFilesystem {
    operations: Operations,
}

impl StoreFilesystem {
    /// A filesystem that presents the directory `root`, by a process that may have so many descriptors.
    pub(super) fn new(
        root: OwnedFd,
        descriptors: usize,
        options: &MountOptions,
    ) -> io::Result<Self> {
        Ok(Self {
            operations: Operations::new(root, descriptors, options)?,
        })
    }
}

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
        // The lower filesystem is none that lies on others itself (Linux 6.9).
        let passthrough = config.add_capabilities(InitFlags::FUSE_PASSTHROUGH).is_ok();
        if !passthrough || config.set_max_stack_depth(1).is_err() {
            self.operations.forbid_passthrough();
        }
        Ok(())
    }

    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        replies::entry(
            self.operations.lookup(parent, name),
            self.operations.cached(name),
            reply,
        );
    }

    fn forget(&self, _request: &Request, node: INodeNo, lookups: u64) {
        self.operations.forget(node, lookups);
    }

    fn getattr(
        &self,
        _request: &Request,
        node: INodeNo,
        _handle: Option<FileHandle>,
        reply: ReplyAttr,
    ) {
        replies::attributes(
            self.operations.attributes(node),
            self.operations.cached_attributes(),
            reply,
        );
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
        let new = NewAttributes {
            mode: mode.map(Mode::from_raw_mode),
            uid: uid.map(Uid::from_raw),
            gid: gid.map(Gid::from_raw),
            size,
            times: attributes::times(atime, mtime),
        };
        let result = self.operations.set_attributes(node, handle, new);
        replies::attributes(result, self.operations.cached_attributes(), reply);
    }

    fn readlink(&self, _request: &Request, node: INodeNo, reply: ReplyData) {
        replies::data(self.operations.read_link(node), reply);
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
        let caller = Caller::new(request, umask);
        let result = self.operations.make_node(caller, parent, name, mode, rdev);
        replies::entry(result, self.operations.cached(name), reply);
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
        let caller = Caller::new(request, umask);
        let mode = Mode::from_raw_mode(mode);
        let result = self.operations.make_directory(caller, parent, name, mode);
        replies::entry(result, self.operations.cached(name), reply);
    }

    fn unlink(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let result = self.operations.remove(parent, name, AtFlags::empty());
        replies::done(result, reply);
    }

    fn rmdir(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let result = self.operations.remove(parent, name, AtFlags::REMOVEDIR);
        replies::done(result, reply);
    }

    fn symlink(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let caller = Caller::new(request, 0);
        let result = self.operations.make_symlink(caller, parent, name, target);
        replies::entry(result, self.operations.cached(name), reply);
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
        let flags = rustix::fs::RenameFlags::from_bits_retain(flags.bits());
        let (old, new) = ((parent, name), (new_parent, new_name));
        replies::done(self.operations.rename(old, new, flags), reply);
    }

    fn link(
        &self,
        _request: &Request,
        node: INodeNo,
        new_parent: INodeNo,
        new_name: &OsStr,
        reply: ReplyEntry,
    ) {
        let result = self.operations.link(node, new_parent, new_name);
        replies::entry(result, self.operations.cached(new_name), reply);
    }

    fn open(&self, _request: &Request, node: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        let register = |file: BorrowedFd<'_>| reply.open_backing(file);
        replies::opened(self.operations.open(node, flags.0, &register), reply);
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
        let caller = Caller::new(request, umask);
        let mode = Mode::from_raw_mode(mode);
        let register = |file: BorrowedFd<'_>| reply.open_backing(file);
        let created = self
            .operations
            .create(caller, parent, name, mode, flags, &register);
        replies::created(created, self.operations.cached(name), reply);
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
        let file = self.operations.file(handle);
        replies::data(file.and_then(|file| file.read(offset, size)), reply);
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
        let file = self.operations.file(handle);
        let result = file.and_then(|file| file.write(offset, data, append));
        replies::written(result, reply);
    }

    fn flush(
        &self,
        _request: &Request,
        _node: INodeNo,
        handle: FileHandle,
        _lock_owner: LockOwner,
        reply: ReplyEmpty,
    ) {
        let file = self.operations.file(handle);
        replies::done(file.and_then(|file| file.flush()), reply);
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
        self.operations.close(handle);
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
        let file = self.operations.file(handle);
        replies::done(file.and_then(|file| file.sync(datasync)), reply);
    }

    fn opendir(&self, _request: &Request, node: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        replies::opened(self.operations.open_directory(node), reply);
    }

    fn readdir(
        &self,
        _request: &Request,
        _node: INodeNo,
        handle: FileHandle,
        offset: u64,
        reply: ReplyDirectory,
    ) {
        replies::entries(reply, |reply| {
            self.operations.list(handle, offset, |entry| {
                let kind = attributes::kind(entry.file_type);
                reply.add(INodeNo(entry.inode), entry.next, kind, entry.name)
            })
        });
    }

    fn releasedir(
        &self,
        _request: &Request,
        _node: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.operations.close_directory(handle);
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
        let result = self.operations.sync_directory(handle, datasync);
        replies::done(result, reply);
    }

    fn statfs(&self, _request: &Request, node: INodeNo, reply: ReplyStatfs) {
        replies::space(self.operations.space(node), reply);
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
        let flags = XattrFlags::from_bits_retain(flags as u32);
        let result = self.operations.set_xattr(node, name, value, flags);
        replies::done(result, reply);
    }

    fn getxattr(
        &self,
        _request: &Request,
        node: INodeNo,
        name: &OsStr,
        size: u32,
        reply: ReplyXattr,
    ) {
        replies::xattr(size, reply, |value| {
            self.operations.get_xattr(node, name, value)
        });
    }

    fn listxattr(&self, _request: &Request, node: INodeNo, size: u32, reply: ReplyXattr) {
        replies::xattr(size, reply, |names| {
            self.operations.list_xattrs(node, names)
        });
    }

    fn removexattr(&self, _request: &Request, node: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        replies::done(self.operations.remove_xattr(node, name), reply);
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
        replies::ioctl(self.operations.ioctl(handle, command, input), reply);
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
        let mode = FallocateFlags::from_bits_retain(mode as u32);
        let file = self.operations.file(handle);
        let result = file.and_then(|file| file.allocate(offset, length, mode));
        replies::done(result, reply);
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
        let file = self.operations.file(handle);
        replies::position(file.and_then(|file| file.seek(offset, whence)), reply);
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
        let (from, to) = ((from, from_offset), (to, to_offset));
        replies::written(self.operations.copy(from, to, length), reply);
    }
}
