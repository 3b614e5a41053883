// SPDX-License-Identifier: MIT OR Apache-2.0
//! User-Mode Linux: it carries out a plan, ends in each way that a machine can end, and leaves nothing behind.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use vexfs::bundle::Bundle;
use vexfs::machine::accelerator::{Requested, choose};
use vexfs::machine::session::{Deadlines, Ending, follow};
use vexfs::machine::vehicle::Vehicle;
use vexfs::machine::{Machine, MachineConfig, MachineError, input};
use vexfs::protocol::results::StepData;
use vexfs::protocol::{Accelerator, Message, Outcome, Plan, Step};
use vexfs::system::cpu;

use crate::boot::{DEADLINES, config, plan};
use crate::faults::{Fault, with_faults_for};
use crate::{bundles, endings};

/// The steps that take a second or less.
const CHEAP: [Step; 7] = [
    Step::Identity,
    Step::Module,
    Step::Cycles,
    Step::Files,
    Step::Errors,
    Step::Concurrency,
    Step::After,
];

fn bundle() -> &'static Bundle {
    static BUNDLE: OnceLock<Bundle> = OnceLock::new();
    BUNDLE.get_or_init(|| Bundle::open(bundles::for_uml()).unwrap())
}

fn boot_plan(bundle: &Bundle, logs: &Path, plan: &Plan, kernel_arguments: &[&str]) -> Machine {
    let kernel_arguments = kernel_arguments.iter().map(|&word| word.to_owned());
    let config = MachineConfig {
        kernel_arguments: kernel_arguments.collect(),
        ..config(logs)
    };
    Machine::boot(&Vehicle::Uml, bundle, &config, &input(plan, None)).unwrap()
}

fn boot(bundle: &Bundle, logs: &Path, kernel_arguments: &[&str]) -> Machine {
    let plan = plan(Accelerator::Uml, vec![Step::Identity, Step::Module]);
    boot_plan(bundle, logs, &plan, kernel_arguments)
}

/// A bundle with this fault in its module. The kernel is there already when it is built.
fn faulty(fault: Fault) -> TempDir {
    bundle();
    with_faults_for("uml", &[fault], &[])
}

/// The ending of a boot with this fault in the module, and what is left of the machine's processes after it.
fn ending_with(fault: Fault, deadlines: &Deadlines) -> Ending {
    let dir = faulty(fault);
    let bundle = Bundle::open(&dir.path().join("bundle")).unwrap();
    let mut machine = boot(&bundle, dir.path(), &[]);
    let ending = follow(&mut machine, deadlines, |_| ()).unwrap();
    let leader = machine.pid();
    drop(machine);
    nothing_runs(leader);
    ending
}

/// A fault that strikes when the module is loaded.
fn on_load(statement: &'static str) -> (&'static str, &'static str, &'static str) {
    const ANCHOR: &str = "\terr = vexfs_simd_init();\n";
    ("fs/main.c", ANCHOR, statement)
}

/// The processes of a group that have not ended.
fn group(leader: u32) -> Vec<u32> {
    let of_group = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<_> = stat
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .collect();
        fields.len() > 2 && fields[0] != "Z" && fields[2] == leader.to_string()
    };
    let processes = fs::read_dir("/proc").unwrap();
    let pids = processes.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(of_group).collect()
}

/// Demands that soon no process of the machine is left.
fn nothing_runs(leader: u32) {
    let patience = Instant::now() + Duration::from_secs(10);
    while !group(leader).is_empty() {
        assert!(Instant::now() < patience, "left: {:?}", group(leader));
        thread::sleep(Duration::from_millis(20));
    }
}

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.try_into().unwrap()), signal).unwrap();
}

