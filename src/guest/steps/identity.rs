// SPDX-License-Identifier: MIT OR Apache-2.0
//! What this machine is.

use anyhow::{Context, Result};
use nix::sys::utsname::uname;

use crate::guest::drivers;
use crate::guest::hypervisor;
use crate::guest::results::Identity;
use crate::guest::system::{meminfo_kib, read_trimmed, taint};

pub fn observe() -> Result<Identity> {
    let kernel = uname()?;
    let cpuinfo = cpuinfo()?;
    Ok(Identity {
        hypervisor: hypervisor::is_present(),
        hypervisor_vendor: hypervisor::vendor(),
        dmi_vendor: read_trimmed("/sys/class/dmi/id/sys_vendor").ok(),
        dmi_product: read_trimmed("/sys/class/dmi/id/product_name").ok(),
        kernel_release: kernel.release().to_string_lossy().into_owned(),
        kernel_version: kernel.version().to_string_lossy().into_owned(),
        command_line: read_trimmed("/proc/cmdline")?,
        cpus: u32::try_from(cpu_fields(&cpuinfo, "processor").count())?,
        cpu_model: first_cpu_field(&cpuinfo, "model name")?.to_owned(),
        cpu_flags: first_cpu_field(&cpuinfo, "flags")?
            .split(' ')
            .map(str::to_owned)
            .collect(),
        memory_kib: meminfo_kib(&read_trimmed("/proc/meminfo")?, "MemTotal")?,
        clocksource: read_trimmed(
            "/sys/devices/system/clocksource/clocksource0/current_clocksource",
        )?,
        modules: drivers::loaded()?,
        taint: taint()?,
    })
}

/// What the CPU of this machine calls itself.
pub fn cpu_model() -> Result<String> {
    Ok(first_cpu_field(&cpuinfo()?, "model name")?.to_owned())
}

fn cpuinfo() -> Result<String> {
    read_trimmed("/proc/cpuinfo")
}

fn cpu_fields<'a>(cpuinfo: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    cpuinfo.lines().filter_map(move |line| {
        let (key, value) = line.split_once(':')?;
        (key.trim_end() == name).then(|| value.trim())
    })
}

fn first_cpu_field<'a>(cpuinfo: &'a str, name: &str) -> Result<&'a str> {
    cpu_fields(cpuinfo, name)
        .next()
        .with_context(|| format!("/proc/cpuinfo has no {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_machine_can_be_described() {
        let identity = observe().unwrap();
        assert!(identity.cpus > 0 && identity.memory_kib > 0);
        assert!(identity.cpu_flags.iter().any(|flag| flag == "sse2"));
        assert_eq!(
            identity.hypervisor,
            identity.cpu_flags.iter().any(|flag| flag == "hypervisor")
        );
    }
}
