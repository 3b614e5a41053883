// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures on the host itself: the FUSE driver only, since the module is never loaded there.
//!
//! Root mounts where it is. Anybody else mounts in a user namespace of their own, where a process of this program does
//! all the work: the mount cannot be seen from outside.

use std::fs;
use std::io::{self, BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};

use crate::bench::Measurement;
use crate::client::{Kind, Method, Searcher};
use crate::dataset::workload::Vectors;
use crate::dataset::{fvecs, hash};
use crate::exercise::series::Series;
use crate::exercise::{calls, files};
use crate::protocol::Outcome;
use crate::protocol::results::{Call, Calls, Case};
use crate::system::proc;

use super::daemon::{self, Daemon};
use super::scratch::{self, Scratch};
use super::user_namespace;
use crate::criteria::WorkloadCriteria;

/// What was measured on the host. Times are of this machine and vary; they stand in `host.json`, not in `results.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostRun {
    pub files: Outcome<Vec<Case>>,
    /// The operations on files that were not tried, since a user namespace has one user only.
    pub left_out: Vec<String>,
    pub searches: Outcome<Searches>,
    /// What calls cost that do nothing.
    pub calls: Calls,
    /// Whether the driver unmounted on SIGTERM, left no mount and ended well.
    pub lifecycle: Outcome<()>,
    /// What this host was without, so that nothing of the above says anything about the driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub could_not_run: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Searches {
    /// The BLAKE3 of the rows as read back through the mount.
    pub vectors_blake3: String,
    pub queries_blake3: String,
    pub in_process: Measurement,
    pub fuse: Measurement,
}

/// What the driver is asked to do.
#[derive(Debug, Serialize, Deserialize)]
pub struct FuseRequest {
    /// The `vexfs` tool, which is the driver.
    pub tool: PathBuf,
    pub criteria: WorkloadCriteria,
}

/// Runs the FUSE driver on a store of its own. An error says why this host cannot be asked at all; whatever goes wrong
/// after that is a failure of the driver's.
pub fn observe(request: &FuseRequest, vectors: &Vectors) -> Result<HostRun, String> {
    daemon::device()?;
    if geteuid().is_root() {
        return Ok(drive(request, vectors, &[]));
    }
    let process = user_namespace::start(COMMAND)?;
    let asked = user_namespace::ask_with(process, |input| write_request(input, request, vectors));
    // That process is not the driver, but ours.
    asked.unwrap_or_else(|error| Ok(HostRun::could_not_run(&error)))
}

/// The name of the command by which [`observe`] calls this program where it is not root. That process reads a
/// [`FuseRequest`] and the vectors from its standard input and writes what [`observe`] then returns.
pub const COMMAND: &str = "observe-host";

/// Writes a line of JSON that says how many rows are vectors, then all rows: those behind the vectors are queries.
fn write_request(input: impl Write, request: &FuseRequest, vectors: &Vectors) -> Result<()> {
    let mut input = BufWriter::new(input);
    serde_json::to_writer(&mut input, &(request, vectors.vectors.rows()))?;
    input.write_all(b"\n")?;
    fvecs::encode(&mut input, &vectors.vectors)?;
    fvecs::encode(&mut input, &vectors.queries)?;
    Ok(input.flush()?)
}

fn read_request(mut input: impl BufRead) -> Result<(FuseRequest, Vectors)> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let (request, rows): (FuseRequest, usize) = serde_json::from_str(&line)?;
    let all = fvecs::decode(input, 0)?;
    ensure!(rows <= all.rows(), "not all rows came");
    let (vectors, queries) = all.split_at(rows);
    Ok((request, Vectors { vectors, queries }))
}

/// Does the work of the process in the namespace.
pub fn observe_in_namespace() -> Result<()> {
    let (request, vectors) = read_request(io::stdin().lock())?;
    let result = if user_namespace::may_mount() {
        Ok(drive(&request, &vectors, &files::OF_OTHER_USERS))
    } else {
        Err(user_namespace::NO_RIGHT.to_owned())
    };
    Ok(serde_json::to_writer(io::stdout(), &result)?)
}

