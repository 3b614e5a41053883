// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tells what was run, and on what: where it is another one, less can be compared.

use super::row::{Agreement, Row, Side};
use crate::bundle::{INITRAMFS, KERNEL, MODULE};

pub const BUNDLE: &str = "bundle";
pub const CRITERIA: &str = "criteria";
pub const ACCELERATOR: &str = "accelerator";
pub const QEMU: &str = "QEMU";

/// The parts of a run's identity, by name.
fn of(side: Side) -> [(&'static str, Option<String>); 9] {
    let file = |name: &str| {
        let manifest = side.evidence.manifest.as_ref().ok()?;
        Some(manifest.files.get(name)?.blake3.clone())
    };
    let provenance = &side.verdict.provenance;
    [
        ("toolkit", Some(provenance.toolkit.clone())),
        (CRITERIA, Some(side.evidence.criteria.blake3.clone())),
        (BUNDLE, side.evidence.bundle_id()),
        ("kernel", file(KERNEL)),
        ("initramfs", file(INITRAMFS)),
        ("module", file(MODULE)),
        (ACCELERATOR, provenance.accelerator.clone()),
        (QEMU, provenance.qemu.clone()),
        ("CPU of the host", side.evidence.cpu.clone()),
    ]
}

pub fn rows(packed: Side, new: Side) -> Vec<Row> {
    let pairs = of(packed).into_iter().zip(of(new));
    pairs
        .map(|((what, packed), (_, new))| {
            let same = packed == new && packed.is_some();
            let said = |value: Option<String>| value.unwrap_or_else(|| "none".into());
            Row {
                what: what.into(),
                outcome: match same {
                    true => Agreement::Equal,
                    false => Agreement::NotComparable,
                },
                packed: said(packed),
                new: said(new),
                why: (!same).then(|| "it is another one".into()),
            }
        })
        .collect()
}

/// Which of the parts called `names` are not the same in both runs.
pub fn others(packed: Side, new: Side, names: &[&'static str]) -> Vec<&'static str> {
    let pairs = of(packed).into_iter().zip(of(new));
    pairs
        .filter(|((name, packed), (_, new))| names.contains(name) && packed != new)
        .map(|((name, _), _)| name)
        .collect()
}
