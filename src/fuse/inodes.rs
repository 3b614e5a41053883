// SPDX-License-Identifier: MIT OR Apache-2.0
//! The inodes that the kernel knows, each held by a descriptor or a file handle of its own.
//!
//! A descriptor opened with `O_PATH` names an inode for as long as it is held, whatever happens to the paths that lead
//! to it. So does a file handle, for good. No rename and no symbolic link can lead an operation astray.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use fuser::{FileAttr, INodeNo};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};

use super::attributes;
use super::lower::{Descriptors, Held, Lower, descriptor_path};
use super::passthrough::{Need, Ways};
use crate::store::others::Others;
use crate::store::{Content, FileId, Sidecars, VectorFile, index_file, is_vector_file_name};

/// Numbers from here on are given to inodes whose own number cannot be used.
const FIRST_SUBSTITUTE: u64 = 1 << 63;

pub(super) struct Inode {
    node: u64,
    identity: FileId,
    lower: Lower,
    content: Arc<Content>,
    vector_file: VectorFile,
    sidecars: Sidecars,
    /// The name by which the kernel last found this inode, if a vector file can have that name.
    vector_name: Mutex<Option<Arc<VectorName>>>,
    /// Whether the kernel ever found it by the name of a vector file or an index. What changes it then counts.
    is_searched: AtomicBool,
    ways: Ways,
}

/// The directory and the name of a vector file. Its index files lie beside it.
pub(super) struct VectorName {
    pub(super) directory: Arc<Inode>,
    pub(super) name: OsString,
}

impl Inode {
    fn new(node: u64, identity: FileId, lower: Lower, content: Arc<Content>) -> Arc<Self> {
        Arc::new(Self {
            node,
            identity,
            lower,
            vector_file: VectorFile::new(content.clone()),
            content,
            sidecars: Sidecars::default(),
            vector_name: Mutex::default(),
            is_searched: AtomicBool::new(false),
            ways: Ways::default(),
        })
    }

    /// The inode by a descriptor, which is open as long as it is held.
    pub(super) fn hold(&self) -> io::Result<Held> {
        self.lower.hold()
    }

    pub(super) fn open(&self, flags: OFlags) -> io::Result<File> {
        let held = self.hold()?;
        let file = rustix::fs::openat(CWD, held.path(), flags | OFlags::CLOEXEC, Mode::empty())?;
        Ok(file.into())
    }

    /// Sets the size of the file, whether it is open or not.
    pub(super) fn truncate(&self, size: u64) -> io::Result<()> {
        let size = i64::try_from(size).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))?;
        let held = self.hold()?;
        let truncate = || nix::unistd::truncate(&held.path(), size);
        Ok(self.content.change(&held, 0..0, truncate)?)
    }

    /// The file's content as this mount changes it.
    pub(super) fn content(&self) -> &Content {
        &self.content
    }

    /// The rows of this file, kept between searches.
    pub(super) fn vector_file(&self) -> &VectorFile {
        &self.vector_file
    }

    /// The index files beside this file, kept between searches.
    pub(super) fn sidecars(&self) -> &Sidecars {
        &self.sidecars
    }

    pub(super) fn attributes(&self) -> io::Result<FileAttr> {
        let stat = rustix::fs::fstat(self.hold()?)?;
        let is_root = self.node == INodeNo::ROOT.0;
        let shown = if is_root { stat.st_ino } else { self.node };
        Ok(attributes::from_stat(shown, &stat))
    }

    /// Which ways its open files go.
    pub(super) fn ways(&self) -> &Ways {
        &self.ways
    }

    /// What an open file of this inode needs, opened as a vector file or as a plain one.
    pub(super) fn need(&self, as_vector_file: bool) -> Need {
        if as_vector_file {
            Need::Direct
        } else if self.is_searched.load(Ordering::Relaxed) {
            Need::Seen
        } else {
            Need::Any
        }
    }

    /// The name by which the kernel last found this inode, if it is that of a vector file.
    pub(super) fn vector_name(&self) -> Option<Arc<VectorName>> {
        self.vector_name.lock().expect("a thread panicked").clone()
    }
}

