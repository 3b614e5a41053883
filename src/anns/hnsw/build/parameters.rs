// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a graph is built.

use crate::anns::building::BuildError;
use crate::anns::file::EFFORT_MAX;

#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// M: how many links a node has on a level. On the lowest level it has twice as many.
    pub m: usize,
    /// The number of candidates from which a new node's links are chosen (efConstruction).
    pub ef_construction: usize,
    /// The effort of a search that asks for none (efSearch).
    pub ef_search: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            m: 16,
            ef_construction: 200,
            ef_search: 64,
        }
    }
}

impl Parameters {
    pub(super) fn check(&self) -> Result<(), BuildError> {
        let demands = [
            ((2..=128).contains(&self.m), "M must be 2 to 128"),
            (
                (1..=EFFORT_MAX as usize).contains(&self.ef_construction),
                "efConstruction must be 1 to 65536",
            ),
            (
                (1..=EFFORT_MAX).contains(&self.ef_search),
                "efSearch must be 1 to 65536",
            ),
        ];
        match demands.into_iter().find(|(met, _)| !met) {
            Some((_, demand)) => Err(BuildError::Parameter(demand)),
            None => Ok(()),
        }
    }
}
