// SPDX-License-Identifier: MIT OR Apache-2.0
//! The answers to the ioctls, and the errors of `docs/abi.md` in their order.

use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use bytemuck::Zeroable;
use nix::errno::Errno;
use vexfs::anns::index::{self, Header, Kind, Parameters, Unobserved};
use vexfs::anns::{Metric, flat, hnsw};
use vexfs::dataset::Matrix;
use vexfs::store::abi::{self, Hit, IndexInfo, Info, QueryPart, Search};
use vexfs::store::sent::{AllSent, Sent};
use vexfs::store::{Beside, Content, FileId, Sidecar, Sidecars, Snapshot, serve, sidecar};

/// An open file whose rows are as a test wants them, and whose index files lie in a folder.
struct File {
    /// The file's dimension and rows, or why it could not be loaded.
    rows: Result<(usize, usize), Errno>,
    folder: tempfile::TempDir,
    sidecars: Sidecars,
    sent: AllSent,
}

impl File {
    fn new(rows: Result<(usize, usize), Errno>) -> Self {
        File {
            rows,
            folder: tempfile::tempdir().unwrap(),
            sidecars: Sidecars::default(),
            sent: AllSent::default(),
        }
    }

    fn beside<R>(&self, look: impl FnOnce(Beside) -> R) -> R {
        let directory = std::fs::File::open(self.folder.path()).unwrap();
        look(Beside {
            directory: directory.as_fd(),
            name: "v.fvecs".as_ref(),
            content: &|_: FileId| Arc::<Content>::default(),
        })
    }
}

impl serve::Open for File {
    fn snapshot(&self) -> Result<Arc<Snapshot>, Errno> {
        let (dim, rows) = self.rows?;
        Ok(snapshot(dim, rows))
    }

    fn sidecar(&self, kind: Kind, metric: Metric) -> Result<Arc<Sidecar>, Errno> {
        self.beside(|beside| self.sidecars.get(beside, kind, metric))
    }

    fn indexes(&self) -> Vec<IndexInfo> {
        self.beside(sidecar::list)
    }

    fn sent(&self) -> Sent<'_> {
        Sent {
            all: &self.sent,
            owner: 1,
        }
    }
}

/// What lies beside the vector file as its HNSW index.
#[derive(Clone, Copy, PartialEq)]
enum Beneath {
    Nothing,
    /// An index of the first rows, of this dimension, for L2.
    Index {
        dim: usize,
        rows: usize,
    },
    OtherRows,
    OtherMetric,
    Malformed,
    Directory,
}

/// An ioctl and everything around it that decides its answer.
#[derive(Clone)]
struct Call {
    command: u32,
    header: Search,
    query: [f32; 3],
    /// Bytes that the buffer lacks.
    lacking: usize,
    readable: bool,
    is_vector_file: bool,
    file: Result<(usize, usize), Errno>,
    beneath: Beneath,
}

/// Searches for two of the four rows [0, 0, 0], [1, 1, 1], … by the index.
fn valid() -> Call {
    Call {
        command: abi::ioc_search(abi::search_bytes(3, 2)),
        header: Search {
            kind: abi::KIND_HNSW,
            dim: 3,
            k: 2,
            ..Search::zeroed()
        },
        query: [1.0, 1.5, 1.0],
        lacking: 0,
        readable: true,
        is_vector_file: true,
        file: Ok((3, 4)),
        beneath: Beneath::Index { dim: 3, rows: 4 },
    }
}

impl Beneath {
    fn put(self, folder: &Path) {
        let path = folder.join("v.fvecs.hnsw");
        let write = |bytes: &[u8]| std::fs::write(&path, bytes).unwrap();
        match self {
            Beneath::Nothing => (),
            Beneath::Index { dim, rows } => write(&built(&matrix(dim, rows), Metric::L2)),
            Beneath::OtherRows => {
                let mut rows = matrix(3, 3);
                rows.push(&[7.0; 3]);
                write(&built(&rows, Metric::L2));
            }
            Beneath::OtherMetric => write(&built(&matrix(3, 4), Metric::Cosine)),
            Beneath::Malformed => {
                let mut bytes = built(&matrix(3, 4), Metric::L2).to_vec();
                *bytes.last_mut().unwrap() ^= 1;
                write(&bytes);
            }
            Beneath::Directory => std::fs::create_dir(&path).unwrap(),
        }
    }
}

fn matrix(dim: usize, rows: usize) -> Matrix {
    let mut matrix = Matrix::new(dim);
    (0..rows).for_each(|row| matrix.push(&vec![row as f32; dim]));
    matrix
}

fn built(rows: &Matrix, metric: Metric) -> index::Bytes {
    let parameters = Parameters::Hnsw(hnsw::Parameters::default());
    index::build(rows, metric, &parameters, 42, 1, &Unobserved).unwrap()
}

