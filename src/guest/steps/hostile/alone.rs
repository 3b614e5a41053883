// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ioctls and hostile files while nobody else changes anything: each answer is known beforehand.

use anyhow::Result;

use super::nobody::as_nobody;
use super::trial::{Scene, Trial};
use crate::anns::index::Kind;
use crate::exercise::hostile::crafted::Crafter;
use crate::exercise::hostile::numbers::Asker;
use crate::exercise::hostile::{AS_EXPECTED, Random, Tally};
use crate::guest::steps::stage::Lower;
use crate::protocol::hostile::Tried;

pub const TRIALS: &[Trial] = &[
    Trial {
        name: "ioctls of every number and of random words",
        lower: Lower::Tmpfs,
        work: words,
        expected: AS_EXPECTED,
    },
    Trial {
        name: "valid requests with one field changed",
        lower: Lower::Tmpfs,
        work: fields,
        expected: AS_EXPECTED,
    },
    Trial {
        name: "hostile HNSW indexes",
        lower: Lower::Tmpfs,
        work: |scene| indexes(scene, Kind::Hnsw),
        expected: AS_EXPECTED,
    },
    Trial {
        name: "hostile IVF indexes",
        lower: Lower::Tmpfs,
        work: |scene| indexes(scene, Kind::Ivf),
        expected: AS_EXPECTED,
    },
    Trial {
        name: "hostile PQ indexes",
        lower: Lower::Tmpfs,
        work: |scene| indexes(scene, Kind::Pq),
        expected: AS_EXPECTED,
    },
    Trial {
        name: "hostile LSH indexes",
        lower: Lower::Tmpfs,
        work: |scene| indexes(scene, Kind::Lsh),
        expected: AS_EXPECTED,
    },
    Trial {
        name: "hostile vector files",
        lower: Lower::Tmpfs,
        work: vectors,
        expected: AS_EXPECTED,
    },
];

/// Nobody hears what a case tells: the step tells the host that it goes on.
const UNHEARD: crate::exercise::Tell = &|_, _, _| ();

/// Each kind of hostile file gets a fifth of them.
const SORTS: u64 = 5;

fn asking(scene: &Scene, ask: impl FnOnce(&mut Asker, &mut Tally)) -> Result<Tried> {
    as_nobody(|| {
        scene.ground.write_all(&scene.root)?;
        let random = Random::new(scene.plan.seed, scene.number);
        let mut asker = Asker::new(&scene.root, &scene.lower, &scene.ground, random)?;
        let mut tally = Tally::default();
        ask(&mut asker, &mut tally);
        Ok(tally.tried())
    })
}

fn words(scene: &Scene) -> Result<Tried> {
    asking(scene, |asker, tally| {
        asker.every_number(tally, UNHEARD);
        asker.random_words(scene.plan.ioctls, tally, UNHEARD);
    })
}

fn fields(scene: &Scene) -> Result<Tried> {
    asking(scene, |asker, tally| {
        asker.random_fields(scene.plan.ioctls, tally, UNHEARD);
    })
}

fn crafting(
    scene: &Scene,
    craft: impl FnOnce(&mut Crafter, &mut Tally) -> Result<()>,
) -> Result<Tried> {
    as_nobody(|| {
        let random = Random::new(scene.plan.seed, scene.number);
        let mut crafter = Crafter::new(&scene.root, &scene.lower, &scene.ground, random)?;
        let mut tally = Tally::default();
        craft(&mut crafter, &mut tally)?;
        Ok(tally.tried())
    })
}

fn indexes(scene: &Scene, kind: Kind) -> Result<Tried> {
    crafting(scene, |crafter, tally| {
        crafter.indexes(kind, scene.plan.files / SORTS, tally, UNHEARD)
    })
}

fn vectors(scene: &Scene) -> Result<Tried> {
    crafting(scene, |crafter, tally| {
        crafter.vectors(scene.plan.files / SORTS, tally, UNHEARD)
    })
}
