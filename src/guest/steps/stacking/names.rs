// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names that change, beneath the mount and through it.

use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Result;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, PosixFadviseAdvice, RenameFlags, posix_fadvise, renameat2};
use nix::mount::{MsFlags, mount};
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, munmap};
use nix::unistd::{Whence, lseek};

use super::trial::Trial;
use crate::guest::steps::stage::{Lower, Stage};
use crate::protocol::errno_name;

pub const TRIALS: &[Trial] = &[
    Trial {
        name: "remove what was made beneath a name that was not there",
        lower: Lower::Tmpfs,
        work: remove_made_beneath,
        expected: "file ok, directory ok, renamed ok",
    },
    Trial {
        name: "remove what was made beneath a name that was not there, on ext4",
        lower: Lower::Ext4,
        work: remove_made_beneath,
        expected: "file ok, directory ok, renamed ok",
    },
    Trial {
        name: "remove what became a file or a directory beneath",
        lower: Lower::Tmpfs,
        work: remove_changed_beneath,
        expected: "directory ok, file ok",
    },
    Trial {
        name: "a file that was renamed or moved beneath",
        lower: Lower::Tmpfs,
        work: renamed_beneath,
        expected: "one ENOENT, two renamed; a ENOENT, b moved",
    },
    Trial {
        name: "a removed name that somebody still has",
        lower: Lower::Tmpfs,
        work: removed_and_held,
        expected: "file 0 links, directory 0 links",
    },
    Trial {
        name: "rename a directory that was moved beneath",
        lower: Lower::Tmpfs,
        work: rename_moved_beneath,
        expected: "renamed ok, its file is there",
    },
    Trial {
        name: "open what was replaced beneath while somebody lists the directory",
        lower: Lower::Ext4,
        work: replaced_while_listed,
        expected: "0 of 300 stale",
    },
    Trial {
        name: "exchange a file and a directory with a mount beneath it",
        lower: Lower::Tmpfs,
        work: exchange,
        expected: "exchanged ok, file file, mounted mark; back ok, file file, mounted mark; no second ENOENT",
    },
    Trial {
        name: "rename a directory with a mount beneath it while others look it up",
        lower: Lower::Ext4,
        work: rename_while_looked_up,
        expected: "ok, mounted mark",
    },
];

/// A look-up remembers that a name is not there. Whoever makes it beneath the mount must be able to remove it through
/// the mount.
fn remove_made_beneath(stage: &Stage) -> Result<String> {
    let (root, lower) = (stage.root(), stage.lower());
    for name in ["file", "directory", "old"] {
        assert!(!root.join(name).exists());
    }
    fs::write(lower.join("file"), "")?;
    fs::create_dir(lower.join("directory"))?;
    fs::write(lower.join("old"), "")?;
    Ok(format!(
        "file {}, directory {}, renamed {}",
        outcome(fs::remove_file(root.join("file"))),
        outcome(fs::remove_dir(root.join("directory"))),
        outcome(fs::rename(root.join("old"), root.join("new"))),
    ))
}

fn remove_changed_beneath(stage: &Stage) -> Result<String> {
    let (root, lower) = (stage.root(), stage.lower());
    fs::write(lower.join("directory"), "")?;
    fs::create_dir(lower.join("file"))?;
    assert!(root.join("directory").is_file() && root.join("file").is_dir());
    fs::remove_file(lower.join("directory"))?;
    fs::create_dir(lower.join("directory"))?;
    fs::remove_dir(lower.join("file"))?;
    fs::write(lower.join("file"), "")?;
    Ok(format!(
        "directory {}, file {}",
        outcome(fs::remove_dir(root.join("directory"))),
        outcome(fs::remove_file(root.join("file"))),
    ))
}

/// The lower file is as before, and so is the length of its name.
fn renamed_beneath(stage: &Stage) -> Result<String> {
    let (root, lower) = (stage.root(), stage.lower());
    for name in ["a", "b"] {
        fs::create_dir(lower.join(name))?;
    }
    fs::write(lower.join("one"), "renamed")?;
    fs::write(lower.join("a/file"), "moved")?;
    for name in ["one", "a/file"] {
        fs::read(root.join(name))?;
    }
    fs::rename(lower.join("one"), lower.join("two"))?;
    fs::rename(lower.join("a/file"), lower.join("b/file"))?;
    let [one, two, a, b] = ["one", "two", "a/file", "b/file"].map(|name| read(&root.join(name)));
    Ok(format!("one {one}, two {two}; a {a}, b {b}"))
}

/// What is open as a path alone is not open beneath.
fn removed_and_held(stage: &Stage) -> Result<String> {
    let (file, directory) = (stage.root().join("file"), stage.root().join("directory"));
    fs::write(&file, "")?;
    fs::create_dir(&directory)?;
    let held = |path: &Path| {
        let mut options = File::options();
        options.read(true).custom_flags(libc::O_PATH).open(path)
    };
    let [held_file, held_directory] = [held(&file)?, held(&directory)?];
    fs::remove_file(&file)?;
    fs::remove_dir(&directory)?;
    Ok(format!(
        "file {} links, directory {} links",
        held_file.metadata()?.nlink(),
        held_directory.metadata()?.nlink()
    ))
}

/// The mount still has the directory where it was, and the rename keeps it from following.
fn rename_moved_beneath(stage: &Stage) -> Result<String> {
    let (root, lower) = (stage.root(), stage.lower());
    for name in ["from", "to", "from/directory"] {
        fs::create_dir(lower.join(name))?;
    }
    fs::write(lower.join("from/directory/file"), "is there")?;
    fs::read(root.join("from/directory/file"))?;
    fs::rename(lower.join("from/directory"), lower.join("to/directory"))?;
    let renamed = fs::rename(root.join("to/directory"), root.join("from/another"));
    let file = read(&root.join("from/another/file"));
    Ok(format!("renamed {}, its file {file}", outcome(renamed)))
}

