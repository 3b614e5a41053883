// SPDX-License-Identifier: MIT OR Apache-2.0
//! The private copy of an index file.

use std::ops::{Deref, DerefMut};

use bytemuck::{Pod, Zeroable};

use crate::system::huge_pages;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Bytes that begin on a cache line, as the sections of an index do.
#[derive(Clone)]
pub struct Bytes {
    lines: Vec<Line>,
    len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not enough memory for {0} bytes")]
pub struct OutOfMemory(pub usize);

impl Bytes {
    /// Returns `len` zeros, or an error if there is no memory for them.
    pub fn zeroed(len: usize) -> Result<Self, OutOfMemory> {
        let mut lines = bytemuck::allocation::try_zeroed_vec(len.div_ceil(size_of::<Line>()))
            .map_err(|()| OutOfMemory(len))?;
        huge_pages::prefer(&mut lines);
        Ok(Bytes { lines, len })
    }

    pub fn copy_of(bytes: &[u8]) -> Result<Self, OutOfMemory> {
        let mut copy = Bytes::zeroed(bytes.len())?;
        copy.copy_from_slice(bytes);
        Ok(copy)
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }
}

impl DerefMut for Bytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bytes({})", self.len)
    }
}
