// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables of `docs/search.md`: what each code of each sub-quantizer adds to a sum, for one query.

use super::scan::Table;

/// How many centroids a sub-quantizer has.
pub(super) const CENTROIDS: usize = 16;

/// The least difference, 2^-100, between the largest and the smallest entry of a table. If no table reaches it, no
/// entry is told from another.
const LEAST_SPAN: f32 = f32::from_bits(0x0d80_0000);

/// The centroids of all sub-quantizers, element by element: `[element][centroid]`. There are as many elements as a
/// padded vector has.
#[derive(Debug)]
pub struct Codebook {
    elements: Vec<[f32; CENTROIDS]>,
    sub: usize,
}

impl Codebook {
    /// Makes a codebook of centroids that lie one after the other. Each has `sub` elements, and each sub-quantizer has
    /// 16 of them.
    pub fn new(centroids: &[f32], sub: usize) -> Self {
        let elements = centroids
            .chunks_exact(CENTROIDS * sub)
            .flat_map(|centroids| {
                (0..sub).map(move |j| std::array::from_fn(|c| centroids[c * sub + j]))
            })
            .collect();
        Codebook { elements, sub }
    }

    /// Returns the nearest centroid of each sub-quantizer, by L2. Among equally near centroids it is the first.
    pub fn codes(&self, vector: &[f32]) -> impl Iterator<Item = u8> {
        self.terms(vector, squared_differences).map(|t| {
            let nearest = (0..CENTROIDS).reduce(|best, c| if t[c] < t[best] { c } else { best });
            nearest.unwrap_or(0) as u8
        })
    }

    /// Returns the tables for a query, made from negated products or from squared differences.
    pub fn tables(&self, query: &[f32], products: bool) -> Tables {
        let t: Vec<Terms> = match products {
            true => self.terms(query, negated_products).collect(),
            false => self.terms(query, squared_differences).collect(),
        };
        Tables::quantized(&t)
    }

    /// Returns what `of` computes from each sub-vector and the centroids of its sub-quantizer. A vector that is shorter
    /// than the codebook is padded with zeros.
    fn terms(
        &self,
        vector: &[f32],
        of: fn(&[f32], &[Terms]) -> Terms,
    ) -> impl Iterator<Item = Terms> {
        let mut padded = vector.to_vec();
        padded.resize(self.elements.len(), 0.0);
        self.elements
            .chunks_exact(self.sub)
            .enumerate()
            .map(move |(s, elements)| of(&padded[s * self.sub..][..self.sub], elements))
    }
}

/// A number for each centroid of a sub-quantizer.
type Terms = [f32; CENTROIDS];

fn squared_differences(query: &[f32], elements: &[Terms]) -> Terms {
    let mut t = [0.0; CENTROIDS];
    for (y, centroids) in query.iter().zip(elements) {
        for (t, c) in t.iter_mut().zip(centroids) {
            let d = y - c;
            *t += d * d;
        }
    }
    t
}

fn negated_products(query: &[f32], elements: &[Terms]) -> Terms {
    let mut t = [0.0; CENTROIDS];
    for (y, centroids) in query.iter().zip(elements) {
        for (t, c) in t.iter_mut().zip(centroids) {
            *t += y * c;
        }
    }
    t.map(|t| 0.0 - t)
}

/// The tables for a query.
pub struct Tables {
    pub tables: Vec<Table>,
    /// No row has a sum that is larger.
    pub largest_sum: u16,
}

impl Tables {
    fn quantized(t: &[Terms]) -> Self {
        let lowest: Vec<f32> = t.iter().map(|t| reduce(t, smaller)).collect();
        let spans = t.iter().zip(&lowest).map(|(t, lo)| reduce(t, larger) - lo);
        let span = spans.fold(0.0, larger);
        let finite = t
            .as_flattened()
            .iter()
            .fold(true, |all, t| all & t.is_finite());
        let mut tables = vec![[0; CENTROIDS]; t.len()];
        let mut largest_sum = 0;
        if finite && span.is_finite() && span >= LEAST_SPAN {
            let scale = 255.0 / span;
            for ((table, t), lo) in tables.iter_mut().zip(t).zip(&lowest) {
                *table = t.map(|t| rounded((t - lo) * scale));
                largest_sum += u16::from(table.iter().copied().fold(0, u8::max));
            }
        }
        Tables {
            tables,
            largest_sum,
        }
    }
}

fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// Reduces by halves, for which the compiler uses vector registers. The order of reduction does not change the smallest
/// or largest number.
fn reduce(t: &Terms, choose: impl Fn(f32, f32) -> f32) -> f32 {
    let t: [f32; 8] = std::array::from_fn(|i| choose(t[i], t[i + 8]));
    let t: [f32; 4] = std::array::from_fn(|i| choose(t[i], t[i + 4]));
    let t: [f32; 2] = std::array::from_fn(|i| choose(t[i], t[i + 2]));
    choose(t[0], t[1])
}

/// Rounds a number that is not negative and below 2^22 to the nearest integer, ties to even, at most 255. The last bits
/// of the sum with 2^23 are the integer.
fn rounded(value: f32) -> u8 {
    const TWO_TO_THE_23: f32 = 8_388_608.0;
    ((value + TWO_TO_THE_23).to_bits() & 0x7f_ffff).min(255) as u8
}
