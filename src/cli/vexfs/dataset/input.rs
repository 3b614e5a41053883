// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an import reads: a file, standard input or a pipe.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use crate::cli::vexfs::interruption::Interruption;
use crate::dataset::formats::{self, Format};
use crate::dataset::rows::{Doubles, Rows};
use crate::dataset::{FileError, ReadError};

/// The name that stands for standard input, as for other programs.
const STANDARD: &str = "-";

pub struct Input {
    /// A regular file: what comes through a pipe is kept in one without a name, which goes with this process.
    file: File,
    format: Format,
    /// The name for people.
    name: PathBuf,
}

impl Input {
    /// Opens `path` in the format that was asked for, or else its name tells.
    pub fn open(
        path: &Path,
        format: Option<Format>,
        interruption: &Interruption,
    ) -> anyhow::Result<Self> {
        let standard = path == Path::new(STANDARD);
        let name = match standard {
            true => "standard input".into(),
            false => path.to_owned(),
        };
        let known = format.or_else(|| Format::of(path));
        let format = known.ok_or_else(|| match standard {
            true => anyhow!("standard input has no name that tells its format: say it by --format"),
            false => FileError::new(path, formats::no_format(path)).into(),
        })?;
        let fault = |error: io::Error| FileError::new(&name, error);
        let file = match standard {
            true => keep(&name, io::stdin().lock(), interruption)?,
            false => {
                let file = File::open(path).map_err(fault)?;
                let kind = file.metadata().map_err(fault)?.file_type();
                if kind.is_dir() {
                    let directory = ReadError::Unsupported("it is a directory".into());
                    return Err(FileError::new(path, directory).into());
                }
                match kind.is_file() {
                    true => file,
                    false => keep(&name, file, interruption)?,
                }
            }
        };
        Ok(Input { file, format, name })
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// The vectors. `dataset` names those that are meant, in a format in which they have names.
    pub fn rows(&self, dataset: Option<&str>) -> Result<Rows, FileError> {
        let path = Path::new("/proc/self/fd").join(self.file.as_raw_fd().to_string());
        let file = self.file.try_clone().map_err(|error| self.fault(error))?;
        formats::open_as(self.format, file, &path, dataset, Doubles::Rounded)
            .map_err(|error| self.fault(error))
    }

    /// What is wrong with the file.
    pub fn fault(&self, error: impl Into<ReadError>) -> FileError {
        FileError::new(&self.name, error)
    }
}

/// Keeps what comes through a pipe in a file.
fn keep(name: &Path, mut from: impl Read, interruption: &Interruption) -> anyhow::Result<File> {
    let folder = std::env::temp_dir();
    let cannot_keep = || {
        format!(
            "cannot keep {} in {} (set TMPDIR to a place with more room)",
            name.display(),
            folder.display()
        )
    };
    let mut kept = tempfile::tempfile().with_context(cannot_keep)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        interruption.check()?;
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(bytes) => kept.write_all(&buffer[..bytes]).with_context(cannot_keep)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(FileError::new(name, error).into()),
        }
    }
    io::Seek::rewind(&mut kept).with_context(cannot_keep)?;
    Ok(kept)
}
