// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may do what, and who is said to have done it. The module asks its own inode and then acts with the credentials
//! of the one who mounted, so all of it must be shown to be as it is without the module.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown, symlink};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::statvfs::statvfs;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork, pipe, read};
use rustix::fs::{FileType, IFlags, Mode, OFlags, XattrFlags};

use super::super::errors::request::info;
use super::trial::Trial;
use super::user::{GROUP, USER, as_member_of, as_user, outcome};
use crate::guest::landlock::{ALL_RIGHTS, restrict_to};
use crate::guest::steps::stage::{Lower, Stage};

pub const TRIALS: &[Trial] = &[
    Trial {
        name: "what another user may do, on tmpfs",
        lower: Lower::Tmpfs,
        work: refusals,
        expected: "as beneath",
    },
    Trial {
        name: "what another user may do, on ext4",
        lower: Lower::Ext4,
        work: refusals,
        expected: "as beneath",
    },
    Trial {
        name: "who owns what is made, on tmpfs",
        lower: Lower::Tmpfs,
        work: owners,
        expected: "as beneath",
    },
    Trial {
        name: "who owns what is made, on ext4",
        lower: Lower::Ext4,
        work: owners,
        expected: "as beneath",
    },
    Trial {
        name: "set-id bits and capabilities that a change takes away, on tmpfs",
        lower: Lower::Tmpfs,
        work: set_ids,
        expected: "as beneath",
    },
    Trial {
        name: "set-id bits and capabilities that a change takes away, on ext4",
        lower: Lower::Ext4,
        work: set_ids,
        expected: "as beneath",
    },
    Trial {
        name: "blocks that are reserved for root",
        lower: Lower::Ext4,
        work: reserved,
        expected: "the user's file ENOSPC, root's file ENOSPC, reserve kept, root uses it",
    },
    Trial {
        name: "a directory that is open loses its mode beneath",
        lower: Lower::Tmpfs,
        work: lost_permission,
        expected: "first ok, then EACCES, its owner EPERM",
    },
    Trial {
        name: "a file capability of a user namespace",
        lower: Lower::Tmpfs,
        work: namespaced_capability,
        expected: "root id 1000000 beneath, read back in the namespace",
    },
    Trial {
        name: "a sandbox that knows the mount alone",
        lower: Lower::Tmpfs,
        work: sandbox,
        expected: "searched ok, read ok, written ok, listed ok, made ok, removed ok, beneath EACCES",
    },
];

/// Where a result through the mount is another one than beneath it.
fn compared(through: &[String], beneath: &[String]) -> String {
    let differing: Vec<_> = through
        .iter()
        .zip(beneath)
        .filter(|(through, beneath)| through != beneath)
        .map(|(through, beneath)| format!("{through}, beneath {beneath}"))
        .collect();
    if differing.is_empty() {
        "as beneath".to_owned()
    } else {
        differing.join("; ")
    }
}

/// Two directories of the same making, `a` and `b`: the mount's `a`, and what `b` is beneath it.
fn two_directories(
    stage: &Stage,
    make: impl Fn(&Path) -> Result<()>,
    work: impl Fn(&Path) -> Result<Vec<String>>,
) -> Result<(Vec<String>, Vec<String>)> {
    for name in ["a", "b"] {
        let dir = stage.lower().join(name);
        fs::create_dir(&dir)?;
        make(&dir).with_context(|| format!("cannot make {name}"))?;
    }
    Ok((
        work(&stage.root().join("a"))?,
        work(&stage.lower().join("b"))?,
    ))
}

fn mode(path: &Path, mode: u32) -> Result<()> {
    Ok(fs::set_permissions(path, Permissions::from_mode(mode))?)
}

fn file(path: &Path, bits: u32) -> Result<()> {
    fs::write(path, "content")?;
    mode(path, bits)
}

/// An ACL that lets the user read.
fn acl_for_the_user() -> Vec<u8> {
    let mut acl = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in [
        (0x01_u16, 6_u16, u32::MAX),
        (0x02, 4, USER),
        (0x04, 0, u32::MAX),
        (0x10, 4, u32::MAX),
        (0x20, 0, u32::MAX),
    ] {
        acl.extend(tag.to_le_bytes());
        acl.extend(permissions.to_le_bytes());
        acl.extend(id.to_le_bytes());
    }
    acl
}

