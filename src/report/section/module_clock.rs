// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine whose clock counts time: what calls cost there, and the module's searches by its own clock.

use maud::html;

use super::super::clocked;
use super::super::shown::Shown;
use super::{Section, missing};

pub fn section(shown: &Shown) -> Section {
    Section {
        id: "time",
        title: "The module's own clock",
        content: html! {
            p class="note" {
                "In User-Mode Linux the module's code runs on the CPU itself, but a call is a stop of the process and costs far more than on hardware. "
                "So the time within the module is judged, by the module's own clock, and whole calls are shown beside what an empty one costs."
            }
            @match clocked::tables(shown.evidence) {
                Ok(tables) => @for table in &tables { (table.render()) },
                Err(reason) => (missing("No clock counted time", &reason)),
            }
        },
    }
}
