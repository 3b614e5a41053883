// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever a user without privileges can do to the module: requests of any words and bytes, files that are made to
//! deceive, namespaces, sandboxes and limits. Memory, open files and locks are compared before and afterwards.

mod alone;
mod disturbed;
mod group;
mod kept;
mod namespace;
mod nobody;
mod sandbox;
mod trial;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::context::Context;
use super::own_process::in_a_process;
use super::stage::{self, Stage};
use crate::guest::init::read_plan;
use crate::guest::kmod;
use crate::protocol::hostile::{Done, HostilePlan, Tried};
use crate::protocol::results::{Case, Hostile};
use crate::protocol::{Plan, Step};
use crate::system::output::print;
use trial::{Scene, Trial};

/// How long a case may take, by the guest's clock without the time that its host had no CPU for it.
const ENDS_WITHIN: Duration = Duration::from_secs(120);
/// So many ioctls, or a tenth as many hostile files, give a case a second more.
const A_SECOND: u64 = 200;

/// Before the name of a case of which only a little is to be done.
const SHORT: &str = "short: ";
/// By so much less.
const SHORTER: u64 = 20;

fn trials() -> impl Iterator<Item = &'static Trial> {
    [
        alone::TRIALS,
        disturbed::TRIALS,
        namespace::TRIALS,
        sandbox::TRIALS,
        group::TRIALS,
    ]
    .into_iter()
    .flatten()
}

pub(super) fn observe(context: &Context) -> Result<Hostile> {
    let plan = planned(&context.plan)?;
    let count = u32::try_from(trials().count())?;
    kmod::ensure_unloaded()?;
    kmod::load()?;
    // What a first case leaves in caches of the kernel is no leak.
    for (done, trial) in (0..).zip(trials()) {
        let name = format!("{SHORT}{}", trial.name);
        // What is wrong here is found below, too.
        let _ = tried(context, plan, &name, (done, count));
        stage::clear_away()?;
    }
    let before = kept::look()?;
    let mut told = Hostile {
        seed: plan.seed,
        cases: Vec::new(),
        absent: BTreeMap::new(),
        done: Done::default(),
        after: before.clone(),
        before,
    };
    for (done, trial) in (0..).zip(trials()) {
        let tried = tried(context, plan, trial.name, (done, count));
        let tried = tried.unwrap_or_else(|error| trial::observed(format!("{error:#}")));
        told.done.add(&tried.done);
        match tried.absent {
            Some(reason) => drop(told.absent.insert(trial.name.to_owned(), reason)),
            None => told.cases.push(Case {
                name: trial.name.to_owned(),
                expected: trial.expected.to_owned(),
                observed: tried.observed,
            }),
        }
        stage::clear_away()?;
        context.progress(done + 1, count)?;
    }
    told.after = kept::look()?;
    Ok(told)
}

fn planned(plan: &Plan) -> Result<HostilePlan> {
    plan.hostile
        .context("the plan does not say how much is tried")
}

/// What came of a case, which has a process of its own.
fn tried(
    context: &Context,
    plan: HostilePlan,
    name: &str,
    (done, of): (u32, u32),
) -> Result<Tried> {
    let more = (plan.ioctls + 10 * plan.files) / A_SECOND;
    let limit = ENDS_WITHIN + Duration::from_secs(more);
    let tell = || context.working(name, done.into(), of.into());
    let said = in_a_process(Step::Hostile, name, limit, &tell)?;
    serde_json::from_str(&said).with_context(|| format!("the case said `{said}`"))
}

/// Carries out the case of this name, and prints what came of it.
pub(super) fn carry_out(name: &str) -> Result<()> {
    let mut plan = planned(&read_plan()?)?;
    let whole = name.strip_prefix(SHORT);
    if whole.is_some() {
        plan.ioctls /= SHORTER;
        plan.files /= SHORTER;
    }
    let name = whole.unwrap_or(name);
    let found = (0..).zip(trials()).find(|(_, trial)| trial.name == name);
    let (number, trial) = found.with_context(|| format!("there is no case {name}"))?;
    let tried = carried_out(trial, plan, number)
        .unwrap_or_else(|error| trial::observed(format!("{error:#}")));
    print(&serde_json::to_string(&tried)?)
}

fn carried_out(trial: &Trial, plan: HostilePlan, number: u64) -> Result<Tried> {
    let stage = Stage::new(trial.lower)?;
    let scene = Scene::new(&stage, plan, number)?;
    let tried = (trial.work)(&scene);
    drop(scene);
    let mut tried = tried.unwrap_or_else(|error| trial::observed(format!("{error:#}")));
    // Whatever keeps the mount busy after a case is a fault, too.
    if let Err(error) = stage.unmount() {
        tried.observed = format!("{}, but then {error:#}", tried.observed);
    }
    Ok(tried)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn cases_have_names_of_their_own() {
        let names: BTreeSet<_> = trials().map(|trial| trial.name).collect();
        assert_eq!(names.len(), trials().count());
        assert!(names.iter().all(|name| !name.starts_with(SHORT)));
    }
}
