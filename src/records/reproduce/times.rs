// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ratios of times within a run: each new one must lie in the range of the packed runs, if the CPU is the same.

use super::{Outcome, Row, Side};
use crate::figures::{Clock, Figure, Quantity, Ratio, Refusal, Rule};
use crate::guest::protocol::Place;
use crate::validate::figures;

pub fn rows(packed: Side, new: Side) -> Vec<Row> {
    let (packed, new) = (figures::of(packed.evidence), figures::of(new.evidence));
    let rows = over_in_process(&packed).filter_map(|of_packed| {
        let wanted = of_packed.there.to_string();
        let mut theirs = over_in_process(&new);
        let of_new = theirs.find(|of_new| of_new.there.to_string() == wanted)?;
        Some(row(of_packed, of_new))
    });
    rows.collect()
}

/// The median search in a place, by a clock that tells time, and that of the same search in process.
#[derive(Clone, Copy)]
struct Pair<'a> {
    there: &'a Figure,
    base: &'a Figure,
}

fn over_in_process(all: &[Figure]) -> impl Iterator<Item = Pair<'_>> {
    let timed = all.iter().filter(|figure| {
        figure.quantity == Quantity::Median
            && figure.conditions.clock == Clock::Monotonic
            && figure.conditions.place != Place::InProcess
    });
    timed.filter_map(|there| {
        let mut bases = all.iter().filter(|base| {
            base.conditions.place == Place::InProcess
                && base.conditions.dataset.name == there.conditions.dataset.name
        });
        let base = bases.find(|base| Rule::Places.check(there, base).is_ok())?;
        Some(Pair { there, base })
    })
}

fn row(packed: Pair, new: Pair) -> Row {
    let range = Ratio::range(packed.there, packed.base, Rule::Places);
    let ratio = Ratio::new(new.there, new.base, Rule::Places);
    let (outcome, why) = match held(packed, new, &range, &ratio) {
        Ok(outcome) => (outcome, "held against the range of the packed runs".into()),
        Err(refusal) => (Outcome::NotComparable, refusal.to_string()),
    };
    Row {
        what: format!("{}, x in process", packed.there),
        outcome,
        packed: range.map_or("none".into(), |(low, high)| {
            format!("{low:.3} to {high:.3}")
        }),
        new: ratio.map_or("none".into(), |ratio| format!("{:.3}", ratio.value)),
        why: Some(why),
    }
}

fn held(
    packed: Pair,
    new: Pair,
    range: &Result<(f64, f64), Refusal>,
    ratio: &Result<Ratio, Refusal>,
) -> Result<Outcome, Refusal> {
    // The rule for two runs lets like CPUs be compared only.
    Rule::Runs.check(new.there, packed.there)?;
    let (low, high) = range.clone()?;
    let ratio = ratio.clone()?;
    Ok(match (low..=high).contains(&ratio.value) {
        true => Outcome::Within,
        false => Outcome::Differs,
    })
}
