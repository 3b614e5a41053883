// SPDX-License-Identifier: MIT OR Apache-2.0
//! The disk from which a guest runs the peers. It is ext4, with a Python and all that it needs under the paths that
//! it has on the host.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

use super::derivation;
use super::e2fsprogs::{self, TIME};
use super::python_files::PythonFiles;
use crate::guest::peers_disk::MOUNT_POINTS;

const MIB: u64 = 1 << 20;
const BLOCK: u64 = 4096;

/// The UUID of every disk: a random one would differ from one disk to the next.
const UUID: &str = "9d4ab7a2-6f0b-4d56-9d3c-5b8c1f8e0a41";
const HASH_SEED: &str = "3f1c0a52-7f6e-4b0e-8a39-6cf0d4b8e217";

/// The first inode that is not the filesystem's own, and how many more there may be than files.
const FIRST_INODE: usize = 11;
const SPARE_INODES: usize = 64;

/// Where the disk comes from.
#[derive(Clone, Debug)]
pub enum DiskSource {
    /// A disk that somebody has made.
    Given(PathBuf),
    /// A disk that is made of the interpreter where it is needed, and kept in this directory for the next run.
    Kept(PathBuf),
}

pub struct Disk {
    pub path: PathBuf,
    pub blake3: String,
}

impl DiskSource {
    pub fn disk(&self, python: &Path, tell: &dyn Fn(&str)) -> Result<Disk> {
        let path = match self {
            DiskSource::Given(path) => derivation::realised(path, tell)?,
            DiskSource::Kept(dir) => kept(dir, python, tell)?,
        };
        let mut hasher = blake3::Hasher::new();
        File::open(&path)
            .and_then(|file| hasher.update_reader(file).map(|_| ()))
            .with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Disk {
            path,
            blake3: hasher.finalize().to_string(),
        })
    }
}

/// Returns the disk that was made of the same files, or makes a new one in the place of all that are there.
fn kept(dir: &Path, python: &Path, tell: &dyn Fn(&str)) -> Result<PathBuf> {
    let files = PythonFiles::of(python)?;
    let path = dir.join(format!("{:.16}.ext4", files.key()));
    if path.exists() {
        return Ok(path);
    }
    let size = files.bytes(BLOCK) / MIB;
    tell(&format!(
        "peers: making a disk for the guest ({size} MiB, kept in {})",
        dir.display()
    ));
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let old = entry?.path();
        if old.extension().is_some_and(|extension| extension == "ext4") {
            fs::remove_file(&old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
    }
    make(&files, &path)?;
    Ok(path)
}

/// Makes `out` a disk with these files, whole or not at all.
pub fn make(files: &PythonFiles, out: &Path) -> Result<()> {
    let dir = out.parent().filter(|dir| !dir.as_os_str().is_empty());
    let work = tempfile::tempdir_in(dir.unwrap_or(Path::new(".")));
    let work = work.context("no temporary directory can be made")?;
    let root = work.path().join("root");
    files.copy_to(&root)?;
    for name in MOUNT_POINTS {
        let taken = Path::new("/").join(name);
        ensure!(
            !files.any_below(&taken),
            "the interpreter has files below {}, which the guest uses itself: install the peers elsewhere",
            taken.display()
        );
        fs::create_dir_all(root.join(name))?;
    }
    forget_times(&root)?;

    let disk = work.path().join("disk");
    let inodes = files.count() + SPARE_INODES;
    // Directories and the filesystem itself take some, too.
    let size = files.bytes(BLOCK) * 21 / 20 + inodes as u64 * 256 + 16 * MIB;
    let mut format = e2fsprogs::command("mke2fs");
    format
        .args([
            "-q",
            "-F",
            "-t",
            "ext4",
            "-m",
            "0",
            "-b",
            &BLOCK.to_string(),
        ])
        .args([
            "-O",
            "^has_journal,^metadata_csum",
            "-N",
            &inodes.to_string(),
        ])
        .args([
            "-U",
            UUID,
            "-E",
            &format!("hash_seed={HASH_SEED},root_owner=0:0"),
        ])
        .arg("-d")
        .arg(&root)
        .arg(&disk)
        .arg(format!("{}k", size.div_ceil(1024)));
    e2fsprogs::run(&mut format, None)?;
    // When an inode was changed cannot be set from outside.
    let set: String = (FIRST_INODE..=inodes)
        .map(|inode| format!("set_inode_field <{inode}> ctime @{TIME}\n"))
        .collect();
    let mut edit = e2fsprogs::command("debugfs");
    e2fsprogs::run(edit.arg("-w").arg(&disk), Some(&set))?;
    fs::rename(disk, out).with_context(|| format!("cannot create {}", out.display()))
}

/// Gives every file the same time. Compiled modules know the time of their source.
fn forget_times(path: &Path) -> Result<()> {
    let described = fs::symlink_metadata(path)?;
    if described.is_dir() {
        for entry in fs::read_dir(path)? {
            forget_times(&entry?.path())?;
        }
    } else if described.is_file() && path.extension().is_some_and(|extension| extension == "pyc") {
        set_source_time(path).with_context(|| format!("cannot change {}", path.display()))?;
    }
    let time = Timespec {
        tv_sec: TIME.into(),
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)
        .with_context(|| format!("cannot set the time of {}", path.display()))
}

/// Sets the time in the header of a compiled module: its third word, if the second says that it is a time (PEP 552).
fn set_source_time(path: &Path) -> std::io::Result<()> {
    let file = File::options().read(true).write(true).open(path)?;
    let mut flags = [0; 4];
    file.read_exact_at(&mut flags, 4)?;
    if flags == [0; 4] {
        file.write_all_at(&TIME.to_le_bytes(), 8)?;
    }
    Ok(())
}
