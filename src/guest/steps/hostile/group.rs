// SPDX-License-Identifier: MIT OR Apache-2.0
//! Nobody in a memory cgroup that is too small for what it searches.

use std::path::Path;

use anyhow::Result;

use super::nobody::{Nobody, as_nobody};
use super::trial::{Scene, Trial, observed};
use crate::client::{Error, Searcher};
use crate::dataset::{Matrix, fvecs};
use crate::exercise::hostile::ground::SOUND;
use crate::guest::memory_group::Group;
use crate::guest::steps::context::flat;
use crate::guest::steps::stage::Lower;
use crate::protocol::errno_name;
use crate::protocol::hostile::Tried;

pub const TRIALS: &[Trial] = &[Trial {
    name: "a file that does not fit into the user's memory cgroup",
    lower: Lower::Tmpfs,
    work: too_large,
    expected: "in the group ENOMEM, ENOMEM, ENOMEM, then a small one ok, nobody killed, \
               others answered, less than 1 MiB still charged",
}];

const MIB: u64 = 1 << 20;
const LIMIT: u64 = 12 * MIB;
/// Rows of 4 KiB: 16 MiB.
const ROWS: usize = 4000;
const DIM: usize = 1000;

fn too_large(scene: &Scene) -> Result<Tried> {
    let mut rows = Matrix::new(DIM);
    for row in 0..ROWS {
        rows.push(&[row as f32; DIM]);
    }
    let large = scene.root.join("large.fvecs");
    fvecs::write(&scene.lower.join("large.fvecs"), &rows)?;
    drop(rows);
    let small = scene.root.join(SOUND);
    scene.ground.write_indexed(&scene.lower.join(SOUND))?;

    let group = match Group::new("nobody's") {
        Ok(group) => group,
        Err(error) => {
            return Ok(Tried {
                absent: Some(format!("{error:#}")),
                ..Tried::default()
            });
        }
    };
    group.limit(LIMIT)?;
    let query = [0.0; DIM];
    let inside = Nobody::start(
        || group.enter(),
        || {
            let mut outcomes: Vec<_> = (0..3).map(|_| search(&large, &query)).collect();
            let then = search(&small, &scene.ground.query);
            outcomes.push(format!("then a small one {then}"));
            Ok(outcomes.join(", "))
        },
    )?;
    let inside: String = inside
        .end()
        .unwrap_or_else(|error| format!("killed: {error:#}"));
    let killed = match group.killed()? {
        0 => "nobody killed".to_owned(),
        kills => format!("{kills} killed"),
    };
    let others: String = as_nobody(|| Ok(search(&large, &query)))?;
    let others = match &*others {
        "ok" => "answered",
        other => other,
    };
    // What is kept of the small file goes with the mount's inodes.
    scene.stage.remount()?;
    let charged = match group.charged()? {
        bytes if bytes < MIB => "less than 1 MiB".to_owned(),
        bytes => format!("{} KiB", bytes >> 10),
    };
    Ok(observed(format!(
        "in the group {inside}, {killed}, others {others}, {charged} still charged"
    )))
}

fn search(path: &Path, query: &[f32]) -> String {
    let found = Searcher::open(path).and_then(|searcher| searcher.search(query, flat(1)));
    match found {
        Ok(_) => "ok".to_owned(),
        Err(error) => match Error::errno(&error) {
            Some(errno) => errno_name(errno),
            None => error.to_string(),
        },
    }
}
