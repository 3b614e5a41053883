// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mounting a store, serving it until it is unmounted, and unmounting it.

use std::fs::{File, OpenOptions};
use std::io;
use std::num::NonZero;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fuser::{Config, Session, SessionACL};
use log::warn;
use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{getegid, geteuid};
use procfs_core::FromRead;
use procfs_core::process::MountInfos;
use rustix::fs::{CWD, Mode, OFlags};
use thiserror::Error;

use super::callbacks::StoreFilesystem;
use super::fusermount::{self, FusermountError};
use super::options::MountOptions;
use crate::system::proc::is_mounted;

const DEVICE: &str = "/dev/fuse";
const SUBTYPE: &str = "vexfs";
const FILESYSTEM_TYPE: &str = "fuse.vexfs";

/// How long after an unmount the serving has ended, unless another mount namespace has the mount as well.
const HELD_ELSEWHERE_AFTER: Duration = Duration::from_secs(3);

/// How many dead mounts there may be, one over the other, at a place where one is to be mounted.
const DEAD_MOUNTS: usize = 16;

/// Why a store could not be mounted.
#[derive(Debug, Error)]
pub enum MountError {
    #[error(
        "the store {store} cannot be opened as a directory: {error}; name an existing directory"
    )]
    Store { store: PathBuf, error: io::Error },
    #[error("{0} is the mount of a driver that is gone; unmount it first: umount -l {0}")]
    Stale(PathBuf),
    #[error("{mount_point} cannot be mounted on: {error}; name an existing directory")]
    MountPoint {
        mount_point: PathBuf,
        error: io::Error,
    },
    #[error("{0} is already a VexFS mount; unmount it first: umount {0}")]
    AlreadyMounted(PathBuf),
    #[error(
        "{DEVICE} cannot be opened: {0}; load the kernel module (modprobe fuse), or allow the device in a container"
    )]
    Device(io::Error),
    #[error("mounting takes the right to (CAP_SYS_ADMIN), which root lacks in this container")]
    NotPermitted,
    #[error(
        "{mount_point} could not be mounted: without root that takes fusermount3; install the package fuse3, or run the same command with sudo"
    )]
    NoFusermount { mount_point: PathBuf },
    #[error("{mount_point} could not be mounted without root: {error}")]
    Fusermount {
        mount_point: PathBuf,
        error: FusermountError,
    },
    #[error("{mount_point} could not be mounted: {error}")]
    Mount {
        mount_point: PathBuf,
        error: io::Error,
    },
    #[error("{mount_point} could not be unmounted: {error}")]
    Unmount {
        mount_point: PathBuf,
        error: io::Error,
    },
    #[error("serving {mount_point} ended in an error: {error}")]
    Serve {
        mount_point: PathBuf,
        error: io::Error,
    },
}

/// How an unmount went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmounted {
    Clean,
    /// Files were still open. The mount is gone from the tree, and those files lose their driver when this process
    /// ends.
    InUse,
    /// Another mount namespace has the mount, too. What it sees there loses its driver when this process ends.
    HeldElsewhere,
}

/// Who has mounted, and may unmount.
#[derive(Debug, Clone, Copy)]
enum By {
    Ourselves,
    Fusermount,
}

impl By {
    /// Unmounts as umount2(2) does, and fails as it does: `EINVAL` where nothing is mounted, `EBUSY` where it is in
    /// use.
    fn unmount(self, mount_point: &Path, lazily: bool) -> Result<(), Errno> {
        match self {
            By::Ourselves => {
                let mut flags = MntFlags::UMOUNT_NOFOLLOW;
                flags.set(MntFlags::MNT_DETACH, lazily);
                umount2(mount_point, flags)
            }
            By::Fusermount => fusermount::unmount(mount_point, lazily).map_err(|error| {
                match (is_mounted(mount_point), error) {
                    (Ok(false), _) => Errno::EINVAL,
                    (_, FusermountError::Refused(_)) if !lazily => Errno::EBUSY,
                    _ => Errno::EPERM,
                }
            }),
        }
    }
}

/// A mounted store, served by threads of this process until it is unmounted. Dropping it unmounts it.
#[derive(Debug)]
pub struct Mount {
    mount_point: PathBuf,
    by: By,
    /// The serving thread, absent once the mount is known to be gone.
    server: Option<JoinHandle<io::Result<()>>>,
}

