// SPDX-License-Identifier: MIT OR Apache-2.0
//! The index files beside a vector file, kept for as long as they do not change.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use log::warn;
use nix::errno::Errno;
use rustix::fs::AtFlags;

use super::index_file::{self, Fault};
use super::origin::Origin;
use super::stamp::Stamp;
use super::{Content, FileId, Snapshot, abi};
use crate::anns::index::{Header, Index, Kind};
use crate::anns::{Changes, Metric};

/// How often a file that changes while it is read may appear malformed.
const TRIES: usize = 4;

/// Where a vector file was found. Its index files are looked for beside it.
#[derive(Clone, Copy)]
pub struct Beside<'a> {
    pub directory: BorrowedFd<'a>,
    /// The vector file's name.
    pub name: &'a OsStr,
    /// Gives the content of a file as the driver changes it.
    pub content: &'a dyn Fn(FileId) -> Arc<Content>,
}

/// The index files that a driver keeps for each vector file (each inode): the last one of each kind.
#[derive(Debug, Default)]
pub struct Sidecars {
    slots: [Slot; Kind::ALL.len()],
}

#[derive(Debug, Default)]
struct Slot(Mutex<Option<Arc<Sidecar>>>);

/// An index file as it was read.
#[derive(Debug)]
pub struct Sidecar {
    content: Arc<Content>,
    origin: Origin,
    /// The metric of the index, absent if not even the header is sound.
    metric: Option<Metric>,
    /// The index itself, absent if the file is malformed.
    index: Option<Index>,
    /// The last judgement about a snapshot.
    judged: RwLock<Option<Judged>>,
    judging: Mutex<()>,
}

/// Whether the index belongs to the rows of a snapshot, and which of them have changed since it was built.
#[derive(Clone, Debug)]
struct Judged {
    /// The version of the rows that are covered.
    version: u64,
    line: u64,
    generation: u64,
    found: Result<Arc<Changes>, Errno>,
}

/// An index that belongs to the rows of a snapshot.
#[derive(Debug)]
pub struct Fitting<'a> {
    pub index: &'a Index,
    changes: Arc<Changes>,
}

impl Fitting<'_> {
    /// The covered rows that are no longer what they were, if there are any.
    pub fn changes(&self) -> Option<&Changes> {
        Some(&*self.changes).filter(|changes| changes.rows() > 0)
    }
}

impl Sidecars {
    /// The index of this kind as it is now, if it is sound and for this metric.
    pub fn get(&self, beside: Beside, kind: Kind, metric: Metric) -> Result<Arc<Sidecar>, Errno> {
        let slot = &self.slots[kind.code() as usize - 1];
        let name = index_file::name(beside.name, kind);
        let stat = rustix::fs::statat(beside.directory, &name, AtFlags::SYMLINK_NOFOLLOW);
        let kept = match stat {
            Ok(stat) => slot.current(&Stamp::from(&stat)),
            // What is wrong shows when the file is opened.
            Err(_) => None,
        };
        let sidecar = match kept {
            Some(sidecar) => sidecar,
            None => slot.load(beside, &name, kind, metric)?,
        };
        match (sidecar.metric, &sidecar.index) {
            (Some(other), _) if other != metric => Err(Errno::ENODATA),
            (_, None) => Err(Errno::EUCLEAN),
            _ => Ok(sidecar),
        }
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Arc<Sidecar>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self, stamp: &Stamp) -> Option<Arc<Sidecar>> {
        self.lock()
            .as_ref()
            .filter(|sidecar| sidecar.is_current(stamp))
            .cloned()
    }

    /// Loads the index. Other searches that need the same index wait here until it is loaded.
    fn load(
        &self,
        beside: Beside,
        name: &OsStr,
        kind: Kind,
        metric: Metric,
    ) -> Result<Arc<Sidecar>, Errno> {
        let mut kept = self.lock();
        let file = match index_file::open(beside.directory, name) {
            Ok(Some(file)) => file,
            // Nothing need be kept of a file that is gone.
            Ok(None) => {
                *kept = None;
                return Err(Errno::ENODATA);
            }
            Err(error) => return Err(Fault::Io(error).errno()),
        };
        let stamp = Stamp::of(&file)?;
        if let Some(sidecar) = &*kept
            && sidecar.is_current(&stamp)
        {
            return Ok(sidecar.clone());
        }
        // What is out of date need not take memory beside the new one.
        *kept = None;
        let content = (beside.content)(stamp.file);
        let sidecar = Arc::new(Sidecar::load(&file, name, content, kind, metric)?);
        *kept = Some(sidecar.clone());
        Ok(sidecar)
    }
}

