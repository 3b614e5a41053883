// SPDX-License-Identifier: MIT OR Apache-2.0
//! Computes figures from raw samples.

use rand_core::Rng;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::{Measured, Measurement};

/// Resamples of a bootstrap, and the seed of its generator: the same samples give the same interval.
const RESAMPLES: usize = 10_000;
const SEED: u128 = 42;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The latency of single searches, over all runs.
    pub latency_ns: Latency,
    /// The 95 % confidence interval of the median search, by resampling runs.
    pub median_interval_ns: Measured<(f64, f64)>,
    /// Searches per second of the median run, from its first search to its last, on all threads together.
    pub searches_per_second: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    pub mean: f64,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
}

/// Figures of a measurement, or why there are none.
pub fn summarise(measurement: &Measurement) -> Result<Summary, &'static str> {
    let as_floats = |samples: &[u64]| samples.iter().map(|ns| *ns as f64).collect::<Vec<_>>();
    let all = sorted(as_floats(&measurement.samples_ns.concat()).into_iter());
    if all.is_empty() {
        return Err("nothing was timed");
    }
    let medians: Vec<f64> = measurement
        .samples_ns
        .iter()
        .map(|run| median(as_floats(run).into_iter()))
        .collect();
    let elapsed = median(as_floats(&measurement.elapsed_ns).into_iter());
    let queries = measurement.samples_ns[0].len() as f64;
    Ok(Summary {
        latency_ns: Latency {
            mean: all.iter().sum::<f64>() / all.len() as f64,
            p50: percentile(&all, 50.0),
            p95: percentile(&all, 95.0),
            p99: percentile(&all, 99.0),
        },
        median_interval_ns: interval_of_median(&medians).into(),
        searches_per_second: queries * 1e9 / elapsed,
    })
}

/// The 95 % percentile-bootstrap interval of the median of `values`.
pub fn interval_of_median(values: &[f64]) -> Result<(f64, f64), &'static str> {
    bootstrap(values, |sample| median(sample.iter().copied()))
}

const ONE_RUN: &str = "one run has no spread; an interval takes two or more";

/// Where a statistic of resampled values lies in 95 of 100 cases.
fn bootstrap<T: Copy>(
    values: &[T],
    statistic: impl Fn(&[T]) -> f64,
) -> Result<(f64, f64), &'static str> {
    if values.len() < 2 {
        return Err(ONE_RUN);
    }
    let mut picks = Picks::new(0);
    Ok(middle_95(
        (0..RESAMPLES).map(|_| statistic(&picks.sample(values))),
    ))
}

fn middle_95(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let values = sorted(values);
    (percentile(&values, 2.5), percentile(&values, 97.5))
}

/// Draws numbers with replacement.
struct Picks(Pcg64);

impl Picks {
    fn new(stream: u128) -> Picks {
        Picks(Pcg64::new(SEED, stream))
    }

    fn sample<T: Copy>(&mut self, values: &[T]) -> Vec<T> {
        // The high half of a product instead of a remainder: uniform to within 2^-64.
        let mut pick = || ((u128::from(self.0.next_u64()) * values.len() as u128) >> 64) as usize;
        (0..values.len()).map(|_| values[pick()]).collect()
    }
}

/// The 95 % interval of the ratio of medians of two series whose runs took turns: pairs of runs are resampled.
pub fn interval_of_paired_ratio(of: &[f64], to: &[f64]) -> Result<(f64, f64), &'static str> {
    if of.len() != to.len() {
        return Err("the runs of both are no pairs: their numbers differ");
    }
    let pairs: Vec<(f64, f64)> = of.iter().copied().zip(to.iter().copied()).collect();
    bootstrap(&pairs, |sample| {
        median(sample.iter().map(|pair| pair.0)) / median(sample.iter().map(|pair| pair.1))
    })
}

/// The 95 % interval of the ratio of medians of two series that were measured at different times: each is resampled by
/// itself.
pub fn interval_of_ratio(of: &[f64], to: &[f64]) -> Result<(f64, f64), &'static str> {
    let (mut pick, mut other) = (Picks::new(0), Picks::new(1));
    if of.len() < 2 || to.len() < 2 {
        return Err(ONE_RUN);
    }
    let ratios = (0..RESAMPLES)
        .map(|_| median(pick.sample(of).into_iter()) / median(other.sample(to).into_iter()));
    Ok(middle_95(ratios))
}

