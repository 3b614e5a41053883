// SPDX-License-Identifier: MIT OR Apache-2.0
//! A level of the graph, as searches see it.

use crate::anns::file::NONE;

/// The most neighbours of a node.
pub const WIDTH_MAX: usize = 256;

/// The neighbours of the nodes of a level, as they lie in memory.
#[derive(Clone, Copy)]
pub struct Level<'a> {
    links: &'a [u32],
    /// How many places for neighbours a node has. Places that are not taken are `NONE`, and come last.
    width: usize,
}

impl<'a> Level<'a> {
    pub fn new(links: &'a [u32], width: usize) -> Self {
        Level { links, width }
    }

    /// Returns the neighbours of `node`.
    #[inline(always)]
    pub fn neighbours(self, node: u32) -> impl Iterator<Item = u32> + 'a {
        self.places(node)
            .iter()
            .copied()
            .take_while(|neighbour| *neighbour != NONE)
    }

    /// Returns all places of `node`, including those that are not taken.
    #[inline(always)]
    pub fn places(self, node: u32) -> &'a [u32] {
        &self.links[node as usize * self.width..][..self.width]
    }

    /// Prefetches the neighbours of a node. The node need not exist.
    #[inline(always)]
    pub fn prefetch(self, node: u32) {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::*;
            let start = self.links.as_ptr().wrapping_add(node as usize * self.width);
            // SAFETY: the addresses may be any; nothing is read that a program could see.
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(start.cast());
                _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(16).cast());
            }
        }
    }
}
