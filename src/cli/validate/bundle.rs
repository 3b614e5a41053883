// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate bundle`

use std::path::PathBuf;

use serde::Serialize;

use crate::bundle::Bundle;
use crate::bundle::assemble::{Parts, Provenance, assemble};
use crate::bundle::debian::{DebianKernel, Pin};
use crate::bundle::guest_modules::Role;
use crate::bundle::manifest::Manifest;
use crate::bundle::source_tree::SourceTree;
use crate::bundle::{guest_program, kernel_module};

/// Build the module, the guest's program and the initramfs, and put them with the pinned kernel into one directory
#[derive(Debug, clap::Args)]
pub struct BundleArgs {
    /// Where to put the bundle [default: out/bundle in the checkout]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Build the module from another directory than kernel/
    #[arg(long, value_name = "DIR")]
    module_source: Option<PathBuf>,
    /// What the guest is for, besides validation: it loads the modules that this needs (vm/guest-modules.json)
    #[arg(long = "role", value_name = "ROLE", value_enum)]
    roles: Vec<Role>,
    /// Print the manifest as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Printed<'a> {
    id: &'a str,
    #[serde(flatten)]
    manifest: &'a Manifest,
}

impl BundleArgs {
    pub fn run(self) -> anyhow::Result<()> {
        let tree = SourceTree::find()?;
        let out = self.out.unwrap_or_else(|| tree.root().join("out/bundle"));
        let module_source = self.module_source.unwrap_or_else(|| tree.module_source());
        let tell = |line: &str| eprintln!("bundle: {line}");

        let kernel = DebianKernel::obtain(Pin::read(&tree.kernel_pin())?, &tree.cache(), &tell)?;
        let module = kernel_module::build(&kernel, &module_source, &tree.cache(), &tell)?;
        let guest = guest_program::build(&tree, &tell)?;
        let bundle = assemble(
            &Parts {
                kernel_image: kernel.image(),
                kernel_modules: kernel.modules(),
                roles: self.roles,
                module: module.path,
                guest_program: guest.path,
                provenance: Provenance {
                    kernel: kernel.record()?,
                    module_compiler: module.compiler,
                    guest_compiler: guest.compiler,
                },
            },
            &out,
        )?;

        print(&bundle, self.json)
    }
}

/// Prints which bundle was made.
pub fn print(bundle: &Bundle, json: bool) -> anyhow::Result<()> {
    if json {
        let printed = Printed {
            id: bundle.id(),
            manifest: bundle.manifest(),
        };
        println!("{}", serde_json::to_string_pretty(&printed)?);
    } else {
        println!("{}: bundle {}", bundle.dir().display(), bundle.id());
    }
    Ok(())
}
