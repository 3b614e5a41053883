// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is measured on the host itself: the FUSE driver only, since the module is never loaded there.
//!
//! Root mounts where it is. Anybody else mounts in a user namespace of their own, where a process of this program does all
//! that is to be done: the mount cannot be seen from outside.

use std::fs::{self, File};
use std::io::{self, BufRead, BufWriter, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use serde::{Deserialize, Serialize};

use crate::bench::{self, Measurement, Options};
use crate::client::{Kind, Method, Searcher};
use crate::dataset::workload::Vectors;
use crate::dataset::{fvecs, hash};
use crate::guest::protocol::Outcome;
use crate::guest::results::Case;
use crate::guest::steps::files;

use super::criteria::WorkloadCriteria;
use super::scratch::{self, Scratch, is_mounted};
use super::user_namespace;

const DEVICE: &str = "/dev/fuse";

const MOUNTS_WITHIN: Duration = Duration::from_secs(10);
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// Times are of this machine and vary; they stand in `host.json`, not in `results.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct HostRun {
    pub files: Outcome<Vec<Case>>,
    /// The operations on files that were not tried, since a user namespace has one user only.
    pub left_out: Vec<String>,
    pub searches: Outcome<Searches>,
    /// The driver unmounted on SIGTERM, left no mount and ended well.
    pub lifecycle: Outcome<()>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Searches {
    /// BLAKE3 of the rows as read back through the mount.
    pub vectors_blake3: String,
    pub in_process: Measurement,
    pub fuse: Measurement,
}

/// What the driver is asked to do.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// The `vexfs` tool, which is the driver.
    pub tool: PathBuf,
    pub criteria: WorkloadCriteria,
}

/// Runs the FUSE driver on a store of its own. An error says why this host cannot be asked at all; whatever goes wrong
/// after that is a failure of the driver's.
pub fn observe(request: &Request, vectors: &Vectors) -> Result<HostRun, String> {
    if !Path::new(DEVICE).exists() {
        return Err(format!("this host has no {DEVICE}"));
    }
    if let Err(error) = File::options().read(true).write(true).open(DEVICE) {
        return Err(format!("this user may not open {DEVICE} ({error})"));
    }
    if geteuid().is_root() {
        return Ok(drive(request, vectors, &[]).unwrap_or_else(|error| HostRun::failed(&error)));
    }
    let mut command = match std::env::current_exe() {
        Ok(program) => Command::new(program),
        Err(error) => return Err(format!("this program cannot be found ({error})")),
    };
    command
        .arg(COMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    user_namespace::enter(&mut command);
    match command.spawn() {
        Ok(process) => {
            ask(process, request, vectors).unwrap_or_else(|error| Ok(HostRun::failed(&error)))
        }
        Err(error) => Err(format!("{NO_RIGHT} ({error})")),
    }
}

/// The name of the command that [`observe`] calls this program with where it is not root: it reads a [`Request`] and the vectors from its
/// standard input and writes what [`observe`] then gives back.
pub const COMMAND: &str = "observe-host";

const NO_RIGHT: &str =
    "mounting takes root, or a user namespace, which this system does not give to this user";

/// Has the process in the namespace carry out the request.
fn ask(
    mut process: Child,
    request: &Request,
    vectors: &Vectors,
) -> Result<Result<HostRun, String>> {
    let input = process.stdin.take().context("it has no standard input")?;
    let asked = write_request(input, request, vectors);
    let output = process.wait_with_output()?;
    ensure!(
        output.status.success(),
        "the process in a user namespace ended with {}",
        output.status
    );
    asked.context("the process in a user namespace did not read what it was asked")?;
    serde_json::from_slice(&output.stdout)
        .context("the process in a user namespace did not answer what it was asked")
}

/// A line of JSON that says how many rows are vectors, then all rows: what follows the vectors are queries.
fn write_request(input: impl Write, request: &Request, vectors: &Vectors) -> Result<()> {
    let mut input = BufWriter::new(input);
    serde_json::to_writer(&mut input, &(request, vectors.vectors.rows()))?;
    input.write_all(b"\n")?;
    fvecs::encode(&mut input, &vectors.vectors)?;
    fvecs::encode(&mut input, &vectors.queries)?;
    Ok(input.flush()?)
}

fn read_request(mut input: impl BufRead) -> Result<(Request, Vectors)> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let (request, rows): (Request, usize) = serde_json::from_str(&line)?;
    let all = fvecs::decode(input, 0)?;
    ensure!(rows <= all.rows(), "not all rows came");
    let (vectors, queries) = all.split_at(rows);
    Ok((request, Vectors { vectors, queries }))
}

/// What that process does.
pub fn observe_in_namespace() -> Result<()> {
    let (request, vectors) = read_request(io::stdin().lock())?;
    let result = if user_namespace::may_mount() {
        let run = drive(&request, &vectors, &files::OF_OTHER_USERS);
        Ok(run.unwrap_or_else(|error| HostRun::failed(&error)))
    } else {
        Err(NO_RIGHT.to_owned())
    };
    Ok(serde_json::to_writer(io::stdout(), &result)?)
}

