// SPDX-License-Identifier: MIT OR Apache-2.0
//! Index files: built in process, written through each place beside the rows, and searched there. Also checked are what
//! a search sees of their changes, searches that keep to a filter or are many at once, and searches while they are
//! replaced.

pub mod at_once;
pub mod changed;
mod comparison;
pub mod filtered;
pub mod following;
mod measuring;
pub mod replacing;
pub mod stock;

use anyhow::Result;

use self::stock::Stock;
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
            let stock = Stock::new(mounted.root())?;
            cases.extend(filtered::cases(&stock, &context.teller())?);
            cases.extend(changed::cases(&stock, &context.teller())?);
            cases.extend(at_once::cases(&stock, &context.teller())?);
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
