// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes a bundle of parts: one recipe, whoever supplies the parts.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use super::ext4_image;
use super::guest_modules::{self, GuestModule, Role};
use super::initramfs::Archive;
use super::machine_kind::MachineKind;
use super::manifest::{
    FORMAT, FileRecord, GuestModuleRecord, GuestRecord, KernelRecord, Manifest, ModuleRecord,
    ProgramRecord,
};
use super::modinfo::Modinfo;
use super::module_tree::{ModuleTree, is_compressed};
use super::source_tree::make_dir_whole;
use super::suite_programs::{self, SuiteProgram};
use super::{Bundle, INITRAMFS, KERNEL, MANIFEST, MODULE, check_fit, describe};
use crate::guest::{drivers, kmod, loop_disk};
use crate::protocol::guest_files::SUITES;

/// Mount points, and places that the guest works in.
const DIRECTORIES: [&str; 11] = [
    "bin",
    "dev",
    "lib",
    "lib/modules",
    "lib/vexfs",
    "lib/vexfs/suites",
    "mnt",
    "proc",
    "store",
    "sys",
    "tmp",
];

/// What a bundle is made of.
#[derive(Debug)]
pub struct Parts {
    pub machine: MachineKind,
    /// A bzImage, or for User-Mode Linux a program.
    pub kernel_image: PathBuf,
    /// The kernel's `lib/modules/RELEASE`.
    pub kernel_modules: PathBuf,
    /// What the guest is for, besides validation, which every guest is for.
    pub roles: Vec<Role>,
    pub module: PathBuf,
    /// A static program: PID 1, and under any other process id the `vexfs` tool.
    pub guest_program: PathBuf,
    /// The directory with the programs of the POSIX suites, for a guest with that role.
    pub suites: Option<PathBuf>,
    pub provenance: Provenance,
}

/// Where the parts come from, in their supplier's words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    pub kernel: KernelRecord,
    /// The version that the module's compiler reports.
    pub module_compiler: String,
    /// The version that the compiler of the guest's program reports.
    pub guest_compiler: String,
}

impl Provenance {
    pub fn read(path: &Path) -> anyhow::Result<Provenance> {
        serde_json::from_slice(&read(path)?)
            .with_context(|| format!("{} does not say where the parts come from", path.display()))
    }
}

/// Makes `out` a bundle, in place of one that may be there.
pub fn assemble(parts: &Parts, out: &Path) -> anyhow::Result<Bundle> {
    let Provenance {
        kernel,
        module_compiler,
        guest_compiler,
    } = &parts.provenance;
    let kernel_image = read(&parts.kernel_image)?;
    let module = read(&parts.module)?;
    ensure!(
        !is_compressed(&module),
        "{} is compressed: give the module as the linker made it",
        parts.module.display()
    );
    let identity = check_fit(
        parts.machine,
        (&parts.kernel_image, &kernel_image),
        (&parts.module, &module),
        &kernel.release,
    )?;
    let roles: BTreeSet<Role> = [Role::Guest]
        .into_iter()
        .chain(parts.roles.iter().copied())
        .collect();
    let roles = Vec::from_iter(roles);
    let suites = match (&parts.suites, roles.contains(&Role::Suites)) {
        (Some(dir), true) => suite_programs::read(dir)?,
        (None, false) => Vec::new(),
        _ => bail!("the role suites takes the programs of the suites, and they take that role"),
    };
    let tree = ModuleTree::read(&parts.kernel_modules)?;
    let select = |roles: &[Role]| {
        let vexfs = Modinfo::of(&module)?;
        guest_modules::select(&tree, &kernel.release, parts.machine, roles, &vexfs)
    };
    // Those for the peers' disk are loaded by themselves, and only where that is.
    let always = Vec::from_iter(roles.iter().copied().filter(|role| *role != Role::Peers));
    let guest_modules = select(&always)?;
    let mut peers_modules = select(&roles)?;
    peers_modules.retain(|module| !guest_modules.contains(module));
    let records = |modules: &[GuestModule]| modules.iter().map(record_of).collect();
    let (module_records, peers_module_records) = (records(&guest_modules), records(&peers_modules));
    let programs = suites.iter().map(program_record).collect();
    let initramfs = initramfs(
        read(&parts.guest_program)?,
        suites,
        module.clone(),
        [
            (drivers::LOAD_ORDER, guest_modules),
            (drivers::PEERS_LOAD_ORDER, peers_modules),
        ],
    )?;

    make_dir_whole(out, |dir| {
        write(&dir.join(KERNEL), &kernel_image)?;
        if parts.machine.is_program() {
            let executable = fs::Permissions::from_mode(0o755);
            fs::set_permissions(dir.join(KERNEL), executable)?;
        }
        write(&dir.join(INITRAMFS), &initramfs)?;
        write(&dir.join(MODULE), &module)?;
        let manifest = Manifest {
            format: FORMAT,
            toolkit_version: env!("CARGO_PKG_VERSION").to_owned(),
            machine: parts.machine,
            kernel: kernel.clone(),
            module: ModuleRecord {
                compiler: module_compiler.clone(),
                identity,
            },
            guest: GuestRecord {
                compiler: guest_compiler.clone(),
                roles,
                modules: module_records,
                peers_modules: peers_module_records,
                programs,
            },
            files: [KERNEL, INITRAMFS, MODULE]
                .into_iter()
                .map(|name| Ok((name.to_owned(), record(&dir.join(name))?)))
                .collect::<anyhow::Result<_>>()?,
        };
        let mut text = serde_json::to_string_pretty(&manifest)?;
        text.push('\n');
        write(&dir.join(MANIFEST), text.as_bytes())
    })?;
    Ok(Bundle::open(out)?)
}

