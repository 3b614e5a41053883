// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers as text: JSON lines, and values separated by commas or tabs. Each number becomes the nearest f32.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek};

use csv::{ReaderBuilder, StringRecord};
use serde_json::Value;

use crate::dataset::ReadError;
use crate::dataset::rows::Rows;

/// Opens a file with a vector on each line, which is a list of numbers, or an object of which `name` is one. Without a
/// name, the object must have one list only.
pub(super) fn open_json(mut file: File, name: Option<&str>) -> Result<Rows, ReadError> {
    let mut rows = 0;
    let mut first = None;
    let mut lines = Lines::new(file.try_clone()?);
    while let Some((number, line)) = lines.next()? {
        rows += 1;
        if first.is_none() {
            first = Some(vector(line, number, name)?.len());
        }
    }
    let dim = first.ok_or_else(no_rows)?;
    file.rewind()?;
    let mut lines = Lines::new(file);
    let name = name.map(str::to_owned);
    let read = move |_: usize, row: &mut [f32]| {
        let (number, line) = lines.next()?.ok_or_else(shorter)?;
        let found = vector(line, number, name.as_deref())?;
        copy(&found, row, number)
    };
    Rows::new(rows, dim as u64, Box::new(read))
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The lines of a file that are not blank.
struct Lines {
    input: BufReader<File>,
    line: String,
    /// The number of the line that was read last, from 1 on.
    number: u64,
}

impl Lines {
    fn new(file: File) -> Self {
        Lines {
            input: BufReader::with_capacity(256 << 10, file),
            line: String::new(),
            number: 0,
        }
    }

    /// The next one and its number.
    fn next(&mut self) -> Result<Option<(u64, &str)>, ReadError> {
        loop {
            self.line.clear();
            self.number += 1;
            if self.input.read_line(&mut self.line)? == 0 {
                return Ok(None);
            }
            // What some editors put in front of a text.
            if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
                self.line.drain(..BYTE_ORDER_MARK.len_utf8());
            }
            if !self.line.trim().is_empty() {
                return Ok(Some((self.number, &self.line)));
            }
        }
    }
}

/// The vector on a line.
fn vector(line: &str, number: u64, name: Option<&str>) -> Result<Vec<f32>, ReadError> {
    let wrong = |what: String| ReadError::Unsupported(format!("line {number}: {what}"));
    let value: Value =
        serde_json::from_str(line).map_err(|error| wrong(format!("it is no JSON: {error}")))?;
    let list = match (&value, name) {
        (Value::Array(list), None) => list,
        (Value::Object(object), Some(name)) => match object.get(name) {
            Some(Value::Array(list)) => list,
            _ => return Err(wrong(format!("it has no list `{name}`"))),
        },
        (Value::Object(object), None) => {
            let lists: Vec<_> = object
                .iter()
                .filter_map(|(_, value)| value.as_array())
                .collect();
            match lists.as_slice() {
                &[only] => only,
                all => {
                    return Err(wrong(format!(
                        "it is an object with {} lists: name one by `vexfs dataset import --dataset NAME`",
                        all.len()
                    )));
                }
            }
        }
        _ => {
            return Err(wrong(
                "it is neither a list of numbers nor an object with one".into(),
            ));
        }
    };
    let numbers = list.iter().enumerate().map(|(at, value)| {
        let number = value.as_f64().map(|number| number as f32);
        number.ok_or_else(|| wrong(format!("element {at} is no number: {value}")))
    });
    numbers.collect()
}

/// Opens a file of numbers that `separator` separates. A first line without any number names the columns.
pub(super) fn open_separated(mut file: File, separator: u8) -> Result<Rows, ReadError> {
    let mut records = Records::new(file.try_clone()?, separator);
    let mut rows = 0;
    let mut dim = None;
    let mut named = false;
    while records.next()? {
        let numbers = records
            .record
            .iter()
            .filter(|field| number(field).is_some());
        if dim.is_none() && !named && numbers.count() == 0 {
            named = true;
            continue;
        }
        dim.get_or_insert(records.record.len());
        rows += 1;
    }
    let dim = dim.ok_or_else(no_rows)?;
    file.rewind()?;
    let mut records = Records::new(file, separator);
    if named {
        records.next()?;
    }
    let mut found = Vec::new();
    let read = move |_: usize, row: &mut [f32]| {
        if !records.next()? {
            return Err(shorter());
        }
        let line = records.line();
        found.clear();
        for (at, field) in records.record.iter().enumerate() {
            found.push(number(field).ok_or_else(|| {
                ReadError::Unsupported(format!(
                    "line {line}: column {} is no number: `{field}`",
                    at + 1
                ))
            })?);
        }
        copy(&found, row, line)
    };
    Rows::new(rows, dim as u64, Box::new(read))
}

struct Records {
    reader: csv::Reader<File>,
    record: StringRecord,
}

impl Records {
    fn new(file: File, separator: u8) -> Self {
        let reader = ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(file);
        Records {
            reader,
            record: StringRecord::new(),
        }
    }

    fn next(&mut self) -> Result<bool, ReadError> {
        self.reader.read_record(&mut self.record).map_err(|error| {
            let said = error.to_string();
            match error.into_kind() {
                csv::ErrorKind::Io(error) => ReadError::Io(error),
                _ => ReadError::Unsupported(format!("it cannot be read as text: {said}")),
            }
        })
    }

    fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }
}

fn number(field: &str) -> Option<f32> {
    field.trim().parse().ok()
}

fn copy(found: &[f32], row: &mut [f32], line: u64) -> Result<(), ReadError> {
    if found.len() != row.len() {
        return Err(ReadError::Unsupported(format!(
            "line {line}: it has {} elements, but the lines before have {}",
            found.len(),
            row.len()
        )));
    }
    row.copy_from_slice(found);
    Ok(())
}

fn no_rows() -> ReadError {
    ReadError::Unsupported("it has no rows".into())
}

fn shorter() -> ReadError {
    ReadError::Unsupported("it became shorter while it was read".into())
}
