// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds contradictions in what a run says twice: answers and their hashes, found rows and recall, the module of the
//! manifest and the one that the guest found.

use crate::anns::Hit;
use crate::bench::{self, Answer, answers_hash};
use crate::bundle::MODULE;
use crate::protocol::Outcome;
use crate::protocol::results::{IndexRun, PlaceRun, Workload};

use super::evidence::Evidence;

/// The first contradiction: what was said in two ways, if anything was.
pub fn contradiction(evidence: &Evidence) -> Option<String> {
    None.or_else(|| module(evidence))
        .or_else(|| evidence.guest.workload().ok().and_then(workload))
        .or_else(|| indexes(evidence))
        .or_else(|| host(evidence))
}

fn module(evidence: &Evidence) -> Option<String> {
    let bundled = evidence.manifest.as_ref().ok()?.files.get(MODULE)?;
    let found = &evidence.guest.module().ok()?.file_blake3;
    (bundled.blake3 != *found).then(|| {
        format!(
            "the guest had a module with BLAKE3 {found}, the bundle's has {}",
            bundled.blake3
        )
    })
}

fn workload(workload: &Workload) -> Option<String> {
    let truth: Vec<Vec<Hit>> = workload
        .truth
        .iter()
        .map(|rows| rows.iter().map(|&row| Hit { row, distance: 0 }).collect())
        .collect();
    let hash = bench::ids_hash(truth.iter().map(Vec::as_slice));
    if hash != workload.truth_blake3 {
        return Some(format!(
            "the exact ids hash to {hash}, not to {}",
            workload.truth_blake3
        ));
    }
    workload.places.iter().find_map(|(place, outcome)| {
        let Outcome::Ok { data } = outcome else {
            return None;
        };
        let PlaceRun {
            answers,
            result_hashes,
            unstable,
            recall,
            ..
        } = data;
        let found = answered(answers, result_hashes, unstable).or_else(|| {
            let (found, _) = bench::recall(&truth, answers);
            (found != *recall).then(|| format!("recall is {found}, not {recall}"))
        })?;
        Some(format!("the workload in {place}: {found}"))
    })
}

fn indexes(evidence: &Evidence) -> Option<String> {
    let cases = &evidence.guest.indexes().ok()?.cases;
    cases.iter().find_map(|case| {
        case.kinds.iter().find_map(|kind| {
            let runs = kind.outcome.as_result().ok()?;
            runs.places.iter().find_map(|(place, outcome)| {
                let IndexRun {
                    answers,
                    result_hashes,
                    unstable,
                    ..
                } = outcome.as_result().ok()?;
                let found = answered(answers, result_hashes, unstable)?;
                Some(format!("{} {} in {place}: {found}", case.name, kind.kind))
            })
        })
    })
}

fn host(evidence: &Evidence) -> Option<String> {
    let searches = evidence.host.as_ref().ok()?.searches.as_result().ok()?;
    [&searches.in_process, &searches.fuse]
        .into_iter()
        .find_map(|run| answered(&run.answers, &run.result_hashes, &run.unstable))
        .map(|found| format!("on the host: {found}"))
}

/// Compares answers, the hash of each, and the one hash of all for each run.
fn answered(
    answers: &[Answer],
    result_hashes: &[String],
    unstable: &Option<String>,
) -> Option<String> {
    if let Some(query) = answers.iter().position(|answer| !answer.fits_its_hash()) {
        return Some(format!("the answer to query {query} does not fit its hash"));
    }
    let hash = answers_hash(answers);
    let fit = result_hashes.iter().filter(|run| **run == hash).count();
    let expected = match unstable {
        None => fit == result_hashes.len(),
        Some(_) => fit < result_hashes.len(),
    };
    let first = result_hashes.first() == Some(&hash);
    (!first || !expected).then(|| "the answers do not fit the hashes of the runs".to_owned())
}
