// SPDX-License-Identifier: MIT OR Apache-2.0
//! `report.html`, and the frame of every page: one file that loads nothing.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::section::{self, Section};
use super::shown::Shown;
use super::words;

const STYLES: &str = include_str!("styles.css");

pub fn render(shown: &Shown) -> String {
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
    Page {
        title: format!("VexFS validation: {}", words::verdict(shown.verdict)),
        heading: "VexFS validation",
        styles: "",
        top: section::verdict::render(shown),
        sections,
    }
    .render()
}

/// A page: what stands at the top, and its sections.
pub struct Page {
    pub title: String,
    pub heading: &'static str,
    /// Styles of this page alone.
    pub styles: &'static str,
    pub top: Markup,
    pub sections: Vec<Section>,
}

impl Page {
    pub fn render(&self) -> String {
        // A terminal's colours in a line of a log, say: no character of HTML.
        let control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        self.markup().into_string().replace(control, "\u{fffd}")
    }

    fn markup(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    style { (PreEscaped(STYLES)) (PreEscaped(self.styles)) }
                }
                body {
                    header {
                        h1 { (self.heading) }
                        (self.top)
                        nav aria-label="Sections" { ul {
                            @for section in &self.sections {
                                li { a href=(format!("#{}", section.id)) { (section.title) } }
                            }
                        } }
                    }
                    main {
                        @for section in &self.sections {
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
}
