// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the messages of a run go.

use anyhow::Result;

use crate::protocol::Message;

/// Takes the messages in their order, and has them safe when it returns.
pub trait Outlet {
    fn send(&mut self, message: &Message) -> Result<()>;
}
