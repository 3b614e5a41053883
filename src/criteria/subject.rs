// SPDX-License-Identifier: MIT OR Apache-2.0
//! What each check looks at. What no check of the criteria looks at is not done.

use std::collections::BTreeSet;

use super::Criteria;
use crate::protocol::Step::{
    self, After, Calls, Concurrency, Cycles, Errors, Failing, Files, Hostile, Identity, Indexes,
    Module, Peers, Stacking, Suites, Watchers, Workload,
};

/// What a check looks at.
#[derive(Clone, Copy)]
enum Subject {
    Bundle,
    Host,
    /// Our kinds beside the peers, on the host.
    Comparison,
    /// The file with the user's own vectors.
    File,
    /// A boot, and in it these steps.
    Guest(&'static [Step]),
    /// Many boots of User-Mode Linux that are cut off.
    Cuts,
    /// A boot of User-Mode Linux, and in it these steps.
    Uml(&'static [Step]),
    /// A boot of the debug kernel, and in it these steps, beside those of every other guest.
    Debug(&'static [Step]),
    /// A boot with these steps, and the indexes built on the host.
    GuestAndBuilder(&'static [Step]),
}

use Subject::{Bundle, Comparison, Cuts, Debug, File, Guest, GuestAndBuilder, Host, Uml};

type Row = (&'static str, Subject);

/// Every check that this version of the toolkit knows, with its subject.
const TABLE: &[Row] = &[
    ("fuse.host.lifecycle", Host),
    ("fuse.host.files", Host),
    ("fuse.host.answers", Host),
    ("fuse.baseline", Comparison),
    ("peers.measured", Comparison),
    ("fuse.vs-chromadb", Comparison),
    ("fuse.vs-qdrant", Comparison),
    ("fuse.guest.files", Guest(&[Files])),
    ("fuse.overhead", Guest(&[Workload])),
    ("bundle.intact", Bundle),
    ("machine.accelerator", Guest(&[])),
    ("machine.guest", Guest(&[Identity])),
    ("workload.identity", Guest(&[Workload])),
    ("dataset.truth", File),
    ("module.identity", Guest(&[Module, Workload])),
    ("module.lifecycle", Guest(&[Module, Workload, After])),
    ("kernel.files", Guest(&[Files])),
    ("kernel.stacking", Guest(&[Stacking])),
    ("kernel.hostile", Guest(&[Hostile])),
    ("abi.errors", Guest(&[Errors])),
    ("fuse.dataset", Guest(&[Workload])),
    ("kernel.dataset", Guest(&[Workload])),
    ("fuse.answers", Guest(&[Workload])),
    ("kernel.answers", Guest(&[Workload])),
    ("recall", Guest(&[Workload])),
    ("samples", Guest(&[Workload])),
    ("kernel.overhead", Guest(&[Workload])),
    ("concurrency", Guest(&[Concurrency])),
    ("index.identity", GuestAndBuilder(&[Indexes])),
    ("index.answers", Guest(&[Indexes])),
    ("index.recall", Guest(&[Indexes])),
    ("index.samples", Guest(&[Indexes])),
    ("index.kernel.overhead", Guest(&[Indexes])),
    ("index.fuse.overhead", Guest(&[Indexes])),
    ("index.following", Guest(&[Indexes])),
    ("index.replacing", Guest(&[Indexes])),
    ("kernel.search-time", Uml(&[Workload, Indexes, Calls])),
    ("suites.pjdfstest", Uml(&[Suites])),
    ("suites.fsx", Uml(&[Suites])),
    ("peers.guest.measured", Guest(&[Peers])),
    ("kernel.vs-fuse", Guest(&[Calls, Peers])),
    ("kernel.vs-chromadb", Guest(&[Calls, Peers])),
    ("kernel.vs-qdrant", Guest(&[Calls, Peers])),
    ("cycles", Guest(&[Cycles])),
    ("memory.slope", Guest(&[Cycles])),
    ("slab.leak", Guest(&[Cycles])),
    ("hostile.memory", Guest(&[Hostile])),
    ("kernel.log", Guest(&[])),
    ("kernel.taint", Guest(&[Identity, After])),
    ("cuts", Cuts),
    ("uml.guest", Uml(&[])),
    ("debug.guest", Debug(&[])),
    ("debug.log", Debug(&[])),
    ("debug.watchers", Debug(&[Watchers])),
    ("debug.allocations", Debug(&[Failing])),
    ("debug.disk", Debug(&[Failing])),
    ("debug.suites", Debug(&[Suites])),
    ("run.repeated", Guest(&[])),
    ("guest.completed", Guest(&[])),
];

/// The ids of all checks, in the order of the table.
pub fn known() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(id, _)| *id)
}

/// Whether any check looks at the host.
pub fn look_at_host(criteria: &Criteria) -> bool {
    subjects(criteria).any(|subject| matches!(subject, Host))
}

/// Whether any check looks at indexes that the host has built.
pub fn look_at_builder(criteria: &Criteria) -> bool {
    subjects(criteria).any(|subject| matches!(subject, GuestAndBuilder(_)))
}

/// Whether any check looks at the peers on the host.
pub fn look_at_comparison(criteria: &Criteria) -> bool {
    subjects(criteria).any(|subject| matches!(subject, Comparison))
}

/// Whether any check looks at a machine that is User-Mode Linux.
pub fn look_at_uml(criteria: &Criteria) -> bool {
    subjects(criteria).any(|subject| match subject {
        Uml(_) => true,
        // Where the first machine cannot make the comparison, this one does.
        Guest(steps) => steps.contains(&Peers),
        Bundle | Host | Comparison | File | GuestAndBuilder(_) | Debug(_) | Cuts => false,
    })
}

/// Whether any check looks at the bundle of the first machine, or at what happens in it.
pub fn look_at_bundle(criteria: &Criteria) -> bool {
    let or_cuts = |subject| matches!(subject, Bundle | Cuts);
    steps(criteria).is_some() || subjects(criteria).any(or_cuts)
}

/// Whether any check looks at the peers, on the host or in a guest.
pub fn look_at_peers(criteria: &Criteria) -> bool {
    criteria.checks.iter().any(|check| compares(&check.id))
}

/// Whether any check looks at power cuts.
pub fn look_at_cuts(criteria: &Criteria) -> bool {
    subjects(criteria).any(|subject| matches!(subject, Cuts))
}

/// Steps that a debug kernel is spared unless a check of its own asks for them: its time means nothing, and it takes
/// long.
const SPARED: [Step; 3] = [Calls, Suites, Peers];

/// The steps of the debug kernel; none if no check looks at it.
pub fn debug_steps(criteria: &Criteria) -> Option<Vec<Step>> {
    let mut own = BTreeSet::new();
    let mut asked = false;
    for subject in subjects(criteria) {
        if let Debug(steps) = subject {
            asked = true;
            own.extend(steps);
        }
    }
    let of_every_guest = steps(criteria).unwrap_or_default().into_iter();
    own.extend(of_every_guest.filter(|step| !SPARED.contains(step)));
    asked.then(|| own.into_iter().collect())
}

/// Checks of a guest that compare times, or that only the first machine can meet.
const OF_ONE_MACHINE: [&str; 5] = [
    "fuse.overhead",
    "kernel.overhead",
    "index.kernel.overhead",
    "index.fuse.overhead",
    "run.repeated",
];

/// Whether a check can be asked of whatever machine runs the guest.
pub fn holds_on_any_machine(id: &str) -> bool {
    let of_guest = row(id).is_some_and(|(_, subject)| match subject {
        Guest(steps) => !steps.contains(&Peers),
        GuestAndBuilder(_) | Bundle => true,
        Host | Comparison | File | Uml(_) | Debug(_) | Cuts => false,
    });
    of_guest && !OF_ONE_MACHINE.contains(&id)
}

/// Whether a check is about the peers, on the host or in the guest.
pub fn compares(id: &str) -> bool {
    row(id).is_some_and(|(_, subject)| match subject {
        Comparison => true,
        Guest(steps) => steps.contains(&Peers),
        Bundle | Host | File | GuestAndBuilder(_) | Uml(_) | Debug(_) | Cuts => false,
    })
}

/// The steps that the checks look at, in their order; none if no check needs a boot.
pub fn steps(criteria: &Criteria) -> Option<Vec<Step>> {
    let guests: Vec<_> = subjects(criteria)
        .filter_map(|subject| match subject {
            Guest(steps) | GuestAndBuilder(steps) | Uml(steps) => Some(steps),
            Bundle | Host | Comparison | File | Debug(_) | Cuts => None,
        })
        .collect();
    let steps: BTreeSet<Step> = guests.iter().copied().flatten().copied().collect();
    (!guests.is_empty()).then(|| steps.into_iter().collect())
}

fn subjects(criteria: &Criteria) -> impl Iterator<Item = Subject> {
    criteria
        .checks
        .iter()
        .filter_map(|criterion| Some(row(&criterion.id)?.1))
}

fn row(id: &str) -> Option<&'static Row> {
    TABLE.iter().find(|(known, _)| *known == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Step::{Survivors, Writing};

    #[test]
    fn criteria_and_subjects_name_each_other() {
        let criteria = Criteria::read(None).unwrap();
        let asked: Vec<_> = criteria.checks.iter().map(|c| c.id.as_str()).collect();
        // The check that has a subject only with the user's own vectors is added then. Others are a deep run's alone.
        let deep = ["cuts", "debug.suites"];
        let known = TABLE.iter();
        let known = known.filter(|row| !matches!(row.1, File) && !deep.contains(&row.0));
        let known: Vec<_> = known.map(|(id, _)| *id).collect();
        assert_eq!(asked, known);
    }

    #[test]
    fn what_no_check_looks_at_is_not_done() {
        let mut criteria = Criteria::read(None).unwrap();
        assert!(look_at_host(&criteria) && look_at_comparison(&criteria));
        let others = [Survivors, Writing, Failing, Watchers];
        let mut every_guest = Step::ALL.to_vec();
        every_guest.retain(|step| !others.contains(step));
        assert_eq!(steps(&criteria).unwrap(), every_guest);
        let mut debug = Step::ALL.to_vec();
        let cut_off = [Survivors, Writing];
        debug.retain(|step| !SPARED.contains(step) && !cut_off.contains(step));
        assert_eq!(debug_steps(&criteria).unwrap(), debug);

        let all = criteria.checks.clone();
        let mut only = |ids: &[&str]| {
            criteria.checks = all.clone();
            criteria
                .checks
                .retain(|check| ids.contains(&check.id.as_str()));
            (look_at_host(&criteria), steps(&criteria))
        };
        assert_eq!(only(&["fuse.host.files"]), (true, None));
        assert_eq!(
            only(&["bundle.intact", "kernel.log"]),
            (false, Some(Vec::new()))
        );
        let (_, steps) = only(&["module.identity", "kernel.answers", "slab.leak"]);
        assert_eq!(steps.unwrap(), [Module, Cycles, Workload]);
        assert!(!look_at_builder(&criteria) && !look_at_comparison(&criteria));
    }
}
