// SPDX-License-Identifier: MIT OR Apache-2.0
//! The workloads that a reviewer can repeat with a few lines of NumPy (`docs/workloads.md`).

use serde::{Deserialize, Serialize};

use super::numpy_random::{Generator, RandomState, Uniform};
use super::{DIM_MAX, Matrix, ROWS_MAX};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Name {
    /// NumPy RandomState(seed): independent, uniform elements.
    Inherited,
    /// NumPy PCG64(seed): points around rows / 100 centres.
    Clustered,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Name::Inherited => "inherited",
            Name::Clustered => "clustered",
        })
    }
}

/// A workload, which these figures determine completely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    pub name: Name,
    pub seed: u64,
    pub rows: usize,
    pub dim: usize,
    pub queries: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    #[error(
        "the inherited workload takes seeds up to 4294967295, as NumPy's RandomState does; {0} is larger"
    )]
    Seed(u64),
    #[error("a dimension of {0} was asked for, but it must be 1 to {DIM_MAX}")]
    Dimension(usize),
    #[error("{0} rows were asked for, but there must be 1 to {ROWS_MAX}")]
    Rows(usize),
}

/// The vectors of a workload, and the queries that are searched in them.
#[derive(Clone, Debug)]
pub struct Vectors {
    pub vectors: Matrix,
    pub queries: Matrix,
}

impl Workload {
    /// Returns the workload of this name with its usual seed and size.
    pub fn new(name: Name) -> Self {
        Workload {
            name,
            seed: 42,
            rows: 10_000,
            dim: 128,
            queries: 100,
        }
    }

    pub fn generate(&self) -> Result<Vectors, WorkloadError> {
        if !(1..=DIM_MAX).contains(&self.dim) {
            return Err(WorkloadError::Dimension(self.dim));
        }
        if let Some(rows) = [self.rows, self.queries]
            .into_iter()
            .find(|rows| !(1..=ROWS_MAX).contains(rows))
        {
            return Err(WorkloadError::Rows(rows));
        }
        match self.name {
            Name::Inherited => {
                let seed = u32::try_from(self.seed).map_err(|_| WorkloadError::Seed(self.seed))?;
                Ok(self.uniform(RandomState::new(seed)))
            }
            Name::Clustered => Ok(self.clustered(Generator::new(self.seed))),
        }
    }

    fn uniform(&self, mut source: impl Uniform) -> Vectors {
        let mut draw = |rows| fill(rows, self.dim, |row| row.fill_with(|| source.next() as f32));
        Vectors {
            vectors: draw(self.rows),
            queries: draw(self.queries),
        }
    }

    fn clustered(&self, mut source: impl Uniform) -> Vectors {
        let centres = (self.rows / 100).max(1);
        let centre: Vec<f64> = (0..centres * self.dim).map(|_| source.next()).collect();
        let mut draw = |rows: usize| {
            let chosen: Vec<usize> = (0..rows)
                .map(|_| (source.next() * centres as f64) as usize)
                .collect();
            let mut chosen = chosen.into_iter();
            fill(rows, self.dim, |row| {
                let start = chosen.next().expect("one centre a row") * self.dim;
                for (element, centre) in row.iter_mut().zip(&centre[start..]) {
                    // The sum of four uniforms comes near enough to a bell curve. Halving twice is exact, so only the
                    // additions, from left to right, and the last cast round.
                    let noise = source.next() + source.next() + source.next() + source.next();
                    *element = (centre + 0.25 * (noise - 2.0)) as f32;
                }
            })
        };
        Vectors {
            vectors: draw(self.rows),
            queries: draw(self.queries),
        }
    }
}

/// Makes a matrix whose rows `write` fills in, one after the other.
fn fill(rows: usize, dim: usize, mut write: impl FnMut(&mut [f32])) -> Matrix {
    let mut matrix = Matrix::new(dim);
    let mut row = vec![0.0; dim];
    for _ in 0..rows {
        write(&mut row);
        matrix.push(&row);
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::hash;

    #[test]
    fn inherited_is_numpys_to_the_bit() {
        let Vectors { vectors, queries } = Workload::new(Name::Inherited).generate().unwrap();
        assert_eq!(
            hash::rows(&vectors).to_hex().as_str(),
            "d3d19df5590eecccbb1223fe5bd65071a4c41a559ea3c18de335679ba67fda28"
        );
        assert_eq!(
            hash::rows(&queries).to_hex().as_str(),
            "5eee471a22ffcd22e30ffb7cdb482c1db7b7d4edb3dc31778803a8129b517f44"
        );
    }

    #[test]
    fn impossible_sizes_and_seeds_are_refused() {
        let refuse = |change: fn(&mut Workload)| {
            let mut workload = Workload::new(Name::Inherited);
            change(&mut workload);
            workload.generate().unwrap_err().to_string()
        };
        assert!(refuse(|w| w.seed = 1 << 32).contains("4294967296"));
        assert!(refuse(|w| w.dim = 0).contains("dimension of 0"));
        assert!(refuse(|w| w.dim = 65_537).contains("dimension of 65537"));
        assert!(refuse(|w| w.rows = 0).contains("0 rows"));
        assert!(refuse(|w| w.queries = 0).contains("0 rows"));
    }
}
