// SPDX-License-Identifier: MIT OR Apache-2.0
//! A packed run held against another one, row by row: what must come out equal for everybody, what only for the same bundle, and what
//! nobody can compare.

use std::collections::BTreeSet;

use serde::Serialize;

use super::answers::{self, Told};
use crate::bundle::{INITRAMFS, KERNEL, MODULE};
use crate::figures::{Clock, Figure, Quantity, Ratio, Rule};
use crate::guest::protocol::{Accelerator, Place};
use crate::validate::check::{Check, Status};
use crate::validate::evidence::Evidence;
use crate::validate::figures;
use crate::validate::verdict::Verdict;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// To the digit, or to the bit.
    Equal,
    /// Between the bounds that the packed runs have.
    Within,
    Differs,
    NotComparable,
}

impl Outcome {
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Equal => "equal",
            Outcome::Within => "within",
            Outcome::Differs => "DIFFERS",
            Outcome::NotComparable => "not comparable",
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Row {
    pub what: String,
    pub outcome: Outcome,
    pub packed: String,
    pub new: String,
    /// Why nobody can compare it, or what it was held against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// One side of it.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    pub evidence: &'a Evidence,
    pub verdict: &'a Verdict,
}

#[derive(Debug, Serialize)]
pub struct Reproduction {
    /// Something was compared, and nothing differs.
    pub reproduced: bool,
    pub rows: Vec<Row>,
}

impl Reproduction {
    pub fn of(packed: Side, new: Side) -> Reproduction {
        let mut rows = identities(packed, new);
        let same = Same::of(packed, new);
        let answers = rows.len();
        rows.extend(told(packed, new, &same));
        let compared = rows[answers..]
            .iter()
            .any(|row| row.outcome == Outcome::Equal);
        rows.extend(verdicts(packed, new, &same));
        rows.extend(results(packed, new, &same));
        rows.extend(exact_figures(packed, new, &same));
        rows.extend(ratios(packed, new));
        Reproduction {
            reproduced: compared && rows.iter().all(|row| row.outcome != Outcome::Differs),
            rows,
        }
    }

