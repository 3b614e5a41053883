// SPDX-License-Identifier: MIT OR Apache-2.0
//! The length of a vector, as cosine needs it (`docs/arithmetic.md`).

/// How many elements the canonical arithmetic takes at a time (`docs/arithmetic.md`).
pub const LANES: usize = 16;

/// Returns `inv(x)` of a vector that is padded with zeros to a multiple of 16.
pub fn inverse(padded: &[f32]) -> f32 {
    let n = square(padded);
    if n == 0.0 || n == f32::INFINITY {
        0.0
    } else {
        1.0 / n.sqrt()
    }
}

/// Returns `dot(x, x)`. The compiler makes registers of the lanes by itself.
fn square(padded: &[f32]) -> f32 {
    let mut s = [0f32; LANES];
    let (steps, rest) = padded.as_chunks::<LANES>();
    assert!(rest.is_empty(), "a vector without padding");
    for step in steps {
        for j in 0..LANES {
            s[j] += step[j] * step[j];
        }
    }
    let t: [f32; 8] = std::array::from_fn(|j| s[j] + s[j + 8]);
    let u: [f32; 4] = std::array::from_fn(|j| t[j] + t[j + 4]);
    let v: [f32; 2] = std::array::from_fn(|j| u[j] + u[j + 2]);
    v[0] + v[1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_without_a_finite_length_has_none() {
        let padded = |first: f32| {
            let mut vector = [0.0; LANES];
            vector[0] = first;
            vector
        };
        assert_eq!(inverse(&padded(-4.0)), 0.25);
        for first in [0.0, -0.0, 1e-23, f32::MAX] {
            assert_eq!(inverse(&padded(first)).to_bits(), 0, "{first}");
        }
    }
}
