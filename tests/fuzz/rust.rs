// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers an input of the fuzzer: the Rust side of `input.h`.

use std::slice;

use vexfs::anns::index::{Bytes, Index, Kind};
use vexfs::dataset::Matrix;

/// A case, laid out as `struct fuzz_case`.
#[repr(C)]
pub struct Case {
    file: *const u8,
    size: usize,
    kind: u32,
    dim: u32,
    rows: u32,
    elements: *const f32,
    query: *const f32,
    k: u32,
    effort: u32,
}

/// An answer, laid out as `struct fuzz_answer`.
#[repr(C)]
pub struct Found {
    accepted: u32,
    stale: u32,
    evaluated: u64,
    count: u32,
    hits: [[u32; 2]; 64],
}

/// Reads the file of a case and searches by it.
///
/// # Safety
///
/// The pointers of `case` are good for what its sizes say, and the answer is all zeros.
pub unsafe extern "C" fn run(case: &Case, found: &mut Found) {
    // SAFETY: the caller's promise.
    let (file, elements, query) = unsafe {
        let dim = case.dim as usize;
        let elements = match case.rows {
            0 => &[],
            rows => slice::from_raw_parts(case.elements, rows as usize * dim),
        };
        let query = match case.rows {
            0 => &[],
            _ => slice::from_raw_parts(case.query, dim),
        };
        let file = slice::from_raw_parts(case.file, case.size);
        (file, elements, query)
    };
    let kind = Kind::from_code(case.kind).expect("a kind");
    let bytes = Bytes::copy_of(file).expect("memory for a small file");
    let Ok(index) = Index::parse(bytes, kind) else {
        return;
    };
    found.accepted = 1;
    if case.rows == 0 {
        return;
    }
    let mut rows = Matrix::new(case.dim as usize);
    for row in elements.chunks_exact(case.dim as usize) {
        rows.push(row);
    }
    found.stale = index.check_rows(&rows).is_err().into();
    let answer = index.search(&rows, query, case.k as usize, case.effort);
    found.evaluated = answer.evaluated;
    found.count = answer.hits.len() as u32;
    for (found, hit) in found.hits.iter_mut().zip(&answer.hits) {
        *found = [hit.row, hit.distance];
    }
}
