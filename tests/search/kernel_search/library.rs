// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's sources as libraries: compiled once, loaded once for each vector register width.

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr::null;
use std::sync::LazyLock;

use libloading::{Library, Symbol};
use tempfile::TempDir;
use vexfs::anns::index::Kind;
use vexfs::anns::{Filter, Hit, Metric};
use vexfs::dataset::Matrix;

/// The sources that are compiled like the module's other files.
const PLAIN: &[&str] = &[
    "search/rows",
    "search/search",
    "search/among",
    "search/filter",
    "search/rerank",
    "search/topk",
    "search/select",
    "search/sums",
    "search/scratch",
    "simd/simd",
    "search/loader",
    "search/array_check",
    "search/prepare",
    "search/hnsw",
    "search/ivf",
    "search/pq",
    "search/lsh",
];
/// The sources that are compiled with the module's flags for floats, and those of the width (`kernel/Kbuild`).
const FLOAT: &[(&[&str], &[&str])] = &[
    (
        &[
            "simd/distance_scalar",
            "simd/code_scalar",
            "simd/pq_scan_scalar",
            "search/query",
        ],
        &[],
    ),
    (&["simd/distance_sse2", "simd/code_sse2"], &[]),
    (
        &["simd/distance_avx2", "simd/code_avx2", "simd/pq_scan_avx2"],
        &["-mavx2"],
    ),
    (
        &[
            "simd/distance_avx512",
            "simd/code_avx512",
            "simd/pq_scan_avx512",
        ],
        &["-mavx512f", "-mavx512bw"],
    ),
    (
        &["simd/code_vnni"],
        &["-mavx512f", "-mavx512bw", "-mavx512vnni"],
    ),
];
const FLOAT_FLAGS: &[&str] = &["-ffp-contract=off", "-fno-math-errno"];

/// The implementations, numbered as the harness does.
const WIDTHS: [&str; 5] = ["scalar", "SSE2", "AVX2", "AVX-512", "AVX-512 VNNI"];

/// Compiles the kernel's sources, the harness and `others` into `output`.
pub fn compile(others: &[&str], flags: &[&str], output: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let gcc = |sources: &[PathBuf], more: &[&str], output: &Path| {
        let mut gcc = Command::new("gcc");
        gcc.args(["-std=gnu11", "-O2", "-Wall", "-Werror", "-fPIC"]);
        gcc.arg("-fno-strict-aliasing");
        for directory in [
            "tests/support/kernel/shim",
            "tests/support/kernel",
            "kernel",
        ] {
            gcc.arg("-I").arg(root.join(directory));
        }
        gcc.args(flags).args(more).args(sources);
        let status = gcc.arg("-o").arg(output).status().expect("gcc runs");
        assert!(status.success(), "gcc {sources:?}: {status}");
    };
    let source = |name: &&str| root.join("kernel").join(name).with_extension("c");

    let objects = tempfile::tempdir().expect("a directory for the objects");
    let mut inputs: Vec<_> = PLAIN.iter().map(source).collect();
    inputs.push(root.join("tests/support/kernel/harness.c"));
    inputs.extend(others.iter().map(|other| root.join(other)));
    for (names, width) in FLOAT {
        for name in *names {
            let object = objects
                .path()
                .join(name.replace('/', "-"))
                .with_extension("o");
            gcc(
                &[source(name)],
                &[FLOAT_FLAGS, width, &["-c"]].concat(),
                &object,
            );
            inputs.push(object);
        }
    }
    gcc(&inputs, &[], output);
}

/// The kernel's search with one implementation of its inner loops.
pub struct Kernel {
    pub name: &'static str,
    library: Library,
}

