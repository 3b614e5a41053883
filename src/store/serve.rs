// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers the ioctls of a vector file, with the errors of `docs/abi.md` in the order stated there.

use std::sync::Arc;

use bytemuck::Zeroable;
use nix::errno::Errno;

use super::abi::{self, Batch, Command, FilterPart, Hit, IndexInfo, Info, QueryPart, Search};
use super::sent::Sent;
use super::{Sidecar, Snapshot};
use crate::anns::index::{Among, Kind};
use crate::anns::{Answer, Metric, flat};
use crate::dataset::Fault;

/// How often a search looks at rows and index that change all the time and do not fit each other.
const TRIES: usize = 4;

/// A vector file that is open.
pub trait Open {
    /// The rows of the file as they are now.
    fn snapshot(&self) -> Result<Arc<Snapshot>, Errno>;

    /// The index file beside the file as it is now, if there is a sound one for this metric.
    fn sidecar(&self, kind: Kind, metric: Metric) -> Result<Arc<Sidecar>, Errno>;

    /// The index files beside the file whose header is sound, in the order of their kinds.
    fn indexes(&self) -> Vec<IndexInfo>;

    /// What was sent through this open file.
    fn sent(&self) -> Sent<'_>;
}

/// Answers the ioctl `command` with data `request` on an open file.
///
/// `readable` tells whether the file is open for reading. `file` is absent unless the file can be searched: it must be
/// a regular file with a vector file's name. `file` is asked only if the request is valid without looking at the file.
pub fn ioctl(
    command: u32,
    request: &[u8],
    readable: bool,
    file: Option<&dyn Open>,
) -> Result<Vec<u8>, Errno> {
    let command = Command::from_word(command);
    let (Some(command), Some(file)) = (command, file) else {
        return Err(Errno::ENOTTY);
    };
    if !readable {
        return Err(Errno::EBADF);
    }
    let header = match command {
        Command::Query(_) => size_of::<QueryPart>(),
        Command::Filter(_) => size_of::<FilterPart>(),
        Command::Info | Command::Search(_) => size_of::<Search>(),
        Command::Batch(_) => size_of::<Batch>(),
    };
    if command.bytes() < header {
        return Err(Errno::EINVAL);
    }
    let request = request.get(..command.bytes()).ok_or(Errno::EFAULT)?;
    match command {
        Command::Info => info(request, file),
        Command::Search(_) => search(request, file),
        Command::Batch(_) => search_batch(request, file),
        Command::Query(_) => send_query(request, file),
        Command::Filter(_) => send_filter(request, file),
    }
}

/// Takes a part of a query.
fn send_query(request: &[u8], file: &dyn Open) -> Result<Vec<u8>, Errno> {
    let (header, payload) = request.split_at(size_of::<QueryPart>());
    let part: QueryPart = bytemuck::pod_read_unaligned(header);
    let QueryPart {
        query,
        dim,
        start,
        count,
        flags,
        reserved,
    } = part;
    let valid = query != 0
        && flags == 0
        && reserved == 0
        && (1..=abi::DIM_MAX).contains(&dim)
        && count > 0
        && start < dim
        && count <= dim - start
        && request.len() == abi::part_bytes(count as usize);
    if !valid {
        return Err(Errno::EINVAL);
    }
    file.sent().add_to_query(&part, &floats(payload))?;
    Ok(Vec::new())
}

/// Takes a part of a filter.
fn send_filter(request: &[u8], file: &dyn Open) -> Result<Vec<u8>, Errno> {
    let (header, payload) = request.split_at(size_of::<FilterPart>());
    let part: FilterPart = bytemuck::pod_read_unaligned(header);
    let FilterPart {
        filter,
        words,
        start,
        count,
        flags,
        reserved,
    } = part;
    let valid = filter != 0
        && flags == 0
        && reserved == [0; 3]
        && (1..=abi::FILTER_WORDS_MAX).contains(&words)
        && count > 0
        && start < words
        && count <= words - start
        && request.len() == abi::filter_part_bytes(count as usize);
    if !valid {
        return Err(Errno::EINVAL);
    }
    let (words, _) = payload.as_chunks::<{ size_of::<u64>() }>();
    let words: Vec<u64> = words.iter().copied().map(u64::from_ne_bytes).collect();
    file.sent().add_to_filter(&part, &words)?;
    Ok(Vec::new())
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let (elements, _) = bytes.as_chunks::<{ size_of::<f32>() }>();
    elements.iter().copied().map(f32::from_ne_bytes).collect()
}

