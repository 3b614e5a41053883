// SPDX-License-Identifier: MIT OR Apache-2.0
//! A run of `vexfs-validate run`, all of whose traces can be found.

use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{self, SigHandler, Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::criteria;

/// Load/unload cycles: enough to see a fault, few enough to wait for.
pub const CYCLES: u32 = 12;

/// How long something that must happen may take on a busy host.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the helpers of a killed run may take to tidy up.
const TIDY_WITHIN: Duration = Duration::from_secs(10);

/// A variable that all processes of a run have, whatever they are told of temporary files.
const MARK: &str = "VEXFS_TEST_RUN";

/// A run that goes on. Only its own processes know the directory of its temporary files, which tells them from all
/// others.
pub struct Run {
    process: Child,
    dir: TempDir,
}

/// A run at its end.
pub struct Report {
    /// The exit status of the run, or the signal that ended it as a shell shows that.
    pub status: i32,
    pub results: String,
    stderr: String,
    verdict: Value,
}

/// Another process of a run.
pub struct Helper {
    pid: Pid,
    pub command: Vec<String>,
}

impl Run {
    /// Starts a run under icount that is judged by `checks` alone.
    pub fn start(bundle: &Path, checks: &[&str], arguments: &[&str]) -> Run {
        let dir = tempfile::tempdir().unwrap();
        let path = |name| dir.path().join(name);
        fs::create_dir(path("tmp")).unwrap();
        fs::write(path("criteria.json"), short_criteria(checks)).unwrap();
        let file = |name| File::create(path(name)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_vexfs-validate"));
        command.args(["run", "--json", "--bundle"]).arg(bundle);
        command.arg("--criteria").arg(path("criteria.json"));
        command.arg("--out").arg(path("out"));
        if !arguments.contains(&"--accel") {
            command.args(["--accel", "icount"]);
        }
        command
            .args(arguments)
            .env("TMPDIR", path("tmp"))
            .env(MARK, path("tmp"))
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"));
        // SAFETY: signal is async-signal-safe, and SIG_DFL is no handler that could be left behind.
        unsafe {
            // A shell has its background jobs ignore it, and they hand that on.
            command.pre_exec(|| {
                signal::signal(Signal::SIGINT, SigHandler::SigDfl)?;
                Ok(())
            });
        }
        let process = command.spawn().unwrap();
        Run { process, dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.id() as i32), signal).unwrap();
    }

    /// The process of this run whose command line holds all of `words`, once there is one.
    pub fn helper(&mut self, words: &[&str]) -> Helper {
        self.wait_for(&words.join(" "), |run| {
            run.helpers()
                .into_iter()
                .find(|helper| helper.has_all(words))
        })
    }

    /// Waits for `seen` to see something while the run goes on.
    pub fn wait_for<T>(&mut self, what: &str, mut seen: impl FnMut(&Run) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = seen(self) {
                return found;
            }
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "no {what}, and the run ended: {ended:?}");
            assert!(Instant::now() < deadline, "no {what} in {PATIENCE:?}");
            sleep(Duration::from_millis(5));
        }
    }

    fn helpers(&self) -> Vec<Helper> {
        let mark = format!("{MARK}={}\0", self.path("tmp").display());
        let own = self.process.id().to_string();
        fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| {
                let entry = entry.unwrap();
                let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
                // A process may be gone by the time it is looked at.
                let read = |name| fs::read(entry.path().join(name)).ok();
                let environment = String::from_utf8_lossy(&read("environ")?).into_owned();
                if !environment.contains(&mark) || pid.to_string() == own {
                    return None;
                }
                let command = String::from_utf8_lossy(&read("cmdline")?).into_owned();
                Some(Helper {
                    pid: Pid::from_raw(pid),
                    command: command.split_terminator('\0').map(str::to_owned).collect(),
                })
            })
            .collect()
    }

    /// Waits for the end, finds nothing left behind, and returns what the run reported.
    pub fn finish(mut self) -> Report {
        let status = self.process.wait().unwrap();
        self.assert_nothing_left();
        let read = |name| fs::read_to_string(self.path(name)).unwrap_or_default();
        Report {
            status: status
                .code()
                .unwrap_or_else(|| 128 + status.signal().unwrap()),
            results: read("out/latest/results.json"),
            stderr: read("stderr"),
            verdict: serde_json::from_str(&read("stdout")).unwrap_or_default(),
        }
    }

    fn assert_nothing_left(&self) {
        let deadline = Instant::now() + TIDY_WITHIN;
        let mut left = self.left();
        while !left.is_empty() && Instant::now() < deadline {
            sleep(Duration::from_millis(20));
            left = self.left();
        }
        assert!(left.is_empty(), "left behind: {left:?}");
    }

    /// Processes, mounts and files of this run that should not outlive it.
    fn left(&self) -> Vec<String> {
        let helpers = self.helpers();
        let processes = helpers.iter().map(|helper| helper.command.join(" "));
        let files = fs::read_dir(self.path("tmp")).unwrap();
        let files = files.map(|entry| entry.unwrap().path().display().to_string());
        processes.chain(self.mounts()).chain(files).collect()
    }

    /// The mount points of this run that the kernel's table has.
    pub fn mounts(&self) -> Vec<String> {
        let tmp = self.path("tmp");
        let mounts = vexfs::system::proc::mounts().unwrap();
        let points = mounts.into_iter().map(|mount| mount.mount_point);
        let own = points.filter(|point| point.starts_with(&tmp));
        own.map(|point| point.display().to_string()).collect()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // After a failed assertion; its own helpers end with it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Helper {
    pub fn signal(&self, signal: Signal) {
        kill(self.pid, signal).unwrap();
    }

    fn has_all(&self, words: &[&str]) -> bool {
        words
            .iter()
            .all(|word| self.command.iter().any(|part| part.ends_with(word)))
    }
}

