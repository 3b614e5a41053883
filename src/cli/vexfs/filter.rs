// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--filter`: the rows that a search may find, from a file.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use npyz::{DType, NpyFile, TypeChar};

use crate::anns::Filter;

/// What a file in NumPy's format begins with.
const NPY: &[u8] = b"\x93NUMPY";

#[derive(clap::Args)]
pub struct FilterArgs {
    /// Find no other rows than those in FILE: their numbers as text, from 0, between white space or commas; or a .npy
    /// of integers, the numbers, or of booleans, one for each row. `-` is standard input.
    #[arg(long, value_name = "FILE")]
    filter: Option<PathBuf>,
}

impl FilterArgs {
    pub fn read(&self) -> anyhow::Result<Option<Filter>> {
        let read = |path: &PathBuf| {
            let rows = read_file(path).and_then(|bytes| parse(&bytes));
            let rows = rows.with_context(|| format!("cannot take the filter {}", path.display()));
            Ok(Filter::of_rows(&rows?))
        };
        self.filter.as_ref().map(read).transpose()
    }
}

fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match path.to_str() {
        Some("-") => io::stdin().read_to_end(&mut bytes).map(drop)?,
        _ => bytes = fs::read(path)?,
    }
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> anyhow::Result<Vec<u32>> {
    match bytes.starts_with(NPY) {
        true => of_npy(bytes),
        false => of_text(bytes),
    }
}

fn of_text(bytes: &[u8]) -> anyhow::Result<Vec<u32>> {
    let text = str::from_utf8(bytes).context("it is neither text nor NumPy's format")?;
    let mut rows = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let words = line.split(|c: char| c.is_whitespace() || c == ',');
        for word in words.filter(|word| !word.is_empty()) {
            let row = word.parse();
            rows.push(row.map_err(|_| anyhow!("{word:?} in line {} is no row", number + 1))?);
        }
    }
    Ok(rows)
}

fn of_npy(bytes: &[u8]) -> anyhow::Result<Vec<u32>> {
    let npy = NpyFile::new(bytes)?;
    let kind = match npy.dtype() {
        DType::Plain(kind) => kind,
        _ => bail!("its elements are neither integers nor booleans"),
    };
    match (kind.type_char(), kind.num_bytes().unwrap_or_default()) {
        (TypeChar::Bool, _) => {
            let chosen = npy.into_vec::<bool>()?;
            let rows = (0..).zip(chosen).filter(|(_, chosen)| *chosen);
            Ok(rows.map(|(row, _)| row).collect())
        }
        (TypeChar::Int, 1) => numbers::<i8>(npy),
        (TypeChar::Int, 2) => numbers::<i16>(npy),
        (TypeChar::Int, 4) => numbers::<i32>(npy),
        (TypeChar::Int, 8) => numbers::<i64>(npy),
        (TypeChar::Uint, 1) => numbers::<u8>(npy),
        (TypeChar::Uint, 2) => numbers::<u16>(npy),
        (TypeChar::Uint, 4) => numbers::<u32>(npy),
        (TypeChar::Uint, 8) => numbers::<u64>(npy),
        _ => bail!("its elements are neither integers nor booleans"),
    }
}

fn numbers<T: npyz::Deserialize + TryInto<u32> + Copy + std::fmt::Display>(
    npy: NpyFile<&[u8]>,
) -> anyhow::Result<Vec<u32>> {
    let row = |number: T| number.try_into().map_err(|_| anyhow!("{number} is no row"));
    npy.into_vec::<T>()?.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use npyz::WriterBuilder;

    use super::*;

    fn npy<T: npyz::AutoSerialize + Clone>(elements: &[T]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let shape = [elements.len() as u64];
        let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
        let mut writer = options.writer(&mut bytes).begin_nd().unwrap();
        writer.extend(elements.iter().cloned()).unwrap();
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn rows_are_read_from_each_format() {
        for bytes in [
            b"3 1,\n2".to_vec(),
            npy(&[3i64, 1, 2]),
            npy(&[3u8, 1, 2]),
            npy(&[3i16, 1, 2]),
        ] {
            assert_eq!(parse(&bytes).unwrap(), [3, 1, 2]);
        }
        assert_eq!(parse(&npy(&[false, true, true])).unwrap(), [1, 2]);
        assert_eq!(parse(b"").unwrap(), [] as [u32; 0]);
    }

    #[test]
    fn what_is_no_row_is_named() {
        let refused = |bytes: &[u8]| parse(bytes).unwrap_err().to_string();
        assert_eq!(refused(b"1\n2 x"), r#""x" in line 2 is no row"#);
        assert_eq!(
            refused(b"4294967296"),
            r#""4294967296" in line 1 is no row"#
        );
        assert_eq!(refused(&npy(&[-1i32])), "-1 is no row");
        assert_eq!(
            refused(&npy(&[1.0f32])),
            "its elements are neither integers nor booleans"
        );
        assert_eq!(
            refused(&[0xff, 0xfe]),
            "it is neither text nor NumPy's format"
        );
    }
}
