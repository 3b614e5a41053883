// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the messages of a run go.

use anyhow::Result;

use crate::protocol::Message;

/// Takes the messages of a run in their order. When it returns, a message is safe.
pub trait Outlet {
    fn send(&mut self, message: &Message) -> Result<()>;
}
