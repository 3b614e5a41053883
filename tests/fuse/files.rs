// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files and directories behave as those of the lower filesystem.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::mman::{MapFlags, MsFlags, ProtFlags, mmap, msync};
use rustix::fs::{AtFlags, CWD, FallocateFlags, RenameFlags, SeekFrom, Timespec, Timestamps};

use crate::fixture::{Mounted, mount_tmpfs};

#[test]
fn what_is_written_reaches_the_store_before_write_returns() {
    let mounted = Mounted::new();
    let mut file = File::create_new(mounted.path("a")).unwrap();
    let block: Vec<u8> = (0..3_000_000).map(|i| (i % 251) as u8).collect();
    file.write_all(&block).unwrap();
    assert!(fs::read(mounted.lower("a")).unwrap() == block);
    assert!(fs::read(mounted.path("a")).unwrap() == block);

    let again = File::create_new(mounted.path("a")).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    file.set_len(10).unwrap();
    assert_eq!(fs::read(mounted.lower("a")).unwrap(), &block[..10]);
    File::create(mounted.path("a")).unwrap();
    assert_eq!(fs::metadata(mounted.lower("a")).unwrap().len(), 0);
}

#[test]
fn appending_goes_to_the_end_whoever_moved_it() {
    let mounted = Mounted::new();
    let append = |path: &Path| {
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .unwrap()
    };
    let mut through = append(&mounted.path("log"));
    let mut beneath = append(&mounted.lower("log"));
    for _ in 0..100 {
        through.write_all(b"through ").unwrap();
        beneath.write_all(b"beneath ").unwrap();
    }
    let expected = "through beneath ".repeat(100);
    assert_eq!(fs::read_to_string(mounted.path("log")).unwrap(), expected);
}

#[test]
fn a_mapped_page_is_written_where_it_belongs() {
    let mounted = Mounted::new();
    let path = mounted.path("map");
    fs::write(&path, [b'.'; 8192]).unwrap();
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .open(&path)
        .unwrap();
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping of a file that no one else maps; it is used only within its length.
    unsafe {
        let map = mmap(
            None,
            4096.try_into().unwrap(),
            protection,
            MapFlags::MAP_SHARED,
            &file,
            4096,
        )
        .unwrap();
        map.cast::<u8>().write(b'!');
        msync(map, 4096, MsFlags::MS_SYNC).unwrap();
    }
    let content = fs::read(mounted.lower("map")).unwrap();
    assert_eq!(content.len(), 8192);
    assert_eq!(content[4096], b'!');
    let direct = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECT)
        .open(&path)
        .unwrap();
    let mut byte = [0];
    direct.read_exact_at(&mut byte, 4096).unwrap();
    assert_eq!(byte, *b"!");
}

