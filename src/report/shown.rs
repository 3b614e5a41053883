// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is reported.

use super::contestants::Field;
use crate::criteria::check::Finding;
use crate::figures::{Figure, Located};
use crate::verdict::Verdict;
use crate::verdict::evidence::Evidence;
use crate::verdict::figures;

/// A run, and the figures that its readers see.
pub struct Shown<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) verdict: &'a Verdict,
    pub(super) figures: Vec<Figure>,
    /// The engines side by side on the host, a workload each; or why there are none.
    pub(super) fields: Result<Vec<Field<'a>>, String>,
    /// The engines side by side in the guest, a workload each; or why there are none.
    pub(super) guest_fields: Result<Vec<Field<'a>>, String>,
}

/// The recall at which engines are compared where the criteria name none.
const FLOOR: f64 = 0.95;

impl<'a> Shown<'a> {
    pub fn of(evidence: &'a Evidence, verdict: &'a Verdict) -> Shown<'a> {
        let plan = evidence.criteria.comparison.as_ref();
        let floor = plan.map_or(FLOOR, |plan| plan.recall);
        let fields = |comparison: Result<Located<'a>, Finding>| {
            let comparison = comparison.map_err(|finding| finding.measured)?;
            let workloads = comparison.comparison().workloads.iter();
            Ok(workloads
                .map(|compared| Field::new(comparison.clone(), compared, floor))
                .collect())
        };
        Shown {
            evidence,
            verdict,
            figures: figures::of_places(evidence),
            fields: fields(evidence.comparison()),
            guest_fields: fields(evidence.comparison_in_guest()),
        }
    }
}
