// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bringing an IVF index up to date: rows that are others or new move to the lists that are nearest to them.

use super::build::{encode, geometry, write};
use super::{Index, param, section};
use crate::anns::building::{BuildError, Progress};
use crate::anns::file::Bytes;
use crate::anns::kmeans;
use crate::anns::partition::Partition;
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
        let nlist = header.param[param::NLIST] as usize;
        let padded: &[f32] = self.sections.get(section::CENTROIDS);
        let centroids = Matrix::from_padded(rows.dim(), padded);
        let moving = rows.pick(touched.iter().map(|row| *row as usize));
        let nearest = kmeans::assign(&moving, &centroids, geometry(header.metric()), |done| {
            progress.report(done as u64, touched.len() as u64);
            progress.go_on()
        })?;

        let mut list_of = vec![0; rows.rows()];
        let starts: &[u32] = self.sections.get(section::STARTS);
        let row_of: &[u32] = self.sections.get(section::ROWS);
        for (list, nodes) in (0..).zip(starts.windows(2)) {
            for row in &row_of[nodes[0] as usize..nodes[1] as usize] {
                list_of[*row as usize] = list;
            }
        }
        for (row, list) in touched.iter().zip(nearest) {
            list_of[*row as usize] = list;
        }
        let lists = Partition::of(list_of.into_iter(), nlist);
        let codes = match &self.quantizer {
            Some(quantizer) => {
                let members = &lists.members;
                match encode(rows, header.metric(), quantizer, members, progress)? {
                    (codes, true) => Some((quantizer, codes)),
                    (_, false) => return Err(BuildError::Unfit),
                }
            }
            None => None,
        };
        let coded = codes.as_ref().map(|(quantizer, codes)| (*quantizer, codes));
        write(header.anew(rows), padded, &lists, coded, rows)
    }
}
