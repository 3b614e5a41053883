// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was run, by its hashes, and how anybody runs it again.

use maud::{Markup, html};

use super::super::table::{Cell, Table};
use super::super::{Report, numbers};
use super::{Section, missing};
use crate::bundle::manifest::Manifest;
use crate::validate::evidence::Repetition;

pub fn section(report: &Report) -> Section {
    Section {
        id: "provenance",
        title: "Provenance",
        content: html! {
            (run(report))
            @match &report.evidence.manifest {
                Ok(manifest) => (bundle(manifest)),
                Err(reason) => (missing("The bundle is not intact", reason)),
            }
            (datasets(report))
        },
    }
}

fn or_unknown(value: &Option<String>, why: &str) -> Cell {
    Cell::or_reason(value.clone().ok_or(why))
}

fn hash_or_unknown(value: &Option<String>, why: &str) -> Cell {
    match value {
        Some(hash) => Cell::code(hash),
        None => Cell::Missing(why.into()),
    }
}

fn run(report: &Report) -> Markup {
    let provenance = &report.verdict.provenance;
    let no_bundle = "there was no intact bundle";
    let no_machine = "no virtual machine was started";
    let mut table = Table::new("What was run", &["what", "value"]);
    let mut row = |what: &str, value: Cell| table.row([Cell::text(what), value]);
    row("toolkit", Cell::text(&provenance.toolkit));
    row("bundle (BLAKE3 of its manifest)", hash_or_unknown(&provenance.bundle_blake3, no_bundle));
    row("module vexfs.ko, BLAKE3", hash_or_unknown(&provenance.module_blake3, no_bundle));
    row("criteria, BLAKE3", Cell::code(&provenance.criteria_blake3));
    row("results.json, BLAKE3", Cell::code(&provenance.results_blake3));
    row("kernel release", or_unknown(&provenance.kernel_release, no_bundle));
    row("accelerator", or_unknown(&provenance.accelerator, no_machine));
    row("why this one", or_unknown(&provenance.accelerator_reason, no_machine));
    row("QEMU", or_unknown(&provenance.qemu, no_machine));
    row("second boot", Cell::text(match &report.evidence.repetition {
        Repetition::Equal { bytes } => format!("the same {} bytes", numbers::grouped(*bytes as u64)),
        Repetition::Different(what) => format!("differs: {what}"),
        Repetition::Failed(reason) => format!("failed: {reason}"),
        Repetition::None(reason) => format!("none: {reason}"),
    }));
    match report.evidence.guest.identity() {
        Ok(guest) => {
            row("CPU of the guest", Cell::text(&guest.cpu_model));
            row("clock of the guest", Cell::text(&guest.clocksource));
            row("hypervisor", or_unknown(&guest.hypervisor_vendor, "its CPU names none"));
        }
        Err(finding) => row("the guest", Cell::Missing(finding.measured)),
    }
    html! { h3 { "The run" } (table.render()) }
}

fn bundle(manifest: &Manifest) -> Markup {
    let mut table = Table::new("What the bundle is made of", &["what", "version", "hash"]);
    let none = || Cell::text("");
    table.row([
        Cell::text("module's compiler"),
        Cell::text(&manifest.module.compiler),
        none(),
    ]);
    table.row([
        Cell::text("module's build id"),
        Cell::text(&manifest.module.identity.vermagic),
        Cell::code(&manifest.module.identity.build_id),
    ]);
    table.row([
        Cell::text("compiler of the guest's program"),
        Cell::text(&manifest.guest.compiler),
        none(),
    ]);
    for package in &manifest.kernel.packages {
        table.row([
            Cell::text(format!("{} ({})", package.name, manifest.kernel.supplier)),
            Cell::text(&package.version),
            Cell::code(String::from(package.hash.clone())),
        ]);
    }
    for (name, file) in &manifest.files {
        table.row([
            Cell::text(format!("file {name}")),
            Cell::text(numbers::bytes(file.size)),
            Cell::code(&file.blake3),
        ]);
    }
    html! { h3 { "The bundle" } (table.render()) }
}

fn datasets(report: &Report) -> Markup {
    let mut table = Table::new(
        "Datasets, by BLAKE3",
        &["dataset", "#rows", "#dimension", "#queries", "vectors", "queries", "exact ids"],
    );
    let guest = &report.evidence.guest;
    match (report.evidence.plan(), guest.workload()) {
        (Ok(plan), Ok(measured)) => {
            let hashes = [&measured.vectors_blake3, &measured.queries_blake3, &measured.truth_blake3];
            table.row(dataset("the workload", plan.workload, hashes));
        }
        (Err(finding), _) | (_, Err(finding)) => table.row([Cell::text("the workload"), Cell::Missing(finding.measured)]),
    }
    for case in &report.evidence.criteria.indexes {
        let measured = guest.indexes().map_err(|finding| finding.measured);
        let measured = measured.and_then(|indexes| {
            let found = indexes.cases.iter().find(|found| found.name == case.name);
            found.ok_or_else(|| "the guest reported nothing of it".into())
        });
        let name = format!("{} ({})", case.name, case.metric);
        match measured {
            Ok(measured) => {
                let hashes = [&measured.vectors_blake3, &measured.queries_blake3, &measured.truth_blake3];
                table.row(dataset(&name, case.workload, hashes));
            }
            Err(reason) => table.row([Cell::text(name), Cell::Missing(reason)]),
        }
    }
    html! { h3 { "Datasets" } (table.render()) }
}

fn dataset(name: &str, of: crate::dataset::workload::Workload, hashes: [&String; 3]) -> Vec<Cell> {
    let figures = [of.rows, of.dim, of.queries].map(|figure| Cell::text(numbers::grouped(figure as u64)));
    let hashes = hashes.map(|hash| Cell::code(hash));
    [Cell::text(format!("{name}, seed {}", of.seed))]
        .into_iter()
        .chain(figures)
        .chain(hashes)
        .collect()
}
