// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every operation of a mount, carried out on the lower filesystem.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fuser::{BackingId, FileAttr, FileHandle, FopenFlags, INodeNo};
use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, RenameFlags, StatVfs, Timestamps, Uid, XattrFlags,
};

use super::caller::Caller;
use super::handles::Handles;
use super::inodes::{Inode, Inodes, OtherChanges};
use super::lower::Held;
use super::open::{Entry, OpenDirectory, OpenFile};
use super::options::MountOptions;
use super::other_processes::OtherProcesses;
use super::passthrough::{self, Passthrough, Register, Way};
use crate::store::is_vector_file_name;
use crate::store::others::{Nobody, Others};
use crate::store::sent::{AllSent, Sent};

/// The handle of what was opened, and how the kernel is to treat it.
pub(super) struct Opened {
    pub(super) handle: FileHandle,
    pub(super) options: FopenFlags,
    /// What the kernel itself reads and writes.
    pub(super) backing: Option<Arc<BackingId>>,
}

/// How long the kernel may cache what nobody else changes.
const EXCLUSIVELY_CACHED: Duration = Duration::from_secs(3600);

/// How many files at most are watched for changes by other processes.
const MOST_WATCHED: usize = 1024;

/// How many descriptors are left for the driver itself, and for what it opens for a moment.
const FOR_THE_DRIVER: usize = 64;

/// Attributes to set; those that are absent stay as they are.
pub(super) struct NewAttributes {
    pub(super) mode: Option<Mode>,
    pub(super) uid: Option<Uid>,
    pub(super) gid: Option<Gid>,
    pub(super) size: Option<u64>,
    pub(super) times: Option<Timestamps>,
}

pub(super) struct Operations {
    /// How many files and directories may be open.
    most_open: usize,
    inodes: Inodes,
    files: Handles<OpenFile>,
    /// By the numbers of the handles of open files.
    sent: AllSent,
    directories: Handles<OpenDirectory>,
    passthrough: Passthrough,
    /// Whether nothing but this mount changes the store.
    exclusive: bool,
}

impl Operations {
    /// The operations of a mount that presents the directory `root`, by a process that may have so many descriptors.
    pub(super) fn new(
        root: OwnedFd,
        descriptors: usize,
        options: &MountOptions,
    ) -> io::Result<Self> {
        // An open file takes one, and its inode another.
        let half = (descriptors - FOR_THE_DRIVER.min(descriptors / 2)) / 2;
        let watched = (half / 16).min(MOST_WATCHED);
        let others: OtherChanges = match options.exclusive {
            true => Some(Arc::new(Nobody)),
            false => OtherProcesses::new(watched).map(|others| Arc::new(others) as Arc<dyn Others>),
        };
        Ok(Self {
            most_open: half - watched,
            inodes: Inodes::new(root, half, others)?,
            files: Handles::new(),
            directories: Handles::new(),
            sent: AllSent::default(),
            passthrough: Passthrough::new(options.passthrough),
            exclusive: options.exclusive,
        })
    }

    /// How long the kernel may cache a name without asking, and what it stands for. By the name under which the kernel
    /// looked last, a file is a vector file or none: these names are looked up each time.
    pub(super) fn cached(&self, name: &OsStr) -> Duration {
        match is_vector_file_name(name) {
            true => Duration::ZERO,
            false => self.cached_attributes(),
        }
    }

    /// How long the kernel may cache attributes without asking: never where the store may change beneath the mount.
    pub(super) fn cached_attributes(&self) -> Duration {
        match self.exclusive {
            true => EXCLUSIVELY_CACHED,
            false => Duration::ZERO,
        }
    }

    /// All files go to the driver.
    pub(super) fn forbid_passthrough(&self) {
        self.passthrough.forbid();
    }

    pub(super) fn lookup(&self, parent: INodeNo, name: &OsStr) -> io::Result<FileAttr> {
        let parent = self.inodes.get(parent)?;
        self.find(&parent, name)
    }

    fn find(&self, parent: &Arc<Inode>, name: &OsStr) -> io::Result<FileAttr> {
        self.inodes.lookup(parent, name)?.attributes()
    }

    pub(super) fn forget(&self, node: INodeNo, lookups: u64) {
        self.inodes.forget(node, lookups);
    }

    pub(super) fn attributes(&self, node: INodeNo) -> io::Result<FileAttr> {
        self.inodes.get(node)?.attributes()
    }

