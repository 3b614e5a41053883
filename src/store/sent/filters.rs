// SPDX-License-Identifier: MIT OR Apache-2.0
//! Filters that are sent before searches keep to them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use nix::errno::Errno;

use crate::anns::Filter;
use crate::store::abi::FilterPart;

/// The most words of all filters together (64 MiB), and the most filters. Those that were sent first give way.
const MOST_WORDS: usize = 1 << 23;
const MOST_FILTERS: usize = 1024;

/// The filters that are held for open files, one for each.
#[derive(Debug, Default)]
pub struct Filters {
    /// In the order in which parts of them came last.
    held: Mutex<VecDeque<Held>>,
}

/// A filter that is held for an open file.
#[derive(Debug)]
struct Held {
    owner: u64,
    number: u32,
    /// How many words it will have.
    words: usize,
    /// The first of them, which are there.
    filter: Arc<Filter>,
}

impl Filters {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Held>> {
        self.held.lock().expect("a thread panicked")
    }

    /// Adds a part, which begins a filter or continues the one that is held. `ECANCELED` if another one is held, and
    /// `ENOMEM` if it is too large for all that may be held.
    pub fn add(&self, owner: u64, part: &FilterPart, words: &[u64]) -> Result<(), Errno> {
        let mut held = self.lock();
        let at = held.iter().position(|filter| filter.owner == owner);
        let before = at.and_then(|at| held.remove(at));
        let mut filter = match (part.start, before) {
            (0, _) => Held {
                owner,
                number: part.filter,
                words: part.words as usize,
                filter: Arc::default(),
            },
            (_, Some(before)) if before.is_continued_by(part) => before,
            (_, before) => {
                held.extend(before);
                return Err(Errno::ECANCELED);
            }
        };
        if filter.len() + words.len() > MOST_WORDS {
            return Err(Errno::ENOMEM);
        }
        let content = Arc::make_mut(&mut filter.filter);
        words.iter().for_each(|word| content.push(*word));
        held.push_back(filter);
        make_room(&mut held);
        Ok(())
    }

    /// Returns the whole filter `number`. `ECANCELED` if that is not what is held.
    pub fn get(&self, owner: u64, number: u32) -> Result<Arc<Filter>, Errno> {
        let held = self.lock();
        held.iter()
            .find(|filter| filter.owner == owner)
            .filter(|filter| filter.number == number && filter.len() == filter.words)
            .map(|filter| filter.filter.clone())
            .ok_or(Errno::ECANCELED)
    }

    /// Lets go of what is held.
    pub fn forget(&self, owner: u64) {
        self.lock().retain(|filter| filter.owner != owner);
    }
}

impl Held {
    /// How many words are there.
    fn len(&self) -> usize {
        self.filter.words().len()
    }

    fn is_continued_by(&self, part: &FilterPart) -> bool {
        self.number == part.filter
            && self.words == part.words as usize
            && self.len() == part.start as usize
    }
}

fn make_room(held: &mut VecDeque<Held>) {
    let mut words: usize = held.iter().map(Held::len).sum();
    while words > MOST_WORDS || held.len() > MOST_FILTERS {
        words -= held.pop_front().map_or(0, |filter| filter.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(filter: u32, words: u32, start: u32, count: u32) -> FilterPart {
        FilterPart {
            filter,
            words,
            start,
            count,
            ..FilterPart::default()
        }
    }

    #[test]
    fn parts_follow_each_other() {
        let filters = Filters::default();
        filters.add(1, &part(7, 3, 0, 2), &[1, 2]).unwrap();
        assert_eq!(filters.get(1, 7), Err(Errno::ECANCELED));
        for wrong in [part(8, 3, 2, 1), part(7, 4, 2, 1), part(7, 3, 1, 1)] {
            assert_eq!(filters.add(1, &wrong, &[4]), Err(Errno::ECANCELED));
        }
        assert_eq!(
            filters.add(2, &part(7, 3, 2, 1), &[4]),
            Err(Errno::ECANCELED)
        );
        filters.add(1, &part(7, 3, 2, 1), &[4]).unwrap();
        assert_eq!(filters.get(1, 7).unwrap().words(), [1, 2, 4]);
        assert_eq!(filters.get(1, 8), Err(Errno::ECANCELED));
        assert_eq!(filters.get(2, 7), Err(Errno::ECANCELED));
        filters.forget(1);
        assert_eq!(filters.get(1, 7), Err(Errno::ECANCELED));
    }

    #[test]
    fn the_oldest_filters_give_way() {
        let filters = Filters::default();
        let words = vec![0; MOST_WORDS / 4];
        let whole = part(7, words.len() as u32, 0, words.len() as u32);
        for owner in 0..5 {
            filters.add(owner, &whole, &words).unwrap();
        }
        assert_eq!(filters.get(0, 7), Err(Errno::ECANCELED));
        assert!(filters.get(1, 7).is_ok());
        let more = part(7, 1 << 24, 0, 1);
        filters.add(9, &more, &vec![0; MOST_WORDS]).unwrap();
        let last = part(7, 1 << 24, MOST_WORDS as u32, 1);
        assert_eq!(filters.add(9, &last, &[0]), Err(Errno::ENOMEM));
        for owner in 1000..1001 + MOST_FILTERS as u64 {
            filters.add(owner, &part(7, 1, 0, 1), &[0]).unwrap();
        }
        assert_eq!(filters.get(1000, 7), Err(Errno::ECANCELED));
        assert!(filters.get(1001, 7).is_ok());
    }
}