impl Call {
    fn answer(&self) -> Result<(Search, Vec<Hit>), Errno> {
        let mut request = bytemuck::bytes_of(&self.header).to_vec();
        request.extend_from_slice(bytemuck::cast_slice(&self.query));
        let bytes = (self.command >> 16 & 0x3fff) as usize;
        request.resize(bytes - self.lacking, 0);
        let file = File::new(self.file);
        self.beneath.put(file.folder.path());
        let open = self.is_vector_file.then_some(&file as &dyn serve::Open);
        let answer = serve::ioctl(self.command, &request, self.readable, open)?;
        let (header, hits) = answer.split_at(size_of::<Search>());
        let hits = hits
            .chunks_exact(size_of::<Hit>())
            .map(bytemuck::pod_read_unaligned)
            .collect();
        Ok((bytemuck::pod_read_unaligned(header), hits))
    }

    fn flat(mut self) -> Self {
        self.header.kind = abi::KIND_FLAT;
        self
    }
}

fn snapshot(dim: usize, rows: usize) -> Arc<Snapshot> {
    Arc::new(Snapshot::new(matrix(dim, rows)))
}

#[test]
fn a_valid_search_is_answered() {
    for call in [valid(), valid().flat()] {
        let (header, hits) = call.answer().unwrap();
        assert_eq!((header.count, header.rows, header.evaluated), (2, 4, 4));
        assert_ne!(header.generation, 0);
        assert_eq!(
            hits.iter()
                .map(|hit| (hit.row, hit.distance()))
                .collect::<Vec<_>>(),
            [(1, 0.25), (2, 2.25)]
        );
    }
}

#[test]
fn rows_that_were_appended_after_the_build_are_found() {
    let mut call = valid();
    call.beneath = Beneath::Index { dim: 3, rows: 2 };
    let (header, hits) = call.answer().unwrap();
    assert_eq!((header.rows, header.evaluated), (4, 4));
    assert_eq!([hits[0].row, hits[1].row], [1, 2]);
}

#[test]
fn a_flat_search_knows_every_metric() {
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        let mut call = valid().flat();
        call.beneath = Beneath::Nothing;
        call.header.metric = metric.code();
        let (_, hits) = call.answer().unwrap();
        let expected = flat::search(&matrix(3, 4), metric, &call.query, 2).hits;
        assert_eq!(hits, expected, "{metric}");
    }
}

/// An errno and what leads to it.
type Fault = (Errno, fn(&mut Call));

/// The faults of a search in the order in which `docs/abi.md` lists them.
const FAULTS: [Fault; 18] = [
    (Errno::ENOTTY, |call| call.is_vector_file = false),
    (Errno::EBADF, |call| call.readable = false),
    (Errno::EINVAL, |call| {
        call.command = abi::ioc_search(size_of::<Search>() - 1)
    }),
    (Errno::EFAULT, |call| call.lacking = 1),
    (Errno::EINVAL, |call| call.header.flags = 1),
    (Errno::EINVAL, |call| call.header.k = 0),
    (Errno::EINVAL, |call| {
        call.command = abi::ioc_search(abi::search_bytes(3, 2) + 1)
    }),
    (Errno::EOPNOTSUPP, |call| call.header.metric = 3),
    (Errno::EINVAL, |call| {
        call.header.effort = abi::EFFORT_MAX + 1
    }),
    (Errno::EDOM, |call| call.query[2] = f32::NAN),
    (Errno::EIO, |call| call.file = Err(Errno::EIO)),
    (Errno::EBADMSG, |call| call.file = Err(Errno::EBADMSG)),
    (Errno::EMSGSIZE, |call| call.file = Ok((4, 1))),
    (Errno::ERANGE, |call| call.file = Ok((3, 1))),
    (Errno::ENODATA, |call| call.beneath = Beneath::Nothing),
    (Errno::EUCLEAN, |call| call.beneath = Beneath::Malformed),
    (Errno::EUCLEAN, |call| {
        call.beneath = Beneath::Index { dim: 5, rows: 9 }
    }),
    (Errno::ESTALE, |call| call.beneath = Beneath::OtherRows),
];

#[test]
fn each_fault_has_its_errno() {
    for (i, (errno, fault)) in FAULTS.iter().enumerate() {
        let mut call = valid();
        fault(&mut call);
        assert_eq!(call.answer().unwrap_err(), *errno, "fault {i}");
    }
}

#[test]
fn of_several_faults_the_first_one_listed_is_reported() {
    let mut call = valid();
    for (i, (errno, fault)) in FAULTS.iter().enumerate().rev() {
        fault(&mut call);
        assert_eq!(call.answer().unwrap_err(), *errno, "from fault {i} on");
    }
}

