// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps of a run. Each runs in a process of its own, whose standard output takes messages for init.

mod after;
pub mod concurrency;
mod contention;
mod cycles;
pub mod errors;
pub mod files;
pub mod identity;
pub mod indexes;
mod module;
mod peers;
pub mod series;
mod workload;

use std::io::{Stdout, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};

use super::init::read_plan;
use super::mounts::{Mounted, Store};
use super::port::write_message;
use super::protocol::{Message, Outcome, Place, Plan, Step};
use super::results::StepData;
use crate::anns::Metric;
use crate::client::{Kind, Method};

/// What a step works with.
pub struct Context {
    pub plan: Plan,
    step: Step,
    init: Stdout,
    /// When the host last heard of this step.
    heard: Mutex<Instant>,
}

/// How long, by the guest's clock, the host hears nothing from something that takes long. Under icount that is 200 million instructions;
/// an emulator that computes with vectors of floats, or shares its CPU, takes many seconds for them.
const QUIET_FOR: Duration = Duration::from_millis(200);

impl Context {
    /// Tells the host how far the step is, and thereby that the guest is alive.
    pub fn progress(&self, done: u32, of: u32) -> Result<()> {
        let step = self.step;
        self.send(&Message::Progress { step, done, of })
    }

    /// The same within something that takes long, if the host has not heard of it for a while. May be called from any thread.
    pub fn working(&self, at: &str, done: u64, of: u64) -> Result<()> {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.elapsed() < QUIET_FOR {
            return Ok(());
        }
        self.send(&Message::Working {
            step: self.step,
            at: at.to_owned(),
            done,
            of,
        })
    }

    fn send(&self, message: &Message) -> Result<()> {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        write_message(&mut self.init.lock(), message)
    }
}

/// The program that init starts for each step: `vexfs-step NAME`.
pub fn main(name: &str) -> Result<()> {
    let step = Step::ALL
        .into_iter()
        .find(|step| step.name() == name)
        .with_context(|| format!("there is no step {name}"))?;
    let context = Context {
        plan: read_plan()?,
        step,
        init: stdout(),
        heard: Mutex::new(Instant::now()),
    };
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
        Step::Concurrency => StepData::Concurrency(concurrency::observe(context)?),
        Step::Workload => StepData::Workload(workload::observe(context)?),
        Step::Indexes => StepData::Indexes(indexes::observe(context)?),
        Step::Peers => StepData::Peers(peers::observe(context)?),
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

/// Does something on a fresh part of the store as `place` presents it, and unmounts.
fn in_place<T>(store: &Store, place: Place, work: impl FnOnce(&Mounted) -> Result<T>) -> Result<T> {
    let mounted = Mounted::new(place, &store.part(place)?)?;
    let result = work(&mounted)?;
    mounted.unmount()?;
    Ok(result)
}

/// A flat search for `k` rows.
fn flat(k: u32) -> Method {
    Method {
        kind: Kind::Flat,
        metric: Metric::L2,
        k,
        effort: 0,
    }
}
