// SPDX-License-Identifier: MIT OR Apache-2.0
//! File operations through each place, compared with what they must give and with what the lower filesystem then holds.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::Path;
use std::thread;

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, FcntlArg, RenameFlags, fallocate, fcntl, renameat2};
use nix::sys::mman::{MapFlags, MsFlags, ProtFlags, mmap, msync, munmap};
use nix::sys::stat::{Mode, SFlag, mknod};
use nix::unistd::{Uid, Whence, lseek, setfsuid};

use super::Tell;
use crate::protocol::errno_name;
use crate::protocol::results::Case;

type Operation = fn(&Path) -> Result<String>;

/// The operations: a name, what is done in an empty directory, and what it must give.
const OPERATIONS: &[(&str, Operation, &str)] = &[
    ("create, write, read back", write_and_read, "one two"),
    ("append", append, "one two three"),
    ("write at an offset", write_at, "one TWO"),
    ("truncate, then extend", truncate, "on\0\0"),
    ("create exclusively twice", create_twice, "EEXIST"),
    ("open what is not there", open_missing, "ENOENT"),
    ("rename over another file", rename, "new"),
    ("rename without replacing", rename_no_replace, "EEXIST"),
    ("exchange two files", exchange, "b a"),
    ("hard link", hard_link, "2 links, same inode, shared"),
    ("symbolic link", symbolic_link, "target: shared"),
    ("make and remove directories", directories, "ENOTEMPTY"),
    ("list a directory", list, "100 names"),
    ("special file", special_file, "fifo 600"),
    (
        "extended attributes",
        extended_attributes,
        "value, then ENODATA",
    ),
    ("shared mapping", shared_mapping, "mapped"),
    (
        "shared mapping of a vector file",
        mapped_vector_file,
        "mapped",
    ),
    ("lock held by another", lock, "EAGAIN"),
    ("punch a hole", punch_hole, "8192 bytes, 4096 of them zero"),
    ("seek past data", seek_hole, "12288"),
    ("copy from file to file", copy, "copied"),
    ("mode and owner", mode_and_owner, "640 1000:1001"),
    ("times", times, "1000000000.000000001"),
    ("another user's file", another_user, "EACCES"),
    ("unlinked but open", unlinked, "kept, 0 links"),
    ("fsync", fsync, "ok"),
];

/// Operations in which a second user takes part.
pub const OF_OTHER_USERS: [&str; 2] = ["mode and owner", "another user's file"];

/// Carries out every operation below `root`, each in a directory of its own, then compares the tree with `lower`.
pub fn cases(root: &Path, lower: &Path, tell: Tell) -> Vec<Case> {
    cases_without(&[], root, lower, tell)
}

/// Carries out every operation except those that `left_out` names, as [`cases`] does.
pub fn cases_without(left_out: &[&str], root: &Path, lower: &Path, tell: Tell) -> Vec<Case> {
    let mut cases = Vec::new();
    let operations = (0..).zip(OPERATIONS);
    for (number, (name, operation, expected)) in
        operations.filter(|(_, (name, ..))| !left_out.contains(name))
    {
        tell(name, number, OPERATIONS.len() as u64);
        let dir = root.join(format!("{number:02}"));
        let observed = fs::create_dir(&dir)
            .map_err(Into::into)
            .and_then(|()| operation(&dir));
        cases.push(Case {
            name: (*name).to_owned(),
            expected: (*expected).to_owned(),
            observed: observed.unwrap_or_else(|error| format!("{error:#}")),
        });
    }
    let listing = |dir| describe_tree(dir).unwrap_or_else(|error| format!("{error:#}"));
    let (through, below) = (listing(root), listing(lower));
    cases.push(compare_trees(&through, &below));
    cases
}

/// The first difference between two trees, if any, so that the reader of a verdict need not look for it.
fn compare_trees(through: &str, below: &str) -> Case {
    let differing = through.lines().zip(below.lines()).find(|(a, b)| a != b);
    let (observed, expected) = match differing {
        Some((observed, expected)) => (observed.to_owned(), expected.to_owned()),
        None => (
            format!("{} entries", through.lines().count()),
            format!("{} entries", below.lines().count()),
        ),
    };
    Case {
        name: "the tree as the lower filesystem has it".to_owned(),
        expected,
        observed,
    }
}

