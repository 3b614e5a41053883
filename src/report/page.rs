// SPDX-License-Identifier: MIT OR Apache-2.0
//! `report.html`: one file that loads nothing.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::section::{self, Section};
use super::{Report, words};

const STYLES: &str = include_str!("styles.css");

pub fn render(report: &Report) -> Markup {
    let sections: Vec<Section> = vec![
        section::checks::section(report),
        section::recall::section(report),
        section::latency::section(report),
        section::places::section(report),
        section::peers::section(report),
        section::memory::section(report),
        section::indexes::section(report),
        section::provenance::section(report),
        section::reproduce::section(report),
    ];
    let word = words::verdict(report.verdict);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "VexFS validation: " (word) }
                style { (PreEscaped(STYLES)) }
            }
            body {
                header {
                    h1 { "VexFS validation" }
                    (section::verdict::render(report))
                    nav aria-label="Sections" { ul {
                        @for section in &sections { li { a href=(format!("#{}", section.id)) { (section.title) } } }
                    } }
                }
                main {
                    @for section in &sections {
                        section id=(section.id) {
                            h2 { (section.title) }
                            (section.content)
                        }
                    }
                }
            }
        }
    }
}
