// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bundles of this checkout and of sources that a test has changed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_vexfs-validate");

/// A bundle that the first test to ask for it builds, for this machine and with the drivers of these roles.
struct Shared {
    name: &'static str,
    machine: &'static str,
    roles: &'static [&'static str],
    built: OnceLock<PathBuf>,
}

impl Shared {
    const fn new(
        name: &'static str,
        machine: &'static str,
        roles: &'static [&'static str],
    ) -> Self {
        Shared {
            name,
            machine,
            roles,
            built: OnceLock::new(),
        }
    }

    fn path(&'static self) -> &'static Path {
        self.built.get_or_init(|| {
            let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(self.name);
            build_for(self.machine, Path::new("kernel"), self.roles, &out);
            out
        })
    }
}

/// The bundle of this checkout as `vexfs-validate bundle` makes it, without drivers for disks.
pub fn plain() -> &'static Path {
    static PLAIN: Shared = Shared::new("bundle", "qemu", &[]);
    PLAIN.path()
}

/// The bundle of this checkout for images: its guest finds disks of every kind.
pub fn for_disks() -> &'static Path {
    static FOR_DISKS: Shared = Shared::new("bundle-for-disks", "qemu", &["disks"]);
    FOR_DISKS.path()
}

/// The bundle of this checkout for the comparison with peers, which lie on a disk.
pub fn for_peers() -> &'static Path {
    static FOR_PEERS: Shared = Shared::new("bundle-for-peers", "qemu", &["peers"]);
    FOR_PEERS.path()
}

/// The bundle of this checkout for User-Mode Linux.
pub fn for_uml() -> &'static Path {
    static FOR_UML: Shared = Shared::new("bundle-for-uml", "uml", &["peers"]);
    FOR_UML.path()
}

/// A directory on the disk of the build, since a bundle is large.
pub fn scratch() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Builds a bundle of these sources of the module, for this machine.
pub fn build_for(machine: &str, module_source: &Path, roles: &[&str], out: &Path) {
    let status = Command::new(BINARY)
        .args(["bundle", "--machine", machine])
        .args(roles.iter().flat_map(|role| ["--role", role]))
        .arg("--module-source")
        .arg(module_source)
        .arg("--out")
        .arg(out)
        .status()
        .unwrap();
    assert!(status.success(), "the bundle is not built: {status}");
}
