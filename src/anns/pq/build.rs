// SPDX-License-Identifier: MIT OR Apache-2.0
//! Building a PQ index: sub-quantizers from a sample of the rows, then a code for each row.

use std::sync::atomic::{AtomicU64, Ordering};

use rand_pcg::Pcg64;
use rayon::prelude::*;

use super::scan::{GROUP, Pair};
use super::table::CENTROIDS;
use super::{Codebook, NBITS, Parameters, param, section};
use crate::anns::building::{BuildError, Progress};
use crate::anns::file::{Bytes, Header, Kind, Writer};
use crate::anns::kmeans::{self, Geometry};
use crate::anns::{Metric, directions};
use crate::dataset::Matrix;

/// How many rows a centroid is trained with, on average.
const SAMPLE: usize = 256;
const ITERATIONS: usize = 25;
/// Groups that a thread codes at a time.
const CHUNK: usize = 64;

/// Builds an index of all rows with the threads of the pool that it is called in. The result does not depend on their
/// number.
pub fn build(
    rows: &Matrix,
    metric: Metric,
    parameters: &Parameters,
    seed: u64,
    progress: &dyn Progress,
) -> Result<Bytes, BuildError> {
    parameters.check()?;
    let m = parameters.m(rows.dim());
    let sub = rows.dim().div_ceil(m as usize);
    let mut header = Header::new(Kind::Pq, metric, rows, seed);
    header.effort = parameters.rerank;
    header.param[param::M] = m;
    header.param[param::NBITS] = NBITS;
    header.param[param::SUB] = sub as u32;
    let mut file = Writer::new(header, super::section_sizes)?;

    let directed;
    let vectors = match metric {
        Metric::L2 | Metric::InnerProduct => rows,
        Metric::Cosine => {
            directed = directions::of(rows);
            &directed
        }
    };
    let centroids = train(vectors, m as usize, sub, seed, progress)?;
    file.section(section::CODEBOOK).copy_from_slice(&centroids);
    let pairs = m as usize / 2;
    let codes = bytemuck::cast_slice_mut(file.section::<u8>(section::CODES));
    code(
        vectors,
        &Codebook::new(&centroids, sub),
        pairs,
        codes,
        progress,
    )?;
    Ok(file.seal(rows))
}

/// Trains 16 centroids of `sub` elements for each of `m` sub-quantizers.
fn train(
    vectors: &Matrix,
    m: usize,
    sub: usize,
    seed: u64,
    progress: &dyn Progress,
) -> Result<Vec<f32>, BuildError> {
    let sample = kmeans::sample(
        vectors.rows(),
        CENTROIDS * SAMPLE,
        &mut Pcg64::new(seed.into(), 0),
    );
    let done = AtomicU64::new(0);
    let quantizers: Vec<Matrix> = (0..m)
        .into_par_iter()
        .map(|s| {
            let mut points = Matrix::new(sub);
            let mut point = vec![0.0; sub];
            for row in &sample {
                let padded = vectors.row(*row).iter().chain(std::iter::repeat(&0.0));
                for (element, x) in point.iter_mut().zip(padded.skip(s * sub)) {
                    *element = *x;
                }
                points.push(&point);
            }
            let mut random = Pcg64::new(seed.into(), s as u128 + 1);
            let trained = kmeans::train(
                &points,
                CENTROIDS,
                Geometry::Euclidean,
                ITERATIONS,
                &mut random,
                |_, _| progress.go_on(),
            );
            progress.report(done.fetch_add(1, Ordering::Relaxed) + 1, m as u64);
            trained
        })
        .collect::<Result<_, _>>()?;
    Ok(quantizers
        .iter()
        .flat_map(|centroids| centroids.iter().flatten().copied())
        .collect())
}

/// Fills in the codes of all groups.
fn code(
    vectors: &Matrix,
    codebook: &Codebook,
    pairs: usize,
    codes: &mut [Pair],
    progress: &dyn Progress,
) -> Result<(), BuildError> {
    let done = AtomicU64::new(0);
    codes
        .par_chunks_mut(CHUNK * pairs)
        .enumerate()
        .try_for_each(|(chunk, codes)| {
            progress.go_on()?;
            let first = chunk * CHUNK * GROUP;
            let end = vectors.rows().min(first + CHUNK * GROUP);
            for row in first..end {
                let (group, place) = ((row - first) / GROUP, row % GROUP);
                let group = &mut codes[group * pairs..][..pairs];
                for (s, code) in codebook.codes(vectors.row(row)).enumerate() {
                    group[s / 2][place] |= code << (s % 2 * NBITS as usize);
                }
            }
            let coded = (end - first) as u64;
            let done = done.fetch_add(coded, Ordering::Relaxed) + coded;
            progress.report(done, vectors.rows() as u64);
            Ok(())
        })
}
