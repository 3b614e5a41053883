// SPDX-License-Identifier: MIT OR Apache-2.0
//! The descriptors that inodes are held by, of which there are no more than this process may have: some are closed, and
//! opened again by file handles when they are needed.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::file_handle::{FileHandle, Handled};

/// How many descriptors are looked at to close one.
const LOOKS: usize = 64;

/// All descriptors of inodes.
#[derive(Debug)]
pub(super) struct Descriptors {
    /// How inodes are opened again. Without it none is closed.
    handled: Option<Handled>,
    most: usize,
    open: AtomicUsize,
    /// The open ones, in the order in which they were opened; some of them are gone.
    queue: Mutex<VecDeque<Weak<Slot>>>,
}

#[derive(Debug)]
struct Slot {
    descriptor: Mutex<Option<Arc<OwnedFd>>>,
    /// Whether it was used since it was last looked at.
    used: AtomicBool,
    /// None where the inode cannot be opened again.
    handle: Option<FileHandle>,
    descriptors: Arc<Descriptors>,
}

/// The descriptor of one inode, open or not.
#[derive(Debug)]
pub(super) struct Lower(Arc<Slot>);

/// A descriptor opened with `O_PATH`, which stays open as long as this is kept.
#[derive(Clone, Debug)]
pub(super) struct Held(Arc<OwnedFd>);

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Held {
    /// A path that leads to this very inode, for calls that do not take a descriptor opened with `O_PATH`.
    pub(super) fn path(&self) -> PathBuf {
        descriptor_path(&*self.0)
    }
}

pub(super) fn descriptor_path(descriptor: &impl AsRawFd) -> PathBuf {
    Path::new("/proc/self/fd").join(descriptor.as_raw_fd().to_string())
}

impl Descriptors {
    /// Descriptors of inodes in the filesystem of `root`, `most` of them at a time, if they can be opened again.
    pub(super) fn new(root: BorrowedFd<'_>, most: usize) -> Arc<Self> {
        Arc::new(Descriptors {
            handled: Handled::new(root),
            most,
            open: AtomicUsize::new(0),
            queue: Mutex::default(),
        })
    }

