// SPDX-License-Identifier: MIT OR Apache-2.0
//! Huge pages: with them a processor finds the place of an address in memory without a walk of page tables. A search
//! that jumps through a large index needs hundreds of places.

use rustix::mm::{Advice, madvise};

/// Smaller memory is found by ordinary pages as fast.
const LEAST: usize = 8 << 20;
const PAGE: usize = 4096;

/// Asks for huge pages for memory that nobody has touched yet. Whether there are any is the kernel's choice
/// (`/sys/kernel/mm/transparent_hugepage`), and what the memory holds stays the same.
pub fn prefer<T>(memory: &mut [T]) {
    let bytes = size_of_val(memory);
    if bytes < LEAST {
        return;
    }
    let start = memory.as_mut_ptr().cast::<u8>();
    let skipped = start.align_offset(PAGE);
    let whole = (bytes - skipped) / PAGE * PAGE;
    // SAFETY: the pages lie within `memory`, and this advice changes no byte.
    let advised = unsafe { madvise(start.add(skipped).cast(), whole, Advice::LinuxHugepage) };
    // A kernel without them says EINVAL.
    let _ = advised;
}
