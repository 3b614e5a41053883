// SPDX-License-Identifier: MIT OR Apache-2.0
//! The clock that the module has of its own, around its searches (`docs/kernel.md`).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Where debugfs is mounted by convention.
pub const DEBUGFS: &str = "/sys/kernel/debug";

/// What the clock has counted since it was switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    pub searches: u64,
    /// The nanoseconds within the handler of the ioctl.
    pub handler_ns: u64,
    /// The nanoseconds within the search itself.
    pub search_ns: u64,
}

impl Reading {
    /// What was counted from `earlier` on.
    pub fn since(self, earlier: Reading) -> Reading {
        Reading {
            searches: self.searches.saturating_sub(earlier.searches),
            handler_ns: self.handler_ns.saturating_sub(earlier.handler_ns),
            search_ns: self.search_ns.saturating_sub(earlier.search_ns),
        }
    }
}

/// The file by which the clock is switched and read.
#[derive(Clone, Debug)]
pub struct ModuleClock {
    file: PathBuf,
}

impl ModuleClock {
    /// The clock of the module that is loaded, below a mount of debugfs.
    pub fn at(debugfs: &Path) -> ModuleClock {
        ModuleClock {
            file: debugfs.join("vexfs/search_time"),
        }
    }

    /// Starts the clock, from nothing.
    pub fn switch_on(&self) -> Result<()> {
        fs::write(&self.file, "1")
            .with_context(|| format!("cannot start the module's clock by {}", self.file.display()))
    }

    pub fn read(&self) -> Result<Reading> {
        let text = fs::read_to_string(&self.file)
            .with_context(|| format!("cannot read {}", self.file.display()))?;
        parse(&text).with_context(|| format!("{} says `{text}`", self.file.display()))
    }
}

fn parse(text: &str) -> Option<Reading> {
    let mut words = text.strip_suffix('\n')?.split(' ');
    let mut field = |name: &str| -> Option<u64> {
        (words.next()? == name).then(|| words.next()?.parse().ok())?
    };
    let reading = Reading {
        searches: field("searches")?,
        handler_ns: field("handler_ns")?,
        search_ns: field("search_ns")?,
    };
    words.next().is_none().then_some(reading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_line_is_a_reading() {
        let line = "searches 3 handler_ns 50 search_ns 40\n";
        let reading = parse(line).unwrap();
        assert_eq!(
            (reading.searches, reading.handler_ns, reading.search_ns),
            (3, 50, 40)
        );
        for bad in [
            "",
            "searches 3 handler_ns 50 search_ns 40",
            "searches 3 handler_ns 50\n",
            "searches 3 handler_ns 50 search_ns -4\n",
            "searches 3 handler_ns 50 search_ns 40 more 1\n",
            "handler_ns 50 searches 3 search_ns 40\n",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_reading_since_another() {
        let earlier = Reading {
            searches: 1,
            handler_ns: 10,
            search_ns: 8,
        };
        let later = Reading {
            searches: 3,
            handler_ns: 50,
            search_ns: 40,
        };
        let expected = Reading {
            searches: 2,
            handler_ns: 40,
            search_ns: 32,
        };
        assert_eq!(later.since(earlier), expected);
    }
}
