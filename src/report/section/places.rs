// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares searches in process, through FUSE and through the module.

use maud::{Markup, html};

use super::super::charts::About;
use super::super::charts::bars::{self, Bar, Group, Value};
use super::super::numbers::{self, Unit};
use super::super::shown::Shown;
use super::super::table::{Cell, Table};
use super::super::words;
use super::peers::spread;
use super::{Section, figure, missing};
use crate::client::Place;
use crate::figures::{Conditions, Figure, Machine, Operation, Quantity, Ratio, Rule, Spread};

pub fn section(shown: &Shown) -> Section {
    let all = cases(&shown.figures);
    Section {
        id: "places",
        title: "In process, through FUSE, through the module",
        content: html! {
            p {
                "The median search, and in multiples of the same search in process. Under icount the guest's clock counts instructions: such a figure is exact, "
                "repeats on every host, has no interval, and is no time. On a clock that counts time the lines on the bars are 95 % bootstrap intervals over runs."
            }
            @if all.is_empty() { (missing("No search was timed", &shown.verdict.machine.to_string())) }
            div class="figures" { @for (n, case) in all.iter().enumerate() { (draw(n, case)) } }
        },
    }
}

/// The tables: one for each dataset on each machine.
pub fn tables(shown: &Shown) -> Vec<Table> {
    let of = |case: &Case| table(case, case.unit());
    cases(&shown.figures).iter().map(of).collect()
}

/// One dataset on one machine.
struct Case<'a> {
    medians: Vec<&'a Figure>,
    all: &'a [Figure],
}

impl Case<'_> {
    fn conditions(&self) -> &Conditions {
        &self.medians[0].conditions
    }

    fn name(&self) -> String {
        let machine = match self.conditions().machine {
            Machine::Host { .. } => "on the host".into(),
            Machine::Guest {
                accelerator: Some(accelerator),
                ..
            } => format!("in the guest, {accelerator}"),
            Machine::Guest {
                accelerator: None, ..
            } => "in the guest".into(),
        };
        format!("{}, {machine}", self.conditions().dataset.name)
    }

    fn unit(&self) -> Unit {
        let measured = self.medians.iter().filter_map(|figure| figure.value.value);
        Unit::of(self.conditions().clock, measured.fold(0.0, f64::max))
    }

    /// The figure of this search in process, with which the other places are compared.
    fn base(&self, of: &Conditions) -> Option<&Figure> {
        let same = |figure: &&&Figure| {
            let conditions = &figure.conditions;
            conditions.kind == of.kind
                && conditions.effort == of.effort
                && conditions.place == Place::InProcess
        };
        self.medians.iter().find(same).copied()
    }

    fn another(&self, quantity: Quantity, of: &Figure) -> Option<f64> {
        let same =
            |figure: &&Figure| figure.quantity == quantity && figure.conditions == of.conditions;
        self.all.iter().find(same)?.value.value
    }

    fn ratio(&self, figure: &Figure) -> Result<Ratio, String> {
        let base = self
            .base(&figure.conditions)
            .ok_or("it was not measured in process")?;
        Ratio::new(figure, base, Rule::Places).map_err(|refusal| refusal.to_string())
    }
}

/// The cases by machine, dataset and metric, in the order in which they come.
fn cases(figures: &[Figure]) -> Vec<Case<'_>> {
    let mut cases: Vec<Case> = Vec::new();
    let medians = figures.iter().filter(|figure| {
        figure.quantity == Quantity::Median && figure.conditions.operation == Operation::Search
    });
    for figure in medians {
        let of = &figure.conditions;
        let same = |case: &&mut Case| {
            let other = case.conditions();
            other.machine == of.machine && other.dataset == of.dataset && other.metric == of.metric
        };
        match cases.iter_mut().find(same) {
            Some(case) => case.medians.push(figure),
            None => cases.push(Case {
                medians: vec![figure],
                all: figures,
            }),
        }
    }
    cases
}

