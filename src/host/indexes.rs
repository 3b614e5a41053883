// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the indexes of the criteria on the host, from the same rows as in the guest: on another machine, and on more
//! threads.

use std::time::Instant;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::anns::Metric;
use crate::anns::index;
use crate::client::Kind;
use crate::dataset::Matrix;
use crate::dataset::workload::Vectors;
use crate::exercise::building;
use crate::protocol::results::Built;
use crate::protocol::{Build, Outcome};

use crate::criteria::Criteria;

/// The number of threads, unlike in the guest, which has one CPU.
const THREADS: usize = 2;

/// An index that was built on the host. Times are of this machine and vary; they stand in `host.json`, not in
/// `results.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostIndex {
    pub case: String,
    pub kind: Kind,
    pub threads: usize,
    pub built: Outcome<Built>,
}

/// Builds all indexes. `given` are the vectors of a source that cannot be generated.
pub fn build_all(
    criteria: &Criteria,
    given: Option<&Vectors>,
    tell: &dyn Fn(&str),
) -> Result<Vec<HostIndex>> {
    let mut all = Vec::new();
    for case in &criteria.indexes {
        tell(&format!("host: building the indexes of {}", case.name));
        let rows = case.workload.vectors(|| Ok(given.cloned()))?.vectors;
        for asked in &case.kinds {
            if let Some(of) = asked.kind.index() {
                all.push(HostIndex {
                    case: case.name.clone(),
                    kind: asked.kind,
                    threads: THREADS,
                    built: build(asked.build, &rows, case.metric, of).into(),
                });
            }
        }
    }
    Ok(all)
}

fn build(asked: Build, rows: &Matrix, metric: Metric, kind: index::Kind) -> Result<Built> {
    let begun = Instant::now();
    let file = building::build_as(asked, rows, metric, kind, THREADS, &index::Unobserved)?;
    Ok(Built {
        build_ns: u64::try_from(begun.elapsed().as_nanos())?,
        bytes: file.len() as u64,
        blake3: blake3::hash(&file).to_string(),
    })
}