#[test]
fn each_way_to_have_no_index_or_a_stale_one() {
    for (errno, beneath) in [
        (Errno::ENODATA, Beneath::OtherMetric),
        (Errno::ENODATA, Beneath::Directory),
        (Errno::ESTALE, Beneath::Index { dim: 3, rows: 5 }),
    ] {
        let mut call = valid();
        call.beneath = beneath;
        assert_eq!(call.answer().unwrap_err(), errno);
        // None of it is of any concern to a flat search.
        call.flat().answer().unwrap();
    }
}

#[test]
fn limits_of_the_effort_and_of_kinds() {
    let with = |kind, effort| {
        let mut call = valid();
        (call.header.kind, call.header.effort) = (kind, effort);
        call.answer().map(|(header, _)| header.count)
    };
    assert_eq!(with(abi::KIND_FLAT, 0), Ok(2));
    assert_eq!(with(abi::KIND_FLAT, 1), Err(Errno::EINVAL));
    assert_eq!(with(abi::KIND_HNSW, 1), Ok(2));
    assert_eq!(with(abi::KIND_HNSW, abi::EFFORT_MAX), Ok(2));
    assert_eq!(
        with(abi::KIND_HNSW, abi::EFFORT_MAX + 1),
        Err(Errno::EINVAL)
    );
    for kind in [abi::KIND_IVF, abi::KIND_PQ, abi::KIND_LSH] {
        assert_eq!(with(kind, abi::EFFORT_MAX), Err(Errno::ENODATA));
    }
    assert_eq!(with(5, 0), Err(Errno::EOPNOTSUPP));
    assert_eq!(with(5, abi::EFFORT_MAX + 1), Err(Errno::EOPNOTSUPP));
}

#[test]
fn every_field_that_must_be_zero_is_checked() {
    let fields: [fn(&mut Search); 7] = [
        |header| header.flags = 1 << 31,
        |header| header.count = 1,
        |header| header.filter = 1,
        |header| header.rows = 1,
        |header| header.generation = 1 << 63,
        |header| header.evaluated = 1,
        |header| header.query = 1,
    ];
    for (i, set) in fields.iter().enumerate() {
        let mut call = valid();
        set(&mut call.header);
        assert_eq!(call.answer().unwrap_err(), Errno::EINVAL, "field {i}");
    }
}

/// Sends a part of a query, and returns the errno or 0.
fn send(file: &File, change: impl FnOnce(&mut QueryPart), elements: &[f32]) -> i32 {
    let mut part = QueryPart {
        query: 9,
        dim: 3,
        count: elements.len() as u32,
        ..QueryPart::default()
    };
    change(&mut part);
    let mut request = bytemuck::bytes_of(&part).to_vec();
    request.extend_from_slice(bytemuck::cast_slice(elements));
    let command = abi::ioc_query(request.len());
    match serve::ioctl(command, &request, true, Some(file)) {
        Ok(answer) => answer.len() as i32,
        Err(errno) => errno as i32,
    }
}

#[test]
fn a_query_in_parts_is_answered_as_the_whole() {
    let file = File::new(Ok((3, 3)));
    let search = |number: u64| {
        let header = Search {
            dim: 3,
            k: 2,
            flags: abi::SEARCH_SENT,
            query: number,
            ..Search::default()
        };
        let mut request = bytemuck::bytes_of(&header).to_vec();
        request.resize(abi::search_bytes(0, 2), 0);
        serve::ioctl(abi::ioc_search(request.len()), &request, true, Some(&file))
    };
    let query = [0.25, 0.5, 1.0];
    let whole = {
        let header = Search {
            dim: 3,
            k: 2,
            ..Search::default()
        };
        let mut request = bytemuck::bytes_of(&header).to_vec();
        request.extend_from_slice(bytemuck::cast_slice(&query));
        request.resize(abi::search_bytes(3, 2), 0);
        let answer = serve::ioctl(abi::ioc_search(request.len()), &request, true, Some(&file));
        answer.unwrap()
    };
    let canceled = Errno::ECANCELED as i32;

    assert_eq!(search(9), Err(Errno::ECANCELED), "nothing was sent");
    assert_eq!(send(&file, |_| (), &query[..2]), 0);
    assert_eq!(search(9), Err(Errno::ECANCELED), "it is not whole");
    assert_eq!(send(&file, |part| part.start = 1, &query[2..]), canceled);
    assert_eq!(
        send(&file, |part| (part.start, part.query) = (2, 8), &query[2..]),
        canceled
    );
    assert_eq!(
        send(&file, |part| (part.start, part.dim) = (2, 4), &query[2..]),
        canceled
    );
    assert_eq!(send(&file, |part| part.start = 2, &query[2..]), 0);
    assert_eq!(search(8), Err(Errno::ECANCELED), "that is another number");
    let size = size_of::<Search>();
    assert_eq!(search(9).unwrap()[size..], whole[size..]);
    assert_eq!(search(9).unwrap()[size..], whole[size..], "it stays");

    let nan = [f32::NAN];
    assert_eq!(send(&file, |_| (), &query[..2]), 0);
    assert_eq!(send(&file, |part| part.start = 2, &nan), Errno::EDOM as i32);
    assert_eq!(send(&file, |part| part.start = 2, &query[2..]), canceled);
    assert_eq!(search(9), Err(Errno::ECANCELED), "it was given up");
}