fn record_of(module: &GuestModule) -> GuestModuleRecord {
    GuestModuleRecord {
        name: module.name.clone(),
        blake3: blake3::hash(&module.content).to_string(),
    }
}

fn program_record(program: &SuiteProgram) -> ProgramRecord {
    ProgramRecord {
        name: program.name.clone(),
        version: program.version.clone(),
        blake3: blake3::hash(&program.content).to_string(),
    }
}

fn initramfs(
    guest_program: Vec<u8>,
    suites: Vec<SuiteProgram>,
    module: Vec<u8>,
    lists: [(&str, Vec<GuestModule>); 2],
) -> anyhow::Result<Vec<u8>> {
    let mut archive = Archive::default();
    for path in DIRECTORIES {
        archive.directory(path);
    }
    archive.program("init", guest_program);
    archive.symlink("bin/vexfs", "/init");
    for SuiteProgram { name, content, .. } in suites {
        archive.program(&in_archive(&format!("{SUITES}/{name}")), content);
    }
    archive.file(&in_archive(kmod::PATH), module);
    archive.file(&in_archive(loop_disk::IMAGE), ext4_image::make()?);
    for (list, modules) in lists.into_iter().filter(|(_, modules)| !modules.is_empty()) {
        let mut load_order = String::new();
        for GuestModule { name, content } in modules {
            load_order.push_str(&format!("{name}\n"));
            archive.file(
                &in_archive(&format!("{}/{name}.ko", drivers::DIRECTORY)),
                content,
            );
        }
        archive.file(&in_archive(list), load_order.into_bytes());
    }
    let mut bytes = Vec::new();
    archive
        .write(&mut bytes)
        .context("cannot make the initramfs")?;
    Ok(bytes)
}

