// SPDX-License-Identifier: MIT OR Apache-2.0
//! The answers to the ioctls, and the errors of `docs/abi.md` in their order.

use std::sync::Arc;

use bytemuck::Zeroable;
use nix::errno::Errno;
use vexfs::dataset::Matrix;
use vexfs::store::abi::{self, Hit, Info, Search};
use vexfs::store::{Snapshot, serve};

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
    /// The file's dimension and rows, or why it could not be loaded.
    file: Result<(usize, usize), Errno>,
}

/// Searches for two of the four rows [0, 0, 0], [1, 1, 1], …
fn valid() -> Call {
    Call {
        command: abi::ioc_search(abi::search_bytes(3, 2)),
        header: Search {
            dim: 3,
            k: 2,
            ..Search::zeroed()
        },
        query: [1.0, 1.5, 1.0],
        lacking: 0,
        readable: true,
        is_vector_file: true,
        file: Ok((3, 4)),
    }
}

impl Call {
    fn answer(&self) -> Result<(Search, Vec<Hit>), Errno> {
        let mut request = bytemuck::bytes_of(&self.header).to_vec();
        request.extend_from_slice(bytemuck::cast_slice(&self.query));
        let bytes = (self.command >> 16 & 0x3fff) as usize;
        request.resize(bytes - self.lacking, 0);
        let snapshot = || {
            let (dim, rows) = self.file?;
            Ok(snapshot(dim, rows))
        };
        let answer = serve::ioctl(
            self.command,
            &request,
            self.readable,
            self.is_vector_file,
            snapshot,
        )?;
        let (header, hits) = answer.split_at(size_of::<Search>());
        let hits = hits
            .chunks_exact(size_of::<Hit>())
            .map(bytemuck::pod_read_unaligned)
            .collect();
        Ok((bytemuck::pod_read_unaligned(header), hits))
    }
}

fn snapshot(dim: usize, rows: usize) -> Arc<Snapshot> {
    let mut matrix = Matrix::new(dim);
    (0..rows).for_each(|row| matrix.push(&vec![row as f32; dim]));
    Arc::new(Snapshot::new(matrix))
}

#[test]
fn a_valid_search_is_answered() {
    let (header, hits) = valid().answer().unwrap();
    assert_eq!((header.count, header.rows, header.evaluated), (2, 4, 4));
    assert_ne!(header.generation, 0);
    assert_eq!(
        hits.iter()
            .map(|hit| (hit.row, hit.distance()))
            .collect::<Vec<_>>(),
        [(1, 0.25), (2, 2.25)]
    );
}

/// An errno and what leads to it.
type Fault = (Errno, fn(&mut Call));

/// The faults of a search in the order in which `docs/abi.md` lists them.
const FAULTS: [Fault; 14] = [
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
    (Errno::EOPNOTSUPP, |call| call.header.kind = abi::KIND_HNSW),
    (Errno::EINVAL, |call| call.header.effort = 1),
    (Errno::EDOM, |call| call.query[2] = f32::NAN),
    (Errno::EIO, |call| call.file = Err(Errno::EIO)),
    (Errno::EBADMSG, |call| call.file = Err(Errno::EBADMSG)),
    (Errno::EMSGSIZE, |call| call.file = Ok((4, 1))),
    (Errno::ERANGE, |call| call.file = Ok((3, 1))),
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
fn every_field_that_must_be_zero_is_checked() {
    let fields: [fn(&mut Search); 7] = [
        |header| header.flags = 1 << 31,
        |header| header.count = 1,
        |header| header.reserved0 = 1,
        |header| header.rows = 1,
        |header| header.generation = 1 << 63,
        |header| header.evaluated = 1,
        |header| header.reserved1 = 1,
    ];
    for (i, set) in fields.iter().enumerate() {
        let mut call = valid();
        set(&mut call.header);
        assert_eq!(call.answer().unwrap_err(), Errno::EINVAL, "field {i}");
    }
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
        refused(|header| header.dim = abi::DIM_MAX + 1),
        Errno::EINVAL
    );
    assert_eq!(
        refused(|header| header.metric = abi::METRIC_COSINE),
        Errno::EOPNOTSUPP
    );

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
        let result = serve::ioctl(command, &[0; 16384], true, true, || Ok(snapshot(3, 4)));
        assert_eq!(result.unwrap_err(), Errno::ENOTTY, "{command:#x}");
    }
}

fn info(request: &[u8], readable: bool, rows: Result<usize, Errno>) -> Result<Info, Errno> {
    let answer = serve::ioctl(abi::IOC_INFO, request, readable, true, || {
        Ok(snapshot(3, rows?))
    })?;
    Ok(bytemuck::pod_read_unaligned(&answer))
}

#[test]
fn info_is_answered_or_refused() {
    let zero = [0; size_of::<Info>()];
    let answer = info(&zero, true, Ok(4)).unwrap();
    assert_eq!((answer.dim, answer.rows, answer.indexes), (3, 4, 0));

    assert_eq!(info(&zero, false, Ok(4)), Err(Errno::EBADF));
    assert_eq!(info(&zero[1..], true, Ok(4)), Err(Errno::EFAULT));
    assert_eq!(info(&zero, true, Err(Errno::EBADMSG)), Err(Errno::EBADMSG));
    for byte in 0..zero.len() {
        let mut request = zero;
        request[byte] = 1;
        assert_eq!(
            info(&request, true, Err(Errno::EBADMSG)),
            Err(Errno::EINVAL),
            "byte {byte}"
        );
    }
}
