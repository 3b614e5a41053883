// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps of a run. Each runs in a process of its own, whose standard output takes messages for init.

mod after;
mod calls;
pub mod concurrency;
mod contention;
mod context;
mod cycles;
pub mod errors;
mod failing;
mod files;
mod hostile;
mod identity;
pub mod indexes;
mod module;
mod outcomes;
mod own_process;
mod peers;
mod stacking;
mod stage;
mod suites;
mod survivors;
mod watchers;
mod workload;
mod writing;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};

use context::Context;

use super::init::read_plan;
use crate::protocol::results::StepData;
use crate::protocol::{Message, Outcome, Step};

/// The program that init starts for each step: `vexfs-step NAME`. A step may start it for each of its cases:
/// `vexfs-step NAME CASE`.
pub fn main(name: &str, case: Option<&str>) -> Result<()> {
    let step = Step::ALL
        .into_iter()
        .find(|step| step.name() == name)
        .with_context(|| format!("there is no step {name}"))?;
    if let Some(case) = case {
        return match step {
            Step::Stacking => stacking::carry_out(case),
            Step::Hostile => hostile::carry_out(case),
            _ => bail!("step {step} has no cases"),
        };
    }
    let context = Context::new(read_plan()?, step);
    let begun = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| carry_out(&context)))
        .unwrap_or_else(|panic| Err(anyhow!("step {step} panicked: {}", panic_text(&*panic))));
    let finished = Message::StepFinished {
        step,
        elapsed_ns: u64::try_from(begun.elapsed().as_nanos())?,
        outcome: Outcome::from(outcome.map(Box::new)),
    };
    context.send(&finished)
}

fn carry_out(context: &Context) -> Result<StepData> {
    Ok(match context.step {
        Step::Identity => StepData::Identity(identity::observe()?),
        Step::Module => StepData::Module(module::observe()?),
        Step::Cycles => StepData::Cycles(cycles::observe(context)?),
        Step::Files => StepData::Files(files::observe(context)?),
        Step::Errors => StepData::Errors(errors::observe(context)?),
        Step::Stacking => StepData::Stacking(stacking::observe(context)?),
        Step::Hostile => StepData::Hostile(hostile::observe(context)?),
        Step::Concurrency => StepData::Concurrency(concurrency::observe(context)?),
        Step::Workload => StepData::Workload(workload::observe(context)?),
        Step::Indexes => StepData::Indexes(indexes::observe(context)?),
        Step::Calls => StepData::Calls(calls::observe(context)?),
        Step::Suites => StepData::Suites(suites::observe(context)?),
        Step::Peers => StepData::Peers(peers::observe(context)?),
        Step::Survivors => StepData::Survivors(survivors::observe(context)?),
        Step::Writing => StepData::Writing(writing::observe(context)?),
        Step::Failing => StepData::Failing(failing::observe(context)?),
        Step::Watchers => StepData::Watchers(watchers::observe(context)?),
        Step::After => StepData::After(after::observe()?),
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message")
}