#[test]
fn it_carries_out_every_cheap_step() {
    let logs = tempfile::tempdir().unwrap();
    let plan = Plan {
        cycles: 5,
        ..plan(Accelerator::Uml, CHEAP.to_vec())
    };
    let mut machine = boot_plan(bundle(), logs.path(), &plan, &[]);
    let mut identity = None;
    let mut done = Vec::new();
    let ending = follow(&mut machine, &DEADLINES, |message| {
        if let Message::StepFinished { step, outcome, .. } = message {
            match outcome {
                Outcome::Ok { data } => {
                    done.push(step);
                    if let StepData::Identity(data) = *data {
                        identity = Some(data);
                    }
                }
                Outcome::Failed(failure) => panic!("{step}: {}", failure.reason),
            }
        }
    });
    assert_eq!(ending.unwrap(), Ending::Completed);
    assert_eq!(done, CHEAP);
    let identity = identity.unwrap();
    assert_eq!(
        identity.hypervisor_vendor.as_deref(),
        Some("User Mode Linux")
    );
    assert_eq!(identity.cpu_model, cpu::model().unwrap());
    assert_eq!((identity.hypervisor, identity.cpus), (true, 1));
    // What it could not write was not lost unseen.
    let said = fs::read_to_string(logs.path().join("uml.log")).unwrap();
    assert!(said.contains("Checking that ptrace"), "{said}");
}

/// The line to the host has a buffer of 4 KiB, and the pipe behind it one of 64.
#[test]
fn a_message_of_megabytes_arrives_whole() {
    let logs = tempfile::tempdir().unwrap();
    let plan = Plan {
        run_id: "ü\u{1}\t".repeat(1 << 20),
        ..plan(Accelerator::Uml, Vec::new())
    };
    let mut machine = boot_plan(bundle(), logs.path(), &plan, &[]);
    // A reader that is slow to begin, and the guest has to wait.
    thread::sleep(Duration::from_secs(1));
    let mut said = None;
    let ending = follow(&mut machine, &DEADLINES, |message| {
        if let Message::Hello { run_id, .. } = message {
            said = Some(run_id);
        }
    });
    assert_eq!(ending.unwrap(), Ending::Completed);
    assert!(said.unwrap() == plan.run_id);
}

#[test]
fn a_panic_is_told_by_its_line_and_ends_it() {
    let logs = tempfile::tempdir().unwrap();
    let mut machine = boot(bundle(), logs.path(), &["rdinit=/nonexistent"]);
    let begun = Instant::now();
    let ending = follow(&mut machine, &DEADLINES, |_| ()).unwrap();
    assert!(
        matches!(&ending, Ending::Panic { line } if line.contains("Unable to mount root fs")),
        "{ending}"
    );
    // Its end was awaited, and not a deadline.
    assert!(begun.elapsed() < DEADLINES.end);
    nothing_runs(machine.pid());
}

#[test]
fn an_oops_is_told_by_its_line() {
    let fault = on_load("\tREAD_ONCE(*(int *)NULL);\n\terr = vexfs_simd_init();\n");
    let ending = ending_with(fault, &DEADLINES);
    assert!(
        matches!(&ending, Ending::Oops { line } if line.contains("Kernel mode fault at addr 0x0")),
        "{ending}"
    );
    let bug = ending_with(
        on_load("\tBUG();\n\terr = vexfs_simd_init();\n"),
        &DEADLINES,
    );
    assert!(
        matches!(&bug, Ending::Oops { line } if line.contains("BUG: failure at")),
        "{bug}"
    );
}

#[test]
fn a_kernel_that_spins_is_a_hang() {
    let deadlines = Deadlines {
        message: Duration::from_secs(2),
        ..DEADLINES
    };
    let fault = on_load("\tfor (;;)\n\t\tbarrier();\n\terr = vexfs_simd_init();\n");
    let ending = ending_with(fault, &deadlines);
    assert!(
        matches!(&ending, Ending::Hang { after, seconds: 2 } if after.contains("step-started")),
        "{ending}"
    );
}

#[test]
fn a_stopped_machine_is_a_hang_and_does_not_stay() {
    let logs = tempfile::tempdir().unwrap();
    let mut machine = boot(bundle(), logs.path(), &[]);
    signal(machine.pid(), Signal::SIGSTOP);
    let deadlines = Deadlines {
        boot: Duration::from_secs(1),
        ..DEADLINES
    };
    let ending = follow(&mut machine, &deadlines, |_| ()).unwrap();
    assert!(
        matches!(&ending, Ending::Hang { after, seconds: 1 } if after == "User-Mode Linux's start"),
        "{ending}"
    );
    let leader = machine.pid();
    drop(machine);
    nothing_runs(leader);
}

