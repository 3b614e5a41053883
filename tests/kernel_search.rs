// SPDX-License-Identifier: MIT OR Apache-2.0
//! The search of the kernel module, built for user space, against ours: equal to the bit.
//!
//! The module's sources are compiled as they are; `tests/kernel_search/` has the harness and stand-ins for the few kernel
//! headers that they include.

use std::ffi::c_int;
use std::path::Path;
use std::process::Command;

use libloading::{Library, Symbol};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use tempfile::TempDir;
use vexfs::anns::distance::Backend;
use vexfs::anns::{Hit, flat};
use vexfs::dataset::Matrix;

/// `struct vexfs_scan`.
#[repr(C)]
struct Scan {
    query: *const f32,
    rows: *const f32,
    stride: u32,
    count: u32,
    first: u32,
    limit: u32,
}

type ScanFn = unsafe extern "C" fn(&Scan, *mut u64) -> u32;
type SearchFn = unsafe extern "C" fn(ScanFn, &Scan, u32, *mut u64) -> c_int;

const NO_LIMIT: u32 = 0x7fff_ffff;

/// Which of our implementations runs on the same CPUs, the name and the compiler's flags.
const IMPLEMENTATIONS: [(Backend, &str, &[&str]); 4] = [
    (Backend::Scalar, "scalar", &[]),
    (Backend::Sse2, "sse2", &[]),
    (Backend::Avx2, "avx2", &["-mavx2"]),
    (Backend::Avx512, "avx512", &["-mavx512f"]),
];

/// The compiled sources.
struct KernelSearch {
    library: Library,
    _directory: TempDir,
}

impl KernelSearch {
    fn build() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let directory = tempfile::tempdir().expect("a directory for the objects");
        let harness = root.join("tests/kernel_search");
        let gcc = |arguments: &[&str], output: &str| {
            let output = directory.path().join(output);
            let status = Command::new("gcc")
                .args(["-std=gnu11", "-O2", "-Wall", "-Werror", "-fPIC"])
                .args(["-fno-strict-aliasing", "-ffp-contract=off"])
                .arg("-I")
                .arg(harness.join("shim"))
                .arg("-I")
                .arg(root.join("kernel"))
                .args(arguments)
                .arg("-o")
                .arg(&output)
                .status()
                .expect("gcc runs");
            assert!(status.success(), "gcc {arguments:?}: {status}");
            output.to_str().expect("a path in UTF-8").to_owned()
        };
        let source = |path: &str| {
            root.join(path)
                .to_str()
                .expect("a path in UTF-8")
                .to_owned()
        };

        let mut inputs = vec![
            source("tests/kernel_search/harness.c"),
            source("kernel/flat.c"),
            source("kernel/topk.c"),
        ];
        for (_, name, flags) in IMPLEMENTATIONS {
            let file = source(&format!("kernel/distance_{name}.c"));
            let arguments = [&["-c", &file], flags].concat();
            inputs.push(gcc(&arguments, &format!("{name}.o")));
        }
        inputs.push("-shared".to_owned());
        let arguments: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let library = gcc(&arguments, "libkernel_search.so");

        // SAFETY: the library is ours and has no initialisers.
        let library = unsafe { Library::new(library) }.expect("the library loads");
        KernelSearch {
            library,
            _directory: directory,
        }
    }

    /// The scans that this machine can run.
    fn scans(&self) -> Vec<(&'static str, ScanFn)> {
        IMPLEMENTATIONS
            .into_iter()
            .filter(|(backend, name, _)| {
                let runs = backend.runs_here();
                if !runs {
                    println!("not run: {name}, which this machine does not have");
                }
                runs
            })
            .map(|(_, name, _)| {
                let symbol = format!("vexfs_scan_{name}");
                // SAFETY: the type is that of kernel/distance.h.
                let scan: Symbol<ScanFn> =
                    unsafe { self.library.get(symbol.as_bytes()) }.expect("the scan is there");
                (name, *scan)
            })
            .collect()
    }

    /// A flat search by one scan, or the errno.
    fn search(
        &self,
        scan: ScanFn,
        rows: &Matrix,
        query: &[f32],
        k: usize,
    ) -> Result<Vec<Hit>, i32> {
        let query = Matrix::from_row(query);
        let arguments = arguments(&query, rows, 0..rows.rows(), 0);
        let mut keys = vec![0; k];
        // SAFETY: the type is that of the harness, and `keys` has room for `k`.
        let count = unsafe {
            let search: Symbol<SearchFn> = self
                .library
                .get(b"harness_search")
                .expect("the search is there");
            search(scan, &arguments, k as u32, keys.as_mut_ptr())
        };
        let count = usize::try_from(count).map_err(|_| -count)?;
        Ok(keys[..count].iter().copied().map(Hit::from).collect())
    }
}

fn arguments(query: &Matrix, rows: &Matrix, range: std::ops::Range<usize>, limit: u32) -> Scan {
    Scan {
        query: query.padded().as_ptr(),
        rows: rows.padded()[range.start * rows.stride()..].as_ptr(),
        stride: rows.stride() as u32,
        count: range.len() as u32,
        first: range.start as u32,
        limit,
    }
}

