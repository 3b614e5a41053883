// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two NumPy generators that the workloads are drawn from, as far as `random()` goes.

use rand_core::Rng;
use rand_mt::Mt;
use rand_pcg::Pcg64;

/// A source of doubles in [0, 1).
pub trait Uniform {
    fn next(&mut self) -> f64;
}

/// `numpy.random.RandomState(seed)`.
pub struct RandomState(Mt);

impl RandomState {
    pub fn new(seed: u32) -> Self {
        RandomState(Mt::new(seed))
    }
}

impl Uniform for RandomState {
    /// Takes 53 bits out of two words, like the reference code of MT19937 (`genrand_res53`).
    fn next(&mut self) -> f64 {
        let high = f64::from(self.0.next_u32() >> 5);
        let low = f64::from(self.0.next_u32() >> 6);
        (high * 67_108_864.0 + low) / 9_007_199_254_740_992.0
    }
}

/// `numpy.random.Generator(numpy.random.PCG64(seed))`.
pub struct Generator(Pcg64);

impl Generator {
    pub fn new(seed: u64) -> Self {
        let [state_high, state_low, stream_high, stream_low] = seed_sequence(seed);
        let wide = |high, low| u128::from(high) << 64 | u128::from(low);
        Generator(Pcg64::new(
            wide(state_high, state_low),
            wide(stream_high, stream_low),
        ))
    }
}

impl Uniform for Generator {
    fn next(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
    }
}

/// Returns `numpy.random.SeedSequence(seed).generate_state(4, numpy.uint64)` for a seed of at most 64 bits.
///
/// The entropy is hashed into a pool of four words, each word is mixed with every other, and the state is hashed out of
/// the pool.
fn seed_sequence(seed: u64) -> [u64; 4] {
    const POOL: usize = 4;
    let mut hash = Hash {
        constant: 0x43b0_d7e5,
        multiplier: 0x931e_8875,
    };
    let mut pool = [seed as u32, (seed >> 32) as u32, 0, 0].map(|word| hash.next(word));
    for source in 0..POOL {
        for target in (0..POOL).filter(|target| *target != source) {
            pool[target] = mix(pool[target], hash.next(pool[source]));
        }
    }

    let mut hash = Hash {
        constant: 0x8b51_f9dd,
        multiplier: 0x58f3_8ded,
    };
    let mut words = pool.iter().cycle().map(|word| u64::from(hash.next(*word)));
    std::array::from_fn(|_| {
        let low = words.next().expect("endless");
        low | words.next().expect("endless") << 32
    })
}

/// The hash of SeedSequence, whose constant changes with every word.
struct Hash {
    constant: u32,
    multiplier: u32,
}

impl Hash {
    fn next(&mut self, word: u32) -> u32 {
        let word = word ^ self.constant;
        self.constant = self.constant.wrapping_mul(self.multiplier);
        let word = word.wrapping_mul(self.constant);
        word ^ word >> 16
    }
}

fn mix(x: u32, y: u32) -> u32 {
    let mixed = x
        .wrapping_mul(0xca01_f9dd)
        .wrapping_sub(y.wrapping_mul(0x4973_f715));
    mixed ^ mixed >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pcg64_gives_numpys_first_words() {
        let mut generator = Generator::new(42).0;
        let words = [(); 3].map(|()| generator.next_u64());
        assert_eq!(
            words,
            [
                14276969152011380360,
                8095878257575067585,
                15838336090824644132
            ]
        );
    }
}
