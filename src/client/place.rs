// SPDX-License-Identifier: MIT OR Apache-2.0
//! The places in which one vector file can be searched.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a search or a file operation is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The lower filesystem: files directly, searches in process.
    InProcess,
    /// A mount of the FUSE driver.
    Fuse,
    /// A mount of the kernel module.
    Kernel,
}

impl Place {
    pub const ALL: [Place; 3] = [Place::InProcess, Place::Fuse, Place::Kernel];

    pub fn name(self) -> &'static str {
        match self {
            Place::InProcess => "in-process",
            Place::Fuse => "fuse",
            Place::Kernel => "kernel",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_json_shows() {
        for place in Place::ALL {
            assert_eq!(serde_json::to_value(place).unwrap(), place.name());
        }
    }
}
