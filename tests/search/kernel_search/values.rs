// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers that are hard in different ways.

use rand_core::Rng;
use rand_pcg::Pcg64;
use vexfs::dataset::Matrix;

/// A number below `end`.
pub fn below(random: &mut Pcg64, end: usize) -> usize {
    random.next_u32() as usize % end
}

pub fn one_of<T: Copy>(random: &mut Pcg64, choice: &[T]) -> T {
    choice[below(random, choice.len())]
}

/// A finite number of any magnitude: a zero of either sign, a subnormal, one whose square overflows, or an ordinary
/// one.
pub fn any_finite(random: &mut Pcg64) -> f32 {
    let bits = random.next_u32();
    let sign_and_fraction = bits & 0x807f_ffff;
    match random.next_u32() % 16 {
        0 => f32::from_bits(bits & 0x8000_0000),
        1 => f32::from_bits(sign_and_fraction),
        2 => f32::from_bits(sign_and_fraction | (1 + bits % 254) << 23),
        _ => f32::from_bits(sign_and_fraction | (124 + bits % 8) << 23),
    }
}

/// What the numbers of one case are like.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// Sums round at nearly every step.
    Ordinary,
    /// Few distinct distances, hence many ties.
    SmallIntegers,
    /// Zeros, subnormals, overflows.
    AnyFinite,
    /// Sums that overflow, to infinities and NaN.
    Huge,
    /// Lengths that vanish.
    Tiny,
}

impl Source {
    pub fn any(random: &mut Pcg64) -> Source {
        use Source::*;
        one_of(
            random,
            &[
                Ordinary,
                Ordinary,
                SmallIntegers,
                SmallIntegers,
                AnyFinite,
                Huge,
                Tiny,
            ],
        )
    }

    pub fn value(self, random: &mut Pcg64) -> f32 {
        match self {
            Source::Ordinary => (random.next_u32() >> 8) as f32 / (1 << 22) as f32 - 2.0,
            Source::SmallIntegers => below(random, 4) as f32 - 1.0,
            Source::AnyFinite => any_finite(random),
            Source::Huge => one_of(random, &[f32::MAX, f32::MIN, 1e19, -1e19, 0.0, 3.0]),
            Source::Tiny => f32::from_bits(random.next_u32() & 0x8fff_ffff),
        }
    }

    pub fn row(self, random: &mut Pcg64, dim: usize) -> Vec<f32> {
        match below(random, 20) {
            0 => vec![0.0; dim],
            _ => (0..dim).map(|_| self.value(random)).collect(),
        }
    }

    pub fn matrix(self, random: &mut Pcg64, rows: usize, dim: usize) -> Matrix {
        let mut matrix = Matrix::new(dim);
        for _ in 0..rows {
            matrix.push(&self.row(random, dim));
        }
        matrix
    }
}
