// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ioctls and hostile files while root changes the same files beneath.

use std::fs::File;
use std::io::{Read, Write};

use anyhow::Result;
use nix::unistd::pipe;

use super::nobody::{NOBODY, Nobody};
use super::trial::{Scene, Trial};
use crate::exercise::hostile::changes::Changer;
use crate::exercise::hostile::struggle::{NAMES, Struggler};
use crate::exercise::hostile::{AS_EXPECTED, Random, Tally};
use crate::guest::steps::stage::Lower;
use crate::protocol::hostile::Tried;

pub const TRIALS: &[Trial] = &[
    Trial {
        name: "ioctls and hostile files while root changes the files beneath, on tmpfs",
        lower: Lower::Tmpfs,
        work: struggle,
        expected: AS_EXPECTED,
    },
    Trial {
        name: "ioctls and hostile files while root changes the files beneath, on ext4",
        lower: Lower::Ext4,
        work: struggle,
        expected: AS_EXPECTED,
    },
];

/// A fraction of what is done alone.
const ASKED: u64 = 4;
const WRITTEN: u64 = 5;

/// One process asks and another one writes. For each of their files there is a change beneath, made by this process. So
/// the changes are bounded by counts, and how many there are depends only on how often a file could not be opened.
fn struggle(scene: &Scene) -> Result<Tried> {
    let (reads, writes) = pipe()?;
    let choices = |who| Random::new(scene.plan.seed, scene.number << 8 | who);
    for name in NAMES {
        scene.ground.write_indexed(&scene.lower.join(name))?;
    }
    let mut changer = Changer::new(&scene.lower, &scene.ground, choices(0), NOBODY);
    let started = [1, 2].map(|who| -> Result<Nobody> {
        let mut done = File::from(writes.try_clone()?);
        let random = choices(who);
        Nobody::start(
            || Ok(()),
            move || {
                let mut tally = Tally::default();
                let mut struggler = Struggler::new(&scene.root, &scene.ground, random)?;
                // The one who changes files is gone only if this process must go as well.
                let each = || drop(done.write_all(&[0]));
                match who {
                    1 => struggler.ask(scene.plan.ioctls / ASKED, &mut tally, each),
                    _ => struggler.write(scene.plan.files / WRITTEN, &mut tally, each),
                }
                Ok(tally.tried())
            },
        )
    });
    drop(writes);
    let mut changes = 0;
    let mut done = File::from(reads);
    while done.read(&mut [0])? > 0 {
        changer.change();
        changes += 1;
    }
    let mut all = Tried::default();
    let mut wrong = Vec::new();
    for process in started {
        let tried: Tried = process?.end()?;
        all.done.add(&tried.done);
        if tried.observed != AS_EXPECTED {
            wrong.push(tried.observed);
        }
    }
    all.done.changes = changes;
    all.observed = match wrong.is_empty() {
        true => AS_EXPECTED.to_owned(),
        false => wrong.join(", "),
    };
    Ok(all)
}
