// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long single searches take: not only the middle one, but all of them.

use maud::{Markup, html};

use super::super::charts::axis::Axis;
use super::super::charts::ecdf::{self, Distribution};
use super::super::charts::legend::{Entry, Sign, legend};
use super::super::charts::{About, NARROW, Stroke};
use super::super::contestants::{Contestant, Field};
use super::super::numbers::{self, Unit};
use super::super::shown::Shown;
use super::super::table::{Cell, Table};
use super::super::words;
use super::{Section, figure, missing};
use crate::bench::stats;
use crate::client::Place;
use crate::figures::Clock;
use crate::protocol::Outcome;
use crate::verdict::searched::searched;

/// One curve of a plot.
struct Curve {
    name: String,
    stroke: Stroke,
    /// Every sample; or why there is none.
    sorted: Result<Vec<f64>, String>,
}

pub fn section(shown: &Shown) -> Section {
    Section {
        id: "latency",
        title: "Distribution of search times",
        content: html! {
            p {
                "For each time, the share of searches that took no longer; all samples of all runs, outliers among them. A sample counts as an outlier if it "
                "lies more than three interquartile ranges outside the quartiles."
            }
            (compared("latency", "on the host", &shown.fields))
            (compared("latency-guest-engines", "in the guest", &shown.guest_fields))
            (host(shown))
            (guest(shown))
        },
    }
}

fn curve(name: String, stroke: Stroke, samples: Result<&Vec<Vec<u64>>, String>) -> Curve {
    Curve {
        name,
        stroke,
        sorted: samples.and_then(|samples| {
            let sorted = stats::sorted(samples.iter().flatten().map(|&ns| ns as f64));
            if sorted.is_empty() {
                Err("nothing was timed".into())
            } else {
                Ok(sorted)
            }
        }),
    }
}

fn compared(id: &str, place: &str, fields: &Result<Vec<Field>, String>) -> Markup {
    html! {
        h3 { "Engines, " (place) ", each at its fastest setting that finds enough" }
        @match fields {
            Ok(fields) => {
                div class="figures" {
                    @for (n, field) in fields.iter().enumerate() {
                        @let curves: Vec<Curve> = field.contestants.iter().map(fastest).collect();
                        (plot(&format!("{id}-{n}"), &field.name(), field.comparison.clock(), &curves))
                    }
                }
            }
            Err(reason) => (missing("No engines were compared", reason)),
        }
    }
}

fn fastest(contestant: &Contestant) -> Curve {
    let best = contestant.best();
    let setting = match &best {
        Ok(best) => format!(" {}", best.series.setting()),
        Err(_) => String::new(),
    };
    Curve {
        name: format!("{}{setting}", contestant.standing.name()),
        stroke: contestant.stroke,
        sorted: best.map(|best| best.sorted.clone()),
    }
}

fn host(shown: &Shown) -> Markup {
    let searches = shown.evidence.host.as_ref().map_err(Clone::clone);
    let searches = searches.and_then(|host| match &host.searches {
        Outcome::Ok { data } => Ok(data),
        Outcome::Failed(failure) => Err(failure.to_string()),
    });
    html! {
        h3 { "FUSE driver on the host, flat search of the workload" }
        @match searches {
            Ok(searches) => {
                @let curves = [
                    curve(words::place(Place::InProcess).into(), words::stroke(Place::InProcess), Ok(&searches.in_process.samples_ns)),
                    curve(words::place(Place::Fuse).into(), words::stroke(Place::Fuse), Ok(&searches.fuse.samples_ns)),
                ];
                div class="figures" { (plot("latency-host", "flat, on the host", Clock::Monotonic, &curves)) }
            }
            Err(reason) => (missing("Nothing was measured on the host", &reason)),
        }
    }
}