#[test]
fn names_can_be_made_moved_and_removed() {
    let mounted = Mounted::new();
    let path = |name| mounted.path(name);
    fs::create_dir(path("d")).unwrap();
    fs::write(path("d/a"), "a").unwrap();
    fs::write(path("b"), "b").unwrap();

    let rename = |from, to, flags| rustix::fs::renameat_with(CWD, path(from), CWD, path(to), flags);
    let refused = rename("d/a", "b", RenameFlags::NOREPLACE).unwrap_err();
    assert_eq!(refused, rustix::io::Errno::EXIST);
    rename("d/a", "b", RenameFlags::EXCHANGE).unwrap();
    assert_eq!(fs::read_to_string(path("b")).unwrap(), "a");

    fs::hard_link(path("b"), path("c")).unwrap();
    let (b, c) = (
        fs::metadata(path("b")).unwrap(),
        fs::metadata(path("c")).unwrap(),
    );
    assert_eq!((b.ino(), b.nlink()), (c.ino(), 2));
    assert_eq!(b.ino(), fs::metadata(mounted.lower("b")).unwrap().ino());

    symlink("/etc/passwd", path("link")).unwrap();
    assert_eq!(
        fs::read_link(path("link")).unwrap(),
        Path::new("/etc/passwd")
    );
    assert!(fs::symlink_metadata(path("link")).unwrap().is_symlink());
    fs::hard_link(path("link"), path("link2")).unwrap();
    assert!(
        fs::symlink_metadata(mounted.lower("link2"))
            .unwrap()
            .is_symlink()
    );

    nix::unistd::mkfifo(&path("fifo"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    assert!(
        fs::symlink_metadata(mounted.lower("fifo"))
            .unwrap()
            .file_type()
            .is_fifo()
    );

    let full = fs::remove_dir(path("d")).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::DirectoryNotEmpty);
    fs::remove_file(path("d/a")).unwrap();
    fs::remove_dir(path("d")).unwrap();
    assert!(!mounted.lower("d").exists());
}

#[test]
fn a_removed_file_lives_on_while_it_is_open_and_no_longer() {
    let mounted = Mounted::new();
    let mut files: Vec<File> = (0..200)
        .map(|i| {
            let path = mounted.path(&format!("f{i}"));
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .open(&path)
                .unwrap();
            fs::remove_file(&path).unwrap();
            file
        })
        .collect();
    for file in &mut files {
        file.write_all_at(b"still here", 0).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "still here");
        assert_eq!(file.metadata().unwrap().nlink(), 0);
    }
    drop(files);
    // The kernel lets go of inodes in its own time; the driver then has to let go of every descriptor.
    let store = mounted.lower("f").to_string_lossy().into_owned();
    let deadline = Instant::now() + Duration::from_secs(20);
    while held_descriptors(&store) > 0 {
        assert!(Instant::now() < deadline, "descriptors are leaked");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn held_descriptors(prefix: &str) -> usize {
    fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with(prefix))
        .count()
}

#[test]
fn times_keep_their_nanoseconds_even_before_1970() {
    let mounted = Mounted::new();
    fs::write(mounted.path("t"), "").unwrap();
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: -2,
            tv_nsec: 800_000_001,
        },
        last_modification: Timespec {
            tv_sec: 1_700_000_000,
            tv_nsec: 123_456_789,
        },
    };
    rustix::fs::utimensat(CWD, mounted.path("t"), &times, AtFlags::empty()).unwrap();
    for path in [mounted.path("t"), mounted.lower("t")] {
        let data = fs::metadata(path).unwrap();
        assert_eq!((data.atime(), data.atime_nsec()), (-2, 800_000_001));
        assert_eq!(
            (data.mtime(), data.mtime_nsec()),
            (1_700_000_000, 123_456_789)
        );
    }
}

#[test]
fn extended_attributes_pass_through() {
    use rustix::fs::{XattrFlags, getxattr, listxattr, removexattr, setxattr};
    let mounted = Mounted::new();
    let path = mounted.path("x");
    fs::write(&path, "").unwrap();
    let (name, mut room) = ("trusted.vexfs", [0; 64]);
    setxattr(&path, name, b"value", XattrFlags::CREATE).unwrap();
    let exists = setxattr(&path, name, b"other", XattrFlags::CREATE).unwrap_err();
    assert_eq!(exists, rustix::io::Errno::EXIST);
    let length = getxattr(&path, name, &mut room).unwrap();
    assert_eq!(&room[..length], b"value");
    let narrow = getxattr(&path, name, &mut room[..2]).unwrap_err();
    assert_eq!(narrow, rustix::io::Errno::RANGE);
    let length = listxattr(mounted.lower("x"), &mut room).unwrap();
    assert_eq!(&room[..length], b"trusted.vexfs\0");
    removexattr(&path, name).unwrap();
    let gone = getxattr(&path, name, &mut room).unwrap_err();
    assert_eq!(gone, rustix::io::Errno::NODATA);
}