/// All implementations that this machine can run. Those that it cannot run are named: their agreement is not shown by a
/// pass.
pub fn kernels() -> &'static [Kernel] {
    static KERNELS: LazyLock<(Vec<Kernel>, TempDir)> = LazyLock::new(|| {
        let directory = tempfile::tempdir().expect("a directory for the libraries");
        let library = directory.path().join("libkernel_search.so");
        compile(&[], &["-shared"], &library);
        let mut kernels = Vec::new();
        for (width, name) in (0..).zip(WIDTHS) {
            // A copy of its own has variables of its own.
            let copy = directory.path().join(format!("{width}.so"));
            std::fs::copy(&library, &copy).expect("the library is copied");
            let kernel = Kernel::load(name, &copy);
            let taken: c_int = kernel.call(b"harness_use", |harness_use: UseFn| {
                // SAFETY: nobody searches by this library yet.
                unsafe { harness_use(width) }
            });
            assert_eq!(taken, 0, "the module takes {name} into service");
            if kernel.in_use() == name {
                kernels.push(kernel);
            } else {
                println!("not run: {name}, which this machine does not have");
            }
        }
        (kernels, directory)
    });
    &KERNELS.0
}

type UseFn = unsafe extern "C" fn(c_int) -> c_int;
type ParseFn = unsafe extern "C" fn(*const u8, usize, u32) -> *mut c_void;
type FreeFn = unsafe extern "C" fn(*mut c_void);
type CheckRowsFn = unsafe extern "C" fn(*const c_void, &Rows) -> c_int;
type CompareFn = unsafe extern "C" fn(*const c_void, &Rows, u32, u32, *mut u64) -> c_int;
type InverseFn = unsafe extern "C" fn(&Rows, *mut u32) -> c_int;
type SearchFn = unsafe extern "C" fn(*mut c_void, &Rows, &Query, u32, *mut u64, *mut u64) -> c_int;

/// Rows, laid out as `struct vexfs_rows`.
#[repr(C)]
struct Rows {
    elements: *const f32,
    inverse: *const u32,
    pieces: *const Piece,
    dim: u32,
    stride: u32,
    rows: u32,
    shift: u32,
}

/// Rows of one piece, laid out as `struct vexfs_piece`.
#[repr(C)]
struct Piece {
    elements: *const f32,
    inverse: *const u32,
}

/// A query, laid out as `struct vexfs_query`.
#[repr(C)]
struct Query {
    elements: *const f32,
    metric: u32,
    effort: u32,
    filter: *const RawFilter,
    /// `struct vexfs_changes`: covered rows and changed ones, then the words.
    changes: *const u64,
}

/// A filter, laid out as `struct vexfs_filter`.
#[repr(C)]
struct RawFilter {
    words: *const u64,
    before: *const u32,
    count: u32,
    rows: u32,
}

/// Covered rows that have changed.
pub struct RawChanges {
    words: Vec<u64>,
}

impl RawChanges {
    pub fn rows(&self) -> usize {
        (self.words[0] >> 32) as usize
    }
}

/// `struct harness`: what happens to the calling thread.
#[repr(C)]
pub struct State {
    fpu_in_use: c_int,
    pub live: c_long,
    pub allocations: u64,
    pub fail: u64,
    pub looks: u64,
    pub kill: u64,
    log: [c_char; 256],
}

/// An index that the kernel's loader has accepted.
pub struct Index<'a> {
    kernel: &'a Kernel,
    index: *mut c_void,
}

// SAFETY: any number of searches may use an index at the same time.
unsafe impl Sync for Index<'_> {}

/// Rows as the kernel sees them.
pub struct Packed<'a> {
    rows: &'a Matrix,
    inverse: Vec<u32>,
    /// Where they lie in pieces, those and their inverse lengths: as many rows to a piece as `shift` says.
    pieces: Vec<(Matrix, Vec<u32>)>,
    table: Vec<Piece>,
    shift: u32,
}

/// Keys, and how many distances were computed in full; or an errno.
pub type Found = Result<(Vec<Hit>, u64), i32>;

impl Kernel {
    fn load(name: &'static str, library: &Path) -> Self {
        // SAFETY: the library is ours and has no initialisers.
        let library = unsafe { Library::new(library) }.expect("the library loads");
        Kernel { name, library }
    }

    /// A kernel that has another source as well, and chooses an implementation by itself.
    pub fn alone(other: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the library");
        let library = directory.path().join("libkernel_search.so");
        compile(&[other], &["-shared"], &library);
        Kernel::load("any", &library)
    }

