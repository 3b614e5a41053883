// SPDX-License-Identifier: MIT OR Apache-2.0
//! Machines that really boot, and the ways in which they end.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use vexfs::bundle::Bundle;
use vexfs::machine::accelerator::{Requested, choose};
use vexfs::machine::qemu::Mode;
use vexfs::machine::session::{Deadlines, Ending, follow};
use vexfs::machine::{Machine, MachineConfig, MachineError, input};
use vexfs::protocol::{Accelerator, Step};

use crate::boot::{DEADLINES, config, plan, qemu};
use crate::bundles;

pub fn bundle() -> &'static Bundle {
    static BUNDLE: OnceLock<Bundle> = OnceLock::new();
    BUNDLE.get_or_init(|| Bundle::open(bundles::plain()).unwrap())
}

fn boot(mode: Mode, logs: &Path, kernel_arguments: &[&str]) -> Machine {
    let plan = plan(mode.into(), vec![Step::Identity, Step::Module]);
    let kernel_arguments = kernel_arguments.iter().map(|&word| word.to_owned());
    let config = MachineConfig {
        kernel_arguments: kernel_arguments.collect(),
        ..config(logs)
    };
    Machine::boot(&qemu(mode), bundle(), &config, &input(&plan, None)).unwrap()
}

fn signal(machine: &Machine, signal: Signal) {
    kill(process_id(machine.pid()), signal).unwrap();
}

fn process_id(pid: u32) -> Pid {
    Pid::from_raw(pid.try_into().unwrap())
}

#[test]
fn two_boots_under_icount_say_the_same_to_the_byte() {
    let run = || {
        let logs = tempfile::tempdir().unwrap();
        let mut machine = boot(Mode::Icount, logs.path(), &[]);
        let ending = follow(&mut machine, &DEADLINES, |_| ()).unwrap();
        assert_eq!(ending, Ending::Completed);
        ["messages.jsonl", "console.log"].map(|name| {
            let text = fs::read(logs.path().join(name)).unwrap();
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let [first, second] = [run(), run()];
    for (first, second) in first.iter().zip(&second) {
        assert!(first.lines().count() > 3, "{first}");
        for (first, second) in first.lines().zip(second.lines()) {
            assert_eq!(first, second);
        }
        assert_eq!(first.len(), second.len());
    }
}

#[test]
fn a_panic_is_told_by_its_line() {
    let logs = tempfile::tempdir().unwrap();
    let mut machine = boot(Mode::Tcg, logs.path(), &["rdinit=/nonexistent"]);
    let ending = follow(&mut machine, &DEADLINES, |_| ()).unwrap();
    assert!(
        matches!(&ending, Ending::Panic { line } if line.contains("Unable to mount root fs")),
        "{ending}"
    );
}

#[test]
fn a_killed_qemu_is_a_lost_machine() {
    let logs = tempfile::tempdir().unwrap();
    let mut machine = boot(Mode::Tcg, logs.path(), &[]);
    signal(&machine, Signal::SIGKILL);
    let ending = follow(&mut machine, &DEADLINES, |_| ()).unwrap();
    assert!(
        matches!(&ending, Ending::Lost { how } if how.contains("signal 9")),
        "{ending}"
    );
}

#[test]
fn a_stopped_qemu_is_a_hang_and_does_not_stay() {
    let logs = tempfile::tempdir().unwrap();
    let mut machine = boot(Mode::Tcg, logs.path(), &[]);
    signal(&machine, Signal::SIGSTOP);
    let deadlines = Deadlines {
        boot: Duration::from_secs(1),
        ..DEADLINES
    };
    let ending = follow(&mut machine, &deadlines, |_| ()).unwrap();
    assert!(
        matches!(ending, Ending::Hang { seconds: 1, .. }),
        "{ending}"
    );
    let pid = machine.pid();
    drop(machine);
    assert!(!runs(pid));
}

#[test]
fn kvm_is_used_where_it_works_and_refused_where_it_does_not() {
    let logs = tempfile::tempdir().unwrap();
    let automatic = choose(Requested::Auto, bundle(), logs.path()).unwrap();
    let explicit = choose(Requested::Kvm, bundle(), logs.path());
    let accelerator = automatic.vehicle.accelerator();
    println!("{accelerator}: {}", automatic.reason);
    match accelerator {
        Accelerator::Kvm => assert_eq!(explicit.unwrap().vehicle.accelerator(), accelerator),
        Accelerator::Icount => {
            assert!(
                automatic.reason.contains("/dev/kvm"),
                "{}",
                automatic.reason
            );
            assert!(matches!(explicit, Err(MachineError::NoKvm { .. })));
        }
        Accelerator::Tcg | Accelerator::Uml => panic!("nobody asked for this"),
    }
}

/// The variable that is set for the process that is to be killed while its machine runs.
const DRIVER_LOGS: &str = "VEXFS_TEST_DRIVER_LOGS";

#[test]
fn a_killed_driver_leaves_no_qemu_and_no_files() {
    if let Some(logs) = env::var_os(DRIVER_LOGS) {
        let machine = boot(Mode::Tcg, &PathBuf::from(logs), &[]);
        println!("\nqemu {}", machine.pid());
        thread::sleep(Duration::from_secs(600));
        return;
    }
    bundle();
    let [logs, scratch] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut driver = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "endings::a_killed_driver_leaves_no_qemu_and_no_files",
        ])
        .arg("--nocapture")
        .env(DRIVER_LOGS, logs.path())
        .env("TMPDIR", scratch.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let qemu: u32 = BufReader::new(driver.stdout.take().unwrap())
        .lines()
        .find_map(|line| line.unwrap().strip_prefix("qemu ")?.parse().ok())
        .expect("the driver names its QEMU");
    assert!(runs(qemu));
    driver.kill().unwrap();
    driver.wait().unwrap();
    let patience = Instant::now() + Duration::from_secs(10);
    while runs(qemu) {
        assert!(Instant::now() < patience, "QEMU outlives its driver");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
}

/// Whether the process `pid` is there, and not only waiting to be reaped.
fn runs(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().starts_with(" Z"))
}
