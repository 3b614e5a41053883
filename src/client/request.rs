// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bytes of a search as the search ABI has them.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytemuck::Zeroable;
use nix::errno::Errno;

use super::Method;
use crate::anns::Filter;
use crate::store::abi::{self, FilterPart, QueryPart, Search};

/// What has been sent of a search, by the numbers it was given; 0 is nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers {
    pub query: u64,
    pub filter: u32,
}

/// The request of a search, with its query unless that was sent. If it is too large to be sent, the errno is the one
/// that a driver would give.
pub fn search(query: &[f32], sent: Numbers, method: Method) -> Result<Vec<u8>, Errno> {
    if query.len() > abi::DIM_MAX as usize || method.k > abi::K_MAX {
        return Err(Errno::EINVAL);
    }
    let flag = |flag, is_set| if is_set { flag } else { 0 };
    let header = Search {
        kind: method.kind.code(),
        metric: method.metric.code(),
        dim: query.len() as u32,
        k: method.k,
        effort: method.effort,
        flags: flag(abi::SEARCH_SENT, sent.query != 0)
            | flag(abi::SEARCH_FILTERED, sent.filter != 0),
        filter: sent.filter,
        query: sent.query,
        ..Search::zeroed()
    };
    let inline = if sent.query == 0 { query } else { &[] };
    let mut request = vec![0; abi::search_bytes(inline.len(), method.k as usize)];
    request[..size_of::<Search>()].copy_from_slice(bytemuck::bytes_of(&header));
    request[size_of::<Search>()..][..size_of_val(inline)]
        .copy_from_slice(bytemuck::cast_slice(inline));
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
