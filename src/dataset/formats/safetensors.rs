// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hugging Face's safetensors: a JSON header that names tensors, and their elements behind it.

use std::fs::File;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::table::{Table, read_header};
use crate::dataset::ReadError;
use crate::dataset::element::{Element, TYPES};
use crate::dataset::names::{listed, only};
use crate::dataset::rows::{Doubles, Rows};

/// The longest header that the format allows.
const HEADER_AT_MOST: u64 = 100_000_000;

/// Opens the tensor `name`, or the only one with two axes.
pub(super) fn open(
    mut file: File,
    name: Option<&str>,
    doubles: Doubles,
) -> Result<Rows, ReadError> {
    let mut length = [0; 8];
    read_header(&mut file, &mut length)?;
    let length = u64::from_le_bytes(length);
    if length > HEADER_AT_MOST {
        return Err(unreadable("its header is too long"));
    }
    let mut header = vec![0; length as usize];
    read_header(&mut file, &mut header)?;
    let metadata: Metadata =
        serde_json::from_slice(&header).map_err(|error| unreadable(&error.to_string()))?;
    let begin = 8 + length;
    let (end, bytes) = (begin + metadata.data_len() as u64, file.metadata()?.len());
    if end != bytes {
        return Err(unreadable(&format!(
            "its header makes {end} bytes, but it has {bytes}: copy the file anew"
        )));
    }
    let (name, tensor) = choose(&metadata, name)?;
    let &[rows, dim] = tensor.shape.as_slice() else {
        return Err(ReadError::Unsupported(format!(
            "its tensor `{name}` has {} axes; two are needed, rows and elements",
            tensor.shape.len()
        )));
    };
    let element = element(tensor.dtype).ok_or_else(|| {
        ReadError::Unsupported(format!(
            "the elements of its tensor `{name}` are {}; {TYPES}",
            tensor.dtype
        ))
    })?;
    let table = Table {
        offset: begin + tensor.data_offsets.0 as u64,
        rows: rows as u64,
        dim: dim as u64,
        element,
        big_endian: false,
    };
    table.by_rows(file, doubles)
}

fn choose<'a>(
    metadata: &'a Metadata,
    name: Option<&str>,
) -> Result<(String, &'a TensorInfo), ReadError> {
    if let Some(name) = name {
        let tensor = metadata.info(name).ok_or_else(|| {
            ReadError::Unsupported(format!(
                "it has no tensor `{name}`, but {}",
                listed(&metadata.offset_keys())
            ))
        })?;
        return Ok((name.to_owned(), tensor));
    }
    let mut tables = metadata.tensors();
    tables.retain(|_, tensor| tensor.shape.len() == 2);
    let mut names: Vec<String> = tables.keys().cloned().collect();
    names.sort();
    let only = only(&names, &metadata.offset_keys(), "tensor").map_err(ReadError::Unsupported)?;
    let tensor = tables[&only];
    Ok((only, tensor))
}

fn element(kind: Dtype) -> Option<Element> {
    Some(match kind {
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::Bf16,
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        Dtype::I8 => Element::I8,
        Dtype::U8 => Element::U8,
        Dtype::I16 => Element::I16,
        Dtype::U16 => Element::U16,
        Dtype::I32 => Element::I32,
        Dtype::U32 => Element::U32,
        Dtype::I64 => Element::I64,
        Dtype::U64 => Element::U64,
        _ => return None,
    })
}

fn unreadable(why: &str) -> ReadError {
    ReadError::Unsupported(format!("it cannot be read as safetensors: {why}"))
}