#[test]
fn a_killed_machine_is_lost_and_so_are_its_processes() {
    let dir = faulty(endless());
    let bundle = Bundle::open(&dir.path().join("bundle")).unwrap();
    let mut machine = boot(&bundle, dir.path(), &[]);
    let leader = machine.pid();
    has_processes_of_the_guest(leader);
    signal(leader, Signal::SIGKILL);
    let ending = follow(&mut machine, &DEADLINES, |_| ()).unwrap();
    assert!(
        matches!(&ending, Ending::Lost { how } if how.starts_with("User-Mode Linux was killed by signal 9")),
        "{ending}"
    );
    nothing_runs(leader);
}

/// Loading waits for ever, and other processes run meanwhile.
fn endless() -> Fault<'static> {
    on_load("\tfor (;;)\n\t\tschedule_timeout_uninterruptible(HZ);\n\terr = vexfs_simd_init();\n")
}

/// Waits for the kernel, the keeper, init and a step.
fn has_processes_of_the_guest(leader: u32) {
    let patience = Instant::now() + Duration::from_secs(20);
    while group(leader).len() < 4 {
        assert!(Instant::now() < patience, "only {:?}", group(leader));
        thread::sleep(Duration::from_millis(20));
    }
}

/// The process of the group that is no kernel's: it has another program.
fn keeper(leader: u32) -> u32 {
    let program = |pid: u32| fs::metadata(format!("/proc/{pid}/exe")).unwrap().ino();
    let kernel = program(leader);
    let others: Vec<_> = group(leader)
        .into_iter()
        .filter(|&pid| program(pid) != kernel)
        .collect();
    assert_eq!(others.len(), 1, "{others:?}");
    others[0]
}

#[test]
fn a_killed_keeper_is_not_missed() {
    let logs = tempfile::tempdir().unwrap();
    let mut machine = boot(bundle(), logs.path(), &[]);
    let leader = machine.pid();
    signal(keeper(leader), Signal::SIGKILL);
    let ending = follow(&mut machine, &DEADLINES, |_| ()).unwrap();
    assert_eq!(ending, Ending::Completed);
    nothing_runs(leader);
}

/// The variables that are set for the process that is to be killed while its machine runs.
const DRIVER_BUNDLE: &str = "VEXFS_TEST_UML_BUNDLE";
const NAME: &str = "uml::a_killed_driver_leaves_no_process_and_no_file";

