// SPDX-License-Identifier: MIT OR Apache-2.0
//! The scan of the 4-bit codes of all rows, 32 rows at a time, with the tables in registers (André, Kermarrec & Le
//! Scouarnec 2015).
//!
//! Each row gets the sum of the table entries of its codes. Sums are integers, so every implementation gives the same
//! ones.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod backend;
mod group;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod simd;
#[cfg(target_arch = "x86_64")]
mod ssse3;

pub use backend::Backend;
pub use group::{GROUP, Pair, Table};

use super::smallest::Smallest;

impl Backend {
    /// Offers the rows from 0 to `rows - 1` with their sums to `smallest`, in ascending order. Rows that could not be
    /// kept may be left out. There are two tables for each pair of a group, at most 256.
    ///
    /// Panics if the sizes do not fit each other, or if this machine cannot run the implementation.
    pub fn scan(self, codes: &[Pair], tables: &[Table], rows: usize, smallest: &mut Smallest) {
        self.assert_runs_here();
        assert!(
            (2..=256).contains(&tables.len()) && tables.len().is_multiple_of(2),
            "{} tables",
            tables.len()
        );
        assert_eq!(
            codes.len(),
            rows.div_ceil(GROUP) * tables.len() / 2,
            "codes of other rows"
        );
        match self {
            Backend::Scalar => scalar::scan(codes, tables, rows, smallest),
            // SAFETY: the machine runs SSSE3 code, as asserted above.
            #[cfg(target_arch = "x86_64")]
            Backend::Ssse3 => unsafe { ssse3::scan(codes, tables, rows, smallest) },
            // SAFETY: the machine runs AVX2 code, as asserted above.
            #[cfg(target_arch = "x86_64")]
            Backend::Avx2 => unsafe { avx2::scan(codes, tables, rows, smallest) },
            // SAFETY: the machine runs AVX-512 code, as asserted above.
            #[cfg(target_arch = "x86_64")]
            Backend::Avx512 => unsafe { avx512::scan(codes, tables, rows, smallest) },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use rand_core::Rng;
    use rand_pcg::Pcg64;

    use super::*;

    /// Every row and its sum that `backend` offers, if all are wanted; else those that are.
    fn rows(
        backend: Backend,
        codes: &[Pair],
        tables: &[Table],
        rows: usize,
        wanted: usize,
    ) -> Vec<u32> {
        let mut smallest = Smallest::default();
        let largest = tables
            .iter()
            .map(|table| u16::from(*table.iter().max().unwrap()));
        smallest.start(wanted, largest.sum());
        backend.scan(codes, tables, rows, &mut smallest);
        let mut found = smallest.rows();
        found.sort_unstable();
        found
    }

    #[test]
    fn those_that_run_here_find_what_the_reference_finds() {
        let mut random = Pcg64::new(5, 5);
        for backend in Backend::ALL {
            if !backend.runs_here() {
                // Not by eprintln!, which tests hide when they pass.
                let note = format!("NOT RUN: this machine has no {}\n", backend.name());
                std::io::stderr().write_all(note.as_bytes()).unwrap();
                continue;
            }
            for m in (2..=24).step_by(2).chain([62, 64, 66, 126, 254, 256]) {
                for count in [1usize, 15, 16, 17, 31, 32, 33, 64, 700] {
                    // Sums up to the largest that there are, and many that are equal.
                    let mask = [0xff, 0xc0, 0x07, 0][random.next_u32() as usize % 4];
                    let full = random.next_u32().is_multiple_of(3);
                    let tables: Vec<Table> = (0..m)
                        .map(|_| {
                            std::array::from_fn(|_| match full {
                                true => 255,
                                false => random.next_u32() as u8 & mask,
                            })
                        })
                        .collect();
                    let codes: Vec<Pair> = (0..count.div_ceil(GROUP) * m / 2)
                        .map(|_| std::array::from_fn(|_| random.next_u32() as u8))
                        .collect();
                    for wanted in [1, 2, 10, 100, 1000] {
                        assert_eq!(
                            rows(*backend, &codes, &tables, count, wanted),
                            rows(Backend::Scalar, &codes, &tables, count, wanted),
                            "{}: {wanted} of {count} rows, m = {m}",
                            backend.name()
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_smallest_sums_are_found_and_ties_go_to_the_smaller_row() {
        // Row r has the sum r % 7, in both halves of a byte in turn.
        let count: usize = 100;
        let mut codes = vec![[0; GROUP]; count.div_ceil(GROUP)];
        for row in 0..count {
            let code = (row % 7) as u8;
            codes[row / GROUP][row % GROUP] = if row % 2 == 0 { code } else { code << 4 };
        }
        let table: Table = std::array::from_fn(|code| code as u8);
        for backend in Backend::ALL.iter().filter(|backend| backend.runs_here()) {
            assert_eq!(
                rows(*backend, &codes, &[table; 2], count, 17),
                [
                    0, 1, 7, 8, 14, 21, 28, 35, 42, 49, 56, 63, 70, 77, 84, 91, 98
                ],
                "{}",
                backend.name()
            );
        }
    }
}
