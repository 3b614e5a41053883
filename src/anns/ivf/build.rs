// SPDX-License-Identifier: MIT OR Apache-2.0
//! Building an IVF index: centroids from a sample of the rows, a list around each, codes list by list.

use std::sync::atomic::{AtomicU64, Ordering};

use rand_pcg::Pcg64;
use rayon::prelude::*;

use super::{Parameters, param, section};
use crate::anns::building::{BuildError, Progress};
use crate::anns::code::{self, Codes, Quantizer};
use crate::anns::file::{Bytes, Header, Kind, Writer};
use crate::anns::kmeans::{self, Geometry};
use crate::anns::partition::Partition;
use crate::anns::{Metric, directions};
use crate::dataset::Matrix;

/// How many rows a centroid is trained with, on average.
const SAMPLE: usize = 256;
const ITERATIONS: usize = 10;
/// Rows that a thread codes at a time.
const CHUNK: usize = 1024;

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
    let nlist = parameters.nlist(rows.rows());
    let geometry = geometry(metric);
    let centroids = train(rows, nlist as usize, geometry, seed, progress)?;
    let assigned = kmeans::assign(rows, &centroids, geometry, |done| {
        progress.report(done as u64, rows.rows() as u64);
        progress.go_on()
    })?;
    let lists = Partition::of(assigned.into_iter(), nlist as usize);

    let quantizer = Quantizer::fit(rows, metric);
    let (codes, coded) = encode(rows, metric, &quantizer, &lists.members, progress)?;

    let mut header = Header::new(Kind::Ivf, metric, rows, seed);
    header.effort = parameters.nprobe;
    header.exact = u32::from(!coded);
    header.param[param::NLIST] = nlist;
    header.param[param::RERANK] = parameters.rerank;
    let coded = coded.then_some((&quantizer, &codes));
    write(header, centroids.padded(), &lists, coded, rows)
}

/// Returns how the nearest centroid of a row is found.
pub(super) fn geometry(metric: Metric) -> Geometry {
    match metric {
        Metric::L2 => Geometry::Euclidean,
        Metric::InnerProduct | Metric::Cosine => Geometry::Spherical,
    }
}

/// Codes rows, in the order in which they are given. Returns also whether the codes tell them apart.
pub(super) fn encode(
    rows: &Matrix,
    metric: Metric,
    quantizer: &Quantizer,
    members: &[u32],
    progress: &dyn Progress,
) -> Result<(Bytes, bool), BuildError> {
    let stride = code::stride(rows.dim());
    let mut codes = Bytes::zeroed(members.len() * stride)?;
    let done = AtomicU64::new(0);
    codes
        .par_chunks_mut(CHUNK * stride)
        .zip(members.par_chunks(CHUNK))
        .try_for_each(|(codes, members)| -> Result<(), BuildError> {
            progress.go_on()?;
            for (codes, row) in codes.chunks_exact_mut(stride).zip(members) {
                let codes = bytemuck::cast_slice_mut(codes);
                quantizer.encode_row(rows, metric, *row as usize, codes);
            }
            let coded = members.len() as u64;
            let done = done.fetch_add(coded, Ordering::Relaxed) + coded;
            progress.report(done, rows.rows() as u64);
            Ok(())
        })?;
    let all = Codes::new(bytemuck::cast_slice(&codes), stride);
    let fit = code::fit(rows, metric, quantizer, all, members);
    Ok((codes, fit))
}

/// Returns the file. Without a quantizer it has no codes.
pub(super) fn write(
    header: Header,
    centroids: &[f32],
    lists: &Partition,
    coded: Option<(&Quantizer, &Bytes)>,
    rows: &Matrix,
) -> Result<Bytes, BuildError> {
    let mut file = Writer::new(header, super::section_sizes)?;
    file.section(section::CENTROIDS).copy_from_slice(centroids);
    file.section(section::STARTS).copy_from_slice(&lists.starts);
    file.section(section::ROWS).copy_from_slice(&lists.members);
    if let Some((quantizer, codes)) = coded {
        quantizer.write(file.section(section::QUANT));
        file.section::<u8>(section::CODES).copy_from_slice(codes);
    }
    Ok(file.seal(rows))
}

fn train(
    rows: &Matrix,
    nlist: usize,
    geometry: Geometry,
    seed: u64,
    progress: &dyn Progress,
) -> Result<Matrix, BuildError> {
    let mut random = Pcg64::new(seed.into(), 0);
    let mut points = rows.pick(kmeans::sample(rows.rows(), nlist * SAMPLE, &mut random));
    if geometry == Geometry::Spherical {
        points = directions::of(&points);
    }
    kmeans::train(
        &points,
        nlist,
        geometry,
        ITERATIONS,
        &mut random,
        |iteration, done| {
            let all = points.rows();
            progress.report((iteration * all + done) as u64, (ITERATIONS * all) as u64);
            progress.go_on()
        },
    )
}
