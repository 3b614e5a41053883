// SPDX-License-Identifier: MIT OR Apache-2.0
//! The errors of a driver, in words that tell a person what to do.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::{Kind, Method};
use crate::anns::Metric;
use crate::dataset::FileError;
use crate::dataset::formats;
use crate::dataset::rows::Doubles;
use crate::store::abi::{DIM_MAX, EFFORT_MAX, Info, K_MAX};
use crate::store::index_file;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot open {}: {error}", path.display())]
    Open { path: PathBuf, error: io::Error },
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{text}")]
    Info { errno: Errno, text: String },
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
            let reason = refused.about_request(errno);
            reason.map_or_else(
                || cannot("search", &path, errno),
                |reason| format!("cannot search {}: {reason}", path.display()),
            )
        });
        Error::Search { errno, text }
    }

    pub(super) fn info(path: &Path, errno: Errno) -> Self {
        let text = cannot("read the vectors of", path, errno);
        Error::Info { errno, text }
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
        let k = self.method.k;
        match errno {
            Errno::EINVAL => self.out_of_bounds(),
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

    /// Says which number is too small or too large: the first in the order of `docs/abi.md`.
    fn out_of_bounds(&self) -> Option<String> {
        let Method {
            kind, k, effort, ..
        } = self.method;
        if !(1..=K_MAX).contains(&k) {
            return Some(format!("k must be 1 to {K_MAX}, not {k}"));
        }
        if !(1..=DIM_MAX as usize).contains(&self.query) {
            return Some(format!(
                "a query must have 1 to {DIM_MAX} elements, not {}",
                self.query
            ));
        }
        match kind {
            Kind::Flat if effort > 0 => Some("a flat search takes no effort".to_owned()),
            _ if effort > EFFORT_MAX => Some(format!(
                "an effort must be at most {EFFORT_MAX}, not {effort}"
            )),
            _ => None,
        }
    }

    /// The metric of the index of this kind, if that is another one than was asked for.
    fn other_metric(&self) -> Option<Metric> {
        let info = self.info?;
        let present = info.index.iter().take(info.indexes as usize);
        let mut metrics = present
            .filter(|index| index.kind == self.method.kind.code())
            .filter_map(|index| Metric::from_code(index.metric));
        metrics.find(|metric| *metric != self.method.metric)
    }

    /// The dimension of the index, if that is another one than the vectors have.
    fn other_dimension(&self, path: &Path) -> Option<u32> {
        let kind = self.method.kind.index()?;
        let file = File::open(index_file::path(path, kind)).ok()?;
        let bytes = file.metadata().ok()?.len();
        let header = index_file::read_header(&file, bytes, kind).ok()?;
        Some(header.dim).filter(|dim| self.info.is_some_and(|info| info.dim != *dim))
    }

    /// Says in a sentence of its own what is wrong with the index.
    fn about_index(&self, path: &Path, errno: Errno) -> Option<String> {
        let Method { kind, metric, .. } = self.method;
        let index = index_file::path(path, kind.index()?);
        let other_dimension = self.other_dimension(path);
        let (path, index) = (path.display(), index.display());
        let build = format!("`vexfs index build {path} --kind {kind} --metric {metric}`");
        match errno {
            Errno::ENODATA if let Some(other) = self.other_metric() => Some(format!(
                "the {kind} index of {path} is for {other}, not for {metric}: search by --metric {other}, \
                 or build one with {build} in its place"
            )),
            Errno::ENODATA => Some(format!(
                "{path} has no {kind} index for {metric}: build one with {build}"
            )),
            Errno::EUCLEAN if let Some(dim) = other_dimension => Some(format!(
                "the index {index} is of dimension {dim}, but the vectors are of {}: {build} makes it anew",
                self.info.map_or(0, |info| info.dim)
            )),
            Errno::EUCLEAN => Some(format!(
                "the index {index} is malformed: \
                 `vexfs index verify {path}` tells why, and {build} makes it anew"
            )),
            Errno::ESTALE => Some(format!(
                "the index {index} is stale, as rows that it covers were changed or removed: make it anew with {build}"
            )),
            _ => None,
        }
    }
}

/// What could not be done with a file, and why.
fn cannot(what: &str, path: &Path, errno: Errno) -> String {
    match errno {
        Errno::EBADMSG if let Some(fault) = first_fault(path) => fault.to_string(),
        _ => format!("cannot {what} {}: {}", path.display(), explain(errno)),
    }
}

/// What is wrong with a vector file that a driver calls malformed: a driver cannot say which row it is.
fn first_fault(path: &Path) -> Option<FileError> {
    let fault = |error| Some(FileError::new(path, error));
    let mut rows = match formats::open(path, "", Doubles::Exact) {
        Ok(rows) => rows,
        Err(error) => return fault(error),
    };
    let mut row = vec![0.0; rows.dim];
    (0..rows.rows).find_map(|index| rows.read_row(index, &mut row).err().and_then(fault))
}

/// The errors of `docs/abi.md` in words.
fn explain(errno: Errno) -> String {
    match errno {
        Errno::EDOM => "the query holds a NaN or an infinity".into(),
        Errno::EBADMSG => {
            "the file is malformed, or was when it was looked at".into()
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
        Errno::ECANCELED => {
            "other queries were sent through the same open file meanwhile; open it once for each of those who search"
                .into()
        }
        Errno::EIO => "the filesystem below could not read it; its kernel log tells why".into(),
        Errno::ENOTCONN => {
            "the FUSE server of this mount is gone; unmount it and mount it again".into()
        }
        other => other.desc().to_owned(),
    }
}
