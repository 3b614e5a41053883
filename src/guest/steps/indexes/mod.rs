// SPDX-License-Identifier: MIT OR Apache-2.0
//! Index files: built in process, written through each place beside the rows, and searched there. Also checked are what
//! a search sees of their changes, searches that keep to a filter, and searches while they are replaced.

pub mod filtered;
pub mod following;
mod measuring;
pub mod replacing;

use anyhow::Result;

use crate::client::Place;
use crate::guest::mounts::Store;
use crate::guest::steps::context::{Context, in_place};
use crate::protocol::Outcome;
use crate::protocol::results::{Indexes, PerPlace};

pub(super) fn observe(context: &Context) -> Result<Indexes> {
    let cases = &context.plan.indexes;
    let of = cases
        .iter()
        .map(|case| case.kinds.len() as u32)
        .sum::<u32>()
        + 4;
    let mut done = 0;
    let mut progress = || {
        done += 1;
        context.progress(done, of)
    };

    let store = Store::new()?;
    let mut measured = Vec::new();
    for case in cases {
        measured.push(measuring::measure(context, &store, case, &mut progress)?);
    }
    let mut following = PerPlace::new();
    let mut replacing = PerPlace::new();
    for place in [Place::Fuse, Place::Kernel] {
        let cases = in_place(&store, place, |mounted| {
            let mut cases = following::cases(mounted.root(), mounted.lower(), &context.teller())?;
            cases.extend(filtered::cases(mounted.root(), &context.teller())?);
            Ok(cases)
        });
        following.insert(place, Outcome::from(cases));
        progress()?;
        let run = in_place(&store, place, |mounted| {
            replacing::contend(mounted.root(), &context.teller())
        });
        replacing.insert(place, Outcome::from(run));
        progress()?;
    }
    Ok(Indexes {
        cases: measured,
        following,
        replacing,
    })
}