/// The value of `security.capability`: version 2, CAP_NET_RAW.
fn capability() -> Vec<u8> {
    [0x0200_0001_u32, 1 << 13, 0, 0, 0]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect()
}

const NONE: XattrFlags = XattrFlags::empty();

/// Sets an attribute if this kernel has such ones on the lower filesystem.
fn set_if_possible(path: &Path, name: &str, value: &[u8]) -> Result<()> {
    match rustix::fs::setxattr(path, name, value, NONE) {
        Ok(()) | Err(rustix::io::Errno::OPNOTSUPP) => Ok(()),
        Err(errno) => Err(errno).with_context(|| format!("cannot set {name}")),
    }
}

/// Adds a flag to those that the file has: ext4 does not let go of its own.
fn add_flag(file: &File, flag: IFlags) -> rustix::io::Result<()> {
    let flags = rustix::fs::ioctl_getflags(file)?;
    rustix::fs::ioctl_setflags(file, flags | flag)
}

fn refusals(stage: &Stage) -> Result<String> {
    let (through, beneath) = two_directories(stage, make_refusals, |dir| {
        as_user(|| Ok(try_refusals(dir)))
    })?;
    let refused = through
        .iter()
        .filter(|result| result.contains(" E"))
        .count();
    ensure!(refused > 30, "only {refused} are refused");
    Ok(compared(&through, &beneath))
}

fn make_refusals(dir: &Path) -> Result<()> {
    mode(dir, 0o755)?;
    for (name, bits) in [("public", 0o644), ("private", 0o600), ("granted", 0o600)] {
        file(&dir.join(name), bits)?;
        rustix::fs::setxattr(dir.join(name), "user.known", b"value", NONE)?;
        rustix::fs::setxattr(dir.join(name), "trusted.known", b"value", NONE)?;
    }
    let granted = dir.join("granted");
    set_if_possible(&granted, "system.posix_acl_access", &acl_for_the_user())?;
    for (name, bits) in [("sticky", 0o1777), ("open", 0o777), ("closed", 0o700)] {
        fs::create_dir(dir.join(name))?;
        file(&dir.join(name).join("theirs"), 0o666)?;
        mode(&dir.join(name), bits)?;
    }
    for (name, flag) in [("fixed", IFlags::IMMUTABLE), ("growing", IFlags::APPEND)] {
        file(&dir.join(name), 0o666)?;
        add_flag(&File::open(dir.join(name))?, flag)?;
    }
    Ok(())
}