/// Enough for a listing to take several pages.
const NAMES: u32 = 1000;
const REPLACED: u32 = 300;

/// Who lists a directory holds its lock shared. That must not keep others from seeing what is there.
fn replaced_while_listed(stage: &Stage) -> Result<String> {
    let (root, lower) = (stage.root(), stage.lower());
    for number in 0..NAMES {
        fs::write(
            lower.join(format!("another name of some length {number}")),
            "",
        )?;
    }
    let pages = lower.with_file_name("pages");
    fs::write(&pages, [1; LISTING])?;
    File::open(&pages)?.sync_all()?;
    let (directory, pages) = (File::open(root)?, File::open(&pages)?);

    fs::write(lower.join("file"), "0")?;
    let ended = AtomicBool::new(false);
    let mut stale = 0;
    thread::scope(|scope| {
        let listing = scope.spawn(|| list_slowly(&directory, &pages, &ended));
        for number in 1..=REPLACED {
            fs::read_to_string(root.join("file"))?;
            fs::write(lower.join("new"), number.to_string())?;
            fs::rename(lower.join("new"), lower.join("file"))?;
            // The other thread runs until it sleeps.
            for _ in 0..5 {
                thread::yield_now();
            }
            if fs::read_to_string(root.join("file"))? != number.to_string() {
                stale += 1;
            }
        }
        ended.store(true, Ordering::Relaxed);
        listing.join().expect("it does not panic")
    })?;
    Ok(format!("{stale} of {REPLACED} stale"))
}

const LISTING: usize = 64 << 10;

/// Lists `directory` again and again, into memory that must be read from `pages` first, so that it sleeps midway.
fn list_slowly(directory: &File, pages: &File, ended: &AtomicBool) -> Result<()> {
    let length = NonZeroUsize::new(LISTING).expect("it is not zero");
    while !ended.load(Ordering::Relaxed) {
        posix_fadvise(pages, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
        lseek(directory, 0, Whence::SeekSet)?;
        // SAFETY: a new private mapping of a file that nobody truncates. The kernel writes at most its length to it,
        // and it is unmapped once.
        unsafe {
            let buffer = mmap(
                None,
                length,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_PRIVATE,
                pages,
                0,
            )?;
            madvise(buffer, LISTING, MmapAdvise::MADV_RANDOM)?;
            while libc::syscall(
                libc::SYS_getdents64,
                directory.as_raw_fd(),
                buffer.as_ptr(),
                LISTING,
            ) > 0
            {}
            munmap(buffer, LISTING)?;
        }
    }
    Ok(())
}

fn exchange(stage: &Stage) -> Result<String> {
    let root = stage.root();
    let (one, two, into) = (root.join("one"), root.join("into/two"), root.join("into"));
    fs::create_dir(&into)?;
    fs::write(&one, "file")?;
    fs::create_dir(&two)?;
    mount_a_mark(&two)?;
    let there = swap(&one, &two);
    let (file, mark) = (read(&two), read(&one.join("mounted/mark")));
    let back = swap(&one, &two);
    Ok(format!(
        "exchanged {there}, file {file}, mounted {mark}; back {back}, file {}, mounted {}; no second {}",
        read(&one),
        read(&two.join("mounted/mark")),
        swap(&one, &root.join("nothing")),
    ))
}

fn swap(one: &Path, two: &Path) -> String {
    let swapped = renameat2(AT_FDCWD, one, AT_FDCWD, two, RenameFlags::RENAME_EXCHANGE);
    outcome(swapped.map_err(Into::into))
}

const RENAMES: u32 = 500;

fn rename_while_looked_up(stage: &Stage) -> Result<String> {
    let root = stage.root();
    let (old, new, into) = (root.join("old"), root.join("into/new"), root.join("into"));
    fs::create_dir(&into)?;
    fs::create_dir(&old)?;
    mount_a_mark(&old)?;
    let ended = AtomicBool::new(false);
    let renamed = thread::scope(|scope| {
        for directory in [&old, &new, &old] {
            let ended = &ended;
            scope.spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    let _ = fs::read(directory.join("mounted/mark"));
                    let _ = fs::write(directory.join("file"), "");
                    let _ = fs::remove_file(directory.join("file"));
                    thread::yield_now();
                }
            });
        }
        let mut renamed = Ok(());
        for _ in 0..RENAMES {
            renamed = renamed.and_then(|()| fs::rename(&old, &new));
            thread::yield_now();
            renamed = renamed.and_then(|()| fs::rename(&new, &old));
            thread::yield_now();
        }
        ended.store(true, Ordering::Relaxed);
        renamed
    });
    let mark = read(&old.join("mounted/mark"));
    Ok(format!("{}, mounted {mark}", outcome(renamed)))
}

/// Mounts a tmpfs on a new directory `mounted` in `directory`, with a file `mark`.
fn mount_a_mark(directory: &Path) -> Result<()> {
    let mounted = directory.join("mounted");
    fs::create_dir(&mounted)?;
    mount(
        Some("mark"),
        &mounted,
        Some("tmpfs"),
        MsFlags::empty(),
        None::<&str>,
    )?;
    Ok(fs::write(mounted.join("mark"), "mark")?)
}

/// What the file contains, or the errno's name.
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| outcome(Err(error)))
}

/// `ok`, or the errno's name.
pub(super) fn outcome(result: std::io::Result<()>) -> String {
    match result {
        Ok(()) => "ok".to_owned(),
        Err(error) => match error.raw_os_error() {
            Some(errno) => errno_name(Errno::from_raw(errno)),
            None => error.to_string(),
        },
    }
}
