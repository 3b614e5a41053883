// SPDX-License-Identifier: MIT OR Apache-2.0
//! Queries that are sent before they are searched for, in parts: a command carries no more than 16 KiB.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use nix::errno::Errno;

use super::abi::QueryPart;
use crate::dataset::Fault;

/// The most elements of all queries together (64 MiB), and the most queries. Those that began first give way.
const MOST_ELEMENTS: usize = 1 << 24;
const MOST_QUERIES: usize = 1024;

/// The queries that are held for open files, one for each.
#[derive(Debug, Default)]
pub struct SentQueries {
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

/// The query of one open file.
#[derive(Clone, Copy)]
pub struct Sent<'a> {
    pub queries: &'a SentQueries,
    /// A number that no other open file has.
    pub owner: u64,
}

impl SentQueries {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Held>> {
        self.held.lock().expect("a thread panicked")
    }
}

impl Sent<'_> {
    /// Adds a part, which begins a query or continues the one that is held. `ECANCELED` if another one is held.
    pub fn add(self, part: &QueryPart, elements: &[f32]) -> Result<(), Errno> {
        let mut held = self.queries.lock();
        if part.start == 0 {
            held.retain(|query| query.owner != self.owner);
            held.push_back(Held {
                owner: self.owner,
                number: part.query,
                dim: part.dim as usize,
                elements: Vec::with_capacity(part.dim as usize),
            });
        }
        let at = held
            .iter()
            .position(|query| query.owner == self.owner && query.is_continued_by(part))
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
    pub fn get(self, number: u64, dim: usize) -> Result<Vec<f32>, Errno> {
        let held = self.queries.lock();
        held.iter()
            .find(|query| query.owner == self.owner)
            .filter(|query| query.number == number && query.dim == dim)
            .filter(|query| query.elements.len() == dim)
            .map(|query| query.elements.clone())
            .ok_or(Errno::ECANCELED)
    }

    /// Lets go of what is held.
    pub fn forget(self) {
        self.queries
            .lock()
            .retain(|query| query.owner != self.owner);
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
        let queries = SentQueries::default();
        let of = |owner| Sent {
            queries: &queries,
            owner,
        };
        let most = (MOST_ELEMENTS / (1 << 16)) as u64;
        for owner in 0..=most {
            of(owner).add(&part(7, 1 << 16, 0, 1), &[1.0]).unwrap();
        }
        let second = part(7, 1 << 16, 1, 1);
        assert_eq!(of(0).add(&second, &[1.0]), Err(Errno::ECANCELED));
        assert_eq!(of(1).add(&second, &[1.0]), Ok(()));
        assert_eq!(of(most).add(&second, &[1.0]), Ok(()));

        for owner in 1000..1000 + MOST_QUERIES as u64 {
            of(owner).add(&part(7, 1, 0, 1), &[1.0]).unwrap();
        }
        assert_eq!(of(most).get(7, 1 << 16), Err(Errno::ECANCELED));
        assert_eq!(of(1000).get(7, 1), Ok(vec![1.0]));
        of(1000).forget();
        assert_eq!(of(1000).get(7, 1), Err(Errno::ECANCELED));
    }
}
