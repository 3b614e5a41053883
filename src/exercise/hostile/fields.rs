// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests that are valid but for one field.

use super::random::Random;
use crate::store::abi::{
    Batch, EFFORT_MAX, FilterPart, IOC_INFO, Info, K_MAX, KIND_LSH, METRIC_COSINE, QueryPart,
    SEARCH_FILTERED, SEARCH_SENT, Search, batch_bytes, ioc_batch, ioc_filter, ioc_query,
    ioc_search, search_bytes,
};

/// The number of a query that is sent, as a rule.
const NUMBER: u64 = 7;
/// The number of a filter that is sent, as a rule.
const FILTER: u32 = 9;

/// A command word, and as many bytes as it announces.
#[derive(Debug, Clone)]
pub struct Request {
    pub word: u32,
    pub bytes: Vec<u8>,
}

pub fn info() -> Request {
    Request {
        word: IOC_INFO,
        bytes: vec![0; size_of::<Info>()],
    }
}

/// A search that is valid where there are so many rows and an index for L2.
pub fn search(kind: u32, effort: u32, k: u32, query: &[f32]) -> Request {
    let header = Search {
        kind,
        dim: query.len() as u32,
        k,
        effort,
        ..Search::default()
    };
    encode(&header, query)
}

/// What the search says, with as much room as it says.
fn encode(header: &Search, query: &[f32]) -> Request {
    // A size that no word can announce is one byte short of the largest that it can.
    let inline = if header.flags & SEARCH_SENT != 0 {
        0
    } else {
        header.dim
    };
    let size = search_bytes(inline as usize, header.k as usize).min(0x3fff);
    let mut bytes = bytemuck::bytes_of(header).to_vec();
    bytes.extend_from_slice(bytemuck::cast_slice(query));
    bytes.resize(size, 0);
    Request {
        word: ioc_search(size),
        bytes,
    }
}

/// A part of a query that is valid, or continues what was sent before, but for one field.
fn part(random: &mut Random, query: &[f32]) -> Request {
    let half = query.len() / 2;
    let second = random.one_in(2);
    let elements = if second {
        &query[half..]
    } else {
        &query[..half]
    };
    let mut header = QueryPart {
        query: NUMBER,
        dim: query.len() as u32,
        start: if second { half as u32 } else { 0 },
        count: elements.len() as u32,
        ..QueryPart::default()
    };
    let mut elements = elements.to_vec();
    let near = [header.dim, header.start, header.count];
    match random.below(16) {
        0 => header.query = u64::from(random.number(&near)),
        1 => header.dim = random.number(&near),
        2 => header.start = random.number(&near),
        3 => header.count = random.number(&near),
        4 => header.flags = random.number(&near),
        5 => header.reserved = u64::from(random.number(&near)) << random.of(&[0, 32]),
        6 => {
            let at = random.below(elements.len());
            elements[at] = f32::from_bits(random.number(&near));
        }
        _ => {}
    }
    let mut bytes = bytemuck::bytes_of(&header).to_vec();
    bytes.extend_from_slice(bytemuck::cast_slice(&elements));
    Request {
        word: ioc_query(bytes.len()),
        bytes,
    }
}

/// A part of a filter of `rows` rows and some more, valid but for one field, or valid after all.
pub fn filter_part(random: &mut Random, rows: u32) -> Request {
    let words = rows / 64 + 1 + random.below(3) as u32;
    let half = words / 2;
    let start = if random.one_in(2) { half } else { 0 };
    let count = match random.one_in(2) {
        true => words - start,
        false => (words - start).div_ceil(2),
    };
    let mut header = FilterPart {
        filter: FILTER,
        words,
        start,
        count,
        ..FilterPart::default()
    };
    let fill = random.of(&[0, u64::MAX, 0x5555_5555_5555_5555, 1 << 40]);
    let content = vec![fill; count as usize];
    let near = [words, start, count];
    match random.below(16) {
        0 => header.filter = random.number(&near),
        1 => header.words = random.number(&near),
        2 => header.start = random.number(&near),
        3 => header.count = random.number(&near),
        4 => header.flags = random.number(&near),
        5 => header.reserved[random.below(3)] = random.number(&near),
        _ => {}
    }
    let mut bytes = bytemuck::bytes_of(&header).to_vec();
    bytes.extend_from_slice(bytemuck::cast_slice(&content));
    Request {
        word: ioc_filter(bytes.len()),
        bytes,
    }
}

