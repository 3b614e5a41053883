// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate image` and `vexfs-validate image-results`

use std::path::PathBuf;

use anyhow::Result;

use super::output::{COULD_NOT_RUN, print, print_json, print_line};
use crate::bundle::Bundle;
use crate::criteria::Criteria;
use crate::image::{build, report};

/// Make one disk image of a bundle, which any UEFI machine boots and which validates by itself
///
/// The same inputs give the same bytes. This needs only the bundle and the stub, neither root nor other programs.
#[derive(Debug, clap::Args)]
pub struct ImageArgs {
    /// The bundle to put into it
    #[arg(long, value_name = "DIR", default_value = "out/bundle")]
    bundle: PathBuf,
    /// systemd's EFI stub (Debian: package systemd-boot-efi; Nix: ${systemd}/lib/systemd/boot/efi)
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub"
    )]
    stub: PathBuf,
    /// What must be shown [default: the criteria for images of this version]
    #[arg(long, value_name = "FILE")]
    criteria: Option<PathBuf>,
    /// Where to put the image
    #[arg(long, value_name = "FILE", default_value = "out/vexfs.img")]
    out: PathBuf,
}

impl ImageArgs {
    pub fn run(self) -> Result<()> {
        let bundle = Bundle::open(&self.bundle)?;
        let criteria = Criteria::read_for_image(self.criteria.as_deref())?;
        build::build(&bundle, &self.stub, &criteria, &self.out)?;
        print_line(&format!(
            "{}: image of bundle {}",
            self.out.display(),
            bundle.id()
        ))
    }
}

/// Show what came of an image's newest run
///
/// Exit status: that of `vexfs-validate run`; 2 also if the image never ran, 13 also if its run did not come to its
/// end.
#[derive(Debug, clap::Args)]
pub struct ImageResultsArgs {
    /// The image, or the disk that it was written to
    image: PathBuf,
    /// Copy the run's files to this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print bundle, run and verdict as JSON
    #[arg(long)]
    json: bool,
}

impl ImageResultsArgs {
    /// Prints the results and returns the exit status.
    pub fn run(self) -> Result<u8> {
        let report = report::read(&self.image, self.out.as_deref())?;
        if self.json {
            print_json(&report)?;
        } else {
            print_line(&format!(
                "{}: image of bundle {}",
                self.image.display(),
                report.bundle
            ))?;
            match &report.run {
                None => print_line("it never ran: boot a virtual machine with it")?,
                Some(run) if run.complete => print(&format!("{}\n{}", run.name, run.text))?,
                Some(run) => print(&format!(
                    "{} did not come to its end\n{}",
                    run.name, run.text
                ))?,
            }
        }
        Ok(report
            .run
            .map_or(COULD_NOT_RUN, |run| run.verdict.exit_code()))
    }
}