    /// Sets attributes of an inode. A new size is set through the open file `handle`, if there is one.
    pub(super) fn set_attributes(
        &self,
        node: INodeNo,
        handle: Option<FileHandle>,
        new: NewAttributes,
    ) -> io::Result<FileAttr> {
        let inode = self.inodes.get(node)?;
        let held = inode.hold()?;
        // The order matters: a new owner clears the set-user-id bit, a new size sets the times.
        if new.uid.is_some() || new.gid.is_some() {
            rustix::fs::chownat(&held, "", new.uid, new.gid, AtFlags::EMPTY_PATH)?;
        }
        if let Some(mode) = new.mode {
            rustix::fs::chmodat(CWD, held.path(), mode, AtFlags::empty())?;
        }
        if let Some(size) = new.size {
            match handle {
                Some(handle) => self.files.get(handle)?.truncate(size)?,
                None => inode.truncate(size)?,
            }
        }
        if let Some(times) = &new.times {
            rustix::fs::utimensat(CWD, held.path(), times, AtFlags::empty())?;
        }
        inode.attributes()
    }

    pub(super) fn read_link(&self, node: INodeNo) -> io::Result<Vec<u8>> {
        let held = self.inodes.get(node)?.hold()?;
        let target = rustix::fs::readlinkat(held, "", Vec::new())?;
        Ok(target.into_bytes())
    }

    pub(super) fn make_node(
        &self,
        caller: Caller,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        device: u32,
    ) -> io::Result<FileAttr> {
        self.make(caller, parent, name, |parent| {
            let file_type = FileType::from_raw_mode(mode);
            let mode = Mode::from_raw_mode(mode);
            rustix::fs::mknodat(parent, name, file_type, mode, device.into())
        })
    }

    pub(super) fn make_directory(
        &self,
        caller: Caller,
        parent: INodeNo,
        name: &OsStr,
        mode: Mode,
    ) -> io::Result<FileAttr> {
        self.make(caller, parent, name, |parent| {
            rustix::fs::mkdirat(parent, name, mode)
        })
    }

    pub(super) fn make_symlink(
        &self,
        caller: Caller,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
    ) -> io::Result<FileAttr> {
        self.make(caller, parent, name, |parent| {
            rustix::fs::symlinkat(target, parent, name)
        })
    }

    fn make(
        &self,
        caller: Caller,
        parent: INodeNo,
        name: &OsStr,
        make: impl FnOnce(&Held) -> rustix::io::Result<()>,
    ) -> io::Result<FileAttr> {
        let parent = self.inodes.get(parent)?;
        let held = parent.hold()?;
        caller.create(|| Ok(make(&held)?))?;
        self.find(&parent, name)
    }

    /// Gives an inode another name.
    pub(super) fn link(
        &self,
        node: INodeNo,
        new_parent: INodeNo,
        new_name: &OsStr,
    ) -> io::Result<FileAttr> {
        let (inode, parent) = (self.inodes.get(node)?, self.inodes.get(new_parent)?);
        let follow = AtFlags::SYMLINK_FOLLOW;
        let (held, directory) = (inode.hold()?, parent.hold()?);
        rustix::fs::linkat(CWD, held.path(), directory, new_name, follow)?;
        self.find(&parent, new_name)
    }

    /// Removes a directory if `flags` are `REMOVEDIR`, else anything but a directory.
    pub(super) fn remove(&self, parent: INodeNo, name: &OsStr, flags: AtFlags) -> io::Result<()> {
        let parent = self.inodes.get(parent)?.hold()?;
        Ok(rustix::fs::unlinkat(parent, name, flags)?)
    }

    pub(super) fn rename(
        &self,
        (parent, name): (INodeNo, &OsStr),
        (new_parent, new_name): (INodeNo, &OsStr),
        flags: RenameFlags,
    ) -> io::Result<()> {
        let parent = self.inodes.get(parent)?.hold()?;
        let new_parent = self.inodes.get(new_parent)?.hold()?;
        rustix::fs::renameat_with(parent, name, new_parent, new_name, flags)?;
        Ok(())
    }

    pub(super) fn space(&self, node: INodeNo) -> io::Result<StatVfs> {
        let held = self.inodes.get(node)?.hold()?;
        Ok(rustix::fs::fstatvfs(held)?)
    }

    pub(super) fn set_xattr(
        &self,
        node: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: XattrFlags,
    ) -> io::Result<()> {
        let held = self.inodes.get(node)?.hold()?;
        Ok(rustix::fs::setxattr(held.path(), name, value, flags)?)
    }

    pub(super) fn get_xattr(
        &self,
        node: INodeNo,
        name: &OsStr,
        value: &mut [u8],
    ) -> io::Result<usize> {
        let held = self.inodes.get(node)?.hold()?;
        Ok(rustix::fs::getxattr(held.path(), name, value)?)
    }

    pub(super) fn list_xattrs(&self, node: INodeNo, names: &mut [u8]) -> io::Result<usize> {
        let held = self.inodes.get(node)?.hold()?;
        Ok(rustix::fs::listxattr(held.path(), names)?)
    }

    pub(super) fn remove_xattr(&self, node: INodeNo, name: &OsStr) -> io::Result<()> {
        let held = self.inodes.get(node)?.hold()?;
        Ok(rustix::fs::removexattr(held.path(), name)?)
    }

