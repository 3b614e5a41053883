// SPDX-License-Identifier: MIT OR Apache-2.0
//! Groups of rows: how their codes lie in memory, and how the near ones are offered.

#[cfg(target_arch = "x86_64")]
use crate::anns::pq::smallest::Smallest;

/// How many rows are coded together, as a group.
pub const GROUP: usize = 32;

/// The codes of a pair of sub-quantizers for the rows of a group. The lower four bits of each byte are the code of the
/// first one.
pub type Pair = [u8; GROUP];

/// What a sub-quantizer adds to a sum for each of its 16 codes.
pub type Table = [u8; 16];

/// Offers the rows of the group that begins with row `first`, as far as their bits in `near` are set.
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
