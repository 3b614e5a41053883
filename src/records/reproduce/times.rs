// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares ratios of times within a run: each new one must lie in the range of the packed runs, if the CPU is the
//! same.

use super::row::{Agreement, Row, Side};
use crate::client::Place;
use crate::figures::{Clock, Difference, Figure, Quantity, Ratio, Refusal, Rule};
use crate::peers::OURS;
use crate::verdict::evidence::Evidence;
use crate::verdict::figures;

pub fn rows(packed: Side, new: Side) -> Vec<Row> {
    let of_new = figures::of(new.evidence);
    let mut pairs = over_in_process(&figures::of(packed.evidence));
    pairs.extend(over_ours(packed.evidence));
    let rows = pairs.iter().filter_map(|of_packed| {
        let same = |wanted: &Figure| {
            let name = wanted.to_string();
            of_new.iter().find(|figure| figure.to_string() == name)
        };
        let (there, base) = (same(&of_packed.there)?, same(&of_packed.base)?);
        Some(row(of_packed, there, base))
    });
    rows.collect()
}

/// Two median searches by a clock that tells time, one in multiples of the other.
struct Pair {
    there: Figure,
    base: Figure,
    rule: Rule,
    /// The name of the base.
    over: String,
}

/// The searches of each place beside the same search in process.
fn over_in_process(all: &[Figure]) -> Vec<Pair> {
    let timed = all.iter().filter(|figure| {
        figure.quantity == Quantity::Median
            && figure.conditions.clock == Clock::Monotonic
            && figure.conditions.place != Place::InProcess
    });
    let pairs = timed.filter_map(|there| {
        let mut bases = all.iter().filter(|base| {
            base.conditions.place == Place::InProcess
                && base.conditions.dataset.name == there.conditions.dataset.name
        });
        let base = bases.find(|base| Rule::Places.check(there, base).is_ok())?;
        Some(Pair {
            there: there.clone(),
            base: base.clone(),
            rule: Rule::Places,
            over: "in process".into(),
        })
    });
    pairs.collect()
}

/// Each engine at its fastest setting that finds enough, beside ours.
fn over_ours(packed: &Evidence) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let Some(plan) = &packed.criteria.comparison else {
        return pairs;
    };
    for located in [packed.comparison(), packed.comparison_in_guest()] {
        let Ok(located) = located else { continue };
        if located.clock() != Clock::Monotonic {
            continue;
        }
        for compared in &located.comparison().workloads {
            let standings = located.standings(compared, plan.recall);
            let Some((_, base)) = standings.base() else {
                continue;
            };
            let fastest = standings
                .peers()
                .filter_map(|one| one.fastest.as_ref().ok());
            pairs.extend(fastest.map(|fastest| Pair {
                there: fastest.median.clone(),
                base: base.median.clone(),
                rule: standings.rule(),
                over: base.median.conditions.to_string(),
            }));
        }
    }
    pairs
}

fn row(packed: &Pair, there: &Figure, base: &Figure) -> Row {
    let range = Ratio::range(&packed.there, &packed.base, packed.rule);
    let ratio = Ratio::new(there, base, packed.rule);
    let (outcome, why) = match held(packed, [there, base], &range, &ratio) {
        Ok(outcome) => (outcome, "held against the range of the packed runs".into()),
        Err(refusal) => (Agreement::NotComparable, refusal.to_string()),
    };
    Row {
        what: format!("{}, x {}", packed.there, packed.over),
        outcome,
        packed: range.map_or("none".into(), |(low, high)| {
            format!("{low:.3} to {high:.3}")
        }),
        new: ratio.map_or("none".into(), |ratio| format!("{:.3}", ratio.value)),
        why: Some(why),
    }
}

fn held(
    packed: &Pair,
    [there, base]: [&Figure; 2],
    range: &Result<(f64, f64), Refusal>,
    ratio: &Result<Ratio, Refusal>,
) -> Result<Agreement, Refusal> {
    // The rule for two runs lets like CPUs be compared only.
    Rule::Runs.check(there, &packed.there)?;
    Rule::Runs.check(base, &packed.base)?;
    same_version(there, &packed.there)?;
    let (low, high) = range.clone()?;
    let ratio = ratio.clone()?;
    Ok(match (low..=high).contains(&ratio.value) {
        true => Agreement::Within,
        false => Agreement::Differs,
    })
}

/// Allows another version of our own engine, but of no other. Ours has a row of its own; another version of another
/// engine tells nothing of this pack.
fn same_version(of: &Figure, to: &Figure) -> Result<(), Refusal> {
    let (of, to) = (&of.conditions.engine, &to.conditions.engine);
    if of == to || of.name == OURS {
        return Ok(());
    }
    Err(Refusal::Unlike(vec![Difference {
        what: "engine",
        of: of.to_string(),
        to: to.to_string(),
    }]))
}
