// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tells which files a pack may have, and how large they may be.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::image::data::REPORT;
use crate::protocol::run_files::{
    COMPARISON, CONSOLE, CRITERIA, FIGURES, HOST, JUNIT, KVM_PROBE, MANIFEST, MARKDOWN, MESSAGES,
    PAGE, QEMU, RESULTS, RUN, SECOND_BOOT, UML, UML_LOG, UML_PROBE, VERDICT, to_json,
};

/// The number of the format, raised whenever a pack changes its meaning.
pub const FORMAT: u32 = 1;

/// The list of all other files. The BLAKE3 of its bytes is the pack's id.
pub const LIST: &str = "pack.json";
/// What the run shows, for tools that know in-toto.
pub const STATEMENT: &str = "statement.json";

/// The files of a run.
const OF_A_RUN: [&str; 16] = [
    COMPARISON, JUNIT, MARKDOWN, PAGE, CONSOLE, CRITERIA, FIGURES, HOST, MANIFEST, MESSAGES, QEMU,
    REPORT, RESULTS, RUN, UML_LOG, VERDICT,
];

/// Directories below a run's, and what is in each.
pub const BOOTS: [&str; 4] = [KVM_PROBE, SECOND_BOOT, UML, UML_PROBE];
const OF_A_BOOT: [&str; 4] = [CONSOLE, MESSAGES, QEMU, UML_LOG];

/// What the second machine leaves besides.
const OF_A_MACHINE: [&str; 2] = [MANIFEST, RESULTS];

/// The largest size of a file of a pack, its list included.
pub const LARGEST: u64 = 256 << 20;
pub const LARGEST_LIST: u64 = 64 << 10;
/// The largest size of all files of a pack together.
pub const ALL: u64 = 512 << 20;

/// Whether a run can have left a file under this name.
pub fn is_of_a_run(name: &str) -> bool {
    match name.split_once('/') {
        None => OF_A_RUN.contains(&name),
        Some((boot, name)) => {
            let of_machine = boot == UML && OF_A_MACHINE.contains(&name);
            of_machine || BOOTS.contains(&boot) && OF_A_BOOT.contains(&name)
        }
    }
}

/// What a pack consists of (`pack.json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    pub format: u32,
    /// The version of the toolkit that made the run and packed it.
    pub toolkit: String,
    pub files: BTreeMap<String, Listed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    pub size: u64,
    #[serde(flatten)]
    pub digest: Digests,
}

/// The hashes of a file: one for us, and one for tools of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    pub blake3: String,
    pub sha256: String,
}

impl Digests {
    pub fn of(content: &[u8]) -> Digests {
        Digests {
            blake3: blake3::hash(content).to_string(),
            sha256: hex::encode(Sha256::digest(content)),
        }
    }
}

impl Listed {
    pub fn of(content: &[u8]) -> Listed {
        Listed {
            size: content.len() as u64,
            digest: Digests::of(content),
        }
    }
}

impl List {
    pub fn text(&self) -> Result<String> {
        to_json(self)
    }

    /// Reads a list that somebody else has written.
    pub fn parse(text: &[u8]) -> Result<List> {
        let list: List =
            serde_json::from_slice(text).with_context(|| format!("{LIST} is no list of files"))?;
        ensure!(
            list.format == FORMAT,
            "{LIST} has format {}, this toolkit reads {FORMAT}: use the toolkit {} that packed it",
            list.format,
            list.toolkit
        );
        ensure!(
            list.text()?.as_bytes() == text,
            "{LIST} is not written as it is when packed"
        );
        let mut all = 0;
        for (name, listed) in &list.files {
            ensure!(
                name == STATEMENT || is_of_a_run(name),
                "{LIST} names `{name}`, which is no file of a run"
            );
            ensure!(
                listed.size <= LARGEST,
                "{LIST} says that {name} has {} bytes; at most {LARGEST} are taken",
                listed.size
            );
            all += listed.size;
        }
        ensure!(
            all <= ALL,
            "{LIST} names {all} bytes in all; at most {ALL} are taken"
        );
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_a_run_are_known() {
        for good in [
            "run.json",
            "second-boot/console.log",
            "kvm-probe/qemu.log",
            "uml/results.json",
            "uml-probe/uml.log",
        ] {
            assert!(is_of_a_run(good), "{good}");
        }
        for bad in [
            "",
            "../run.json",
            "/run.json",
            "./run.json",
            "second-boot/run.json",
            "uml/run.json",
            "uml-probe/results.json",
            "second-boot/../run.json",
            "second-boot/",
            "third-boot/console.log",
            "notes.txt",
            LIST,
        ] {
            assert!(!is_of_a_run(bad), "{bad}");
        }
    }

    #[test]
    fn a_list_with_more_than_packing_writes_is_refused() {
        let list = List {
            format: FORMAT,
            toolkit: "0".into(),
            files: BTreeMap::from([("run.json".to_owned(), Listed::of(b"x"))]),
        };
        let text = list.text().unwrap();
        assert_eq!(List::parse(text.as_bytes()).unwrap(), list);
        for (of, to) in [
            ("\"run.json\"", "\"../x\""),
            ("\"size\": 1", "\"size\": 999999999999"),
            ("\"format\": 1", "\"format\": 2"),
            ("\"format\": 1", "\"format\": 1, \"more\": 1"),
            ("\"format\": 1", "\"format\":  1"),
        ] {
            let changed = text.replacen(of, to, 1);
            assert_ne!(changed, text);
            List::parse(changed.as_bytes()).unwrap_err();
        }
    }
}
