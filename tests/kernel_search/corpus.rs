// SPDX-License-Identifier: MIT OR Apache-2.0
//! The fuzzer's corpus, replayed (`docs/differential.md`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fuzz;
use crate::library::{Kernel, compile};

fn corpus() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let files = fs::read_dir(&directory).expect("the corpus is there");
    let mut files: Vec<_> = files
        .map(|file| file.expect("the corpus is listed").path())
        .collect();
    files.sort();
    assert!(files.len() > 100, "{} is no corpus", directory.display());
    files
}

type Rust = unsafe extern "C" fn(&fuzz::Case, &mut fuzz::Found);
type InputFn = unsafe extern "C" fn(*const u8, usize, Rust) -> std::ffi::c_int;

/// A difference ends the process, after a description of it.
#[test]
fn both_sides_agree_on_the_fuzzers_corpus() {
    let kernel = Kernel::alone("tests/fuzz/input.c");
    let corpus = corpus();
    let mut accepted = 0;
    for path in &corpus {
        let input = fs::read(path).expect("an input");
        accepted += kernel.call(b"fuzz_input", |run: InputFn| {
            // SAFETY: the type is that of tests/fuzz/input.h.
            unsafe { run(input.as_ptr(), input.len(), fuzz::run) }
        });
    }
    println!("{} inputs, {accepted} of them accepted", corpus.len());
    assert!(accepted > 0, "no input is an index");
}

#[test]
fn sanitizers_find_nothing_in_the_fuzzers_corpus() {
    let directory = tempfile::tempdir().expect("a directory for the program");
    let program = directory.path().join("replay");
    let sanitizers = [
        "-g",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
    ];
    compile(
        &["tests/fuzz/input.c", "tests/fuzz/replay.c"],
        &sanitizers,
        &program,
    );
    let output = Command::new(&program)
        .args(corpus())
        .output()
        .expect("the program runs");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {log}", output.status);
    print!("{}", String::from_utf8_lossy(&output.stdout));
}
