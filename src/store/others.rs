// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who else changes the files of a store, beneath the driver.

use std::fmt::Debug;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// What tells a driver of changes that it did not make.
pub trait Others: Debug + Send + Sync {
    /// Watches a file from now on, if it can be watched.
    fn watch(self: Arc<Self>, file: BorrowedFd<'_>) -> Option<Box<dyn Watched>>;
}

/// A file that is watched for as long as this is kept.
pub trait Watched: Debug + Send + Sync {
    /// How many changes by others were noticed so far. Whoever asks after such a change sees another number.
    fn changes(&self) -> u64;

    /// Whether there can be no change that is not noticed.
    fn is_sure(&self) -> bool;
}

/// What a driver is told that has the store for itself: nothing happens.
#[derive(Debug)]
pub struct Nobody;

impl Others for Nobody {
    fn watch(self: Arc<Self>, _: BorrowedFd<'_>) -> Option<Box<dyn Watched>> {
        Some(Box::new(Nobody))
    }
}

impl Watched for Nobody {
    fn changes(&self) -> u64 {
        0
    }

    fn is_sure(&self) -> bool {
        true
    }
}
