// SPDX-License-Identifier: MIT OR Apache-2.0
//! What mount(8) calls for `mount -t fuse.vexfs`, for a line of fstab(5) and for a mount unit of systemd: this program
//! under the name `mount.fuse.vexfs`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use super::mount::in_background;
use crate::fuse::MountOptions;
use crate::system::output::tell;

/// The names by which this program is the helper.
const NAMES: [&str; 2] = ["mount.fuse.vexfs", "mount.vexfs"];

/// The exit statuses of mount(8).
const WRONG_USAGE: u8 = 1;
const MOUNT_FAILURE: u8 = 32;

/// Present the directory STORE at MNT, with searchable vector files, in the background
///
/// The helper of mount(8) for the type fuse.vexfs; vexfs mount --help tells more. The exit status is that of mount(8):
/// 0 mounted, 1 wrong usage, 32 not mounted.
#[derive(Debug, Parser)]
#[command(name = NAMES[0], version, max_term_width = 100)]
struct Arguments {
    /// The directory to present
    store: PathBuf,
    /// The directory to mount on
    #[arg(value_name = "MNT")]
    mount_point: PathBuf,
    /// Options, separated by commas: those of vexfs mount -o, and those that mount(8) and systemd heed
    #[arg(short, value_name = "OPTIONS")]
    options: Vec<String>,
    /// Pass over options that are not known
    #[arg(short)]
    sloppy: bool,
    /// Do everything but mount
    #[arg(short)]
    fake: bool,
    /// Say nothing more than without it
    #[arg(short)]
    verbose: bool,
    /// Keep /etc/mtab as it is, which is so in any case
    #[arg(short)]
    no_mtab: bool,
    /// The type, which is known
    #[arg(short = 't', value_name = "TYPE")]
    kind: Option<String>,
}

/// The whole command line, for what is generated from it.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Whether the program is called as the helper.
pub fn is_called(program: Option<&OsStr>) -> bool {
    let name = program.and_then(|program| Path::new(program).file_name());
    name.is_some_and(|name| NAMES.iter().any(|known| name == *known))
}

/// Mounts as mount(8) asks.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(asked) => {
            let _ = asked.print();
            return match asked.use_stderr() {
                true => ExitCode::from(WRONG_USAGE),
                false => ExitCode::SUCCESS,
            };
        }
    };
    let mut options = MountOptions::new(arguments.store, arguments.mount_point);
    for given in &arguments.options {
        let applied = match arguments.sloppy {
            true => options.apply_known(given),
            false => options.apply(given),
        };
        if let Err(error) = applied {
            tell(&format!("{}: {error}", NAMES[0]));
            return ExitCode::from(WRONG_USAGE);
        }
    }
    if arguments.fake {
        return ExitCode::SUCCESS;
    }
    match in_background(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("{}: {error:#}", NAMES[0]));
            ExitCode::from(MOUNT_FAILURE)
        }
    }
}
