// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel says about the CPU of this machine.

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

    /// The model name of the CPU.
    pub fn model(&self) -> Result<&str> {
        self.first("model name")
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
    Ok(CpuInfo::read()?.model()?.to_owned())
}