impl Sidecar {
    /// Reads the file, unless its header tells that it is for another metric.
    fn load(
        file: &File,
        name: &OsStr,
        content: Arc<Content>,
        kind: Kind,
        metric: Metric,
    ) -> Result<Self, Errno> {
        let mut tries = 0;
        loop {
            tries += 1;
            let unchanging = content.hold();
            let stamp = Stamp::of(file)?;
            let origin = Origin::new(stamp, &content);
            let header = index_file::read_header(file, stamp.size, kind);
            let found = header.as_ref().ok().map(Header::metric);
            let read = match found {
                Some(other) if other != metric => return Err(Errno::ENODATA),
                _ => header.and_then(|_| index_file::read(file, stamp.size, kind)),
            };
            drop(unchanging);
            let index = match read {
                Ok(index) => Some(index),
                Err(Fault::Malformed(_)) if tries < TRIES && Stamp::of(file)? != stamp => continue,
                Err(fault @ Fault::Malformed(_)) => {
                    warn!("the index {} is malformed: {fault}", name.display());
                    None
                }
                Err(fault) => return Err(fault.errno()),
            };
            return Ok(Sidecar {
                content,
                origin,
                metric: found,
                index,
                judged: RwLock::default(),
                judging: Mutex::new(()),
            });
        }
    }

    fn is_current(&self, stamp: &Stamp) -> bool {
        self.origin.is_current(stamp, &self.content)
    }

    /// Whether the header is sound and names this metric.
    pub fn is_for(&self, metric: Metric) -> bool {
        self.metric == Some(metric)
    }

    /// The index, if it belongs to the rows of this snapshot.
    pub fn of(&self, snapshot: &Snapshot) -> Result<Fitting<'_>, Errno> {
        let index = self.index.as_ref().ok_or(Errno::EUCLEAN)?;
        let version = snapshot.version_of_first(index.header().rows);
        let known = || self.judged(|judged| judged.version == version);
        let judged = known().unwrap_or_else(|| {
            let _judging = self.judging.lock().unwrap_or_else(PoisonError::into_inner);
            // Somebody else may have judged meanwhile.
            known().unwrap_or_else(|| {
                let judged = Judged {
                    version,
                    line: snapshot.line(),
                    generation: snapshot.generation(),
                    found: self.judge(index, snapshot),
                };
                let mut kept = self.judged.write().unwrap_or_else(PoisonError::into_inner);
                *kept = Some(judged.clone());
                judged
            })
        });
        judged.found.map(|changes| Fitting { index, changes })
    }

    /// The last judgement, if it is one of these.
    fn judged(&self, wanted: impl Fn(&Judged) -> bool) -> Option<Judged> {
        let judged = self.judged.read().unwrap_or_else(PoisonError::into_inner);
        judged.as_ref().filter(|judged| wanted(judged)).cloned()
    }

    /// Compares the index with the rows: with all of them, or with those alone that were changed since the last time.
    fn judge(&self, index: &Index, snapshot: &Snapshot) -> Result<Arc<Changes>, Errno> {
        let rows = snapshot.rows();
        if index.header().dim as usize != rows.dim() {
            return Err(Errno::EUCLEAN);
        }
        let last = self.judged(|judged| judged.found.is_ok());
        let since = last.and_then(|last| {
            let blocks = snapshot.changed_since(last.line, last.generation)?;
            Some((last.found.ok()?, blocks))
        });
        let found = match since {
            Some((changes, blocks)) => index.changes_since(&changes, rows, blocks),
            None => index.changes(rows),
        };
        found.map(Arc::new).map_err(|_| Errno::ESTALE)
    }
}

/// The indexes whose header is sound, in the order of their kinds.
pub fn list(beside: Beside) -> Vec<abi::IndexInfo> {
    let mut list = Vec::new();
    for kind in Kind::ALL {
        let name = index_file::name(beside.name, kind);
        let Ok(Some(file)) = index_file::open(beside.directory, &name) else {
            continue;
        };
        let header = Stamp::of(&file).map(|stamp| index_file::read_header(&file, stamp.size, kind));
        if let Ok(Ok(header)) = header {
            list.push(abi::IndexInfo {
                kind: kind.code(),
                metric: header.metric().code(),
                rows: header.rows,
            });
        }
    }
    list
}
