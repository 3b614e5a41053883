// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Debian package: what is in it, that it works where it is unpacked, and that it is made alike twice.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Makes the package of the programs that were built with this test.
fn make(folder: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let programs = Path::new(env!("CARGO_BIN_EXE_vexfs")).parent().unwrap();
    let output = Command::new(root.join("contrib/debian/make-deb"))
        .args([programs, folder])
        .env("SOURCE_DATE_EPOCH", "1000000000")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let version = env!("CARGO_PKG_VERSION");
    folder.join(format!("vexfs_{version}_amd64.deb"))
}

fn dpkg_deb(option: &str, package: &Path) -> String {
    let output = Command::new("dpkg-deb").arg(option).arg(package).output();
    let output = output.unwrap();
    assert!(output.status.success(), "dpkg-deb {option}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_package_holds_everything_and_works() {
    let folder = TempDir::new().unwrap();
    let package = make(folder.path());
    let other = TempDir::new().unwrap();
    assert!(
        fs::read(&package).unwrap() == fs::read(make(other.path())).unwrap(),
        "it is made alike twice"
    );
    let contents = dpkg_deb("--contents", &package);
    for path in [
        "-rwxr-xr-x root/root ./usr/bin/vexfs\n",
        "-rwxr-xr-x root/root ./usr/bin/vexfs-validate\n",
        "lrwxrwxrwx root/root ./usr/sbin/mount.fuse.vexfs -> ../bin/vexfs\n",
        "-rw-r--r-- root/root ./usr/lib/systemd/system/vexfs@.service\n",
        "-rw-r--r-- root/root ./usr/share/man/man1/vexfs-mount.1.gz\n",
        "-rw-r--r-- root/root ./usr/share/man/man1/vexfs-validate-run.1.gz\n",
        "-rw-r--r-- root/root ./usr/share/man/man8/mount.fuse.vexfs.8.gz\n",
        "-rw-r--r-- root/root ./usr/share/bash-completion/completions/vexfs\n",
        "-rw-r--r-- root/root ./usr/share/fish/vendor_completions.d/vexfs-validate.fish\n",
        "-rw-r--r-- root/root ./usr/share/zsh/vendor-completions/_vexfs\n",
        "-rw-r--r-- root/root ./usr/share/doc/vexfs/copyright\n",
    ] {
        let (mode, path) = path.split_once(" ./").unwrap();
        let is_it = |line: &str| {
            line.starts_with(mode) && line.ends_with(&format!(" ./{}", path.trim_end()))
        };
        assert!(contents.lines().any(is_it), "{path}\n{contents}");
    }
    let control = dpkg_deb("--field", &package);
    assert!(control.contains("Recommends: fuse3\n"), "{control}");

    let root = folder.path().join("root");
    let unpacked = Command::new("dpkg-deb")
        .arg("--extract")
        .args([&package, &root])
        .status();
    assert!(unpacked.unwrap().success());
    for (program, name) in [
        ("usr/bin/vexfs", "vexfs"),
        ("usr/bin/vexfs-validate", "vexfs-validate"),
        ("usr/sbin/mount.fuse.vexfs", "mount.fuse.vexfs"),
    ] {
        let output = Command::new(root.join(program))
            .arg0(root.join(program))
            .arg("--version")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            said.trim_end(),
            format!("{name} {}", env!("CARGO_PKG_VERSION"))
        );
    }
    // Each line of the unit names a program that the package, or Debian, has at that place.
    let unit = fs::read_to_string(root.join("usr/lib/systemd/system/vexfs@.service")).unwrap();
    let commands = unit.lines().filter_map(|line| line.strip_prefix("Exec"));
    for command in commands {
        let (_, command) = command.split_once('=').unwrap();
        let program = command.trim_start_matches('-').split(' ').next().unwrap();
        let inside = root.join(program.trim_start_matches('/'));
        assert!(inside.exists() || Path::new(program).exists(), "{program}");
    }
}