/// Runs one scan over a range of rows.
fn scan(
    scan: ScanFn,
    query: &Matrix,
    rows: &Matrix,
    range: std::ops::Range<usize>,
    limit: u32,
) -> Vec<u64> {
    let arguments = arguments(query, rows, range, limit);
    let mut keys = vec![0; arguments.count as usize];
    // SAFETY: query and rows are aligned, padded and outlive the call, and `keys` has room for all rows.
    let found = unsafe { scan(&arguments, keys.as_mut_ptr()) };
    keys.truncate(found as usize);
    keys
}

/// A finite number of any magnitude: zeros of both signs, subnormals, numbers whose squares overflow, and ordinary ones.
fn any_finite(random: &mut Pcg64) -> f32 {
    let bits = random.next_u32();
    let sign_and_fraction = bits & 0x807f_ffff;
    match random.next_u32() % 16 {
        0 => f32::from_bits(bits & 0x8000_0000),
        1 => f32::from_bits(sign_and_fraction),
        2 => f32::from_bits(sign_and_fraction | (1 + bits % 254) << 23),
        _ => f32::from_bits(sign_and_fraction | (124 + bits % 8) << 23),
    }
}

fn matrix(rows: usize, dim: usize, mut value: impl FnMut() -> f32) -> Matrix {
    let mut matrix = Matrix::new(dim);
    for _ in 0..rows {
        let row: Vec<f32> = (0..dim).map(|_| value()).collect();
        matrix.push(&row);
    }
    matrix
}

/// What `docs/arithmetic.md` says, by our own reference.
fn reference(query: &Matrix, rows: &Matrix) -> Vec<u64> {
    let mut hits = flat::search_with(Backend::Scalar, rows, query.row(0), rows.rows());
    hits.sort_by_key(|hit| hit.row);
    hits.iter()
        .map(|hit| u64::from(hit.distance) << 32 | u64::from(hit.row))
        .collect()
}

/// One test builds the library, so that the others need not wait for gcc once more.
#[test]
fn the_kernels_search_gives_our_bits() {
    let kernel = KernelSearch::build();
    every_dimension(&kernel);
    limits(&kernel);
    searches(&kernel);
    killed(&kernel);
}

/// Every dimension, with a number of rows that exercises whole steps and each remainder.
fn every_dimension(kernel: &KernelSearch) {
    let mut random = Pcg64::seed_from_u64(1);
    for dim in 1..=1030 {
        let count = 1 + dim % 19;
        let rows = matrix(count, dim, || any_finite(&mut random));
        let query = matrix(1, dim, || any_finite(&mut random));
        let expected = reference(&query, &rows);
        for (name, function) in kernel.scans() {
            let found = scan(function, &query, &rows, 0..count, NO_LIMIT);
            assert_eq!(found, expected, "{name}, dimension {dim}, {count} rows");
        }
    }
}

/// A scan keeps exactly the rows below its limit, wherever it begins.
fn limits(kernel: &KernelSearch) {
    let mut random = Pcg64::seed_from_u64(2);
    let rows = matrix(100, 33, || any_finite(&mut random));
    let query = matrix(1, 33, || any_finite(&mut random));
    let all = reference(&query, &rows);
    for limit in all.iter().map(|key| (key >> 32) as u32) {
        let start = random.next_u32() as usize % 40;
        let range = start..start + random.next_u32() as usize % 60;
        let expected: Vec<u64> = all[range.clone()]
            .iter()
            .copied()
            .filter(|key| (key >> 32) < u64::from(limit))
            .collect();
        for (name, function) in kernel.scans() {
            let found = scan(function, &query, &rows, range.clone(), limit);
            assert_eq!(found, expected, "{name}, rows {range:?}, limit {limit:#x}");
        }
    }
}

/// Whole searches over more than a batch, with few distinct distances and hence many ties.
fn searches(kernel: &KernelSearch) {
    let mut random = Pcg64::seed_from_u64(3);
    for (count, dim) in [(1, 1), (7, 16), (256, 3), (257, 128), (3000, 4), (70, 4000)] {
        let rows = matrix(count, dim, || (random.next_u32() % 3) as f32);
        let query: Vec<f32> = (0..dim).map(|_| (random.next_u32() % 3) as f32).collect();
        for k in [1, 2, 10, 255, 2000] {
            let k = k.min(count);
            let expected = flat::search(&rows, &query, k);
            for (name, function) in kernel.scans() {
                let hits = kernel.search(function, &rows, &query, k).expect("a search");
                assert_eq!(hits, expected, "{name}, {count} rows of {dim}, k {k}");
            }
        }
    }
}

/// A search whose caller has been killed ends with `EINTR`.
fn killed(kernel: &KernelSearch) {
    let rows = matrix(1000, 1000, || 1.0);
    let (_, function) = kernel.scans()[0];
    // SAFETY: the harness has this variable, and no search runs meanwhile.
    let set = |value: c_int| unsafe {
        let killed: Symbol<*mut c_int> = kernel.library.get(b"killed").expect("the flag is there");
        **killed = value;
    };
    set(1);
    assert_eq!(
        kernel.search(function, &rows, rows.row(0), 1),
        Err(libc::EINTR)
    );
    set(0);
    assert!(kernel.search(function, &rows, rows.row(0), 1).is_ok());
}
