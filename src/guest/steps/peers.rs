// SPDX-License-Identifier: MIT OR Apache-2.0
//! Repeats the host's comparison in the guest, with the module as one more place.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::client::Place;
use crate::guest::module_clock;
use crate::guest::mounts::{Mounted, Store};
use crate::guest::peers_disk::PeersDisk;
use crate::guest::steps::context::Context;
use crate::peers::{self, NoMount, Places, adapters, compare, on_one_core};
use crate::protocol::PeersPlan;
use crate::protocol::results::Peers;

pub fn observe(context: &Context) -> Result<Peers> {
    let PeersPlan {
        comparison: plan,
        python,
    } = context
        .plan
        .peers
        .as_ref()
        .context("the plan does not say what to compare")?;
    let store = Store::new()?;
    let in_process = store.part(Place::InProcess)?;
    let work = store.scratch("peers")?;
    let directory = |name: &str| {
        let path = work.join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        anyhow::Ok(path)
    };
    let disk = PeersDisk::mount()?;
    let adapters = directory("adapters")?;
    adapters::write(&adapters)?;
    let drivers = [Place::Fuse, Place::Kernel].map(|place| {
        let mounted = store
            .part(place)
            .and_then(|lower| Mounted::new(place, &lower))
            .map_err(|error| NoMount::Failed(format!("{error:#}")));
        (place, mounted)
    });

    let clock = module_clock::started(&context.plan)?;
    let scratch = directory("work")?;
    let teller = Teller::new(context, plan);
    let comparison = on_one_core(|core| {
        let places = Places {
            store: peers::Store {
                dir: &in_process,
                mounts: drivers.iter().map(as_mount).collect(),
                clock: clock.clone(),
            },
            peers: Ok(peers::Peers {
                python: python.clone(),
                root: Some(disk.root().to_owned()),
                adapters,
                patience: Duration::from_secs(plan.patience),
            }),
            scratch: &scratch,
            core,
        };
        compare(plan, &places, &|line| teller.tell(line))
    })??;
    for (_, mounted) in drivers {
        if let Ok(mounted) = mounted {
            mounted.unmount()?;
        }
    }
    Ok(Peers { comparison })
}

type Driver = (Place, Result<Mounted, NoMount>);

fn as_mount((place, mounted): &Driver) -> (Place, Result<&Path, NoMount>) {
    let root = mounted.as_ref().map(Mounted::root);
    (*place, root.map_err(Clone::clone))
}

/// Tells the host how far the comparison is.
struct Teller<'a> {
    context: &'a Context,
    done: AtomicU64,
    /// How much is told in all: each build and each pass.
    of: u64,
}

impl<'a> Teller<'a> {
    fn new(context: &'a Context, plan: &peers::Plan) -> Self {
        let passes = u64::from(plan.warmups + plan.runs);
        let workloads = plan.workloads.iter();
        Teller {
            context,
            done: AtomicU64::new(0),
            of: workloads
                .map(|workload| workload.contestants.len() as u64 + passes)
                .sum(),
        }
    }

    fn tell(&self, line: &str) {
        let done = self.done.fetch_add(1, Ordering::Relaxed);
        // A host that hears nothing any more takes the guest for hung.
        let _ = self.context.working(line, done, self.of);
    }
}
