// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every check, phase by phase.

use maud::{Markup, html};

use super::super::shown::Shown;
use super::super::words;
use super::Section;
use crate::criteria::check::Check;
use crate::criteria::check::PHASES;

pub fn section(shown: &Shown) -> Section {
    let of_phase = |phase: u8| {
        let checks = shown.verdict.checks.iter();
        checks.filter(move |check| check.phase == phase)
    };
    let known = |phase: u8| PHASES.iter().any(|(known, _)| *known == phase);
    let others: Vec<_> = shown
        .verdict
        .checks
        .iter()
        .filter(|check| !known(check.phase))
        .collect();
    Section {
        id: "checks",
        title: "Checks",
        content: html! {
            @for (phase, title) in PHASES {
                @let checks: Vec<_> = of_phase(phase).collect();
                @if !checks.is_empty() { (table(&format!("Phase {phase}: {title}"), &checks)) }
            }
            @if !others.is_empty() { (table("Other phases", &others)) }
        },
    }
}

/// A table of checks. On a narrow screen its rows are blocks, which takes a table's roles from its elements: they are
/// given again.
fn table(title: &str, checks: &[&Check]) -> Markup {
    html! {
        h3 { (title) }
        table class="checks" role="table" aria-label=(title) {
            thead role="rowgroup" { tr role="row" {
                @for name in ["status", "check", "measured", "criterion"] {
                    th scope="col" role="columnheader" { (name) }
                }
            } }
            tbody role="rowgroup" { @for check in checks { tr role="row" class=(words::class(check.status)) {
                td role="cell" class="status" {
                    span aria-hidden="true" { (words::sign(check.status)) } " " (check.status.word())
                }
                th role="rowheader" scope="row" { code { (check.id) } }
                td role="cell" class="measured" { (check.measured) }
                td role="cell" class="criterion" { (check.criterion) }
            } } }
        }
    }
}