#[test]
fn a_killed_driver_leaves_no_process_and_no_file() {
    if let Some(dir) = env::var_os(DRIVER_BUNDLE).map(PathBuf::from) {
        let bundle = Bundle::open(&dir.join("bundle")).unwrap();
        let machine = boot(&bundle, &dir, &[]);
        println!("\nleader {}", machine.pid());
        thread::sleep(Duration::from_secs(600));
        return;
    }
    let dir = faulty(endless());
    // Whatever it makes, it makes there: in memory, as home, as working directory.
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut driver = Command::new(env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(DRIVER_BUNDLE, dir.path())
        .env("TMPDIR", memory.path())
        .env("HOME", home.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let leader: u32 = BufReader::new(driver.stdout.take().unwrap())
        .lines()
        .find_map(|line| line.unwrap().strip_prefix("leader ")?.parse().ok())
        .expect("the driver names its machine");
    has_processes_of_the_guest(leader);
    let in_memory = fs::read_dir(format!("/proc/{leader}/fd"))
        .unwrap()
        .any(|file| {
            let target = fs::read_link(file.unwrap().path()).unwrap_or_default();
            target.starts_with(memory.path())
        });
    assert!(in_memory, "the guest's memory is elsewhere");
    driver.kill().unwrap();
    driver.wait().unwrap();
    nothing_runs(leader);
    for dir in [memory.path(), home.path()] {
        assert_eq!(fs::read_dir(dir).unwrap().count(), 0, "{}", dir.display());
    }
    for there in ["root_fs", "core", "(null)"] {
        assert!(!Path::new("/").join(there).exists(), "/{there}");
    }
}

/// The variable that is set for the process that sees a directory in which no program may be.
const FORBIDDEN: &str = "VEXFS_TEST_UML_FORBIDDEN";

#[test]
fn where_it_cannot_run_the_reason_is_told() {
    if env::var_os(FORBIDDEN).is_some() {
        let logs = tempfile::tempdir_in("/tmp").unwrap();
        let error = choose(Requested::Uml, bundle(), logs.path()).unwrap_err();
        assert!(matches!(error, MachineError::NoUml { .. }));
        println!("\nreason {error}");
        return;
    }
    bundle();
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-euc"])
        .arg("mount -t tmpfs -o noexec none \"$TMPDIR\"; exec \"$0\" \"$@\"")
        .arg(env::current_exe().unwrap())
        .args([
            "--exact",
            "uml::where_it_cannot_run_the_reason_is_told",
            "--nocapture",
        ])
        .env("TMPDIR", dir.path())
        .env(FORBIDDEN, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let reason = said.lines().find_map(|line| line.strip_prefix("reason "));
    let reason = reason.unwrap_or_else(|| panic!("{output:?}"));
    let expected = format!("{} must be not mounted noexec", dir.path().display());
    assert!(
        reason.contains("User-Mode Linux was asked for and does not work here")
            && reason.contains(&expected),
        "{reason}"
    );
}

/// The variable that is set for the process whose machine's memory has no room.
const NO_ROOM: &str = "VEXFS_TEST_UML_NO_ROOM";

/// What a machine says whose memory has no more room than this, to a test that is started once more for it.
fn ending_with_room(size: &str) -> String {
    bundle();
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-euc"])
        .arg(format!(
            "mount -t tmpfs -o size={size} none \"$TMPDIR\"; exec \"$0\" \"$@\""
        ))
        .arg(env::current_exe().unwrap())
        .args([
            "--exact",
            "uml::a_host_without_room_for_its_memory_is_to_blame",
            "--nocapture",
        ])
        .env("TMPDIR", dir.path())
        .env(NO_ROOM, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let ending = said.lines().find_map(|line| line.strip_prefix("ending "));
    ending.unwrap_or_else(|| panic!("{output:?}")).to_owned()
}

#[test]
fn a_host_without_room_for_its_memory_is_to_blame() {
    if env::var_os(NO_ROOM).is_some() {
        let logs = tempfile::tempdir_in("/tmp").unwrap();
        let mut machine = boot(bundle(), logs.path(), &[]);
        let ending = follow(&mut machine, &DEADLINES, |_| ()).unwrap();
        assert!(ending.is_of_the_host(), "{ending}");
        println!("\nending {ending}");
        return;
    }
    // Before the kernel has a console it may not even have a handler for the signal, and then it says nothing.
    let early = ending_with_room("16m");
    let words = ["ran out of space", "has room for 16 of the 1024 MiB"];
    assert!(words.iter().any(|words| early.contains(words)), "{early}");
    // When it unpacks what it was given, it has one.
    let initrd = fs::metadata(bundle().initramfs()).unwrap().len() >> 20;
    let late = ending_with_room(&format!("{}m", 2 * initrd + 16));
    assert!(late.contains("ran out of space"), "{late}");
}

#[test]
fn a_bundle_for_the_other_machine_is_refused() {
    let logs = tempfile::tempdir().unwrap();
    let said = |requested, bundle: &Bundle| {
        choose(requested, bundle, logs.path())
            .unwrap_err()
            .to_string()
    };
    let refusal = said(Requested::Uml, endings::bundle());
    assert!(
        refusal.contains("`vexfs-validate bundle --machine uml`"),
        "{refusal}"
    );
    for requested in [Requested::Auto, Requested::Icount, Requested::Tcg] {
        let refusal = said(requested, bundle());
        assert!(
            refusal.contains("`vexfs-validate bundle --machine qemu`"),
            "{refusal}"
        );
    }
}