fn draw(n: usize, case: &Case) -> Markup {
    let measured = || case.medians.iter().filter_map(|figure| figure.value.value);
    let clock = case.conditions().clock;
    let unit = Unit::of(clock, measured().fold(0.0, f64::max));
    let mut groups: Vec<Group> = Vec::new();
    for figure in &case.medians {
        let conditions = &figure.conditions;
        let name = search(conditions);
        let bar = Bar {
            name: words::place(conditions.place).into(),
            stroke: words::stroke(conditions.place),
            value: value(case, figure, unit),
        };
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.bars.push(bar),
            None => groups.push(Group {
                name,
                bars: vec![bar],
            }),
        }
    }
    let about = About {
        id: format!("places-{n}"),
        title: format!("Median search in each place: {}", case.name()),
        description: format!(
            "Lengths are {} of the median search, for each kind of index and each place. All figures stand in the table below.",
            unit.name
        ),
    };
    figure(
        &case.name(),
        bars::chart(&about, &format!("median search, {}", unit.name), &groups),
        None,
        "",
        &table(case, unit),
    )
}

/// A search in words, such as `hnsw, effort 64`.
fn search(conditions: &Conditions) -> String {
    match (conditions.kind.index(), conditions.effort) {
        (None, _) => conditions.kind.to_string(),
        (_, 0) => format!("{}, default effort", conditions.kind),
        (_, effort) => format!("{}, effort {effort}", conditions.kind),
    }
}

fn value(case: &Case, figure: &Figure, unit: Unit) -> Result<Value, String> {
    let reason = || {
        figure
            .value
            .reason
            .clone()
            .unwrap_or_else(|| "no reason was recorded".into())
    };
    let length = figure.value.value.ok_or_else(reason)?;
    let multiple = match case.ratio(figure) {
        Ok(_) if figure.conditions.place == Place::InProcess => String::new(),
        Ok(ratio) => format!(" ({} x)", words::multiple(&ratio)),
        Err(_) => " (no ratio)".into(),
    };
    Ok(Value {
        length,
        interval: match figure.spread {
            Spread::Interval { low, high } => Some((low, high)),
            Spread::Exact | Spread::Unknown { .. } => None,
        },
        text: format!("{}{multiple}", unit.show(length)),
    })
}

fn table(case: &Case, unit: Unit) -> Table {
    let mut table = Table::new(
        format!("Search in each place: {}", case.name()),
        &[
            "search",
            "place",
            "#recall",
            "#median",
            "#95 % interval",
            "#p95",
            "#p99",
            "#outliers",
            "#x in process",
            "#95 % interval",
        ],
    );
    table.unit(unit.name);
    for figure in &case.medians {
        let conditions = &figure.conditions;
        let names = [
            search(conditions),
            words::place(conditions.place).to_owned(),
        ]
        .map(Cell::Text);
        let recall = conditions.recall.map(|recall| format!("{recall:.4}"));
        let other = |quantity| {
            Cell::or_reason(
                case.another(quantity, figure)
                    .map(|value| unit.show(value))
                    .ok_or("none"),
            )
        };
        let cells = match figure.value.value {
            None => vec![Cell::Missing(
                figure.value.reason.clone().unwrap_or_default(),
            )],
            Some(median) => {
                let ratio = match case.ratio(figure) {
                    Ok(ratio) => [
                        Cell::text(words::multiple(&ratio)),
                        spread(&ratio.spread, |ratio| format!("{ratio:.2}")),
                    ],
                    Err(refusal) => [Cell::Missing(refusal), Cell::text("")],
                };
                [
                    Cell::or_reason(recall.ok_or("never measured")),
                    Cell::text(unit.show(median)),
                    spread(&figure.spread, |value| unit.show(value)),
                    other(Quantity::P95),
                    other(Quantity::P99),
                    Cell::text(numbers::grouped(figure.outliers)),
                ]
                .into_iter()
                .chain(ratio)
                .collect()
            }
        };
        table.row(names.into_iter().chain(cells));
    }
    table
}
