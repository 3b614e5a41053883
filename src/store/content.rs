// SPDX-License-Identifier: MIT OR Apache-2.0
//! The content of a file as a driver changes it.

use std::ops::Range;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockWriteGuard};
use std::time::{Duration, Instant};

use super::others::{Others, Watched};
use super::stamp::Stamp;
use super::touched::Touched;

/// Counts the changes that a driver makes to one file (one inode), and keeps loads of the file apart from them.
#[derive(Debug, Default)]
pub struct Content {
    /// A lock that changes share and a load has for itself, so that no half of a write is loaded.
    changing: RwLock<()>,
    changes: AtomicU64,
    others: Option<Arc<dyn Others>>,
    /// Set by the first change of a file that is followed; nothing if it cannot be watched.
    watched: OnceLock<Option<Box<dyn Watched>>>,
    followed: Mutex<Option<Followed>>,
}

/// A file of which somebody has a copy, and wants to know in what it has become another since.
#[derive(Debug)]
pub(super) struct Followed {
    /// What the file was like when it was copied, or after the last change through the driver. Each of these found it
    /// so: nobody else has changed it.
    pub stamp: Stamp,
    pub touched: Touched,
    /// When the first change since a load of the whole file began.
    pub begun: Option<Instant>,
    /// Until when the times of a file that is not watched proved nothing, after the first of these changes.
    pub settled: Option<Duration>,
}

impl Followed {
    /// What is known of a file that was just loaded, when it was like `stamp`.
    pub fn from_load(stamp: Stamp) -> Self {
        Followed {
            stamp,
            touched: Touched::default(),
            begun: None,
            settled: None,
        }
    }
}

impl Content {
    /// The content of a file that `others` may change, too.
    pub fn beside(others: Arc<dyn Others>) -> Self {
        Content {
            others: Some(others),
            ..Content::default()
        }
    }

    /// Runs something that changes the file's content or size, such as a write, a truncation or a copy. It touches the
    /// bytes `touches`, and those by which the file becomes longer or shorter.
    ///
    /// A search that has to load the file waits for changes under way, and changes wait until it has loaded. Changes
    /// wait for each other only where somebody has a copy of the file.
    pub fn change<R>(
        &self,
        file: impl AsFd,
        touches: Range<u64>,
        operation: impl FnOnce() -> R,
    ) -> R {
        let _changing = self.changing.read().unwrap_or_else(PoisonError::into_inner);
        let mut followed = self.followed();
        if followed.is_none() {
            drop(followed);
            let result = operation();
            self.changes.fetch_add(1, Ordering::Release);
            return result;
        }
        self.watch(&file);
        let begun = Instant::now();
        let before = Stamp::of(&file);
        let result = operation();
        self.changes.fetch_add(1, Ordering::Release);
        let known = followed
            .take()
            .filter(|followed| before == Ok(followed.stamp));
        if let (Some(mut known), Ok(after)) = (known, Stamp::of(&file)) {
            let (old, new) = (known.stamp.size, after.size);
            known.touched.add(touches);
            known.touched.add(old.min(new)..old.max(new));
            known.stamp = after;
            known.begun.get_or_insert(begun);
            if known.settled.is_none() && self.watched().is_none() {
                known.settled = after.settles();
            }
            *followed = Some(known);
        }
        result
    }

    fn watch(&self, file: &impl AsFd) {
        self.watched.get_or_init(|| {
            let others = self.others.clone()?;
            others.watch(file.as_fd())
        });
    }

    /// The number of changes that are complete.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// What notices changes by others, if anything does.
    pub(super) fn watched(&self) -> Option<&dyn Watched> {
        self.watched.get()?.as_deref()
    }

    /// Keeps changes through the driver from beginning for as long as the guard is held, after those under way have
    /// ended.
    pub(super) fn hold(&self) -> RwLockWriteGuard<'_, ()> {
        self.changing
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of the changes since the file was copied, if all are. Whoever has made a copy puts it in; only
    /// with changes held.
    pub(super) fn followed(&self) -> MutexGuard<'_, Option<Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
