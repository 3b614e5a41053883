// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs dataset import`

use std::path::PathBuf;

use anyhow::ensure;

use super::input::Input;
use crate::cli::vexfs::destination::{Destination, Unwritten};
use crate::cli::vexfs::interruption::Interruption;
use crate::cli::vexfs::output::print_line;
use crate::cli::vexfs::progress::ProgressLine;
use crate::dataset::formats::Format;
use crate::dataset::{ReadError, fvecs};
use crate::system::output::tell;

/// Turn vectors of another format into .fvecs.
///
/// An output that is there is replaced once the new one is whole; until then, and if this is interrupted, it stays as
/// it was. Numbers become f32: 64-bit floats are rounded, and an integer that no f32 equals is refused.
#[derive(clap::Args)]
pub struct Arguments {
    /// Which part of the file: the dataset of an HDF5 file, such as group/name [default: train].
    ///
    /// Else it is the array of an .npz file, the tensor of a safetensors file or the list in each object of JSON lines
    /// [default: the only one].
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// The format of the input [default: what its name ends in].
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The file to read, or - for standard input.
    input: PathBuf,
    /// The .fvecs file to write, or - for standard output.
    output: PathBuf,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let interruption = Interruption::watch()?;
    let output = Destination::of_vectors(&arguments.output)?;
    let input = Input::open(&arguments.input, arguments.format, &interruption)?;
    ensure!(
        !output.is(&input.file().metadata()?),
        "{} is the file that is read: name another one to write",
        arguments.output.display()
    );
    let mut source = input.rows(arguments.dataset.as_deref())?;
    if source.rows == 0 {
        let empty = ReadError::Unsupported("it has no rows".into());
        return Err(input.fault(empty).into());
    }
    let line = ProgressLine::new("importing");
    let mut row = vec![0.0; source.dim];
    let written = output.write(&interruption, |mut writer| {
        for index in 0..source.rows {
            interruption.check()?;
            source
                .read_row(index, &mut row)
                .map_err(|error| Unwritten::Other(input.fault(error).into()))?;
            fvecs::encode_row(&mut writer, &row)?;
            line.show(index as u64 + 1, source.rows as u64);
        }
        Ok(source.rows)
    });
    line.clear();
    let Some(rows) = written? else {
        return Ok(());
    };
    let word = match rows {
        1 => "row",
        _ => "rows",
    };
    let done = format!("{rows} {word} written to {}", arguments.output.display());
    match output.is_standard_output() {
        true => {
            tell(&format!("vexfs: {rows} {word} written"));
            Ok(())
        }
        false => print_line(&done),
    }
}
