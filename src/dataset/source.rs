// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the vectors of a run come from: a seed, or a file of the user.

use serde::{Deserialize, Serialize};

use super::workload::{Vectors, Workload, WorkloadError};
use super::{FileError, hash};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "neither a workload (name, seed, rows, dim, queries) \
                 nor given vectors (name, rows, dim, queries, vectors_blake3, queries_blake3)"
)]
pub enum Source {
    Generated(Workload),
    Given(Given),
}

/// What identifies vectors that cannot be generated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// The name of the file, without its folder.
    pub name: String,
    pub rows: usize,
    pub dim: usize,
    pub queries: usize,
    /// The BLAKE3 hash of the little-endian f32 rows.
    pub vectors_blake3: String,
    pub queries_blake3: String,
}

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the vectors of {0} are asked for, which were not given: name that file by --dataset")]
    NotGiven(String),
    #[error("the {what} that were given as {name} hash to {found}, not to {expected}")]
    Differs {
        what: &'static str,
        name: String,
        found: String,
        expected: String,
    },
}

impl Source {
    pub fn rows(&self) -> usize {
        match self {
            Source::Generated(workload) => workload.rows,
            Source::Given(given) => given.rows,
        }
    }

    pub fn dim(&self) -> usize {
        match self {
            Source::Generated(workload) => workload.dim,
            Source::Given(given) => given.dim,
        }
    }

    pub fn queries(&self) -> usize {
        match self {
            Source::Generated(workload) => workload.queries,
            Source::Given(given) => given.queries,
        }
    }

    /// Generates the vectors, or takes those that `read` returns if they are the ones that are meant.
    pub fn vectors(
        &self,
        read: impl FnOnce() -> Result<Option<Vectors>, FileError>,
    ) -> Result<Vectors, SourceError> {
        match self {
            Source::Generated(workload) => Ok(workload.generate()?),
            Source::Given(given) => {
                let missing = || SourceError::NotGiven(given.name.clone());
                let vectors = read()?.ok_or_else(missing)?;
                given.verify(&vectors)?;
                Ok(vectors)
            }
        }
    }
}

impl Given {
    pub fn of(name: String, Vectors { vectors, queries }: &Vectors) -> Given {
        Given {
            name,
            rows: vectors.rows(),
            dim: vectors.dim(),
            queries: queries.rows(),
            vectors_blake3: hash::rows(vectors).to_string(),
            queries_blake3: hash::rows(queries).to_string(),
        }
    }

    fn verify(&self, vectors: &Vectors) -> Result<(), SourceError> {
        let found = Given::of(self.name.clone(), vectors);
        for (what, found, expected) in [
            ("vectors", found.vectors_blake3, &self.vectors_blake3),
            ("queries", found.queries_blake3, &self.queries_blake3),
        ] {
            if found != *expected {
                return Err(SourceError::Differs {
                    what,
                    name: self.name.clone(),
                    found,
                    expected: expected.clone(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::workload::Name;
    use super::*;

    fn generated() -> (Workload, Vectors) {
        let workload = Workload {
            rows: 20,
            dim: 3,
            queries: 2,
            ..Workload::new(Name::Clustered)
        };
        (workload, workload.generate().unwrap())
    }

    #[test]
    fn each_kind_of_source_is_told_from_the_other() {
        let (workload, vectors) = generated();
        let sources = [
            Source::Generated(workload),
            Source::Given(Given::of("a.npy".into(), &vectors)),
        ];
        for source in sources {
            let text = serde_json::to_string(&source).unwrap();
            assert_eq!(serde_json::from_str::<Source>(&text).unwrap(), source);
            assert_eq!((source.rows(), source.dim(), source.queries()), (20, 3, 2));
        }
        let error = serde_json::from_str::<Source>(r#"{"name": "inherited"}"#).unwrap_err();
        assert!(error.to_string().contains("vectors_blake3"), "{error}");
    }

    #[test]
    fn only_the_vectors_that_are_meant_are_taken() {
        let (_, vectors) = generated();
        let source = Source::Given(Given::of("a.npy".into(), &vectors));
        let (_, again) = generated();
        assert!(source.vectors(|| Ok(Some(again))).is_ok());
        let error = source.vectors(|| Ok(None)).unwrap_err().to_string();
        assert!(
            error.contains("a.npy") && error.contains("--dataset"),
            "{error}"
        );

        let mut other = vectors.clone();
        other.queries = other.vectors.clone();
        let error = source.vectors(|| Ok(Some(other))).unwrap_err().to_string();
        assert!(
            error.starts_with("the queries that were given as a.npy"),
            "{error}"
        );
    }
}