#[test]
fn limits_of_k_and_dimension() {
    let refused = |change: fn(&mut Search)| {
        let mut call = valid();
        change(&mut call.header);
        call.answer().unwrap_err()
    };
    assert_eq!(refused(|header| header.k = abi::K_MAX + 1), Errno::EINVAL);
    assert_eq!(refused(|header| header.dim = 0), Errno::EINVAL);
    assert_eq!(
        refused(|header| header.dim = abi::DIM_INLINE + 1),
        Errno::EINVAL
    );
    assert_eq!(refused(|header| header.metric = 3), Errno::EOPNOTSUPP);

    let mut call = valid();
    call.file = Ok((0, 0));
    assert_eq!(
        call.answer().unwrap_err(),
        Errno::ERANGE,
        "an empty file has no dimension to differ from"
    );
    for infinity in [f32::INFINITY, f32::NEG_INFINITY] {
        let mut call = valid();
        call.query[0] = infinity;
        assert_eq!(call.answer().unwrap_err(), Errno::EDOM);
    }
}

#[test]
fn other_commands_are_not_ours() {
    let search = abi::ioc_search(80);
    for command in [
        search ^ 1 << 30,
        search ^ 1 << 31,
        search ^ 1 << 8,
        search ^ 4,
        abi::IOC_INFO ^ 1 << 16,
        0x5401,
    ] {
        let file = File::new(Ok((3, 4)));
        let result = serve::ioctl(command, &[0; 16384], true, Some(&file));
        assert_eq!(result.unwrap_err(), Errno::ENOTTY, "{command:#x}");
    }
}

fn info(request: &[u8], readable: bool, file: &File) -> Result<Info, Errno> {
    let answer = serve::ioctl(abi::IOC_INFO, request, readable, Some(file))?;
    Ok(bytemuck::pod_read_unaligned(&answer))
}

#[test]
fn info_is_answered_or_refused() {
    let zero = [0; size_of::<Info>()];
    let file = File::new(Ok((3, 4)));
    let answer = info(&zero, true, &file).unwrap();
    assert_eq!((answer.dim, answer.rows, answer.indexes), (3, 4, 0));

    assert_eq!(info(&zero, false, &file), Err(Errno::EBADF));
    assert_eq!(info(&zero[1..], true, &file), Err(Errno::EFAULT));
    let malformed = File::new(Err(Errno::EBADMSG));
    assert_eq!(info(&zero, true, &malformed), Err(Errno::EBADMSG));
    for byte in 0..zero.len() {
        let mut request = zero;
        request[byte] = 1;
        assert_eq!(
            info(&request, true, &malformed),
            Err(Errno::EINVAL),
            "byte {byte}"
        );
    }
}

#[test]
fn info_lists_the_indexes_whose_header_is_sound() {
    let file = File::new(Ok((3, 4)));
    let path = |name: &str| file.folder.path().join(name);
    let listed = || {
        let answer = info(&[0; size_of::<Info>()], true, &file).unwrap();
        let (valid, rest) = answer.index.split_at(answer.indexes as usize);
        assert!(rest.iter().all(|index| *index == IndexInfo::zeroed()));
        valid.to_vec()
    };
    let cosine = built(&matrix(3, 2), Metric::Cosine);
    std::fs::write(path("v.fvecs.hnsw"), &cosine[..]).unwrap();
    // Of another kind than its name says.
    std::fs::write(path("v.fvecs.ivf"), &cosine[..]).unwrap();
    std::fs::create_dir(path("v.fvecs.pq")).unwrap();
    let expected = IndexInfo {
        kind: abi::KIND_HNSW,
        metric: abi::METRIC_COSINE,
        rows: 2,
    };
    assert_eq!(listed(), [expected]);

    for end in [0, size_of::<Header>() - 1, cosine.len() - 1] {
        std::fs::write(path("v.fvecs.hnsw"), &cosine[..end]).unwrap();
        assert_eq!(listed(), []);
    }
    let mut bytes = cosine.to_vec();
    bytes[40] ^= 1;
    std::fs::write(path("v.fvecs.hnsw"), &bytes).unwrap();
    assert_eq!(listed(), []);
}
