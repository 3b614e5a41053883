// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference of the scan: `docs/search.md`, word for word.

use super::group::{GROUP, Pair, Table};
use crate::anns::pq::smallest::Smallest;

pub fn scan(codes: &[Pair], tables: &[Table], rows: usize, smallest: &mut Smallest) {
    let pairs = tables.len() / 2;
    for row in 0..rows {
        let group = &codes[row / GROUP * pairs..][..pairs];
        let sum = group
            .iter()
            .zip(tables.as_chunks().0)
            .map(|(pair, [even, odd])| {
                let code = pair[row % GROUP];
                u16::from(even[usize::from(code & 15)]) + u16::from(odd[usize::from(code >> 4)])
            })
            .sum();
        smallest.offer(sum, row as u32);
    }
}
