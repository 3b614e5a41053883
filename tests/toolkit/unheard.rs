// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a program prints may find nobody: it ends as it would have, and says so where something is lost.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::unheard_outputs::{full_disk, reader_gone};

const VEXFS: &str = env!("CARGO_BIN_EXE_vexfs");
const VALIDATE: &str = env!("CARGO_BIN_EXE_vexfs-validate");

/// A file that `compare` reads.
const FIGURES: &str = include_str!("../data/figures/chromadb-949.json");

/// What prints something on standard output, and does so quickly.
fn speakers(folder: &Path) -> Vec<Command> {
    std::fs::write(folder.join("a.json"), FIGURES).unwrap();
    let generate = "dataset generate --workload clustered --rows 9 --dim 2 --queries 1 --out .";
    [
        (VEXFS, generate),
        (VEXFS, "dataset hash vectors.fvecs"),
        (VEXFS, "info vectors.fvecs"),
        (VEXFS, "search vectors.fvecs --query 1,2 --k 3"),
        (VEXFS, "search vectors.fvecs --query 1,2 --k 3 --json"),
        (VEXFS, "index build vectors.fvecs --kind hnsw"),
        (VEXFS, "index info vectors.fvecs"),
        (
            VEXFS,
            "bench vectors.fvecs queries.fvecs --k 1 --warmups 0 --runs 1",
        ),
        (VALIDATE, "compare a.json a.json"),
        (VALIDATE, "compare a.json a.json --json"),
        (VALIDATE, "self-test --list"),
    ]
    .into_iter()
    .map(|(program, arguments)| {
        let mut command = Command::new(program);
        command.args(arguments.split(' '));
        match arguments.starts_with("self-test") {
            true => command.current_dir(env!("CARGO_MANIFEST_DIR")),
            false => command.current_dir(folder),
        };
        command
    })
    .collect()
}

fn run(command: &mut Command, stdout: Stdio) -> Output {
    let command = command.stdin(Stdio::null()).stdout(stdout);
    let process = command.stderr(Stdio::piped()).spawn().unwrap();
    process.wait_with_output().unwrap()
}

#[test]
fn a_reader_that_is_gone_changes_no_status() {
    let folder = tempfile::tempdir().unwrap();
    for mut command in speakers(folder.path()) {
        let heard = run(&mut command, Stdio::null());
        let unheard = run(&mut command, reader_gone());
        assert_eq!(unheard.status, heard.status, "{command:?}: {unheard:?}");
        assert_eq!(unheard.stderr, heard.stderr, "{command:?}");
    }
}

#[test]
fn what_a_full_disk_does_not_take_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for mut command in speakers(folder.path()) {
        let heard = run(&mut command, Stdio::null());
        if heard.status.code() == Some(2) {
            continue;
        }
        let lost = run(&mut command, full_disk());
        let failed = match command.get_program() == VEXFS {
            true => 1,
            false => 2,
        };
        assert_eq!(lost.status.code(), Some(failed), "{command:?}: {lost:?}");
        let said = String::from_utf8(lost.stderr).unwrap();
        let sentence = "standard output cannot be written: No space left on device (os error 28)";
        assert!(
            said.ends_with(&format!("{sentence}\n")) && said.lines().count() == 1,
            "{command:?}: {said}"
        );
    }
}

#[test]
fn a_reason_that_nobody_hears_changes_no_status() {
    let folder = tempfile::tempdir().unwrap();
    for (program, arguments, status) in [
        (VEXFS, "search none.fvecs --query 1", 1),
        (VEXFS, "mount none none", 1),
        (VEXFS, "search", 2),
        (VALIDATE, "run --bundle none --dataset none.npy", 2),
        (VALIDATE, "report none", 2),
        (VALIDATE, "shell --accel uml --bundle none", 2),
    ] {
        for stderr in [reader_gone(), full_disk()] {
            let mut command = Command::new(program);
            let command = command.args(arguments.split(' ')).current_dir(&folder);
            let ended = command.stdout(Stdio::null()).stderr(stderr).status();
            assert_eq!(ended.unwrap().code(), Some(status), "{command:?}");
        }
    }
}
