// SPDX-License-Identifier: MIT OR Apache-2.0
//! Queries that are sent before they are searched for.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use nix::errno::Errno;

use crate::dataset::Fault;
use crate::store::abi::QueryPart;

/// The most elements of all queries together (64 MiB), and the most queries. Those that began first give way.
const MOST_ELEMENTS: usize = 1 << 24;
const MOST_QUERIES: usize = 1024;

/// The queries that are held for open files, one for each.
#[derive(Debug, Default)]
pub struct Queries {
    /// In the order in which they began.
    held: Mutex<VecDeque<Held>>,
}

/// A query that is held for an open file.
#[derive(Debug)]
struct Held {
    owner: u64,
    number: u64,
    dim: usize,
    /// The first elements, which are there.
    elements: Vec<f32>,
}

impl Queries {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Held>> {
        self.held.lock().expect("a thread panicked")
    }

    /// Adds a part, which begins a query or continues the one that is held. `ECANCELED` if another one is held.
    pub fn add(&self, owner: u64, part: &QueryPart, elements: &[f32]) -> Result<(), Errno> {
        let mut held = self.lock();
        if part.start == 0 {
            held.retain(|query| query.owner != owner);
            held.push_back(Held {
                owner,
                number: part.query,
                dim: part.dim as usize,
                elements: Vec::with_capacity(part.dim as usize),
            });
        }
        let at = held
            .iter()
            .position(|query| query.owner == owner && query.is_continued_by(part))
            .ok_or(Errno::ECANCELED)?;
        if Fault::in_values(elements).is_some() {
            // It cannot be continued.
            held.remove(at);
            return Err(Errno::EDOM);
        }
        held[at].elements.extend_from_slice(elements);
        make_room(&mut held);
        Ok(())
    }

    /// Returns the whole query `number` of `dim` elements. `ECANCELED` if that is not what is held.
    pub fn get(&self, owner: u64, number: u64, dim: usize) -> Result<Vec<f32>, Errno> {
        let held = self.lock();
        held.iter()
            .find(|query| query.owner == owner)
            .filter(|query| query.number == number && query.dim == dim)
            .filter(|query| query.elements.len() == dim)
            .map(|query| query.elements.clone())
            .ok_or(Errno::ECANCELED)
    }

    /// Lets go of what is held.
    pub fn forget(&self, owner: u64) {
        self.lock().retain(|query| query.owner != owner);
    }
}

impl Held {
    fn is_continued_by(&self, part: &QueryPart) -> bool {
        self.number == part.query
            && self.dim == part.dim as usize
            && self.elements.len() == part.start as usize
    }
}

fn make_room(held: &mut VecDeque<Held>) {
    let mut elements: usize = held.iter().map(|query| query.dim).sum();
    while elements > MOST_ELEMENTS || held.len() > MOST_QUERIES {
        elements -= held.pop_front().map_or(0, |query| query.dim);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(query: u64, dim: u32, start: u32, count: u32) -> QueryPart {
        QueryPart {
            query,
            dim,
            start,
            count,
            ..QueryPart::default()
        }
    }

    #[test]
    fn the_oldest_queries_give_way() {
        let queries = Queries::default();
        let most = (MOST_ELEMENTS / (1 << 16)) as u64;
        for owner in 0..=most {
            queries.add(owner, &part(7, 1 << 16, 0, 1), &[1.0]).unwrap();
        }
        let second = part(7, 1 << 16, 1, 1);
        assert_eq!(queries.add(0, &second, &[1.0]), Err(Errno::ECANCELED));
        assert_eq!(queries.add(1, &second, &[1.0]), Ok(()));
        assert_eq!(queries.add(most, &second, &[1.0]), Ok(()));

        for owner in 1000..1000 + MOST_QUERIES as u64 {
            queries.add(owner, &part(7, 1, 0, 1), &[1.0]).unwrap();
        }
        assert_eq!(queries.get(most, 7, 1 << 16), Err(Errno::ECANCELED));
        assert_eq!(queries.get(1000, 7, 1), Ok(vec![1.0]));
        queries.forget(1000);
        assert_eq!(queries.get(1000, 7, 1), Err(Errno::ECANCELED));
    }
}