fn info(request: &[u8], file: &dyn Open) -> Result<Vec<u8>, Errno> {
    let asked: Info = bytemuck::pod_read_unaligned(request);
    if asked != Info::zeroed() {
        return Err(Errno::EINVAL);
    }
    let snapshot = file.snapshot()?;
    let indexes = file.indexes();
    let mut info = Info {
        dim: snapshot.rows().dim() as u32,
        rows: snapshot.rows().rows() as u64,
        generation: snapshot.generation(),
        indexes: indexes.len() as u32,
        ..asked
    };
    info.index[..indexes.len()].copy_from_slice(&indexes);
    Ok(bytemuck::bytes_of(&info).to_vec())
}

fn search(request: &[u8], file: &dyn Open) -> Result<Vec<u8>, Errno> {
    let (header, payload) = request.split_at(size_of::<Search>());
    let asked: Search = bytemuck::pod_read_unaligned(header);
    let wanted = Wanted::check(&asked, payload.len(), None)?;
    let query = match wanted.sent {
        Some(number) => file.sent().query(number, wanted.dim)?,
        None => floats(&payload[..wanted.dim * size_of::<f32>()]),
    };
    let mut hits = Vec::new();
    let answer = answer(&asked, &wanted, file, &query, |found| hits.extend(found))?;
    let mut response = bytemuck::bytes_of(&answer).to_vec();
    response.extend_from_slice(bytemuck::cast_slice::<Hit, u8>(&hits));
    Ok(response)
}

fn search_batch(request: &[u8], file: &dyn Open) -> Result<Vec<u8>, Errno> {
    let (header, payload) = request.split_at(size_of::<Batch>());
    let batch: Batch = bytemuck::pod_read_unaligned(header);
    let queries = batch.queries as usize;
    let wanted = Wanted::check(&batch.search, payload.len(), Some(queries))?;
    if batch.reserved != 0 {
        return Err(Errno::EINVAL);
    }
    let query = floats(&payload[..queries * wanted.dim * size_of::<f32>()]);
    let none = Hit {
        row: abi::ROW_NONE,
        distance: 0,
    };
    let mut hits = Vec::new();
    let search = answer(&batch.search, &wanted, file, &query, |found| {
        let after = hits.len() + wanted.k;
        hits.extend(found);
        hits.resize(after, none);
    })?;
    let mut response = bytemuck::bytes_of(&Batch { search, ..batch }).to_vec();
    response.extend_from_slice(bytemuck::cast_slice::<Hit, u8>(&hits));
    Ok(response)
}

/// Gives `take` the hits of each query in `queries`, and returns the header of the answer to all.
fn answer(
    asked: &Search,
    wanted: &Wanted,
    file: &dyn Open,
    queries: &[f32],
    mut take: impl FnMut(Vec<Hit>),
) -> Result<Search, Errno> {
    if Fault::in_values(queries).is_some() {
        return Err(Errno::EDOM);
    }
    let filter = match asked.filter {
        0 => None,
        number => Some(file.sent().filter(number)?),
    };
    let filter = filter.as_deref();
    let (snapshot, sidecar) = match wanted.index {
        None => (wanted.snapshot(file)?, None),
        Some(kind) => {
            let (snapshot, sidecar) = wanted.indexed(file, kind)?;
            (snapshot, Some(sidecar))
        }
    };
    let rows = snapshot.rows();
    let index = sidecar.as_ref().map(|sidecar| sidecar.of(&snapshot));
    let index = index.transpose()?;
    let (mut count, mut all) = (0, 0);
    for query in queries.chunks_exact(wanted.dim) {
        let Answer { hits, evaluated } = match &index {
            None => flat::search_filtered(rows, wanted.metric, query, wanted.k, filter),
            Some(fitting) => {
                let among = Among {
                    filter,
                    changes: fitting.changes(),
                };
                let index = fitting.index;
                index.search_among(rows, query, wanted.k, asked.effort, among)
            }
        };
        count += hits.len() as u32;
        all += evaluated;
        take(hits);
    }
    Ok(Search {
        count,
        rows: rows.rows() as u64,
        generation: snapshot.generation(),
        evaluated: all,
        ..*asked
    })
}

