// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vector files: what is read back, and what is refused with file, row and reason.

use std::fs;

use proptest::prelude::*;
use tempfile::tempdir;
use vexfs::dataset::{Matrix, ReadError, formats, fvecs};

/// The bytes of rows with the given dimensions, which need not be true.
fn rows(rows: &[(u32, &[f32])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (dim, values) in rows {
        bytes.extend(dim.to_le_bytes());
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
    bytes
}

fn refusal(bytes: &[u8]) -> String {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.fvecs");
    fs::write(&path, bytes).unwrap();
    let message = fvecs::read(&path).unwrap_err().to_string();
    message
        .strip_prefix(&format!("{}: ", path.display()))
        .expect("the file is named")
        .to_owned()
}

#[test]
fn malformed_files_are_refused_with_row_and_reason() {
    let good: (u32, &[f32]) = (2, &[1.0, 2.0]);
    let mut truncated = rows(&[good, good]);
    truncated.pop();
    for (bytes, message) in [
        (truncated, "row 1: the file ends in the middle of the row"),
        (
            rows(&[good])[..3].to_vec(),
            "row 0: the file ends in the middle of the row",
        ),
        (
            rows(&[good, (2, &[])]),
            "row 1: the file ends in the middle of the row",
        ),
        (
            rows(&[good, (3, &[0.0; 3])]),
            "row 1: its dimension is 3, but the rows before it have 2",
        ),
        (
            rows(&[(0, &[])]),
            "row 0: its dimension is 0, but it must be 1 to 65536",
        ),
        (
            rows(&[good, (0, &[])]),
            "row 1: its dimension is 0, but it must be 1 to 65536",
        ),
        (
            rows(&[(65537, &[0.0; 65537])]),
            "row 0: its dimension is 65537, but it must be 1 to 65536",
        ),
        (
            rows(&[good, good, (2, &[0.0, f32::NAN])]),
            "row 2: element 1 is not a number (NaN)",
        ),
        (
            rows(&[(2, &[f32::INFINITY, 0.0])]),
            "row 0: element 0 is infinite",
        ),
        (
            rows(&[(2, &[0.0, f32::NEG_INFINITY])]),
            "row 0: element 1 is infinite",
        ),
    ] {
        let said = refusal(&bytes);
        assert_eq!(said.split("; `").next(), Some(message), "{said}");
    }
}

#[test]
fn the_largest_dimension_is_read() {
    let bytes = rows(&[(65536, &[0.25; 65536])]);
    let matrix = fvecs::decode(bytes.as_slice(), bytes.len() as u64).unwrap();
    assert_eq!((matrix.rows(), matrix.dim()), (1, 65536));
}

#[test]
fn an_empty_file_has_no_rows_and_no_dimension() {
    let matrix = fvecs::decode([].as_slice(), 0).unwrap();
    assert_eq!((matrix.rows(), matrix.dim()), (0, 0));
}

#[test]
fn more_rows_than_can_be_numbered_are_refused_before_they_are_read() {
    let first_row = rows(&[(1, &[0.0])]);
    let size = first_row.len() as u64 * (u64::from(u32::MAX) + 1);
    let error = fvecs::decode(first_row.as_slice(), size).unwrap_err();
    assert!(matches!(error, ReadError::TooManyRows), "{error}");
}

#[test]
fn fbin_is_read_or_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.fbin");
    let read = |rows: u32, dim: u32, values: &[f32]| {
        let values = values.iter().flat_map(|value| value.to_le_bytes());
        let header = [rows, dim].map(u32::to_le_bytes).concat();
        fs::write(&path, [header, values.collect()].concat()).unwrap();
        formats::read(&path).map_err(|error| error.to_string())
    };
    let found = read(3, 2, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    let rows: Vec<&[f32]> = found.iter().collect();
    assert_eq!(rows, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    for (rows, dim, values, message) in [
        (
            2,
            2,
            &[1.0, 2.0, 3.0][..],
            "the rest is missing, so copy the file anew",
        ),
        (
            1,
            2,
            &[1.0, 2.0, 3.0],
            "something follows that would be lost",
        ),
        (
            u32::MAX,
            u32::MAX,
            &[1.0],
            "the rest is missing, so copy the file anew",
        ),
        (
            2,
            2,
            &[1.0, 2.0, 3.0, f32::NAN],
            "row 1: element 1 is not a number (NaN)",
        ),
        (
            1,
            65537,
            &[0.0; 65537],
            "row 0: its dimension is 65537, but it must be 1 to 65536",
        ),
    ] {
        let said = read(rows, dim, values).unwrap_err();
        assert!(said.ends_with(message), "{said}");
    }
    let other = folder.path().join("a.txt");
    fs::rename(&path, &other).unwrap();
    let said = formats::read(&other).unwrap_err().to_string();
    assert!(said.contains("in none of .fvecs,"), "{said}");
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_to_the_bit(
        dim in 1usize..300,
        values in prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO, 0..2000),
    ) {
        let mut matrix = Matrix::new(dim);
        values.chunks_exact(dim).for_each(|row| matrix.push(row));
        let mut bytes = Vec::new();
        fvecs::encode(&mut bytes, &matrix).unwrap();
        prop_assert_eq!(bytes.len(), matrix.rows() * (4 + 4 * dim));
        let read = fvecs::decode(bytes.as_slice(), bytes.len() as u64).unwrap();
        prop_assert!(matrix.is_empty() || read.same_bits(&matrix));
    }

    /// No input makes the decoder do anything but answer.
    #[test]
    fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..400), dim in 0u32..20, size: u64) {
        if let Some(start) = bytes.get_mut(..4) {
            start.copy_from_slice(&dim.to_le_bytes());
        }
        if let Ok(matrix) = fvecs::decode(bytes.as_slice(), size % (1 << 20)) {
            let mut again = Vec::new();
            fvecs::encode(&mut again, &matrix).unwrap();
            prop_assert_eq!(again, bytes);
        }
    }
}