impl Mount {
    /// Mounts and starts to serve; `on_end` runs when serving has ended, for whatever reason.
    pub fn new(
        options: &MountOptions,
        on_end: impl FnOnce() + Send + 'static,
    ) -> Result<Self, MountError> {
        // In this order: a store that is mounted over itself may be covered by a dead mount.
        let mount_point = check_mount_point(&options.mount_point)?;
        let filesystem = open_store(options, raise_descriptor_limit())?;
        let (device, by) = mount(options, &mount_point)?;
        // From here on an early return unmounts.
        let mut mount = Self {
            mount_point,
            by,
            server: None,
        };
        // Who may use the mount, the kernel decides.
        let started = Session::from_fd(filesystem, device, SessionACL::All, session(options))
            .and_then(|session| {
                std::thread::Builder::new()
                    .name("vexfs-serve".to_owned())
                    .spawn(move || {
                        let result = session.run();
                        on_end();
                        result
                    })
            });
        match started {
            Ok(server) => {
                mount.server = Some(server);
                Ok(mount)
            }
            Err(error) => {
                let _ = by.unmount(&mount.mount_point, true);
                Err(MountError::Mount {
                    mount_point: mount.mount_point.clone(),
                    error,
                })
            }
        }
    }

    pub fn mount_point(&self) -> &Path {
        &self.mount_point
    }

    /// Waits until somebody else has unmounted.
    pub fn wait(mut self) -> Result<(), MountError> {
        match self.server.take() {
            Some(server) => self.join(server),
            None => Ok(()),
        }
    }

    /// Unmounts. When it returns, everything written has reached the store.
    pub fn unmount(mut self) -> Result<Unmounted, MountError> {
        let Some(server) = self.server.take() else {
            return Ok(Unmounted::Clean);
        };
        match self.by.unmount(&self.mount_point, false) {
            // The kernel ends the serving as soon as nobody has the mount any more.
            Ok(()) if !ends_within(&server, HELD_ELSEWHERE_AFTER) => Ok(Unmounted::HeldElsewhere),
            Ok(()) => self.join(server).map(|()| Unmounted::Clean),
            Err(Errno::EBUSY) => {
                let lazily = self.by.unmount(&self.mount_point, true);
                lazily.map_err(|error| self.unmount_error(error))?;
                Ok(Unmounted::InUse)
            }
            // Somebody else was faster.
            Err(Errno::EINVAL) if !ends_within(&server, HELD_ELSEWHERE_AFTER) => {
                Ok(Unmounted::HeldElsewhere)
            }
            Err(Errno::EINVAL) => self.join(server).map(|()| Unmounted::Clean),
            Err(error) => Err(self.unmount_error(error)),
        }
    }

    fn join(&self, server: JoinHandle<io::Result<()>>) -> Result<(), MountError> {
        let result = server
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("a serving thread panicked")));
        result.map_err(|error| MountError::Serve {
            mount_point: self.mount_point.clone(),
            error,
        })
    }

    fn unmount_error(&self, error: Errno) -> MountError {
        MountError::Unmount {
            mount_point: self.mount_point.clone(),
            error: error.into(),
        }
    }
}

/// Whether the serving ends within this time.
fn ends_within(server: &JoinHandle<io::Result<()>>, time: Duration) -> bool {
    let begun = Instant::now();
    while !server.is_finished() {
        if begun.elapsed() >= time {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Some(server) = self.server.take()
            && !server.is_finished()
        {
            let _ = self.by.unmount(&self.mount_point, true);
        }
    }
}

fn open_store(options: &MountOptions, descriptors: usize) -> Result<StoreFilesystem, MountError> {
    let store = &options.store;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, store, flags, Mode::empty())
        .map_err(io::Error::from)
        .and_then(|root| StoreFilesystem::new(root, descriptors, options))
        .map_err(|error| MountError::Store {
            store: store.clone(),
            error,
        })
}

/// Returns the absolute path of the mount point, which stays right when this process changes its directory.
fn check_mount_point(path: &Path) -> Result<PathBuf, MountError> {
    let refuse = |error| MountError::MountPoint {
        mount_point: path.to_owned(),
        error,
    };
    remove_dead_mounts(path)?;
    let metadata = path.metadata().map_err(refuse)?;
    if !metadata.is_dir() {
        return Err(refuse(io::ErrorKind::NotADirectory.into()));
    }
    let absolute = path.canonicalize().map_err(refuse)?;
    if is_vexfs_mount(metadata.dev()).map_err(refuse)? && is_mount_root(&absolute, metadata.dev()) {
        return Err(MountError::AlreadyMounted(absolute));
    }
    Ok(absolute)
}

