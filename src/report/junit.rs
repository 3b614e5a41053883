// SPDX-License-Identifier: MIT OR Apache-2.0
//! `junit.xml`: a test case for each check, as a CI shows them.

use anyhow::{Context, Result};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::criteria::check::{Check, PHASES, Status};
use crate::verdict::Verdict;

pub fn render(verdict: &Verdict) -> Result<String> {
    let mut report = Report::new("vexfs-validate");
    let mut phases: Vec<u8> = verdict.checks.iter().map(|check| check.phase).collect();
    phases.sort_unstable();
    phases.dedup();
    for phase in phases {
        let title = PHASES.iter().find(|(known, _)| *known == phase);
        let name = match title {
            Some((_, title)) => format!("phase {phase}: {title}"),
            None => format!("phase {phase}"),
        };
        let mut suite = TestSuite::new(name.as_str());
        let checks = verdict.checks.iter().filter(|check| check.phase == phase);
        suite.add_test_cases(checks.map(|check| case(check, &name)));
        report.add_test_suite(suite);
    }
    if !verdict.not_looked_at.is_empty() {
        let mut suite = TestSuite::new("not looked at");
        for gap in &verdict.not_looked_at {
            suite.add_property((gap.what.as_str(), gap.why.as_str()));
        }
        report.add_test_suite(suite);
    }
    report
        .to_string()
        .context("the verdict cannot be written as JUnit's XML")
}

fn case(check: &Check, phase: &str) -> TestCase {
    let mut case = TestCase::new(check.id.as_str(), status(check));
    case.set_classname(phase);
    case.set_system_out(format!(
        "measured: {}\ncriterion: {}\nevidence: {}",
        check.measured, check.criterion, check.evidence
    ));
    case
}

fn status(check: &Check) -> TestCaseStatus {
    let mut status = match check.status {
        Status::Pass => return TestCaseStatus::success(),
        Status::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::Skipped => TestCaseStatus::skipped(),
        Status::CouldNotRun | Status::Inconclusive => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
    };
    status
        .set_type(check.status.word())
        .set_message(check.measured.as_str())
        .set_description(format!(
            "measured: {}\ncriterion: {}",
            check.measured, check.criterion
        ));
    status
}
