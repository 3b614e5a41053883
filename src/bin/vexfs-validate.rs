// SPDX-License-Identifier: MIT OR Apache-2.0
//! The validation toolkit.

fn main() -> std::process::ExitCode {
    vexfs::cli::validate::main()
}
