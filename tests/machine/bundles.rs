// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bundles of this checkout and of sources that a test has changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use vexfs::bundle::Bundle;
use vexfs::bundle::machine_kind::MachineKind;
use vexfs::bundle::manifest::Manifest;

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
    static FOR_UML: Shared = Shared::new("bundle-for-uml", "uml", &["peers", "suites"]);
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

/// Builds the bundle of this checkout with one of the pinned kernels.
pub fn build_with_kernel(name: &str, out: &Path) {
    let status = Command::new(BINARY)
        .args(["bundle", "--kernel", name, "--out"])
        .arg(out)
        .status()
        .unwrap();
    assert!(status.success(), "the bundle is not built: {status}");
}

/// What a command prints, which must succeed.
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn user_mode_linux_is_a_static_program_of_its_release() {
    let bundle = Bundle::open(for_uml()).unwrap();
    assert_eq!(bundle.machine(), MachineKind::Uml);
    let release = &bundle.manifest().kernel.release;
    let said = printed(Command::new(bundle.kernel()).arg("--version"));
    assert_eq!(said.trim_end(), release);
    let headers = printed(Command::new("readelf").arg("-l").arg(bundle.kernel()));
    assert!(!headers.contains("INTERP"), "{headers}");
    // Its own configuration has all that was asked for.
    let config = printed(Command::new(bundle.kernel()).arg("--showconfig"));
    let wanted = fs::read_to_string("vm/uml.config").unwrap();
    for option in wanted.lines().filter(|line| line.starts_with("CONFIG_")) {
        assert!(config.lines().any(|line| line == option), "{option}");
    }
}

#[test]
fn a_bundle_of_one_machine_is_refused_the_kernel_of_the_other() {
    for (bundle, foreign, said) in [
        (for_uml(), plain(), "it is a bzImage, and no program"),
        (plain(), for_uml(), "it is User-Mode Linux, a program"),
    ] {
        let dir = scratch();
        for name in ["initramfs", "vexfs.ko"] {
            fs::copy(bundle.join(name), dir.path().join(name)).unwrap();
        }
        let kernel = fs::read(foreign.join("kernel")).unwrap();
        let text = fs::read_to_string(bundle.join("manifest.json")).unwrap();
        let mut manifest: Manifest = serde_json::from_str(&text).unwrap();
        let record = manifest.files.get_mut("kernel").unwrap();
        record.size = kernel.len() as u64;
        record.blake3 = blake3::hash(&kernel).to_string();
        fs::write(dir.path().join("kernel"), kernel).unwrap();
        let text = serde_json::to_string(&manifest).unwrap();
        fs::write(dir.path().join("manifest.json"), text).unwrap();
        let error = Bundle::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

/// What is changed in the kernel's sources.
fn host_patch() -> String {
    fs::read_to_string("vm/uml-host.patch").unwrap()
}

/// The lines of a file that the patch names, where it has them.
fn as_patched(patch: &str, file: &str) -> String {
    let (_, part) = patch.split_once(&format!("+++ b/{file}\n")).unwrap();
    let mut text = String::new();
    for line in part.lines().take_while(|line| !line.starts_with("---")) {
        if let Some(place) = line.strip_prefix("@@ -") {
            let first: usize = place.split(',').next().unwrap().parse().unwrap();
            let missing = first - 1 - text.lines().count();
            text.push_str(&"\n".repeat(missing));
        } else if !line.starts_with('+') {
            text.push_str(line.get(1..).unwrap_or_default());
            text.push('\n');
        }
    }
    text
}

/// What vm/build-uml.sh says of sources whose Kconfig makes this `.config`, with one of the patched files so.
fn refusal_of_sources(config: &str, changed: Option<(&str, &str)>) -> String {
    let dir = scratch();
    let source = dir.path().join("source");
    let patch = host_patch();
    for file in patch.lines().filter_map(|line| line.strip_prefix("+++ b/")) {
        let path = source.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, as_patched(&patch, file)).unwrap();
    }
    if let Some((file, text)) = changed {
        fs::write(source.join(file), text).unwrap();
    }
    fs::write(source.join("made"), config).unwrap();
    fs::write(source.join("Makefile"), "allnoconfig:\n\tcp made .config\n").unwrap();
    let output = Command::new("vm/build-uml.sh")
        .args([&source, &dir.path().join("out")])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8(said).unwrap()
}

#[test]
fn an_option_that_kconfig_drops_is_named() {
    let wanted = fs::read_to_string("vm/uml.config").unwrap();
    let dropped = wanted.replace("CONFIG_EXT4_FS=y", "# CONFIG_EXT4_FS is not set");
    let dropped = dropped.replace("CONFIG_UNIX=y", "");
    let said = refusal_of_sources(&dropped, None);
    let expected = "vm/uml.config: this kernel's Kconfig drops CONFIG_EXT4_FS CONFIG_UNIX\n";
    assert!(said.ends_with(expected), "{said}");
    // With all of them the build goes on, to a target that is not there.
    let said = refusal_of_sources(&wanted, None);
    assert!(said.contains("No rule to make target 'all'"), "{said}");
}

#[test]
fn sources_that_the_patch_does_not_fit_are_refused() {
    let wanted = fs::read_to_string("vm/uml.config").unwrap();
    let changed = ("arch/x86/um/user-offsets.c", "HOST_FP_SIZE is asked for\n");
    let said = refusal_of_sources(&wanted, Some(changed));
    assert!(said.contains("1 out of 1 hunk FAILED"), "{said}");
}
