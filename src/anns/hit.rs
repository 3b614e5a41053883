// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers of searches, and the integers that order candidates.

use bytemuck::{Pod, Zeroable};

/// A row of an answer, laid out as `struct vexfs_hit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Hit {
    pub row: u32,
    /// The bits of the distance, an f32.
    pub distance: u32,
}

impl Hit {
    pub fn distance(&self) -> f32 {
        f32::from_bits(self.distance)
    }

    /// Returns the integer that orders hits: by distance, then by row.
    pub fn key(&self) -> u64 {
        key(order(self.distance()), self.row)
    }
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The rows that were found, the nearest first.
    pub hits: Vec<Hit>,
    /// How many distances were computed exactly.
    pub evaluated: u64,
}

const SIGN: u32 = 1 << 31;

/// Returns an integer that orders as the distance does.
pub fn order(distance: f32) -> u32 {
    let bits = distance.to_bits();
    if bits & SIGN == 0 { bits ^ SIGN } else { !bits }
}

/// Returns a candidate as one integer: `order` in the upper half, its row or node in the lower half.
pub fn key(order: u32, row: u32) -> u64 {
    u64::from(order) << 32 | u64::from(row)
}

/// Converts the key of a candidate.
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
