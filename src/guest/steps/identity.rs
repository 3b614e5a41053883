// SPDX-License-Identifier: MIT OR Apache-2.0
//! What this machine is.

use anyhow::Result;
use nix::sys::utsname::uname;

use crate::guest::drivers;
use crate::protocol::results::Identity;
use crate::system::cpu::CpuInfo;
use crate::system::hypervisor;
use crate::system::proc::{meminfo_kib, read_trimmed, taint};

pub fn observe() -> Result<Identity> {
    let kernel = uname()?;
    let cpu = CpuInfo::read()?;
    Ok(Identity {
        hypervisor: hypervisor::is_present(),
        hypervisor_vendor: hypervisor::vendor(),
        dmi_vendor: read_trimmed("/sys/class/dmi/id/sys_vendor").ok(),
        dmi_product: read_trimmed("/sys/class/dmi/id/product_name").ok(),
        kernel_release: kernel.release().to_string_lossy().into_owned(),
        kernel_version: kernel.version().to_string_lossy().into_owned(),
        command_line: read_trimmed("/proc/cmdline")?,
        cpus: u32::try_from(cpu.cpus())?,
        cpu_model: cpu.model()?,
        cpu_flags: cpu.flags()?.map(str::to_owned).collect(),
        memory_kib: meminfo_kib(&read_trimmed("/proc/meminfo")?, "MemTotal")?,
        clocksource: read_trimmed(
            "/sys/devices/system/clocksource/clocksource0/current_clocksource",
        )?,
        modules: drivers::loaded()?,
        taint: taint()?,
    })
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
