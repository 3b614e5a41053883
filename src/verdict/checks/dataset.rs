// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks what a file of the user's says about its own vectors.

use super::evaluation::Evaluated;
use crate::criteria::Criterion;
use crate::criteria::check::Finding;
use crate::verdict::evidence::Evidence;

pub fn truth(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let own = evidence.own.as_ref();
    let own = own.ok_or_else(|| Finding::skipped("the vectors are generated"))?;
    Ok(own.file_truth.clone())
}
