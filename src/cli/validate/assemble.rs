// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate assemble`

use std::path::PathBuf;

use crate::bundle::assemble::{Parts, Provenance, assemble};
use crate::bundle::guest_modules::Role;
use crate::bundle::machine_kind::MachineKind;

use super::bundle;

/// Make a bundle from a kernel, a module and a guest program that are built already
///
/// This needs no checkout, no network and no root. The same parts give the same bundle, wherever and whenever.
#[derive(Debug, clap::Args)]
pub struct AssembleArgs {
    /// What boots the bundle
    #[arg(long, value_enum, default_value = "qemu")]
    machine: MachineKind,
    /// The kernel image (bzImage), or for User-Mode Linux the program `linux`
    #[arg(long, value_name = "FILE")]
    kernel: PathBuf,
    /// The kernel's own modules: the directory lib/modules/RELEASE, with modules.builtin in it
    #[arg(long, value_name = "DIR")]
    modules: PathBuf,
    /// vexfs.ko, not compressed, built for that kernel
    #[arg(long, value_name = "FILE")]
    module: PathBuf,
    /// vexfs-init, linked statically
    #[arg(long, value_name = "FILE")]
    init: PathBuf,
    /// A directory with the programs of the POSIX suites, linked statically, for the role suites
    #[arg(long, value_name = "DIR")]
    suites: Option<PathBuf>,
    /// JSON that says where the parts come from (docs/bundle.md)
    #[arg(long, value_name = "FILE")]
    provenance: PathBuf,
    /// Where to put the bundle
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the guest is for, besides validation: it loads the modules that this needs (vm/guest-modules.json)
    #[arg(long = "role", value_name = "ROLE", value_enum)]
    roles: Vec<Role>,
    /// Print the manifest as JSON
    #[arg(long)]
    json: bool,
}

impl AssembleArgs {
    pub fn run(self) -> anyhow::Result<()> {
        let parts = Parts {
            machine: self.machine,
            kernel_image: self.kernel,
            kernel_modules: self.modules,
            roles: self.roles,
            module: self.module,
            guest_program: self.init,
            suites: self.suites,
            provenance: Provenance::read(&self.provenance)?,
        };
        bundle::print(&assemble(&parts, &self.out)?, self.json)
    }
}
