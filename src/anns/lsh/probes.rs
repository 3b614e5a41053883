// SPDX-License-Identifier: MIT OR Apache-2.0
//! Query-directed multi-probe (Lv et al. 2007): the buckets of a table that are likeliest to hold near rows, in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The most hashes of a table.
pub const HASHES: usize = 16;

/// What a hash makes of a vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hashed {
    /// The hash: which interval of the projection the vector falls into.
    pub h: i32,
    /// How far into the interval it falls, from 0 to 1,024.
    pub s: u32,
}

impl Hashed {
    /// Hashes a projection that is in units of the width of an interval.
    pub fn from_projected(projected: f32) -> Self {
        const MOST: f32 = 1_048_576.0;
        let v = match projected.is_nan() {
            true => 0.0,
            false => projected.clamp(-MOST, MOST),
        };
        let towards_zero = v as i32;
        let h = towards_zero - i32::from(towards_zero as f32 > v);
        Hashed {
            h,
            s: rounded((v - h as f32) * 1024.0),
        }
    }
}

/// Rounds a number from 0 to 2^22 to the nearest integer, ties to even. The last bits of the sum with 2^23 are the
/// integer.
fn rounded(value: f32) -> u32 {
    const TWO_TO_THE_23: f32 = 8_388_608.0;
    (value + TWO_TO_THE_23).to_bits() & 0x7f_ffff
}

/// The hashes of a table so far, mixed into one word.
#[derive(Clone, Copy)]
struct Mixed(u32);

impl Mixed {
    const NONE: Mixed = Mixed(0x811c_9dc5);

    fn with(self, h: i32) -> Self {
        let x = (self.0 ^ h as u32).wrapping_mul(0x9e37_79b1);
        Mixed(x ^ x >> 15)
    }

    /// Returns the number of the bucket, one of 2^`bits`.
    fn bucket(self, bits: u32) -> u32 {
        self.0 >> (32 - bits)
    }
}

/// Returns the bucket of these hashes in a table of 2^`bits` buckets.
pub fn home(hashes: &[Hashed], bits: u32) -> u32 {
    hashes
        .iter()
        .fold(Mixed::NONE, |mixed, hash| mixed.with(hash.h))
        .bucket(bits)
}

/// Finds the probes of one table after the other, and keeps its memory.
#[derive(Default)]
pub struct Probes {
    /// Sets of perturbations that may come next, the cheapest on top.
    sets: BinaryHeap<Reverse<Set>>,
}

impl Probes {
    /// Calls `probe` with the buckets of the `count` cheapest sets of perturbations of a table, or with all if there
    /// are fewer. The home bucket comes first.
    pub fn of_table(
        &mut self,
        hashes: &[Hashed],
        bits: u32,
        count: usize,
        mut probe: impl FnMut(u32),
    ) {
        probe(home(hashes, bits));
        if count < 2 {
            return;
        }
        let perturbations = Perturbations::of(hashes);
        self.sets.clear();
        self.sets.push(Reverse(perturbations.first()));
        for _ in 1..count {
            match self.next(&perturbations) {
                Some(set) => probe(perturbations.bucket(hashes, bits, set)),
                None => break,
            }
        }
    }

    /// Takes the next set that has no two perturbations of one hash.
    fn next(&mut self, perturbations: &Perturbations) -> Option<Set> {
        loop {
            let mut top = self.sets.peek_mut()?;
            let Reverse(set) = *top;
            let possible = perturbations.is_possible(set);
            match perturbations.successors(set) {
                Some([shifted, grown]) => {
                    *top = Reverse(shifted);
                    drop(top);
                    // A set with two perturbations of one hash keeps them when it grows.
                    if possible {
                        self.sets.push(Reverse(grown));
                    }
                }
                None => {
                    std::collections::binary_heap::PeekMut::pop(top);
                }
            }
            if possible {
                return Some(set);
            }
        }
    }
}

/// A set of perturbations: its cost in the upper half, its mask in the lower half.
type Set = u64;

/// The perturbations of one table, the cheapest first.
struct Perturbations {
    count: usize,
    cost: [u32; 2 * HASHES],
    hash: [u8; 2 * HASHES],
    step: [i8; 2 * HASHES],
    /// The mask, by perturbation, of the one that moves its hash to the other side.
    other: [u32; 2 * HASHES],
}

impl Perturbations {
    fn of(hashes: &[Hashed]) -> Self {
        let mut order = [u32::MAX; 2 * HASHES];
        for (i, hash) in (0..).zip(hashes) {
            let raised = 1024 - hash.s;
            order[2 * i as usize] = ((hash.s * hash.s) << 8) | (2 * i);
            order[2 * i as usize + 1] = ((raised * raised) << 8) | (2 * i) | 1;
        }
        let count = 2 * hashes.len();
        order[..count].sort_unstable();
        let mut perturbations = Perturbations {
            count,
            cost: order.map(|key| key >> 8),
            hash: order.map(|key| key as u8 >> 1),
            step: order.map(|key| if key & 1 == 0 { -1 } else { 1 }),
            other: [0; 2 * HASHES],
        };
        let mut position = [0; 2 * HASHES];
        for (j, key) in order[..count].iter().enumerate() {
            position[usize::from(*key as u8)] = j;
        }
        for (j, key) in order[..count].iter().enumerate() {
            perturbations.other[j] = 1 << position[usize::from(*key as u8 ^ 1)];
        }
        perturbations
    }

    fn first(&self) -> Set {
        u64::from(self.cost[0]) << 32 | 1
    }

    /// Whether no two perturbations of a set are of one hash. It suffices to look at the last one, since impossible
    /// sets do not grow.
    fn is_possible(&self, set: Set) -> bool {
        set as u32 & self.other[last(set)] == 0
    }

    /// Returns the two successors of a set. In one, the last perturbation is replaced by the one after it; in the
    /// other, that one is added.
    fn successors(&self, set: Set) -> Option<[Set; 2]> {
        let last = last(set);
        let next = last + 1;
        (next < self.count).then(|| {
            let grown = set + (u64::from(self.cost[next]) << 32) + (1 << next);
            [
                grown - (u64::from(self.cost[last]) << 32) - (1 << last),
                grown,
            ]
        })
    }

    fn bucket(&self, hashes: &[Hashed], bits: u32, set: Set) -> u32 {
        let mut steps = [0; HASHES];
        let mut mask = set as u32;
        while mask != 0 {
            let j = mask.trailing_zeros() as usize;
            steps[usize::from(self.hash[j])] = i32::from(self.step[j]);
            mask &= mask - 1;
        }
        hashes
            .iter()
            .zip(steps)
            .fold(Mixed::NONE, |mixed, (hash, step)| mixed.with(hash.h + step))
            .bucket(bits)
    }
}

/// Returns the position of the last perturbation of a set.
fn last(set: Set) -> usize {
    31 - (set as u32).leading_zeros() as usize
}
