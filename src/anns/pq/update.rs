// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bringing a PQ index up to date: rows that are others or new get codes by the codebook that is there.

use super::scan::{GROUP, Pair};
use super::{Index, NBITS, param, section};
use crate::anns::building::{BuildError, Progress};
use crate::anns::file::{Bytes, Writer};
use crate::anns::{Metric, directions};
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
        let pairs = header.param[param::M] as usize / 2;
        let mut file = Writer::new(header.anew(rows), super::section_sizes)?;
        let centroids: &[f32] = self.sections.get(section::CODEBOOK);
        file.section(section::CODEBOOK).copy_from_slice(centroids);
        let before: &[u8] = self.sections.get(section::CODES);
        let codes = file.section::<u8>(section::CODES);
        codes[..before.len()].copy_from_slice(before);

        let codes: &mut [Pair] = bytemuck::cast_slice_mut(codes);
        for (done, row) in touched.iter().enumerate() {
            if done % 1024 == 0 {
                progress.report(done as u64, touched.len() as u64);
                progress.go_on()?;
            }
            let row = *row as usize;
            let mut vector = Matrix::from_row(rows.row(row));
            if header.metric() == Metric::Cosine {
                vector = directions::of(&vector);
            }
            let group = &mut codes[row / GROUP * pairs..][..pairs];
            for (s, code) in self.codebook.codes(vector.row(0)).enumerate() {
                let shift = s % 2 * NBITS as usize;
                let pair = &mut group[s / 2][row % GROUP];
                *pair = *pair & !(0xf << shift) | code << shift;
            }
        }
        Ok(file.seal(rows))
    }
}
