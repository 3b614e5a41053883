// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks of the machine whose clock counts time, and of User-Mode Linux as a second machine.

use crate::criteria::Criterion;
use crate::criteria::check::{Check, Finding, Status};
use crate::figures::{Ratio, Rule};
use crate::protocol::results::Call;

use super::evaluation::{Evaluated, limit};
use super::held::{Held, Judged};
use crate::verdict::calls::cost;
use crate::verdict::evidence::Evidence;
use crate::verdict::figures::{self, Inside};
use crate::verdict::searched::searched;

/// Demands that all of these checks of the second machine pass.
pub fn all_hold(checks: impl Iterator<Item = Check>) -> Evaluated {
    let (mut held, mut faults, mut unknown) = (0, Vec::new(), Vec::new());
    for check in checks {
        let said = format!("{}: {}", check.id, check.measured);
        match check.status {
            Status::Pass => held += 1,
            Status::Fail | Status::Inconclusive => faults.push(said),
            Status::Skipped | Status::CouldNotRun => unknown.push(said),
        }
    }
    Ok(if !faults.is_empty() {
        Finding::fail(faults.join("; "))
    } else if !unknown.is_empty() {
        Finding::could_not_run(unknown.join("; "))
    } else if held == 0 {
        Finding::could_not_run("the criteria ask nothing of a guest")
    } else {
        Finding::pass(format!("{held} checks hold on it, too"))
    })
}

/// Judges the time within the module's search by the module's own clock beside the same search in process.
pub fn search_time(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    let timed = evidence.of_timed()?;
    let limit = limit(criterion)?;
    let clock_ns = cost(timed.guest.calls()?, Call::Clock)?;
    let mut all = Judged::default();
    let mut add = |name: String, inside: &Inside| -> Result<(), Finding> {
        let refused = |refusal| Finding::could_not_run(format!("{name}: {refusal}"));
        let ratio = |base| Ratio::new(&inside.search, base, Rule::Places).map_err(refused);
        let whole = ratio(&inside.in_process)?;
        let net = ratio(&inside.in_process.less(clock_ns))?;
        let ways = [&whole, &net].map(|ratio| Held::at_most(ratio.against(limit)));
        let words = format!("{name} {whole}, less the clock {net}");
        all.add(Held::in_all(ways), words);
        Ok(())
    };
    add(
        format!("{} flat", evidence.criteria.workload.name),
        &figures::workload_inside(&timed)?,
    )?;
    let timed_cases = evidence.criteria.indexes.iter().any(|case| case.timed);
    let searched = timed_cases.then(|| searched(&timed)).transpose()?;
    for searched in searched.into_iter().flatten() {
        if searched.case.timed {
            add(searched.name(), &figures::index_inside(&timed, &searched)?)?;
        }
    }
    Ok(all.finding())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_check_that_does_not_hold_is_named_and_none_is_no_pass() {
        let check = |id: &str, status| Check {
            id: id.into(),
            phase: 3,
            status,
            measured: "3 of 4".into(),
            criterion: String::new(),
            evidence: String::new(),
        };
        let found = |statuses: &[Status]| {
            let checks = statuses.iter().map(|status| check("kernel.files", *status));
            all_hold(checks).unwrap()
        };
        use Status::{CouldNotRun, Fail, Inconclusive, Pass, Skipped};
        assert_eq!(found(&[Pass, Pass]).status, Pass);
        assert_eq!(found(&[Pass, Fail]), Finding::fail("kernel.files: 3 of 4"));
        assert_eq!(found(&[Pass, Inconclusive, Skipped]).status, Fail);
        for unknown in [Skipped, CouldNotRun] {
            assert_eq!(found(&[Pass, unknown]).status, CouldNotRun);
        }
        assert_eq!(found(&[]).status, CouldNotRun);
    }
}
