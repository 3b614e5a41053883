// SPDX-License-Identifier: MIT OR Apache-2.0
//! One place of a measurement: what was written through it, and the timed passes made there so far.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::bench::{self, Measurement, first_divergence};
use crate::client::{Method, Searcher};
use crate::dataset::Matrix;

/// Bytes of one write.
const CHUNK: usize = 1 << 20;

/// Passes that take turns with those of other places.
pub struct Series {
    searcher: Searcher,
    measured: Option<Measurement>,
}

impl Series {
    pub fn new(searcher: Searcher) -> Self {
        Series {
            searcher,
            measured: None,
        }
    }

    /// Makes one timed pass over all queries, after `warmups` passes that are not timed.
    pub fn run(&mut self, queries: &Matrix, method: Method, warmups: u32) -> Result<()> {
        let options = bench::Options {
            method,
            warmups: warmups as usize,
            runs: 1,
            threads: 1,
            batch: 1,
        };
        let run = bench::run(&self.searcher, queries, options)?;
        match &mut self.measured {
            None => self.measured = Some(run),
            Some(measured) => append(measured, run),
        }
        Ok(())
    }

    /// Closes the file and returns the measurement of all passes.
    pub fn finish(self) -> Result<Measurement> {
        self.measured.context("no run was asked for")
    }
}

/// Adds a later run to the earlier ones.
fn append(measured: &mut Measurement, run: Measurement) {
    if measured.unstable.is_none() {
        let number = measured.result_hashes.len();
        measured.unstable = first_divergence(&measured.answers, &run.answers)
            .map(|divergence| format!("run {number}, {divergence}"));
    }
    measured.samples_ns.extend(run.samples_ns);
    measured.elapsed_ns.extend(run.elapsed_ns);
    measured.result_hashes.extend(run.result_hashes);
    measured.inside.extend(run.inside);
}

/// Does the next thing with a subject that has not failed yet; a failure takes its place.
pub fn advance<T>(subject: &mut Result<T>, next: impl FnOnce(&mut T) -> Result<()>) {
    if let Ok(alive) = subject
        && let Err(error) = next(alive)
    {
        *subject = Err(error);
    }
}

/// Writes a file and waits until it is stored. Returns the nanoseconds that this took.
pub fn write(path: &Path, content: &[u8]) -> Result<u64> {
    let begun = Instant::now();
    File::create(path)
        .and_then(|mut file| {
            content
                .chunks(CHUNK)
                .try_for_each(|chunk| file.write_all(chunk))?;
            file.sync_all()
        })
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(u64::try_from(begun.elapsed().as_nanos())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anns::Hit;
    use crate::bench::Answer;
    use anyhow::anyhow;

    fn measurement(row: u32) -> Measurement {
        Measurement {
            samples_ns: vec![vec![1]],
            elapsed_ns: vec![1],
            answers: vec![Answer::new(&[Hit { row, distance: 0 }])],
            result_hashes: vec![row.to_string()],
            unstable: None,
            inside: Vec::new(),
        }
    }

    #[test]
    fn the_first_run_that_diverges_is_named_and_stays_named() {
        let mut measured = measurement(7);
        append(&mut measured, measurement(7));
        assert_eq!(measured.unstable, None);
        append(&mut measured, measurement(8));
        append(&mut measured, measurement(9));
        let divergence = measured.unstable.unwrap();
        assert!(divergence.starts_with("run 2, query 0, rank 0: row 8"));
        assert_eq!(measured.result_hashes, ["7", "7", "8", "9"]);
        assert_eq!(measured.samples_ns.len(), 4);
    }

    #[test]
    fn a_failure_stays_and_nothing_follows_it() {
        let mut subject = Ok(0);
        advance(&mut subject, |count| {
            *count += 1;
            Err(anyhow!("the mount is gone"))
        });
        advance(&mut subject, |_| panic!("nothing follows a failure"));
        assert_eq!(subject.unwrap_err().to_string(), "the mount is gone");
    }
}
