// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate lint-kernel`

use std::path::PathBuf;

use crate::bundle::debian::{DebianKernel, Pin};
use crate::bundle::kernel_module;
use crate::bundle::source_tree::SourceTree;

/// Check the module's sources with W=1, sparse and checkpatch.pl --strict, against the pinned kernel
#[derive(Debug, clap::Args)]
pub struct LintKernelArgs {
    /// Check another directory than kernel/
    #[arg(long, value_name = "DIR")]
    module_source: Option<PathBuf>,
}

impl LintKernelArgs {
    pub fn run(self) -> anyhow::Result<()> {
        let tree = SourceTree::find()?;
        let source = self.module_source.unwrap_or_else(|| tree.module_source());
        let tell = |line: &str| eprintln!("lint-kernel: {line}");
        let kernel = DebianKernel::obtain(Pin::read(&tree.kernel_pin())?, &tree.cache(), &tell)?;
        kernel_module::check(&kernel, &source, &tree.cache(), &tell)?;
        println!("{}: clean", source.display());
        Ok(())
    }
}
