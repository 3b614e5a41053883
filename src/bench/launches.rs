// SPDX-License-Identifier: MIT OR Apache-2.0
//! Intervals of what was measured in several launches: where another measurement's figure lies in 95 of 100 cases.
//!
//! Runs of one process share its memory layout, and so what it costs. More of them say nothing of another process
//! (Kalibera & Jones, "Rigorous benchmarking in reasonable time", 2013). So launches are what is counted here, and
//! since they are few, by Student's t. Times and their ratios are compared as logarithms: noise multiplies them.
//!
//! A figure is a median. The variance of one is up to π/2 times that of a mean, so intervals are widened by its root.

use std::f64::consts::{FRAC_PI_2, PI};

use super::stats::median;

/// The 97.5 % quantiles of Student's t for 1 to 19 degrees of freedom (NIST/SEMATECH e-Handbook, 1.3.6.7.2).
const T: [f64; 19] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093,
];

const FEW: &str = "an interval over launches takes 2 to 20 of them, with equally many runs each";

/// The interval around `value` for a later measurement in as many launches.
pub fn interval(value: f64, runs: &[f64], launches: usize) -> Result<(f64, f64), &'static str> {
    around(value, &medians(runs, launches)?)
}

/// The interval around the ratio of two series whose launches took turns.
pub fn interval_of_paired_ratio(
    value: f64,
    of: &[f64],
    to: &[f64],
    launches: usize,
) -> Result<(f64, f64), &'static str> {
    let (of, to) = (medians(of, launches)?, medians(to, launches)?);
    let ratios: Vec<f64> = of.iter().zip(&to).map(|(of, to)| of / to).collect();
    around(value, &ratios)
}

/// The interval of the ratio of two measurements that were made apart, of their medians.
pub fn interval_of_ratio(
    value: f64,
    of: (&[f64], usize),
    to: (&[f64], usize),
) -> Result<(f64, f64), &'static str> {
    let [of, to] = [of, to].map(|(runs, launches)| medians(runs, launches));
    let (of, to) = (of?, to?);
    let share = |values: &[f64]| Ok::<_, &'static str>(variance(values)? / values.len() as f64);
    let error = (FRAC_PI_2 * (share(&of)? + share(&to)?)).sqrt();
    let t = student(of.len().min(to.len()))?;
    Ok(widened(value, t * error))
}

fn around(value: f64, launches: &[f64]) -> Result<(f64, f64), &'static str> {
    // Both measurements err.
    let error = (PI * variance(launches)? / launches.len() as f64).sqrt();
    Ok(widened(value, student(launches.len())? * error))
}

fn widened(value: f64, by: f64) -> (f64, f64) {
    (value / by.exp(), value * by.exp())
}

fn student(values: usize) -> Result<f64, &'static str> {
    let degrees = values.checked_sub(2).ok_or(FEW)?;
    T.get(degrees).copied().ok_or(FEW)
}

/// The variance of the logarithms.
fn variance(values: &[f64]) -> Result<f64, &'static str> {
    if values.iter().any(|value| *value <= 0.0) {
        return Err("a time is 0 or less");
    }
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    let squares: f64 = logs.iter().map(|log| (log - mean).powi(2)).sum();
    Ok(squares / (logs.len() as f64 - 1.0))
}

/// The median run of each launch.
fn medians(runs: &[f64], launches: usize) -> Result<Vec<f64>, &'static str> {
    if launches < 2 || runs.is_empty() || !runs.len().is_multiple_of(launches) {
        return Err(FEW);
    }
    let of_launch = runs.chunks(runs.len() / launches);
    Ok(of_launch.map(|runs| median(runs.iter().copied())).collect())
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;
    use rand_pcg::Pcg64;

    use super::super::stats;
    use super::*;

    const LAUNCHES: usize = 5;
    const RUNS: usize = 4;

    /// Draws times of two engines: a launch moves each by 3 %, a run by 1 %.
    struct Machine(Pcg64);

    impl Machine {
        fn uniform(&mut self) -> f64 {
            (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
        }

        /// Irwin and Hall: the sum of twelve is nearly normal, with the variance 1.
        fn normal(&mut self) -> f64 {
            (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
        }

        fn runs(&mut self, time: f64) -> Vec<f64> {
            let mut runs = Vec::new();
            for _ in 0..LAUNCHES {
                let launch = time * (0.03 * self.normal()).exp();
                runs.extend((0..RUNS).map(|_| launch * (0.01 * self.normal()).exp()));
            }
            runs
        }

        fn ratio(&mut self) -> (f64, Vec<f64>, Vec<f64>) {
            let (of, to) = (self.runs(300.0), self.runs(100.0));
            let middle = |runs: &[f64]| median(runs.iter().copied());
            (middle(&of) / middle(&to), of, to)
        }
    }

    fn holds((low, high): (f64, f64), value: f64) -> usize {
        usize::from(low <= value && value <= high)
    }

    /// What a second measurement finds lies within the interval of the first. A bootstrap over runs, which takes
    /// runs of one process for independent, says far less often what it promises.
    #[test]
    fn an_interval_holds_what_another_measurement_finds() {
        let mut machine = Machine(Pcg64::new(7, 7));
        let experiments = 400;
        let (mut ratios, mut times, mut by_runs) = (0, 0, 0);
        for _ in 0..experiments {
            let (first, of, to) = machine.ratio();
            let (second, again, _) = machine.ratio();
            let interval_of_ratio = interval_of_paired_ratio(first, &of, &to, LAUNCHES);
            ratios += holds(interval_of_ratio.unwrap(), second);
            let time = median(of.iter().copied());
            let interval = interval(time, &of, LAUNCHES).unwrap();
            times += holds(interval, median(again.iter().copied()));
            by_runs += holds(stats::interval_of_paired_ratio(&of, &to).unwrap(), second);
        }
        for held in [ratios, times] {
            assert!((370..=398).contains(&held), "{held} of {experiments}");
        }
        assert!(by_runs < 320, "{by_runs} of {experiments}");
    }

    #[test]
    fn launches_that_agree_leave_no_doubt() {
        let (of, to) = ([2.0, 20.0, 4.0, 40.0], [1.0, 10.0, 2.0, 20.0]);
        assert_eq!(interval_of_paired_ratio(2.0, &of, &to, 2), Ok((2.0, 2.0)));
        assert_eq!(interval(5.0, &[5.0; 6], 3), Ok((5.0, 5.0)));
        let (low, high) = interval_of_ratio(2.0, (&of, 2), (&to, 2)).unwrap();
        assert!(low < 1.0 && high > 4.0, "{low} {high}");
    }

    #[test]
    fn runs_that_are_no_launches_have_no_interval() {
        for launches in [0, 1, 3] {
            assert_eq!(interval(1.0, &[1.0; 4], launches), Err(FEW));
        }
        assert_eq!(interval(1.0, &[], 2), Err(FEW));
        assert!(interval(1.0, &[0.0, 1.0], 2).is_err());
    }
}
