// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a search through the module would take on the host, where the module is never loaded (`docs/method.md`).
//!
//! No time of a guest is set against one of the host. A guest gives a proportion: the module's handler in multiples of
//! the same search in process. The host's own time in process is taken in that proportion, and what it costs there to
//! enter the kernel is added.

use super::conditions::{Conditions, Window};
use super::figure::{Figure, Spread};
use super::like_for_like::{Refusal, Rule};
use super::ratio::Ratio;
use crate::client::Place;

/// Parts of an estimate.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// The module's handler in a guest.
    pub handler: &'a Figure,
    /// A search in process in that guest, of the same kind and effort.
    pub in_guest: &'a Figure,
    /// This search in process on the host.
    pub on_host: &'a Figure,
    /// What an ioctl costs on the host that its filesystem does not know, in nanoseconds.
    pub entry_ns: f64,
}

pub struct Estimate {
    pub proportion: Ratio,
    /// With the proportion at the low end of its interval, as found, and at the high end.
    figures: [Figure; 3],
}

impl Estimate {
    pub fn of(parts: &Parts) -> Result<Estimate, Refusal> {
        let proportion = Ratio::new(parts.handler, parts.in_guest, Rule::Places)?;
        Rule::Transfer.check(parts.in_guest, parts.on_host)?;
        let (low, high) = match proportion.spread {
            Spread::Exact => (proportion.value, proportion.value),
            Spread::Interval { low, high } => (low, high),
            Spread::Unknown { ref reason } => {
                return Err(Refusal::Missing {
                    which: "the interval of the proportion".into(),
                    reason: reason.clone(),
                });
            }
        };
        let conditions = Conditions {
            place: Place::Kernel,
            window: Window::Call,
            ..parts.on_host.conditions.clone()
        };
        let figures = [low, proportion.value, high].map(|proportion| {
            let runs = parts.on_host.runs.iter();
            let runs = runs.map(|run| run * proportion + parts.entry_ns).collect();
            Figure::of_runs(parts.on_host.quantity, runs, conditions.clone())
                .in_launches(parts.on_host.launches)
        });
        Ok(Estimate {
            proportion,
            figures,
        })
    }

    /// The estimate as a figure of the host.
    pub fn figure(&self) -> &Figure {
        &self.figures[1]
    }

    /// The estimate in multiples of `base`, or `base` in multiples of it. The interval is the widest that both the
    /// proportion and the pairs of runs allow.
    pub fn against(&self, base: &Figure, rule: Rule, as_base: bool) -> Result<Ratio, Refusal> {
        let ratio = |figure: &Figure| match as_base {
            false => Ratio::new(figure, base, rule),
            true => Ratio::new(base, figure, rule),
        };
        let [low, middle, high] = &self.figures;
        let mut result = ratio(middle)?;
        let ends = [ratio(low)?, ratio(high)?].map(|end| end.spread);
        if let [
            Spread::Interval { low: a, high: b },
            Spread::Interval { low: c, high: d },
        ] = ends
        {
            result.spread = Spread::Interval {
                low: a.min(c),
                high: b.max(d),
            };
        }
        Ok(result)
    }
}