/// What the user tries, each with what came of it.
fn try_refusals(dir: &Path) -> Vec<String> {
    let at = |name: &str| dir.join(name);
    let write = |name: &str| outcome(OpenOptions::new().write(true).open(at(name)));
    let setxattr = |name: &str, attribute: &str, value: &[u8]| {
        outcome(rustix::fs::setxattr(at(name), attribute, value, NONE))
    };
    let getxattr = |name: &str, attribute: &str| {
        outcome(rustix::fs::getxattr(at(name), attribute, &mut [0; 64]))
    };
    let utimes = |name: &str, nanoseconds| {
        let time = rustix::fs::Timespec {
            tv_sec: 1,
            tv_nsec: nanoseconds,
        };
        let times = rustix::fs::Timestamps {
            last_access: time,
            last_modification: time,
        };
        let flags = rustix::fs::AtFlags::empty();
        outcome(rustix::fs::utimensat(
            rustix::fs::CWD,
            at(name),
            &times,
            flags,
        ))
    };
    let mknod = |name: &str, kind| {
        let mode = Mode::from_bits_retain(0o644);
        outcome(rustix::fs::mknodat(
            rustix::fs::CWD,
            at(name),
            kind,
            mode,
            0x103,
        ))
    };
    let chown_to = |name: &str, user, group| outcome(chown(at(name), user, group));
    let chmod =
        |name: &str, bits| outcome(fs::set_permissions(at(name), Permissions::from_mode(bits)));
    let quietly = |name: &str| {
        let flags = OFlags::NOATIME.bits().cast_signed();
        outcome(
            OpenOptions::new()
                .read(true)
                .custom_flags(flags)
                .open(at(name)),
        )
    };
    let flag = |name: &str, flag| match File::open(at(name)) {
        Ok(file) => outcome(add_flag(&file, flag)),
        Err(error) => outcome::<(), _>(Err(error)),
    };
    let mut names = [0; 256];
    let listed = rustix::fs::listxattr(at("public"), &mut names);
    let listed = listed.map(|length| String::from_utf8_lossy(&names[..length]).replace('\0', " "));

    vec![
        format!("read public {}", outcome(fs::read(at("public")))),
        format!("read private {}", outcome(fs::read(at("private")))),
        format!("read granted {}", outcome(fs::read(at("granted")))),
        format!("write public {}", write("public")),
        format!("write granted {}", write("granted")),
        format!("write fixed {}", write("fixed")),
        format!("write growing {}", write("growing")),
        format!(
            "append {}",
            outcome(OpenOptions::new().append(true).open(at("growing")))
        ),
        format!("truncate {}", outcome(File::create(at("public")))),
        format!("create {}", outcome(File::create(at("new")))),
        format!("mkdir {}", outcome(fs::create_dir(at("new")))),
        format!("symlink {}", outcome(symlink("x", at("new")))),
        format!("fifo {}", mknod("new", FileType::Fifo)),
        format!("device {}", mknod("open/device", FileType::CharacterDevice)),
        format!("link {}", outcome(fs::hard_link(at("public"), at("new")))),
        format!("unlink {}", outcome(fs::remove_file(at("public")))),
        format!("rmdir {}", outcome(fs::remove_dir(at("open")))),
        format!("rename {}", outcome(fs::rename(at("public"), at("new")))),
        format!(
            "unlink sticky {}",
            outcome(fs::remove_file(at("sticky/theirs")))
        ),
        format!(
            "rename sticky {}",
            outcome(fs::rename(at("sticky/theirs"), at("sticky/mine")))
        ),
        format!(
            "create in sticky {}",
            outcome(File::create(at("sticky/mine")))
        ),
        format!(
            "replace sticky {}",
            outcome(fs::rename(at("sticky/mine"), at("sticky/theirs")))
        ),
        format!("unlink own {}", outcome(fs::remove_file(at("sticky/mine")))),
        format!("list closed {}", outcome(fs::read_dir(at("closed")))),
        format!(
            "stat in closed {}",
            outcome(fs::metadata(at("closed/theirs")))
        ),
        format!("read in closed {}", outcome(fs::read(at("closed/theirs")))),
        format!("chmod {}", chmod("public", 0o666)),
        format!("chown {}", chown_to("public", Some(USER), None)),
        format!("chgrp {}", chown_to("public", None, Some(GROUP))),
        format!("set times {}", utimes("open/theirs", 1)),
        format!("touch private {}", utimes("private", libc::UTIME_NOW)),
        format!("touch theirs {}", utimes("open/theirs", libc::UTIME_NOW)),
        format!("set user.new {}", setxattr("public", "user.new", b"value")),
        format!("get user.known {}", getxattr("public", "user.known")),
        format!(
            "get user.known of private {}",
            getxattr("private", "user.known")
        ),
        format!(
            "set trusted.new {}",
            setxattr("open/theirs", "trusted.new", b"value")
        ),
        format!("get trusted.known {}", getxattr("public", "trusted.known")),
        format!(
            "set security.new {}",
            setxattr("open/theirs", "security.new", b"value")
        ),
        format!(
            "set capability {}",
            setxattr("open/theirs", "security.capability", &capability())
        ),
        format!(
            "set acl {}",
            setxattr(
                "open/theirs",
                "system.posix_acl_access",
                &acl_for_the_user()
            )
        ),
        format!(
            "list attributes {}",
            listed.unwrap_or_else(|errno| outcome::<(), _>(Err(errno)))
        ),
        format!("no access time {}", quietly("public")),
        format!("set flags {}", flag("open/theirs", IFlags::NODUMP)),
        format!(
            "create in open {}",
            outcome(fs::write(at("open/mine"), "mine"))
        ),
        format!("immutable {}", flag("open/mine", IFlags::IMMUTABLE)),
        format!("own flags {}", flag("open/mine", IFlags::NODUMP)),
        format!("give away {}", chown_to("open/mine", Some(USER + 1), None)),
        format!(
            "to another group {}",
            chown_to("open/mine", None, Some(GROUP + 1))
        ),
        format!("own mode {}", chmod("open/mine", 0o640)),
        format!(
            "own attribute {}",
            setxattr("open/mine", "user.mine", b"value")
        ),
        format!(
            "own trusted {}",
            setxattr("open/mine", "trusted.mine", b"value")
        ),
        format!(
            "own capability {}",
            setxattr("open/mine", "security.capability", &capability())
        ),
        format!(
            "own acl {}",
            setxattr("open/mine", "system.posix_acl_access", &acl_for_the_user())
        ),
        format!("own times {}", utimes("open/mine", 1)),
        format!("own without access time {}", quietly("open/mine")),
    ]
}

