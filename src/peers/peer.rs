// SPDX-License-Identifier: MIT OR Apache-2.0
//! Another engine, in a process of its own, without a network: `peers/peer.py`, which is asked in JSON lines.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use nix::sched::{CloneFlags, unshare};
use rustix::process::{Signal, chdir, chroot, set_parent_process_death_signal};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::adapters::{Adapter, LOOP};
use crate::client::Kind;

/// How long an adapter that has closed its output may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// Variables that keep an engine to one thread, and to itself.
const ENVIRONMENT: [(&str, &str); 10] = [
    ("OMP_NUM_THREADS", "1"),
    ("OPENBLAS_NUM_THREADS", "1"),
    ("MKL_NUM_THREADS", "1"),
    ("RAYON_NUM_THREADS", "1"),
    ("TOKIO_WORKER_THREADS", "1"),
    ("ANONYMIZED_TELEMETRY", "False"),
    ("DO_NOT_TRACK", "1"),
    ("HF_HUB_OFFLINE", "1"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
    ("PYTHONNOUSERSITE", "1"),
];

/// The adapters, an interpreter that has their packages, and how they are run.
#[derive(Clone, Debug)]
pub struct Peers {
    pub python: PathBuf,
    /// The directory that is the root of the interpreter, if it has one of its own. What it is told to read and write
    /// must be there under the same paths.
    pub root: Option<PathBuf>,
    /// The directory of the loop and the engines, as [`super::adapters::write`] leaves it.
    pub adapters: PathBuf,
    /// The longest that one answer may take.
    pub patience: Duration,
}

/// What an adapter says when it has loaded its engine.
#[derive(Debug, Deserialize)]
pub struct Hello {
    pub versions: BTreeMap<String, String>,
    pub interfaces: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum AdapterRequest<'a> {
    Build {
        kind: Kind,
        vectors: &'a Path,
        queries: &'a Path,
        k: u32,
        folder: PathBuf,
    },
    Save {
        kind: Kind,
    },
    Open {
        kind: Kind,
        vectors: &'a Path,
        queries: &'a Path,
        k: u32,
        folder: PathBuf,
    },
    Pass {
        kind: Kind,
        effort: u32,
    },
}

#[derive(Debug, Deserialize)]
pub struct Built {
    pub insert_ns: u64,
    pub rows: usize,
    pub effort_name: String,
    pub parameters: serde_json::Value,
}

/// One search for every query.
#[derive(Debug, Deserialize)]
pub struct Pass {
    pub samples_ns: Vec<u64>,
    /// The rows as the engine names them, nearest first.
    pub ids: Vec<Vec<i64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer<T> {
    Ok(T),
    Error(String),
}

pub struct Peer {
    engine: &'static str,
    process: Child,
    requests: ChildStdin,
    answers: Receiver<io::Result<String>>,
    log: PathBuf,
    /// The directory for what the engine stores.
    folder: PathBuf,
    patience: Duration,
    /// Why the engine can be asked no more.
    lost: Option<String>,
}

impl Peer {
    /// Starts an adapter and waits until it has loaded its engine. `folder` is made, for what the engine stores.
    pub fn start(peers: &Peers, adapter: &'static Adapter, folder: &Path) -> Result<(Peer, Hello)> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let log = folder.join("log");
        let mut command = Command::new(&peers.python);
        command
            .arg(peers.adapters.join(LOOP))
            .arg(adapter.engine)
            .args(adapter.packages)
            .envs(ENVIRONMENT)
            // Packages are this interpreter's, whatever the caller uses.
            .env_remove("PYTHONPATH")
            .env_remove("PYTHONHOME")
            .env("TMPDIR", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(
                File::create(&log).with_context(|| format!("cannot create {}", log.display()))?,
            );
        alone(&mut command, peers.root.as_deref(), folder)?;
        let mut process = command
            .spawn()
            .with_context(|| format!("cannot run {}", peers.python.display()))?;
        let requests = process
            .stdin
            .take()
            .context("the adapter has no standard input")?;
        let output = process
            .stdout
            .take()
            .context("the adapter has no standard output")?;
        let (said, answers) = mpsc::channel();
        thread::spawn(move || {
            // Ends with the output, or when nobody listens any more.
            let _ = BufReader::new(output)
                .lines()
                .try_for_each(|line| said.send(line));
        });
        let mut peer = Peer {
            engine: adapter.engine,
            process,
            requests,
            answers,
            log,
            folder: folder.to_owned(),
            patience: peers.patience,
            lost: None,
        };
        let hello = peer.answer()?;
        Ok((peer, hello))
    }

    /// Hands the rows over, and has the index built.
    pub fn build(&mut self, kind: Kind, vectors: &Path, queries: &Path, k: u32) -> Result<Built> {
        let folder = self.folder.join(kind.name());
        self.ask(&AdapterRequest::Build {
            kind,
            vectors,
            queries,
            k,
            folder,
        })
    }

    /// Has a built index written to where another process of this engine opens it.
    pub fn save(&mut self, kind: Kind) -> Result<()> {
        self.ask(&AdapterRequest::Save { kind })
    }

    /// Opens the index that an earlier process built in this folder and saved.
    pub fn open(&mut self, kind: Kind, vectors: &Path, queries: &Path, k: u32) -> Result<()> {
        let folder = self.folder.join(kind.name());
        self.ask(&AdapterRequest::Open {
            kind,
            vectors,
            queries,
            k,
            folder,
        })
    }

    /// Searches for every query once.
    pub fn pass(&mut self, kind: Kind, effort: u32) -> Result<Pass> {
        self.ask(&AdapterRequest::Pass { kind, effort })
    }

    /// Why this process can be asked no more, if so.
    pub fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    fn ask<T: DeserializeOwned>(&mut self, request: &AdapterRequest) -> Result<T> {
        if let Some(lost) = &self.lost {
            bail!("{lost}");
        }
        let line = serde_json::to_string(request)? + "\n";
        if self.requests.write_all(line.as_bytes()).is_err() {
            return Err(self.died());
        }
        self.answer()
    }

    fn answer<T: DeserializeOwned>(&mut self) -> Result<T> {
        let line = match self.answers.recv_timeout(self.patience) {
            Ok(Ok(line)) => line,
            Err(RecvTimeoutError::Timeout) => {
                let patience = self.patience.as_secs_f64();
                return Err(self.lose(format!(
                    "{} did not answer within {patience} s",
                    self.engine
                )));
            }
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => return Err(self.died()),
        };
        match serde_json::from_str(&line) {
            Ok(Answer::Ok(answer)) => Ok(answer),
            Ok(Answer::Error(reason)) => bail!("{}: {reason}", self.engine),
            // What follows could belong to anything.
            Err(error) => Err(self.lose(format!("{} gave no proper answer: {error}", self.engine))),
        }
    }

    /// Says how a process died whose output is closed: it has ended or is about to.
    fn died(&mut self) -> anyhow::Error {
        let deadline = Instant::now() + ENDS_WITHIN;
        let how = loop {
            match self.process.try_wait() {
                Ok(Some(status)) => break format!("ended midway, {status}"),
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                Ok(None) => break "closed its output".to_owned(),
                Err(error) => break format!("is out of sight: {error}"),
            }
        };
        let last = last_line(&self.log).map_or(String::new(), |line| format!(": {line}"));
        self.lose(format!("the adapter of {} {how}{last}", self.engine))
    }

    fn lose(&mut self, why: String) -> anyhow::Error {
        // That it has ended already is all that can be wrong here.
        let _ = self.process.kill();
        self.lost = Some(why.clone());
        anyhow!(why)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Lets `command` start in a folder below its root, without a network, as far as this system allows, and end with this
/// thread.
fn alone(command: &mut Command, root: Option<&Path>, folder: &Path) -> Result<()> {
    // Made here, since between fork and exec nothing may be allocated.
    let name = |path: &Path| CString::new(path.as_os_str().as_bytes());
    let (root, folder) = (root.map(name).transpose()?, name(folder)?);
    let start = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        if let Some(root) = &root {
            chroot(root)?;
        }
        chdir(&folder)?;
        // Whether one of them worked is told by the interfaces that the process then sees.
        let _ = unshare(CloneFlags::CLONE_NEWNET)
            .or_else(|_| unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET));
        Ok(())
    };
    // SAFETY: between fork and exec only system calls are made.
    unsafe {
        command.pre_exec(start);
    }
    Ok(())
}

/// The last line of a log that says something.
fn last_line(log: &Path) -> Option<String> {
    let text = fs::read(log).ok()?;
    let text = String::from_utf8_lossy(&text);
    text.lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .map(str::to_owned)
}