/// One line for each entry: path, mode, owner, links, size, times of change, content or target.
fn describe_tree(root: &Path) -> Result<String> {
    let mut text = String::new();
    let mut pending = vec![root.to_owned()];
    while let Some(dir) = pending.pop() {
        let mut entries = fs::read_dir(&dir)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let meta = fs::symlink_metadata(&path)?;
            let kind = meta.file_type();
            let content = if kind.is_symlink() {
                fs::read_link(&path)?.display().to_string()
            } else if kind.is_file() {
                blake3::hash(&fs::read(&path)?).to_hex()[..16].to_owned()
            } else {
                String::new()
            };
            let size = if kind.is_dir() { 0 } else { meta.len() };
            writeln!(
                text,
                "{} {:o} {}:{} {} {size} {}.{:09} {content}",
                path.strip_prefix(root)?.display(),
                meta.mode(),
                meta.uid(),
                meta.gid(),
                meta.nlink(),
                meta.mtime(),
                meta.mtime_nsec(),
            )?;
            if kind.is_dir() {
                pending.push(path);
            }
        }
    }
    Ok(text)
}

/// The name of the errno of what must fail, or `ok`.
fn errno_of<T>(result: io::Result<T>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.raw_os_error().map_or_else(
            || error.to_string(),
            |code| errno_name(Errno::from_raw(code)),
        ),
    }
}

fn write_and_read(dir: &Path) -> Result<String> {
    let path = dir.join("file");
    fs::write(&path, "one two")?;
    Ok(fs::read_to_string(&path)?)
}

fn append(dir: &Path) -> Result<String> {
    let path = dir.join("file");
    fs::write(&path, "one two")?;
    let mut file = OpenOptions::new().append(true).open(&path)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(b" three")?;
    Ok(fs::read_to_string(&path)?)
}

fn write_at(dir: &Path) -> Result<String> {
    let path = dir.join("file");
    fs::write(&path, "one two")?;
    let file = OpenOptions::new().write(true).open(&path)?;
    file.write_all_at(b"TWO", 4)?;
    Ok(fs::read_to_string(&path)?)
}

fn truncate(dir: &Path) -> Result<String> {
    let path = dir.join("file");
    fs::write(&path, "one two")?;
    let file = OpenOptions::new().write(true).open(&path)?;
    file.set_len(2)?;
    file.set_len(4)?;
    Ok(fs::read_to_string(&path)?)
}

fn create_twice(dir: &Path) -> Result<String> {
    let path = dir.join("file");
    File::create_new(&path)?;
    Ok(errno_of(File::create_new(&path)))
}

fn open_missing(dir: &Path) -> Result<String> {
    Ok(errno_of(File::open(dir.join("missing"))))
}

fn rename(dir: &Path) -> Result<String> {
    let (old, new) = (dir.join("old"), dir.join("new"));
    fs::write(&old, "old")?;
    fs::write(&new, "new")?;
    fs::rename(&new, &old)?;
    anyhow::ensure!(!new.exists(), "the old name is still there");
    Ok(fs::read_to_string(&old)?)
}

fn rename_with(dir: &Path, flags: RenameFlags) -> Result<nix::Result<()>> {
    let (a, b) = (dir.join("a"), dir.join("b"));
    fs::write(&a, "a")?;
    fs::write(&b, "b")?;
    Ok(renameat2(
        nix::fcntl::AT_FDCWD,
        &a,
        nix::fcntl::AT_FDCWD,
        &b,
        flags,
    ))
}

fn rename_no_replace(dir: &Path) -> Result<String> {
    let result = rename_with(dir, RenameFlags::RENAME_NOREPLACE)?;
    Ok(errno_of(result.map_err(io::Error::from)))
}

