// SPDX-License-Identifier: MIT OR Apache-2.0
//! The inodes that the kernel knows, each held by a descriptor of its own.
//!
//! A descriptor opened with `O_PATH` names an inode for as long as it is held, whatever happens to the paths that lead
//! to it: no operation can be led astray by a rename or a symbolic link, and no inode number is reused meanwhile.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use fuser::{FileAttr, INodeNo};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, Stat};

use super::attributes;
use crate::store::{VectorFile, is_vector_file_name};

/// Numbers from here on are given to inodes whose own number cannot be used.
const FIRST_SUBSTITUTE: u64 = 1 << 63;

pub(super) struct Inode {
    node: u64,
    identity: Identity,
    lower: OwnedFd,
    is_vector_name: AtomicBool,
    vector_file: VectorFile,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Identity {
    device: u64,
    number: u64,
}

impl From<&Stat> for Identity {
    fn from(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev,
            number: stat.st_ino,
        }
    }
}

impl AsFd for Inode {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.lower.as_fd()
    }
}

impl Inode {
    fn new(node: u64, identity: Identity, lower: OwnedFd) -> Arc<Self> {
        Arc::new(Self {
            node,
            identity,
            lower,
            is_vector_name: AtomicBool::new(false),
            vector_file: VectorFile::default(),
        })
    }

    /// A path that leads to this very inode, for calls that do not take a descriptor opened with `O_PATH`.
    pub(super) fn path(&self) -> PathBuf {
        descriptor_path(self.lower.as_raw_fd())
    }

    pub(super) fn open(&self, flags: OFlags) -> io::Result<File> {
        let file = rustix::fs::openat(CWD, self.path(), flags | OFlags::CLOEXEC, Mode::empty())?;
        Ok(file.into())
    }

    /// The rows, for as long as this inode holds them.
    pub(super) fn vector_file(&self) -> &VectorFile {
        &self.vector_file
    }

    pub(super) fn attributes(&self) -> io::Result<FileAttr> {
        let stat = rustix::fs::fstat(self)?;
        let is_root = self.node == INodeNo::ROOT.0;
        let shown = if is_root { stat.st_ino } else { self.node };
        Ok(attributes::from_stat(shown, &stat))
    }

    /// Whether the name by which the kernel last found this inode is that of a vector file.
    pub(super) fn is_vector_name(&self) -> bool {
        self.is_vector_name.load(Ordering::Relaxed)
    }
}

fn descriptor_path(descriptor: i32) -> PathBuf {
    Path::new("/proc/self/fd").join(descriptor.to_string())
}

/// All inodes that the kernel knows, with the number of times that it was told of each.
pub(super) struct Inodes {
    root: Arc<Inode>,
    known: Mutex<Known>,
}

struct Known {
    by_node: HashMap<u64, Entry>,
    by_identity: HashMap<Identity, u64>,
    next_substitute: u64,
}

struct Entry {
    inode: Arc<Inode>,
    lookups: u64,
}

impl Inodes {
    pub(super) fn new(root: OwnedFd) -> io::Result<Self> {
        let stat = rustix::fs::fstat(&root)?;
        Ok(Self {
            root: Inode::new(INodeNo::ROOT.0, Identity::from(&stat), root),
            known: Mutex::new(Known {
                by_node: HashMap::new(),
                by_identity: HashMap::new(),
                next_substitute: FIRST_SUBSTITUTE,
            }),
        })
    }

    pub(super) fn get(&self, node: INodeNo) -> io::Result<Arc<Inode>> {
        if node == INodeNo::ROOT {
            return Ok(self.root.clone());
        }
        let known = self.known.lock().expect("a thread panicked");
        known
            .by_node
            .get(&node.0)
            .map(|entry| entry.inode.clone())
            .ok_or_else(|| io::Error::from_raw_os_error(libc::ESTALE))
    }

    /// Finds `name` in a directory and counts a lookup. A filesystem that is mounted within the store is not part of it.
    pub(super) fn lookup(&self, parent: &Inode, name: &OsStr) -> io::Result<Arc<Inode>> {
        let lower = rustix::fs::openat2(
            parent,
            name,
            OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::BENEATH | ResolveFlags::NO_XDEV,
        )?;
        self.remember(lower, name)
    }

    /// Counts a lookup of a file that was just created under `name`.
    pub(super) fn adopt(&self, file: &File, name: &OsStr) -> io::Result<Arc<Inode>> {
        let lower = rustix::fs::openat(
            CWD,
            descriptor_path(file.as_raw_fd()),
            OFlags::PATH | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        self.remember(lower, name)
    }

    fn remember(&self, lower: OwnedFd, name: &OsStr) -> io::Result<Arc<Inode>> {
        let identity = Identity::from(&rustix::fs::fstat(&lower)?);
        let mut known = self.known.lock().expect("a thread panicked");
        let inode = known.count_lookup(identity, lower, self.root.identity.device);
        inode
            .is_vector_name
            .store(is_vector_file_name(name), Ordering::Relaxed);
        Ok(inode)
    }

    pub(super) fn forget(&self, node: INodeNo, lookups: u64) {
        let forgotten = self
            .known
            .lock()
            .expect("a thread panicked")
            .forget(node.0, lookups);
        // Closing may take long (it may free a deleted file), so the table is unlocked by now.
        drop(forgotten);
    }
}

impl Known {
    fn count_lookup(&mut self, identity: Identity, lower: OwnedFd, device: u64) -> Arc<Inode> {
        if let Some(node) = self.by_identity.get(&identity)
            && let Some(entry) = self.by_node.get_mut(node)
        {
            entry.lookups += 1;
            return entry.inode.clone();
        }
        let node = self.choose_node(identity, device);
        let inode = Inode::new(node, identity, lower);
        let entry = Entry {
            inode: inode.clone(),
            lookups: 1,
        };
        self.by_identity.insert(identity, node);
        self.by_node.insert(node, entry);
        inode
    }

    /// The number that the lower filesystem uses, unless it could stand for two inodes.
    fn choose_node(&mut self, identity: Identity, device: u64) -> u64 {
        let usable = identity.device == device
            && identity.number > INodeNo::ROOT.0
            && identity.number < FIRST_SUBSTITUTE;
        if usable {
            return identity.number;
        }
        self.next_substitute += 1;
        self.next_substitute
    }

    fn forget(&mut self, node: u64, lookups: u64) -> Option<Entry> {
        let entry = self.by_node.get_mut(&node)?;
        entry.lookups = entry.lookups.saturating_sub(lookups);
        if entry.lookups > 0 {
            return None;
        }
        self.by_identity.remove(&entry.inode.identity);
        self.by_node.remove(&node)
    }
}
