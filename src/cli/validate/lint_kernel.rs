// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate lint-kernel`

use std::path::PathBuf;

use crate::bundle::debian::{DebianKernel, Pin};
use crate::bundle::kernel_module;
use crate::bundle::machine_kind::MachineKind;
use crate::bundle::source_tree::SourceTree;
use crate::bundle::uml_kernel::UmlKernel;

/// Check the module's sources with W=1, sparse and checkpatch.pl --strict, against a kernel of the pinned sources
#[derive(Debug, clap::Args)]
pub struct LintKernelArgs {
    /// Against which of the kernels
    #[arg(long, value_enum, default_value = "qemu")]
    machine: MachineKind,
    /// Check another directory than kernel/
    #[arg(long, value_name = "DIR")]
    module_source: Option<PathBuf>,
}

impl LintKernelArgs {
    pub fn run(self) -> anyhow::Result<()> {
        let tree = SourceTree::find()?;
        let source = self.module_source.unwrap_or_else(|| tree.module_source());
        let tell = |line: &str| eprintln!("lint-kernel: {line}");
        let pin = Pin::read(&tree.kernel_pin())?;
        let checkpatch = pin.checkpatch(&tree.cache(), &tell)?;
        let kernel = match self.machine {
            MachineKind::Qemu => DebianKernel::obtain(pin, &tree.cache(), &tell)?.tree(),
            MachineKind::Uml => UmlKernel::obtain(pin, &tree, &tell)?.tree(),
        };
        kernel_module::check(&kernel, &checkpatch, &source, &tree.cache(), &tell)?;
        println!("{}: clean", source.display());
        Ok(())
    }
}
