// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a copy of a file that was made earlier is still what the file holds.

use std::time::{Duration, Instant};

use super::Content;
use super::content::Followed;
use super::others::Watched;
use super::stamp::{Stamp, now};

/// How many times as long as a load takes there is none, where all changes are known.
const LOADS_APART: u32 = 64;
const LEAST_APART: Duration = Duration::from_secs(1);

/// What a file was like just before it was loaded.
///
/// Changes through the driver are counted. Changes beneath the driver show in the stamp. File times are coarse, so a
/// file that was changed just before the load may change again without showing it. Such a copy is made again once that
/// can no longer happen. Git treats its index the same way (Documentation/technical/racy-git.txt). A file that is
/// watched shows its changes whatever its times say.
#[derive(Debug)]
pub(super) struct Origin {
    stamp: Stamp,
    changes: u64,
    /// The changes by others that were noticed before, if the file was watched.
    by_others: u64,
    /// The time, counted from 1970, from which on the stamp would show a change made after the load.
    settled: Option<Duration>,
    /// When the file is to be loaded again, however it looks.
    until: Option<Instant>,
}

impl Origin {
    /// Notes what the file is like. Call it before reading, so that a change beneath the driver during the read shows
    /// later.
    pub fn new(stamp: Stamp, content: &Content) -> Self {
        Origin {
            stamp,
            changes: content.changes(),
            by_others: by_others(content),
            settled: stamp.settles().filter(|_| content.watched().is_none()),
            until: None,
        }
    }

    /// Notes what the file is like after changes that were all made through the driver, as far as is known.
    ///
    /// What another did between two looks at the file that such a change takes is hidden, if nobody noticed. So a file
    /// of which a load took `load` is loaded again some time after the first change. That costs little beside the
    /// searches meanwhile. Nothing comes back where that time is over.
    pub fn followed(&self, known: &Followed, content: &Content, load: Duration) -> Option<Self> {
        let again = load.saturating_mul(LOADS_APART).max(LEAST_APART);
        let is_sure = content.watched().is_some_and(Watched::is_sure);
        let origin = Origin {
            stamp: known.stamp,
            changes: content.changes(),
            by_others: self.by_others,
            settled: self.settled.or(known.settled),
            until: known.begun.filter(|_| !is_sure).map(|begun| begun + again),
        };
        origin.is_good(content).then_some(origin)
    }

    /// Whether a file that is like this now still holds what was loaded.
    pub fn is_current(&self, stamp: &Stamp, content: &Content) -> bool {
        self.changes == content.changes() && self.stamp == *stamp && self.is_good(content)
    }

    /// Whether nothing but what the driver did can have made another file of it since, as far as time and others tell.
    fn is_good(&self, content: &Content) -> bool {
        self.settled.is_none_or(|settled| now() < settled)
            && self.until.is_none_or(|until| Instant::now() < until)
            && self.by_others == by_others(content)
    }
}

fn by_others(content: &Content) -> u64 {
    content.watched().map_or(0, Watched::changes)
}
