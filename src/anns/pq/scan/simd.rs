// SPDX-License-Identifier: MIT OR Apache-2.0
//! The scan for every width of register. The generic code is inlined into a function for one instruction set, and
//! compiled for that set there.

use std::iter::zip;

use super::group::{GROUP, Pair, offer};
use crate::anns::pq::smallest::Smallest;

/// Goes through the groups, `PAIRS` pairs of sub-quantizers at a time. `codes` has `pairs` pairs for each group, and
/// `steps` has the tables for each time.
///
/// `add` adds the table entries of the codes to what was added before, which is `none` at first. `split` makes of it
/// the sums of the even rows and of the odd rows. `near` returns a bit for each row whose sum is below a limit that is
/// not 0.
#[inline(always)]
pub fn scan<const PAIRS: usize, Tables, Added: Copy, Sums: bytemuck::NoUninit>(
    (codes, pairs, rows): (&[Pair], usize, usize),
    steps: &[Tables],
    smallest: &mut Smallest,
    none: Added,
    add: impl Fn(Added, &[Pair; PAIRS], &Tables) -> Added,
    split: impl Fn(Added) -> Sums,
    near: impl Fn(Sums, u32) -> u32,
) {
    let half = pairs / (2 * PAIRS);
    for (group, first) in codes.chunks_exact(pairs).zip((0..).step_by(GROUP)) {
        if smallest.limit() == 0 {
            return;
        }
        let (whole, rest) = group.as_chunks();
        let mut added = none;
        for (pairs, tables) in zip(&whole[..half], &steps[..half]) {
            added = add(added, pairs, tables);
        }
        // Sums only grow. A group of one step has no half to look at.
        if half > 0 && near(split(added), smallest.limit()) == 0 {
            continue;
        }
        for (pairs, tables) in zip(&whole[half..], &steps[half..]) {
            added = add(added, pairs, tables);
        }
        if let [last, ..] = rest {
            // The missing pairs have tables of zeros.
            added = add(added, &[*last; PAIRS], &steps[steps.len() - 1]);
        }
        let sums = split(added);
        let near = near(sums, smallest.limit());
        if near != 0 {
            let sums: [[u16; GROUP / 2]; 2] = bytemuck::cast(sums);
            offer(smallest, first, rows, near, |row| sums[row % 2][row / 2]);
        }
    }
}

/// Declares the functions of one instruction set. An instance names its features, a register of bytes and its
/// arithmetic, and how many pairs of sub-quantizers it looks up at once.
///
/// The instance also has four functions: `with_steps` lays out the tables, `tables` loads those of one step, and
/// `split` and `near` are for the scan.
///
/// A trait would not do: only unsafe functions of a trait may have target features.
macro_rules! instance {
    (
        features: $features:literal,
        register: $register:ident,
        pairs: $pairs:literal,
        zero: $zero:ident,
        bytes: $bytes:ident,
        and: $and:ident,
        look_up: $look_up:ident,
        add_words: $add:ident,
        shift_words_right: $shift_right:ident,
    ) => {
        use super::group::{GROUP, Pair, Table};
        use super::simd;
        use crate::anns::pq::smallest::Smallest;

        /// How many registers the codes of a step fill.
        const REGISTERS: usize = $pairs * GROUP / size_of::<$register>();

        /// Two sums for each register: the first is of the even rows, with 256 times the odd rows added; the second is
        /// of the odd rows.
        type Added = [[$register; REGISTERS]; 2];

        #[target_feature(enable = $features)]
        pub fn scan(codes: &[Pair], tables: &[Table], rows: usize, smallest: &mut Smallest) {
            let pairs = tables.len() / 2;
            with_steps(tables, |steps| {
                simd::scan(
                    (codes, pairs, rows),
                    &steps[..pairs.div_ceil($pairs)],
                    smallest,
                    [[$zero(); REGISTERS]; 2],
                    |added, codes, tables| add(added, codes, tables),
                    |added| split(added),
                    |sums, limit| near(sums, limit),
                );
            });
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn add([mut words, mut odd]: Added, codes: &[Pair; $pairs], step: &Step) -> Added {
            let four_bits = $bytes(15);
            let codes: [$register; REGISTERS] = bytemuck::cast(*codes);
            let [low_table, high_table] = tables(step);
            for i in 0..REGISTERS {
                let low = $look_up(low_table, $and(codes[i], four_bits));
                let high = $look_up(high_table, $and($shift_right::<4>(codes[i]), four_bits));
                words[i] = $add(words[i], $add(low, high));
                odd[i] = $add(
                    odd[i],
                    $add($shift_right::<8>(low), $shift_right::<8>(high)),
                );
            }
            [words, odd]
        }
    };
}

pub(super) use instance;
