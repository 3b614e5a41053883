// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's one binary: its init as PID 1, a step of a run when init calls it so, the `vexfs` tool otherwise.

#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::env;
use std::process::ExitCode;

use vexfs::cli;
use vexfs::guest::{STEP_PROGRAM, init, steps};
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
    if arguments.next().as_deref() == Some(STEP_PROGRAM) {
        let name = arguments.next().unwrap_or_default();
        return step(&name, arguments.next().as_deref());
    }
    cli::vexfs::main()
}

fn step(name: &str, case: Option<&str>) -> ExitCode {
    match steps::main(name, case) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("{STEP_PROGRAM}: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
