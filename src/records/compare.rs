// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares the figures of one run with those of another one.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use super::source::RunSource;
use crate::figures::{Figure, Quantity, Ratio, Refusal, Rule, Spread};
use crate::verdict::figures;

/// Figures, and where they come from.
pub struct Figures {
    pub shown: String,
    pub all: Vec<Figure>,
}

impl Figures {
    /// Reads the figures of a run, a pack or an image, which is verified, or those of a JSON file, as they stand there.
    pub fn open(path: &Path) -> Result<Figures> {
        let shown = path.display().to_string();
        let all = if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
            parse(&text).with_context(|| format!("{shown} holds no figures"))?
        } else {
            figures::of(&RunSource::open(path)?.evidence)
        };
        Ok(Figures { shown, all })
    }
}

/// Reads one figure, or a list of them.
fn parse(text: &str) -> serde_json::Result<Vec<Figure>> {
    if text.trim_start().starts_with('[') {
        serde_json::from_str(text)
    } else {
        Ok(vec![serde_json::from_str(text)?])
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// There is none: the values are equal to the digit, where that can be said, or else within the tolerance.
    None,
    /// The count is another one, but within the tolerance.
    Small,
    Better,
    Worse,
    /// The interval leaves it open.
    Inconclusive,
}

impl Change {
    pub fn word(self) -> &'static str {
        match self {
            Change::None => "unchanged",
            Change::Small => "changed",
            Change::Better => "better",
            Change::Worse => "WORSE",
            Change::Inconclusive => "inconclusive",
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Row {
    pub what: String,
    pub unit: &'static str,
    pub change: Change,
    pub a: Option<f64>,
    pub b: Option<f64>,
    /// The value of the second in multiples of the first.
    pub ratio: Ratio,
    /// The recall of both, where it is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall: Option<(f64, f64)>,
}

#[derive(Debug, Serialize)]
pub struct Refused {
    pub what: String,
    pub why: String,
}

#[derive(Debug, Serialize)]
pub struct Compared {
    pub a: String,
    pub b: String,
    pub tolerance: f64,
    pub rows: Vec<Row>,
    pub refused: Vec<Refused>,
    /// Figures of the first that the second does not have at all.
    pub absent: Vec<String>,
}

impl Compared {
    /// Compares every figure of `b` with the one of `a` that is like it. What changes by more than `tolerance`, a
    /// share, is better or worse.
    pub fn of(a: &Figures, b: &Figures, tolerance: f64) -> Compared {
        let (mut rows, mut refused) = (Vec::new(), Vec::new());
        for of in &b.all {
            let mut alike: Vec<&Figure> = a.all.iter().collect();
            alike.retain(|to| Rule::Runs.check(of, to).is_ok());
            // Of several, the one that was measured in the same way.
            let same = alike.iter().find(|to| to.to_string() == of.to_string());
            let like = same.or(alike.first()).copied();
            let refusal = match like.map(|to| (to, Ratio::new(of, to, Rule::Runs))) {
                Some((to, Ok(ratio))) => {
                    rows.push(row(of, to, ratio, tolerance));
                    continue;
                }
                Some((_, Err(refusal))) => Some(refusal),
                None => nearest(of, &a.all),
            };
            refused.push(Refused {
                what: of.to_string(),
                why: match refusal {
                    Some(refusal) => refusal.to_string(),
                    None => format!("{} has no figures", a.shown),
                },
            });
        }
        let names: Vec<String> = b.all.iter().map(Figure::to_string).collect();
        let mut absent: Vec<String> = a.all.iter().map(Figure::to_string).collect();
        absent.retain(|name| !names.contains(name));
        Compared {
            a: a.shown.clone(),
            b: b.shown.clone(),
            tolerance,
            rows,
            refused,
            absent,
        }
    }

    /// The exit status: 0 no regression, 1 regression, 2 nothing is comparable.
    pub fn exit_code(&self) -> u8 {
        if self.rows.is_empty() {
            2
        } else {
            u8::from(self.rows.iter().any(|row| row.change == Change::Worse))
        }
    }
}

fn row(of: &Figure, to: &Figure, ratio: Ratio, tolerance: f64) -> Row {
    let recall = match (of.conditions.recall, to.conditions.recall) {
        (Some(of), Some(to)) if of != to => Some((to, of)),
        _ => None,
    };
    // Found less, it cannot have become better.
    let change = match recall {
        Some((before, now)) if now < before => Change::Worse,
        _ => change(&ratio, of.quantity == Quantity::Rate, tolerance),
    };
    Row {
        what: of.to_string(),
        unit: of.unit(),
        change,
        a: to.value.value,
        b: of.value.value,
        ratio,
        recall,
    }
}

/// Judges a ratio: a change counts only if its whole interval lies beyond the tolerance.
fn change(ratio: &Ratio, more_is_better: bool, tolerance: f64) -> Change {
    let (low, high) = match ratio.spread {
        Spread::Exact if ratio.value == 1.0 => return Change::None,
        Spread::Exact => (ratio.value, ratio.value),
        Spread::Interval { low, high } => (low, high),
        Spread::Unknown { .. } => return Change::Inconclusive,
    };
    let (floor, ceiling) = (1.0 - tolerance, 1.0 + tolerance);
    if low > ceiling {
        if more_is_better {
            Change::Better
        } else {
            Change::Worse
        }
    } else if high < floor {
        if more_is_better {
            Change::Worse
        } else {
            Change::Better
        }
    } else if ratio.spread == Spread::Exact {
        Change::Small
    } else if low >= floor && high <= ceiling {
        Change::None
    } else {
        Change::Inconclusive
    }
}

/// Why even the figure with the fewest differences is not like this one.
fn nearest(of: &Figure, all: &[Figure]) -> Option<Refusal> {
    let refusals = all.iter().filter_map(|to| Rule::Runs.check(to, of).err());
    refusals.min_by_key(|refusal| match refusal {
        Refusal::Unlike(differences) => differences.len(),
        Refusal::Missing { .. } | Refusal::NoBase { .. } => usize::MAX,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(value: f64, spread: Spread) -> Ratio {
        Ratio { value, spread }
    }

    #[test]
    fn a_count_is_worse_beyond_the_tolerance_and_named_below_it() {
        let judged = |value| change(&ratio(value, Spread::Exact), false, 0.01);
        assert_eq!(judged(1.0), Change::None);
        assert_eq!(judged(1.0001), Change::Small);
        assert_eq!(judged(0.995), Change::Small);
        assert_eq!(judged(1.011), Change::Worse);
        assert_eq!(judged(0.98), Change::Better);
        let rate = |value| change(&ratio(value, Spread::Exact), true, 0.01);
        assert_eq!((rate(1.02), rate(0.98)), (Change::Better, Change::Worse));
    }

    #[test]
    fn a_time_is_worse_only_with_its_whole_interval() {
        let judged = |low: f64, high: f64| {
            let value = (low + high) / 2.0;
            change(&ratio(value, Spread::Interval { low, high }), false, 0.01)
        };
        assert_eq!(judged(1.02, 1.3), Change::Worse);
        assert_eq!(judged(1.005, 1.3), Change::Inconclusive);
        assert_eq!(judged(0.8, 1.3), Change::Inconclusive);
        assert_eq!(judged(0.995, 1.005), Change::None);
        assert_eq!(judged(0.8, 0.9), Change::Better);
        let reason = "one run".into();
        let unknown = ratio(9.0, Spread::Unknown { reason });
        assert_eq!(change(&unknown, false, 0.01), Change::Inconclusive);
    }
}