fn guest(shown: &Shown) -> Markup {
    let clock = match shown.evidence.machine().map(|machine| machine.accelerator) {
        Ok(accelerator) => Clock::of(accelerator),
        Err(finding) => return guest_part(missing("No virtual machine", &finding.measured)),
    };
    let in_places = |samples: &dyn Fn(Place) -> Result<Vec<Vec<u64>>, String>| -> Vec<Curve> {
        let of = |place| {
            let samples = samples(place);
            curve(
                words::place(place).into(),
                words::stroke(place),
                samples.as_ref().map_err(Clone::clone),
            )
        };
        Place::ALL.into_iter().map(of).collect()
    };
    let flat = in_places(&|place| {
        let run = shown
            .evidence
            .place(place)
            .map_err(|finding| finding.measured)?;
        Ok(run.samples_ns.clone())
    });
    guest_part(html! {
        div class="figures" {
            (plot("latency-guest-flat", &format!("{}, flat", shown.evidence.criteria.workload.name), clock, &flat))
            @if let Ok(searched) = searched(shown.evidence) {
                @for one in searched.iter().filter(|one| one.case.timed) {
                    @let curves = in_places(&|place| {
                        let run = one.place(place).map_err(|finding| finding.measured)?;
                        Ok(run.samples_ns.clone())
                    });
                    (plot(&format!("latency-guest-{}-{}", one.case.name, one.kind.kind), &format!("{}, {}", one.case.name, one.kind.kind), clock, &curves))
                }
            }
        }
        @if let Err(finding) = searched(shown.evidence) { (missing("The kinds of index", &finding.measured)) }
    })
}

fn guest_part(content: Markup) -> Markup {
    html! { h3 { "Places, in the guest" } (content) }
}

fn plot(id: &str, name: &str, clock: Clock, curves: &[Curve]) -> Markup {
    let measured = || curves.iter().filter_map(|curve| curve.sorted.as_ref().ok());
    let values = || measured().flatten().copied();
    let unit = Unit::of(clock, values().fold(0.0, f64::max));
    let mut table = Table::new(
        format!("Distribution: {name}"),
        &[
            "what",
            "#searches",
            "#least",
            "#p5",
            "#p25",
            "#p50",
            "#p75",
            "#p95",
            "#p99",
            "#most",
            "#outliers",
        ],
    );
    table.unit(unit.name);
    for curve in curves {
        let cells = match &curve.sorted {
            Ok(sorted) => percentiles(sorted, unit),
            Err(reason) => vec![Cell::Missing(reason.clone())],
        };
        table.row([Cell::text(&curve.name)].into_iter().chain(cells));
    }
    if measured().next().is_none() {
        return html! { figure { figcaption { (name) } (missing("Nothing was timed", "see the table")) (table.render()) } };
    }
    let on_axis = unit.on_axis(values().fold(0.0, f64::max));
    let x = Axis::log(on_axis.name, values().map(|value| value / on_axis.size));
    let about = About {
        id: id.into(),
        title: format!("Distribution of search times: {name}"),
        description: format!(
            "Cumulative share of searches over {}; percentiles stand in the table below.",
            on_axis.name
        ),
    };
    let scaled = |curve: &Curve| {
        Some(Distribution {
            stroke: curve.stroke,
            sorted: curve
                .sorted
                .as_ref()
                .ok()?
                .iter()
                .map(|value| value / on_axis.size)
                .collect(),
        })
    };
    let distributions: Vec<Distribution> = curves.iter().filter_map(scaled).collect();
    let entries: Vec<Entry> = curves
        .iter()
        .filter(|curve| curve.sorted.is_ok())
        .map(|curve| Entry {
            name: curve.name.clone(),
            sign: Sign::Line(curve.stroke),
        })
        .collect();
    let missing = |curve: &Curve| {
        Some(format!(
            "{}: {}. ",
            curve.name,
            curve.sorted.as_ref().err()?
        ))
    };
    let note: String = curves.iter().filter_map(missing).collect();
    figure(
        name,
        ecdf::chart(NARROW, &about, &x, &distributions),
        Some(legend(&entries)),
        &note,
        &table,
    )
}

fn percentiles(sorted: &[f64], unit: Unit) -> Vec<Cell> {
    let shown = [0.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0, 100.0].map(|percent| {
        let value = match percent {
            50.0 => stats::median(sorted.iter().copied()),
            percent => stats::percentile(sorted, percent),
        };
        Cell::text(unit.show(value))
    });
    [Cell::text(numbers::grouped(sorted.len() as u64))]
        .into_iter()
        .chain(shown)
        .chain([Cell::text(numbers::grouped(stats::outliers(
            sorted.iter().copied(),
        )))])
        .collect()
}
