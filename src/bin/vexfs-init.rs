// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's one binary: its init as PID 1, a step of a run when init calls it so, what a suite calls in a step, the
//! `vexfs` tool otherwise.

#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::env;
use std::process::ExitCode;

use vexfs::cli;
use vexfs::guest::{STEP_PROGRAM, init, stand_ins, steps};
use vexfs::image::boot;
use vexfs::system::output::tell;

fn main() -> ExitCode {
    if std::process::id() == 1 {
        if boot::is_image() {
            boot::main();
        }
        init::main();
    }
    let mut arguments = env::args();
    let called = arguments.next().unwrap_or_default();
    if called == STEP_PROGRAM {
        let name = arguments.next().unwrap_or_default();
        return told(steps::main(&name, arguments.next().as_deref()));
    }
    if stand_ins::NAMES.contains(&called.as_str()) {
        return told(stand_ins::main(&called, &Vec::from_iter(arguments)));
    }
    cli::vexfs::main()
}

fn told(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("{STEP_PROGRAM}: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
