// SPDX-License-Identifier: MIT OR Apache-2.0
//! The validation toolkit.

#![deny(clippy::print_stdout, clippy::print_stderr)]

fn main() -> std::process::ExitCode {
    vexfs::cli::validate::main()
}
