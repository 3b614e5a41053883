// SPDX-License-Identifier: MIT OR Apache-2.0
//! Nobody as root of a user namespace, with mounts of its own.

use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::nobody::{NOBODY, as_nobody};
use super::trial::{Scene, Trial, observed};
use crate::client::{Error, Kind, Method, Searcher};
use crate::exercise::hostile::ground::SOUND;
use crate::guest::kmod;
use crate::guest::steps::context::flat;
use crate::guest::steps::outcomes::outcome;
use crate::guest::steps::stage::Lower;
use crate::protocol::hostile::Tried;

pub const TRIALS: &[Trial] = &[
    Trial {
        name: "in a user namespace, on tmpfs",
        lower: Lower::Tmpfs,
        work: in_a_namespace,
        expected: EXPECTED,
    },
    Trial {
        name: "in a user namespace, on ext4",
        lower: Lower::Ext4,
        work: in_a_namespace,
        expected: EXPECTED,
    },
];

const EXPECTED: &str = "searched as outside, files as beneath, searched through a bind mount, \
                        mounted EPERM, remounted EPERM";

fn in_a_namespace(scene: &Scene) -> Result<Tried> {
    for (name, bits) in [("root's", 0o600), ("public", 0o644)] {
        let path = scene.lower.join(name);
        fs::write(&path, "content")?;
        fs::set_permissions(&path, Permissions::from_mode(bits))?;
    }
    as_nobody(|| {
        scene.ground.write_indexed(&scene.root.join(SOUND))?;
        let searched = |dir: &Path| -> Result<Vec<String>, Error> {
            let searcher = Searcher::open(&dir.join(SOUND))?;
            let answer = |kind| {
                let method = Method { kind, ..flat(5) };
                let found = searcher.search(&scene.ground.query, method)?;
                Ok(format!("{:?} of {}", found.hits, found.rows))
            };
            Kind::ALL.into_iter().map(answer).collect()
        };
        let outside = searched(&scene.root)?;
        if let Err(errno) = enter() {
            return Ok(Tried {
                absent: Some(format!("there is no user namespace: {errno:#}")),
                ..Tried::default()
            });
        }
        let as_outside = |dir: &Path| match searched(dir) {
            Ok(inside) if inside == outside => "".to_owned(),
            Ok(_) => " with another answer".to_owned(),
            Err(error) => format!(" {error}"),
        };
        let (through, beneath) = (files(&scene.root), files(&scene.lower));
        let bound = scene.root.join("bound");
        fs::create_dir(&bound)?;
        let none = None::<&str>;
        let bind = mount(Some(&scene.root), &bound, none, MsFlags::MS_BIND, none);
        let through_bind = match bind {
            Ok(()) => as_outside(&bound),
            Err(errno) => format!(" {errno}"),
        };
        let flags = MsFlags::empty();
        let vexfs = mount(Some(&scene.root), &bound, Some(kmod::NAME), flags, none);
        let again = mount(none, scene.stage.root(), none, MsFlags::MS_REMOUNT, none);
        Ok(observed(format!(
            "searched as outside{}, files {}, searched through a bind mount{through_bind}, \
             mounted {}, remounted {}",
            as_outside(&scene.root),
            match through == beneath {
                true => "as beneath".to_owned(),
                false => format!("{through:?}, beneath {beneath:?}"),
            },
            outcome(vexfs),
            outcome(again),
        )))
    })
}

/// Enters a user namespace of its own, as its root, and a mount namespace.
fn enter() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).context("unshare")?;
    for (name, content) in [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("0 {NOBODY} 1")),
        ("gid_map", format!("0 {NOBODY} 1")),
    ] {
        let path = format!("/proc/self/{name}");
        fs::write(&path, content).with_context(|| path)?;
    }
    Ok(())
}

/// What the namespace's root can do to files, its own and those of the real root.
fn files(dir: &Path) -> Vec<String> {
    let (own, public, renamed) = (dir.join("own"), dir.join("public"), dir.join("renamed"));
    vec![
        outcome(fs::read(dir.join("root's"))),
        outcome(fs::read(&public)),
        outcome(OpenOptions::new().write(true).open(&public)),
        outcome(chown(&public, Some(0), None)),
        outcome(File::create(&own)),
        outcome(chown(&own, Some(0), Some(0))),
        outcome(chown(&own, Some(1), None)),
        outcome(fs::set_permissions(&own, Permissions::from_mode(0o4755))),
        outcome(fs::rename(&own, &renamed)),
        outcome(fs::remove_file(&renamed)),
    ]
}
