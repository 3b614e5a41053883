// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a mount of the module takes over from the store's, and what else may be done with its files.

use std::ffi::CString;
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use rustix::fs::{FileType, Mode, XattrFlags};

use super::super::errors::request::info;
use super::trial::Trial;
use super::user::{USER, as_user, outcome};
use crate::guest::kmod;
use crate::guest::steps::stage::{Lower, Stage, mount_module};

pub const TRIALS: &[Trial] = &[
    Trial {
        name: "a directory that mounts itself",
        lower: Lower::Tmpfs,
        work: automount,
        expected: "stat EREMOTE, list EREMOTE",
    },
    Trial {
        name: "swapping to a file",
        lower: Lower::Ext4,
        work: swap,
        expected: "EINVAL",
    },
    Trial {
        name: "nodev and noexec of the store",
        lower: Lower::Tmpfs,
        work: no_devices,
        expected: "device EACCES, program EACCES",
    },
    Trial {
        name: "nosuid of the store",
        lower: Lower::Tmpfs,
        work: no_set_id,
        expected: "ran as 77, from a store with nosuid as 100, its mode 106755, its capability ENODATA, \
                   shortened 100755",
    },
    Trial {
        name: "what is not mounted",
        lower: Lower::Tmpfs,
        work: refused,
        expected: "vexfs EINVAL, a file ENOTDIR, nothing ENOENT, an unknown option EINVAL, no memory EINVAL",
    },
    Trial {
        name: "access times",
        lower: Lower::Tmpfs,
        work: access_times,
        expected: "read-only: kept, kept; writable: moved, moved, shown",
    },
    Trial {
        name: "a file's name in the kernel's log",
        lower: Lower::Tmpfs,
        work: forged_line,
        expected: "one line, quoted",
    },
];

const SECOND: &str = "/mnt/second";

/// debugfs has a directory onto which tracefs is mounted when somebody enters it.
fn automount(stage: &Stage) -> Result<String> {
    let store = stage.lower().join("debug");
    fs::create_dir(&store)?;
    mount(
        Some("debug"),
        &store,
        Some("debugfs"),
        MsFlags::empty(),
        None::<&str>,
    )?;
    mount_module(&store, SECOND.as_ref(), MsFlags::empty(), "")?;
    let tracing = Path::new(SECOND).join("tracing");
    let (stat, list) = (
        outcome(fs::metadata(&tracing)),
        outcome(fs::read_dir(&tracing)),
    );
    Ok(format!("stat {stat}, list {list}"))
}

fn swap(stage: &Stage) -> Result<String> {
    const PAGE: usize = 4096;
    const PAGES: u32 = 64;
    let mut content = vec![0; PAGE * PAGES as usize];
    content[1024..1028].copy_from_slice(&1_u32.to_le_bytes());
    content[1028..1032].copy_from_slice(&(PAGES - 1).to_le_bytes());
    content[PAGE - 10..PAGE].copy_from_slice(b"SWAPSPACE2");
    let path = stage.root().join("swap");
    fs::write(&path, &content)?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    File::open(&path)?.sync_all()?;
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: both calls read a path that ends.
    let result = Errno::result(unsafe { libc::swapon(path.as_ptr(), 0) });
    if result.is_ok() {
        Errno::result(unsafe { libc::swapoff(path.as_ptr()) })?;
    }
    Ok(outcome(result))
}

/// Mounts a tmpfs with these flags, and the module on it, without flags, on the directory that is returned.
fn second(stage: &Stage, flags: MsFlags) -> Result<&'static Path> {
    let store = stage.lower().join("second");
    fs::create_dir(&store)?;
    mount(Some("second"), &store, Some("tmpfs"), flags, None::<&str>)?;
    mount_module(&store, SECOND.as_ref(), MsFlags::empty(), "")?;
    Ok(Path::new(SECOND))
}

fn no_devices(stage: &Stage) -> Result<String> {
    let root = second(stage, MsFlags::MS_NODEV | MsFlags::MS_NOEXEC)?;
    let (device, program) = (root.join("null"), root.join("program"));
    let (kind, mode) = (FileType::CharacterDevice, Mode::from_bits_retain(0o666));
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &device,
        kind,
        mode,
        rustix::fs::makedev(1, 3),
    )?;
    write_program(&program, 0o755)?;
    Ok(format!(
        "device {}, program {}",
        outcome(File::open(device)),
        outcome(Command::new(program).status())
    ))
}

fn no_set_id(stage: &Stage) -> Result<String> {
    let ran = |program: &Path| -> Result<String> {
        let status = Command::new(program).uid(USER).status()?;
        Ok(status
            .code()
            .map_or_else(|| status.to_string(), |code| code.to_string()))
    };
    let trusted = stage.root().join("program");
    write_program(&trusted, 0o6755)?;
    let root = second(stage, MsFlags::MS_NOSUID)?;
    let program = root.join("program");
    write_program(&program, 0o6755)?;
    let capability: Vec<u8> = [0x0200_0001_u32, 1 << 13, 0, 0, 0]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    let name = "security.capability";
    rustix::fs::setxattr(&program, name, &capability, XattrFlags::empty())?;
    let shortened = root.join("shortened");
    write_program(&shortened, 0o6755)?;
    chown(&shortened, Some(USER), None)?;
    fs::set_permissions(&shortened, Permissions::from_mode(0o6755))?;
    as_user(|| Ok(File::options().write(true).open(&shortened)?.set_len(1)?))?;
    Ok(format!(
        "ran as {}, from a store with nosuid as {}, its mode {:o}, its capability {}, shortened {:o}",
        ran(&trusted)?,
        ran(&program)?,
        fs::metadata(&program)?.permissions().mode(),
        outcome(rustix::fs::getxattr(&program, name, &mut [0; 64])),
        fs::metadata(&shortened)?.permissions().mode(),
    ))
}

