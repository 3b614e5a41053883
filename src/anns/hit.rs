// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers, and the integers that order what may become a part of them.

use bytemuck::{Pod, Zeroable};

/// One row of an answer, laid out as `struct vexfs_hit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Hit {
    pub row: u32,
    /// The bits of the distance.
    pub distance: u32,
}

impl Hit {
    pub fn distance(&self) -> f32 {
        f32::from_bits(self.distance)
    }

    /// The integer that orders hits: by distance, then by row.
    pub fn key(&self) -> u64 {
        key(order(self.distance()), self.row)
    }
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Nearest first.
    pub hits: Vec<Hit>,
    /// Distances that were computed exactly.
    pub evaluated: u64,
}

const SIGN: u32 = 1 << 31;

/// The integer that orders as distances do.
pub fn order(distance: f32) -> u32 {
    let bits = distance.to_bits();
    if bits & SIGN == 0 { bits ^ SIGN } else { !bits }
}

/// A candidate as one integer: what orders it first, then its row or node.
pub fn key(order: u32, row: u32) -> u64 {
    u64::from(order) << 32 | u64::from(row)
}

/// From a candidate's key.
impl From<u64> for Hit {
    fn from(key: u64) -> Self {
        let order = (key >> 32) as u32;
        Hit {
            row: key as u32,
            distance: if order & SIGN == 0 {
                !order
            } else {
                order ^ SIGN
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_as_distances_and_rows_do() {
        let ascending = [f32::MIN, -1.5, -1e-40, 0.0, 1e-45, 1.0, f32::INFINITY];
        let hits: Vec<Hit> = ascending
            .iter()
            .flat_map(|distance| {
                [0, 7, u32::MAX].map(|row| Hit {
                    row,
                    distance: distance.to_bits(),
                })
            })
            .collect();
        assert!(hits.is_sorted_by(|a, b| a.key() < b.key()));
        for hit in hits {
            assert_eq!(Hit::from(hit.key()), hit);
        }
    }
}