fn owners(stage: &Stage) -> Result<String> {
    let (through, beneath) = two_directories(stage, make_owners, |dir| {
        let mut made = Vec::new();
        for place in ["plain", "setgid", "default"] {
            made.extend(as_user(|| make_all(&dir.join(place)))?);
            made.extend(make_all(&dir.join(place).join("directory"))?);
        }
        made.extend(as_member_of(&[GROUP + 1], || {
            make_all(&dir.join("member's"))
        })?);
        Ok(made)
    })?;
    Ok(compared(&through, &beneath))
}

fn make_owners(dir: &Path) -> Result<()> {
    for (name, bits) in [
        ("plain", 0o777),
        ("setgid", 0o2777),
        ("member's", 0o2777),
        ("default", 0o777),
    ] {
        fs::create_dir(dir.join(name))?;
        chown(dir.join(name), None, Some(GROUP + 1))?;
        mode(&dir.join(name), bits)?;
    }
    let acl = acl_for_the_user();
    set_if_possible(&dir.join("default"), "system.posix_acl_default", &acl)
}

/// Makes a file of each type, and tells whose they are.
fn make_all(dir: &Path) -> Result<Vec<String>> {
    let at = |name: &str| dir.join(name);
    let bits = |path: &str, bits| fs::set_permissions(at(path), Permissions::from_mode(bits));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o2777)
        .open(at("file"))?;
    fs::create_dir(at("directory"))?;
    symlink("target", at("link"))?;
    let fifo = Mode::from_bits_retain(0o666);
    rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), FileType::Fifo, fifo, 0)?;
    let unnamed = OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_TMPFILE)
        .mode(0o666)
        .open(dir)?;
    let unnamed_path = format!("/proc/self/fd/{}", unnamed.as_raw_fd());
    let (cwd, follow) = (rustix::fs::CWD, rustix::fs::AtFlags::SYMLINK_FOLLOW);
    rustix::fs::linkat(cwd, unnamed_path, cwd, at("unnamed"), follow)?;
    File::create(at("own set-id"))?;
    let set_id = outcome(bits("own set-id", 0o6755));
    let mut told = vec![format!("chmod {set_id}")];
    for name in ["file", "directory", "link", "fifo", "unnamed", "own set-id"] {
        let found = fs::symlink_metadata(at(name))?;
        let (user, group) = (found.uid(), found.gid());
        let mut acl = [0; 64];
        let acl = rustix::fs::getxattr(at(name), "system.posix_acl_access", &mut acl).map_or_else(
            |errno| outcome::<(), _>(Err(errno)),
            |length| format!("{:?}", &acl[..length]),
        );
        told.push(format!(
            "{name} {user}:{group} {:o} acl {acl}",
            found.mode()
        ));
    }
    Ok(told)
}

/// A change of a file, by its path and an open file of it.
type Change = fn(&Path, &File) -> Result<()>;

const CHANGES: &[(&str, Change)] = &[
    ("nothing", |_, _| Ok(())),
    ("write", |_, mut file| Ok(file.write_all(b"x")?)),
    ("shorten", |_, file| Ok(file.set_len(1)?)),
    ("truncate", |path, _| {
        File::create(path)?;
        Ok(())
    }),
    ("allocate", |_, file| {
        Ok(rustix::fs::fallocate(
            file,
            rustix::fs::FallocateFlags::empty(),
            0,
            10_000,
        )?)
    }),
    ("change group", |path, _| {
        Ok(chown(path, None, Some(GROUP))?)
    }),
    ("copy", |path, file| {
        let from = File::open(path)?;
        rustix::fs::copy_file_range(&from, Some(&mut 0), file, Some(&mut 100), 5)?;
        Ok(())
    }),
    ("change mode", |path, _| mode(path, 0o6711)),
];

