// SPDX-License-Identifier: MIT OR Apache-2.0
//! Quantizers: they make bytes of floats.

use super::layout::stride;
use crate::anns::Metric;
use crate::anns::distance::LANES;
use crate::anns::file::Malformed;
use crate::dataset::{Matrix, length};

/// A quantizer moves each element by its offset, multiplies it by one scale for all, and rounds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantizer {
    offset: Vec<f32>,
    scale: f32,
}

/// The largest code; the smallest one is its negative.
const LARGEST: f32 = 127.0;
/// The smallest peak of a query that is told from 0.
const SMALLEST_PEAK: f32 = f32::from_bits(0x0d80_0000);

/// About how many elements a quantizer is fitted to.
const SAMPLE: usize = 1 << 21;
/// Each peak that is tried is this share of the one before.
const SMALLER: f64 = 0.875;
const PEAKS: usize = 16;
/// Per cent of the sample that a quantizer is fitted to: those that are nearest to the mean.
const NEAR: usize = 99;

impl Quantizer {
    /// Fits a quantizer that loses little of `rows`. It moves the mean to 0, except for inner products, which depend on
    /// where 0 is.
    ///
    /// The scale has the smallest squared error among those that are tried. Rounding and cutting off far elements both
    /// count as errors, but not those of the rows that are furthest out.
    pub fn fit(rows: &Matrix, metric: Metric) -> Self {
        let dim = rows.dim();
        let mut sample: Vec<Vec<f32>> = (0..rows.rows())
            .step_by((rows.rows() * dim).div_ceil(SAMPLE).max(1))
            .map(|row| normalised(rows, metric, row).collect())
            .collect();

        let centre = |sample: &[Vec<f32>]| -> Vec<f32> {
            let mean =
                |d| sample.iter().map(|row| f64::from(row[d])).sum::<f64>() / sample.len() as f64;
            match metric {
                Metric::InnerProduct => vec![0.0; dim],
                _ => (0..dim).map(|d| mean(d) as f32).collect(),
            }
        };
        // Rows that lie far out would cost all others their precision: the last few are left out of account.
        let offset = centre(&sample);
        sample.sort_by_cached_key(|row| {
            let far = std::iter::zip(row, &offset).map(|(x, offset)| {
                let off = f64::from(*x) - f64::from(*offset);
                off * off
            });
            far.sum::<f64>().to_bits()
        });
        sample.truncate((sample.len() * NEAR).div_ceil(100));
        let offset = centre(&sample);

        let deviations = || {
            sample.iter().flat_map(|row| {
                row.iter()
                    .zip(&offset)
                    .map(|(x, offset)| (f64::from(*x) - f64::from(*offset)).abs())
            })
        };
        let peak = deviations().fold(0.0, f64::max);
        /// Adding this number rounds to an integer, ties to even.
        const ROUND: f64 = 1.5 * (1u64 << 52) as f64;
        let error = |peak: f64| -> f64 {
            let scale = f64::from(LARGEST) / peak;
            deviations()
                .map(|x| {
                    let code = ((x * scale).min(f64::from(LARGEST)) + ROUND) - ROUND;
                    let off = x - code / scale;
                    off * off
                })
                .sum()
        };
        let mut scale = scale_of(peak);
        if peak > 0.0 {
            let mut smallest = f64::INFINITY;
            let mut tried = peak;
            for _ in 0..PEAKS {
                let error = error(tried);
                if error < smallest {
                    (smallest, scale) = (error, scale_of(tried));
                }
                tried *= SMALLER;
            }
        }
        Quantizer { offset, scale }
    }

    /// Writes the codes of a row to `out`, which has `stride(dim)` bytes.
    pub fn encode_row(&self, rows: &Matrix, metric: Metric, row: usize, out: &mut [i8]) {
        assert_eq!(out.len(), stride(self.offset.len()));
        out.fill(0);
        match metric {
            Metric::Cosine => self.encode(normalised(rows, metric, row), out),
            _ => self.encode(rows.row(row).iter().copied(), out),
        }
    }

    /// Returns the codes of a query.
    pub fn encode_query(&self, metric: Metric, query: &[f32]) -> Vec<i8> {
        assert_eq!(
            query.len(),
            self.offset.len(),
            "a query of another dimension"
        );
        let mut codes = vec![0; stride(query.len())];
        if metric == Metric::L2 {
            self.encode(query.iter().copied(), &mut codes);
            return codes;
        }
        let inverse = match metric {
            Metric::Cosine => length::inverse(Matrix::from_row(query).padded()),
            _ => 1.0,
        };
        let peak = query
            .iter()
            .fold(0f32, |peak, q| peak.max((q * inverse).abs()));
        if peak >= SMALLEST_PEAK {
            let scale = LARGEST / peak;
            for (code, q) in codes.iter_mut().zip(query) {
                *code = rounded((q * inverse) * scale);
            }
        }
        codes
    }

    fn encode(&self, values: impl Iterator<Item = f32>, out: &mut [i8]) {
        for ((code, x), offset) in out.iter_mut().zip(values).zip(&self.offset) {
            *code = rounded((x - offset) * self.scale);
        }
    }

    /// Returns how many floats the section QUANT has.
    pub fn section_len(dim: usize) -> usize {
        dim.next_multiple_of(LANES) + LANES
    }