    /// Takes an inode's descriptor.
    pub(super) fn take(self: &Arc<Self>, descriptor: OwnedFd) -> Lower {
        let handle = self
            .handled
            .as_ref()
            .and_then(|_| FileHandle::of(descriptor.as_fd()).ok());
        let slot = Arc::new(Slot {
            descriptor: Mutex::new(Some(Arc::new(descriptor))),
            used: AtomicBool::new(false),
            handle,
            descriptors: self.clone(),
        });
        self.opened(&slot);
        Lower(slot)
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Weak<Slot>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a descriptor that was opened, and closes others if there are too many.
    fn opened(&self, slot: &Arc<Slot>) {
        self.open.fetch_add(1, Ordering::Relaxed);
        if slot.handle.is_none() {
            return;
        }
        let mut queue = self.queue();
        queue.push_back(Arc::downgrade(slot));
        if queue.len() > 2 * self.open.load(Ordering::Relaxed) + LOOKS {
            queue.retain(|slot| slot.strong_count() > 0);
        }
        let mut looks = LOOKS;
        while self.open.load(Ordering::Relaxed) > self.most && looks > 0 {
            let Some(oldest) = queue.pop_front() else {
                return;
            };
            let Some(slot) = oldest.upgrade() else {
                continue;
            };
            looks -= 1;
            if slot.used.swap(false, Ordering::Relaxed) || !slot.close() {
                queue.push_back(oldest);
            }
        }
    }
}

impl Slot {
    fn descriptor(&self) -> MutexGuard<'_, Option<Arc<OwnedFd>>> {
        self.descriptor
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the descriptor, unless somebody uses it, or the inode could not be opened again.
    fn close(&self) -> bool {
        let Ok(mut descriptor) = self.descriptor.try_lock() else {
            return false;
        };
        let is_free = descriptor.as_ref().is_some_and(|open| {
            // A file without a name is gone when its last descriptor is.
            let named = rustix::fs::fstat(&**open).is_ok_and(|stat| stat.st_nlink > 0);
            Arc::strong_count(open) == 1 && named
        });
        if is_free {
            *descriptor = None;
            self.descriptors.open.fetch_sub(1, Ordering::Relaxed);
        }
        is_free
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.descriptor().is_some() {
            self.descriptors.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Lower {
    /// Holds the inode by its descriptor, which is opened again if it was closed.
    pub(super) fn hold(&self) -> io::Result<Held> {
        let slot = &self.0;
        let mut descriptor = slot.descriptor();
        if let Some(open) = &*descriptor {
            slot.used.store(true, Ordering::Relaxed);
            return Ok(Held(open.clone()));
        }
        let stale = || io::Error::from_raw_os_error(libc::ESTALE);
        let handle = slot.handle.as_ref().ok_or_else(stale)?;
        let handled = slot.descriptors.handled.as_ref().ok_or_else(stale)?;
        let open = Arc::new(handled.open(handle)?);
        *descriptor = Some(open.clone());
        drop(descriptor);
        slot.descriptors.opened(slot);
        Ok(Held(open))
    }

    /// Takes another descriptor of the same inode. It is given back if it is another inode's: while this one is closed,
    /// the inode's number may become another's.
    pub(super) fn take_another(&self, other: OwnedFd) -> Result<(), OwnedFd> {
        let slot = &self.0;
        let mut descriptor = slot.descriptor();
        if descriptor.is_some() {
            return Ok(());
        }
        let is_same = |other: FileHandle| slot.handle == Some(other);
        if !FileHandle::of(other.as_fd()).is_ok_and(is_same) {
            return Err(other);
        }
        *descriptor = Some(Arc::new(other));
        drop(descriptor);
        slot.descriptors.opened(slot);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, Mode, OFlags};

    fn open(path: &Path) -> OwnedFd {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        rustix::fs::openat(CWD, path, flags, Mode::empty()).unwrap()
    }

    fn number(held: &Held) -> u64 {
        rustix::fs::fstat(held).unwrap().st_ino
    }

    #[test]
    fn no_more_are_open_than_may_be_and_each_is_found_again() {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let root = open(folder.path());
        let descriptors = Descriptors::new(root.as_fd(), 5);
        assert!(
            descriptors.handled.is_some(),
            "this test needs root, and a filesystem with handles"
        );
        let files: Vec<_> = (0..50)
            .map(|name| {
                let path = folder.path().join(name.to_string());
                std::fs::write(&path, "").unwrap();
                let lower = descriptors.take(open(&path));
                (number(&lower.hold().unwrap()), lower)
            })
            .collect();
        let count = || descriptors.open.load(Ordering::Relaxed);
        assert!(count() <= 6, "{} are open", count());
        for (expected, lower) in files.iter().chain(files.iter().rev()) {
            assert_eq!(number(&lower.hold().unwrap()), *expected);
            assert!(count() <= 6, "{} are open", count());
        }
        // Those that are in use stay open.
        let held: Vec<_> = files
            .iter()
            .map(|(_, lower)| lower.hold().unwrap())
            .collect();
        assert_eq!(count(), 50);
        for ((expected, _), held) in files.iter().zip(&held) {
            assert_eq!(number(held), *expected);
        }
        drop((held, files));
        assert_eq!(count(), 0);
        assert!(
            descriptors
                .queue()
                .iter()
                .all(|slot| slot.strong_count() == 0)
        );
    }

    #[test]
    fn a_closed_inode_is_told_from_another_with_its_number() {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let [a, b] = ["a", "b"].map(|name| {
            let path = folder.path().join(name);
            std::fs::write(&path, "").unwrap();
            path
        });
        let root = open(folder.path());
        let descriptors = Descriptors::new(root.as_fd(), 0);
        let lower = descriptors.take(open(&a));
        assert!(lower.0.descriptor().is_none(), "there is no room for it");
        assert!(lower.take_another(open(&b)).is_err());
        lower.take_another(open(&a)).unwrap();
        std::fs::remove_file(&a).unwrap();
        let gone = lower.hold().unwrap_err();
        assert_eq!(gone.raw_os_error(), Some(libc::ESTALE));
    }
}
