// SPDX-License-Identifier: MIT OR Apache-2.0
//! The answers to the ioctls of a vector file, with the errors of `docs/abi.md` in their order.

use std::sync::Arc;

use bytemuck::Zeroable;
use nix::errno::Errno;

use super::Snapshot;
use super::abi::{self, Command, Hit, Info, Search};
use crate::anns::flat;
use crate::dataset::Fault;

/// Answers the ioctl `command` with data `request` on an open file.
///
/// `readable` tells whether the file is open for reading, and `is_vector_file` whether it is a regular file with a vector file's
/// name. `snapshot` gives its rows; it is called only for a request that is valid without looking at them.
pub fn ioctl(
    command: u32,
    request: &[u8],
    readable: bool,
    is_vector_file: bool,
    snapshot: impl FnOnce() -> Result<Arc<Snapshot>, Errno>,
) -> Result<Vec<u8>, Errno> {
    let command = Command::from_word(command)
        .filter(|_| is_vector_file)
        .ok_or(Errno::ENOTTY)?;
    if !readable {
        return Err(Errno::EBADF);
    }
    if command.bytes() < size_of::<Search>() {
        return Err(Errno::EINVAL);
    }
    let request = request.get(..command.bytes()).ok_or(Errno::EFAULT)?;
    match command {
        Command::Info => info(request, snapshot),
        Command::Search(_) => search(request, snapshot),
    }
}

fn info(
    request: &[u8],
    snapshot: impl FnOnce() -> Result<Arc<Snapshot>, Errno>,
) -> Result<Vec<u8>, Errno> {
    let asked: Info = bytemuck::pod_read_unaligned(request);
    if asked != Info::zeroed() {
        return Err(Errno::EINVAL);
    }
    let snapshot = snapshot()?;
    let info = Info {
        dim: snapshot.rows().dim() as u32,
        rows: snapshot.rows().rows() as u64,
        generation: snapshot.generation(),
        ..asked
    };
    Ok(bytemuck::bytes_of(&info).to_vec())
}

fn search(
    request: &[u8],
    snapshot: impl FnOnce() -> Result<Arc<Snapshot>, Errno>,
) -> Result<Vec<u8>, Errno> {
    let (header, payload) = request.split_at(size_of::<Search>());
    let asked: Search = bytemuck::pod_read_unaligned(header);
    let (dim, k) = check(&asked, request.len())?;

    let (elements, _) = payload.as_chunks::<{ size_of::<f32>() }>();
    let query: Vec<f32> = elements[..dim]
        .iter()
        .copied()
        .map(f32::from_ne_bytes)
        .collect();
    if Fault::in_values(&query).is_some() {
        return Err(Errno::EDOM);
    }

    let snapshot = snapshot()?;
    let rows = snapshot.rows();
    if !rows.is_empty() && rows.dim() != dim {
        return Err(Errno::EMSGSIZE);
    }
    if rows.rows() < k {
        return Err(Errno::ERANGE);
    }

    let hits = flat::search(rows, &query, k);
    let answer = Search {
        count: hits.len() as u32,
        rows: rows.rows() as u64,
        generation: snapshot.generation(),
        evaluated: rows.rows() as u64,
        ..asked
    };
    let mut response = bytemuck::bytes_of(&answer).to_vec();
    response.extend_from_slice(bytemuck::cast_slice::<Hit, u8>(&hits));
    Ok(response)
}

/// The dimension and the number of hits asked for, if the request is valid as far as its header tells.
fn check(asked: &Search, bytes: usize) -> Result<(usize, usize), Errno> {
    let Search {
        kind,
        metric,
        dim,
        k,
        effort,
        ..
    } = *asked;
    // Everything else is for the answer or for the future.
    if *asked
        != (Search {
            kind,
            metric,
            dim,
            k,
            effort,
            ..Search::zeroed()
        })
    {
        return Err(Errno::EINVAL);
    }
    if !(1..=abi::K_MAX).contains(&k) || !(1..=abi::DIM_MAX).contains(&dim) {
        return Err(Errno::EINVAL);
    }
    let (dim, k) = (dim as usize, k as usize);
    if bytes != abi::search_bytes(dim, k) {
        return Err(Errno::EINVAL);
    }
    if kind != abi::KIND_FLAT || metric != abi::METRIC_L2 {
        return Err(Errno::EOPNOTSUPP);
    }
    if effort != 0 {
        return Err(Errno::EINVAL);
    }
    Ok((dim, k))
}