fn exchange(dir: &Path) -> Result<String> {
    rename_with(dir, RenameFlags::RENAME_EXCHANGE)??;
    let (a, b) = (dir.join("a"), dir.join("b"));
    Ok(format!(
        "{} {}",
        fs::read_to_string(a)?,
        fs::read_to_string(b)?
    ))
}

fn hard_link(dir: &Path) -> Result<String> {
    let (first, second) = (dir.join("first"), dir.join("second"));
    fs::write(&first, "not shared")?;
    fs::hard_link(&first, &second)?;
    fs::write(&second, "shared")?;
    let (a, b) = (fs::metadata(&first)?, fs::metadata(&second)?);
    let inode = if a.ino() == b.ino() {
        "same"
    } else {
        "another"
    };
    let content = fs::read_to_string(&first)?;
    Ok(format!("{} links, {inode} inode, {content}", a.nlink()))
}

fn symbolic_link(dir: &Path) -> Result<String> {
    fs::write(dir.join("target"), "shared")?;
    let link = dir.join("link");
    symlink("target", &link)?;
    let target = fs::read_link(&link)?;
    Ok(format!(
        "{}: {}",
        target.display(),
        fs::read_to_string(&link)?
    ))
}

fn directories(dir: &Path) -> Result<String> {
    let (outer, inner) = (dir.join("outer"), dir.join("outer/inner"));
    fs::create_dir_all(&inner)?;
    let refused = errno_of(fs::remove_dir(&outer));
    fs::remove_dir(&inner)?;
    fs::remove_dir(&outer)?;
    Ok(refused)
}

fn list(dir: &Path) -> Result<String> {
    let mut expected: Vec<_> = (0..100).map(|n| format!("entry {n:03}")).collect();
    for name in &expected {
        File::create_new(dir.join(name))?;
    }
    let mut listed = fs::read_dir(dir)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>>>()?;
    listed.sort();
    expected.sort();
    anyhow::ensure!(listed == expected, "other names: {listed:?}");
    Ok(format!("{} names", listed.len()))
}

fn special_file(dir: &Path) -> Result<String> {
    let path = dir.join("fifo");
    mknod(&path, SFlag::S_IFIFO, Mode::from_bits_truncate(0o600), 0)?;
    let meta = fs::metadata(&path)?;
    let kind = SFlag::from_bits_truncate(meta.mode()) & SFlag::S_IFMT;
    anyhow::ensure!(kind == SFlag::S_IFIFO, "not a fifo: {kind:?}");
    Ok(format!("fifo {:o}", meta.mode() & 0o777))
}

fn extended_attributes(dir: &Path) -> Result<String> {
    let path = dir.join("file");
    File::create_new(&path)?;
    xattr::set(&path, "user.vexfs", b"value")?;
    let value = xattr::get(&path, "user.vexfs")?.context("the attribute is not there")?;
    xattr::remove(&path, "user.vexfs")?;
    let removed = errno_of(xattr::remove(&path, "user.vexfs"));
    Ok(format!("{}, then {removed}", String::from_utf8(value)?))
}

fn shared_mapping(dir: &Path) -> Result<String> {
    write_mapped(&dir.join("file"))
}

/// Maps a vector file. A driver may treat such files in a way of its own.
fn mapped_vector_file(dir: &Path) -> Result<String> {
    write_mapped(&dir.join("file.fvecs"))
}

fn write_mapped(path: &Path) -> Result<String> {
    fs::write(path, "------")?;
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = NonZeroUsize::new(6).context("an empty mapping")?;
    // SAFETY: a new mapping of a file that nobody truncates; it is written within its length and unmapped once.
    unsafe {
        let mapping = mmap(
            None,
            length,
            ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
            MapFlags::MAP_SHARED,
            &file,
            0,
        )?;
        mapping.cast::<[u8; 6]>().write(*b"mapped");
        msync(mapping, length.get(), MsFlags::MS_SYNC)?;
        munmap(mapping, length.get())?;
    }
    Ok(fs::read_to_string(path)?)
}