/// What a valid request asks for.
struct Wanted {
    /// The kind of the index, absent for a flat search.
    index: Option<Kind>,
    metric: Metric,
    dim: usize,
    k: usize,
    /// The number of the query, if it was sent before.
    sent: Option<u64>,
}

impl Wanted {
    /// Checks the header of a request with so many bytes of payload: of one search, or of a batch of so many.
    fn check(asked: &Search, payload: usize, batch: Option<usize>) -> Result<Self, Errno> {
        let Search {
            kind,
            metric,
            dim,
            k,
            effort,
            flags,
            filter,
            query,
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
                flags,
                filter,
                query,
                ..Search::zeroed()
            })
        {
            return Err(Errno::EINVAL);
        }
        let named = |flag, number| (flags & flag != 0) == (number != 0);
        if flags & !(abi::SEARCH_SENT | abi::SEARCH_FILTERED) != 0
            || !named(abi::SEARCH_SENT, query)
            || !named(abi::SEARCH_FILTERED, filter.into())
        {
            return Err(Errno::EINVAL);
        }
        let sent = Some(query).filter(|number| *number != 0);
        if batch.is_some() && sent.is_some() {
            return Err(Errno::EINVAL);
        }
        let most = if sent.is_some() {
            abi::DIM_MAX
        } else {
            abi::DIM_INLINE
        };
        if !(1..=abi::K_MAX).contains(&k) || !(1..=most).contains(&dim) {
            return Err(Errno::EINVAL);
        }
        let (dim, k) = (dim as usize, k as usize);
        let inline = if sent.is_some() { 0 } else { dim };
        let of_query = abi::search_bytes(inline, k) - size_of::<Search>();
        if batch == Some(0) || payload != batch.unwrap_or(1).saturating_mul(of_query) {
            return Err(Errno::EINVAL);
        }
        let index = match kind {
            abi::KIND_FLAT => None,
            _ => Some(Kind::from_code(kind).ok_or(Errno::EOPNOTSUPP)?),
        };
        let metric = Metric::from_code(metric).ok_or(Errno::EOPNOTSUPP)?;
        if effort > index.map_or(0, |_| abi::EFFORT_MAX) {
            return Err(Errno::EINVAL);
        }
        Ok(Wanted {
            index,
            metric,
            dim,
            k,
            sent,
        })
    }

    /// Rows that the query can be searched in.
    fn snapshot(&self, file: &dyn Open) -> Result<Arc<Snapshot>, Errno> {
        let snapshot = file.snapshot()?;
        let rows = snapshot.rows();
        if !rows.is_empty() && rows.dim() != self.dim {
            return Err(Errno::EMSGSIZE);
        }
        if rows.rows() < self.k {
            return Err(Errno::ERANGE);
        }
        Ok(snapshot)
    }

    /// Rows and an index that belongs to them.
    ///
    /// The two are looked at one after the other. If both were replaced in between, they may not belong together, so
    /// this looks again until two looks see the same.
    fn indexed(&self, file: &dyn Open, kind: Kind) -> Result<(Arc<Snapshot>, Arc<Sidecar>), Errno> {
        let mut seen: Option<(Arc<Snapshot>, Arc<Sidecar>)> = None;
        let mut tries = 0;
        loop {
            tries += 1;
            let snapshot = self.snapshot(file)?;
            let sidecar = file.sidecar(kind, self.metric)?;
            let Err(errno) = sidecar.of(&snapshot) else {
                return Ok((snapshot, sidecar));
            };
            let same = seen.as_ref().is_some_and(|(rows, index)| {
                Arc::ptr_eq(rows, &snapshot) && Arc::ptr_eq(index, &sidecar)
            });
            if same || tries == TRIES {
                return Err(errno);
            }
            seen = Some((snapshot, sidecar));
        }
    }
}
