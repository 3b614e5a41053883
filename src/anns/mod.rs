// SPDX-License-Identifier: MIT OR Apache-2.0
//! Search: canonical distances and the indexes built on them (`docs/arithmetic.md`).

pub mod distance;
pub mod flat;
pub mod recall;
pub mod topk;

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
}

/// A row that may be in the answer, as one integer that orders candidates: by distance, then by row.
fn candidate(distance: f32, row: u32) -> u64 {
    u64::from(distance.to_bits()) << 32 | u64::from(row)
}

impl From<u64> for Hit {
    fn from(candidate: u64) -> Self {
        Hit {
            row: candidate as u32,
            distance: (candidate >> 32) as u32,
        }
    }
}