/// Mounts what the module must refuse.
fn refused(stage: &Stage) -> Result<String> {
    let (file, point) = (stage.lower().join("file"), Path::new(SECOND));
    fs::write(&file, "")?;
    fs::create_dir_all(point)?;
    let tried = |store: &Path, options: &str| {
        let kind = Some(kmod::NAME);
        outcome(mount(
            Some(store),
            point,
            kind,
            MsFlags::empty(),
            Some(options),
        ))
    };
    Ok(format!(
        "vexfs {}, a file {}, nothing {}, an unknown option {}, no memory {}",
        tried(stage.root(), ""),
        tried(&file, ""),
        tried(&stage.lower().join("nothing"), ""),
        tried(stage.lower(), "colour=blue"),
        tried(stage.lower(), "memory=0"),
    ))
}

/// An x86-64 program, of user 77, that ends with its effective user's number as its status.
fn write_program(path: &Path, mode: u32) -> Result<()> {
    const BASE: u64 = 0x40_0000;
    const CODE: [u8; 14] = [
        0xb8, 107, 0, 0, 0, // mov eax, geteuid
        0x0f, 0x05, // syscall
        0x89, 0xc7, // mov edi, eax
        0xb0, 60, // mov al, exit
        0x0f, 0x05, // syscall
        0x90,
    ];
    const START: u64 = 64 + 56;
    let mut image = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    image.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    image.extend(
        [BASE + START, 64, 0]
            .iter()
            .flat_map(|word| word.to_le_bytes()),
    );
    image.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    image.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    let length = START + CODE.len() as u64;
    let words = [0, BASE, BASE, length, length, 0x1000];
    image.extend(words.iter().flat_map(|word: &u64| word.to_le_bytes()));
    image.extend(CODE);
    fs::write(path, image)?;
    chown(path, Some(77), None)?;
    Ok(fs::set_permissions(path, Permissions::from_mode(mode))?)
}

/// Reading is no change of a store that is presented read-only.
fn access_times(stage: &Stage) -> Result<String> {
    let lower = stage.lower();
    mount_module(lower, SECOND.as_ref(), MsFlags::MS_RDONLY, "")?;
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let (file, dir) = (lower.join("file"), lower.join("dir"));
    fs::write(&file, "content")?;
    fs::create_dir(&dir)?;
    for path in [&file, &dir] {
        File::open(path)?.set_times(FileTimes::new().set_accessed(old))?;
    }
    let moved = |path: &Path| -> Result<&str> {
        Ok(if fs::metadata(path)?.accessed()? == old {
            "kept"
        } else {
            "moved"
        })
    };
    let look = |root: &Path| -> Result<String> {
        fs::read(root.join("file"))?;
        fs::read_dir(root.join("dir"))?.for_each(drop);
        Ok(format!("{}, {}", moved(&file)?, moved(&dir)?))
    };
    let read_only = look(SECOND.as_ref())?;
    let writable = look(stage.root())?;
    let shown =
        fs::metadata(stage.root().join("file"))?.accessed()? == fs::metadata(&file)?.accessed()?;
    let shown = if shown { "shown" } else { "not shown" };
    Ok(format!(
        "read-only: {read_only}; writable: {writable}, {shown}"
    ))
}

/// An index that is none is reported by its name, which any user may choose.
fn forged_line(stage: &Stage) -> Result<String> {
    let name = "a\nforged.fvecs";
    fs::write(stage.root().join(name), [1, 0, 0, 0, 0, 0, 0x80, 0x3f])?;
    fs::write(stage.root().join(format!("{name}.hnsw")), "no index")?;
    let asked = info(|_| ()).send(&File::open(stage.root().join(name))?);
    let log = kernel_log()?;
    let quoted = log.contains(r"index a\x0aforged.fvecs.hnsw: ");
    let forged = log
        .lines()
        .any(|line| line.contains("forged") && !line.contains("index a"));
    Ok(match (asked.as_str(), forged, quoted) {
        ("ok", false, true) => "one line, quoted".to_owned(),
        (asked, forged, quoted) => format!("asked {asked}, forged {forged}, quoted {quoted}"),
    })
}

/// What the kernel's log holds.
fn kernel_log() -> Result<String> {
    const READ_ALL: i32 = 3;
    let mut bytes = vec![0_u8; 1 << 18];
    let length = i32::try_from(bytes.len())?;
    // SAFETY: the buffer has as many bytes as are announced.
    let read = unsafe { libc::klogctl(READ_ALL, bytes.as_mut_ptr().cast(), length) };
    bytes.truncate(usize::try_from(Errno::result(read)?)?);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
