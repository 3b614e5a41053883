// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that what ran is what was bundled, on the machine that was asked for.

use super::evaluation::Evaluated;
use crate::criteria::Criterion;
use crate::criteria::check::Finding;
use crate::protocol::Accelerator;
use crate::verdict::evidence::Evidence;

pub fn bundle_intact(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let manifest = evidence.manifest()?;
    Ok(Finding::pass(format!(
        "{} files, kernel {}",
        manifest.files.len(),
        manifest.kernel.release
    )))
}

pub fn accelerator(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let machine = evidence.machine()?;
    let booted = evidence.guest.hello.is_some();
    let vehicle = match (machine.accelerator, &machine.qemu) {
        (Some(accelerator), Some(qemu)) => format!("{accelerator} on QEMU {qemu}"),
        (Some(Accelerator::Uml), None) => "uml, the bundle's own kernel".to_owned(),
        _ => return Err(Finding::skipped("nobody chose the machine")),
    };
    if let (false, Some(excuse)) = (booted, &evidence.guest.excuse) {
        return Err(Finding::could_not_run(excuse));
    }
    Ok(Finding::judge(
        booted,
        format!("{vehicle}: {}", machine.reason),
    ))
}

pub fn guest(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let identity = evidence.guest.identity()?;
    let manifest = evidence.manifest()?;
    let packed = manifest.guest.modules.iter().map(|module| &module.name);
    if !identity.modules.iter().eq(packed.clone()) {
        return Ok(Finding::fail(format!(
            "the guest had loaded {:?}, its bundle holds {:?}",
            identity.modules,
            packed.collect::<Vec<_>>()
        )));
    }
    let wanted = &manifest.kernel.release;
    let vendor = identity.hypervisor_vendor.as_deref().unwrap_or("unnamed");
    Ok(Finding::judge(
        identity.hypervisor && identity.kernel_release == *wanted,
        format!(
            "{}, kernel {}, {} of its modules, {} MiB, {} CPU, clock {}",
            if identity.hypervisor {
                format!("hypervisor {vendor}")
            } else {
                "no hypervisor".into()
            },
            identity.kernel_release,
            identity.modules.len(),
            identity.memory_kib / 1024,
            identity.cpus,
            identity.clocksource
        ),
    ))
}
