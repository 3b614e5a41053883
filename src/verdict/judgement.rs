// SPDX-License-Identifier: MIT OR Apache-2.0
//! Turns evidence into what is written down: `results.json` and the verdict.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::bundle::MODULE;
use crate::protocol::Plan;
use crate::protocol::run_files::to_json;

use super::checks;
use super::evidence::{Evidence, MachineRun};
use super::guest_report::GuestReport;
use super::not_looked_at;
use crate::verdict::{Provenance, Verdict};

pub struct Judgement {
    /// `results.json`: what the guest reported.
    pub results: String,
    pub verdict: Verdict,
}

/// What `results.json` holds: what the guest reported, and under what identity. It is equal for two icount runs of one
/// bundle.
#[derive(Serialize)]
struct Results<'a> {
    toolkit: &'a str,
    bundle: Option<&'a str>,
    qemu: Option<&'a str>,
    plan: &'a Option<Plan>,
    guest: &'a GuestReport,
}

/// What is read back from `results.json`: the parts that are not known from elsewhere.
#[derive(Deserialize)]
pub struct Reported {
    pub plan: Option<Plan>,
    pub guest: GuestReport,
}

/// The `results.json` of a machine.
pub fn results(run: &MachineRun) -> Result<String> {
    let machine = run.machine.as_ref();
    to_json(&Results {
        toolkit: env!("CARGO_PKG_VERSION"),
        bundle: run.bundle_id().as_deref(),
        qemu: machine.and_then(|machine| machine.qemu.as_deref()),
        plan: &run.plan,
        guest: &run.guest,
    })
}

impl Judgement {
    /// Judges the evidence by its criteria.
    pub fn of(evidence: &Evidence) -> Result<Judgement> {
        let bundle_id = evidence.bundle_id();
        let toolkit = env!("CARGO_PKG_VERSION");
        let machine = evidence.machine.as_ref();
        let results = results(&evidence.first)?;
        let manifest = evidence.manifest.as_ref().ok();
        let provenance = Provenance {
            toolkit: toolkit.into(),
            criteria_blake3: evidence.criteria.blake3.clone(),
            dataset: evidence.own.as_ref().map(|own| own.record.clone()),
            module_blake3: manifest
                .and_then(|manifest| manifest.files.get(MODULE))
                .map(|file| file.blake3.clone()),
            kernel_release: manifest.map(|manifest| manifest.kernel.release.clone()),
            accelerator: machine
                .and_then(|machine| machine.accelerator)
                .map(|accelerator| accelerator.to_string()),
            accelerator_reason: machine.map(|machine| machine.reason.clone()),
            qemu: machine.and_then(|machine| machine.qemu.clone()),
            results_blake3: blake3::hash(results.as_bytes()).to_string(),
            bundle_blake3: bundle_id,
        };
        let checks = checks::evaluate(&evidence.criteria, evidence);
        let not_looked_at = not_looked_at::of(evidence, &checks);
        let verdict = Verdict {
            not_looked_at,
            ..Verdict::of(checks, evidence.fate.clone(), provenance)
        };
        Ok(Judgement { results, verdict })
    }
}