fn set_ids(stage: &Stage) -> Result<String> {
    let (through, beneath) = two_directories(stage, make_set_ids, |dir| {
        let mut found = Vec::new();
        for (who, given) in [
            ("user", false),
            ("user with root's file", true),
            ("root", false),
        ] {
            for (name, change) in CHANGES {
                let path = dir.join(format!("{who} {name}"));
                let change = || {
                    let file = OpenOptions::new().read(true).write(true).open(&path)?;
                    change(&path, &file)
                };
                let result = match (who, given) {
                    ("root", _) => change(),
                    (_, false) => as_user(change),
                    (_, true) => {
                        let file = OpenOptions::new().read(true).write(true).open(&path)?;
                        let (path, file) = (&path, &file);
                        as_user(move || {
                            CHANGES
                                .iter()
                                .find(|(other, _)| other == name)
                                .map_or(Ok(()), |(_, change)| change(path, file))
                        })
                    }
                };
                let result = result.map_or_else(|error| format!("{error:#}"), |()| "ok".to_owned());
                let bits = fs::metadata(&path)?.mode();
                let capable = rustix::fs::getxattr(&path, "security.capability", &mut [0; 64]);
                let capable = outcome(capable);
                found.push(format!(
                    "{who} {name} {result}: {bits:o} capability {capable}"
                ));
            }
        }
        Ok(found)
    })?;
    ensure!(
        through.iter().any(|found| found.contains("106755")),
        "{through:?}"
    );
    Ok(compared(&through, &beneath))
}

fn make_set_ids(dir: &Path) -> Result<()> {
    mode(dir, 0o777)?;
    for who in ["user", "user with root's file", "root"] {
        for (name, _) in CHANGES {
            let path = dir.join(format!("{who} {name}"));
            fs::write(&path, "0123456789")?;
            chown(&path, Some(USER), Some(GROUP))?;
            mode(&path, 0o6755)?;
            set_if_possible(&path, "security.capability", &capability())?;
        }
    }
    Ok(())
}

/// A user fills the disk, once with a file that root has opened.
fn reserved(stage: &Stage) -> Result<String> {
    let before = statvfs(stage.lower())?;
    let reserve = before.blocks_free() - before.blocks_available();
    ensure!(reserve > 0, "this ext4 reserves nothing");
    mode(stage.lower(), 0o777)?;
    let path = stage.root().join("user");
    let users = as_user(|| Ok(outcome(fill(&File::create(path)?))))?;
    let opened = File::create(stage.root().join("root"))?;
    let roots = as_user(|| Ok(outcome(fill(&opened))))?;
    drop(opened);
    let after = statvfs(stage.lower())?.blocks_free();
    let kept = if after >= reserve { "kept" } else { "used" };
    // A disk without a reserve would keep all users from it.
    let own = File::create(stage.root().join("root's own"))?;
    let full = fill(&own).map_err(|error| error.kind()) == Err(ErrorKind::StorageFull);
    let left = statvfs(stage.lower())?.blocks_free();
    let root = if full && left < reserve {
        "uses"
    } else {
        "cannot use"
    };
    Ok(format!(
        "the user's file {users}, root's file {roots}, reserve {kept}, root {root} it"
    ))
}

fn fill(mut file: &File) -> std::io::Result<()> {
    let piece = vec![1; 1 << 18];
    loop {
        file.write_all(&piece)?;
    }
}

/// The user holds the directory open while root takes it away beneath.
fn lost_permission(stage: &Stage) -> Result<String> {
    let (beneath, through) = (stage.lower().join("dir"), stage.root().join("dir"));
    fs::create_dir(&beneath)?;
    file(&beneath.join("file"), 0o644)?;
    chown(&beneath, Some(USER), None)?;
    let open = File::open(&through)?;
    let look = || {
        let flags = OFlags::RDONLY;
        as_user(|| {
            Ok(outcome(rustix::fs::openat(
                &open,
                "file",
                flags,
                Mode::empty(),
            )))
        })
    };
    let first = look()?;
    chown(&beneath, Some(0), None)?;
    mode(&beneath, 0o700)?;
    let then = look()?;
    let owner = as_user(|| {
        Ok(outcome(rustix::fs::fchmod(
            &open,
            Mode::from_bits_retain(0o777),
        )))
    })?;
    Ok(format!("first {first}, then {then}, its owner {owner}"))
}

