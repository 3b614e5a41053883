// SPDX-License-Identifier: MIT OR Apache-2.0
//! An open vector file, as a search sees it.

use std::fs::File;
use std::os::fd::AsFd;
use std::sync::Arc;

use nix::errno::Errno;

use super::inodes::{Inode, Inodes, VectorName};
use crate::anns::Metric;
use crate::anns::index::Kind;
use crate::store::abi::IndexInfo;
use crate::store::sent::Sent;
use crate::store::{Beside, Content, FileId, Sidecar, Snapshot, serve, sidecar};

pub(super) struct OpenVectors<'a> {
    pub(super) inodes: &'a Inodes,
    pub(super) file: &'a File,
    pub(super) inode: &'a Inode,
    /// The name under which the file was opened.
    pub(super) name: &'a VectorName,
    pub(super) sent: Sent<'a>,
}

impl OpenVectors<'_> {
    /// Lets `look` look for index files where the file was when it was opened. The driver uses its own rights, so that
    /// whoever may read the vectors may search them.
    fn beside<R>(&self, look: impl FnOnce(Beside) -> Result<R, Errno>) -> Result<R, Errno> {
        let content = |file: FileId| -> Arc<Content> { self.inodes.content(file) };
        let directory = self.name.directory.hold();
        let directory = directory.map_err(|error| match error.raw_os_error() {
            // A directory that is no more holds no index.
            Some(libc::ESTALE) => Errno::ENODATA,
            _ => Errno::EIO,
        })?;
        look(Beside {
            directory: directory.as_fd(),
            name: &self.name.name,
            content: &content,
        })
    }
}

impl serve::Open for OpenVectors<'_> {
    fn snapshot(&self) -> Result<Arc<Snapshot>, Errno> {
        self.inode.vector_file().snapshot(self.file)
    }

    fn sidecar(&self, kind: Kind, metric: Metric) -> Result<Arc<Sidecar>, Errno> {
        let sidecars = self.inode.sidecars();
        self.beside(|beside| sidecars.get(beside, kind, metric))
    }

    fn indexes(&self) -> Vec<IndexInfo> {
        self.beside(|beside| Ok(sidecar::list(beside)))
            .unwrap_or_default()
    }

    fn sent(&self) -> Sent<'_> {
        self.sent
    }
}
