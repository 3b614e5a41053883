// SPDX-License-Identifier: MIT OR Apache-2.0
//! Figures out of raw samples.

use rand_core::Rng;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::{Measured, Measurement};

/// Resamples of a bootstrap, and the seed of its generator: the same samples give the same interval.
const RESAMPLES: usize = 10_000;
const SEED: u128 = 42;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Of single searches, over all runs.
    pub latency_ns: Latency,
    /// 95 % confidence interval of the median search, by resampling runs.
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
    if values.len() < 2 {
        return Err("one run has no spread; an interval takes two or more");
    }
    let mut random = Pcg64::new(SEED, 0);
    // The high half of a product instead of a remainder: uniform to within 2^-64.
    let mut pick =
        || values[((u128::from(random.next_u64()) * values.len() as u128) >> 64) as usize];
    let medians = sorted((0..RESAMPLES).map(|_| median((0..values.len()).map(|_| pick()))));
    Ok((percentile(&medians, 2.5), percentile(&medians, 97.5)))
}

/// One measurement in units of another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    pub ratio: f64,
    /// 95 %, by resampling runs.
    pub interval: (f64, f64),
}

/// The medians of runs in units of those of `base` that were made at the same time: `samples[run][query]`.
pub fn ratio_of_run_medians(base: &[Vec<u64>], other: &[Vec<u64>]) -> Result<Ratio, &'static str> {
    if base.len() != other.len() {
        return Err("runs that were not made in pairs are not compared");
    }
    if base.iter().chain(other).any(Vec::is_empty) {
        return Err("nothing was timed");
    }
    let median_of = |run: &[u64]| median(run.iter().map(|&ns| ns as f64));
    let pairs = base.iter().zip(other);
    let ratios: Vec<f64> = pairs
        .map(|(base, other)| median_of(other) / median_of(base))
        .collect();
    Ok(Ratio {
        interval: interval_of_median(&ratios)?,
        ratio: median(ratios.into_iter()),
    })
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

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
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

    #[test]
    fn a_ratio_is_of_paired_runs() {
        // Both slow down alike: what disturbs both does not widen the interval.
        let base: Vec<Vec<u64>> = (1..=20)
            .map(|run| vec![100 * run, 90 * run, 110 * run])
            .collect();
        let other: Vec<Vec<u64>> = base
            .iter()
            .map(|run| run.iter().map(|ns| ns * 3).collect())
            .collect();
        let ratio = ratio_of_run_medians(&base, &other).unwrap();
        assert_eq!((ratio.ratio, ratio.interval), (3.0, (3.0, 3.0)));
        assert_eq!(ratio_of_run_medians(&other, &other).unwrap().ratio, 1.0);

        assert!(
            ratio_of_run_medians(&base, &other[1..])
                .unwrap_err()
                .contains("in pairs")
        );
        assert!(
            ratio_of_run_medians(&base[..1], &other[..1])
                .unwrap_err()
                .contains("one run")
        );
        assert_eq!(
            ratio_of_run_medians(&[vec![], vec![]], &other[..2]),
            Err("nothing was timed")
        );
    }

    #[test]
    fn what_was_not_timed_has_a_reason_and_no_figure() {
        let none = Measurement {
            samples_ns: vec![vec![]],
            elapsed_ns: vec![1],
            answers: vec![],
            result_hashes: vec![],
            unstable: None,
        };
        let json = serde_json::to_value(Measured::from(summarise(&none))).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"value": null, "reason": "nothing was timed"})
        );
    }
}
