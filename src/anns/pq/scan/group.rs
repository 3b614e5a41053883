// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows that are coded together, and those of them that are near enough to be kept.

#[cfg(target_arch = "x86_64")]
use crate::anns::pq::smallest::Smallest;

/// Rows that are coded together.
pub const GROUP: usize = 32;

/// The codes of two sub-quantizers for the rows of a group: of the first in the lower four bits of each byte.
pub type Pair = [u8; GROUP];

/// What a sub-quantizer adds for each of its 16 codes.
pub type Table = [u8; 16];

/// Offers those rows of the group from row `first` on whose bit is set.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub fn offer(
    smallest: &mut Smallest,
    first: usize,
    rows: usize,
    mut near: u32,
    sum: impl Fn(usize) -> u16,
) {
    if rows - first < GROUP {
        near &= (1 << (rows - first)) - 1;
    }
    while near != 0 {
        let row = near.trailing_zeros() as usize;
        smallest.offer(sum(row), (first + row) as u32);
        near &= near - 1;
    }
}
