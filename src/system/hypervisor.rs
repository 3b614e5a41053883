// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tells whether this machine is a virtual one, as its CPU says.

use std::arch::x86_64::__cpuid;

/// Whether the CPU says that a hypervisor is there: CPUID leaf 1, ECX bit 31.
pub fn is_present() -> bool {
    __cpuid(1).ecx >> 31 == 1
}

/// The twelve characters in EBX, ECX and EDX of the first hypervisor leaf, such as `KVMKVMKVM`; none on bare metal.
pub fn vendor() -> Option<String> {
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
