// SPDX-License-Identifier: MIT OR Apache-2.0
//! An image in a file, a machine that boots it, and what it says afterwards.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::bundles::scratch;

const BINARY: &str = env!("CARGO_BIN_EXE_vexfs-validate");
const CRITERIA: &str = include_str!("../../../src/criteria/image-criteria.json");
const FIRMWARE: &str = "/usr/share/OVMF";

/// Load/unload cycles: enough to see a fault, few enough to wait for.
const CYCLES: u32 = 12;

/// The longest that a boot may take: emulation on a busy host needs patience.
const ENDS_WITHIN: Duration = Duration::from_secs(300);

pub struct Image {
    dir: TempDir,
}

/// What `image-results` says.
#[derive(Debug)]
pub struct Report {
    pub status: i32,
    pub json: Value,
}

impl Image {
    /// Makes an image that is judged by `checks` alone; by all if there are none.
    pub fn new(bundle: &Path, checks: &[&str]) -> Image {
        let dir = scratch();
        let image = Image { dir };
        let criteria = image.dir.path().join("criteria.json");
        fs::write(&criteria, short_criteria(checks)).unwrap();
        let status = Command::new(BINARY)
            .args(["image", "--bundle"])
            .arg(bundle)
            .arg("--criteria")
            .arg(criteria)
            .arg("--out")
            .arg(image.path())
            .status()
            .unwrap();
        assert!(status.success(), "the image is not made: {status}");
        image
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("vexfs.img")
    }

    /// Boots the disk by UEFI and waits for the end. Nothing is remembered from earlier boots, as in a machine that
    /// gets a new disk. A machine that starts anew by itself ends, too, unless `restarts`.
    pub fn boot(&self, disk: &[&str], cpu: &str, restarts: bool) -> String {
        let path = |name| self.dir.path().join(name);
        let (variables, console) = (path("variables.fd"), path("console"));
        fs::copy(format!("{FIRMWARE}/OVMF_VARS_4M.fd"), &variables).unwrap();
        let qemu = env::var_os("VEXFS_QEMU").unwrap_or_else(|| "qemu-system-x86_64".into());
        let mut command = Command::new(qemu);
        command.args(["-nodefaults", "-no-user-config", "-display", "none"]);
        command.args([
            "-machine",
            "q35,accel=tcg,smm=off",
            "-m",
            "1024",
            "-cpu",
            cpu,
        ]);
        if !restarts {
            command.arg("-no-reboot");
        }
        let flash = |unit, path: &Path, more| {
            let path = path.display();
            format!("if=pflash,format=raw,unit={unit},file={path}{more}")
        };
        let code = Path::new(FIRMWARE).join("OVMF_CODE_4M.fd");
        command.args(["-drive", &flash(0, &code, ",readonly=on")]);
        command.args(["-drive", &flash(1, &variables, "")]);
        let file = format!("if=none,id=disk,format=raw,file={}", self.path().display());
        command.args(["-drive", &file]).args(disk);
        let serial = format!("file:{}", console.display());
        let status = Machine::start(command.args(["-serial", &serial])).wait();
        let console = String::from_utf8_lossy(&fs::read(console).unwrap()).into_owned();
        let end: String = console.chars().rev().take(4000).collect();
        let end: String = end.chars().rev().collect();
        assert!(
            status.is_some_and(|status| status.success()),
            "the machine did not power off: {status:?}; its console ends:\n{end}"
        );
        console
    }

    /// Packs the newest run of the disk into one file.
    pub fn pack(&self) -> PathBuf {
        let pack = self.dir.path().join("run.tar.gz");
        let output = Command::new(BINARY)
            .args([
                "pack".as_ref(),
                self.path().as_path(),
                "--out".as_ref(),
                &pack,
            ])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        pack
    }

    pub fn report(&self) -> Report {
        let output = Command::new(BINARY)
            .args(["image-results", "--json"])
            .arg(self.path())
            .output()
            .unwrap();
        let json = serde_json::from_slice(&output.stdout);
        Report {
            status: output.status.code().unwrap(),
            json: json.unwrap_or_else(|error| {
                panic!("{error}: {}", String::from_utf8_lossy(&output.stderr))
            }),
        }
    }
}

impl Report {
    pub fn assert_verdict(&self, complete: bool, verdict: &str, status: i32) {
        let run = &self.json["run"];
        let found = (
            run["complete"].as_bool(),
            run["verdict"]["verdict"].as_str(),
            self.status,
        );
        assert_eq!(found, (Some(complete), Some(verdict), status), "{run:#}");
    }

    pub fn assert_check(&self, id: &str, status: &str, words: &[&str]) {
        let checks = self.json["run"]["verdict"]["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["id"] == id).unwrap();
        assert_eq!(check["status"], status, "{check:#}");
        let measured = check["measured"].as_str().unwrap();
        for word in words {
            assert!(measured.contains(word), "no {word:?} in {measured:?}");
        }
    }
}

/// QEMU, which does not outlive its test.
struct Machine(Child);

impl Machine {
    fn start(command: &mut Command) -> Machine {
        Machine(command.stdin(Stdio::null()).spawn().unwrap())
    }

    fn wait(mut self) -> Option<ExitStatus> {
        let deadline = Instant::now() + ENDS_WITHIN;
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait().unwrap() {
                return Some(status);
            }
            sleep(Duration::from_millis(50));
        }
        None
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // One that has ended by itself cannot be killed, and need not be.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The criteria of images with fewer runs and cycles; only with `checks`, if any are given.
fn short_criteria(checks: &[&str]) -> String {
    let mut criteria: Value = serde_json::from_str(CRITERIA).unwrap();
    let workload = &mut criteria["workload"];
    workload["warmups"] = 0.into();
    workload["runs"] = 1.into();
    workload["cycles"] = CYCLES.into();
    // Under plain TCG the large cases show no more than the small ones.
    let cases = criteria["indexes"].as_array_mut().unwrap();
    cases.retain(|case| case["timed"] == false);
    assert!(!cases.is_empty());
    let all = criteria["checks"].as_array_mut().unwrap();
    // So few cycles have no slope.
    let of_all = |id: &str| checks.is_empty() && id != "memory.slope";
    all.retain(|check| {
        let id = check["id"].as_str().unwrap();
        of_all(id) || checks.contains(&id)
    });
    assert!(checks.is_empty() || all.len() == checks.len());
    for check in all {
        if check["id"] == "cycles" {
            check["limit"] = CYCLES.into();
        }
    }
    criteria.to_string()
}
