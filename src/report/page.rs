// SPDX-License-Identifier: MIT OR Apache-2.0
//! `report.html`: one file that loads nothing.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::section;
use super::shown::Shown;
use super::words;

const STYLES: &str = include_str!("styles.css");

pub fn render(shown: &Shown) -> Markup {
    let mut sections = vec![section::checks::section(shown)];
    sections.extend(section::not_looked_at::section(shown));
    sections.extend([
        section::recall::section(shown),
        section::latency::section(shown),
        section::places::section(shown),
        section::module_clock::section(shown),
        section::peers::section(shown),
        section::memory::section(shown),
        section::indexes::section(shown),
        section::provenance::section(shown),
        section::reproduce::section(shown),
    ]);
    let word = words::verdict(shown.verdict);
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
                    (section::verdict::render(shown))
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
