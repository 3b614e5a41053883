// SPDX-License-Identifier: MIT OR Apache-2.0
//! A build that shows how far it is, and ends in an orderly way when somebody wants it to.

use crate::anns::index::Progress;
use crate::cli::vexfs::interruption::Interruption;
use crate::cli::vexfs::progress::ProgressLine;

pub struct Watched {
    interruption: Interruption,
    pub line: ProgressLine,
}

impl Watched {
    /// Begins to watch, and shows what is done first. From here on Ctrl-C, SIGTERM and SIGHUP end the build, and a
    /// second one ends the process at once.
    pub fn new(text: &'static str) -> anyhow::Result<Self> {
        let interruption = Interruption::watch()?;
        let line = ProgressLine::new(text);
        line.begin(text);
        Ok(Watched { interruption, line })
    }

    pub fn is_interrupted(&self) -> bool {
        self.interruption.check().is_err()
    }
}

impl Progress for Watched {
    fn report(&self, done: u64, of: u64) {
        self.line.show(done, of);
    }

    fn should_stop(&self) -> bool {
        self.is_interrupted()
    }
}
