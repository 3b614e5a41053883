// SPDX-License-Identifier: MIT OR Apache-2.0
//! Evaluates every check of the criteria on the evidence.

mod answers;
mod cases;
mod cuts;
mod dataset;
mod debug;
mod evaluation;
mod fuse;
mod held;
mod hostile;
mod indexes;
mod kernel_log;
mod machine;
mod measure;
mod module;
mod peers;
mod peers_in_guest;
mod stability;
mod suites;
mod uml;
mod workload;

use evaluation::{Evaluate, Evaluated};

use super::evidence::Evidence;
use crate::criteria::check::{Check, Finding};
use crate::criteria::{Criteria, Criterion, subject};
use crate::protocol::run_files::{
    COMPARISON, CONSOLE, CUTS, DEBUG, HOST, MANIFEST, RESULTS, RUN, SECOND_BOOT, VERDICT,
};

type Row = (&'static str, Evaluate, &'static str);

/// Each check's evaluation, and the file of the run that shows it. `crate::criteria::subject` tells what each looks at.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("fuse.host.lifecycle", fuse::host_lifecycle, HOST),
    ("fuse.host.files", fuse::host_files, HOST),
    ("fuse.host.answers", fuse::host_answers, HOST),
    ("fuse.baseline", peers::baseline, COMPARISON),
    ("peers.measured", peers::measured, COMPARISON),
    ("fuse.vs-chromadb", peers::against_chromadb, COMPARISON),
    ("fuse.vs-qdrant", peers::against_qdrant, COMPARISON),
    ("fuse.guest.files", fuse::guest_files, RESULTS),
    ("fuse.overhead", measure::fuse_overhead, RESULTS),
    ("bundle.intact", machine::bundle_intact, MANIFEST),
    ("machine.accelerator", machine::accelerator, CONSOLE),
    ("machine.guest", machine::guest, RESULTS),
    ("workload.identity", workload::identity, RESULTS),
    ("dataset.truth", dataset::truth, VERDICT),
    ("module.identity", module::identity, RESULTS),
    ("module.lifecycle", module::lifecycle, RESULTS),
    ("kernel.files", module::files, RESULTS),
    ("kernel.stacking", module::stacking, RESULTS),
    ("kernel.hostile", hostile::cases, RESULTS),
    ("abi.errors", module::errors, RESULTS),
    ("fuse.dataset", workload::fuse_dataset, RESULTS),
    ("kernel.dataset", workload::kernel_dataset, RESULTS),
    ("fuse.answers", answers::fuse, RESULTS),
    ("kernel.answers", answers::kernel, RESULTS),
    ("recall", answers::recall, RESULTS),
    ("samples", measure::samples, RESULTS),
    ("kernel.overhead", measure::kernel_overhead, RESULTS),
    ("concurrency", module::concurrency, RESULTS),
    ("index.identity", indexes::identity, RESULTS),
    ("index.answers", indexes::answers, RESULTS),
    ("index.recall", indexes::recall, RESULTS),
    ("index.samples", indexes::samples, RESULTS),
    ("index.kernel.overhead", indexes::kernel_overhead, RESULTS),
    ("index.fuse.overhead", indexes::fuse_overhead, RESULTS),
    ("index.following", indexes::following, RESULTS),
    ("index.replacing", indexes::replacing, RESULTS),
    ("kernel.search-time", uml::search_time, RESULTS),
    ("suites.pjdfstest", suites::pjdfstest, RESULTS),
    ("suites.fsx", suites::fsx, RESULTS),
    ("peers.guest.measured", peers_in_guest::measured, RESULTS),
    ("kernel.vs-fuse", peers_in_guest::against_fuse, RESULTS),
    ("kernel.vs-chromadb", peers_in_guest::against_chromadb, RESULTS),
    ("kernel.vs-qdrant", peers_in_guest::against_qdrant, RESULTS),
    ("cycles", stability::cycles, RESULTS),
    ("memory.slope", stability::memory_slope, RESULTS),
    ("slab.leak", stability::slab_leak, RESULTS),
    ("hostile.memory", hostile::memory, RESULTS),
    ("kernel.log", kernel_log::clean, CONSOLE),
    ("kernel.taint", kernel_log::taint, RESULTS),
    ("cuts", cuts::survived, CUTS),
    ("uml.guest", on_second_machine, RUN),
    ("debug.guest", on_debug_kernel, DEBUG),
    ("debug.log", debug::log, DEBUG),
    ("debug.watchers", debug::watchers, DEBUG),
    ("debug.allocations", debug::allocations, DEBUG),
    ("debug.disk", debug::disk, DEBUG),
    ("debug.suites", suites::on_debug_kernel, DEBUG),
    ("run.repeated", stability::repeated, SECOND_BOOT),
    ("guest.completed", stability::completed, CONSOLE),
];

/// One row for each criterion, in the criteria's order.
pub fn evaluate(criteria: &Criteria, evidence: &Evidence) -> Vec<Check> {
    criteria
        .checks
        .iter()
        .map(|criterion| check(criterion, evidence))
        .collect()
}

/// Asks of the second machine what the other checks ask of the first, where no time is compared.
fn on_second_machine(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let second = evidence.of_second()?;
    let asked = evidence.criteria.checks.iter();
    let asked = asked.filter(|criterion| subject::holds_on_any_machine(&criterion.id));
    uml::all_hold(asked.map(|criterion| check(criterion, &second)))
}

/// Asks of the debug kernel what the other checks ask of the first machine. Its log has a check of its own.
fn on_debug_kernel(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let debug = evidence.of_debug()?;
    let asked = evidence.criteria.checks.iter();
    let asked = asked.filter(|criterion| debug::holds_there(&criterion.id));
    uml::all_hold(asked.map(|criterion| check(criterion, &debug)))
}

fn check(criterion: &Criterion, evidence: &Evidence) -> Check {
    let row = TABLE.iter().find(|(known, ..)| *known == criterion.id);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_with_a_subject_has_an_evaluation() {
        let evaluated: Vec<_> = TABLE.iter().map(|(id, ..)| *id).collect();
        assert_eq!(evaluated, subject::known().collect::<Vec<_>>());
    }
}
