// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tells whether this machine is a virtual one, as its CPU says or its kernel.

use std::arch::x86_64::__cpuid;

use super::cpu::CpuInfo;

/// The vendor of the CPU that User-Mode Linux names in `/proc/cpuinfo`.
const USER_MODE_LINUX: &str = "User Mode Linux";

/// Whether the kernel is a process of a host: CPUID is the host's then.
pub fn is_user_mode_linux() -> bool {
    CpuInfo::read().is_ok_and(|cpu| cpu.vendor().is_ok_and(|vendor| vendor == USER_MODE_LINUX))
}

/// Whether the CPU says that a hypervisor is there (CPUID leaf 1, ECX bit 31), or the kernel is User-Mode Linux.
pub fn is_present() -> bool {
    is_user_mode_linux() || __cpuid(1).ecx >> 31 == 1
}

/// The twelve characters in EBX, ECX and EDX of the first hypervisor leaf, such as `KVMKVMKVM`; none on bare metal.
pub fn vendor() -> Option<String> {
    if is_user_mode_linux() {
        return Some(USER_MODE_LINUX.to_owned());
    }
    is_present().then(|| {
        let leaf = __cpuid(0x4000_0000);
        let bytes: Vec<u8> = [leaf.ebx, leaf.ecx, leaf.edx]
            .into_iter()
            .flat_map(u32::to_le_bytes)
            .filter(|&byte| byte != 0)
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
