// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a file of the user's says about its own vectors.

use super::super::check::Finding;
use super::super::criteria::Criterion;
use super::super::evidence::Evidence;
use super::Evaluated;

pub fn truth(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let own = evidence.own.as_ref();
    let own = own.ok_or_else(|| Finding::skipped("the vectors are generated"))?;
    Ok(own.file_truth.clone())
}
