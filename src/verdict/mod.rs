// SPDX-License-Identifier: MIT OR Apache-2.0
//! The verdict: every check, the count of each status, and one word (`docs/validation.md`).
//!
//! Checks judge the evidence; nothing here starts a process or reads a clock.

pub mod calls;
pub mod checks;
pub mod evidence;
pub mod fate;
pub mod figures;
pub mod guest_report;
pub mod judgement;
pub mod kernel_memory;
pub mod not_looked_at;
pub mod record;
pub mod repetition;
pub mod searched;
pub mod told;
mod twice_told;

use serde::{Deserialize, Serialize};

use fate::Fate;
use not_looked_at::NotLookedAt;

use crate::criteria::check::{Check, Status};
use crate::criteria::own_data::Record;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    Pass,
    Fail,
    CouldNotRun,
    Inconclusive,
}

impl Word {
    pub fn word(self) -> &'static str {
        match self {
            Word::Pass => "pass",
            Word::Fail => "fail",
            Word::CouldNotRun => "could not run",
            Word::Inconclusive => "inconclusive",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub pass: usize,
    pub fail: usize,
    pub inconclusive: usize,
    pub skipped: usize,
    pub could_not_run: usize,
}

impl Counts {
    fn of(checks: &[Check]) -> Counts {
        let mut counts = Counts::default();
        for check in checks {
            match check.status {
                Status::Pass => counts.pass += 1,
                Status::Fail => counts.fail += 1,
                Status::Inconclusive => counts.inconclusive += 1,
                Status::Skipped => counts.skipped += 1,
                Status::CouldNotRun => counts.could_not_run += 1,
            }
        }
        counts
    }

    pub fn with(&self, status: Status) -> usize {
        match status {
            Status::Pass => self.pass,
            Status::Fail => self.fail,
            Status::Inconclusive => self.inconclusive,
            Status::Skipped => self.skipped,
            Status::CouldNotRun => self.could_not_run,
        }
    }

    /// The one word for all checks. A failure outweighs what could not run, and that outweighs what was not decided;
    /// nothing passed is no pass.
    fn word(&self) -> Word {
        if self.fail > 0 {
            Word::Fail
        } else if self.could_not_run > 0 || self.pass == 0 {
            Word::CouldNotRun
        } else if self.inconclusive > 0 {
            Word::Inconclusive
        } else {
            Word::Pass
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub verdict: Word,
    pub counts: Counts,
    pub machine: Fate,
    pub checks: Vec<Check>,
    /// What this run did not look at. Records of earlier versions do not say that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_looked_at: Vec<NotLookedAt>,
    /// What was run: not part of the judgement, but of its reproduction.
    pub provenance: Provenance,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    pub toolkit: String,
    pub criteria_blake3: String,
    /// The user's own vectors, if the run was on such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<Record>,
    pub bundle_blake3: Option<String>,
    pub module_blake3: Option<String>,
    pub kernel_release: Option<String>,
    pub accelerator: Option<String>,
    /// Why this accelerator was taken.
    pub accelerator_reason: Option<String>,
    pub qemu: Option<String>,
    pub results_blake3: String,
}

impl Verdict {
    pub fn of(checks: Vec<Check>, machine: Fate, provenance: Provenance) -> Verdict {
        let counts = Counts::of(&checks);
        Verdict {
            verdict: counts.word(),
            counts,
            machine,
            checks,
            not_looked_at: Vec::new(),
            provenance,
        }
    }

    /// The exit status: 0 pass, 1 fail, 2 could not run or not decide; 10 to 13 tell how a virtual machine died.
    pub fn exit_code(&self) -> u8 {
        if let Fate::Booted(ending) = &self.machine
            && let Some(code) = ending.exit_code()
        {
            return code;
        }
        match self.verdict {
            Word::Pass => 0,
            Word::Fail => 1,
            Word::CouldNotRun | Word::Inconclusive => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::session::Ending;

    fn verdict(statuses: &[Status], ending: Ending) -> Verdict {
        let check = |&status| Check {
            id: "x".into(),
            phase: 1,
            status,
            measured: String::new(),
            criterion: String::new(),
            evidence: String::new(),
        };
        Verdict::of(
            statuses.iter().map(check).collect(),
            Fate::Booted(ending),
            Provenance::default(),
        )
    }

    #[test]
    fn skipped_is_not_passed() {
        let v = verdict(&[Status::Skipped], Ending::Completed);
        assert_eq!(
            (v.verdict, v.counts.pass, v.exit_code()),
            (Word::CouldNotRun, 0, 2)
        );
        let v = verdict(&[Status::Pass, Status::Skipped], Ending::Completed);
        assert_eq!(
            (v.verdict, v.counts.pass, v.counts.skipped, v.exit_code()),
            (Word::Pass, 1, 1, 0)
        );
    }

    #[test]
    fn a_failure_outweighs_what_could_not_run() {
        let v = verdict(&[Status::Pass, Status::CouldNotRun], Ending::Completed);
        assert_eq!((v.verdict, v.exit_code()), (Word::CouldNotRun, 2));
        let v = verdict(&[Status::Fail, Status::CouldNotRun], Ending::Completed);
        assert_eq!((v.verdict, v.exit_code()), (Word::Fail, 1));
    }

    #[test]
    fn what_was_not_decided_is_not_passed() {
        let statuses = [Status::Pass, Status::Inconclusive, Status::Skipped];
        let v = verdict(&statuses, Ending::Completed);
        assert_eq!(
            (v.verdict, v.counts.inconclusive, v.exit_code()),
            (Word::Inconclusive, 1, 2)
        );
        let v = verdict(
            &[Status::Pass, Status::Inconclusive, Status::CouldNotRun],
            Ending::Completed,
        );
        assert_eq!(v.verdict, Word::CouldNotRun);
    }

    #[test]
    fn each_death_of_the_machine_has_its_exit_code() {
        let code = |ending| verdict(&[Status::Fail], ending).exit_code();
        assert_eq!(code(Ending::Panic { line: "a".into() }), 10);
        assert_eq!(code(Ending::Oops { line: "a".into() }), 11);
        assert_eq!(
            code(Ending::Hang {
                after: "a".into(),
                seconds: 1
            }),
            12
        );
        assert_eq!(code(Ending::Lost { how: "a".into() }), 13);
        assert_eq!(code(Ending::GuestError { reason: "a".into() }), 1);
    }
}
