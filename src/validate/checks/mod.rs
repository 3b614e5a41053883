// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every check of the criteria, held against the evidence.

mod answers;
mod dataset;
mod fuse;
pub mod indexes;
mod kernel_log;
mod machine;
pub mod measure;
mod module;
mod peers;
pub mod stability;
mod workload;

use std::collections::BTreeSet;

use crate::comparison;
use crate::guest::protocol::Step::{
    self, After, Concurrency, Cycles, Errors, Files, Identity, Indexes, Module, Peers, Workload,
};

use super::check::{Check, Finding};
use super::criteria::{Criteria, Criterion};
use super::evidence::Evidence;

/// An evaluation: what was found, or, early, why nothing could be.
type Evaluated = Result<Finding, Finding>;
type Evaluate = fn(&Evidence, &Criterion) -> Evaluated;

/// What a check looks at. What no check of the criteria looks at is not done.
#[derive(Clone, Copy)]
enum Subject {
    Bundle,
    Host,
    /// The comparison with other engines on the host.
    Comparison,
    /// The file with the user's own vectors.
    File,
    /// A boot, and in it these steps.
    Guest(&'static [Step]),
    /// The same, and the indexes built on the host.
    GuestAndBuilder(&'static [Step]),
}

use Subject::{Bundle, Comparison, File, Guest, GuestAndBuilder, Host};

type Row = (&'static str, Subject, Evaluate, &'static str);

/// Each check's subject, its evaluation, and the file of the run that shows it.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("fuse.host.lifecycle", Host, fuse::host_lifecycle, "host.json"),
    ("fuse.host.files", Host, fuse::host_files, "host.json"),
    ("fuse.host.answers", Host, fuse::host_answers, "host.json"),
    ("fuse.baseline", Comparison, peers::baseline, comparison::FILE),
    ("peers.measured", Comparison, peers::measured, comparison::FILE),
    ("fuse.vs-chromadb", Comparison, peers::against_chromadb, comparison::FILE),
    ("fuse.vs-qdrant", Comparison, peers::against_qdrant, comparison::FILE),
    ("fuse.guest.files", Guest(&[Files]), fuse::guest_files, "results.json"),
    ("fuse.overhead", Guest(&[Workload]), measure::fuse_overhead, "results.json"),
    ("bundle.intact", Bundle, machine::bundle_intact, "manifest.json"),
    ("machine.accelerator", Guest(&[]), machine::accelerator, "console.log"),
    ("machine.guest", Guest(&[Identity]), machine::guest, "results.json"),
    ("workload.identity", Guest(&[Workload]), workload::identity, "results.json"),
    ("dataset.truth", File, dataset::truth, "verdict.json"),
    ("module.identity", Guest(&[Module, Workload]), module::identity, "results.json"),
    ("module.lifecycle", Guest(&[Module, Workload, After]), module::lifecycle, "results.json"),
    ("kernel.files", Guest(&[Files]), module::files, "results.json"),
    ("abi.errors", Guest(&[Errors]), module::errors, "results.json"),
    ("fuse.dataset", Guest(&[Workload]), workload::fuse_dataset, "results.json"),
    ("kernel.dataset", Guest(&[Workload]), workload::kernel_dataset, "results.json"),
    ("fuse.answers", Guest(&[Workload]), answers::fuse, "results.json"),
    ("kernel.answers", Guest(&[Workload]), answers::kernel, "results.json"),
    ("recall", Guest(&[Workload]), answers::recall, "results.json"),
    ("samples", Guest(&[Workload]), measure::samples, "results.json"),
    ("kernel.overhead", Guest(&[Workload]), measure::kernel_overhead, "results.json"),
    ("concurrency", Guest(&[Concurrency]), module::concurrency, "results.json"),
    ("index.identity", GuestAndBuilder(&[Indexes]), indexes::identity, "results.json"),
    ("index.answers", Guest(&[Indexes]), indexes::answers, "results.json"),
    ("index.recall", Guest(&[Indexes]), indexes::recall, "results.json"),
    ("index.samples", Guest(&[Indexes]), indexes::samples, "results.json"),
    ("index.kernel.overhead", Guest(&[Indexes]), indexes::kernel_overhead, "results.json"),
    ("index.fuse.overhead", Guest(&[Indexes]), indexes::fuse_overhead, "results.json"),
    ("index.following", Guest(&[Indexes]), indexes::following, "results.json"),
    ("index.replacing", Guest(&[Indexes]), indexes::replacing, "results.json"),
    ("peers.guest.measured", Guest(&[Peers]), peers::measured_in_guest, "results.json"),
    ("kernel.vs-fuse", Guest(&[Peers]), peers::kernel_against_fuse, "results.json"),
    ("kernel.vs-chromadb", Guest(&[Peers]), peers::kernel_against_chromadb, "results.json"),
    ("kernel.vs-qdrant", Guest(&[Peers]), peers::kernel_against_qdrant, "results.json"),
    ("cycles", Guest(&[Cycles]), stability::cycles, "results.json"),
    ("memory.slope", Guest(&[Cycles]), stability::memory_slope, "results.json"),
    ("slab.leak", Guest(&[Cycles]), stability::slab_leak, "results.json"),
    ("kernel.log", Guest(&[]), kernel_log::clean, "console.log"),
    ("kernel.taint", Guest(&[Identity, After]), kernel_log::taint, "results.json"),
    ("run.repeated", Guest(&[]), stability::repeated, "second-boot"),
    ("guest.completed", Guest(&[]), stability::completed, "console.log"),
];

/// Whether any check looks at the host.
pub fn look_at_host(criteria: &Criteria) -> bool {
    subjects(criteria).any(|subject| matches!(subject, Host))
}

/// Whether any check looks at indexes that the host has built.
pub fn look_at_builder(criteria: &Criteria) -> bool {
    subjects(criteria).any(|subject| matches!(subject, GuestAndBuilder(_)))
}

/// Whether any check looks at a comparison.
pub fn look_at_comparison(criteria: &Criteria) -> bool {
    subjects(criteria).any(|subject| matches!(subject, Comparison))
}

/// Whether a check is about the comparison with other engines, on the host or in the guest.
pub fn compares(id: &str) -> bool {
    row(id).is_some_and(|(_, subject, ..)| match subject {
        Comparison => true,
        Guest(steps) => steps.contains(&Peers),
        Bundle | Host | File | GuestAndBuilder(_) => false,
    })
}

/// The steps that the checks look at, in their order; nothing if no check needs a boot.
pub fn steps(criteria: &Criteria) -> Option<Vec<Step>> {
    let guests: Vec<_> = subjects(criteria)
        .filter_map(|subject| match subject {
            Guest(steps) | GuestAndBuilder(steps) => Some(steps),
            Bundle | Host | Comparison | File => None,
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
    TABLE.iter().find(|(known, ..)| *known == id)
}

/// One row for each criterion, in the criteria's order.
pub fn evaluate(criteria: &Criteria, evidence: &Evidence) -> Vec<Check> {
    criteria
        .checks
        .iter()
        .map(|criterion| check(criterion, evidence))
        .collect()
}

fn check(criterion: &Criterion, evidence: &Evidence) -> Check {
    let (finding, shown_by) = match row(&criterion.id) {
        Some((_, _, evaluate, shown_by)) => (
            evaluate(evidence, criterion).unwrap_or_else(|early| early),
            *shown_by,
        ),
        None => (
            Finding::could_not_run("this version of the toolkit has no such check"),
            "",
        ),
    };
    Check {
        id: criterion.id.clone(),
        phase: criterion.phase,
        status: finding.status,
        measured: finding.measured,
        criterion: criterion.criterion.clone(),
        evidence: shown_by.to_string(),
    }
}

/// The figure of a criterion that has one.
fn limit(criterion: &Criterion) -> Result<f64, Finding> {
    criterion.limit.ok_or_else(|| {
        Finding::could_not_run(format!("the criterion of {} has no limit", criterion.id))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criteria_and_checks_name_each_other() {
        let criteria = Criteria::read(None).unwrap();
        let asked: Vec<_> = criteria.checks.iter().map(|c| c.id.as_str()).collect();
        // The check that has a subject only with the user's own vectors is added then.
        let known = TABLE.iter().filter(|row| !matches!(row.1, File));
        let known: Vec<_> = known.map(|(id, ..)| *id).collect();
        assert_eq!(asked, known);
    }

    #[test]
    fn what_no_check_looks_at_is_not_done() {
        let mut criteria = Criteria::read(None).unwrap();
        assert!(look_at_host(&criteria) && look_at_comparison(&criteria));
        assert_eq!(steps(&criteria).unwrap(), Step::ALL);

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
