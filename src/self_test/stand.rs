// SPDX-License-Identifier: MIT OR Apache-2.0
//! What all bundles of a self-test have in common: everything but the module.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::bundle::Bundle;
use crate::bundle::assemble::{Parts, Provenance, assemble};
use crate::bundle::debian::{self, Pin};
use crate::bundle::guest_modules::Role;
use crate::bundle::kernel_tree::KernelTree;
use crate::bundle::machine_kind::MachineKind;
use crate::bundle::source_tree::SourceTree;
use crate::bundle::uml_kernel::{Flavour, UmlKernel};
use crate::bundle::{guest_program, kernel_module, suite_programs};

pub struct Stand {
    machine: MachineKind,
    kernel_image: PathBuf,
    kernel_modules: PathBuf,
    kernel_tree: KernelTree,
    guest_program: PathBuf,
    suites: PathBuf,
    provenance: Provenance,
    cache: PathBuf,
}

impl Stand {
    /// Builds what is not there yet: the machine's kernel and the guest's program.
    pub fn prepare(tree: &SourceTree, machine: MachineKind, tell: &dyn Fn(&str)) -> Result<Stand> {
        let pin = Pin::named(tree, debian::DEFAULT)?;
        let flavour = match machine {
            MachineKind::Uml => Flavour::Plain,
            MachineKind::UmlDebug => Flavour::Debug,
            MachineKind::Qemu => {
                bail!("mutants are for User-Mode Linux: QEMU takes minutes for each")
            }
        };
        let kernel = UmlKernel::obtain(pin, flavour, tree, tell)?;
        let guest = guest_program::build(tree, tell)?;
        let kernel_tree = kernel.tree();
        Ok(Stand {
            machine,
            kernel_image: kernel.image(),
            kernel_modules: kernel.modules(),
            guest_program: guest.path,
            suites: suite_programs::build(tree, tell)?,
            provenance: Provenance {
                kernel: kernel.record()?,
                module_compiler: kernel_module::compiler_version(&kernel_tree.compiler)?,
                guest_compiler: guest.compiler,
            },
            kernel_tree,
            cache: tree.cache(),
        })
    }

    /// A directory for what is built, on the disk of the build: a bundle is large.
    pub fn scratch(&self) -> Result<tempfile::TempDir> {
        tempfile::tempdir_in(&self.cache).context("cannot create a directory")
    }

    /// A bundle in `out` with the module from these sources.
    pub fn bundle(&self, module_source: &Path, out: &Path) -> Result<Bundle> {
        let module = kernel_module::build(&self.kernel_tree, module_source, &self.cache, &|_| ())?;
        let parts = Parts {
            machine: self.machine,
            kernel_image: self.kernel_image.clone(),
            kernel_modules: self.kernel_modules.clone(),
            roles: vec![Role::Suites],
            module: module.path,
            guest_program: self.guest_program.clone(),
            suites: Some(self.suites.clone()),
            provenance: self.provenance.clone(),
        };
        assemble(&parts, out)
    }
}
