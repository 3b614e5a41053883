// SPDX-License-Identifier: MIT OR Apache-2.0
//! One series while it is measured.

use anyhow::{Result, ensure};

use super::truth::Truth;
use super::{Samples, Series};
use crate::bench::{Answer, Measured, answers_hash, first_divergence};
use crate::client::module_clock::Reading;
use crate::client::{Kind, Place};

/// One search for every query.
pub struct Pass {
    pub samples_ns: Vec<u64>,
    pub ids: Vec<Vec<u32>>,
    /// The answers with their distances; of our own kinds only.
    pub answers: Option<Vec<Answer>>,
    /// What the clock within the driver counted, where one is attached.
    pub inside: Option<Reading>,
}

impl Pass {
    /// Refuses a pass that is not one search for every query.
    pub fn whole(self, queries: usize) -> Result<Pass> {
        ensure!(
            self.samples_ns.len() == queries && self.ids.len() == queries,
            "{} times and {} answers came for {queries} queries",
            self.samples_ns.len(),
            self.ids.len()
        );
        ensure!(
            !self.samples_ns.contains(&0),
            "a search took no time at all"
        );
        Ok(self)
    }

    fn first_divergence(&self, later: &Pass) -> Option<String> {
        if let (Some(expected), Some(found)) = (&self.answers, &later.answers) {
            return first_divergence(expected, found);
        }
        let query = (0..self.ids.len()).find(|&query| self.ids[query] != later.ids[query])?;
        let (found, expected) = (&later.ids[query], &self.ids[query]);
        Some(format!(
            "query {query}: rows {found:?}, expected {expected:?}"
        ))
    }
}

/// A series as it is visited in each pass.
pub struct Visited {
    pub engine: String,
    pub kind: Kind,
    pub place: Option<Place>,
    pub effort: u32,
    pub effort_name: String,
    samples_ns: Vec<Vec<u64>>,
    inside: Vec<Reading>,
    /// The first timed pass.
    first: Option<Pass>,
    divergence: Option<String>,
    /// Why there is no figure. A series that has failed is not visited again.
    pub failed: Option<String>,
}

impl Visited {
    /// A series of which nothing was measured yet. Where the index could not be built, nothing will be.
    pub fn new(
        engine: &str,
        kind: Kind,
        place: Option<Place>,
        effort: u32,
        built: &Result<String, String>,
    ) -> Self {
        Visited {
            engine: engine.to_owned(),
            kind,
            place,
            effort,
            effort_name: built.clone().unwrap_or_default(),
            samples_ns: Vec::new(),
            inside: Vec::new(),
            first: None,
            divergence: None,
            failed: built.clone().err(),
        }
    }

    /// Takes a pass in; a warm-up leaves nothing behind unless it failed.
    pub fn take(&mut self, pass: Result<Pass>, timed: bool) {
        match pass {
            Err(error) => self.failed = Some(format!("{error:#}")),
            Ok(_) if !timed => {}
            Ok(pass) => {
                self.samples_ns.push(pass.samples_ns.clone());
                self.inside.extend(pass.inside);
                match &self.first {
                    None => self.first = Some(pass),
                    Some(first) if self.divergence.is_none() => {
                        let run = self.samples_ns.len() - 1;
                        self.divergence = first
                            .first_divergence(&pass)
                            .map(|divergence| format!("run {run}, {divergence}"));
                    }
                    Some(_) => {}
                }
            }
        }
    }

    /// Compares the answers of a search through a mount with those of the same search in process, and says where they
    /// first differ.
    pub fn hold_against(&self, in_process: &Visited) -> Option<String> {
        let (found, expected) = (self.first.as_ref()?, in_process.first.as_ref()?);
        let divergence = expected.first_divergence(found)?;
        Some(format!("against in process, {divergence}"))
    }

    pub fn diverges(&mut self, divergence: Option<String>) {
        self.divergence = self.divergence.take().or(divergence);
    }

    pub fn finish(self, truth: &Truth) -> Series {
        let measured = match (self.failed, self.first) {
            (Some(reason), _) => Err(reason),
            (None, None) => Err("nothing was timed".to_owned()),
            (None, Some(first)) => {
                let (recall_by_row, recall_by_distance) = truth.recall(&first.ids);
                Ok(Samples {
                    samples_ns: self.samples_ns,
                    recall_by_row,
                    recall_by_distance,
                    answers_blake3: first.answers.as_deref().map(answers_hash),
                    ids: first.ids,
                    divergence: self.divergence,
                    inside: self.inside,
                })
            }
        };
        Series {
            engine: self.engine,
            kind: self.kind,
            place: self.place,
            effort: self.effort,
            effort_name: self.effort_name,
            threads: 1,
            measured: Measured::from(measured),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Matrix;

    fn pass(ids: &[u32]) -> Pass {
        Pass {
            samples_ns: vec![5],
            ids: vec![ids.to_vec()],
            answers: None,
            inside: None,
        }
    }

    fn visited(passes: Vec<Result<Pass>>) -> Samples {
        finished(passes).value.unwrap()
    }

    fn finished(passes: Vec<Result<Pass>>) -> Measured<Samples> {
        let mut visited = Visited::new("faiss", Kind::Flat, None, 0, &Ok("".into()));
        for pass in passes {
            visited.take(pass, true);
        }
        let rows = Matrix::from_row(&[1.0]);
        visited.finish(&Truth::of(&rows, &rows, 1)).measured
    }

    #[test]
    fn a_later_run_that_answers_otherwise_is_named() {
        let samples = visited(vec![Ok(pass(&[0])), Ok(pass(&[0])), Ok(pass(&[]))]);
        assert_eq!(
            samples.divergence.unwrap(),
            "run 2, query 0: rows [], expected [0]"
        );
        assert_eq!(samples.recall_by_row, 1.0);
        assert_eq!(
            visited(vec![Ok(pass(&[0])), Ok(pass(&[0]))]).divergence,
            None
        );
    }

    #[test]
    fn what_failed_midway_has_a_reason_and_no_figure() {
        let measured = finished(vec![Ok(pass(&[0])), Err(anyhow::anyhow!("it died"))]);
        assert_eq!(
            (measured.value, measured.reason.as_deref()),
            (None, Some("it died"))
        );
        assert_eq!(
            finished(vec![]).reason.as_deref(),
            Some("nothing was timed")
        );
    }

    #[test]
    fn half_a_pass_and_a_search_in_no_time_are_refused() {
        assert!(pass(&[0]).whole(1).is_ok());
        let refused = |pass: Pass, queries| pass.whole(queries).err().unwrap().to_string();
        assert_eq!(
            refused(pass(&[0]), 2),
            "1 times and 1 answers came for 2 queries"
        );
        let at_once = Pass {
            samples_ns: vec![0],
            ..pass(&[0])
        };
        assert_eq!(refused(at_once, 1), "a search took no time at all");
    }
}
