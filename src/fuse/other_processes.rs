// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes of the store by other processes, of which the kernel tells (`fanotify(7)`).
//!
//! A file that others change as well keeps times that tell nothing for a tick of the clock after each change by the
//! driver. What the kernel tells is exact: the event is there before the call that changed the file returns.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::sys::fanotify::{EventFFlags, Fanotify, InitFlags, MarkFlags, MaskFlags};
use rustix::fs::{CWD, Mode, OFlags};

use super::lower::descriptor_path;
use crate::store::FileId;
use crate::store::others::{Others, Watched};

#[derive(Debug)]
pub(super) struct OtherProcesses {
    events: Mutex<Fanotify>,
    /// Changes by others of any watched file: they are few.
    changes: AtomicU64,
    /// How many files may be watched, each of which takes a descriptor.
    most: usize,
    /// How often each file is watched: twice where one inode goes as the next for the same file comes.
    watched: Mutex<HashMap<FileId, usize>>,
}

#[derive(Debug)]
struct WatchedFile {
    processes: Arc<OtherProcesses>,
    identity: FileId,
    /// Leads to the file when it is watched no longer. It cannot be read or written through this.
    file: OwnedFd,
}

impl OtherProcesses {
    /// Watches up to `most` files. Not every kernel can, and not everybody may.
    pub(super) fn new(most: usize) -> Option<Self> {
        // Without descriptors of the files in the events, this takes no privilege.
        let by_handle = InitFlags::from_bits_retain(libc::FAN_REPORT_FID);
        let flags = InitFlags::FAN_CLASS_NOTIF | InitFlags::FAN_CLOEXEC | InitFlags::FAN_NONBLOCK;
        let events = Fanotify::init(flags | by_handle, EventFFlags::O_RDONLY).ok()?;
        Some(OtherProcesses {
            events: Mutex::new(events),
            changes: AtomicU64::new(0),
            most,
            watched: Mutex::default(),
        })
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<FileId, usize>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins or ends to hear of what changes a file.
    fn mark(&self, what: MarkFlags, file: impl AsFd) -> Result<(), Errno> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let path = descriptor_path(&file.as_fd());
        events.mark(what, MaskFlags::FAN_MODIFY, CWD, Some(&path))
    }

    /// Counts what was told since the last look, and returns all that was counted.
    fn count(&self) -> u64 {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let own = std::process::id() as i32;
        loop {
            let is_other = match events.read_events() {
                // Where there were too many events, some are missing.
                Ok(events) => events.iter().any(|event| {
                    event.pid() != own || event.mask().contains(MaskFlags::FAN_Q_OVERFLOW)
                }),
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => false,
                // Then nothing is known.
                Err(_) => {
                    self.changes.fetch_add(1, Ordering::Relaxed);
                    break;
                }
            };
            self.changes
                .fetch_add(u64::from(is_other), Ordering::Relaxed);
        }
        self.changes.load(Ordering::Relaxed)
    }
}

impl Others for OtherProcesses {
    fn watch(self: Arc<Self>, file: BorrowedFd<'_>) -> Option<Box<dyn Watched>> {
        let identity = FileId::from(&rustix::fs::fstat(file).ok()?);
        let mut watched = self.watched();
        if watched.values().sum::<usize>() >= self.most {
            return None;
        }
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(CWD, descriptor_path(&file), flags, Mode::empty()).ok()?;
        self.mark(MarkFlags::FAN_MARK_ADD, &opened).ok()?;
        *watched.entry(identity).or_default() += 1;
        drop(watched);
        Some(Box::new(WatchedFile {
            processes: self,
            identity,
            file: opened,
        }))
    }
}

impl Watched for WatchedFile {
    fn changes(&self) -> u64 {
        self.processes.count()
    }

    /// Other machines, shared mappings and asynchronous writes are not told of.
    fn is_sure(&self) -> bool {
        false
    }
}

impl Drop for WatchedFile {
    fn drop(&mut self) {
        let mut watched = self.processes.watched();
        if let Some(times) = watched.get_mut(&self.identity) {
            *times -= 1;
            if *times > 0 {
                return;
            }
        }
        watched.remove(&self.identity);
        // A file that was removed is watched no longer anyway.
        let _ = self.processes.mark(MarkFlags::FAN_MARK_REMOVE, &self.file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::process::Command;

    fn append_by_another(path: &std::path::Path) {
        let mut shell = Command::new("sh");
        let status = shell.args(["-c", "printf x >> \"$0\""]).arg(path).status();
        assert!(status.unwrap().success());
    }

    #[test]
    fn only_changes_by_others_count() {
        // Not every filesystem of temporary files has file handles.
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = |name: &str| folder.path().join(name);
        let [a, b] = ["a", "b"].map(|name| File::create(path(name)).unwrap());
        let processes = Arc::new(OtherProcesses::new(1).expect("a kernel with fanotify"));
        let watched = processes.clone().watch(a.as_fd()).unwrap();
        assert!(
            processes.clone().watch(b.as_fd()).is_none(),
            "there is room for one"
        );

        std::io::Write::write_all(&mut &a, b"ours").unwrap();
        append_by_another(&path("b"));
        assert_eq!(watched.changes(), 0);
        append_by_another(&path("a"));
        let changes = watched.changes();
        assert!(changes > 0);
        assert_eq!(watched.changes(), changes);
        a.set_len(0).unwrap();
        assert_eq!(watched.changes(), changes);

        drop(watched);
        let watched = processes.watch(b.as_fd()).expect("there is room again");
        append_by_another(&path("a"));
        assert_eq!(watched.changes(), changes, "it is watched no longer");
    }

    #[test]
    fn a_file_is_watched_until_the_last_one_ends() {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = folder.path().join("a");
        let file = File::create(&path).unwrap();
        let processes = Arc::new(OtherProcesses::new(2).expect("a kernel with fanotify"));
        let first = processes.clone().watch(file.as_fd()).unwrap();
        let second = processes.clone().watch(file.as_fd()).unwrap();
        drop(first);
        append_by_another(&path);
        assert!(second.changes() > 0);
        drop(second);
        assert!(processes.watched().is_empty());
    }
}
