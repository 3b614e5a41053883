// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lets what the module asks of the kernel fail, one thing at a time: each allocation of each operation, reads of the
//! disk beneath, and room on it. Only a kernel with fault injection can (`vm/debug.config`).

mod allocation;
mod disk;
mod operations;
mod searched;

use anyhow::Result;

use super::context::Context;
use crate::guest::{debugfs, kmod};
use crate::protocol::results::Failing;

pub(super) fn observe(context: &Context) -> Result<Failing> {
    kmod::ensure_loaded()?;
    debugfs::ensure_mounted()?;
    allocation::of_the_module()?;
    Ok(Failing {
        operations: operations::starve_all(context)?,
        disk: disk::cases(context)?,
    })
}
