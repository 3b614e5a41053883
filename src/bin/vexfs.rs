// SPDX-License-Identifier: MIT OR Apache-2.0
//! The user's tool.

#![deny(clippy::print_stdout, clippy::print_stderr)]

fn main() -> std::process::ExitCode {
    vexfs::cli::vexfs::main()
}
