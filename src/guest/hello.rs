// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first message of a guest.

use anyhow::Result;
use nix::sys::utsname::uname;

use crate::protocol::{Message, VERSION};

/// The first message of a run of this name.
pub fn of(run_id: &str) -> Result<Message> {
    Ok(Message::Hello {
        protocol: VERSION,
        run_id: run_id.to_owned(),
        kernel_release: uname()?.release().to_string_lossy().into_owned(),
        toolkit_version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}