#[test]
fn space_is_allocated_punched_found_and_copied() {
    let mounted = Mounted::new();
    let path = mounted.path("sparse");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
        .unwrap();
    rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, 1 << 20).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 1 << 20);
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(&file, punch, 0, 1 << 20).unwrap();
    file.write_all_at(b"data", 512 << 10).unwrap();
    let data = rustix::fs::seek(&file, SeekFrom::Data(0)).unwrap();
    assert_eq!(data, 512 << 10);
    let hole = rustix::fs::seek(&file, SeekFrom::Hole(data)).unwrap();
    assert_eq!(hole, data + 4096);

    let copy = File::create_new(mounted.path("copy")).unwrap();
    let mut from = data;
    let copied = rustix::fs::copy_file_range(&file, Some(&mut from), &copy, None, 4).unwrap();
    assert_eq!(copied, 4);
    assert_eq!(fs::read(mounted.lower("copy")).unwrap(), b"data");
}

#[test]
fn changes_beneath_the_mount_are_seen_at_once() {
    let mounted = Mounted::new();
    fs::write(mounted.path("f"), "one").unwrap();
    let open = File::open(mounted.path("f")).unwrap();
    let read = || {
        let mut buffer = [0; 16];
        let length = open.read_at(&mut buffer, 0).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    assert_eq!(read(), "one");
    fs::write(mounted.lower("f"), "three").unwrap();
    assert_eq!(read(), "three");
    assert_eq!(fs::metadata(mounted.path("f")).unwrap().len(), 5);

    assert!(!mounted.path("new").exists());
    fs::write(mounted.lower("new"), "").unwrap();
    assert!(mounted.path("new").exists());
    fs::remove_file(mounted.lower("new")).unwrap();
    assert!(!mounted.path("new").exists());
}

#[test]
fn a_large_directory_is_listed_completely() {
    let mounted = Mounted::new();
    let names: BTreeSet<String> = (0..5_000).map(|i| format!("entry-{i:05}")).collect();
    for name in &names {
        fs::write(mounted.lower(name), "").unwrap();
    }
    let listed: Vec<_> = fs::read_dir(mounted.root())
        .unwrap()
        .map(|entry| entry.unwrap())
        .collect();
    assert_eq!(listed.len(), names.len());
    for entry in &listed {
        assert!(names.contains(entry.file_name().to_str().unwrap()));
    }
    let entry = &listed[42];
    assert_eq!(entry.ino(), entry.metadata().unwrap().ino());
}

/// The inode number of a directory entry.
trait EntryNumber {
    fn ino(&self) -> u64;
}

impl EntryNumber for fs::DirEntry {
    fn ino(&self) -> u64 {
        std::os::unix::fs::DirEntryExt::ino(self)
    }
}

#[test]
fn a_read_only_mount_refuses_changes() {
    let mounted = Mounted::read_only();
    fs::write(mounted.lower("f"), "text").unwrap();
    assert_eq!(fs::read_to_string(mounted.path("f")).unwrap(), "text");
    let refused = fs::write(mounted.path("f"), "other").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnlyFilesystem);
    let refused = fs::remove_file(mounted.path("f")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnlyFilesystem);
}

#[test]
fn a_filesystem_mounted_within_the_store_is_not_entered() {
    let mounted = Mounted::new();
    fs::create_dir(mounted.lower("other")).unwrap();
    mount_tmpfs(&mounted.lower("other"));
    let refused = fs::metadata(mounted.path("other")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::CrossesDevices);
}

#[test]
fn the_space_of_the_store_is_shown() {
    let mounted = Mounted::new();
    let through = rustix::fs::statvfs(mounted.root()).unwrap();
    let beneath = rustix::fs::statvfs(mounted.lower("")).unwrap();
    assert_eq!(through.f_blocks, beneath.f_blocks);
    assert_eq!(through.f_namemax, beneath.f_namemax);
    assert!(through.f_files > 0);
}