/// How many values lie more than three interquartile ranges outside the quartiles (Tukey's "far out").
pub fn outliers(values: impl Iterator<Item = f64>) -> u64 {
    let values = sorted(values);
    if values.is_empty() {
        return 0;
    }
    let (low, high) = (percentile(&values, 25.0), percentile(&values, 75.0));
    let fence = 3.0 * (high - low);
    let far_out = |value: &&f64| **value < low - fence || **value > high + fence;
    values.iter().filter(far_out).count() as u64
}

/// The median; of an even number of values, the mean of the middle two.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let values = sorted(values);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        (values[middle - 1] + values[middle]) / 2.0
    } else {
        values[middle]
    }
}

/// The smallest value that at least `percent` % of the sorted `values` do not exceed.
pub fn percentile(values: &[f64], percent: f64) -> f64 {
    let rank = (percent / 100.0 * values.len() as f64).ceil() as usize;
    values[rank.clamp(1, values.len()) - 1]
}

pub fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&values, 50.0), 50.0);
        assert_eq!(percentile(&values, 99.0), 99.0);
        assert_eq!(percentile(&values, 100.0), 100.0);
        assert_eq!(percentile(&[7.0], 99.0), 7.0);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median([4.0, 1.0, 3.0].into_iter()), 3.0);
        assert_eq!(median([4.0, 1.0, 3.0, 2.0].into_iter()), 2.5);
    }

    #[test]
    fn the_interval_holds_the_median_and_is_repeatable() {
        let values: Vec<f64> = (0..20).map(|i| 100.0 + f64::from(i * 7 % 20)).collect();
        let (low, high) = interval_of_median(&values).unwrap();
        let middle = median(values.iter().copied());
        assert!(
            100.0 < low && low < middle && middle < high && high < 119.0,
            "{low} {high}"
        );
        assert_eq!(interval_of_median(&values).unwrap(), (low, high));
        assert_eq!(interval_of_median(&[5.0; 3]).unwrap(), (5.0, 5.0));
        assert!(interval_of_median(&[5.0]).is_err());
    }

    /// Draws from a distribution whose median is known, with a long tail as latencies have one.
    #[test]
    fn an_interval_holds_the_true_median_about_as_often_as_it_says() {
        let mut random = Pcg64::new(7, 7);
        let mut uniform = || (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        // Exponential: the median is ln 2.
        let mut draw = || -(1.0 - uniform()).ln();
        let (mut held, experiments) = (0, 200);
        for _ in 0..experiments {
            let values: Vec<f64> = (0..20).map(|_| draw()).collect();
            let (low, high) = interval_of_median(&values).unwrap();
            held += usize::from(low <= 2f64.ln() && 2f64.ln() <= high);
        }
        assert!((180..=199).contains(&held), "{held} of {experiments}");
    }

    #[test]
    fn pairs_are_resampled_as_pairs() {
        let of = [2.0, 20.0, 4.0, 40.0];
        let to = [1.0, 10.0, 2.0, 20.0];
        assert_eq!(interval_of_paired_ratio(&of, &to).unwrap(), (2.0, 2.0));
        let (low, high) = interval_of_ratio(&of, &to).unwrap();
        assert!(low < 1.0 && high > 4.0, "{low} {high}");
        assert!(interval_of_paired_ratio(&of, &to[..3]).is_err());
        assert!(interval_of_ratio(&of[..1], &to).is_err());
    }

    #[test]
    fn only_what_lies_far_out_is_an_outlier() {
        let near = (0..100).map(f64::from);
        assert_eq!(outliers(near.clone()), 0);
        assert_eq!(outliers(near.chain([400.0, -400.0])), 2);
        assert_eq!(outliers(std::iter::empty()), 0);
    }

    #[test]
    fn what_was_not_timed_has_a_reason_and_no_figure() {
        let none = Measurement {
            samples_ns: vec![vec![]],
            elapsed_ns: vec![1],
            answers: vec![],
            result_hashes: vec![],
            unstable: None,
            inside: Vec::new(),
        };
        let json = serde_json::to_value(Measured::from(summarise(&none))).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"value": null, "reason": "nothing was timed"})
        );
    }
}
