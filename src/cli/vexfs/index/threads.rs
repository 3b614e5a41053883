// SPDX-License-Identifier: MIT OR Apache-2.0
//! How many threads a command uses.

use std::num::NonZero;

#[derive(clap::Args)]
pub struct Threads {
    /// Threads that work; by default one for each processor.
    #[arg(long)]
    threads: Option<NonZero<usize>>,
}

impl Threads {
    pub fn count(&self) -> usize {
        self.threads
            .or(std::thread::available_parallelism().ok())
            .map_or(1, NonZero::get)
    }
}