/// Root of a user namespace gives a file of its own a capability.
fn namespaced_capability(stage: &Stage) -> Result<String> {
    const ROOT: u32 = 1_000_000;
    let (beneath, through) = (stage.lower().join("file"), stage.root().join("file"));
    file(&beneath, 0o755)?;
    chown(&beneath, Some(ROOT), Some(ROOT))?;
    let (child_reads, parent_writes) = pipe()?;
    let (parent_reads, child_writes) = pipe()?;
    // SAFETY: this process has one thread. The child makes system calls and ends.
    let child = match unsafe { fork() }? {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            drop(parent_writes);
            let done = unshare(CloneFlags::CLONE_NEWUSER)
                .and_then(|()| nix::unistd::write(&child_writes, b"x"))
                .and_then(|_| read(&child_reads, &mut [0]))
                .and_then(|_| nix::unistd::setresgid(0.into(), 0.into(), 0.into()))
                .and_then(|()| nix::unistd::setresuid(0.into(), 0.into(), 0.into()))
                .and_then(|()| give_capability(&through));
            std::process::exit(done.map_or_else(|errno| errno as i32, |()| 0));
        }
    };
    drop((child_reads, child_writes));
    read(&parent_reads, &mut [0])?;
    for map in ["uid_map", "gid_map"] {
        fs::write(format!("/proc/{child}/{map}"), format!("0 {ROOT} 2000000"))?;
    }
    drop(parent_writes);
    let WaitStatus::Exited(_, status) = waitpid(child, None)? else {
        return Ok("its process was killed".to_owned());
    };
    let mut value = [0; 64];
    let length = rustix::fs::getxattr(&beneath, "security.capability", &mut value)?;
    let root = value
        .get(20..length)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u32::from_le_bytes);
    let back = match status {
        0 => "read back in the namespace".to_owned(),
        errno => format!("{:?} in the namespace", Errno::from_raw(errno)),
    };
    Ok(format!(
        "root id {} beneath, {back}",
        root.context("a capability without one")?
    ))
}

/// What is read back must be what was given: the namespace's root is its own.
fn give_capability(path: &Path) -> Result<(), Errno> {
    let given = capability();
    let mut value = [0; 64];
    rustix::fs::setxattr(path, "security.capability", &given, NONE)
        .map_err(|errno| Errno::from_raw(errno.raw_os_error()))?;
    let length = rustix::fs::getxattr(path, "security.capability", &mut value)
        .map_err(|errno| Errno::from_raw(errno.raw_os_error()))?;
    if value[..length] == given {
        Ok(())
    } else {
        Err(Errno::EBADMSG)
    }
}

/// Landlock lets this thread do everything below the mount, and nothing elsewhere.
fn sandbox(stage: &Stage) -> Result<String> {
    let (root, lower) = (stage.root(), stage.lower());
    fs::write(lower.join("file.fvecs"), [1, 0, 0, 0, 0, 0, 0x80, 0x3f])?;
    fs::create_dir(lower.join("dir"))?;
    let file = root.join("file.fvecs");
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| -> Result<String> {
            restrict_to(root, ALL_RIGHTS).context("cannot restrict itself")?;
            let made = root.join("dir/made");
            Ok(format!(
                "searched {}, read {}, written {}, listed {}, made {}, removed {}, beneath {}",
                info(|_| ()).send(&File::open(&file)?),
                outcome(fs::read(&file)),
                outcome(
                    OpenOptions::new()
                        .append(true)
                        .open(&file)
                        .and_then(|mut file| file.write_all(b"x"))
                ),
                outcome(fs::read_dir(root.join("dir"))),
                outcome(fs::write(&made, "x")),
                outcome(fs::remove_file(&made)),
                outcome(fs::read(lower.join("file.fvecs"))),
            ))
        });
        thread.join().map_err(|_| anyhow::anyhow!("it panicked"))?
    })
}