    /// Fills the section QUANT, which is all zeros so far.
    pub fn write(&self, section: &mut [f32]) {
        let dim = self.offset.len();
        assert_eq!(section.len(), Self::section_len(dim));
        section[..dim].copy_from_slice(&self.offset);
        section[dim.next_multiple_of(LANES)] = self.scale;
    }

    /// Reads the section QUANT of a file.
    pub fn read(section: &[f32], dim: usize) -> Result<Self, Malformed> {
        assert_eq!(section.len(), Self::section_len(dim));
        if !section.iter().all(|element| element.is_finite()) {
            return Err(Malformed("its quantizer is not finite"));
        }
        let scale = dim.next_multiple_of(LANES);
        let padding = section[dim..scale].iter().chain(&section[scale + 1..]);
        if padding.into_iter().any(|zero| zero.to_bits() != 0) {
            return Err(Malformed("its quantizer is not padded with zeros"));
        }
        let scale = section[scale];
        if !scale.is_normal() || scale < 0.0 {
            return Err(Malformed(
                "the scale of its quantizer is not a positive number",
            ));
        }
        Ok(Quantizer {
            offset: section[..dim].to_vec(),
            scale,
        })
    }
}

/// Returns the row as it is coded: scaled to a length of 1 for cosine.
fn normalised(rows: &Matrix, metric: Metric, row: usize) -> impl Iterator<Item = f32> {
    let inverse = match metric {
        Metric::Cosine => rows.inverse_lengths()[row],
        _ => 1.0,
    };
    rows.row(row).iter().map(move |x| x * inverse)
}

/// Returns the scale for a peak, as far as the format allows it.
fn scale_of(peak: f64) -> f32 {
    let scale = f64::from(LARGEST) / peak;
    (scale as f32).clamp(f32::MIN_POSITIVE, f32::MAX)
}

/// `rne(clamp(x, -127, 127))`
fn rounded(x: f32) -> i8 {
    // The sum has no bits for fractions: the addition rounds, and the low bits are the integer.
    const ROUND: f32 = 1.5 * (1u32 << 23) as f32;
    (x.clamp(-LARGEST, LARGEST) + ROUND).to_bits() as i8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(values: &[f32]) -> (Matrix, Quantizer) {
        let mut rows = Matrix::new(1);
        values.iter().for_each(|value| rows.push(&[*value]));
        let quantizer = Quantizer::fit(&rows, Metric::L2);
        (rows, quantizer)
    }

    #[test]
    fn whatever_the_rows_the_scale_is_one_that_a_reader_takes() {
        for values in [
            &[0.0][..],
            &[f32::MAX, f32::MIN],
            &[1e-45, -1e-45, 0.0],
            &[5.0, 5.0],
            &[f32::MAX, f32::MAX],
        ] {
            for metric in Metric::ALL {
                let (rows, _) = fitted(values);
                let quantizer = Quantizer::fit(&rows, metric);
                let mut section = vec![0.0; Quantizer::section_len(1)];
                quantizer.write(&mut section);
                assert_eq!(
                    Quantizer::read(&section, 1).ok(),
                    Some(quantizer),
                    "{values:?}"
                );
            }
        }
    }

    #[test]
    fn codes_are_rounded_to_nearest_ties_to_even() {
        for i in -1024..=1024 {
            let x = i as f32 / 8.0;
            let expected = x.clamp(-LARGEST, LARGEST).round_ties_even() as i8;
            assert_eq!(rounded(x), expected, "{x}");
        }
        assert_eq!(
            [f32::INFINITY, f32::NEG_INFINITY, -0.0].map(rounded),
            [127, -127, 0]
        );
    }

    #[test]
    fn codes_fill_their_range_and_no_more() {
        let (rows, quantizer) = fitted(&[-1.0, 0.0, 1.0]);
        let codes = [0, 1, 2].map(|row| {
            let mut out = [9; 64];
            quantizer.encode_row(&rows, Metric::L2, row, &mut out);
            assert_eq!(out[1..], [0; 63]);
            out[0]
        });
        assert_eq!(codes, [-127, 0, 127]);
        assert_eq!(quantizer.encode_query(Metric::L2, &[f32::MAX])[0], 127);
        assert_eq!(quantizer.encode_query(Metric::L2, &[f32::MIN])[0], -127);
    }

    #[test]
    fn a_few_far_out_do_not_cost_all_others_their_precision() {
        let mut values: Vec<f32> = (0..100_000).map(|i| i as f32 / 1e5 - 0.5).collect();
        values.push(1.0);
        let (_, quantizer) = fitted(&values);
        assert!(quantizer.scale > 150.0, "{}", quantizer.scale);
    }

    #[test]
    fn queries_of_inner_products_have_a_scale_of_their_own() {
        let (_, quantizer) = fitted(&[0.5, 1.0]);
        for q in [1e-30, 1.0, 1e30] {
            assert_eq!(quantizer.encode_query(Metric::InnerProduct, &[q])[0], 127);
        }
        assert_eq!(quantizer.encode_query(Metric::InnerProduct, &[7e-31])[0], 0);
        assert_eq!(quantizer.encode_query(Metric::Cosine, &[-3.0])[0], -127);
        // The query has no length.
        assert_eq!(quantizer.encode_query(Metric::Cosine, &[1e-30])[0], 0);
    }
}
