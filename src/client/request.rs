// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bytes of a search, and of its answer, as the search ABI has them.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytemuck::Zeroable;
use nix::errno::Errno;

use super::found::Found;
use super::kind::Method;
use crate::anns::Filter;
use crate::dataset::Matrix;
use crate::store::abi::{self, Batch, FilterPart, Hit, QueryPart, Search};

/// What has been sent of a search, by the numbers it was given; 0 is nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers {
    pub query: u64,
    pub filter: u32,
}

/// The request of a search, with its query unless that was sent. If it is too large to be sent, the errno is the one
/// that a driver would give.
pub fn search(query: &[f32], sent: Numbers, method: Method) -> Result<Vec<u8>, Errno> {
    let header = header(query.len(), sent, method)?;
    let inline = if sent.query == 0 { query } else { &[] };
    let mut request = vec![0; abi::search_bytes(inline.len(), method.k as usize)];
    request[..size_of::<Search>()].copy_from_slice(bytemuck::bytes_of(&header));
    request[size_of::<Search>()..][..size_of_val(inline)]
        .copy_from_slice(bytemuck::cast_slice(inline));
    Ok(request)
}

/// How many queries of this dimension fit into a batch; 0 if they have to be sent.
pub fn batch_room(dim: usize, k: usize) -> usize {
    const BYTES: usize = (1 << 14) - 1;
    if dim > abi::DIM_INLINE as usize || k > abi::K_MAX as usize {
        return 0;
    }
    let of_query = abi::batch_bytes(1, dim, k) - size_of::<Batch>();
    (BYTES - size_of::<Batch>()) / of_query.max(1)
}

/// The request of a batch, of rows of a matrix: as many as there is room for.
pub fn batch(
    queries: &Matrix,
    of: std::ops::Range<usize>,
    sent: Numbers,
    method: Method,
) -> Result<Vec<u8>, Errno> {
    let header = Batch {
        search: header(queries.dim(), sent, method)?,
        queries: of.len() as u32,
        reserved: 0,
    };
    let mut request = bytemuck::bytes_of(&header).to_vec();
    for query in of.clone() {
        request.extend_from_slice(bytemuck::cast_slice(queries.row(query)));
    }
    request.resize(
        abi::batch_bytes(of.len(), queries.dim(), method.k as usize),
        0,
    );
    Ok(request)
}

fn header(dim: usize, sent: Numbers, method: Method) -> Result<Search, Errno> {
    if dim > abi::DIM_MAX as usize || method.k > abi::K_MAX {
        return Err(Errno::EINVAL);
    }
    let flag = |flag, is_set| if is_set { flag } else { 0 };
    Ok(Search {
        kind: method.kind.code(),
        metric: method.metric.code(),
        dim: dim as u32,
        k: method.k,
        effort: method.effort,
        flags: flag(abi::SEARCH_SENT, sent.query != 0)
            | flag(abi::SEARCH_FILTERED, sent.filter != 0),
        filter: sent.filter,
        query: sent.query,
        ..Search::zeroed()
    })
}

/// What the answer to a search says.
pub fn answer(request: &[u8]) -> Found {
    let (header, payload) = request.split_at(size_of::<Search>());
    let answer: Search = bytemuck::pod_read_unaligned(header);
    Found {
        hits: hits(payload).take(answer.count as usize).collect(),
        rows: answer.rows,
        generation: answer.generation,
        evaluated: answer.evaluated,
    }
}

/// What the answer to a batch says, query by query. How much was computed for one of them is not said: each has an
/// equal share of it.
pub fn answers(request: &[u8]) -> impl Iterator<Item = Found> {
    let (header, payload) = request.split_at(size_of::<Batch>());
    let Batch {
        search, queries, ..
    } = bytemuck::pod_read_unaligned(header);
    let of_query = search.k as usize * size_of::<Hit>();
    payload
        .chunks_exact(of_query)
        .take(queries as usize)
        .map(move |payload| Found {
            hits: hits(payload)
                .take_while(|hit| hit.row != abi::ROW_NONE)
                .collect(),
            rows: search.rows,
            generation: search.generation,
            evaluated: search.evaluated / u64::from(queries),
        })
}

fn hits(payload: &[u8]) -> impl Iterator<Item = Hit> {
    let (hits, _) = payload.as_chunks::<{ size_of::<Hit>() }>();
    hits.iter().map(|hit| bytemuck::pod_read_unaligned(hit))
}

/// The parts in which a query is sent.
pub fn parts(query: &[f32], number: u64) -> Result<impl Iterator<Item = Vec<u8>>, Errno> {
    if query.len() > abi::DIM_MAX as usize {
        return Err(Errno::EINVAL);
    }
    let chunks = query.chunks(abi::DIM_INLINE as usize);
    Ok(chunks.scan(0, move |start, elements| {
        let header = QueryPart {
            query: number,
            dim: query.len() as u32,
            start: *start,
            count: elements.len() as u32,
            ..QueryPart::zeroed()
        };
        *start += header.count;
        let mut part = bytemuck::bytes_of(&header).to_vec();
        part.extend_from_slice(bytemuck::cast_slice(elements));
        Some(part)
    }))
}

/// Words of a filter that are sent at a time.
const WORDS: usize = 2000;

/// The parts in which a filter is sent. One without rows has a word all the same.
pub fn filter_parts(filter: &Filter, number: u32) -> impl Iterator<Item = Vec<u8>> {
    let words = match filter.words() {
        [] => &[0],
        words => words,
    };
    words.chunks(WORDS).scan(0, move |start, part| {
        let header = FilterPart {
            filter: number,
            words: words.len() as u32,
            start: *start,
            count: part.len() as u32,
            ..FilterPart::zeroed()
        };
        *start += header.count;
        let mut bytes = bytemuck::bytes_of(&header).to_vec();
        bytes.extend_from_slice(bytemuck::cast_slice(part));
        Some(bytes)
    })
}

/// A number that no other query has, not even one of another process that has the same file open: any but 0.
pub fn number() -> u64 {
    static OF_THIS_PROCESS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static LAST: AtomicU64 = AtomicU64::new(0);
    let count = LAST.fetch_add(1, Ordering::Relaxed);
    OF_THIS_PROCESS.hash_one((std::process::id(), count)).max(1)
}
