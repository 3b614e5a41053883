// SPDX-License-Identifier: MIT OR Apache-2.0
//! The POSIX suites in every place, on tmpfs and on ext4. The lower filesystem itself is the control.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use nix::mount::{MntFlags, umount2};

use super::context::Context;
use crate::client::Place;
use crate::guest::loop_disk::mount_ext4;
use crate::guest::mounts::{Mounted, Store};
use crate::guest::stand_ins;
use crate::protocol::SuitesPlan;
use crate::protocol::guest_files::SUITES;
use crate::protocol::results::{FsxDone, FsxRun, SuiteRun, Suites};
use crate::suites::fsx;
use crate::suites::pjdfstest::{self, Bench};
use crate::suites::programs::{FSX, PJDFSTEST};

/// Users that pjdfstest is told to take (`src/suites/pjdfstest.toml`), and their groups.
const USERS: [(&str, &str); 2] = [
    (
        "/etc/passwd",
        "root:x:0:0::/:\ndaemon:x:1:1::/:\nnobody:x:65534:65534::/:\n",
    ),
    ("/etc/group", "root:x:0:\ndaemon:x:1:\nnogroup:x:65534:\n"),
];

/// Another filesystem than any store lies on.
const ELSEWHERE: &str = "/tmp";

const STAND_INS: &str = "/tmp/stand-ins";

/// Changes of one run of fsx. More are made in several runs, so that the host hears how far they are.
const CHANGES_AT_A_TIME: u64 = 50_000;

pub fn observe(context: &Context) -> Result<Suites> {
    let plan = context
        .plan
        .suites
        .context("the plan does not say how the suites are run")?;
    fs::create_dir_all("/etc").context("cannot create /etc")?;
    for (path, content) in USERS {
        fs::write(path, content).with_context(|| format!("cannot write {path}"))?;
    }
    let mut runs = Vec::new();
    let all = u32::try_from(SuitesPlan::LOWER.len() * Place::ALL.len())?;
    for lower in SuitesPlan::LOWER {
        for place in Place::ALL {
            runs.push(run(context, plan, lower, place)?);
            context.progress(u32::try_from(runs.len())?, all)?;
        }
    }
    Ok(Suites { runs })
}

/// Runs both suites on a fresh lower filesystem.
fn run(context: &Context, plan: SuitesPlan, lower: &str, place: Place) -> Result<SuiteRun> {
    let store = Store::new()?;
    let part = store.part(place)?;
    let on_disk = lower == "ext4";
    if on_disk {
        mount_ext4(&store.scratch("disk")?.join("image"), &part)?;
    }
    let beneath = part.join("lower");
    fs::create_dir(&beneath).with_context(|| format!("cannot create {}", beneath.display()))?;
    let mounted = Mounted::new(place, &beneath)?;
    let run = SuiteRun {
        lower: lower.to_owned(),
        place,
        pjdfstest: cases(context, lower, place, mounted.root()).into(),
        fsx: changes(context, plan, lower, place, mounted.root()),
    };
    mounted.unmount()?;
    if on_disk {
        umount2(&part, MntFlags::empty())
            .with_context(|| format!("cannot unmount {}", part.display()))?;
    }
    Ok(run)
}

fn cases(context: &Context, lower: &str, place: Place, root: &Path) -> Result<pjdfstest::Results> {
    let at = format!("pjdfstest in {place} on {lower}");
    let alive = || context.teller()(&at, 0, 1);
    // Its longest paths are made by a calculation that fails for a directory with a path as long as a mount's.
    let directory = root.join("cases");
    fs::create_dir(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    stand_ins::make(STAND_INS.as_ref())?;
    let bench = Bench {
        directory: &directory,
        other: ELSEWHERE.as_ref(),
        programs: Some(STAND_INS.as_ref()),
    };
    let results = pjdfstest::results(&Path::new(SUITES).join(PJDFSTEST), &bench, &alive)?;
    Ok(results)
}

/// Changes each file of this place.
fn changes(
    context: &Context,
    plan: SuitesPlan,
    lower: &str,
    place: Place,
    root: &Path,
) -> Vec<FsxRun> {
    let file = |name: &&str| {
        let at = format!("fsx in {place} on {lower}, {name}");
        FsxRun {
            file: (*name).to_owned(),
            outcome: changed(context, plan, place, &at, &root.join(name)).into(),
        }
    };
    SuitesPlan::files(place).iter().map(file).collect()
}

fn changed(
    context: &Context,
    plan: SuitesPlan,
    place: Place,
    at: &str,
    file: &Path,
) -> Result<FsxDone> {
    let program = Path::new(SUITES).join(FSX);
    let planned = plan.changes(place);
    let (mut done, mut seed) = (0, plan.fsx_seed);
    while done < planned {
        let some = CHANGES_AT_A_TIME.min(planned - done);
        let alive = || context.teller()(at, done, planned);
        if let Some(wrong) = fsx::wrong(&program, file, seed, some, &alive)? {
            return Ok(FsxDone {
                operations: done,
                wrong: Some(format!("seed {seed}: {wrong}")),
            });
        }
        done += some;
        seed += 1;
    }
    Ok(FsxDone {
        operations: done,
        wrong: None,
    })
}
