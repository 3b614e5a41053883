// SPDX-License-Identifier: MIT OR Apache-2.0
//! An index file, read and forged by the offsets of `docs/index-format.md` alone.

use vexfs::anns::index::Bytes;

pub const HEADER: usize = 320;

#[derive(Clone)]
pub struct File(pub Vec<u8>);

impl File {
    pub fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.0[at..at + 4].try_into().unwrap())
    }

    pub fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.0[at..at + 8].try_into().unwrap())
    }

    pub fn set_u32(&mut self, at: usize, value: u32) {
        self.0[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    pub fn set_u64(&mut self, at: usize, value: u64) {
        self.0[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }

    pub fn param(&self, index: usize) -> usize {
        self.u32(64 + 4 * index) as usize
    }

    pub fn section(&self, index: usize) -> usize {
        self.u64(128 + 16 * index) as usize
    }

    /// Takes the fingerprints of blocks away, as in files of versions 1 and 2.
    pub fn make_older(&mut self, version: u32, rows_crc: u32) {
        let last = self.u32(60) as usize - 1;
        let end = self.section(last - 1) + self.u64(128 + 16 * (last - 1) + 8) as usize;
        self.0.truncate(end);
        self.set_u32(8, version);
        self.set_u64(32, end as u64);
        self.set_u32(48, rows_crc);
        self.set_u32(60, last as u32);
        self.0[128 + 16 * last..128 + 16 * (last + 1)].fill(0);
        if version == 1 {
            self.0[256..316].fill(0);
        }
    }

    /// Repairs both checksums.
    pub fn seal(mut self) -> Bytes {
        if self.0.len() >= HEADER {
            let body = crc(&self.0[HEADER..]);
            self.set_u32(52, body);
            let header = crc(&self.0[..316]);
            self.set_u32(316, header);
        }
        Bytes::copy_of(&self.0).unwrap()
    }
}

/// CRC-32C, bit by bit.
pub fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg())
        })
    })
}