impl Report {
    /// Demands the verdict's word and the exit status.
    pub fn assert_verdict(&self, word: &str, status: i32) {
        assert_eq!(
            (self.verdict["verdict"].as_str(), self.status),
            (Some(word), status),
            "{self}"
        );
    }

    /// Demands that a check has this status, and that its sentence says each of `words`.
    pub fn assert_check(&self, id: &str, status: &str, words: &[&str]) {
        let checks = self.verdict["checks"].as_array();
        let check = checks.and_then(|checks| checks.iter().find(|check| check["id"] == id));
        let check = check.unwrap_or_else(|| panic!("no check {id}: {self}"));
        let measured = check["measured"].as_str().unwrap();
        assert_eq!(check["status"], status, "{id}: {measured}");
        for word in words {
            assert!(measured.contains(word), "{id}: {measured}\nlacks {word}");
        }
    }

    pub fn accelerator(&self) -> Option<&str> {
        self.verdict["provenance"]["accelerator"].as_str()
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{:#}", self.stderr, self.verdict)
    }
}

/// The criteria of this version, without the checks that are not asked for, and for less work.
fn short_criteria(checks: &[&str]) -> String {
    let mut criteria = criteria::built_in();
    criteria::keep(&mut criteria, checks);
    for check in criteria["checks"].as_array_mut().unwrap() {
        if check["id"] == "cycles" {
            check["limit"] = CYCLES.into();
        }
    }
    criteria["workload"]["cycles"] = CYCLES.into();
    // The cases that are timed take long to build, and so do those of long vectors under icount. They have their turn in
    // `self_test::the_module_passes_all_checks_without_a_mutant`.
    let cases = criteria["indexes"].as_array_mut().unwrap();
    let is_long = |case: &Value| case["workload"]["dim"].as_u64() > Some(1000);
    cases.retain(|case| case["timed"] == false && !is_long(case));
    assert!(!cases.is_empty(), "no case is left");
    criteria.to_string()
}
