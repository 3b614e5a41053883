// SPDX-License-Identifier: MIT OR Apache-2.0
//! Nobody in a sandbox that lets it read what is below the mount, and do nothing else.

use std::fs::{self, File, OpenOptions};

use anyhow::{Context, Result};

use super::nobody::as_nobody;
use super::trial::{Scene, Trial, observed};
use crate::client::{Kind, Method, Searcher};
use crate::exercise::hostile::ground::SOUND;
use crate::guest::landlock::{READING, is_there, restrict_to};
use crate::guest::steps::context::flat;
use crate::guest::steps::outcomes::outcome;
use crate::guest::steps::stage::Lower;
use crate::protocol::hostile::Tried;

pub const TRIALS: &[Trial] = &[Trial {
    name: "in a sandbox that may only read the mount",
    lower: Lower::Tmpfs,
    work: reader,
    expected: "all kinds searched, read ok, listed ok, written EACCES, made EACCES, removed EACCES, \
               renamed EACCES, linked EACCES, beneath EACCES",
}];

fn reader(scene: &Scene) -> Result<Tried> {
    if let Err(errno) = is_there() {
        return Ok(Tried {
            absent: Some(format!("this kernel has no Landlock: {errno}")),
            ..Tried::default()
        });
    }
    as_nobody(|| {
        let path = scene.root.join(SOUND);
        scene.ground.write_indexed(&path)?;
        restrict_to(scene.stage.root(), READING).context("cannot restrict itself")?;
        let searcher = Searcher::open(&path)?;
        for kind in Kind::ALL {
            let method = Method { kind, ..flat(5) };
            let found = searcher.search(&scene.ground.query, method);
            found.with_context(|| format!("a search by {kind}"))?;
        }
        let other = scene.root.join("other");
        let write = OpenOptions::new().write(true).open(&path);
        Ok(observed(format!(
            "all kinds searched, read {}, listed {}, written {}, made {}, removed {}, renamed {}, \
             linked {}, beneath {}",
            outcome(fs::read(&path)),
            outcome(fs::read_dir(&scene.root)),
            outcome(write),
            outcome(File::create(&other)),
            outcome(fs::remove_file(&path)),
            outcome(fs::rename(&path, &other)),
            outcome(std::os::unix::fs::symlink("x", &other)),
            outcome(fs::read(scene.lower.join(SOUND))),
        )))
    })
}
