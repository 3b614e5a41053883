// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shows how far a build is, on a terminal, and notices when somebody wants it to end.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::anns::index::Progress;

const BETWEEN_LINES: Duration = Duration::from_millis(100);

pub struct Watched {
    interrupted: Arc<AtomicBool>,
    /// The line shown on the terminal; none without a terminal.
    line: Option<Mutex<Line>>,
    begun: Instant,
}

struct Line {
    text: &'static str,
    /// How much is done, and of how much; 0 of 0 if that cannot be told.
    progress: (u64, u64),
    shown: Option<Instant>,
}

impl Watched {
    /// Begins to watch: from here on Ctrl-C and SIGTERM end the build in an orderly way, and a second one ends the
    /// process at once.
    pub fn new() -> anyhow::Result<Self> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first one finds the flag not yet set.
            signal_hook::flag::register_conditional_default(signal, interrupted.clone())
                .and_then(|_| signal_hook::flag::register(signal, interrupted.clone()))
                .context("signals cannot be handled")?;
        }
        let line = Line {
            text: "",
            progress: (0, 0),
            shown: None,
        };
        Ok(Watched {
            interrupted,
            line: std::io::stderr().is_terminal().then(|| Mutex::new(line)),
            begun: Instant::now(),
        })
    }

    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Says what the build does from here on.
    pub fn begin(&self, text: &'static str) {
        if let Some(line) = &self.line {
            let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
            line.text = text;
            line.progress = (0, 0);
            line.show(self.begun);
        }
    }

    /// Clears the line for what comes next.
    pub fn clear(&self) {
        if self.line.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

impl Progress for Watched {
    fn report(&self, done: u64, of: u64) {
        // Whoever finds another thread at it has nothing newer to tell.
        let line = self.line.as_ref().and_then(|line| line.try_lock().ok());
        if let Some(mut line) = line {
            line.progress = (done, of);
            if line.shown.is_none_or(|at| at.elapsed() >= BETWEEN_LINES) {
                line.show(self.begun);
            }
        }
    }

    fn should_stop(&self) -> bool {
        self.is_interrupted()
    }
}

impl Line {
    fn show(&mut self, begun: Instant) {
        let (done, of) = self.progress;
        let share = match of {
            0 => String::new(),
            of => format!(" {:3} %", u128::from(done.min(of)) * 100 / u128::from(of)),
        };
        let seconds = begun.elapsed().as_secs();
        let _ = write!(
            std::io::stderr(),
            "\r\x1b[K{}{share}, {seconds} s",
            self.text
        );
        self.shown = Some(Instant::now());
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.clear();
    }
}
