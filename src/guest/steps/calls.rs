// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures what calls cost in this guest that do nothing.

use anyhow::Result;

use crate::client::Place;
use crate::exercise::calls;
use crate::guest::mounts::{Mounted, Store};
use crate::guest::steps::context::Context;
use crate::protocol::results::{Call, Calls};

pub fn observe(context: &Context) -> Result<Calls> {
    let store = Store::new()?;
    let lower = store.part(Place::InProcess)?;
    let kernel = Mounted::new(Place::Kernel, &store.part(Place::Kernel)?)?;
    let fuse = Mounted::new(Place::Fuse, &store.part(Place::Fuse)?)?;
    let asked = [
        (Call::Clock, None),
        (Call::Null, None),
        (Call::Ioctl, Some(lower.as_path())),
        (Call::IoctlKernel, Some(kernel.root())),
        (Call::IoctlFuse, Some(fuse.root())),
    ];
    let calls = calls::measure(&asked, context.plan.runs);
    kernel.unmount()?;
    fuse.unmount()?;
    Ok(calls)
}