    pub fn call<F: Copy, R>(&self, name: &[u8], call: impl FnOnce(F) -> R) -> R {
        // SAFETY: the types above are those of the harness.
        let function: Symbol<F> = unsafe { self.library.get(name) }.expect("the function is there");
        call(*function)
    }

    fn in_use(&self) -> &str {
        self.call(
            b"harness_in_use",
            |in_use: unsafe extern "C" fn() -> *const c_char| {
                // SAFETY: the name is a constant.
                unsafe { CStr::from_ptr(in_use()) }.to_str().expect("ASCII")
            },
        )
    }

    /// The state of this thread. Not to be held across a call.
    #[expect(clippy::mut_from_ref, reason = "it is the thread's, not the library's")]
    pub fn state(&self) -> &mut State {
        self.call(
            b"harness_state",
            |state: unsafe extern "C" fn() -> *mut State| {
                // SAFETY: it is a variable of this thread.
                unsafe { &mut *state() }
            },
        )
    }

    /// The last line of the kernel log.
    pub fn log(&self) -> String {
        // SAFETY: the harness ends it with a zero.
        unsafe { CStr::from_ptr(self.state().log.as_ptr()) }
            .to_string_lossy()
            .into_owned()
    }

    pub fn parse(&self, file: &[u8], kind: Kind) -> Result<Index<'_>, i32> {
        let index = self.call(b"harness_parse", |parse: ParseFn| {
            // SAFETY: the file outlives the call.
            unsafe { parse(file.as_ptr(), file.len(), kind.code()) }
        });
        match -(index as isize) {
            errno @ 1..4096 => Err(errno as i32),
            _ => Ok(Index {
                kernel: self,
                index,
            }),
        }
    }

    pub fn pack<'a>(&self, rows: &'a Matrix) -> Packed<'a> {
        let mut inverse = vec![0; rows.rows()];
        let packed = Packed::whole(rows, Vec::new());
        let err = self.call(b"vexfs_inverse_lengths", |inverses: InverseFn| {
            // SAFETY: there is room for one element a row.
            unsafe { inverses(&packed.raw(), inverse.as_mut_ptr()) }
        });
        assert_eq!(err, 0);
        Packed::whole(rows, inverse)
    }

    /// Packs rows in pieces of `1 << shift` rows that lie anywhere. Nothing is behind the last row.
    pub fn pack_in_pieces<'a>(&self, rows: &'a Matrix, shift: u32) -> Packed<'a> {
        let mut packed = self.pack(rows);
        for first in (0..rows.rows()).step_by(1 << shift) {
            let of_piece = first..rows.rows().min(first + (1 << shift));
            let mut piece = Matrix::new(rows.dim());
            of_piece.clone().for_each(|row| piece.push(rows.row(row)));
            packed
                .pieces
                .push((piece, packed.inverse[of_piece].to_vec()));
        }
        packed.table = packed.pieces.iter().map(Piece::new).collect();
        packed.shift = shift;
        packed
    }

    pub fn flat(&self, rows: &Packed, metric: Metric, query: &[f32], k: usize) -> Found {
        self.flat_filtered(rows, metric, query, k, None)
    }

    pub fn flat_filtered(
        &self,
        rows: &Packed,
        metric: Metric,
        query: &[f32],
        k: usize,
        filter: Option<&Filter>,
    ) -> Found {
        let filter = (filter, None);
        self.search(std::ptr::null_mut(), rows, metric, query, k, 0, filter)
    }

    #[expect(clippy::too_many_arguments, reason = "it is the C function")]
    fn search(
        &self,
        index: *mut c_void,
        rows: &Packed,
        metric: Metric,
        query: &[f32],
        k: usize,
        effort: u32,
        (filter, changes): (Option<&Filter>, Option<&RawChanges>),
    ) -> Found {
        let query = Matrix::from_row(query);
        let before: Vec<u32> = filter.map_or_else(Vec::new, |filter| {
            let blocks = (0..filter.words().len()).step_by(64);
            blocks.map(|word| filter.below(word * 64) as u32).collect()
        });
        let filter = filter.map(|filter| RawFilter {
            words: filter.words().as_ptr(),
            before: before.as_ptr(),
            count: filter.words().len() as u32,
            rows: filter.below(usize::MAX) as u32,
        });
        let query = Query {
            elements: query.padded().as_ptr(),
            metric: metric.code(),
            effort,
            filter: filter.as_ref().map_or(null(), std::ptr::from_ref),
            changes: changes.map_or(null(), |changes| changes.words.as_ptr()),
        };
        let (mut keys, mut evaluated) = (vec![0u64; k], 0);
        let count = self.call(b"harness_search", |search: SearchFn| {
            let (keys, raw) = (keys.as_mut_ptr(), rows.raw());
            // SAFETY: query and rows are aligned, padded and outlive the call; there is room for `k` keys.
            unsafe { search(index, &raw, &query, k as u32, keys, &mut evaluated) }
        });
        let count = usize::try_from(count).map_err(|_| -count)?;
        Ok((
            keys[..count].iter().copied().map(Hit::from).collect(),
            evaluated,
        ))
    }
}

