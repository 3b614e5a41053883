// SPDX-License-Identifier: MIT OR Apache-2.0
//! The commands that give this verdict again.

use maud::html;

use super::super::shown::Shown;
use super::Section;

pub fn section(shown: &Shown) -> Section {
    let provenance = &shown.verdict.provenance;
    let accelerator = provenance.accelerator.as_deref().unwrap_or("auto");
    let exact = provenance.accelerator.as_deref() == Some("icount");
    let hash = |hash: &Option<String>| hash.clone().unwrap_or_else(|| "(this run had none)".into());
    Section {
        id: "reproduce",
        title: "How to reproduce",
        content: html! {
            p { "In a checkout of the same commit, on Debian 12:" }
            pre tabindex="0" { code { "make validate ACCEL=" (accelerator) } }
            p { "Or with Nix:" }
            pre tabindex="0" { code { "nix run .#validate -- --accel " (accelerator) } }
            p { "Or from a pack of this run, which names every difference; ID is what " code { "vexfs-validate pack" } " printed for it:" }
            pre tabindex="0" { code { "vexfs-validate reproduce FILE --expect ID" } }
            p { "What must come out equal:" }
            pre tabindex="0" { code {
                "b3sum out/bundle/manifest.json out/latest/results.json src/criteria/criteria.json\n"
                (hash(&provenance.bundle_blake3)) "  manifest.json\n"
                (provenance.results_blake3) "  results.json\n"
                (provenance.criteria_blake3) "  criteria"
            } }
            @if exact {
                p {
                    "Under icount the guest's clock counts instructions: with the same bundle, criteria and QEMU version results.json is the "
                    "same to the byte on every host. Answers and dataset hashes are the same with any bundle. Times of the host, in host.json and "
                    "in the comparison of engines, are of that machine."
                }
            } @else {
                p {
                    "Times are of the machine that ran this, so results.json differs from run to run. Answers and dataset hashes are the same "
                    "everywhere; with --accel icount every figure of the guest is."
                }
            }
        },
    }
}