/// A path of the guest as the archive names it.
fn in_archive(path: &str) -> String {
    path.trim_start_matches('/').to_owned()
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

fn record(path: &Path) -> anyhow::Result<FileRecord> {
    describe(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::fixtures;

    const PROVENANCE: &str = r#"{
        "kernel": {"release": "6.12", "supplier": "test", "packages": [
            {"name": "linux", "version": "6.12-1", "hash": "nix:0123456789abcdfghijklmnpqrsvwxyz"}]},
        "module_compiler": "cc 12", "guest_compiler": "rustc 1.95"}"#;

    fn parts(dir: &Path) -> Parts {
        let part = |name: &str, content: &[u8]| {
            fs::write(dir.join(name), content).unwrap();
            dir.join(name)
        };
        part(
            "modules.builtin",
            b"virtio_pci.ko\nvirtio_console.ko\next4.ko\nloop.ko\nfuse.ko\n",
        );
        Parts {
            machine: MachineKind::Qemu,
            kernel_image: part("bzImage", &fixtures::kernel_image("6.12")),
            kernel_modules: dir.to_owned(),
            roles: Vec::new(),
            module: part("vexfs.ko", &fixtures::module(&[("vermagic", "6.12 SMP ")])),
            guest_program: part("vexfs-init", b"#!"),
            suites: None,
            provenance: Provenance::read(&part("parts.json", PROVENANCE.as_bytes())).unwrap(),
        }
    }

    /// Says why no bundle was made. Nothing is left where it should have gone.
    fn refusal(parts: &Parts) -> String {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("bundle");
        let error = assemble(parts, &out).unwrap_err();
        assert!(!out.exists());
        format!("{error:#}")
    }

    #[test]
    fn equal_parts_give_equal_bundles_wherever_they_lie() {
        let made = [(); 2].map(|()| {
            let dir = tempfile::tempdir().unwrap();
            let out = dir.path().join("bundle");
            let bundle = assemble(&parts(dir.path()), &out).unwrap();
            let files = [MANIFEST, KERNEL, INITRAMFS, MODULE].map(|name| read(&out.join(name)));
            (
                bundle.id().to_owned(),
                files.map(|content| content.unwrap()),
            )
        });
        assert_eq!(made[0], made[1]);
        let manifest = String::from_utf8_lossy(&made[0].1[0]);
        assert!(
            manifest.contains("nix:0123456789abcdfghijklmnpqrsvwxyz"),
            "{manifest}"
        );
    }

    #[test]
    fn parts_that_do_not_fit_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let whole = || parts(dir.path());
        let module = dir.path().join("vexfs.ko");

        let parts = whole();
        fs::write(&module, fixtures::module(&[("vermagic", "6.12.1 SMP ")])).unwrap();
        let said = refusal(&parts);
        assert!(
            said.starts_with(&format!(
                "{} was built for the kernel 6.12.1, but",
                module.display()
            )),
            "{said}"
        );

        let parts = whole();
        fs::write(&module, b"\xfd7zXZ\0 and so on").unwrap();
        assert!(refusal(&parts).contains("is compressed"));

        let parts = whole();
        fs::write(dir.path().join("modules.builtin"), "fuse.ko\n").unwrap();
        assert!(refusal(&parts).contains("no virtio_pci, neither built in nor as a module"));

        let parts = whole();
        fs::write(&parts.kernel_image, fixtures::kernel_image("6.1")).unwrap();
        assert!(refusal(&parts).contains("it is the kernel 6.1, not 6.12"));
    }

    #[test]
    fn a_bundle_of_user_mode_linux_has_a_program_and_no_port() {
        let dir = tempfile::tempdir().unwrap();
        let mut parts = parts(dir.path());
        parts.machine = MachineKind::Uml;
        assert!(refusal(&parts).contains("it is for a bundle of the machine qemu"));
        fs::write(&parts.kernel_image, fixtures::uml("6.12")).unwrap();
        fs::write(dir.path().join("modules.builtin"), "ext4.ko\nfuse.ko\n").unwrap();
        let out = tempfile::tempdir().unwrap();
        let bundle = assemble(&parts, &out.path().join("bundle")).unwrap();
        assert_eq!(bundle.manifest().machine, MachineKind::Uml);
        let mode = fs::metadata(bundle.kernel()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        // Copied without its mode, it could not be started.
        fs::set_permissions(bundle.kernel(), fs::Permissions::from_mode(0o644)).unwrap();
        let error = Bundle::open(bundle.dir()).unwrap_err().to_string();
        assert!(error.ends_with("kernel: it is not executable"), "{error}");

        parts.machine = MachineKind::Qemu;
        assert!(refusal(&parts).contains("it is for a bundle of the machine uml"));
        parts.machine = MachineKind::Uml;
        fs::write(dir.path().join("modules.builtin"), "ext4.ko\n").unwrap();
        assert!(refusal(&parts).contains("no fuse, neither built in nor as a module"));
        parts.roles = vec![Role::Disks];
        fs::write(dir.path().join("modules.builtin"), "ext4.ko\nfuse.ko\n").unwrap();
        assert!(refusal(&parts).contains("the machine uml has no role disks"));
    }

    #[test]
    fn provenance_says_all_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("parts.json");
        for (anchor, replacement) in [
            ("\"module_compiler\": \"cc 12\", ", ""),
            (
                "\"supplier\": \"test\"",
                "\"supplier\": \"test\", \"when\": 1",
            ),
            ("nix:", "md5:"),
        ] {
            assert_eq!(PROVENANCE.matches(anchor).count(), 1);
            fs::write(&path, PROVENANCE.replace(anchor, replacement)).unwrap();
            let error = Provenance::read(&path).unwrap_err().to_string();
            assert!(error.contains("parts.json"), "{error}");
        }
    }
}
