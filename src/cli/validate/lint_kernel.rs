// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate lint-kernel`

use std::path::PathBuf;

use super::output::{print_line, tell};
use crate::bundle::debian::{self, DebianKernel, Pin};
use crate::bundle::kernel_module;
use crate::bundle::machine_kind::MachineKind;
use crate::bundle::source_tree::SourceTree;
use crate::bundle::uml_kernel::{Flavour, UmlKernel};

/// Check the module's sources with W=1, sparse and checkpatch.pl --strict, against the pinned kernels
#[derive(Debug, clap::Args)]
pub struct LintKernelArgs {
    /// Against the kernels of which machine
    #[arg(long, value_enum, default_value = "qemu")]
    machine: MachineKind,
    /// Against one of the kernels in vm/kernels [default: all that this machine has]
    #[arg(long, value_name = "NAME")]
    kernel: Option<String>,
    /// Check another directory than kernel/
    #[arg(long, value_name = "DIR")]
    module_source: Option<PathBuf>,
}

impl LintKernelArgs {
    pub fn run(self) -> anyhow::Result<()> {
        let tree = SourceTree::find()?;
        let source = self.module_source.unwrap_or_else(|| tree.module_source());
        let tell = |line: &str| tell(&format!("lint-kernel: {line}"));
        let cache = tree.cache();
        let checkpatch = Pin::named(&tree, debian::DEFAULT)?.checkpatch(&cache, &tell)?;
        let names = match (self.kernel, self.machine) {
            (Some(name), _) => vec![name],
            (None, MachineKind::Qemu) => debian::names(&tree)?,
            (None, MachineKind::Uml | MachineKind::UmlDebug) => vec![debian::DEFAULT.to_owned()],
        };
        for name in names {
            let pin = Pin::named(&tree, &name)?;
            let kernel = match self.machine {
                MachineKind::Qemu => DebianKernel::obtain(pin, &cache, &tell)?.tree(),
                MachineKind::Uml => UmlKernel::obtain(pin, Flavour::Plain, &tree, &tell)?.tree(),
                MachineKind::UmlDebug => {
                    UmlKernel::obtain(pin, Flavour::Debug, &tree, &tell)?.tree()
                }
            };
            kernel_module::check(&kernel, &checkpatch, &source, &cache, &tell)?;
            print_line(&format!("{}: clean with Linux {name}", source.display()))?;
        }
        Ok(())
    }
}
