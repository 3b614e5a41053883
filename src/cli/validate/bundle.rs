// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate bundle`

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::output::{print_json, print_line, tell};
use crate::bundle::Bundle;
use crate::bundle::assemble::{Parts, Provenance, assemble};
use crate::bundle::debian::{self, DebianKernel, Pin};
use crate::bundle::guest_modules::Role;
use crate::bundle::machine_kind::MachineKind;
use crate::bundle::manifest::Manifest;
use crate::bundle::source_tree::SourceTree;
use crate::bundle::uml_kernel::{Flavour, UmlKernel};
use crate::bundle::{guest_program, kernel_module, suite_programs};

/// Build the module, the guest's program and the initramfs, and put them with a pinned kernel into one directory
///
/// The kernels for `--machine uml` and `uml-debug` are built from the pinned sources. That takes some minutes, once.
#[derive(Debug, clap::Args)]
pub struct BundleArgs {
    /// What boots the bundle
    #[arg(long, value_enum, default_value = "qemu")]
    machine: MachineKind,
    /// Which of the kernels in vm/kernels; User-Mode Linux is built from the default one's sources
    #[arg(long, value_name = "NAME", default_value = debian::DEFAULT)]
    kernel: String,
    /// Where to put the bundle [default: in the checkout out/bundle, or out/uml-bundle for User-Mode Linux and
    /// out/debug-bundle for its debug kernel; out/bundle-NAME with another kernel than the default one]
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
        let default = match self.machine {
            MachineKind::Uml => "out/uml-bundle".to_owned(),
            MachineKind::UmlDebug => "out/debug-bundle".to_owned(),
            MachineKind::Qemu if self.kernel == debian::DEFAULT => "out/bundle".to_owned(),
            MachineKind::Qemu => format!("out/bundle-{}", self.kernel),
        };
        let out = self.out.unwrap_or_else(|| tree.root().join(default));
        let module_source = self.module_source.unwrap_or_else(|| tree.module_source());
        let tell = |line: &str| tell(&format!("bundle: {line}"));

        let pin = Pin::named(&tree, &self.kernel)?;
        let parts = parts(&tree, pin, self.machine, self.roles, &module_source, &tell)?;
        let bundle = assemble(&parts, &out)?;
        print(&bundle, self.json)
    }
}

/// Builds what is not in the cache.
fn parts(
    tree: &SourceTree,
    pin: Pin,
    machine: MachineKind,
    roles: Vec<Role>,
    module_source: &Path,
    tell: &dyn Fn(&str),
) -> anyhow::Result<Parts> {
    let (kernel_image, kernel_modules, kernel_tree, kernel) = match machine {
        MachineKind::Qemu => {
            let kernel = DebianKernel::obtain(pin, &tree.cache(), tell)?;
            let record = kernel.record()?;
            (kernel.image(), kernel.modules(), kernel.tree(), record)
        }
        MachineKind::Uml | MachineKind::UmlDebug => {
            let flavour = match machine {
                MachineKind::UmlDebug => Flavour::Debug,
                MachineKind::Qemu | MachineKind::Uml => Flavour::Plain,
            };
            let kernel = UmlKernel::obtain(pin, flavour, tree, tell)?;
            let record = kernel.record()?;
            (kernel.image(), kernel.modules(), kernel.tree(), record)
        }
    };
    let module = kernel_module::build(&kernel_tree, module_source, &tree.cache(), tell)?;
    let guest = guest_program::build(tree, tell)?;
    let suites = roles.contains(&Role::Suites);
    let suites = suites.then(|| suite_programs::build(tree, tell));
    Ok(Parts {
        machine,
        kernel_image,
        kernel_modules,
        roles,
        module: module.path,
        guest_program: guest.path,
        suites: suites.transpose()?,
        provenance: Provenance {
            kernel,
            module_compiler: module.compiler,
            guest_compiler: guest.compiler,
        },
    })
}

/// Prints which bundle was made.
pub fn print(bundle: &Bundle, json: bool) -> anyhow::Result<()> {
    if json {
        let printed = Printed {
            id: bundle.id(),
            manifest: bundle.manifest(),
        };
        print_json(&printed)
    } else {
        print_line(&format!(
            "{}: bundle {}",
            bundle.dir().display(),
            bundle.id()
        ))
    }
}
