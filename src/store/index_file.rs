// SPDX-License-Identifier: MIT OR Apache-2.0
//! Index files: their names, and how one is found and read (`docs/index-format.md`).

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};

use crate::anns::index::{Bytes, Header, Index, Kind, Malformed, section_sizes};
use crate::store::is_vector_file_name;

const HEADER_BYTES: usize = size_of::<Header>();

/// Why an index file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The file is not a sound index: this is what is wrong.
    #[error("{}", .0.0)]
    Malformed(Malformed),
    #[error("there is not enough memory for it")]
    OutOfMemory,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Self {
        Fault::Malformed(malformed)
    }
}

impl Fault {
    /// The errno of `docs/abi.md` for this fault.
    pub fn errno(&self) -> Errno {
        match self {
            Fault::Malformed(_) => Errno::EUCLEAN,
            Fault::OutOfMemory => Errno::ENOMEM,
            Fault::Io(_) => Errno::EIO,
        }
    }
}

/// The name of the index file beside a vector file of this name.
pub fn name(vectors: &OsStr, kind: Kind) -> OsString {
    let mut name = vectors.to_owned();
    name.push(".");
    name.push(kind.extension());
    name
}

/// Whether a file of this name may be the index of a vector file.
pub fn is_name(name: &OsStr) -> bool {
    let (vectors, kind) = (Path::new(name).file_stem(), Path::new(name).extension());
    vectors.is_some_and(is_vector_file_name)
        && Kind::ALL
            .iter()
            .any(|known| kind == Some(OsStr::new(known.extension())))
}

/// The path of the index file beside the vector file at the path `vectors`.
pub fn path(vectors: &Path, kind: Kind) -> PathBuf {
    name(vectors.as_os_str(), kind).into()
}

/// Opens an index file for reading, with this process's own rights. There is none if nothing has that name, or if it
/// names anything but a regular file of the directory's own filesystem.
pub fn open(directory: impl AsFd, name: &OsStr) -> io::Result<Option<File>> {
    use rustix::io::Errno;
    // Nothing happens to a device or a pipe that is only looked at.
    let found = rustix::fs::openat2(
        directory,
        name,
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
        ResolveFlags::BENEATH | ResolveFlags::NO_XDEV,
    );
    let found: OwnedFd = match found {
        Err(Errno::NOENT | Errno::NAMETOOLONG | Errno::XDEV) => return Ok(None),
        found => found?,
    };
    let stat = rustix::fs::fstat(&found)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    let path = format!("/proc/self/fd/{}", found.as_raw_fd());
    let file = rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(Some(file.into()))
}

/// The header of a file of `size` bytes, if it is sound.
pub fn read_header(file: &File, size: u64, kind: Kind) -> Result<Header, Fault> {
    let mut header = [0; HEADER_BYTES];
    let header = match size < HEADER_BYTES as u64 {
        true => &[],
        false => {
            read_exactly(file, &mut header)?;
            &header[..]
        }
    };
    Ok(Header::parse(header, size, kind, section_sizes(kind))?)
}

/// The whole index in a file of `size` bytes, if it is sound.
pub fn read(file: &File, size: u64, kind: Kind) -> Result<Index, Fault> {
    let size = usize::try_from(size).map_err(|_| Fault::OutOfMemory)?;
    let mut bytes = Bytes::zeroed(size).map_err(|_| Fault::OutOfMemory)?;
    read_exactly(file, &mut bytes)?;
    Ok(Index::parse(bytes, kind)?)
}

fn read_exactly(file: &File, bytes: &mut [u8]) -> Result<(), Fault> {
    file.read_exact_at(bytes, 0)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Malformed("it was cut off while it was read").into(),
            _ => error.into(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_has_the_name_of_its_vectors_and_its_kind() {
        for (name, is) in [
            ("a.fvecs.hnsw", true),
            ("a.fvecs.lsh", true),
            ("a.fvecs", false),
            ("a.fvecs.other", false),
            (".fvecs.hnsw", false),
            ("a.hnsw", false),
        ] {
            assert_eq!(is_name(OsStr::new(name)), is, "{name}");
        }
    }
}
