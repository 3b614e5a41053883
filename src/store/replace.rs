// SPDX-License-Identifier: MIT OR Apache-2.0
//! Replaces a file as a whole or not at all, whatever happens meanwhile.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

/// The number of bytes that are written between two looks at whether to go on.
const CHUNK: usize = 4 << 20;

/// Why a file was not replaced. An old file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("interrupted")]
    Interrupted,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Puts a new file, with the permissions `mode` as far as the umask allows, in the place of `path`.
///
/// The new file is written beside `path` under a name of its own, brought to the disk, and renamed. A process that is
/// killed in between leaves that one file, and the next replacement of the same path removes it. `done` is called with
/// the number of bytes written so far, and ends the writing by answering false.
pub fn replace(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    mut done: impl FnMut(usize) -> bool,
) -> Result<(), Error> {
    replace_with(path, mode, |mut file| {
        let mut written = 0;
        for chunk in bytes.chunks(CHUNK) {
            if !done(written) {
                return Err(Error::Interrupted);
            }
            file.write_all(chunk)?;
            written += chunk.len();
        }
        file.sync_all()?;
        match done(written) {
            true => Ok(()),
            false => Err(Error::Interrupted),
        }
    })
}

/// Puts a new file in the place of `path`, as [`replace`] does, with what `write` writes into it.
pub fn replace_with<T, E: From<io::Error>>(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&File) -> Result<T, E>,
) -> Result<T, E> {
    let mut new = New::create(path, mode)?;
    let written = write(&new.file)?;
    new.file.sync_all()?;
    new.rename(path)?;
    sync_directory(path)?;
    Ok(written)
}

/// The name under which the successor of `path` is written.
fn temporary(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".new");
    name.into()
}

/// Brings the directory of `path` to the disk: only then does a rename last.
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

/// The new file, removed when dropped before it was renamed.
struct New {
    /// The file under a lock, so that nobody takes it for a leftover as long as somebody writes it.
    file: File,
    path: Option<PathBuf>,
}

impl New {
    fn create(target: &Path, mode: u32) -> io::Result<Self> {
        let path = temporary(target);
        loop {
            let mut options = OpenOptions::new();
            let options = options.write(true).custom_flags(libc::O_NOFOLLOW);
            match options.create_new(true).mode(mode).open(&path) {
                Ok(file) => {
                    rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
                    if is_still(&path, &file) {
                        let path = Some(path);
                        return Ok(New { file, path });
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => remove_unused(&path)?,
                Err(error) => return Err(error),
            }
        }
    }

    fn rename(&mut self, target: &Path) -> io::Result<()> {
        if let Some(path) = &self.path {
            fs::rename(path, target)?;
            self.path = None;
        }
        Ok(())
    }
}

impl Drop for New {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes the file that a killed replacement of `path` has left, if there is one.
pub fn remove_leftover(path: &Path) -> io::Result<()> {
    remove_unused(&temporary(path))
}

/// Removes a file once nobody writes it any more.
fn remove_unused(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let found = match options.read(true).custom_flags(libc::O_NOFOLLOW).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    rustix::fs::flock(&found, FlockOperation::LockExclusive)?;
    if is_still(path, &found) {
        fs::remove_file(path)?;
    }
    Ok(())
}

fn is_still(path: &Path, file: &File) -> bool {
    let id = |data: fs::Metadata| (data.dev(), data.ino());
    match (fs::symlink_metadata(path), file.metadata()) {
        (Ok(named), Ok(open)) => id(named) == id(open),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<OsString> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for content in [&b"one"[..], b"another"] {
            replace(&path, content, 0o640, |_| true).unwrap();
            assert_eq!(fs::read(&path).unwrap(), content);
            assert_eq!(names(folder.path()), ["a"]);
        }
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o137, 0);
    }

    #[test]
    fn an_interruption_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "old").unwrap();
        for last in [0, CHUNK, 2 * CHUNK] {
            let interrupted = replace(&path, &vec![1; 2 * CHUNK], 0o644, |written| written < last);
            assert!(matches!(interrupted, Err(Error::Interrupted)));
            assert_eq!(fs::read(&path).unwrap(), b"old");
            assert_eq!(names(folder.path()), ["a"]);
        }
    }

    #[test]
    fn what_a_killed_process_has_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(temporary(&path), "half").unwrap();
        replace(&path, b"whole", 0o644, |_| true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn several_replace_the_same_file_one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..20 {
                        replace(path, &[writer; 1000], 0o644, |_| true).unwrap();
                    }
                });
            }
        });
        let content = fs::read(&path).unwrap();
        assert_eq!(content.len(), 1000);
        assert!(content.iter().all(|byte| *byte == content[0]));
        assert_eq!(names(folder.path()), ["a"]);
    }
}
