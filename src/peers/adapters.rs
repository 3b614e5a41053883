// SPDX-License-Identifier: MIT OR Apache-2.0
//! What this program carries of `peers/`: the adapters, and the versions that are pinned.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The loop that each adapter runs in, below the directory of [`write()`].
pub const LOOP: &str = "peer.py";

const REQUIREMENTS: &str = include_str!("../../peers/requirements.txt");

/// Another engine, and the packages whose versions its figures depend on.
pub struct Adapter {
    pub engine: &'static str,
    pub packages: &'static [&'static str],
    source: &'static str,
}

macro_rules! adapter {
    ($engine:literal, $packages:expr) => {
        Adapter {
            engine: $engine,
            packages: &$packages,
            source: include_str!(concat!("../../peers/engines/", $engine, ".py")),
        }
    };
}

pub const ALL: [Adapter; 5] = [
    adapter!("chromadb", ["chromadb"]),
    adapter!("qdrant", ["qdrant-edge-py"]),
    adapter!("hnswlib", ["hnswlib"]),
    adapter!("faiss", ["faiss-cpu"]),
    adapter!("usearch", ["usearch"]),
];

impl Adapter {
    pub fn of(engine: &str) -> Option<&'static Adapter> {
        ALL.iter().find(|adapter| adapter.engine == engine)
    }

    /// The versions to which this engine's packages are pinned.
    pub fn pinned(&self) -> BTreeMap<String, String> {
        let packages = self.packages.iter();
        packages
            .filter_map(|&package| {
                Some((
                    package.to_owned(),
                    pinned(REQUIREMENTS, package)?.to_owned(),
                ))
            })
            .collect()
    }
}

/// The version of a package in a text that pip understands.
fn pinned<'a>(requirements: &'a str, package: &str) -> Option<&'a str> {
    requirements.lines().find_map(|line| {
        let version = line.strip_prefix(package)?.strip_prefix("==")?;
        version.split(' ').next()
    })
}

/// Writes loop and adapters to a directory.
pub fn write(dir: &Path) -> Result<()> {
    let engines = dir.join("engines");
    fs::create_dir_all(&engines).with_context(|| format!("cannot create {}", engines.display()))?;
    let file = |path: &Path, text| {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    file(&dir.join(LOOP), include_str!("../../peers/peer.py"))?;
    ALL.iter().try_for_each(|adapter| {
        file(
            &engines.join(format!("{}.py", adapter.engine)),
            adapter.source,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_of_every_adapter_is_pinned() {
        for adapter in &ALL {
            assert_eq!(
                adapter.pinned().len(),
                adapter.packages.len(),
                "{}",
                adapter.engine
            );
        }
    }

    #[test]
    fn a_version_is_that_of_the_whole_name() {
        let text = "faiss-cpu==1.15.1 \\\n    --hash=sha256:00\nfaiss==2.0\n    # via numpy==9\n";
        assert_eq!(pinned(text, "faiss-cpu"), Some("1.15.1"));
        assert_eq!(pinned(text, "faiss"), Some("2.0"));
        assert_eq!(pinned(text, "numpy"), None);
    }
}
