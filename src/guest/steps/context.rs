// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every step works with: the plan, its line to the host, and fresh parts of the store.

use std::io::{Stdout, stdout};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::anns::Metric;
use crate::client::{Kind, Method, Place};
use crate::guest::mounts::{Mounted, Store};
use crate::guest::port::write_message;
use crate::protocol::{Message, Plan, Step};

/// What a step works with.
pub struct Context {
    pub plan: Plan,
    pub(super) step: Step,
    init: Stdout,
    /// When the host last heard of this step.
    heard: Mutex<Instant>,
}

/// How long, by the guest's clock, the host hears nothing from something that takes long. Under icount that is 200
/// million instructions. An emulator that computes with vectors of floats, or shares its CPU, takes many seconds for
/// them.
const QUIET_FOR: Duration = Duration::from_millis(200);

impl Context {
    pub(super) fn new(plan: Plan, step: Step) -> Context {
        Context {
            plan,
            step,
            init: stdout(),
            heard: Mutex::new(Instant::now()),
        }
    }

    /// Tells the host how far the step is, and thereby that the guest is alive.
    pub fn progress(&self, done: u32, of: u32) -> Result<()> {
        let step = self.step;
        self.send(&Message::Progress { step, done, of })
    }

    /// Tells the host how far something long within a step is, if the host has not heard of the step for a while. May
    /// be called from any thread.
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

    /// What tells the host, as [`Context::working`] does, in work that cannot fail by it: if init is gone, the next
    /// message that must be sent finds that.
    pub fn teller(&self) -> impl Fn(&str, u64, u64) + Sync {
        |at, done, of| {
            let _ = self.working(at, done, of);
        }
    }

    pub(super) fn send(&self, message: &Message) -> Result<()> {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        write_message(&mut self.init.lock(), message)
    }
}

/// Does something on a fresh part of the store as `place` presents it, and unmounts.
pub fn in_place<T>(
    store: &Store,
    place: Place,
    work: impl FnOnce(&Mounted) -> Result<T>,
) -> Result<T> {
    let mounted = Mounted::new(place, &store.part(place)?)?;
    let result = work(&mounted)?;
    mounted.unmount()?;
    Ok(result)
}

/// A flat search for `k` rows.
pub fn flat(k: u32) -> Method {
    Method {
        kind: Kind::Flat,
        metric: Metric::L2,
        k,
        effort: 0,
    }
}
