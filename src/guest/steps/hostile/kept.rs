// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel keeps while nothing is mounted.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::guest::kmod;
use crate::protocol::hostile::Kept;
use crate::system::deadline::{doze, wait_for};
use crate::system::proc::{meminfo_kib, read_trimmed, slab_objects};

/// How long the kernel may take to free what is free: it waits for RCU.
const SOON: Duration = Duration::from_secs(2);

/// Looks, and leaves the module loaded anew.
pub fn look() -> Result<Kept> {
    let references = read_trimmed(format!("/sys/module/{}/refcnt", kmod::NAME))?.parse()?;
    let objects = objects()?;
    kmod::unload()?;
    // Files are closed, and vmalloc is given back, somewhat later.
    doze(Duration::from_millis(200));
    fs::write("/proc/sys/vm/drop_caches", "3").context("cannot drop caches")?;
    let meminfo = read_trimmed("/proc/meminfo")?;
    let kib = |name| meminfo_kib(&meminfo, name);
    let open_files = read_trimmed("/proc/sys/fs/file-nr")?;
    let open_files = open_files.split_whitespace().next();
    let kept = Kept {
        references,
        objects,
        unreclaimable_kib: kib("SUnreclaim")? + kib("VmallocUsed")?,
        shared_kib: kib("Shmem")?,
        open_files: open_files.context("no number of open files")?.parse()?,
        locks: read_trimmed("/proc/locks")?.lines().count() as u64,
    };
    kmod::load()?;
    Ok(kept)
}

/// Objects of the module's slab caches, once those that are free are no longer counted with their slabs.
fn objects() -> Result<u64> {
    let none = wait_for("the end of the module's objects", SOON, || {
        for cache in fs::read_dir("/sys/kernel/slab")
            .into_iter()
            .flatten()
            .flatten()
        {
            if cache.file_name().to_string_lossy().contains(kmod::NAME) {
                let shrink = Path::new(&cache.path()).join("shrink");
                fs::write(&shrink, "1").with_context(|| shrink.display().to_string())?;
            }
        }
        let objects = slab_objects(kmod::NAME)?;
        Ok((objects == 0).then_some(objects))
    });
    none.or_else(|_| slab_objects(kmod::NAME))
}
