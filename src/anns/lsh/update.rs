// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bringing an LSH index up to date: rows that are others or new are hashed by the projections that are there.

use super::build::{Hashing, write_buckets};
use super::{Index, Shape, section};
use crate::anns::building::{BuildError, Progress};
use crate::anns::file::{Bytes, Writer};
use crate::dataset::Matrix;

impl Index {
    /// Makes the index of all `rows`. Those that are `touched`, in ascending order, are others than it covers.
    pub fn update(
        &self,
        rows: &Matrix,
        touched: &[u32],
        progress: &dyn Progress,
    ) -> Result<Bytes, BuildError> {
        let header = self.sections.header();
        let shape @ Shape { tables, .. } = self.shape;
        let padded: &[f32] = self.sections.get(section::PROJECTIONS);
        let bias: &[f32] = self.sections.get(section::BIAS);
        let hashing = Hashing {
            projections: Matrix::from_padded(rows.dim(), padded),
            bias: bias.to_vec(),
        };
        let moving = rows.pick(touched.iter().map(|row| *row as usize));
        let moved = hashing.buckets(&moving, header.metric(), shape, progress)?;

        let mut numbers = vec![0; rows.rows() * tables];
        let starts: &[u32] = self.sections.get(section::STARTS);
        let members: &[u32] = self.sections.get(section::BUCKETS);
        let members = members.chunks_exact(header.rows as usize);
        for (table, (starts, members)) in
            starts.chunks_exact(shape.starts()).zip(members).enumerate()
        {
            for (bucket, ends) in (0..).zip(starts.windows(2)) {
                for row in &members[ends[0] as usize..ends[1] as usize] {
                    numbers[*row as usize * tables + table] = bucket;
                }
            }
        }
        for (row, moved) in touched.iter().zip(moved.chunks_exact(tables)) {
            numbers[*row as usize * tables..][..tables].copy_from_slice(moved);
        }
        let mut file = Writer::new(header.anew(rows), super::section_sizes)?;
        file.section(section::PROJECTIONS).copy_from_slice(padded);
        file.section(section::BIAS).copy_from_slice(bias);
        write_buckets(&mut file, &numbers, shape);
        Ok(file.seal(rows))
    }
}
