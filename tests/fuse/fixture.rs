// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mounts that go away with the test, however it ends.

use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use tempfile::TempDir;
use vexfs::fuse::{Mount, MountOptions};

/// A store on a tmpfs of its own, so that every machine has the same lower filesystem.
pub struct Store {
    directory: TempDir,
}

impl Store {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory for the store");
        mount_tmpfs(directory.path());
        Self { directory }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = umount2(self.directory.path(), MntFlags::MNT_DETACH);
    }
}

pub fn mount_tmpfs(directory: &Path) {
    let none: Option<&str> = None;
    mount(
        Some("tmpfs"),
        directory,
        Some("tmpfs"),
        MsFlags::empty(),
        none,
    )
    .expect("mounting a tmpfs takes root");
}

/// A store that is mounted and served by this process. The fields are dropped in this order.
pub struct Mounted {
    _mount: Mount,
    mount_point: TempDir,
    store: Store,
}

impl Mounted {
    pub fn new() -> Self {
        Self::with(false)
    }

    pub fn read_only() -> Self {
        Self::with(true)
    }

    fn with(read_only: bool) -> Self {
        let store = Store::new();
        let mount_point = tempfile::tempdir().expect("a directory to mount on");
        let options = MountOptions {
            read_only,
            ..MountOptions::new(store.path(), mount_point.path())
        };
        Self {
            _mount: Mount::new(&options, || {}).expect("mounting takes root and /dev/fuse"),
            mount_point,
            store,
        }
    }

    pub fn root(&self) -> &Path {
        self.mount_point.path()
    }

    /// Leaves room for this many bytes in the store.
    pub fn leave(&self, bytes: u64) {
        let stat = rustix::fs::statvfs(self.store.path()).unwrap();
        let used = (stat.f_blocks - stat.f_bfree) * stat.f_frsize;
        let none: Option<&str> = None;
        mount(
            none,
            self.store.path(),
            none,
            MsFlags::MS_REMOUNT,
            Some(format!("size={}", used + bytes).as_str()),
        )
        .expect("changing the size of a tmpfs takes root");
    }

    /// A path through the mount.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// A file of the mount as it lies in the store beneath.
    pub fn lower(&self, name: &str) -> PathBuf {
        self.store.path().join(name)
    }
}
