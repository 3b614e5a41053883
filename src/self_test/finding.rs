// SPDX-License-Identifier: MIT OR Apache-2.0
//! What became of mutants: which checks noticed each.

use serde::{Deserialize, Serialize};

use super::mutant::{Guard, Mutant};

/// A check that failed, or tests that did, and what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub by: String,
    pub said: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub mutant: String,
    pub bug: String,
    /// What must notice, by the mutant's own words.
    pub expected: String,
    pub noticed: Vec<Notice>,
    /// Why it could not be tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What was run: where it is the same again, so is the finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    pub seconds: f64,
}

/// How a mutant fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Noticed by what must notice it.
    Caught,
    /// Noticed, but by something else.
    CaughtByAnother,
    Survived,
    CouldNotRun,
}

impl Fate {
    pub fn word(self) -> &'static str {
        match self {
            Fate::Caught => "caught",
            Fate::CaughtByAnother => "caught by another",
            Fate::Survived => "SURVIVED",
            Fate::CouldNotRun => "could not run",
        }
    }
}

/// Whether what must notice is among what has: the check, and the case of it that is named.
pub fn is_met(expected: &str, noticed: &[Notice]) -> bool {
    let is_met = |guard: Guard| {
        noticed.iter().any(|notice| match &guard {
            Guard::Check { id, case } => {
                let case = case.as_ref();
                notice.by == *id && case.is_none_or(|case| notice.said.contains(&**case))
            }
            Guard::Test { .. } => notice.by == expected,
        })
    };
    expected.parse().is_ok_and(is_met)
}

impl Finding {
    pub fn new(mutant: &Mutant) -> Finding {
        Finding {
            mutant: mutant.to_string(),
            bug: mutant.bug.clone(),
            expected: mutant.noticed_by.to_string(),
            noticed: Vec::new(),
            failure: None,
            key: None,
            seconds: 0.0,
        }
    }

    pub fn fate(&self) -> Fate {
        if self.failure.is_some() {
            Fate::CouldNotRun
        } else if is_met(&self.expected, &self.noticed) {
            Fate::Caught
        } else if self.noticed.is_empty() {
            Fate::Survived
        } else {
            Fate::CaughtByAnother
        }
    }

    /// What noticed: what must, or else all that did.
    pub fn noticed_by(&self) -> String {
        if self.fate() == Fate::Caught {
            return self.expected.clone();
        }
        let by: Vec<_> = self.noticed.iter().map(|notice| &*notice.by).collect();
        by.join(", ")
    }

    /// The finding in a line, for a person who waits for the next one.
    pub fn line(&self) -> String {
        let fate = self.fate();
        let more = match fate {
            Fate::Caught => self.expected.clone(),
            Fate::CaughtByAnother => {
                format!("{}, not {}", self.noticed_by(), self.expected)
            }
            Fate::Survived => format!("not even {} has noticed it", self.expected),
            Fate::CouldNotRun => self.failure.clone().unwrap_or_default(),
        };
        format!("{}: {}: {more}", self.mutant, fate.word())
    }
}

/// The exit status of a self-test: 0 if every mutant was caught, 1 if one survived, 2 if one could not be tried.
pub fn exit_code(findings: &[Finding]) -> u8 {
    let any = |fate| findings.iter().any(|finding| finding.fate() == fate);
    if findings.is_empty() || any(Fate::CouldNotRun) {
        2
    } else {
        u8::from(any(Fate::Survived))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(noticed: &[&str], failure: Option<&str>) -> Finding {
        let notice = |by: &&str| Notice {
            by: (*by).to_owned(),
            said: "it is wrong".to_owned(),
        };
        Finding {
            mutant: "names/a".to_owned(),
            bug: "It is wrong.".to_owned(),
            expected: "kernel.files".to_owned(),
            noticed: noticed.iter().map(notice).collect(),
            failure: failure.map(str::to_owned),
            key: None,
            seconds: 1.0,
        }
    }

    #[test]
    fn a_mutant_that_nothing_notices_fails_the_test() {
        let caught = finding(&["kernel.log", "kernel.files"], None);
        assert_eq!(caught.fate(), Fate::Caught);
        assert_eq!(caught.line(), "names/a: caught: kernel.files");
        let another = finding(&["kernel.log"], None);
        assert_eq!(
            another.line(),
            "names/a: caught by another: kernel.log, not kernel.files"
        );
        let survived = finding(&[], None);
        assert_eq!(survived.fate(), Fate::Survived);
        let mut of_case = finding(&["kernel.files"], None);
        of_case.expected = "kernel.files (a case)".to_owned();
        assert_eq!(of_case.fate(), Fate::CaughtByAnother);
        of_case.noticed[0].said = "kernel, a case: it is wrong".to_owned();
        assert_eq!(of_case.fate(), Fate::Caught);
        let broken = finding(&["kernel.files"], Some("no compiler"));
        assert_eq!(broken.fate(), Fate::CouldNotRun);

        assert_eq!(exit_code(&[caught.clone(), another.clone()]), 0);
        assert_eq!(exit_code(&[caught.clone(), survived.clone()]), 1);
        assert_eq!(exit_code(&[survived, broken]), 2);
        assert_eq!(exit_code(&[]), 2);
    }
}