/// All inodes that the kernel knows, each with the number of times that the kernel has looked it up.
pub(super) struct Inodes {
    descriptors: Arc<Descriptors>,
    root: Arc<Inode>,
    known: Mutex<Known>,
}

/// Who else may change the store, as far as it can be noticed.
pub(super) type OtherChanges = Option<Arc<dyn Others>>;

struct Known {
    by_node: HashMap<u64, Entry>,
    by_identity: HashMap<FileId, u64>,
    /// The content of index files that are in use. Changes are counted even if the kernel forgets the inode and finds
    /// it again.
    watched: HashMap<FileId, Weak<Content>>,
    others: OtherChanges,
    next_substitute: u64,
}

struct Entry {
    inode: Arc<Inode>,
    lookups: u64,
}

impl Inodes {
    /// The inodes below `root`, of which `most` are held by a descriptor at a time.
    pub(super) fn new(root: OwnedFd, most: usize, others: OtherChanges) -> io::Result<Self> {
        let stat = rustix::fs::fstat(&root)?;
        let descriptors = Descriptors::new(root.as_fd(), most);
        let lower = descriptors.take(root);
        Ok(Self {
            descriptors,
            root: Inode::new(INodeNo::ROOT.0, FileId::from(&stat), lower, Arc::default()),
            known: Mutex::new(Known {
                by_node: HashMap::new(),
                by_identity: HashMap::new(),
                watched: HashMap::new(),
                others,
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

    /// Finds `name` in a directory and counts a lookup. Filesystems that are mounted within the store are left out.
    pub(super) fn lookup(&self, parent: &Arc<Inode>, name: &OsStr) -> io::Result<Arc<Inode>> {
        let lower = rustix::fs::openat2(
            parent.hold()?,
            name,
            OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::BENEATH | ResolveFlags::NO_XDEV,
        )?;
        self.remember(lower, parent, name)
    }

    /// Counts a lookup of a file that was just created under `name`.
    pub(super) fn adopt(
        &self,
        file: &File,
        parent: &Arc<Inode>,
        name: &OsStr,
    ) -> io::Result<Arc<Inode>> {
        let lower = rustix::fs::openat(
            CWD,
            descriptor_path(file),
            OFlags::PATH | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        self.remember(lower, parent, name)
    }

    fn remember(
        &self,
        lower: OwnedFd,
        parent: &Arc<Inode>,
        name: &OsStr,
    ) -> io::Result<Arc<Inode>> {
        let stat = rustix::fs::fstat(&lower)?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        let vector_name = (is_file && is_vector_file_name(name)).then(|| {
            Arc::new(VectorName {
                directory: parent.clone(),
                name: name.to_owned(),
            })
        });
        let mut known = self.known.lock().expect("a thread panicked");
        let identity = FileId::from(&stat);
        let inode = known.count_lookup(
            identity,
            lower,
            &self.descriptors,
            self.root.identity.device,
        );
        if vector_name.is_some() || index_file::is_name(name) {
            inode.is_searched.store(true, Ordering::Relaxed);
        }
        let forgotten = std::mem::replace(
            &mut *inode.vector_name.lock().expect("a thread panicked"),
            vector_name,
        );
        // Dropping the name may close a directory, which may take long: unlock the table first.
        drop(known);
        drop(forgotten);
        Ok(inode)
    }

    /// The content of an index file, whether the kernel knows its inode or not.
    pub(super) fn content(&self, file: FileId) -> Arc<Content> {
        let mut known = self.known.lock().expect("a thread panicked");
        known.watch(file)
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
    fn count_lookup(
        &mut self,
        identity: FileId,
        mut lower: OwnedFd,
        descriptors: &Arc<Descriptors>,
        device: u64,
    ) -> Arc<Inode> {
        if let Some(node) = self.by_identity.get(&identity)
            && let Some(entry) = self.by_node.get_mut(node)
        {
            match entry.inode.lower.take_another(lower) {
                Ok(()) => {
                    entry.lookups += 1;
                    return entry.inode.clone();
                }
                // The inode that the kernel knows by this number is no more.
                Err(other) => lower = other,
            }
        }
        let node = self.choose_node(identity, device);
        let watched = self.watched.get(&identity).and_then(Weak::upgrade);
        let lower = descriptors.take(lower);
        let content = watched.unwrap_or_else(|| self.new_content());
        let inode = Inode::new(node, identity, lower, content);
        let entry = Entry {
            inode: inode.clone(),
            lookups: 1,
        };
        self.by_identity.insert(identity, node);
        self.by_node.insert(node, entry);
        inode
    }

    fn watch(&mut self, identity: FileId) -> Arc<Content> {
        if let Some(content) = self.watched.get(&identity).and_then(Weak::upgrade) {
            return content;
        }
        self.watched.retain(|_, content| content.strong_count() > 0);
        let node = self.by_identity.get(&identity);
        let entry = node.and_then(|node| self.by_node.get(node));
        let content = entry.map_or_else(|| self.new_content(), |entry| entry.inode.content.clone());
        self.watched.insert(identity, Arc::downgrade(&content));
        content
    }

    fn new_content(&self) -> Arc<Content> {
        let others = self.others.clone();
        Arc::new(others.map_or_else(Content::default, Content::beside))
    }

    /// The lower filesystem's own number, or a substitute where that number could stand for two inodes.
    fn choose_node(&mut self, identity: FileId, device: u64) -> u64 {
        let usable = identity.device == device
            && identity.inode > INodeNo::ROOT.0
            && identity.inode < FIRST_SUBSTITUTE
            && !self.by_node.contains_key(&identity.inode);
        if usable {
            return identity.inode;
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
        let identity = entry.inode.identity;
        if self.by_identity.get(&identity) == Some(&node) {
            self.by_identity.remove(&identity);
        }
        self.by_node.remove(&node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn open(path: &Path) -> OwnedFd {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        rustix::fs::openat(CWD, path, flags, Mode::empty()).unwrap()
    }

    #[test]
    fn changes_of_an_index_count_across_forgetting_its_inode() {
        let folder = tempfile::tempdir().unwrap();
        let name = OsStr::new("v.fvecs.hnsw");
        std::fs::write(folder.path().join(name), "").unwrap();
        let inodes = Inodes::new(open(folder.path()), usize::MAX, None).unwrap();
        let root = inodes.get(INodeNo::ROOT).unwrap();
        let found = || inodes.lookup(&root, name).unwrap();
        let forget = |inode: Arc<Inode>| inodes.forget(INodeNo(inode.node), 1);

        let inode = found();
        let watched = inodes.content(inode.identity);
        assert!(Arc::ptr_eq(&watched, &inode.content), "found, then watched");
        let identity = inode.identity;
        forget(inode);
        let again = found();
        assert!(Arc::ptr_eq(&watched, &again.content), "and found again");
        forget(again);

        // Nobody holds it any more: it starts anew.
        drop(watched);
        let watched = inodes.content(identity);
        let first = found();
        assert!(Arc::ptr_eq(&watched, &first.content), "watched, then found");
        assert_eq!(inodes.known.lock().unwrap().watched.len(), 1);
    }

    #[test]
    fn an_inode_goes_by_the_vector_name_that_it_was_last_found_by() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a.fvecs"), "").unwrap();
        std::fs::hard_link(path("a.fvecs"), path("b.fvecs")).unwrap();
        std::fs::hard_link(path("a.fvecs"), path("data")).unwrap();
        std::fs::create_dir(path("dir.fvecs")).unwrap();
        let inodes = Inodes::new(open(folder.path()), usize::MAX, None).unwrap();
        let root = inodes.get(INodeNo::ROOT).unwrap();
        let name = |name: &str| {
            let inode = inodes.lookup(&root, OsStr::new(name)).unwrap();
            let found = inode.vector_name()?;
            assert!(Arc::ptr_eq(&found.directory, &root));
            Some(found.name.clone())
        };
        for (asked, expected) in [
            ("a.fvecs", Some("a.fvecs")),
            ("b.fvecs", Some("b.fvecs")),
            ("data", None),
            ("a.fvecs", Some("a.fvecs")),
            ("dir.fvecs", None),
        ] {
            assert_eq!(name(asked), expected.map(OsString::from), "{asked}");
        }
    }
}
