// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bytes of a search as the search ABI has them.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytemuck::Zeroable;
use nix::errno::Errno;

use super::Method;
use crate::store::abi::{self, QueryPart, Search};

/// The request of a search with its query. If it is too large to be sent, the errno is the one that a driver would
/// give.
pub fn whole(query: &[f32], method: Method) -> Result<Vec<u8>, Errno> {
    let mut request = request(query.len(), query.len(), 0, method)?;
    request[size_of::<Search>()..][..size_of_val(query)]
        .copy_from_slice(bytemuck::cast_slice(query));
    Ok(request)
}

/// The request of a search for a query that was sent as `number`.
pub fn sent(dim: usize, number: u64, method: Method) -> Result<Vec<u8>, Errno> {
    request(dim, 0, number, method)
}

fn request(dim: usize, inline: usize, number: u64, method: Method) -> Result<Vec<u8>, Errno> {
    if dim > abi::DIM_MAX as usize || method.k > abi::K_MAX {
        return Err(Errno::EINVAL);
    }
    let header = Search {
        kind: method.kind.code(),
        metric: method.metric.code(),
        dim: dim as u32,
        k: method.k,
        effort: method.effort,
        flags: if number == 0 { 0 } else { abi::SEARCH_SENT },
        query: number,
        ..Search::zeroed()
    };
    let mut request = vec![0; abi::search_bytes(inline, method.k as usize)];
    request[..size_of::<Search>()].copy_from_slice(bytemuck::bytes_of(&header));
    Ok(request)
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

/// A number that no other query has, not even one of another process that has the same file open: any but 0.
pub fn number() -> u64 {
    static OF_THIS_PROCESS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static LAST: AtomicU64 = AtomicU64::new(0);
    let count = LAST.fetch_add(1, Ordering::Relaxed);
    OF_THIS_PROCESS.hash_one((std::process::id(), count)).max(1)
}
