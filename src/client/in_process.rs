// SPDX-License-Identifier: MIT OR Apache-2.0
//! A vector file that no driver serves.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use nix::errno::Errno;
use rustix::fs::{CWD, Mode, OFlags};

use crate::anns::Metric;
use crate::anns::index::Kind;
use crate::dataset::Matrix;
use crate::store::abi::IndexInfo;
use crate::store::sent::{AllSent, Sent};
use crate::store::{Beside, Content, FileId, Sidecar, Sidecars, Snapshot, serve, sidecar};

/// Rows in memory, and the indexes beside the file that the rows are from.
///
/// A search looks at no file, so that it costs what the search itself costs. It uses the rows as they were when they
/// were read. It uses an index as it was in the first search in which that index belonged to the rows.
#[derive(Debug)]
pub struct InProcess {
    snapshot: Arc<Snapshot>,
    sidecars: Sidecars,
    fitting: [OnceLock<Arc<Sidecar>>; Kind::ALL.len()],
    sent: AllSent,
    /// The directory of the file and its name there. Rows that are from no file have none.
    file: Option<(OwnedFd, OsString)>,
}

impl InProcess {
    pub fn new(rows: Matrix) -> Self {
        InProcess {
            snapshot: Arc::new(Snapshot::new(rows)),
            sidecars: Sidecars::default(),
            fitting: Default::default(),
            sent: AllSent::default(),
            file: None,
        }
    }

    /// Rows that were read from the file `path`, and the indexes beside it.
    pub fn beside(path: &Path, rows: Matrix) -> io::Result<Self> {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(CWD, directory, flags, Mode::empty())?;
        let name = path.file_name().unwrap_or_default().to_owned();
        Ok(InProcess {
            file: Some((directory, name)),
            ..InProcess::new(rows)
        })
    }

    fn beside_rows(&self) -> Option<Beside<'_>> {
        // Nobody counts the changes of a file that no driver serves.
        let content = &|_: FileId| Arc::new(Content::default());
        self.file.as_ref().map(|(directory, name)| Beside {
            directory: directory.as_fd(),
            name,
            content,
        })
    }
}

impl serve::Open for InProcess {
    fn snapshot(&self) -> Result<Arc<Snapshot>, Errno> {
        Ok(self.snapshot.clone())
    }

    fn sidecar(&self, kind: Kind, metric: Metric) -> Result<Arc<Sidecar>, Errno> {
        let fitting = &self.fitting[kind.code() as usize - 1];
        if let Some(sidecar) = fitting.get()
            && sidecar.is_for(metric)
        {
            return Ok(sidecar.clone());
        }
        let beside = self.beside_rows().ok_or(Errno::ENODATA)?;
        let sidecar = self.sidecars.get(beside, kind, metric)?;
        if sidecar.of(&self.snapshot).is_ok() {
            // If another thread was faster, or there is one for another metric, that one stays.
            let _ = fitting.set(sidecar.clone());
        }
        Ok(sidecar)
    }

    fn indexes(&self) -> Vec<IndexInfo> {
        self.beside_rows().map_or_else(Vec::new, sidecar::list)
    }

    fn sent(&self) -> Sent<'_> {
        Sent {
            all: &self.sent,
            owner: 0,
        }
    }
}
