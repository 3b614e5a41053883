// SPDX-License-Identifier: MIT OR Apache-2.0
//! K-means: the centroids of IVF's lists and of PQ's sub-quantizers.
//!
//! The result depends on the points, the number of centroids and the seed, not on the number of threads. Distances are
//! the canonical ones, and each mean is summed up in the order of the points, in f64.

use rand_core::Rng;
use rand_pcg::Pcg64;
use rayon::prelude::*;

use super::distance::{Backend, Query, Rows};
use super::partition::Partition;
use super::topk::TopK;
use super::{Hit, Metric};
use crate::dataset::Matrix;

/// Points that a thread takes at a time.
const CHUNK: usize = 64;

/// Points after which `between` is called again.
const PART: usize = 4096;

/// What nearness to a centroid means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Geometry {
    /// Points are near by their L2 distance; a centroid is the mean of its points.
    Euclidean,
    /// Directions are near by their inner product; a centroid is the sum of its points, scaled to a length of 1.
    Spherical,
}

impl Geometry {
    fn metric(self) -> Metric {
        match self {
            Geometry::Euclidean => Metric::L2,
            Geometry::Spherical => Metric::InnerProduct,
        }
    }
}

/// Draws `count` of the numbers below `of`, or all if there are fewer. They come in ascending order, and each is
/// equally likely.
pub fn sample(of: usize, count: usize, random: &mut Pcg64) -> Vec<usize> {
    let mut wanted = count.min(of);
    let mut chosen = Vec::with_capacity(wanted);
    for i in 0..of {
        if below(of - i, random) < wanted {
            chosen.push(i);
            wanted -= 1;
        }
    }
    chosen
}

/// Draws a number below `of`.
fn below(of: usize, random: &mut Pcg64) -> usize {
    ((u128::from(random.next_u64()) * of as u128) >> 64) as usize
}

/// Finds the nearest centroid of each point. `between` is called now and then with the number of points that are done;
/// an error that it returns ends the search.
pub fn assign<E>(
    points: &Matrix,
    centroids: &Matrix,
    geometry: Geometry,
    between: impl FnMut(usize) -> Result<(), E>,
) -> Result<Vec<u32>, E> {
    let hits = nearest(points, centroids, geometry, between)?;
    Ok(hits.into_iter().map(|hit| hit.row).collect())
}

/// Trains `k` centroids on at least one point. `between` is called now and then with the number of the iteration and
/// how many points are done in it. An error that it returns ends the training.
pub fn train<E>(
    points: &Matrix,
    k: usize,
    geometry: Geometry,
    iterations: usize,
    random: &mut Pcg64,
    mut between: impl FnMut(usize, usize) -> Result<(), E>,
) -> Result<Matrix, E> {
    let first = sample(points.rows(), k, random);
    let mut centroids = Matrix::new(points.dim());
    for point in first.iter().cycle().take(k) {
        centroids.push(points.row(*point));
    }
    let mut before: Vec<u32> = Vec::new();
    for iteration in 0..iterations {
        let hits = nearest(points, &centroids, geometry, |done| {
            between(iteration, done)
        })?;
        let assigned: Vec<u32> = hits.iter().map(|hit| hit.row).collect();
        if assigned == before {
            break;
        }
        centroids = means(points, &hits, k, geometry);
        before = assigned;
    }
    Ok(centroids)
}

/// Finds the nearest centroid of each point, and its distance.
fn nearest<E>(
    points: &Matrix,
    centroids: &Matrix,
    geometry: Geometry,
    mut between: impl FnMut(usize) -> Result<(), E>,
) -> Result<Vec<Hit>, E> {
    let mut hits = Vec::with_capacity(points.rows());
    while hits.len() < points.rows() {
        between(hits.len())?;
        let part = hits.len()..points.rows().min(hits.len() + PART);
        let part = part.into_par_iter().with_min_len(CHUNK).map(|point| {
            let mut nearest = TopK::new(1);
            let query = Query::new(geometry.metric(), points.padded_row(point));
            let rows = Rows::new(centroids.padded(), &[]);
            Backend::best().scan(&query, rows, 0..centroids.rows(), &mut nearest);
            nearest.into_hits()[0]
        });
        hits.par_extend(part);
    }
    Ok(hits)
}

/// Moves each of `k` centroids to the mean of the points that are nearest to it. A centroid without such points becomes
/// a point that is far from its own centroid.
fn means(points: &Matrix, hits: &[Hit], k: usize, geometry: Geometry) -> Matrix {
    let members = Partition::of(hits.iter().map(|hit| hit.row), k);
    let means: Vec<Option<Vec<f32>>> = (0..k)
        .into_par_iter()
        .map(|centroid| {
            let members = members.of_part(centroid);
            (!members.is_empty()).then(|| mean(points, members, geometry))
        })
        .collect();
    let missing = means.iter().filter(|mean| mean.is_none()).count();
    let mut far = far_points(hits, missing).into_iter();
    let mut centroids = Matrix::new(points.dim());
    for mean in means {
        match mean {
            Some(mean) => centroids.push(&mean),
            None => centroids.push(points.row(far.next().unwrap_or(0))),
        }
    }
    centroids
}

fn mean(points: &Matrix, members: &[u32], geometry: Geometry) -> Vec<f32> {
    let mut sums = vec![0f64; points.dim()];
    for member in members {
        for (sum, element) in sums.iter_mut().zip(points.row(*member as usize)) {
            *sum += f64::from(*element);
        }
    }
    let scale = match geometry {
        Geometry::Euclidean => 1.0 / members.len() as f64,
        Geometry::Spherical => {
            let square: f64 = sums.iter().map(|sum| sum * sum).sum();
            if square > 0.0 {
                1.0 / square.sqrt()
            } else {
                0.0
            }
        }
    };
    sums.iter().map(|sum| (sum * scale) as f32).collect()
}

/// Finds the `count` points furthest from their centroids, or all if there are fewer. Among equally far points, earlier
/// ones come first.
fn far_points(hits: &[Hit], count: usize) -> Vec<usize> {
    if count == 0 {
        return Vec::new();
    }
    let mut points: Vec<usize> = (0..hits.len()).collect();
    points.sort_by(|a, b| hits[*b].distance().total_cmp(&hits[*a].distance()));
    points.truncate(count);
    points
}
