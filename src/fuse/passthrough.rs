// SPDX-License-Identifier: MIT OR Apache-2.0
//! Plain files that the kernel reads and writes itself, past the driver (Linux 6.9, `fs/fuse/passthrough.c`).
//!
//! All open files of an inode go one way at a time (`fs/fuse/iomode.c`): past the driver, all to the same backing file,
//! or through the page cache. Direct I/O goes along with either.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use fuser::{BackingId, FopenFlags};
use rustix::io::Errno;

/// Makes a lower file known to the kernel.
pub(super) type Register<'a> = &'a dyn Fn(BorrowedFd<'_>) -> io::Result<BackingId>;

/// Whether files of a mount may go past the driver.
pub(super) struct Passthrough(AtomicBool);

impl Passthrough {
    /// Allowed for as long as the kernel does not refuse it altogether.
    pub(super) fn new(allowed: bool) -> Self {
        Passthrough(AtomicBool::new(allowed))
    }

    pub(super) fn forbid(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    fn register(&self, file: &impl AsFd, register: Register<'_>) -> Option<Arc<BackingId>> {
        if !self.0.load(Ordering::Relaxed) {
            return None;
        }
        match register(file.as_fd()) {
            Ok(backing) => Some(Arc::new(backing)),
            Err(error) => {
                // No right to (CAP_SYS_ADMIN), a lower filesystem that is stacked itself, a kernel without it.
                let for_good = [Errno::PERM, Errno::LOOP, Errno::NOTTY, Errno::OPNOTSUPP];
                if for_good
                    .map(Errno::raw_os_error)
                    .map(Some)
                    .contains(&error.raw_os_error())
                {
                    self.forbid();
                }
                None
            }
        }
    }
}

/// Which way the open files of one inode go.
#[derive(Default)]
pub(super) struct Ways(Mutex<Open>);

#[derive(Default)]
struct Open {
    /// How many go past the driver, and to what.
    past: usize,
    backing: Option<Arc<BackingId>>,
    /// How many go through the page cache.
    cached: usize,
}

/// Which way an open file goes.
pub(super) enum Way {
    Past(Arc<BackingId>),
    Cached,
    /// Past the page cache, to the driver
    Direct,
}

/// What a file needs of its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// The driver must get each read and write whole.
    Direct,
    /// The driver must see what changes.
    Seen,
    /// Nothing.
    Any,
}

impl Ways {
    /// The way of another open file of this inode, until [`Ways::leave`].
    pub(super) fn join(
        &self,
        need: Need,
        file: &impl AsFd,
        passthrough: &Passthrough,
        register: Register<'_>,
    ) -> Way {
        let mut open = self.0.lock().expect("a thread panicked");
        if open.backing.is_none() && need == Need::Any && open.cached == 0 {
            open.backing = passthrough.register(file, register);
        }
        match (&open.backing, need) {
            // The kernel refuses another way meanwhile.
            (Some(backing), _) => {
                let way = Way::Past(backing.clone());
                open.past += 1;
                way
            }
            (None, Need::Direct) => Way::Direct,
            (None, _) => {
                open.cached += 1;
                Way::Cached
            }
        }
    }

    pub(super) fn leave(&self, way: &Way) {
        let mut open = self.0.lock().expect("a thread panicked");
        match way {
            Way::Past(_) => open.past -= 1,
            Way::Cached => open.cached -= 1,
            Way::Direct => {}
        }
        let unused = (open.past == 0).then(|| open.backing.take());
        // Closing may take long (it may free a deleted file), so that this is unlocked by then.
        drop(open);
        drop(unused);
    }
}

/// How the kernel is to treat a file with this need. Direct I/O goes to the driver, whichever way the inode goes.
pub(super) fn options(need: Need, keep_cache: bool) -> FopenFlags {
    match need {
        // Through the page cache a write that starts within a page arrives as two (fuse_fill_write_pages), and a search
        // in between would find half a row. Past the cache it arrives whole, up to the largest request (1 MiB).
        Need::Direct => FopenFlags::FOPEN_DIRECT_IO,
        Need::Seen | Need::Any if keep_cache => FopenFlags::FOPEN_KEEP_CACHE,
        Need::Seen | Need::Any => FopenFlags::empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::fs::File;

    #[test]
    fn a_refusal_for_good_is_not_asked_for_again() {
        let file = File::open("/dev/null").unwrap();
        for (errno, asked) in [(libc::EPERM, 1), (libc::ELOOP, 1), (libc::ENOMEM, 2)] {
            let (passthrough, ways) = (Passthrough::new(true), Ways::default());
            let times = Cell::new(0);
            let refuse = |_: BorrowedFd<'_>| {
                times.set(times.get() + 1);
                Err(io::Error::from_raw_os_error(errno))
            };
            for _ in 0..2 {
                let way = ways.join(Need::Any, &file, &passthrough, &refuse);
                assert!(matches!(way, Way::Cached));
                ways.leave(&way);
            }
            assert_eq!(times.get(), asked, "{errno}");
        }
    }

    #[test]
    fn no_file_goes_past_the_driver_while_another_goes_through_the_cache() {
        let file = File::open("/dev/null").unwrap();
        let (passthrough, ways) = (Passthrough::new(true), Ways::default());
        let never = |_: BorrowedFd<'_>| -> io::Result<BackingId> { panic!("registered") };
        let seen = ways.join(Need::Seen, &file, &passthrough, &never);
        let other = ways.join(Need::Any, &file, &passthrough, &never);
        assert!(matches!((&seen, &other), (Way::Cached, Way::Cached)));
        ways.leave(&seen);
        let direct = ways.join(Need::Direct, &file, &passthrough, &never);
        assert!(matches!(direct, Way::Direct));
        assert!(matches!(
            ways.join(Need::Any, &file, &passthrough, &never),
            Way::Cached
        ));
    }
}