/// Takes away what killed drivers have left at a place, of which nothing can be reached any more.
fn remove_dead_mounts(path: &Path) -> Result<(), MountError> {
    let is_dead = || {
        let metadata = path.metadata();
        metadata.is_err_and(|error| error.raw_os_error() == Some(libc::ENOTCONN))
    };
    for _ in 0..DEAD_MOUNTS {
        if !is_dead() {
            return Ok(());
        }
        let stale = || MountError::Stale(path.to_owned());
        let absolute = absolute_of_dead(path).ok_or_else(stale)?;
        let mounts = MountInfos::from_file("/proc/self/mountinfo").map_err(|_| stale())?;
        let mut there = mounts
            .into_iter()
            .filter(|mount| mount.mount_point == absolute);
        // The last one covers the others.
        if there
            .next_back()
            .is_none_or(|mount| mount.fs_type != FILESYSTEM_TYPE)
        {
            return Err(stale());
        }
        match By::Ourselves.unmount(&absolute, true) {
            Err(Errno::EPERM) => By::Fusermount.unmount(&absolute, true),
            done => done,
        }
        .map_err(|_| stale())?;
        warn!(
            "the mount of a driver that is gone was removed from {}",
            absolute.display()
        );
    }
    match is_dead() {
        true => Err(MountError::Stale(path.to_owned())),
        false => Ok(()),
    }
}

/// The absolute path of a dead mount, which itself cannot be looked at.
fn absolute_of_dead(path: &Path) -> Option<PathBuf> {
    let parent = match path.parent()? {
        parent if parent == Path::new("") => Path::new("."),
        parent => parent,
    };
    Some(parent.canonicalize().ok()?.join(path.file_name()?))
}

/// Whether the filesystem with this device number is ours, by either driver (`proc_pid_mountinfo(5)`).
fn is_vexfs_mount(device: u64) -> io::Result<bool> {
    let wanted = format!("{}:{}", libc::major(device), libc::minor(device));
    let mounts = MountInfos::from_file("/proc/self/mountinfo").map_err(io::Error::other)?;
    Ok(mounts.into_iter().any(|mount| {
        let is_ours = ["vexfs", FILESYSTEM_TYPE].contains(&&*mount.fs_type);
        is_ours && mount.majmin == wanted
    }))
}

fn is_mount_root(directory: &Path, device: u64) -> bool {
    directory
        .parent()
        .and_then(|parent| parent.metadata().ok())
        .is_none_or(|parent| parent.dev() != device)
}

/// Allows this process as many descriptors as the system does, and returns how many that are.
fn raise_descriptor_limit() -> usize {
    let most = std::fs::read_to_string("/proc/sys/fs/nr_open")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let most = hard.max(most);
        // Raising the hard limit takes a privilege that a container may not have.
        if setrlimit(Resource::RLIMIT_NOFILE, most, most).is_err() {
            let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
        }
    }
    getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft as usize)
}

/// Mounts with this process's own rights, else by fusermount3.
fn mount(options: &MountOptions, mount_point: &Path) -> Result<(OwnedFd, By), MountError> {
    let store = options.store.canonicalize();
    let store = store.map_err(|error| MountError::Store {
        store: options.store.clone(),
        error,
    })?;
    let source = options.source(&store);
    match mount_ourselves(options, source, mount_point) {
        Err(MountError::NotPermitted) if !geteuid().is_root() => {
            let asked = options.for_fusermount(SUBTYPE, &store);
            let device = fusermount::mount(&asked, mount_point).map_err(|error| {
                let mount_point = mount_point.to_owned();
                match error {
                    FusermountError::Missing => MountError::NoFusermount { mount_point },
                    error => MountError::Fusermount { mount_point, error },
                }
            })?;
            Ok((device, By::Fusermount))
        }
        mounted => Ok((mounted?, By::Ourselves)),
    }
}

fn mount_ourselves(
    options: &MountOptions,
    source: &Path,
    mount_point: &Path,
) -> Result<OwnedFd, MountError> {
    let device = open_device().map_err(|error| match error.kind() {
        // As root this is not a matter of who asks.
        io::ErrorKind::PermissionDenied if !geteuid().is_root() => MountError::NotPermitted,
        _ => MountError::Device(error),
    })?;
    let data = format!(
        "fd={},rootmode=40000,user_id={},group_id={},default_permissions,allow_other",
        device.as_raw_fd(),
        geteuid(),
        getegid()
    );
    let kind = Some(FILESYSTEM_TYPE);
    let flags = options.flags();
    nix::mount::mount(Some(source), mount_point, kind, flags, Some(data.as_str())).map_err(
        |error| match error {
            Errno::EPERM => MountError::NotPermitted,
            error => MountError::Mount {
                mount_point: mount_point.to_owned(),
                error: error.into(),
            },
        },
    )?;
    Ok(device.into())
}

fn open_device() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(DEVICE)
}

fn session(options: &MountOptions) -> Config {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = options
        .threads
        .map_or((processors + 1).max(4), NonZero::get);
    let mut config = Config::default();
    config.n_threads = Some(threads);
    // Each thread waits at a queue of its own, if it may open the device.
    config.clone_fd = open_device().is_ok();
    config
}
