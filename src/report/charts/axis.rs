// SPDX-License-Identifier: MIT OR Apache-2.0
//! An axis: from a value to a place on it, and which values are written beside it.

use super::super::numbers;

#[derive(Clone, Debug)]
pub struct Axis {
    /// What is shown, with its unit.
    pub label: String,
    /// The ends of the axis, as values on its scale.
    low: f64,
    high: f64,
    scale: Scale,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    Linear,
    Log,
    /// A scale for shares: the nearer to 1, the wider.
    TowardsOne,
}

/// The shares that may be written on an axis; the first is written first, where there is no room for all.
const SHARES: [f64; 14] = [
    1.0, 0.9, 0.99, 0.5, 0.95, 0.8, 0.7, 0.999, 0.6, 0.0, 0.98, 0.2, 0.4, 0.3,
];

/// A value with a line of the grid, and its text where there is room for one.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// The place on the axis: from 0 at the low end to 1 at the high one.
    pub at: f64,
    pub text: Option<String>,
}

impl Axis {
    /// An axis from a round value below all others to a round one above.
    pub fn linear(label: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Axis {
        let (low, high) = extent(values);
        let step = round_step((high - low).max(high.abs() * 1e-6).max(1e-9) / 4.0);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Axis {
            label: label.into(),
            low,
            high: if high > low { high } else { low + step },
            scale: Scale::Linear,
        }
    }

    /// An axis between two values that are known beforehand.
    pub fn between(label: impl Into<String>, low: f64, high: f64) -> Axis {
        Axis {
            label: label.into(),
            low,
            high,
            scale: Scale::Linear,
        }
    }

    /// A logarithmic axis of positive values; others have no place on it.
    pub fn log(label: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Axis {
        let (low, high) = extent(values.into_iter().filter(|&value| value > 0.0));
        // A tenth of room on both sides, so that no mark lies on the frame; at least half a decade, so that noise looks small.
        let (low, high) = (low.max(1e-12).log10(), high.max(1e-12).log10());
        let room = ((high - low) * 0.05).max((0.5 - (high - low)) / 2.0);
        Axis {
            label: format!("{}, log scale", label.into()),
            low: low - room,
            high: high + room,
            scale: Scale::Log,
        }
    }

    /// An axis of shares of which most are near 1, as recall is. A share lies at the cube root of what it lacks of 1.
    pub fn towards_one(label: impl Into<String>, shares: impl IntoIterator<Item = f64>) -> Axis {
        let (least, _) = extent(shares);
        let below = SHARES.into_iter().filter(|share| *share <= least);
        let low = below.fold(0.0, f64::max).min(0.9);
        Axis {
            label: format!("{}, stretched towards 1", label.into()),
            low: Scale::TowardsOne.of(low),
            high: Scale::TowardsOne.of(1.0),
            scale: Scale::TowardsOne,
        }
    }

    /// Where a value lies; none for a value that has no place here.
    pub fn at(&self, value: f64) -> Option<f64> {
        let at = (self.scale.of(value) - self.low) / (self.high - self.low);
        at.is_finite().then_some(at)
    }

    /// The lines of the grid. `fits` tells how many texts of so many characters have room side by side.
    pub fn ticks(&self, fits: impl Fn(usize) -> usize) -> Vec<Tick> {
        match self.scale {
            Scale::Linear => self.linear_ticks(fits),
            Scale::Log => self.log_ticks(fits),
            Scale::TowardsOne => self.share_ticks(fits),
        }
    }

    fn linear_ticks(&self, fits: impl Fn(usize) -> usize) -> Vec<Tick> {
        let longest = [self.low, self.high].map(|value| numbers::short(value).len() + 2);
        let most = fits(longest[0].max(longest[1])).clamp(2, 6);
        let step = round_step((self.high - self.low) / most as f64);
        let (first, last) = ((self.low / step).ceil(), (self.high / step + 1e-9).floor());
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        (first as i64..=last as i64)
            .map(|n| n as f64 * step)
            .map(|value| Tick {
                at: (value - self.low) / (self.high - self.low),
                text: Some(numbers::decimals(value, decimals)),
            })
            .collect()
    }

    /// Lines at each digit of each decade. As many have a text as the room allows, at the same digits of each decade;
    /// where that leaves fewer than three, any that have room.
    fn log_ticks(&self, fits: impl Fn(usize) -> usize) -> Vec<Tick> {
        let decades = self.low.floor() as i32..=self.high.ceil() as i32;
        let lines: Vec<(u32, f64, f64)> = decades
            .flat_map(|decade| {
                (1..=9).map(move |digit| (digit, f64::from(digit) * 10f64.powi(decade)))
            })
            .filter_map(|(digit, value)| Some((digit, value, self.at(value)?)))
            .filter(|(.., at)| (-1e-9..=1.0 + 1e-9).contains(at))
            .collect();
        let longest = lines
            .iter()
            .map(|(_, value, _)| numbers::short(*value).len())
            .max();
        let apart = 1.0 / fits(longest.unwrap_or(1) + 1).max(1) as f64;
        let spaced = |places: &[f64]| places.windows(2).all(|two| two[1] - two[0] >= apart);
        let of = |digits: &[u32]| -> Vec<f64> {
            let chosen = lines.iter().filter(|(digit, ..)| digits.contains(digit));
            chosen.map(|(.., at)| *at).collect()
        };
        let regular: [&[u32]; 3] = [&[1, 2, 5], &[1, 3], &[1]];
        let written = regular
            .into_iter()
            .map(of)
            .find(|places| places.len() >= 3 && spaced(places))
            .unwrap_or_else(|| {
                let mut places: Vec<f64> = Vec::new();
                for digit in [1, 5, 2, 3, 7, 4, 6, 8, 9] {
                    for at in of(&[digit]) {
                        if places.iter().all(|other| (at - other).abs() >= apart) {
                            places.push(at);
                        }
                    }
                }
                places
            });
        lines
            .into_iter()
            .map(|(_, value, at)| Tick {
                at,
                text: written.contains(&at).then(|| numbers::short(value)),
            })
            .collect()
    }
}

impl Axis {
    fn share_ticks(&self, fits: impl Fn(usize) -> usize) -> Vec<Tick> {
        let apart = 1.0 / fits("0.999".len() + 1).max(1) as f64;
        let mut written: Vec<f64> = Vec::new();
        let places = SHARES
            .into_iter()
            .filter_map(|share| Some((share, self.at(share)?)));
        places
            .filter(|(_, at)| (-1e-9..=1.0 + 1e-9).contains(at))
            .map(|(share, at)| {
                let room = written.iter().all(|other| (at - other).abs() >= apart);
                if room {
                    written.push(at);
                }
                Tick {
                    at,
                    text: room.then(|| numbers::short(share)),
                }
            })
            .collect()
    }
}

impl Scale {
    fn of(self, value: f64) -> f64 {
        match self {
            Scale::Linear => value,
            Scale::Log => value.log10(),
            Scale::TowardsOne => -(1.0 - value).cbrt(),
        }
    }
}

fn extent(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let finite = values.into_iter().filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// The smallest number not below `least` that is 1, 2 or 5 times a power of ten.
fn round_step(least: f64) -> f64 {
    let decade = 10f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|step| step * decade >= least * (1.0 - 1e-9));
    step.unwrap_or(10.0) * decade
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis, room: usize) -> Vec<String> {
        axis.ticks(|_| room)
            .into_iter()
            .filter_map(|tick| tick.text)
            .collect()
    }

    #[test]
    fn a_linear_axis_begins_and_ends_at_round_values() {
        let axis = Axis::linear("x", [3.0, 96.0]);
        assert_eq!(axis.at(0.0), Some(0.0));
        assert_eq!(axis.at(100.0), Some(1.0));
        assert_eq!(texts(&axis, 5), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(
            texts(&Axis::between("x", 0.9, 1.0), 2),
            ["0.90", "0.95", "1.00"]
        );
    }

    #[test]
    fn a_log_axis_has_no_place_for_zero_and_writes_what_fits() {
        let axis = Axis::log("x", [12.0, 80_000.0]);
        assert_eq!(axis.at(0.0), None);
        let (low, high) = (axis.at(12.0).unwrap(), axis.at(80_000.0).unwrap());
        assert!(0.0 < low && low < high && high < 1.0, "{low} {high}");
        assert_eq!(texts(&axis, 5), ["10", "100", "1,000", "10,000", "100,000"]);
        assert!(texts(&axis, 2).len() <= 3);
    }

    #[test]
    fn near_one_an_axis_of_shares_is_wide_and_it_has_a_place_for_one() {
        let axis = Axis::towards_one("x", [0.82, 1.0]);
        assert_eq!((axis.at(0.8), axis.at(1.0)), (Some(0.0), Some(1.0)));
        let (ninety, ninety_nine) = (axis.at(0.9).unwrap(), axis.at(0.99).unwrap());
        assert!(ninety_nine - ninety > ninety, "{ninety} {ninety_nine}");
        let mut texts = texts(&axis, 8);
        texts.sort();
        assert_eq!(texts, ["0.8", "0.9", "0.95", "0.99", "0.999", "1"]);
        assert_eq!(Axis::towards_one("x", [1.0]).at(0.9), Some(0.0));
    }

    #[test]
    fn one_single_value_still_gives_an_axis() {
        for axis in [
            Axis::linear("x", [7.0]),
            Axis::linear("x", [0.0]),
            Axis::log("x", [7.0]),
            Axis::linear("x", []),
        ] {
            assert!(axis.ticks(|_| 4).len() >= 2, "{axis:?}");
            assert!(axis.at(7.0).is_some());
        }
    }
}
