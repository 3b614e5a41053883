// SPDX-License-Identifier: MIT OR Apache-2.0
//! A line that shows how far a command is, where standard error is a terminal.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

const BETWEEN_LINES: Duration = Duration::from_millis(100);

pub struct ProgressLine {
    what: &'static str,
    begun: Instant,
    /// When the line was last shown; none where it is never shown.
    shown: Option<Instant>,
}

impl ProgressLine {
    pub fn new(what: &'static str) -> Self {
        let begun = Instant::now();
        ProgressLine {
            what,
            begun,
            shown: std::io::stderr().is_terminal().then_some(begun),
        }
    }

    /// Shows that `done` of `all` is done, unless that was just shown.
    pub fn show(&mut self, done: u64, all: u64) {
        if self.shown.is_some_and(|at| at.elapsed() >= BETWEEN_LINES) {
            let share = u128::from(done) * 100 / u128::from(all.max(1));
            let seconds = self.begun.elapsed().as_secs();
            let line = format!("\r\x1b[K{} {share:3} %, {seconds} s", self.what);
            // Nobody need see it.
            let _ = std::io::stderr().write_all(line.as_bytes());
            self.shown = Some(Instant::now());
        }
    }

    /// Clears the line for what comes next.
    pub fn clear(&self) {
        if self.shown.is_some() {
            let _ = std::io::stderr().write_all(b"\r\x1b[K");
        }
    }
}
