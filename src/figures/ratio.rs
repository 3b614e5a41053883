// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ratio of two figures that are like for like.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::figure::{Figure, Spread};
use super::like_for_like::{Refusal, Rule};
use crate::bench::{launches, stats};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    pub value: f64,
    pub spread: Spread,
}

/// A ratio compared with a limit. Nothing is said where the interval has the limit in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    Below,
    Above,
    Inconclusive,
}

impl Ratio {
    /// Computes `of` in multiples of `to`, if the rule allows it.
    ///
    /// The interval comes from pairs of launches that took turns, or of runs in one launch, so that what slowed both
    /// down at a time does not widen it. Measurements of different times are no pairs.
    pub fn new(of: &Figure, to: &Figure, rule: Rule) -> Result<Ratio, Refusal> {
        rule.check(of, to)?;
        let (a, b) = (value(of)?, value(to)?);
        if b <= 0.0 {
            return Err(Refusal::NoBase {
                which: to.conditions.to_string(),
                value: b,
            });
        }
        let several = of.launches > 1 && to.launches > 1;
        let interval = || match rule {
            Rule::Places | Rule::Engines { .. } if of.launches != to.launches => {
                Err("the launches of both are no pairs: their numbers differ")
            }
            Rule::Places | Rule::Engines { .. } if several => {
                launches::interval_of_paired_ratio(a / b, &of.runs, &to.runs, of.launches)
            }
            Rule::Places | Rule::Engines { .. } => {
                stats::interval_of_paired_ratio(&of.runs, &to.runs)
            }
            Rule::Runs | Rule::Transfer if several => {
                let [of, to] = [of, to].map(|figure| (&figure.runs[..], figure.launches));
                launches::interval_of_ratio(a / b, of, to)
            }
            Rule::Runs | Rule::Transfer => stats::interval_of_ratio(&of.runs, &to.runs),
        };
        let spread = match (&of.spread, &to.spread) {
            (Spread::Exact, Spread::Exact) => Spread::Exact,
            (unknown @ Spread::Unknown { .. }, _) | (_, unknown @ Spread::Unknown { .. }) => {
                unknown.clone()
            }
            _ => interval().into(),
        };
        Ok(Ratio {
            value: a / b,
            spread,
        })
    }

    /// The smallest and the largest ratio of a pair of runs.
    pub fn range(of: &Figure, to: &Figure, rule: Rule) -> Result<(f64, f64), Refusal> {
        rule.check(of, to)?;
        let pairs = of.runs.iter().zip(&to.runs).filter(|(_, to)| **to > 0.0);
        pairs
            .map(|(of, to)| of / to)
            .fold(None, |range, ratio| match range {
                None => Some((ratio, ratio)),
                Some((low, high)) => Some((ratio.min(low), ratio.max(high))),
            })
            .ok_or_else(|| Refusal::Missing {
                which: of.conditions.to_string(),
                reason: "it has no pair of runs".into(),
            })
    }

    /// On which side of the limit the whole interval lies. A ratio of one single run each has no interval and decides
    /// nothing.
    pub fn against(&self, limit: f64) -> Against {
        let (low, high) = match self.spread {
            Spread::Exact => (self.value, self.value),
            Spread::Interval { low, high } => (low, high),
            Spread::Unknown { .. } => return Against::Inconclusive,
        };
        if high <= limit {
            Against::Below
        } else if low > limit {
            Against::Above
        } else {
            Against::Inconclusive
        }
    }
}

fn value(figure: &Figure) -> Result<f64, Refusal> {
    figure.value.value.ok_or_else(|| Refusal::Missing {
        which: figure.conditions.to_string(),
        reason: figure
            .value
            .reason
            .clone()
            .unwrap_or_else(|| "no reason was recorded".into()),
    })
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.spread {
            Spread::Exact => write!(f, "{:.4} x", self.value),
            Spread::Interval { low, high } => {
                write!(f, "{:.2} x (95 %: {low:.2} to {high:.2})", self.value)
            }
            Spread::Unknown { reason } => write!(f, "{:.2} x (no interval: {reason})", self.value),
        }
    }
}
