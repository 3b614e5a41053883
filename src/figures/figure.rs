// SPDX-License-Identifier: MIT OR Apache-2.0
//! One figure, with the runs that it comes from.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::conditions::{Clock, Conditions, Machine, Window};
use crate::bench::{Measured, launches, stats};
use crate::client::module_clock::Reading;
use crate::protocol::Accelerator;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Time or instructions of the median operation.
    Median,
    P95,
    P99,
    /// Time or instructions of the mean operation of a run.
    Mean,
    /// Time or instructions of one operation that was done once.
    Once,
    /// Operations in a second.
    Rate,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    pub quantity: Quantity,
    pub value: Measured<f64>,
    /// The value of each run, in the order of the runs, so that runs of two figures that took turns are pairs.
    pub runs: Vec<f64>,
    /// In how many launches they were made, equally many in each; those of one launch lie together.
    #[serde(default = "one")]
    pub launches: usize,
    /// How far it can be trusted.
    pub spread: Spread,
    /// Single operations that lie far out; they are part of all figures.
    pub outliers: u64,
    pub conditions: Conditions,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spread {
    /// A count, which repeats to the digit.
    Exact,
    /// 95 %: where another measurement in as many launches lies, or, of one launch, by bootstrap over runs.
    Interval { low: f64, high: f64 },
    /// Neither is known, for this reason.
    Unknown { reason: String },
}

impl Figure {
    /// A figure of a series of timed searches, `samples[run][query]`. It is computed for each run; the figure is the
    /// median of the runs. So a run that was disturbed counts as one, and the interval is that of the very figure.
    pub fn of_samples(quantity: Quantity, samples: &[Vec<u64>], conditions: Conditions) -> Figure {
        let percent = match quantity {
            Quantity::Median | Quantity::Once | Quantity::Rate => 50.0,
            Quantity::P95 => 95.0,
            Quantity::P99 => 99.0,
            Quantity::Mean => f64::NAN,
        };
        let of = |run: &Vec<u64>| {
            if quantity == Quantity::Mean {
                return run.iter().sum::<u64>() as f64 / run.len() as f64;
            }
            let sorted = stats::sorted(run.iter().map(|&ns| ns as f64));
            match percent {
                50.0 => stats::median(sorted.iter().copied()),
                percent => stats::percentile(&sorted, percent),
            }
        };
        let timed = samples.iter().filter(|run| !run.is_empty());
        let runs: Vec<f64> = timed.map(of).collect();
        Figure {
            outliers: stats::outliers(samples.iter().flatten().map(|&ns| ns as f64)),
            ..Figure::of_runs(quantity, runs, conditions)
        }
    }

    /// A figure of which the value of each run is known.
    pub fn of_runs(quantity: Quantity, runs: Vec<f64>, conditions: Conditions) -> Figure {
        let value = (!runs.is_empty()).then(|| stats::median(runs.iter().copied()));
        let spread = match conditions.clock {
            Clock::Instructions => Spread::Exact,
            Clock::Emulated => Spread::Unknown {
                reason: "an emulated clock means nothing".into(),
            },
            Clock::Unknown => Spread::Unknown {
                reason: "nobody knows what this clock counts".into(),
            },
            Clock::Monotonic => stats::interval_of_median(&runs).into(),
        };
        Figure {
            quantity,
            value: value.ok_or("nothing was timed").into(),
            runs,
            launches: 1,
            spread,
            outliers: 0,
            conditions,
        }
    }

    /// The figure of runs that were made in so many launches.
    pub fn in_launches(mut self, number: usize) -> Figure {
        self.launches = number;
        if let (Spread::Interval { .. }, Some(value)) = (&self.spread, self.value.value)
            && number > 1
        {
            self.spread = launches::interval(value, &self.runs, number).into();
        }
        self
    }

    /// A figure of the mean search by the module's own clock, which counts the searches of a run together.
    pub fn of_readings(window: Window, readings: &[Reading], conditions: Conditions) -> Figure {
        let of = |reading: &Reading| {
            let ns = match window {
                Window::Search => reading.search_ns,
                Window::Handler | Window::Call | Window::NetCall => reading.handler_ns,
            };
            ns as f64 / reading.searches as f64
        };
        let conditions = Conditions {
            window,
            ..conditions
        };
        if readings.is_empty() {
            return Figure::missing(Quantity::Mean, "the module's clock was off", conditions);
        }
        Figure::of_runs(
            Quantity::Mean,
            readings.iter().map(of).collect(),
            conditions,
        )
    }

    /// The figure less what a call costs that does nothing. Where nothing would be left, there is none.
    pub fn less(&self, cost: f64) -> Figure {
        let conditions = Conditions {
            window: Window::NetCall,
            ..self.conditions.clone()
        };
        let runs: Vec<f64> = self.runs.iter().map(|run| run - cost).collect();
        if runs.iter().any(|run| *run <= 0.0) {
            let reason = "an empty call costs as much";
            return Figure::missing(self.quantity, reason, conditions);
        }
        Figure::of_runs(self.quantity, runs, conditions).in_launches(self.launches)
    }

    /// A figure of something that was done once.
    pub fn once(value: u64, conditions: Conditions) -> Figure {
        let spread = match conditions.clock {
            Clock::Instructions => Spread::Exact,
            Clock::Monotonic | Clock::Emulated | Clock::Unknown => Spread::Unknown {
                reason: "it was done once".into(),
            },
        };
        Figure {
            quantity: Quantity::Once,
            value: Ok::<_, &str>(value as f64).into(),
            runs: vec![value as f64],
            launches: 1,
            spread,
            outliers: 0,
            conditions,
        }
    }

    /// What the value counts.
    pub fn unit(&self) -> &'static str {
        match self.quantity {
            Quantity::Rate => "a second",
            _ => self.conditions.clock.unit(),
        }
    }

    /// A figure that could not be measured: it has a reason and no value.
    pub fn missing(quantity: Quantity, reason: impl ToString, conditions: Conditions) -> Figure {
        Figure {
            quantity,
            value: Err::<f64, _>(reason.to_string()).into(),
            runs: Vec::new(),
            launches: 1,
            spread: Spread::Unknown {
                reason: reason.to_string(),
            },
            outliers: 0,
            conditions,
        }
    }
}

/// How many launches there are where none are told, as in records of earlier versions.
fn one() -> usize {
    1
}

impl From<Result<(f64, f64), &str>> for Spread {
    fn from(interval: Result<(f64, f64), &str>) -> Spread {
        match interval {
            Ok((low, high)) => Spread::Interval { low, high },
            Err(reason) => Spread::Unknown {
                reason: reason.into(),
            },
        }
    }
}

impl fmt::Display for Figure {
    /// Writes a name for a reader, which no other figure of the same run has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.conditions.machine {
            Machine::Host { .. } => "host: ",
            Machine::Guest {
                accelerator: Some(Accelerator::Uml),
                ..
            } => "uml: ",
            Machine::Guest { .. } => "guest: ",
        })?;
        if self.quantity != Quantity::Once {
            write!(f, "{} of ", self.quantity)?;
        }
        self.conditions.fmt(f)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Quantity::Median => "median",
            Quantity::P95 => "p95",
            Quantity::P99 => "p99",
            Quantity::Mean => "mean",
            Quantity::Once => "once",
            Quantity::Rate => "rate",
        })
    }
}
