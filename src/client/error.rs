// SPDX-License-Identifier: MIT OR Apache-2.0
//! The errors of a driver, in words that tell a person what to do.

use std::io;
use std::path::PathBuf;

use nix::errno::Errno;

use super::{Kind, Method};
use crate::dataset::FileError;
use crate::store::abi::{DIM_MAX, EFFORT_MAX, Info, K_MAX};
use crate::store::index_file;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot open {}: {error}", path.display())]
    Open { path: PathBuf, error: io::Error },
    #[error(transparent)]
    File(#[from] FileError),
    #[error("cannot read the vectors of {}: {}", path.display(), explain(*errno))]
    Info { path: PathBuf, errno: Errno },
    #[error("{text}")]
    Search { errno: Errno, text: String },
}

/// What is known about a search that was refused.
pub(super) struct Refused {
    /// The number of elements of the query.
    pub query: usize,
    pub method: Method,
    /// The driver's description of the file, absent if the driver did not give one.
    pub info: Option<Info>,
}

impl Error {
    pub(super) fn search(path: PathBuf, errno: Errno, refused: Refused) -> Self {
        let text = refused.about_index(&path, errno).unwrap_or_else(|| {
            let reason = refused
                .about_request(errno)
                .unwrap_or_else(|| explain(errno));
            format!("cannot search {}: {reason}", path.display())
        });
        Error::Search { errno, text }
    }

    /// The driver's errno, where there is one.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Error::Open { error, .. } => error.raw_os_error().map(Errno::from_raw),
            Error::File(_) => None,
            Error::Info { errno, .. } | Error::Search { errno, .. } => Some(*errno),
        }
    }
}

impl Refused {
    /// Says what in the request does not fit the file.
    fn about_request(&self, errno: Errno) -> Option<String> {
        let Method { kind, k, .. } = self.method;
        match errno {
            Errno::EINVAL => Some(format!(
                "k must be 1 to {K_MAX}, a query must have 1 to {DIM_MAX} elements, and {}",
                match kind {
                    Kind::Flat => "a flat search takes no effort".to_owned(),
                    _ => format!("an effort must be at most {EFFORT_MAX}"),
                }
            )),
            Errno::EMSGSIZE => self.info.map(|info| {
                format!(
                    "the query has {} elements, but the vectors have {}",
                    self.query, info.dim
                )
            }),
            Errno::ERANGE => self.info.map(|info| {
                format!(
                    "{k} nearest rows were asked for, but there are {}; ask for fewer",
                    info.rows
                )
            }),
            _ => None,
        }
    }

    /// Says in a sentence of its own what is wrong with the index.
    fn about_index(&self, path: &std::path::Path, errno: Errno) -> Option<String> {
        let Method { kind, metric, .. } = self.method;
        let index = index_file::path(path, kind.index()?);
        let (path, index) = (path.display(), index.display());
        let build = format!("`vexfs index build {path} --kind {kind} --metric {metric}`");
        match errno {
            Errno::ENODATA => Some(format!(
                "{path} has no {kind} index for {metric}: build one with {build}"
            )),
            Errno::EUCLEAN => Some(format!(
                "the index {index} is malformed or of another dimension: \
                 `vexfs index verify {path}` tells why, and {build} makes it anew"
            )),
            Errno::ESTALE => Some(format!(
                "the index {index} is stale, as rows that it covers were changed or removed: make it anew with {build}"
            )),
            _ => None,
        }
    }
}

/// The errors of `docs/abi.md` in words.
fn explain(errno: Errno) -> String {
    match errno {
        Errno::EDOM => "the query holds a NaN or an infinity".into(),
        Errno::EBADMSG => {
            "the file is malformed; `vexfs dataset hash` on it tells in which row and why".into()
        }
        Errno::EFBIG => "the file has more rows than can be numbered; split it".into(),
        Errno::EOPNOTSUPP => {
            "its driver does not know this kind of index, or this metric; use another, or a newer driver"
                .into()
        }
        Errno::EMSGSIZE => "the query's dimension is not the file's".into(),
        Errno::ERANGE => "the file has fewer rows than were asked for; ask for fewer".into(),
        Errno::ENOMEM => {
            "there is not enough memory for its vectors and the index; free some, or raise this process's limit"
                .into()
        }
        Errno::EIO => "the filesystem below could not read it; its kernel log tells why".into(),
        Errno::ENOTCONN => {
            "the FUSE server of this mount is gone; unmount it and mount it again".into()
        }
        other => other.desc().to_owned(),
    }
}
