// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers as they are stored and compared.

use serde::{Deserialize, Serialize};

use crate::anns::Hit;

/// The answer to one query, nearest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub ids: Vec<u32>,
    /// The bits of the f32 distances.
    pub distances: Vec<u32>,
    /// BLAKE3 of the ids and then the distances, as little-endian u32.
    pub blake3: String,
}

impl Answer {
    pub fn new(hits: &[Hit]) -> Self {
        let ids: Vec<u32> = hits.iter().map(|hit| hit.row).collect();
        let distances: Vec<u32> = hits.iter().map(|hit| hit.distance).collect();
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(bytemuck::cast_slice(&ids))
            .update(bytemuck::cast_slice(&distances));
        let blake3 = hasher.finalize().to_hex().to_string();
        Answer {
            ids,
            distances,
            blake3,
        }
    }

    /// Whether ids and distances are those that were hashed.
    pub fn fits_its_hash(&self) -> bool {
        let hits: Vec<Hit> = self.hits().collect();
        self.ids.len() == self.distances.len() && Answer::new(&hits).blake3 == self.blake3
    }

    pub fn hits(&self) -> impl Iterator<Item = Hit> {
        self.ids
            .iter()
            .zip(&self.distances)
            .map(|(&row, &distance)| Hit { row, distance })
    }
}

/// One hash for the answers to all queries: BLAKE3 of each one's ids and then its distances, as little-endian u32.
pub fn answers_hash(answers: &[Answer]) -> String {
    let mut hasher = blake3::Hasher::new();
    for answer in answers {
        hasher
            .update(bytemuck::cast_slice(&answer.ids))
            .update(bytemuck::cast_slice(&answer.distances));
    }
    hasher.finalize().to_hex().to_string()
}

/// BLAKE3 of the ids alone, query by query, as little-endian u32.
pub fn ids_hash<'a>(answers: impl IntoIterator<Item = &'a [Hit]>) -> String {
    let mut hasher = blake3::Hasher::new();
    for hit in answers.into_iter().flatten() {
        hasher.update(&hit.row.to_le_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// Says where two series of answers differ first, with both values.
pub fn first_divergence(expected: &[Answer], found: &[Answer]) -> Option<String> {
    if expected.len() != found.len() {
        return Some(format!(
            "{} answers, expected {}",
            found.len(),
            expected.len()
        ));
    }
    expected
        .iter()
        .zip(found)
        .enumerate()
        .find_map(|(query, (expected, found))| {
            let (mut expected, mut found) = (expected.hits(), found.hits());
            (0..)
                .map_while(|rank| match (expected.next(), found.next()) {
                    (None, None) => None,
                    pair => Some((rank, pair)),
                })
                .find(|(_, (expected, found))| expected != found)
                .map(|(rank, (expected, found))| {
                    format!(
                        "query {query}, rank {rank}: {}, expected {}",
                        describe(found),
                        describe(expected)
                    )
                })
        })
}

fn describe(hit: Option<Hit>) -> String {
    hit.map_or("nothing".into(), |hit| {
        format!(
            "row {} at {} ({:#010x})",
            hit.row,
            hit.distance(),
            hit.distance
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(hits: &[(u32, f32)]) -> Answer {
        let hits: Vec<Hit> = hits
            .iter()
            .map(|&(row, d)| Hit {
                row,
                distance: d.to_bits(),
            })
            .collect();
        Answer::new(&hits)
    }

    #[test]
    fn the_first_divergence_is_named_with_both_values() {
        let expected = [answer(&[(1, 0.5), (2, 1.0)]), answer(&[(3, 0.5), (4, 1.0)])];
        assert_eq!(first_divergence(&expected, &expected), None);

        let mut found = expected.clone();
        found[1] = answer(&[(3, 0.5), (4, 1.5)]);
        assert_eq!(
            first_divergence(&expected, &found).unwrap(),
            "query 1, rank 1: row 4 at 1.5 (0x3fc00000), expected row 4 at 1 (0x3f800000)"
        );
        found[0] = answer(&[(1, 0.5)]);
        assert_eq!(
            first_divergence(&expected, &found).unwrap(),
            "query 0, rank 1: nothing, expected row 2 at 1 (0x3f800000)"
        );
        assert_eq!(
            first_divergence(&expected, &found[..1]).unwrap(),
            "1 answers, expected 2"
        );
    }

    #[test]
    fn hashes_tell_ids_and_distances_apart() {
        let one = answer(&[(1, 0.5), (2, 1.0)]);
        assert_ne!(one.blake3, answer(&[(1, 0.5), (2, 1.5)]).blake3);
        assert_ne!(one.blake3, answer(&[(1, 0.5), (3, 1.0)]).blake3);
        assert_eq!(answers_hash(std::slice::from_ref(&one)), one.blake3);
    }
}