fn lock(dir: &Path) -> Result<String> {
    let path = dir.join("file");
    let (first, second) = (File::create(&path)?, File::create(&path)?);
    let whole = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(&first, FcntlArg::F_OFD_SETLK(&whole))?;
    let refused = fcntl(&second, FcntlArg::F_OFD_SETLK(&whole));
    Ok(errno_of(refused.map_err(io::Error::from)))
}

fn punch_hole(dir: &Path) -> Result<String> {
    let path = dir.join("file");
    fs::write(&path, vec![b'x'; 8192])?;
    let file = OpenOptions::new().write(true).open(&path)?;
    let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    fallocate(&file, flags, 0, 4096)?;
    let content = fs::read(&path)?;
    let zero = content.iter().filter(|&&byte| byte == 0).count();
    Ok(format!("{} bytes, {zero} of them zero", content.len()))
}

fn seek_hole(dir: &Path) -> Result<String> {
    let file = File::create(dir.join("file"))?;
    file.write_all_at(&[b'x'; 4096], 8192)?;
    file.set_len(1 << 20)?;
    Ok(lseek(&file, 8192, Whence::SeekHole)?.to_string())
}

fn copy(dir: &Path) -> Result<String> {
    let (from, to) = (dir.join("from"), dir.join("to"));
    fs::write(&from, "copied")?;
    fs::copy(&from, &to)?;
    Ok(fs::read_to_string(&to)?)
}

fn mode_and_owner(dir: &Path) -> Result<String> {
    let path = dir.join("file");
    File::create_new(&path)?;
    fs::set_permissions(&path, Permissions::from_mode(0o640))?;
    std::os::unix::fs::chown(&path, Some(1000), Some(1001))?;
    let meta = fs::metadata(&path)?;
    let mode = meta.mode() & 0o7777;
    Ok(format!("{mode:o} {}:{}", meta.uid(), meta.gid()))
}

fn times(dir: &Path) -> Result<String> {
    let path = dir.join("file");
    let time = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 1);
    File::create_new(&path)?.set_modified(time)?;
    let meta = fs::metadata(&path)?;
    Ok(format!("{}.{:09}", meta.mtime(), meta.mtime_nsec()))
}

fn another_user(dir: &Path) -> Result<String> {
    let path = dir.join("file");
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    // The filesystem user id belongs to a thread, so a thread of its own gives it up.
    let opening = thread::spawn(move || {
        setfsuid(Uid::from_raw(1000));
        errno_of(File::open(path))
    });
    Ok(opening.join().unwrap_or_else(|_| "panicked".to_owned()))
}

fn unlinked(dir: &Path) -> Result<String> {
    let path = dir.join("file");
    let mut options = OpenOptions::new();
    let mut file = options
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    fs::remove_file(&path)?;
    file.write_all(b"kept")?;
    file.seek(SeekFrom::Start(0))?;
    let mut content = String::new();
    file.read_to_string(&mut content)?;
    Ok(format!("{content}, {} links", file.metadata()?.nlink()))
}

fn fsync(dir: &Path) -> Result<String> {
    let mut file = File::create(dir.join("file"))?;
    file.write_all(b"synced")?;
    file.sync_data()?;
    file.sync_all()?;
    File::open(dir)?.sync_all()?;
    Ok("ok".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_holds_on_this_machines_own_filesystem() {
        let dir = tempfile::tempdir().unwrap();
        for case in cases(dir.path(), dir.path(), &|_, _, _| ()) {
            assert!(case.holds(), "{case:?}");
        }
    }

    #[test]
    fn a_tree_that_differs_below_is_told_by_its_first_entry() {
        let (through, below) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for dir in [through.path(), below.path()] {
            fs::write(dir.join("same"), "same").unwrap();
            File::open(dir.join("same"))
                .unwrap()
                .set_modified(std::time::UNIX_EPOCH)
                .unwrap();
        }
        let case = |dir: &Path| describe_tree(dir).unwrap();
        assert!(compare_trees(&case(through.path()), &case(below.path())).holds());
        fs::write(below.path().join("same"), "other").unwrap();
        assert!(!compare_trees(&case(through.path()), &case(below.path())).holds());
    }
}