/// Searches of several queries in one, valid but for one field, or valid after all.
fn batch(random: &mut Random, search: Search, query: &[f32]) -> Request {
    let queries = 1 + random.below(4);
    let size = batch_bytes(queries, query.len(), search.k as usize);
    let mut header = Batch {
        search,
        queries: queries as u32,
        reserved: 0,
    };
    let near = [header.queries, header.search.k, header.search.dim];
    match random.below(8) {
        0 => header.queries = random.number(&near),
        1 => header.reserved = random.number(&near),
        2 => header.search.k = random.number(&near),
        3 => header.search.dim = random.number(&near),
        4 => (header.search.flags, header.search.query) = (SEARCH_SENT, NUMBER),
        _ => {}
    }
    let mut bytes = bytemuck::bytes_of(&header).to_vec();
    for _ in 0..queries {
        bytes.extend_from_slice(bytemuck::cast_slice(query));
    }
    // Where it does not fit, a part of it is all the same.
    bytes.resize(size & 0x3fff, 0);
    Request {
        word: ioc_batch(bytes.len()),
        bytes,
    }
}

/// An effort that may be. The greatest one takes so long that it is rare.
pub fn effort(random: &mut Random) -> u32 {
    match random.one_in(100) {
        true => EFFORT_MAX,
        false => random.of(&[0, 0, 1, 7, 64, 200]),
    }
}

/// A request that is valid but for one field, or valid after all.
pub fn random(random: &mut Random, query: &[f32], rows: u32) -> Request {
    if random.one_in(8) {
        let mut request = info();
        match random.below(3) {
            0 => {}
            1 => random.flip(&mut request.bytes),
            _ => random.poke(&mut request.bytes, &[rows]),
        }
        return request;
    }
    if random.one_in(4) {
        return match random.one_in(2) {
            true => part(random, query),
            false => filter_part(random, rows),
        };
    }
    let kind = random.below(KIND_LSH as usize + 1) as u32;
    let mut header = Search {
        kind,
        dim: query.len() as u32,
        k: 1 + random.below(rows.max(1) as usize) as u32,
        effort: match kind {
            0 => 0,
            _ => effort(random),
        },
        ..Search::default()
    };
    if random.one_in(4) {
        (header.flags, header.query) = (SEARCH_SENT, NUMBER);
    }
    if random.one_in(4) {
        header.flags |= SEARCH_FILTERED;
        header.filter = FILTER;
    }
    if random.one_in(4) {
        return batch(random, header, query);
    }
    let mut query = query.to_vec();
    let near = [rows, header.dim, header.k, K_MAX];
    let long = |random: &mut Random| u64::from(random.number(&near)) << random.of(&[0, 0, 32]);
    match random.below(16) {
        0 => header.kind = random.number(&[KIND_LSH]),
        1 => header.metric = random.number(&[METRIC_COSINE]),
        2 => header.dim = random.number(&near),
        3 => header.k = random.number(&near),
        4 => header.effort = random.number(&near).wrapping_mul(random.of(&[1, 0x1_0000])),
        5 => header.flags = random.number(&near),
        6 => header.count = random.number(&near),
        7 => header.filter = random.number(&near),
        8 => header.rows = long(random),
        9 => header.generation = long(random),
        10 => header.evaluated = long(random),
        11 => header.query = long(random),
        12 => {
            let at = random.below(query.len());
            query[at] = f32::from_bits(random.number(&near));
        }
        13 => {
            query.iter_mut().for_each(|element| *element *= 1e3);
        }
        14 => {
            // Of any size, whatever the header says.
            let mut request = encode(&header, &query);
            let size = random.number(&[64, request.bytes.len() as u32]) as usize & 0x3fff;
            request.bytes.resize(size, 0);
            request.word = ioc_search(size);
            return request;
        }
        _ => {}
    }
    encode(&header, &query)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exercise::hostile::model::announced;

    #[test]
    fn a_request_has_the_bytes_that_its_word_announces() {
        let mut choices = Random::new(1, 1);
        let mut words = std::collections::BTreeSet::new();
        for _ in 0..2000 {
            let request = random(&mut choices, &[0.5; 20], 96);
            assert_eq!(request.bytes.len(), announced(request.word));
            words.insert(request.word);
        }
        assert!(words.len() > 100, "{}", words.len());
    }
}
