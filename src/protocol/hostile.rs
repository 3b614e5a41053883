// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a user without privileges does to the module: how much of it, and what came of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::case::Case;

/// How much the step `hostile` tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostilePlan {
    /// What everything is derived from.
    pub seed: u64,
    /// Ioctls of random words, and as many that are valid but for one field. All numbers are tried besides.
    pub ioctls: u64,
    /// Hostile index files and vector files.
    pub files: u64,
}

impl HostilePlan {
    /// So much less where the CPU is emulated.
    const FEWER: u64 = 10;

    pub fn fewer(self) -> Self {
        HostilePlan {
            ioctls: self.ioctls / Self::FEWER,
            files: self.files / Self::FEWER,
            ..self
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hostile {
    pub seed: u64,
    pub cases: Vec<Case>,
    /// Cases that this kernel cannot carry out, each with the reason.
    pub absent: BTreeMap<String, String>,
    pub done: Done,
    /// What the kernel kept before, with all caches filled by a first and short series of all cases.
    pub before: Kept,
    pub after: Kept,
}

/// What one case, or all of them, did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub ioctls: u64,
    /// Hostile files that were written.
    pub files: u64,
    /// Searches by a hostile file that was sound enough to be taken, and answered right.
    pub taken: u64,
    /// Requests that were answered.
    pub answers: u64,
    /// Changes that root made beneath.
    pub changes: u64,
    /// Refusals by errno.
    pub refusals: BTreeMap<String, u64>,
}

impl Done {
    pub fn add(&mut self, other: &Done) {
        self.ioctls += other.ioctls;
        self.files += other.files;
        self.taken += other.taken;
        self.answers += other.answers;
        self.changes += other.changes;
        for (errno, count) in &other.refusals {
            *self.refusals.entry(errno.clone()).or_default() += count;
        }
    }
}

/// What one case observed and did, as its process tells it to the step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    pub observed: String,
    /// Why this kernel cannot carry it out, if so.
    pub absent: Option<String>,
    pub done: Done,
}

/// What the kernel keeps while nothing is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// References to the module while it is loaded.
    pub references: u64,
    /// Objects in the module's slab caches while it is loaded.
    pub objects: u64,
    /// Unreclaimable slabs and vmalloc, with the module unloaded.
    pub unreclaimable_kib: u64,
    /// Pages of tmpfs, such as those of a store that somebody still holds.
    pub shared_kib: u64,
    /// Files that are open anywhere.
    pub open_files: u64,
    /// Locks and leases on files.
    pub locks: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cases_did_adds_up() {
        let done = |errno: &str| Done {
            ioctls: 2,
            answers: 1,
            refusals: BTreeMap::from([(errno.to_owned(), 1)]),
            ..Done::default()
        };
        let mut all = done("EINVAL");
        all.add(&done("EINVAL"));
        all.add(&done("ENOTTY"));
        assert_eq!((all.ioctls, all.answers, all.changes), (6, 3, 0));
        let refusals = [("EINVAL".to_owned(), 2), ("ENOTTY".to_owned(), 1)];
        assert_eq!(all.refusals, BTreeMap::from(refusals));
    }
}
