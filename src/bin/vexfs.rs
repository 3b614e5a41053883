// SPDX-License-Identifier: MIT OR Apache-2.0
//! The user's tool.

fn main() -> std::process::ExitCode {
    vexfs::cli::vexfs::main()
}
