// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's memory over the cycles of loading and unloading the module.

use maud::{Markup, html};

use super::super::charts::axis::Axis;
use super::super::charts::legend::{Entry, Sign, legend};
use super::super::charts::line::{self, Line, Point};
use super::super::charts::{About, NARROW, Stroke};
use super::super::numbers;
use super::super::shown::Shown;
use super::super::table::{Cell, Table};
use super::{Section, figure, missing};
use crate::protocol::results::Cycles;
use crate::verdict::kernel_memory::{SETTLING, kept_kib, slope};

pub fn section(shown: &Shown) -> Section {
    let content = match shown.evidence.guest.cycles() {
        Ok(cycles) if cycles.cycles.is_empty() => {
            missing("No memory was read", "no cycle came to its end")
        }
        Ok(cycles) => drawn(shown, cycles),
        Err(finding) => missing("No cycles", &finding.measured),
    };
    Section {
        id: "memory",
        title: "Kernel memory over load and unload",
        content,
    }
}

/// What the check of the slope allows, if there is such a check.
fn limit(shown: &Shown) -> Option<f64> {
    let checks = &shown.evidence.criteria.checks;
    let check = checks.iter().find(|check| check.id == "memory.slope");
    check.and_then(|check| check.limit)
}

fn drawn(shown: &Shown, cycles: &Cycles) -> Markup {
    let kept = kept_kib(cycles);
    let first = kept[0];
    let change: Vec<f64> = kept.iter().map(|kib| kib - first).collect();
    let settled = change.get(SETTLING..).unwrap_or_default();
    let slope = slope(settled);
    let points = |values: &mut dyn Iterator<Item = (f64, f64)>| -> Vec<Point> {
        let point = |(x, y)| Point {
            x,
            y,
            interval: None,
            says: String::new(),
        };
        values.map(point).collect()
    };
    let mut lines = vec![Line {
        stroke: Stroke(0),
        shape: None,
        points: points(&mut (1..).map(f64::from).zip(change.iter().copied())),
    }];
    let mut entries = vec![Entry {
        name: "measured after each unload".into(),
        sign: Sign::Line(Stroke(0)),
    }];
    let (from, to) = ((SETTLING + 1) as f64, cycles.cycles.len() as f64);
    let mean = settled.iter().sum::<f64>() / settled.len().max(1) as f64;
    // A line of least squares goes through the middle of what it was fitted to; the limit begins where that line does.
    let begin = mean - slope.unwrap_or_default() * (to - from) / 2.0;
    let rising = |slope: f64, stroke| Line {
        stroke: Stroke(stroke),
        shape: None,
        points: points(
            &mut [from, to]
                .map(|x| (x, begin + slope * (x - from)))
                .into_iter(),
        ),
    };
    let mut note = String::new();
    if let Some(slope) = slope {
        lines.push(rising(slope, 1));
        entries.push(Entry {
            name: format!("fitted from cycle {from}: {slope:+.3} KiB a cycle"),
            sign: Sign::Line(Stroke(1)),
        });
        if let Some(limit) = limit(shown) {
            lines.push(rising(limit, 6));
            entries.push(Entry {
                name: format!("the limit: {limit:+} KiB a cycle"),
                sign: Sign::Line(Stroke(6)),
            });
        }
    } else {
        note = format!("{} cycles are too few for a slope.", cycles.cycles.len());
    }
    let values = || lines.iter().flat_map(|line| &line.points);
    let x = Axis::between("cycle", 0.0, to.max(1.0));
    let y = Axis::linear(
        "KiB more than after the first cycle",
        values().map(|point| point.y),
    );
    let about = About {
        id: "memory-cycles".into(),
        title: "Kernel memory after each unload of the module".into(),
        description: format!(
            "Unreclaimable slab and vmalloc over {} cycles; {}.",
            cycles.cycles.len(),
            slope.map_or("no slope".into(), |slope| format!(
                "slope {slope:+.3} KiB a cycle"
            ))
        ),
    };
    let chart = line::chart(NARROW, &about, &x, &y, &lines);
    html! {
        p {
            "Unreclaimable slab and vmalloc, read after each unload; the first cycle left "
            (numbers::decimals(first, 0)) " KiB. "
            @if let Some(failure) = &cycles.failed {
                span class="missing" { "Cycle " (cycles.cycles.len() + 1) " of " (cycles.planned) " failed: " (failure) }
            }
        }
        div class="figures" { (figure("Memory that is not given back", chart, Some(legend(&entries)), &note, &table(cycles))) }
    }
}

fn table(cycles: &Cycles) -> Table {
    let mut table = Table::new(
        "Kernel memory after each unload",
        &[
            "cycle",
            "#unreclaimable slab, KiB",
            "#vmalloc, KiB",
            "#slab, KiB",
            "#free, KiB",
            "#objects of vexfs, mounted",
            "#unloaded",
        ],
    );
    for (n, cycle) in cycles.cycles.iter().enumerate() {
        let memory = &cycle.memory;
        let figures = [
            memory.slab_unreclaimable_kib,
            memory.vmalloc_used_kib,
            memory.slab_kib,
            memory.free_kib,
            memory.vexfs_objects_mounted,
            memory.vexfs_objects,
        ];
        let figures = figures.map(|figure| Cell::text(numbers::grouped(figure)));
        table.row([Cell::text((n + 1).to_string())].into_iter().chain(figures));
    }
    table
}
