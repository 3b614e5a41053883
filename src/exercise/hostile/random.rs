// SPDX-License-Identifier: MIT OR Apache-2.0
//! Choices that follow from a seed.

use rand_core::Rng;
use rand_pcg::Pcg64;

use crate::store::abi::{DIM_INLINE, DIM_MAX, EFFORT_MAX, K_MAX};

/// Numbers at which code errs: around limits, signs, powers of two, and what is no finite float.
const NUMBERS: [u32; 30] = [
    0,
    1,
    2,
    3,
    4,
    8,
    9,
    63,
    64,
    65,
    127,
    128,
    255,
    256,
    K_MAX,
    K_MAX + 1,
    DIM_INLINE,
    DIM_INLINE + 1,
    DIM_MAX,
    DIM_MAX + 1,
    EFFORT_MAX,
    EFFORT_MAX + 1,
    0x007f_ffff,
    0x7f80_0000,
    0x7fc0_0000,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    0xff80_0000,
    u32::MAX,
];

pub struct Random(Pcg64);

impl Random {
    /// The choices of one case; others have other streams.
    pub fn new(seed: u64, stream: u64) -> Random {
        Random(Pcg64::new(seed.into(), stream.into()))
    }

    pub fn word(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A number below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        // The high half of a product instead of a remainder.
        ((u128::from(self.0.next_u64()) * count as u128) >> 64) as usize
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A number that is likely to be too large, too small, or no number at all; `near` are worth a try in this place.
    pub fn number(&mut self, near: &[u32]) -> u32 {
        match self.below(8) {
            0..=2 if !near.is_empty() => self
                .of(near)
                .wrapping_add(self.below(3) as u32)
                .wrapping_sub(1),
            0..=5 => self.of(&NUMBERS),
            6 => 1 << self.below(32),
            _ => self.word(),
        }
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// Flips some bits.
    pub fn flip(&mut self, bytes: &mut [u8]) {
        if bytes.is_empty() {
            return;
        }
        for _ in 0..=self.below(8) {
            let at = self.below(bytes.len());
            bytes[at] ^= 1 << self.below(8);
        }
    }

    /// Puts a number at a random place that a number may have.
    pub fn poke(&mut self, bytes: &mut [u8], near: &[u32]) {
        let words = bytes.len() / 4;
        if words > 0 {
            let at = 4 * self.below(words);
            let number = self.number(near);
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
    }

    /// Swaps two numbers.
    pub fn swap(&mut self, bytes: &mut [u8]) {
        let words = bytes.len() / 4;
        if words > 0 {
            let (one, other) = (4 * self.below(words), 4 * self.below(words));
            for byte in 0..4 {
                bytes.swap(one + byte, other + byte);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_choices_and_each_stream_others() {
        let words = |seed, stream| {
            let mut random = Random::new(seed, stream);
            [(); 4].map(|()| random.number(&[7]))
        };
        assert_eq!(words(1, 2), words(1, 2));
        assert_ne!(words(1, 2), words(1, 3));
        assert_ne!(words(1, 2), words(2, 2));
    }
}