/// Has the driver do everything, where this host has what that takes.
fn drive(request: &FuseRequest, vectors: &Vectors, left_out: &[&str]) -> HostRun {
    let kills = proc::oom_kills().ok();
    let scratch = match scratch(request, vectors) {
        Ok(scratch) => scratch,
        Err(error) => return HostRun::could_not_run(&error),
    };
    let run = drive_in(&scratch, request, vectors, left_out);
    let run = run.unwrap_or_else(|error| HostRun::failed(&error));
    let killed = (proc::oom_kills().ok() > kills)
        .then(|| "the kernel has killed processes meanwhile for want of memory".to_owned());
    HostRun {
        could_not_run: scratch.out_of_room().or(killed).filter(|_| !run.is_well()),
        ..run
    }
}

/// The room that everything but the vectors takes.
const ROOM: u64 = 16 << 20;

fn scratch(request: &FuseRequest, vectors: &Vectors) -> Result<Scratch> {
    ensure!(
        request.tool.exists(),
        "there is no {}: install it beside this program",
        request.tool.display()
    );
    let rows = vectors.vectors.rows() as u64;
    Scratch::new(ROOM + rows * fvecs::row_bytes(vectors.vectors.dim()))
}

fn drive_in(
    scratch: &Scratch,
    request: &FuseRequest,
    vectors: &Vectors,
    left_out: &[&str],
) -> Result<HostRun> {
    let (store, mount_point) = (
        scratch.path().join(scratch::STORE),
        scratch.path().join(scratch::MOUNT_POINT),
    );
    let daemon = Daemon::mount(&request.tool, &store, &mount_point)?;
    let files = try_files(left_out, &daemon.mount_point, &store);
    let searches = search(&daemon.mount_point, vectors, &request.criteria);
    let asked = [
        (Call::Clock, None),
        (Call::Null, None),
        (Call::Ioctl, Some(store.as_path())),
        (Call::IoctlFuse, Some(daemon.mount_point.as_path())),
    ];
    let calls = calls::measure(&asked, request.criteria.runs);
    Ok(HostRun {
        files: files.into(),
        left_out: left_out.iter().map(|&name| name.to_owned()).collect(),
        searches: searches.into(),
        calls,
        lifecycle: daemon.end().into(),
        could_not_run: None,
    })
}

impl HostRun {
    /// What to report when the driver did not get as far as a mount.
    fn failed(error: &anyhow::Error) -> HostRun {
        HostRun {
            files: Outcome::Failed(error.into()),
            left_out: Vec::new(),
            searches: Outcome::Failed(error.into()),
            calls: Calls::default(),
            lifecycle: Outcome::Failed(error.into()),
            could_not_run: None,
        }
    }

    fn could_not_run(error: &anyhow::Error) -> HostRun {
        HostRun {
            could_not_run: Some(format!("{error:#}")),
            ..HostRun::failed(error)
        }
    }

    /// Whether nothing failed and every operation on files held. Answers are for the verdict to judge.
    fn is_well(&self) -> bool {
        let cases = self.files.as_result();
        cases.is_ok_and(|cases| cases.iter().all(Case::holds))
            && self.searches.as_result().is_ok()
            && self.lifecycle.as_result().is_ok()
    }
}

fn try_files(left_out: &[&str], mount_point: &Path, store: &Path) -> Result<Vec<Case>> {
    let through = mount_point.join("files");
    fs::create_dir(&through).with_context(|| format!("cannot create {}", through.display()))?;
    Ok(files::cases_without(
        left_out,
        &through,
        &store.join("files"),
        &|_, _, _| (),
    ))
}

fn search(mount_point: &Path, vectors: &Vectors, criteria: &WorkloadCriteria) -> Result<Searches> {
    let Vectors { vectors, queries } = vectors;
    let path = mount_point.join("vectors.fvecs");
    fvecs::write(&path, vectors)?;
    let vectors_blake3 = hash::rows(&fvecs::read(&path)?).to_string();
    let method = Method {
        kind: Kind::Flat,
        metric: criteria.metric,
        k: criteria.k,
        effort: 0,
    };
    let here = Searcher::in_process(&path, vectors.clone());
    let there = Searcher::open(&path)?;
    ensure!(
        there.driver() != "in-process",
        "{} is not served by the FUSE driver",
        path.display()
    );
    // They take turns, so that what disturbs this machine disturbs both.
    let (mut here, mut there) = (Series::new(here), Series::new(there));
    for run in 0..criteria.runs {
        let warmups = if run == 0 { criteria.warmups } else { 0 };
        for place in [&mut here, &mut there] {
            place.run(queries, method, warmups)?;
        }
    }
    Ok(Searches {
        vectors_blake3,
        queries_blake3: hash::rows(queries).to_string(),
        in_process: here.finish()?,
        fuse: there.finish()?,
    })
}
