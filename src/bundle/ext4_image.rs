// SPDX-License-Identifier: MIT OR Apache-2.0
//! An empty ext4 for the guest, whose programs cannot make one.

use std::fs;

use anyhow::{Context, Result};

use super::e2fsprogs;

const SIZE: &str = "16M";
const UUID: &str = "3c0c1d8e-5b0f-4f0e-9a55-1f7d1b0e6a02";
const HASH_SEED: &str = "7a6f2f0e-0d3b-4c63-8f5e-2b7c9d4e1f30";

/// Makes its bytes, which are equal for one version of e2fsprogs.
pub fn make() -> Result<Vec<u8>> {
    let work = tempfile::tempdir().context("no temporary directory can be made")?;
    let path = work.path().join("ext4");
    let mut format = e2fsprogs::command("mke2fs");
    format
        .args(["-q", "-F", "-t", "ext4", "-m", "5", "-b", "4096"])
        .args(["-O", "^metadata_csum", "-J", "size=4", "-I", "256"])
        .args(["-U", UUID, "-E"])
        .arg(format!(
            "hash_seed={HASH_SEED},root_owner=0:0,lazy_itable_init=0,nodiscard"
        ))
        .arg(&path)
        .arg(SIZE);
    e2fsprogs::run(&mut format, None)?;
    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_are_equal() {
        let image = make().unwrap();
        assert_eq!(image.len(), 16 << 20);
        assert!(image == make().unwrap());
    }
}
