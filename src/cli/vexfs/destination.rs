// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where vectors and answers are written: a file, which appears whole or not at all, or a stream.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail, ensure};

use crate::cli::vexfs::interruption::{Interrupted, Interruption};
use crate::store::{is_vector_file_name, replace};

/// The name that stands for standard output, as for other programs.
const STANDARD: &str = "-";

const STDOUT: &str = "/proc/self/fd/1";

/// The permissions of a new file, as far as the umask allows.
const NEW_FILE: u32 = 0o666;

pub struct Destination {
    /// What was asked for, for people.
    name: String,
    place: Place,
}

enum Place {
    Standard,
    /// A pipe or a device, which is written into.
    Stream(PathBuf),
    File {
        /// Without links.
        path: PathBuf,
        /// What is there already.
        old: Option<Metadata>,
    },
}

/// Why nothing was written.
#[derive(Debug)]
pub enum Unwritten {
    /// The output does not take it.
    Output(io::Error),
    /// Something else, in a sentence of its own.
    Other(anyhow::Error),
}

impl From<io::Error> for Unwritten {
    fn from(error: io::Error) -> Self {
        Unwritten::Output(error)
    }
}

impl From<Interrupted> for Unwritten {
    fn from(interrupted: Interrupted) -> Self {
        Unwritten::Other(interrupted.into())
    }
}

impl Destination {
    /// Finds out what `output` is, for vectors, and refuses what must not be written over. A file has a vector file's
    /// name.
    pub fn of_vectors(output: &Path) -> anyhow::Result<Self> {
        if output == Path::new(STANDARD) {
            return Ok(Destination {
                name: "standard output".into(),
                place: Place::Standard,
            });
        }
        let destination = Destination::of_file(output)?;
        if let Place::File { path, .. } = &destination.place {
            ensure!(
                is_vector_file_name(path.file_name().unwrap_or(OsStr::new(""))),
                "cannot write {}: only a name that ends in .fvecs is a vector file's; name one, or - for standard output",
                destination.name
            );
        }
        Ok(destination)
    }

    /// Finds out what `output` is, a file of any name or a stream, and refuses what must not be written over.
    pub fn of_file(output: &Path) -> anyhow::Result<Self> {
        let name = output.display().to_string();
        let place = Place::find(output).map_err(|why| anyhow!("cannot write {name}: {why}"))?;
        Ok(Destination { name, place })
    }

    /// Whether the file that is there is this one.
    pub fn is(&self, other: &Metadata) -> bool {
        let Place::File { old: Some(old), .. } = &self.place else {
            return false;
        };
        (old.dev(), old.ino()) == (other.dev(), other.ino())
    }

    /// Whether both are one file, whatever they are called.
    pub fn is_same_file(&self, other: &Destination) -> bool {
        match (&self.place, &other.place) {
            (Place::File { path: a, .. }, Place::File { path: b, old }) => {
                a == b || old.as_ref().is_some_and(|old| self.is(old))
            }
            _ => false,
        }
    }

    /// Whether the vectors themselves go to standard output, under whatever name, where nothing else may go then.
    pub fn is_standard_output(&self) -> bool {
        let identity = |found: Metadata| (found.dev(), found.ino());
        let of = |path: &Path| fs::metadata(path).map(identity).ok();
        match &self.place {
            Place::Standard => true,
            Place::Stream(path) => of(path).is_some_and(|it| of(Path::new(STDOUT)) == Some(it)),
            Place::File { .. } => false,
        }
    }

    /// Writes what `write` writes. A file takes the old one's place once it is whole and on the disk. There is no
    /// answer where the reader of a pipe has stopped listening, which is no error of ours.
    pub fn write<T>(
        &self,
        interruption: &Interruption,
        write: impl FnOnce(&mut dyn Write) -> Result<T, Unwritten>,
    ) -> anyhow::Result<Option<T>> {
        let buffered = |output: &mut dyn Write| {
            let mut output = BufWriter::with_capacity(256 << 10, output);
            let written = write(&mut output)?;
            output.flush()?;
            interruption.check()?;
            Ok(written)
        };
        let written = match &self.place {
            Place::Standard => buffered(&mut io::stdout().lock()),
            Place::Stream(path) => File::options()
                .write(true)
                .open(path)
                .map_err(Unwritten::Output)
                .and_then(|mut file| buffered(&mut file)),
            Place::File { path, old } => {
                let mode = old.as_ref().map_or(NEW_FILE, |old| old.mode() & 0o777);
                replace::replace_with(path, mode, |mut file| buffered(&mut file))
            }
        };
        match written {
            Ok(written) => Ok(Some(written)),
            Err(Unwritten::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(None),
            Err(Unwritten::Output(error)) => {
                bail!("cannot write {}: {error}{}", self.name, self.kept())
            }
            Err(Unwritten::Other(error)) => Err(error),
        }
    }

    /// What is left of an old file, in words.
    fn kept(&self) -> &'static str {
        match &self.place {
            Place::File { old: Some(_), .. } => "; the file is as it was",
            _ => "",
        }
    }
}

impl Place {
    fn find(output: &Path) -> anyhow::Result<Place> {
        // A stream is written into by the name that was given: /dev/stdout leads to a pipe that has no other.
        if let Ok(kind) = fs::metadata(output).map(|found| found.file_type())
            && (kind.is_fifo() || kind.is_char_device())
        {
            return Ok(Place::Stream(output.to_owned()));
        }
        // What a link leads to is written, and the link stays.
        let path = match output.is_symlink() {
            true => match fs::canonicalize(output) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    bail!("it is a symbolic link that leads nowhere; name the file itself")
                }
                found => found?,
            },
            false => output.to_owned(),
        };
        let old = match fs::metadata(&path) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(kind) = old.as_ref().map(Metadata::file_type) {
            ensure!(!kind.is_dir(), "it is a directory; name a file in it");
            ensure!(
                kind.is_file(),
                "it is a device or a socket; name a file instead"
            );
        }
        let Some(name) = path.file_name() else {
            bail!("it names no file");
        };
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let folder = match fs::canonicalize(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!("there is no folder {}; make it first", folder.display())
            }
            found => found?,
        };
        let path = folder.join(name);
        Ok(Place::File { path, old })
    }
}
