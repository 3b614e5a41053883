// SPDX-License-Identifier: MIT OR Apache-2.0
//! The fuzzer's corpus, replayed (`docs/differential.md`).

use std::fs;
use std::process::Command;

use data_encoding::BASE64;

use crate::kernel_search::fuzz;
use crate::kernel_search::library::{Kernel, compile};

/// The corpus; each line is one input (`tests/fuzz/corpus.py`).
const CORPUS: &str = include_str!("../../data/fuzz-corpus.txt");

fn corpus() -> Vec<Vec<u8>> {
    let inputs = CORPUS.lines().map(|line| BASE64.decode(line.as_bytes()));
    let inputs: Vec<_> = inputs.collect::<Result<_, _>>().expect("base64");
    assert!(inputs.len() > 100, "this is no corpus");
    inputs
}

type Rust = unsafe extern "C" fn(&fuzz::Case, &mut fuzz::Found);
type InputFn = unsafe extern "C" fn(*const u8, usize, Rust) -> std::ffi::c_int;

/// A difference ends the process, after a description of it.
#[test]
fn both_sides_agree_on_the_fuzzers_corpus() {
    let kernel = Kernel::alone("tests/fuzz/input.c");
    let corpus = corpus();
    let mut accepted = 0;
    for input in &corpus {
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
    let files = corpus().into_iter().enumerate().map(|(number, input)| {
        let path = directory.path().join(number.to_string());
        fs::write(&path, input).expect("room for an input");
        path
    });
    let output = Command::new(&program)
        .args(files)
        .output()
        .expect("the program runs");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {log}", output.status);
    print!("{}", String::from_utf8_lossy(&output.stdout));
}
