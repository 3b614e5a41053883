// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was run, by its hashes, and how anybody runs it again.

use maud::{Markup, html};

use super::super::numbers;
use super::super::shown::Shown;
use super::super::table::{Cell, Table};
use super::{Section, missing};
use crate::bundle::manifest::Manifest;
use crate::dataset::source::Source;
use crate::verdict::evidence::{GuestPeers, Repetition};

pub fn section(shown: &Shown) -> Section {
    Section {
        id: "provenance",
        title: "Provenance",
        content: html! {
            (run(shown))
            @match &shown.evidence.manifest {
                Ok(manifest) => (bundle(manifest)),
                Err(reason) => (missing("The bundle is not intact", reason)),
            }
            (datasets(shown))
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

fn run(shown: &Shown) -> Markup {
    let provenance = &shown.verdict.provenance;
    let no_bundle = "there was no intact bundle";
    let no_machine = "no virtual machine was started";
    let mut table = Table::new("What was run", &["what", "value"]);
    let mut row = |what: &str, value: Cell| table.row([Cell::text(what), value]);
    row("toolkit", Cell::text(&provenance.toolkit));
    row(
        "bundle (BLAKE3 of its manifest)",
        hash_or_unknown(&provenance.bundle_blake3, no_bundle),
    );
    row(
        "module vexfs.ko, BLAKE3",
        hash_or_unknown(&provenance.module_blake3, no_bundle),
    );
    row("criteria, BLAKE3", Cell::code(&provenance.criteria_blake3));
    row(
        "results.json, BLAKE3",
        Cell::code(&provenance.results_blake3),
    );
    row(
        "kernel release",
        or_unknown(&provenance.kernel_release, no_bundle),
    );
    row(
        "accelerator",
        or_unknown(&provenance.accelerator, no_machine),
    );
    row(
        "why this one",
        or_unknown(&provenance.accelerator_reason, no_machine),
    );
    row("QEMU", or_unknown(&provenance.qemu, no_machine));
    row(
        "second boot",
        Cell::text(match &shown.evidence.repetition {
            Repetition::Equal { bytes } => {
                format!("the same {} bytes", numbers::grouped(*bytes as u64))
            }
            Repetition::Different(what) => format!("differs: {what}"),
            Repetition::Failed(reason) => format!("failed: {reason}"),
            Repetition::CouldNotRun(reason) => format!("could not run: {reason}"),
            Repetition::None(reason) => format!("none: {reason}"),
        }),
    );
    row(
        "disk with the peers for the guest, BLAKE3",
        match &shown.evidence.guest_peers {
            GuestPeers::Planned { disk_blake3 } => Cell::code(disk_blake3),
            GuestPeers::Skipped { reason } | GuestPeers::Failed { reason } => {
                Cell::Missing(reason.clone())
            }
        },
    );
    match shown.evidence.guest.identity() {
        Ok(guest) => {
            row("CPU of the guest", Cell::text(&guest.cpu_model));
            row("clock of the guest", Cell::text(&guest.clocksource));
            row(
                "hypervisor",
                or_unknown(&guest.hypervisor_vendor, "its CPU names none"),
            );
        }
        Err(finding) => row("the guest", Cell::Missing(finding.measured)),
    }
    html! { h3 { "The run" } (table.render()) }
}

fn bundle(manifest: &Manifest) -> Markup {
    let mut built = Table::new("What was built, and by what", &["what", "value"]);
    for (what, value) in [
        ("module's compiler", Cell::text(&manifest.module.compiler)),
        (
            "module's build id",
            Cell::code(&manifest.module.identity.build_id),
        ),
        (
            "module's vermagic",
            Cell::text(manifest.module.identity.vermagic.trim_end()),
        ),
        (
            "compiler of the guest's program",
            Cell::text(&manifest.guest.compiler),
        ),
        ("kernel from", Cell::text(&manifest.kernel.supplier)),
    ] {
        built.row([Cell::text(what), value]);
    }
    let mut packages = Table::new(
        "What the kernel comes from",
        &["package", "version", "hash"],
    );
    for package in &manifest.kernel.packages {
        packages.row([
            Cell::text(&package.name),
            Cell::text(&package.version),
            Cell::code(String::from(package.hash.clone())),
        ]);
    }
    let mut files = Table::new("Files", &["file", "#size", "BLAKE3"]);
    for (name, file) in &manifest.files {
        files.row([
            Cell::text(name),
            Cell::text(numbers::bytes(file.size)),
            Cell::code(&file.blake3),
        ]);
    }
    html! { h3 { "The bundle" } (built.render()) (packages.render()) (files.render()) }
}

fn datasets(shown: &Shown) -> Markup {
    let columns = ["dataset", "#rows", "#dimension", "#queries", "of", "BLAKE3"];
    let mut table = Table::new(
        "As the guest had them: rows and queries as little-endian f32, exact ids as u32",
        &columns,
    );
    let guest = &shown.evidence.guest;
    let workload = match (shown.evidence.plan(), guest.workload()) {
        (Ok(plan), Ok(measured)) => Ok((
            plan.workload.clone(),
            [
                &measured.vectors_blake3,
                &measured.queries_blake3,
                &measured.truth_blake3,
            ],
        )),
        (Err(finding), _) | (_, Err(finding)) => Err(finding.measured),
    };
    dataset(&mut table, "the workload", workload);
    for case in &shown.evidence.criteria.indexes {
        let measured = guest.indexes().map_err(|finding| finding.measured);
        let measured = measured.and_then(|indexes| {
            let found = indexes.cases.iter().find(|found| found.name == case.name);
            found.ok_or_else(|| "the guest reported nothing of it".into())
        });
        let hashes = measured.map(|found| {
            let hashes = [
                &found.vectors_blake3,
                &found.queries_blake3,
                &found.truth_blake3,
            ];
            (case.workload.clone(), hashes)
        });
        dataset(
            &mut table,
            &format!("index case {} ({})", case.name, case.metric),
            hashes,
        );
    }
    html! { h3 { "Datasets" } (table.render()) }
}

fn dataset(table: &mut Table, name: &str, measured: Result<(Source, [&String; 3]), String>) {
    let (of, hashes) = match measured {
        Ok(measured) => measured,
        Err(reason) => return table.row([Cell::text(name), Cell::Missing(reason)]),
    };
    let name = match &of {
        Source::Generated(workload) => format!("{name}, seed {}", workload.seed),
        Source::Given(given) => format!("{name}, of {}", given.name),
    };
    for (what, hash) in ["rows", "queries", "exact ids"].into_iter().zip(hashes) {
        let size = [of.rows(), of.dim(), of.queries()]
            .map(|size| Cell::text(numbers::grouped(size as u64)));
        table.row(
            [Cell::text(&name)]
                .into_iter()
                .chain(size)
                .chain([Cell::text(what), Cell::code(hash)]),
        );
    }
}
