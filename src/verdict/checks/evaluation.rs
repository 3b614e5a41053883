// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an evaluation of a check is made of.

use crate::criteria::Criterion;
use crate::criteria::check::Finding;
use crate::verdict::evidence::Evidence;

/// An evaluation: what was found, or, early, why nothing could be.
pub type Evaluated = Result<Finding, Finding>;

pub type Evaluate = fn(&Evidence, &Criterion) -> Evaluated;

/// The figure of a criterion that has one.
pub fn limit(criterion: &Criterion) -> Result<f64, Finding> {
    criterion.limit.ok_or_else(|| {
        Finding::could_not_run(format!("the criterion of {} has no limit", criterion.id))
    })
}
