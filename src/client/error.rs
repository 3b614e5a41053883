// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a driver's errors mean to a person.

use std::io;
use std::path::PathBuf;

use nix::errno::Errno;

use crate::dataset::FileError;
use crate::store::abi::{DIM_MAX, K_MAX};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot open {}: {error}", path.display())]
    Open { path: PathBuf, error: io::Error },
    #[error(transparent)]
    File(#[from] FileError),
    #[error("cannot read the vectors of {}: {}", path.display(), explain(*errno))]
    Info { path: PathBuf, errno: Errno },
    #[error("cannot search {}: {}", path.display(), explain(*errno))]
    Search { path: PathBuf, errno: Errno },
    #[error("cannot search {}: the query has {query} elements, but the vectors have {file}", path.display())]
    Dimension {
        path: PathBuf,
        query: usize,
        file: u32,
    },
    #[error("cannot search {}: {k} nearest rows were asked for, but there are {rows}; ask for fewer", path.display())]
    TooFewRows { path: PathBuf, k: u32, rows: u64 },
}

impl Error {
    /// The driver's errno, where there is one.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Error::Open { error, .. } => error.raw_os_error().map(Errno::from_raw),
            Error::File(_) => None,
            Error::Info { errno, .. } | Error::Search { errno, .. } => Some(*errno),
            Error::Dimension { .. } => Some(Errno::EMSGSIZE),
            Error::TooFewRows { .. } => Some(Errno::ERANGE),
        }
    }
}

/// The errors of `docs/abi.md` in words.
fn explain(errno: Errno) -> String {
    match errno {
        Errno::EINVAL => {
            format!(
                "k must be 1 to {K_MAX}, a query must have 1 to {DIM_MAX} elements, and a flat search takes no effort"
            )
        }
        Errno::EDOM => "the query holds a NaN or an infinity".into(),
        Errno::EBADMSG => {
            "the file is malformed; `vexfs dataset hash` on it tells in which row and why".into()
        }
        Errno::EFBIG => "the file has more rows than can be numbered; split it".into(),
        Errno::EOPNOTSUPP => {
            "its driver does not know this kind of index; use another, or a newer driver".into()
        }
        Errno::EMSGSIZE => "the query's dimension is not the file's".into(),
        Errno::ERANGE => "the file has fewer rows than were asked for; ask for fewer".into(),
        Errno::ENOMEM => {
            "there is not enough memory for its vectors; free some, or raise this process's limit"
                .into()
        }
        Errno::EIO => "the filesystem below could not read it; its kernel log tells why".into(),
        Errno::ENOTCONN => {
            "the FUSE server of this mount is gone; unmount it and mount it again".into()
        }
        other => other.desc().to_owned(),
    }
}
