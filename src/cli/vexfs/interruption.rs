// SPDX-License-Identifier: MIT OR Apache-2.0
//! Notices that somebody wants a command to end, so that it ends in an orderly way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::system::signals;

/// Whether a signal has asked for the end.
pub struct Interruption(Arc<AtomicBool>);

/// The command was ended by a signal.
#[derive(Debug, thiserror::Error)]
#[error("interrupted; what was not whole yet was not written")]
pub struct Interrupted;

impl Interruption {
    /// Begins to watch. A second signal ends the process at once.
    pub fn watch() -> anyhow::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in signals::not_ignored(&[SIGINT, SIGTERM, SIGHUP]) {
            // In this order: the first one finds the flag not yet set.
            signal_hook::flag::register_conditional_default(signal, asked.clone())
                .and_then(|_| signal_hook::flag::register(signal, asked.clone()))
                .context("signals cannot be handled")?;
        }
        Ok(Interruption(asked))
    }

    /// Fails once a signal has asked for the end.
    pub fn check(&self) -> Result<(), Interrupted> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(Interrupted),
            false => Ok(()),
        }
    }
}
