// SPDX-License-Identifier: MIT OR Apache-2.0
//! A shell in the guest, booted for real: what a command prints, its status, and what becomes of it in a panic.

use std::fs;
use std::io::{BufRead, BufReader};
use std::iter;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use crate::bundles;

const BINARY: &str = env!("CARGO_BIN_EXE_vexfs-validate");

/// The two vehicles, each with a bundle for it. Icount is the slowest that the shell must still be in time for.
fn vehicles() -> [(&'static str, &'static Path); 2] {
    static UML: OnceLock<()> = OnceLock::new();
    let uml = Path::new(concat!(
        env!("CARGO_TARGET_TMPDIR"),
        "/uml-bundle-for-shell"
    ));
    UML.get_or_init(|| {
        let status = Command::new(BINARY)
            .args(["bundle", "--machine", "uml", "--out"])
            .arg(uml)
            .status()
            .unwrap();
        assert!(status.success(), "the bundle is not built: {status}");
    });
    [("uml", uml), ("icount", bundles::plain())]
}

fn shell(accelerator: &str, bundle: &Path, more: &[&str]) -> Output {
    Command::new(BINARY)
        .args(["shell", "--accel", accelerator, "--bundle"])
        .arg(bundle)
        .args(more)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_command_has_its_output_and_its_status_here() {
    for (accelerator, bundle) in vehicles() {
        let command = "vexfs info /store/lower/vectors.fvecs && printf 'a\\tb\\r\\n\\377' && echo no >&2 && exit 7";
        let output = shell(accelerator, bundle, &["--command", command]);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(7), "{accelerator}: {error}");
        assert!(output.stdout.ends_with(b"a\tb\r\n\xff"), "{output:?}");
        assert!(text(&output.stdout).contains("1000"), "{output:?}");
        // Before it, the first command tells that the shell is fetched.
        assert!(error.ends_with("no\n"), "{error}");
        let output = shell(accelerator, bundle, &["--command", "true"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

#[test]
fn both_mounts_are_of_one_store() {
    for (accelerator, bundle) in vehicles() {
        let command = "for place in /mnt/kernel /mnt/fuse /store/lower; do \
            vexfs search $place/vectors.fvecs --query-file /store/lower/queries.fvecs --row 3; echo; done";
        let output = shell(accelerator, bundle, &["--command", command]);
        assert!(output.status.success(), "{output:?}");
        let text = text(&output.stdout);
        let answers: Vec<_> = text.split("\n\n").collect();
        assert_eq!(answers[0].lines().count(), 10, "{text}");
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0], answers[2]);
        let mounts = shell(
            accelerator,
            bundle,
            &["--command", "grep -c ' vexfs ' /proc/mounts"],
        );
        assert_eq!(text_of(&mounts), "1\n", "the module serves one mount");
    }
}

fn text_of(output: &Output) -> String {
    text(&output.stdout)
}

#[test]
fn a_panic_is_told_with_what_the_kernel_said() {
    for (accelerator, bundle) in vehicles() {
        let command = "echo 2 >/proc/sys/vm/panic_on_oom; tail /dev/zero";
        let output = shell(
            accelerator,
            bundle,
            &["--memory", "256", "--command", command],
        );
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(10), "{accelerator}: {error}");
        assert!(error.contains("Kernel panic"), "{error}");
        assert!(error.lines().count() > 3, "{error}");
    }
}

#[test]
fn a_command_without_a_word_is_a_hang() {
    let [(accelerator, bundle), _] = vehicles();
    let output = shell(
        accelerator,
        bundle,
        &["--patience", "2", "--command", "sleep 1000"],
    );
    assert_eq!(output.status.code(), Some(12), "{output:?}");
}

#[test]
fn what_is_piped_into_a_prompt_is_typed_at_it() {
    for (accelerator, bundle) in vehicles() {
        let output = Command::new("sh")
            .arg("-c")
            .arg("echo 'tty; echo $((40 + 2)); exit 5' | \"$@\"")
            .args(["sh", BINARY, "shell", "--accel", accelerator, "--bundle"])
            .arg(bundle)
            .output()
            .unwrap();
        let shown = text_of(&output);
        assert_eq!(output.status.code(), Some(5), "{output:?}");
        assert!(
            shown.contains("mounted by the module on /mnt/kernel"),
            "{shown}"
        );
        assert!(shown.contains("\n42\r\n"), "{shown}");
    }
}

/// The process that started this one.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')')
        .next()?
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

/// Where the kernel's own program is mapped. Its processes do not have it.
const PROGRAM: &str = "60000000-";

/// The KiB of the host that are mapped in the kernel which `driver` runs, while it does.
fn mapped_kib(driver: u32) -> Option<u64> {
    let started =
        |&pid: &u32| iter::successors(Some(pid), |&pid| parent(pid)).any(|pid| pid == driver);
    let processes = fs::read_dir("/proc").unwrap();
    let pids = processes.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let maps = |pid| fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let of_kernel = |maps: &String| maps.starts_with(PROGRAM);
    let maps = pids.filter(started).map(maps).find(of_kernel)?;
    let bytes = maps.lines().map(|line| {
        let (range, _) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|address| u64::from_str_radix(address, 16).unwrap());
        end - start
    });
    Some(bytes.sum::<u64>() >> 10)
}

/// The host grants 65530 mappings to a process, and a page that vmalloc maps can be one. Linux alone would keep those
/// of 32 MiB.
#[test]
fn memory_that_the_module_gave_back_is_not_mapped_by_the_host() {
    let [(accelerator, bundle), _] = vehicles();
    let command = "cd /store/lower; for i in $(seq 160); do cat vectors.fvecs; done >many.fvecs; \
        vexfs search /mnt/kernel/many.fvecs --query-file queries.fvecs --row 0 >/dev/null || exit 3; \
        echo searched; sleep 3; rm /mnt/kernel/many.fvecs; echo removed; sleep 3";
    let mut shell = Command::new(BINARY)
        .args(["shell", "--accel", accelerator, "--bundle"])
        .arg(bundle)
        .args(["--command", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let told = BufReader::new(shell.stdout.take().unwrap()).lines();
    // What is removed is given back after a grace period of RCU: the least of some looks counts.
    let least = || {
        let looks = (0..15).filter_map(|_| {
            thread::sleep(Duration::from_millis(100));
            mapped_kib(shell.id())
        });
        looks.min().expect("the machine runs")
    };
    let counts: Vec<_> = told.map(|line| (line.unwrap(), least())).collect();
    assert!(shell.wait().unwrap().success());
    let [(_, searched), (_, removed)] = counts[..] else {
        panic!("{counts:?}");
    };
    // The copy has 20,000 KiB.
    assert!(removed + 18_000 < searched, "{counts:?}");
}
