// SPDX-License-Identifier: MIT OR Apache-2.0
//! The n-th allocation of a thread fails, of those alone that have the module on their stack
//! (`Documentation/fault-injection/fault-injection.rst`).

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use object::{Object, ObjectSection};

use crate::guest::kmod;
use crate::system::proc::read_trimmed;

/// The kernel's injectors of failed allocations: of slabs, and of pages.
const INJECTORS: [&str; 2] = ["failslab", "fail_page_alloc"];

/// How deep in the stack the module is looked for: as deep as the kernel can.
const DEPTH: &str = "32";

/// Confines failures to allocations that the loaded module has part in.
pub fn of_the_module() -> Result<()> {
    let (start, end) = text_of_module()?;
    for injector in INJECTORS {
        let dir = Path::new("/sys/kernel/debug").join(injector);
        ensure!(
            dir.is_dir(),
            "there is no {}: this kernel injects no faults",
            dir.display()
        );
        let mut settings = vec![
            ("verbose", "0".to_owned()),
            // Most of ours may sleep, and fail all the same.
            ("ignore-gfp-wait", "N".to_owned()),
            ("stacktrace-depth", DEPTH.to_owned()),
            ("require-start", format!("{start:#x}")),
            ("require-end", format!("{end:#x}")),
        ];
        if injector == "fail_page_alloc" {
            settings.push(("ignore-gfp-highmem", "N".to_owned()));
            settings.push(("min-order", "0".to_owned()));
        }
        for (name, value) in settings {
            let path = dir.join(name);
            fs::write(&path, value).with_context(|| format!("cannot set {}", path.display()))?;
        }
    }
    Ok(())
}

/// The first address of the loaded module's code, and the one behind its last.
fn text_of_module() -> Result<(u64, u64)> {
    let file = fs::read(kmod::PATH).with_context(|| format!("cannot read {}", kmod::PATH))?;
    let elf = object::File::parse(&*file).context("the module is no ELF file")?;
    let (mut start, mut end) = (u64::MAX, 0);
    for section in elf.sections() {
        let name = section.name().unwrap_or_default();
        // The code of the module's start is gone by now.
        let path = format!("/sys/module/{}/sections/{name}", kmod::NAME);
        if !name.starts_with(".text") || !Path::new(&path).exists() {
            continue;
        }
        let address = read_trimmed(&path)?;
        let address = u64::from_str_radix(address.trim_start_matches("0x"), 16)
            .with_context(|| format!("{path} is no address: {address}"))?;
        start = start.min(address);
        end = end.max(address + section.size());
    }
    ensure!(start < end, "nobody knows where the module's code is");
    Ok((start, end))
}

/// The counter of this thread.
pub struct Counter(File);

impl Counter {
    pub fn of_this_thread() -> Result<Counter> {
        let path = "/proc/thread-self/fail-nth";
        let file = File::options().read(true).write(true).open(path);
        Ok(Counter(
            file.with_context(|| format!("cannot open {path}"))?,
        ))
    }

    /// Lets the `n`-th allocation within `work` fail. The second answer says whether there was one.
    pub fn failing<T>(&self, n: u32, work: impl FnOnce() -> T) -> Result<(T, bool)> {
        self.set(n)?;
        let result = work();
        let left = self.left();
        self.set(0)?;
        Ok((result, left? == 0))
    }

    fn set(&self, n: u32) -> Result<()> {
        self.0
            .write_all_at(n.to_string().as_bytes(), 0)
            .context("cannot set the number of the allocation that fails")
    }

    fn left(&self) -> Result<u32> {
        let mut text = [0; 16];
        let length = self.0.read_at(&mut text, 0)?;
        let text = String::from_utf8_lossy(&text[..length]);
        text.trim()
            .parse()
            .with_context(|| format!("`{text}` is no number of allocations"))
    }
}
