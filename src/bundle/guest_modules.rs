// SPDX-License-Identifier: MIT OR Apache-2.0
//! Selects which of its kernel's modules the guest loads, and in which order (`vm/guest-modules.json`).

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::machine_kind::MachineKind;
use super::modinfo::{self, Modinfo};
use super::module_tree::{ModuleTree, canonical, read_module};

/// What a guest is for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// What every guest needs: ext4 on a loop device, FUSE, and a port under QEMU
    Guest,
    /// Disks, for an image that boots on a machine of its own
    Disks,
    /// The disk with the peers, to be measured beside them (loaded only then)
    Peers,
    /// The POSIX suites, which are programs of their own
    Suites,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A module that a role asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    /// Why a kernel may do without the module.
    optional: Option<String>,
}

/// A module that is not built in, ready to load.
#[derive(Debug, PartialEq, Eq)]
pub struct GuestModule {
    pub name: String,
    pub content: Vec<u8>,
}

/// The modules that these roles need on this machine, and those that vexfs.ko needs, whose modinfo is `vexfs`. Each
/// comes after those that it depends on.
pub fn select(
    tree: &ModuleTree,
    release: &str,
    machine: MachineKind,
    roles: &[Role],
    vexfs: &Modinfo,
) -> Result<Vec<GuestModule>> {
    let lists: BTreeMap<MachineKind, BTreeMap<Role, Vec<Wanted>>> =
        serde_json::from_str(include_str!("../../vm/guest-modules.json"))
            .context("vm/guest-modules.json is not a list of modules")?;
    // The debug kernel has all that the other one has.
    let listed = match machine {
        MachineKind::UmlDebug => MachineKind::Uml,
        MachineKind::Qemu | MachineKind::Uml => machine,
    };
    let lists = lists
        .get(&listed)
        .with_context(|| format!("vm/guest-modules.json does not list the machine {machine}"))?;
    let mut order = LoadOrder::new(tree, release);
    for name in depends(vexfs) {
        order.add(&name).context("vexfs.ko cannot be loaded")?;
    }
    for role in roles {
        let wanted = lists
            .get(role)
            .with_context(|| format!("a guest of the machine {machine} has no role {role}"))?;
        for Wanted { name, optional } in wanted {
            if optional.is_none() || order.exists(name) {
                order.add(name)?;
            }
        }
    }
    Ok(order.done)
}

/// The modules in the order of loading, while they are collected.
struct LoadOrder<'a> {
    tree: &'a ModuleTree,
    release: &'a str,
    done: Vec<GuestModule>,
    /// The names from the module that was asked for down to the one that is looked at.
    path: Vec<String>,
}

impl<'a> LoadOrder<'a> {
    fn new(tree: &'a ModuleTree, release: &'a str) -> Self {
        LoadOrder {
            tree,
            release,
            done: Vec::new(),
            path: Vec::new(),
        }
    }

    fn exists(&self, name: &str) -> bool {
        self.tree.is_built_in(name) || self.tree.file(name).is_some()
    }

    fn add(&mut self, name: &str) -> Result<()> {
        let name = canonical(name);
        if self.tree.is_built_in(&name) || self.done.iter().any(|module| module.name == name) {
            return Ok(());
        }
        ensure!(
            !self.path.contains(&name),
            "the modules {} and {name} depend on each other",
            self.path.join(", ")
        );
        let Some(file) = self.tree.file(&name) else {
            let needed_by = match self.path.last() {
                Some(module) => format!("{module} needs"),
                None => "the guest needs".to_owned(),
            };
            bail!(
                "the kernel of {} has no {name}, neither built in nor as a module, which {needed_by}: take another kernel",
                self.tree.dir().display()
            );
        };
        let content = read_module(file)?;
        let info = Modinfo::of(&content)
            .with_context(|| format!("{} is not a kernel module", file.display()))?;
        let built_for = modinfo::release(info.get("vermagic").unwrap_or_default());
        ensure!(
            built_for == self.release,
            "{} was built for the kernel {built_for}, not for {}",
            file.display(),
            self.release
        );
        let (before, after) = soft_dependencies(&info);
        self.path.push(name.clone());
        for needed in depends(&info) {
            self.add(&needed)?;
        }
        self.add_those_there(&before)?;
        self.path.pop();
        self.done.push(GuestModule { name, content });
        self.add_those_there(&after)
    }

    /// Adds those of the modules that the kernel has: a soft dependency may be missing.
    fn add_those_there(&mut self, names: &[String]) -> Result<()> {
        for name in names {
            if self.exists(name) {
                self.add(name)?;
            }
        }
        Ok(())
    }
}

fn depends(info: &Modinfo) -> Vec<String> {
    info.get("depends")
        .unwrap_or_default()
        .split(',')
        .filter(|name| !name.is_empty())
        .map(canonical)
        .collect()
}

