// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every check of the criteria, held against the evidence.

mod answers;
mod fuse;
mod kernel_log;
mod machine;
pub mod measure;
mod module;
mod stability;
mod workload;

use super::check::{Check, Finding};
use super::criteria::{Criteria, Criterion};
use super::evidence::Evidence;

/// An evaluation: what was found, or, early, why nothing could be.
type Evaluated = Result<Finding, Finding>;
type Evaluate = fn(&Evidence, &Criterion) -> Evaluated;

/// Each check's evaluation and the file of the run that shows it.
const TABLE: &[(&str, Evaluate, &str)] = &[
    ("fuse.host.lifecycle", fuse::host_lifecycle, "host.json"),
    ("fuse.host.files", fuse::host_files, "host.json"),
    ("fuse.host.answers", fuse::host_answers, "host.json"),
    ("fuse.guest.files", fuse::guest_files, "results.json"),
    ("fuse.overhead", measure::fuse_overhead, "results.json"),
    ("bundle.intact", machine::bundle_intact, "manifest.json"),
    ("machine.accelerator", machine::accelerator, "console.log"),
    ("machine.guest", machine::guest, "results.json"),
    ("workload.identity", workload::identity, "results.json"),
    ("module.identity", module::identity, "results.json"),
    ("module.lifecycle", module::lifecycle, "results.json"),
    ("kernel.files", module::files, "results.json"),
    ("abi.errors", module::errors, "results.json"),
    ("fuse.dataset", workload::fuse_dataset, "results.json"),
    ("kernel.dataset", workload::kernel_dataset, "results.json"),
    ("fuse.answers", answers::fuse, "results.json"),
    ("kernel.answers", answers::kernel, "results.json"),
    ("recall", answers::recall, "results.json"),
    ("samples", measure::samples, "results.json"),
    ("kernel.overhead", measure::kernel_overhead, "results.json"),
    ("concurrency", module::concurrency, "results.json"),
    ("cycles", stability::cycles, "results.json"),
    ("memory.slope", stability::memory_slope, "results.json"),
    ("slab.leak", stability::slab_leak, "results.json"),
    ("kernel.log", kernel_log::clean, "console.log"),
    ("kernel.taint", kernel_log::taint, "results.json"),
    ("run.repeated", stability::repeated, "console-2.log"),
    ("guest.completed", stability::completed, "console.log"),
];

/// One row for each criterion, in the criteria's order.
pub fn evaluate(criteria: &Criteria, evidence: &Evidence) -> Vec<Check> {
    criteria
        .checks
        .iter()
        .map(|criterion| check(criterion, evidence))
        .collect()
}

fn check(criterion: &Criterion, evidence: &Evidence) -> Check {
    let row = TABLE.iter().find(|(id, ..)| *id == criterion.id);
    let (finding, shown_by) = match row {
        Some((_, evaluate, shown_by)) => (
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
        let known: Vec<_> = TABLE.iter().map(|(id, ..)| *id).collect();
        assert_eq!(asked, known);
    }
}