    pub(super) fn create(
        &self,
        caller: Caller,
        parent: INodeNo,
        name: &OsStr,
        mode: Mode,
        flags: i32,
        register: Register<'_>,
    ) -> io::Result<(FileAttr, Opened)> {
        let parent = self.inodes.get(parent)?;
        let exclusive = lower_flags(flags) | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        self.room_to_open()?;
        let held = parent.hold()?;
        let created = caller.create(|| Ok(rustix::fs::openat(&held, name, exclusive, mode)?));
        let file = match created {
            Ok(file) => File::from(file),
            // Somebody else created it since the kernel looked: it has to look, and check permissions, again.
            Err(error)
                if error.raw_os_error() == Some(libc::EEXIST) && flags & libc::O_EXCL == 0 =>
            {
                return Err(io::Error::from_raw_os_error(libc::ESTALE));
            }
            Err(error) => return Err(error),
        };
        let inode = self.inodes.adopt(&file, &parent, name)?;
        let attributes = inode.attributes()?;
        Ok((attributes, self.keep_open(inode, file, flags, register)?))
    }

    pub(super) fn open(
        &self,
        node: INodeNo,
        flags: i32,
        register: Register<'_>,
    ) -> io::Result<Opened> {
        self.room_to_open()?;
        let inode = self.inodes.get(node)?;
        let file = inode.open(lower_flags(flags))?;
        self.keep_open(inode, file, flags, register)
    }

    /// Refuses to open more than leaves room for everything else.
    fn room_to_open(&self) -> io::Result<()> {
        match self.files.count() + self.directories.count() < self.most_open {
            true => Ok(()),
            false => Err(io::Error::from_raw_os_error(libc::ENFILE)),
        }
    }

    fn keep_open(
        &self,
        inode: Arc<Inode>,
        file: File,
        flags: i32,
        register: Register<'_>,
    ) -> io::Result<Opened> {
        let held = inode.hold()?;
        let vector_name = inode.vector_name();
        let need = inode.need(vector_name.is_some());
        let way = inode.ways().join(need, &file, &self.passthrough, register);
        let backing = match &way {
            Way::Past(backing) => Some(backing.clone()),
            Way::Cached | Way::Direct => None,
        };
        let handle = self.files.insert(OpenFile {
            file,
            inode,
            _held: held,
            readable: flags & libc::O_ACCMODE != libc::O_WRONLY,
            vector_name,
            way,
        });
        Ok(Opened {
            handle,
            options: passthrough::options(need, self.exclusive),
            backing,
        })
    }

    /// An open file by its handle.
    pub(super) fn file(&self, handle: FileHandle) -> io::Result<Arc<OpenFile>> {
        self.files.get(handle)
    }

    pub(super) fn copy(
        &self,
        (from, from_offset): (FileHandle, u64),
        (to, to_offset): (FileHandle, u64),
        length: u64,
    ) -> io::Result<u32> {
        let (from, to) = (self.files.get(from)?, self.files.get(to)?);
        from.copy(from_offset, &to, to_offset, length)
    }

    pub(super) fn ioctl(
        &self,
        handle: FileHandle,
        command: u32,
        request: &[u8],
    ) -> io::Result<Vec<u8>> {
        let open = self.files.get(handle)?;
        open.ioctl(&self.inodes, self.sent(handle), command, request)
    }

    /// What was sent through an open file.
    fn sent(&self, handle: FileHandle) -> Sent<'_> {
        Sent {
            all: &self.sent,
            owner: handle.0,
        }
    }

    pub(super) fn close(&self, handle: FileHandle) {
        self.sent(handle).forget();
        self.files.remove(handle);
    }

    pub(super) fn open_directory(&self, node: INodeNo) -> io::Result<Opened> {
        self.room_to_open()?;
        let inode = self.inodes.get(node)?;
        let stream = inode.open(OFlags::RDONLY | OFlags::DIRECTORY)?;
        let handle = self.directories.insert(OpenDirectory::new(stream.into()));
        Ok(Opened {
            handle,
            options: FopenFlags::empty(),
            backing: None,
        })
    }

    pub(super) fn list(
        &self,
        handle: FileHandle,
        offset: u64,
        is_full: impl FnMut(Entry) -> bool,
    ) -> io::Result<()> {
        self.directories.get(handle)?.list(offset, is_full)
    }

    pub(super) fn sync_directory(&self, handle: FileHandle, only_data: bool) -> io::Result<()> {
        self.directories.get(handle)?.sync(only_data)
    }

    pub(super) fn close_directory(&self, handle: FileHandle) {
        self.directories.remove(handle);
    }
}

/// The flags with which to open the lower file.
///
/// Appending is left out because each write decides it: a process can switch it on and off. Direct I/O is left out
/// because it needs aligned buffers. The kernel has done the rest before a request to open arrives.
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
