// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel says about the CPU of this machine.

use std::arch::x86_64::__cpuid;

use anyhow::{Context, Result};

use super::proc::read_trimmed;

/// The content of `/proc/cpuinfo`.
pub struct CpuInfo(String);

impl CpuInfo {
    pub fn read() -> Result<CpuInfo> {
        Ok(CpuInfo(read_trimmed("/proc/cpuinfo")?))
    }

    pub fn cpus(&self) -> usize {
        self.fields("processor").count()
    }

    pub fn vendor(&self) -> Result<&str> {
        self.first("vendor_id")
    }

    /// The model name of the CPU. User-Mode Linux names itself there, so the CPU is asked.
    pub fn model(&self) -> Result<String> {
        match self.first("model name")? {
            "UML" => brand().context("the CPU has no brand string"),
            name => Ok(name.to_owned()),
        }
    }

    pub fn flags(&self) -> Result<impl Iterator<Item = &str>> {
        Ok(self.first("flags")?.split(' '))
    }

    fn fields(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.lines().filter_map(move |line| {
            let (key, value) = line.split_once(':')?;
            (key.trim_end() == name).then(|| value.trim())
        })
    }

    fn first(&self, name: &str) -> Result<&str> {
        self.fields(name)
            .next()
            .with_context(|| format!("/proc/cpuinfo has no {name}"))
    }
}

/// The model name of this machine's CPU.
pub fn model() -> Result<String> {
    CpuInfo::read()?.model()
}

/// The brand string of CPUID leaves 0x80000002 to 0x80000004, as Linux shows it for the model name.
fn brand() -> Option<String> {
    if __cpuid(0x8000_0000).eax < 0x8000_0004 {
        return None;
    }
    let bytes: Vec<u8> = (0x8000_0002..=0x8000_0004)
        .map(__cpuid)
        .flat_map(|leaf| [leaf.eax, leaf.ebx, leaf.ecx, leaf.edx])
        .flat_map(u32::to_le_bytes)
        .take_while(|&byte| byte != 0)
        .collect();
    Some(String::from_utf8_lossy(&bytes).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brand_string_is_what_the_kernel_shows() {
        assert_eq!(brand().unwrap(), model().unwrap());
        let uml = CpuInfo("vendor_id\t: User Mode Linux\nmodel name\t: UML\n".to_owned());
        assert_eq!(uml.model().unwrap(), brand().unwrap());
    }
}
