// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first section: the word, how it came about, and what it is about.

use maud::{Markup, html};

use super::super::shown::Shown;
use super::super::words;
use crate::criteria::check::Status;
use crate::verdict::Word;

pub fn render(shown: &Shown) -> Markup {
    let verdict = shown.verdict;
    let provenance = &verdict.provenance;
    let class = match verdict.verdict {
        Word::Pass => "verdict pass",
        Word::Fail => "verdict fail",
        Word::CouldNotRun => "verdict could-not-run",
        Word::Inconclusive => "verdict inconclusive",
    };
    let of = |value: &Option<String>| value.clone().unwrap_or_else(|| "not known".into());
    html! {
        div class=(class) {
            p class="word" { (words::verdict(verdict)) }
            p class="sentence" { (words::sentence(verdict)) }
            ul class="counts" {
                @for status in Status::ALL {
                    li class=(words::class(status)) {
                        span class="count" { (verdict.counts.with(status)) } " " (words::plural(status))
                    }
                }
            }
        }
        dl class="facts" {
            div { dt { "accelerator" } dd { (of(&provenance.accelerator)) } }
            div { dt { "guest kernel" } dd { (of(&provenance.kernel_release)) } }
            div { dt { "bundle, BLAKE3" } dd { code { (words::shortened(&of(&provenance.bundle_blake3))) } } }
            div { dt { "module, BLAKE3" } dd { code { (words::shortened(&of(&provenance.module_blake3))) } } }
            div { dt { "criteria, BLAKE3" } dd { code { (words::shortened(&provenance.criteria_blake3)) } } }
            div { dt { "machine" } dd { (verdict.machine) } }
        }
    }
}
