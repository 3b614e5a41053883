// SPDX-License-Identifier: MIT OR Apache-2.0
//! The order in which series are visited: a new one in each pass, so that nothing that drifts or repeats favours one of
//! them.

use rand_core::Rng;
use rand_pcg::Pcg64;

/// `passes` permutations of 0 to `series` - 1.
pub fn shuffled(series: usize, passes: usize, random: &mut Pcg64) -> Vec<Vec<u32>> {
    (0..passes).map(|_| permutation(series, random)).collect()
}

/// A random permutation of 0 to `length` - 1 (Fisher and Yates).
fn permutation(length: usize, random: &mut Pcg64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..length as u32).collect();
    for last in (1..length).rev() {
        // The high half of a product instead of a remainder: uniform to within 2^-64.
        let chosen = (u128::from(random.next_u64()) * (last as u128 + 1)) >> 64;
        order.swap(last, chosen as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pass_visits_every_series_once_in_an_order_of_its_own() {
        let passes = shuffled(40, 20, &mut Pcg64::new(42, 0));
        for pass in &passes {
            let mut sorted = pass.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..40).collect::<Vec<u32>>());
        }
        let mut different = passes.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), passes.len());
    }

    #[test]
    fn a_seed_gives_one_order() {
        let with = |seed| shuffled(40, 2, &mut Pcg64::new(seed, 0));
        assert_eq!(with(42), with(42));
        assert_ne!(with(42), with(43));
    }

    #[test]
    fn no_place_in_the_order_is_favoured() {
        let mut counts = [[0; 5]; 5];
        for pass in shuffled(5, 10_000, &mut Pcg64::new(1, 0)) {
            for (place, series) in pass.into_iter().enumerate() {
                counts[series as usize][place] += 1;
            }
        }
        // 2,000 expected, with a standard deviation of 40.
        let all = counts.as_flattened();
        assert!(
            all.iter().all(|count| (1_800..2_200).contains(count)),
            "{counts:?}"
        );
    }
}