fn drive(request: &Request, vectors: &Vectors, left_out: &[&str]) -> Result<HostRun> {
    let scratch = Scratch::new()?;
    let (store, mount_point) = (
        scratch.path().join(scratch::STORE),
        scratch.path().join(scratch::MOUNT_POINT),
    );
    let daemon = Daemon::mount(&request.tool, &store, &mount_point)?;
    let files = try_files(left_out, &daemon.mount_point, &store);
    let searches = search(&daemon.mount_point, vectors, &request.criteria);
    Ok(HostRun {
        files: files.into(),
        left_out: left_out.iter().map(|&name| name.to_owned()).collect(),
        searches: searches.into(),
        lifecycle: daemon.end().into(),
    })
}

impl HostRun {
    /// The driver did not get as far as a mount.
    fn failed(error: &anyhow::Error) -> HostRun {
        HostRun {
            files: Outcome::Failed(error.into()),
            left_out: Vec::new(),
            searches: Outcome::Failed(error.into()),
            lifecycle: Outcome::Failed(error.into()),
        }
    }
}

fn try_files(left_out: &[&str], mount_point: &Path, store: &Path) -> Result<Vec<Case>> {
    let through = mount_point.join("files");
    fs::create_dir(&through).with_context(|| format!("cannot create {}", through.display()))?;
    Ok(files::cases_without(
        left_out,
        &through,
        &store.join("files"),
    ))
}

fn search(mount_point: &Path, vectors: &Vectors, criteria: &WorkloadCriteria) -> Result<Searches> {
    let Vectors { vectors, queries } = vectors;
    let path = mount_point.join("vectors.fvecs");
    fvecs::write(&path, vectors)?;
    let vectors_blake3 = hash::rows(&fvecs::read(&path)?).to_string();
    let options = Options {
        method: Method {
            kind: Kind::Flat,
            metric: criteria.metric,
            k: criteria.k,
            effort: 0,
        },
        warmups: criteria.warmups as usize,
        runs: criteria.runs as usize,
        threads: 1,
    };
    let here = Searcher::in_process(&path, vectors.clone());
    let there = Searcher::open(&path)?;
    ensure!(
        there.driver() != "in-process",
        "{} is not served by the FUSE driver",
        path.display()
    );
    Ok(Searches {
        vectors_blake3,
        in_process: bench::run(&here, queries, options)?,
        fuse: bench::run(&there, queries, options)?,
    })
}

/// The FUSE driver as a process of its own. Goes with this value, on every way out.
struct Daemon {
    process: Child,
    mount_point: PathBuf,
}

impl Daemon {
    fn mount(tool: &Path, store: &Path, mount_point: &Path) -> Result<Daemon> {
        for dir in [store, mount_point] {
            fs::create_dir(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        }
        let mut command = Command::new(tool);
        command
            .arg("mount")
            .arg(store)
            .arg(mount_point)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command.stderr(Stdio::null());
        // SAFETY: prctl is async-signal-safe and touches nothing of this process.
        unsafe {
            // Should this process be killed, the driver unmounts and ends.
            command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?));
        }
        let process = command
            .spawn()
            .with_context(|| format!("cannot run {}", tool.display()))?;
        let mut daemon = Daemon {
            process,
            mount_point: mount_point.to_owned(),
        };
        let deadline = Instant::now() + MOUNTS_WITHIN;
        while !is_mounted(mount_point)? {
            if let Some(status) = daemon.process.try_wait()? {
                bail!("the FUSE driver ended with {status} before it had mounted");
            }
            ensure!(
                Instant::now() < deadline,
                "the FUSE driver had not mounted after {MOUNTS_WITHIN:?}"
            );
            sleep(Duration::from_millis(5));
        }
        Ok(daemon)
    }

    fn end(mut self) -> Result<()> {
        if let Some(status) = self.process.try_wait()? {
            bail!("the FUSE driver had died midway: {status}");
        }
        kill(Pid::from_raw(self.process.id() as i32), Signal::SIGTERM)?;
        let deadline = Instant::now() + ENDS_WITHIN;
        let status = loop {
            if let Some(status) = self.process.try_wait()? {
                break status;
            }
            ensure!(
                Instant::now() < deadline,
                "the FUSE driver still ran {ENDS_WITHIN:?} after SIGTERM"
            );
            sleep(Duration::from_millis(5));
        };
        ensure!(
            status.success(),
            "the FUSE driver ended with {status} on SIGTERM"
        );
        ensure!(
            !is_mounted(&self.mount_point)?,
            "{} was still mounted",
            self.mount_point.display()
        );
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Where `end` was reached this finds nothing to do; elsewhere the error that led here is what gets reported.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = umount2(&self.mount_point, MntFlags::MNT_DETACH);
    }
}