/// The modules to load before this one, and those after it, out of `softdep=pre: a b post: c`.
fn soft_dependencies(info: &Modinfo) -> (Vec<String>, Vec<String>) {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for softdep in info.all("softdep") {
        let mut list = None;
        for word in softdep.split_whitespace() {
            match (word, &mut list) {
                ("pre:", _) => list = Some(&mut before),
                ("post:", _) => list = Some(&mut after),
                (name, Some(list)) => list.push(canonical(name)),
                (_, None) => {}
            }
        }
    }
    (before, after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::fixtures;
    use std::fs;
    use tempfile::TempDir;

    const RELEASE: &str = "6.12";

    /// A kernel that has `built_in`, and modules by name, `depends` and `softdep`.
    fn kernel(built_in: &[&str], modules: &[(&str, &str, &str)]) -> (TempDir, ModuleTree) {
        let dir = tempfile::tempdir().unwrap();
        let list: String = built_in
            .iter()
            .map(|name| format!("kernel/{name}.ko\n"))
            .collect();
        fs::write(dir.path().join("modules.builtin"), list).unwrap();
        for (name, depends, softdep) in modules {
            let mut entries = vec![("vermagic", "6.12 SMP "), ("depends", *depends)];
            if !softdep.is_empty() {
                entries.push(("softdep", *softdep));
            }
            let file = dir.path().join(format!("{name}.ko"));
            fs::write(file, fixtures::module(&entries)).unwrap();
        }
        let tree = ModuleTree::read(dir.path()).unwrap();
        (dir, tree)
    }

    /// The names in load order of what `name` needs.
    fn order(tree: &ModuleTree, name: &str) -> Result<Vec<String>> {
        let mut order = LoadOrder::new(tree, RELEASE);
        order.add(name)?;
        Ok(order.done.into_iter().map(|module| module.name).collect())
    }

    #[test]
    fn each_module_comes_once_and_after_those_that_it_needs() {
        let (_dir, tree) = kernel(
            &["scsi-common"],
            &[
                ("sd_mod", "scsi-mod,t10-pi", ""),
                ("scsi_mod", "scsi_common", ""),
                ("t10-pi", "crc64,scsi_mod", ""),
                ("crc64", "", ""),
            ],
        );
        assert_eq!(
            order(&tree, "sd-mod").unwrap(),
            ["scsi_mod", "crc64", "t10_pi", "sd_mod"]
        );
        assert!(order(&tree, "scsi_common").unwrap().is_empty());
    }

    #[test]
    fn soft_dependencies_come_where_they_are_there() {
        let soft = "pre: crc32c-generic missing post: late";
        let (_dir, tree) = kernel(
            &[],
            &[
                ("ext4", "", soft),
                ("crc32c_generic", "", ""),
                ("late", "ext4", ""),
            ],
        );
        assert_eq!(
            order(&tree, "ext4").unwrap(),
            ["crc32c_generic", "ext4", "late"]
        );
    }

    #[test]
    fn cycles_and_what_is_missing_are_refused_by_name() {
        let (_dir, tree) = kernel(&[], &[("a", "b", ""), ("b", "c", ""), ("c", "a", "")]);
        let error = order(&tree, "a").unwrap_err().to_string();
        assert_eq!(error, "the modules a, b, c and a depend on each other");
        let (_dir, tree) = kernel(&[], &[("a", "b", "")]);
        let error = order(&tree, "a").unwrap_err().to_string();
        assert!(error.contains("has no b,") && error.contains("which a needs"));
        let error = order(&tree, "z").unwrap_err().to_string();
        assert!(error.contains("has no z,") && error.contains("the guest needs"));
    }

    #[test]
    fn a_module_of_another_kernel_is_refused() {
        let (_dir, tree) = kernel(&[], &[("a", "", "")]);
        let mut order = LoadOrder::new(&tree, "6.13");
        let error = order.add("a").unwrap_err().to_string();
        assert!(
            error.ends_with("a.ko was built for the kernel 6.12, not for 6.13"),
            "{error}"
        );
    }

    #[test]
    fn a_role_may_lack_only_what_is_optional() {
        let needed = ["virtio_pci", "virtio_console", "ext4", "loop", "fuse"];
        let vexfs = Modinfo::of(&fixtures::module(&[("depends", "libcrc32c")])).unwrap();
        let (_dir, tree) = kernel(&needed, &[("libcrc32c", "", "")]);
        let selected = select(&tree, RELEASE, MachineKind::Qemu, &[Role::Guest], &vexfs).unwrap();
        assert_eq!(selected.len(), 1, "crc32c_generic is optional");
        assert_eq!(selected[0].name, "libcrc32c");
        for index in 0..needed.len() {
            let mut rest = needed.to_vec();
            let missing = rest.remove(index);
            let (_dir, tree) = kernel(&rest, &[("libcrc32c", "", "")]);
            let error =
                select(&tree, RELEASE, MachineKind::Qemu, &[Role::Guest], &vexfs).unwrap_err();
            assert!(
                error.to_string().contains(&format!("no {missing},")),
                "{error}"
            );
        }
        let (_dir, tree) = kernel(&needed, &[]);
        let error = select(&tree, RELEASE, MachineKind::Qemu, &[Role::Guest], &vexfs).unwrap_err();
        assert!(format!("{error:#}").starts_with("vexfs.ko cannot be loaded: "));
    }

    #[test]
    fn user_mode_linux_needs_no_port_and_has_no_disks_to_boot_from() {
        let vexfs = Modinfo::of(&fixtures::module(&[])).unwrap();
        let (_dir, tree) = kernel(&["ext4", "fuse"], &[]);
        let on = |machine, role| select(&tree, RELEASE, machine, &[Role::Guest, role], &vexfs);
        assert!(on(MachineKind::Uml, Role::Peers).unwrap().is_empty());
        let error = on(MachineKind::Uml, Role::Disks).unwrap_err().to_string();
        assert_eq!(error, "a guest of the machine uml has no role disks");
        let error = on(MachineKind::Qemu, Role::Peers).unwrap_err().to_string();
        assert!(error.contains("no virtio_pci,"), "{error}");
    }
}
