// SPDX-License-Identifier: MIT OR Apache-2.0
//! A line that shows how far a command is, where standard error is a terminal.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const BETWEEN_LINES: Duration = Duration::from_millis(100);

/// The line, which is cleared when this is dropped.
pub struct ProgressLine {
    /// None without a terminal.
    line: Option<Mutex<Line>>,
}

struct Line {
    text: &'static str,
    /// How much is done, and of how much; 0 of 0 if that cannot be told.
    progress: (u64, u64),
    begun: Instant,
    shown: Instant,
}

impl ProgressLine {
    /// Begins to count the seconds of what the command does.
    pub fn new(text: &'static str) -> Self {
        let now = Instant::now();
        let line = Line {
            text,
            progress: (0, 0),
            begun: now,
            shown: now,
        };
        ProgressLine {
            line: std::io::stderr().is_terminal().then(|| Mutex::new(line)),
        }
    }

    /// Shows what the command does from here on.
    pub fn begin(&self, text: &'static str) {
        if let Some(line) = &self.line {
            let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
            line.text = text;
            line.progress = (0, 0);
            line.show();
        }
    }

    /// Shows that `done` of `all` is done, unless something was just shown.
    pub fn show(&self, done: u64, all: u64) {
        // Whoever finds another thread at it has nothing newer to tell.
        let line = self.line.as_ref().and_then(|line| line.try_lock().ok());
        if let Some(mut line) = line {
            line.progress = (done, all);
            if line.shown.elapsed() >= BETWEEN_LINES {
                line.show();
            }
        }
    }

    /// Clears the line for what comes next.
    pub fn clear(&self) {
        if self.line.is_some() {
            // Nobody need see it.
            let _ = std::io::stderr().write_all(b"\r\x1b[K");
        }
    }
}

impl Line {
    fn show(&mut self) {
        let (done, all) = self.progress;
        let share = match all {
            0 => String::new(),
            all => format!(" {:3} %", u128::from(done.min(all)) * 100 / u128::from(all)),
        };
        let seconds = self.begun.elapsed().as_secs();
        let line = format!("\r\x1b[K{}{share}, {seconds} s", self.text);
        let _ = std::io::stderr().write_all(line.as_bytes());
        self.shown = Instant::now();
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.clear();
    }
}