    /// 0 reproduced, 1 something differs, 2 nothing could be compared.
    pub fn exit_code(&self) -> u8 {
        if self.rows.iter().any(|row| row.outcome == Outcome::Differs) {
            1
        } else if self.reproduced {
            0
        } else {
            2
        }
    }
}

/// Decides what must be equal, and why not where it need not.
struct Same {
    /// Why counts are not comparable, if they are not.
    counts: Option<String>,
    criteria: bool,
}

impl Same {
    fn of(packed: Side, new: Side) -> Same {
        let differs = |name: &str, of: fn(&Evidence, &Verdict) -> Option<String>| {
            let (a, b) = (
                of(packed.evidence, packed.verdict),
                of(new.evidence, new.verdict),
            );
            (a != b).then(|| format!("another {name}"))
        };
        let reasons = [
            differs("bundle", |evidence, _| evidence.bundle_id()),
            differs("set of criteria", |evidence, _| {
                Some(evidence.criteria.blake3.clone())
            }),
            differs("accelerator", |_, verdict| {
                verdict.provenance.accelerator.clone()
            }),
            differs("QEMU", |_, verdict| verdict.provenance.qemu.clone()),
        ];
        let reasons: Vec<String> = reasons.into_iter().flatten().collect();
        let icount = |side: Side| {
            let machine = side.evidence.machine.as_ref();
            machine.and_then(|machine| machine.accelerator) == Some(Accelerator::Icount)
        };
        Same {
            counts: if !reasons.is_empty() {
                Some(reasons.join(", "))
            } else if !icount(packed) {
                Some("only under icount are times counts".into())
            } else {
                None
            },
            criteria: packed.evidence.criteria.blake3 == new.evidence.criteria.blake3,
        }
    }
}

/// What was run, and on what: where it differs, less is comparable.
fn identities(packed: Side, new: Side) -> Vec<Row> {
    let file = |side: Side, name: &str| {
        let manifest = side.evidence.manifest.as_ref().ok()?;
        Some(manifest.files.get(name)?.blake3.clone())
    };
    let provenance = |side: Side| side.verdict.provenance.clone();
    let pairs = [
        (
            "toolkit",
            Some(provenance(packed).toolkit),
            Some(provenance(new).toolkit),
        ),
        (
            "criteria",
            Some(packed.evidence.criteria.blake3.clone()),
            Some(new.evidence.criteria.blake3.clone()),
        ),
        (
            "bundle",
            packed.evidence.bundle_id(),
            new.evidence.bundle_id(),
        ),
        ("kernel", file(packed, KERNEL), file(new, KERNEL)),
        ("initramfs", file(packed, INITRAMFS), file(new, INITRAMFS)),
        ("module", file(packed, MODULE), file(new, MODULE)),
        (
            "accelerator",
            provenance(packed).accelerator,
            provenance(new).accelerator,
        ),
        ("QEMU", provenance(packed).qemu, provenance(new).qemu),
        (
            "CPU of the host",
            packed.evidence.cpu.clone(),
            new.evidence.cpu.clone(),
        ),
    ];
    pairs
        .into_iter()
        .map(|(what, packed, new)| {
            let same = packed == new && packed.is_some();
            let said = |value: Option<String>| value.unwrap_or_else(|| "none".into());
            Row {
                what: what.into(),
                outcome: if same {
                    Outcome::Equal
                } else {
                    Outcome::NotComparable
                },
                packed: said(packed),
                new: said(new),
                why: (!same).then(|| "it is another one".into()),
            }
        })
        .collect()
}

/// Hashes of what was searched and found: the same on every machine.
fn told(packed: Side, new: Side, same: &Same) -> Vec<Row> {
    let (packed, new) = (answers::of(packed.evidence), answers::of(new.evidence));
    let mut names: Vec<&String> = packed.keys().collect();
    names.extend(new.keys().filter(|name| !packed.contains_key(*name)));
    names
        .into_iter()
        .map(|name| {
            let (a, b) = (packed.get(name), new.get(name));
            let why = match (a, b) {
                (Some(a), Some(b)) if a == b => None,
                (Some(_), Some(_)) => Some("the same bits were expected".to_owned()),
                (Some(one), None) | (None, Some(one)) if one.on_host => {
                    Some("it was not done on both hosts".to_owned())
                }
                _ if same.criteria => Some("both runs were asked for it".to_owned()),
                _ => Some("it is asked for by the criteria of one run only".to_owned()),
            };
            let comparable = match (a, b) {
                (Some(_), Some(_)) => true,
                (Some(one), None) | (None, Some(one)) => same.criteria && !one.on_host,
                (None, None) => false,
            };
            let said =
                |told: Option<&Told>| told.map_or("nothing".into(), |told| told.value.clone());
            Row {
                what: name.clone(),
                outcome: match (&why, comparable) {
                    (None, _) => Outcome::Equal,
                    (Some(_), true) => Outcome::Differs,
                    (Some(_), false) => Outcome::NotComparable,
                },
                packed: said(a),
                new: said(b),
                why,
            }
        })
        .collect()
}

/// The verdict's word does not stand here: a check that was skipped on one side alone changes it, and that is no difference.
fn verdicts(packed: Side, new: Side, same: &Same) -> Vec<Row> {
    let find = |checks: &'_ [Check], id: &str| checks.iter().find(|check| check.id == id).cloned();
    let ids = |side: Side| -> Vec<String> {
        let checks = side.verdict.checks.iter();
        checks.map(|check| check.id.clone()).collect()
    };
    let theirs: BTreeSet<String> = ids(new).into_iter().collect();
    let both = ids(packed).into_iter().filter(|id| theirs.contains(id));
    let judged = |status| matches!(status, Status::Pass | Status::Fail);
    both.filter_map(|id| {
        let (a, b) = (
            find(&packed.verdict.checks, &id)?,
            find(&new.verdict.checks, &id)?,
        );
        let (outcome, why) = if a.status == b.status && judged(a.status) {
            (Outcome::Equal, None)
        } else if !judged(a.status) || !judged(b.status) {
            let undecided = if judged(a.status) { &b } else { &a };
            (Outcome::NotComparable, Some(undecided.measured.clone()))
        } else if !same.criteria {
            let why = "the criteria are not the same".to_owned();
            (Outcome::NotComparable, Some(why))
        } else {
            let failed = if a.status == Status::Fail { &a } else { &b };
            (Outcome::Differs, Some(failed.measured.clone()))
        };
        Some(Row {
            what: format!("check {id}"),
            outcome,
            packed: a.status.word().into(),
            new: b.status.word().into(),
            why,
        })
    })
    .collect()
}

/// Under icount the same bundle says the same bytes.
fn results(packed: Side, new: Side, same: &Same) -> Option<Row> {
    let hash = |side: Side| side.verdict.provenance.results_blake3.clone();
    Some(exact("results.json", hash(packed), hash(new), same))
}

fn exact(what: impl Into<String>, packed: String, new: String, same: &Same) -> Row {
    Row {
        what: what.into(),
        outcome: match &same.counts {
            Some(_) => Outcome::NotComparable,
            None if packed == new => Outcome::Equal,
            None => Outcome::Differs,
        },
        packed,
        new,
        why: same.counts.clone(),
    }
}

/// Each count of both runs, side by side.
fn exact_figures(packed: Side, new: Side, same: &Same) -> Vec<Row> {
    let counts = |side: Side| {
        let all = figures::of(side.evidence).into_iter();
        all.filter(|figure| figure.conditions.clock == Clock::Instructions)
    };
    let new: Vec<Figure> = counts(new).collect();
    counts(packed)
        .filter_map(|figure| {
            let name = figure.to_string();
            let other = new.iter().find(|other| other.to_string() == name)?;
            Some(exact(name, value(&figure), value(other), same))
        })
        .collect()
}

fn value(figure: &Figure) -> String {
    match (&figure.value.value, &figure.value.reason) {
        (Some(value), _) => value.to_string(),
        (None, reason) => reason.clone().unwrap_or_else(|| "not measured".into()),
    }
}

/// Ratios of times within a run: each new one must lie in the range of the packed runs.
fn ratios(packed: Side, new: Side) -> Vec<Row> {
    let (packed, new) = (figures::of(packed.evidence), figures::of(new.evidence));
    over_in_process(&packed)
        .filter_map(|(there, base)| {
            let wanted = there.to_string();
            let other = over_in_process(&new).find(|(other, _)| other.to_string() == wanted);
            let (other, other_base) = other?;
            let range = Ratio::range(there, base, Rule::Places);
            let ratio = Ratio::new(other, other_base, Rule::Places);
            // The rule for two runs, so that only like CPUs are compared.
            let alike = Rule::Runs.check(other, there);
            let (outcome, why) = match (&alike, &range, &ratio) {
                (Ok(()), Ok((low, high)), Ok(ratio)) => {
                    let within = (*low..=*high).contains(&ratio.value);
                    let held = "held against the range of the packed runs".to_owned();
                    match within {
                        true => (Outcome::Within, held),
                        false => (Outcome::Differs, held),
                    }
                }
                (Err(refusal), ..) | (_, Err(refusal), _) | (.., Err(refusal)) => {
                    (Outcome::NotComparable, refusal.to_string())
                }
            };
            Some(Row {
                what: format!("{wanted}, x in process"),
                outcome,
                packed: match range {
                    Ok((low, high)) => format!("{low:.3} to {high:.3}"),
                    Err(_) => "none".into(),
                },
                new: match ratio {
                    Ok(ratio) => format!("{:.3}", ratio.value),
                    Err(_) => "none".into(),
                },
                why: Some(why),
            })
        })
        .collect()
}

/// Each median by a clock that tells time, with that of the same search in process.
fn over_in_process(all: &[Figure]) -> impl Iterator<Item = (&Figure, &Figure)> {
    let timed = all.iter().filter(|figure| {
        figure.quantity == Quantity::Median
            && figure.conditions.clock == Clock::Monotonic
            && figure.conditions.place != Place::InProcess
    });
    timed.filter_map(|there| {
        let mut bases = all.iter().filter(|base| {
            base.conditions.place == Place::InProcess
                && base.conditions.dataset.name == there.conditions.dataset.name
        });
        let base = bases.find(|base| Rule::Places.check(there, base).is_ok())?;
        Some((there, base))
    })
}