impl Piece {
    fn new((rows, inverse): &(Matrix, Vec<u32>)) -> Self {
        Piece {
            elements: rows.padded().as_ptr(),
            inverse: inverse.as_ptr(),
        }
    }
}

impl<'a> Packed<'a> {
    fn whole(rows: &'a Matrix, inverse: Vec<u32>) -> Self {
        Packed {
            rows,
            inverse,
            pieces: Vec::new(),
            table: Vec::new(),
            shift: 0,
        }
    }

    fn raw(&self) -> Rows {
        let (elements, inverse, pieces) = match self.table.is_empty() {
            true => (self.rows.padded().as_ptr(), self.inverse.as_ptr(), null()),
            false => (null(), null(), self.table.as_ptr()),
        };
        Rows {
            elements,
            inverse,
            pieces,
            shift: self.shift,
            dim: self.rows.dim() as u32,
            stride: self.rows.stride() as u32,
            rows: self.rows.rows() as u32,
        }
    }
}

impl Index<'_> {
    /// Checks the rows of an index: 0 or an errno.
    pub fn check_rows(&self, rows: &Packed) -> i32 {
        -self
            .kernel
            .call(b"vexfs_index_check_rows", |check: CheckRowsFn| {
                // SAFETY: index and rows outlive the call.
                unsafe { check(self.index, &rows.raw()) }
            })
    }

    pub fn search(
        &self,
        rows: &Packed,
        metric: Metric,
        query: &[f32],
        k: usize,
        effort: u32,
    ) -> Found {
        self.search_among(rows, metric, query, k, effort, (None, None))
    }

    pub fn search_among(
        &self,
        rows: &Packed,
        metric: Metric,
        query: &[f32],
        k: usize,
        effort: u32,
        among: (Option<&Filter>, Option<&RawChanges>),
    ) -> Found {
        self.kernel
            .search(self.index, rows, metric, query, k, effort, among)
    }

    /// Finds the covered rows that have changed, of an index of `covered` rows with blocks: some, or an errno.
    pub fn changes(&self, rows: &Packed, covered: usize) -> Result<RawChanges, i32> {
        let blocks = covered.div_ceil(256);
        let mut words = vec![0; 1 + blocks.div_ceil(64)];
        words[0] = covered as u64;
        let error = self
            .kernel
            .call(b"vexfs_index_compare_blocks", |compare: CompareFn| {
                let (raw, last) = (rows.raw(), blocks as u32);
                // SAFETY: index and rows outlive the call; there is a bit for each block.
                unsafe { compare(self.index, &raw, 0, last, words.as_mut_ptr()) }
            });
        match error {
            0 => Ok(RawChanges { words }),
            error => Err(-error),
        }
    }
}

impl Drop for Index<'_> {
    fn drop(&mut self) {
        self.kernel.call(b"vexfs_index_free", |free: FreeFn| {
            // SAFETY: nobody searches it any more.
            unsafe { free(self.index) }
        });
    }
}
