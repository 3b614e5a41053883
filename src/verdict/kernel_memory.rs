// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's memory over the cycles of loading and unloading the module.

use crate::protocol::results::Cycles;

/// Cycles during which caches still fill.
pub const SETTLING: usize = 10;

/// The memory that the kernel keeps after each unload: unreclaimable slab and vmalloc.
pub fn kept_kib(run: &Cycles) -> Vec<f64> {
    run.cycles
        .iter()
        .map(|cycle| (cycle.memory.slab_unreclaimable_kib + cycle.memory.vmalloc_used_kib) as f64)
        .collect()
}

/// The slope of the least-squares line through the values, which are one step apart.
pub fn slope(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let n = values.len() as f64;
    let mean_x = (n - 1.0) / 2.0;
    let mean_y = values.iter().sum::<f64>() / n;
    let (mut xy, mut xx) = (0.0, 0.0);
    for (x, y) in values.iter().enumerate() {
        let dx = x as f64 - mean_x;
        xy += dx * (y - mean_y);
        xx += dx * dx;
    }
    Some(xy / xx)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_value_has_no_slope_and_a_leak_has() {
        assert_eq!(slope(&[7.0; 90]), Some(0.0));
        let leak: Vec<f64> = (0..90).map(|n| 1000.0 + 4.0 * n as f64).collect();
        assert!((slope(&leak).unwrap() - 4.0).abs() < 1e-9);
        assert_eq!(slope(&[1.0]), None);
    }
}
