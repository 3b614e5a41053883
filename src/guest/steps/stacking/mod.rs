// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a filesystem that is stacked on another one must get right, beyond the file operations of every filesystem:
//! each case is a fault that this module or a filesystem like it has had.

mod attributes;
mod creating;
mod freshness;
mod memory;
mod mounts;
mod names;
mod permission;
mod sharing;
mod trial;
mod user;
mod waiting;

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::context::Context;
use super::own_process::in_a_process;
use super::stage::{self, Stage};
use crate::guest::kmod;
use crate::protocol::Step;
use crate::protocol::results::{Case, Stacking};
use crate::system::output::print;
use trial::Trial;

/// How long a case may take, by the guest's clock without the time that its host had no CPU for it.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

fn trials() -> impl Iterator<Item = &'static Trial> {
    [
        names::TRIALS,
        creating::TRIALS,
        attributes::TRIALS,
        waiting::TRIALS,
        permission::TRIALS,
        mounts::TRIALS,
        memory::TRIALS,
        freshness::TRIALS,
        sharing::TRIALS,
    ]
    .into_iter()
    .flatten()
}

/// Tries every case, each in a process of its own: it may change what it is, and may hang.
pub(super) fn observe(context: &Context) -> Result<Stacking> {
    kmod::ensure_loaded()?;
    let count = u32::try_from(trials().count())?;
    let mut cases = Vec::new();
    for (done, trial) in (1..).zip(trials()) {
        let tell = || context.working(trial.name, u64::from(done - 1), u64::from(count));
        let observed = in_a_process(Step::Stacking, trial.name, ENDS_WITHIN, &tell);
        cases.push(Case {
            name: trial.name.to_owned(),
            expected: trial.expected.to_owned(),
            observed: observed.unwrap_or_else(|error| format!("{error:#}")),
        });
        stage::clear_away()?;
        context.progress(done, count)?;
    }
    Ok(Stacking { cases })
}

/// Carries out the case of this name, and prints what it observed.
pub(super) fn carry_out(name: &str) -> Result<()> {
    let trial = trials().find(|trial| trial.name == name);
    let trial = trial.with_context(|| format!("there is no case {name}"))?;
    let observed = observed(trial).unwrap_or_else(|error| format!("{error:#}"));
    print(&observed)
}

fn observed(trial: &Trial) -> Result<String> {
    let stage = Stage::new(trial.lower)?;
    let observed = (trial.work)(&stage).unwrap_or_else(|error| format!("{error:#}"));
    // Whatever keeps the mount busy after a case is a fault, too.
    Ok(match stage.unmount() {
        Ok(()) => observed,
        Err(error) => format!("{observed}, but then {error:#}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn cases_have_names_of_their_own() {
        let names: BTreeSet<_> = trials().map(|trial| trial.name).collect();
        assert_eq!(names.len(), trials().count());
    }
}
