// SPDX-License-Identifier: MIT OR Apache-2.0
//! A verdict as an in-toto Statement v1 with the predicate test-result v0.1, for tools that check such.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Serialize;

use super::files::Digests;
use crate::bundle::{INITRAMFS, KERNEL, MODULE};
use crate::criteria::check::Status;
use crate::protocol::run_files::{CRITERIA, MANIFEST, RUN, to_json};
use crate::verdict::evidence::Evidence;
use crate::verdict::{Verdict, Word};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: Vec<Resource>,
    predicate_type: &'static str,
    predicate: TestResult,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TestResult {
    result: &'static str,
    configuration: Vec<Resource>,
    passed_tests: Vec<String>,
    warned_tests: Vec<String>,
    failed_tests: Vec<String>,
}

/// A resource descriptor of in-toto.
#[derive(Serialize)]
struct Resource {
    name: &'static str,
    digest: BTreeMap<&'static str, String>,
}

impl Resource {
    fn of(name: &'static str, content: &str) -> Resource {
        let Digests { blake3, sha256 } = Digests::of(content.as_bytes());
        Resource {
            name,
            digest: BTreeMap::from([("blake3", blake3), ("sha256", sha256)]),
        }
    }
}

/// What was tested, with what, and how each check ended. `run` is the text of `run.json`.
///
/// A check that could not run has not passed, so it stands among the failed; one that was skipped or not decided is a
/// warning.
pub fn of(evidence: &Evidence, verdict: &Verdict, run: &str) -> Result<String> {
    let manifest = evidence
        .manifest_text
        .as_ref()
        .context("there is no bundle")?;
    let mut subject = vec![Resource::of(MANIFEST, manifest)];
    if let Ok(manifest) = &evidence.manifest {
        for name in [INITRAMFS, KERNEL, MODULE] {
            let file = manifest.files.get(name);
            let file = file.with_context(|| format!("{MANIFEST} does not name {name}"))?;
            subject.push(Resource {
                name,
                digest: BTreeMap::from([("blake3", file.blake3.clone())]),
            });
        }
    }
    let tests = |statuses: &[Status]| -> Vec<String> {
        let all = verdict.checks.iter();
        let these = all.filter(|check| statuses.contains(&check.status));
        these.map(|check| check.id.clone()).collect()
    };
    let warned_tests = tests(&[Status::Inconclusive, Status::Skipped]);
    let statement = Statement {
        kind: "https://in-toto.io/Statement/v1",
        subject,
        predicate_type: "https://in-toto.io/attestation/test-result/v0.1",
        predicate: TestResult {
            result: match verdict.verdict {
                Word::Pass if warned_tests.is_empty() => "PASSED",
                Word::Pass | Word::Inconclusive => "WARNED",
                Word::Fail | Word::CouldNotRun => "FAILED",
            },
            configuration: vec![
                Resource::of(CRITERIA, &evidence.criteria.text),
                Resource::of(RUN, run),
            ],
            passed_tests: tests(&[Status::Pass]),
            warned_tests,
            failed_tests: tests(&[Status::Fail, Status::CouldNotRun]),
        },
    };
    to_json(&statement)
}
